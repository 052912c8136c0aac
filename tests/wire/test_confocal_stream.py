"""confocalDT lines and value stream against printed examples."""

import asyncio
import math
import struct
from itertools import pairwise

import pytest

from drivers.base import Quality
from drivers.confocal import ConfocalLink, StreamParser, ThicknessFrame
from drivers.errors import DeviceRefused, ReplyError
from tests.wire.driver_support import PROFILES, Bench, run
from tests.wire.line_entries import bus_spec, instrument, tag


def block(rows, counter, flags=(1 << 26, 1), sister=False):
    body = b"".join(struct.pack(f"<{len(row)}i", *row) for row in rows)
    size = 4 * len(rows[0])
    tail = (counter, len(rows), size) if sister else (len(rows), size, counter)
    head = struct.pack("<IIIII" + ("IHH" if sister else "HHI"), 0x4D454153, 1, 2, *flags, *tail)
    return head + body


def test_printed_preamble_and_a_whole_block():
    wire = block([(0, 25123)], 1)
    assert wire[:4] == bytes.fromhex("53 41 45 4D")
    assert len(wire) == 28 + 8
    assert StreamParser().feed(wire) == [ThicknessFrame(25123, 0)]


def test_blocks_in_pieces_and_several_at_once():
    wire = block([(0, 1), (0, 2)], 2) + block([(1 << 2, 3)], 3)
    parser, got = StreamParser(), []
    for byte in wire:
        got += parser.feed(bytes((byte,)))
    assert got == StreamParser().feed(wire)
    assert [f.thickness_nm for f in got] == [1, 2, 3]
    assert parser.skipped_bytes == parser.lost_frames == 0


def test_more_fields_and_the_other_header_order():
    flags = ((1 << 11) | (1 << 26), (1 << 0) | (9 << 28))  # counter, error, thickness, rate code
    assert StreamParser().feed(block([(7, 4, 900)], 1, flags)) == [ThicknessFrame(900, 4)]
    assert StreamParser().feed(block([(7, 4, 900)], 1, flags, sister=True)) == [
        ThicknessFrame(900, 4)
    ]


def test_a_spoiled_block_costs_itself_alone():
    parser = StreamParser()
    spoiled = b"\x52" + block([(0, 1)], 1)[1:]
    got = parser.feed(spoiled + block([(0, 2)], 2) + block([(0, 3)], 3))
    assert [f.thickness_nm for f in got] == [2, 3]
    assert parser.skipped_bytes == len(spoiled)
    lying = bytearray(block([(0, 4)], 4))
    lying[22] = 12  # bytes per frame do not fit the flags
    assert [f.thickness_nm for f in parser.feed(bytes(lying) + block([(0, 5)], 5))] == [5]
    parser.feed(block([(0, 9)], 9))
    assert parser.lost_frames == 1 + 3


def test_commands_end_with_the_prompt_and_errors_are_refusals():
    link = ConfocalLink()
    assert link.begin(link.ask("GETINFO")) == b"GETINFO\n"
    assert link.feed(b"Name: IFC2461\r\nSer") is None
    assert link.feed(b"ial: 42\r\n-") is None
    assert link.feed(b">") == b"Name: IFC2461\r\nSerial: 42"
    link.begin(link.ask("MEASRATE 0.1"))
    with pytest.raises(DeviceRefused, match="E06 access denied") as caught:
        link.feed(b"E06 access denied\r\n->")
    assert caught.value.code == 6
    link.begin(link.ask("GETINFO"))
    with pytest.raises(ReplyError):
        link.feed(b"A\r\n->B")


def scanner_spec():
    return instrument(
        "SCANNER",
        "confocal2400",
        1,
        [
            tag("GT-601.PV", "pv", (0, 100), "um"),
            tag("GT-601.STATUS", "status", (0, 4294967295)),
        ],
    )


def test_scanner_pushes_values_with_quality_from_its_error_bits():
    async def main(loop):
        asked = []

        def answer(data, peer):
            asked.append(data.decode().strip())
            return data.strip() + b"\r\n->"

        spec = bus_spec("confocal", simulated_stream_port=15232)
        bench = Bench(loop, spec, [scanner_spec()], answer)
        bench.start()
        await asyncio.sleep(0.5)
        assert asked == [
            PROFILES["confocal2400"].probe,
            *PROFILES["confocal2400"].settings,
            "GETINFO",
        ]
        rows = [
            ((0,), 25123, Quality.GOOD),
            ((1 << 24,), 25000, Quality.UNCERTAIN_SENSOR_NOT_ACCURATE),
            ((1 << 2,), 0, Quality.BAD_SENSOR_FAILURE),
            ((1 << 5,), 0, Quality.BAD_OUT_OF_RANGE),
            ((0,), 2_000_000, Quality.BAD_OUT_OF_RANGE),
        ]
        for n, ((errors,), nm, quality) in enumerate(rows):
            bench.stream.deliver(block([(errors, nm)], n), bench.stream.opens)
            assert bench.image.quality["GT-601.PV"] == quality
            assert bench.image.value["GT-601.STATUS"] == errors
            value = bench.image.value["GT-601.PV"]
            assert (
                math.isnan(value) if quality >= Quality.BAD else value == pytest.approx(nm / 1000)
            )
        bench.stream.deliver(block([(0, 1000), (0, 2000)], 7), bench.stream.opens)
        first, second = bench.image.samples["SCANNER.stream"][-2:]
        assert second[2] - first[2] == 100_000_000  # each its own time, one reception
        assert first[3] == second[3]
        for late_s in (0.1, 0.1, 0.14, 0.06, 0.1):  # the third comes 40 ms late
            await asyncio.sleep(late_s)
            bench.stream.deliver(block([(0, 3000)], 9), bench.stream.opens)
        taken = [sample[2] for sample in bench.image.samples["SCANNER.stream"][-5:]]
        beats = [later - before for before, later in pairwise(taken)]
        assert beats == pytest.approx([1e8] * 4, abs=3e6), "the scanner measures on a beat"
        await asyncio.sleep(4.0)
        failures = bench.image.failures["SCANNER.stream"]
        assert failures[-1][:2] == (Quality.BAD_TIMEOUT, "no value for 2 s")
        bench.stream.lose()  # one of the two is enough
        await asyncio.sleep(1.0)
        assert (bench.peer.opens, bench.stream.opens) == (2, 2)
        await bench.stop()

    run(main)
