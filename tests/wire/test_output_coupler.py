"""Outputs of the I/O coupler: refreshed only while sure, shed after a gap or a restart."""

import asyncio
import itertools

import pytest

from drivers.base import LinkState, Quality
from tests.wire.driver_support import EXPIRED, REFUSED, WRITTEN, Bench, Registers, run, tcp_unit
from tests.wire.line_entries import bus_spec, instrument, tag, writes


def coupler(digital=True, analog_out=False):
    tags = [
        tag("PIT-110.PV", "ai:0", (0, 10), "MPa", signal="ma", span=[0, 10]),
        tag("ZC-210.PV", "ai32:1", (0, 429496.7), "m", signal="count", resolution=0.0001),
    ]
    if digital:
        tags += [
            tag("HS-901.OK", "di:0"),
            tag("XS-201.ON", "di:17"),
            tag("XC-201.CMD", "do:0", write=writes(0, 1, 0)),
            tag("XV-110.CMD", "do:14", write=writes(0, 1, 0)),
            tag("XV-801.CMD", "do:22", write=writes(0, 1, 0)),
        ]
    if analog_out:
        tags += [
            tag(
                f"TY-{121 + n}.OP",
                f"ao:{n}",
                (-25, 25),
                "um",
                signal="ma",
                span=[-25, 25],
                write=writes(-25, 25, 0),
            )
            for n in range(3)
        ]
    return instrument("IO-A", "ek9000", 1, tags)


class Coupler(Registers):
    """Its own watchdog: zero after 1.5 s without a write."""

    def __init__(self, loop):
        super().__init__(
            words={
                0: 12000,
                1: 0x86A0,
                2: 1,
                3: 1,
                4: 2,
                0x1010: 48,
                0x1011: 640,
                0x1012: 32,
                0x1013: 32,
                0x1120: 1000,
                0x1122: 1,
                0x1123: 0,
            }
        )
        self.loop, self.fed = loop, None

    def after_write(self, address):
        if address == 0x800:
            self.fed = self.loop.time()

    def answer(self, pdu):
        if self.fed is not None and self.loop.time() - self.fed > self.words[0x1120] / 1000.0:
            for at in range(0x800, 0x810):
                self.words[at] = 0
            self.fed = None
        return super().answer(pdu)

    def image_writes(self):
        return [words for address, words in self.written if address == 0x800]


def coupler_bench(loop, **more):
    registers = Coupler(loop)
    return Bench(loop, bus_spec(), [coupler(**more)], tcp_unit(registers)), registers


def test_watchdog_is_set_verified_and_nothing_written_before_a_request():
    async def main(loop):
        bench, registers = coupler_bench(loop)
        bench.start()
        await asyncio.sleep(3.0)
        assert [registers.words[a] for a in (0x1120, 0x1122, 0x1123)] == [1500, 0, 0]
        assert [a for a, _ in registers.written] == [0x1120, 0x1122]  # 0x1123 was right
        assert bench.image.value["PIT-110.PV"] == pytest.approx(5.0)
        assert bench.image.value["ZC-210.PV"] == pytest.approx(10.0)
        assert [bench.image.value[t] for t in ("HS-901.OK", "XS-201.ON")] == [1.0, 1.0]
        assert len(bench.image.samples["IO-A.inputs"]) == pytest.approx(30, abs=1)
        assert len(bench.image.samples["IO-A.outputs"]) == 3
        await bench.stop()

    run(main)


def test_outputs_are_rewritten_every_300_ms_and_read_back():
    async def main(loop):
        bench, registers = coupler_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("XV-110.CMD", 1)
        bench.outputs.put("XV-801.CMD", 1)
        await asyncio.sleep(0.05)
        assert registers.image_writes() == [[0x4000, 0x0040]]  # one image, both changes
        await asyncio.sleep(3.0)
        times = [t for t, f in bench.peer.sent if f[7] == 16]
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert all(gap == pytest.approx(0.3, abs=0.003) for gap in gaps)
        assert bench.image.value["XV-110.CMD"] == 1.0
        assert bench.image.value["XC-201.CMD"] == 0.0
        assert bench.observer.outcomes() == [WRITTEN, WRITTEN]
        await bench.stop()

    run(main)


def test_image_too_short_for_the_line_keeps_the_device_down():
    async def main(loop):
        bench, registers = coupler_bench(loop)
        registers.words[0x1013] = 8
        bench.start()
        await asyncio.sleep(3.0)
        assert bench.device("IO-A").state is not LinkState.UP
        assert "less than the line uses" in bench.observer.reasons("IO-A")[-1]
        assert bench.image.quality["PIT-110.PV"] == Quality.BAD_NO_COMMUNICATION
        await bench.stop()

    run(main)


def test_a_gap_over_two_seconds_sheds_and_needs_a_person():
    async def main(loop):
        bench, registers = coupler_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("XC-201.CMD", 1)
        await asyncio.sleep(1.0)
        registers.silent = True
        await asyncio.sleep(0.1)
        bench.outputs.put("XV-110.CMD", 1)  # waits, and must not be written later
        await asyncio.sleep(3.0)
        registers.silent = False
        count = len(registers.image_writes())
        await asyncio.sleep(12.0)
        assert bench.device("IO-A").state is LinkState.UP
        assert len(registers.image_writes()) == count  # no refresh
        assert "no answer for" in bench.outputs.shed()["IO-A"]
        assert any("needs a person" in reason for reason in bench.observer.reasons("IO-A"))
        assert bench.image.value["XC-201.CMD"] == 0.0  # the coupler's own fallback
        bench.outputs.put("XC-201.CMD", 1)
        bench.outputs.put("XV-801.CMD", 0)  # a safe value is always taken
        await asyncio.sleep(0.5)
        ends = [(w.tag, w.outcome) for w in bench.observer.writes[1:]]
        assert ends[-2:] == [("XC-201.CMD", REFUSED), ("XV-801.CMD", WRITTEN)]
        assert ("XV-110.CMD", EXPIRED) in ends
        assert registers.words[0x800] == 0
        bench.outputs.rearm("IO-A")
        bench.outputs.put("XC-201.CMD", 1)
        await asyncio.sleep(0.5)
        assert registers.words[0x800] == 1
        assert bench.outputs.shed() == {}
        assert bench.outputs.instrument_of("XC-201.CMD") == "IO-A"
        await bench.stop()

    run(main)


def test_a_short_gap_goes_on_only_after_the_read_back_agreed():
    async def main(loop):
        bench, registers = coupler_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("XC-201.CMD", 1)
        await asyncio.sleep(1.0)
        count = len(bench.peer.sent)
        bench.peer.lose()
        await asyncio.sleep(1.5)
        functions = [(f[7], int.from_bytes(f[8:10], "big")) for f in bench.peer.frames()[count:]]
        assert functions[0] == (3, 0x1010)  # canary
        assert functions.index((3, 0x800)) < functions.index((16, 0x800))
        assert registers.words[0x800] == 1
        assert bench.outputs.shed() == {}
        await bench.stop()

    run(main)


def test_fallback_seen_in_the_read_back_sheds():
    async def main(loop):
        bench, registers = coupler_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("XC-201.CMD", 1)
        await asyncio.sleep(1.0)
        registers.words[0x800] = 0  # somebody switched the coupler off and on
        registers.store = lambda *_: None  # and it takes no writes yet
        await asyncio.sleep(1.5)
        assert bench.outputs.shed() == {"IO-A": "the device has restarted"}
        await bench.stop()

    run(main)


def test_analog_coupler_is_slower_and_starts_at_safe_values():
    async def main(loop):
        registers = Coupler(loop)
        spec = [coupler(digital=False, analog_out=True)]
        bench = Bench(loop, bus_spec(), spec, tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        assert bench.image.quality["TY-121.OP"] == Quality.BAD_SENSOR_FAILURE  # 0 mA: not set yet
        bench.outputs.put("TY-122.OP", 5.0)
        await asyncio.sleep(4.0)
        assert registers.image_writes()[0] == [12000, 13600, 12000]
        assert bench.image.value["TY-122.OP"] == pytest.approx(5.0)
        assert len(bench.image.samples["IO-A.inputs"]) == pytest.approx(12, abs=1)
        assert len(registers.image_writes()) == pytest.approx(8, abs=1)
        await bench.stop()

    run(main)


def test_a_restart_during_a_short_gap_is_seen_before_anything_is_written():
    async def main(loop):
        bench, registers = coupler_bench(loop)
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("XC-201.CMD", 1)
        await asyncio.sleep(1.0)
        count = len(registers.image_writes())
        bench.peer.lose()
        registers.words[0x800] = 0
        await asyncio.sleep(1.5)
        assert len(registers.image_writes()) == count
        assert bench.outputs.shed() == {"IO-A": "the device has restarted"}
        await bench.stop()

    run(main)
