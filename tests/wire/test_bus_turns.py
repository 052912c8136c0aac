"""The bus: order of turns, expiry of what waits, reconnecting."""

import asyncio
import itertools
import math

import pytest

from drivers.base import LinkState, Quality
from tests.wire.driver_support import (
    EXPIRED,
    REFUSED,
    UNKNOWN,
    WRITTEN,
    Bench,
    Registers,
    good_e5cc,
    good_epc,
    rtu_units,
    run,
    tcp_unit,
    until_busy,
)
from tests.wire.line_entries import bus_spec, drive, e5cc, epc


def test_commands_go_before_set_points_and_set_points_before_polls():
    async def main(loop):
        belt = Registers(words={0: 0x047E, 3: 0x0231, 5813: 3, 5814: 2, 5815: 20})
        nip = Registers(words={0: 0x047E, 3: 0x0231, 5813: 3, 5814: 2, 5815: 20})
        instruments = [drive(), drive("NIP", 22, "SIC-211")]
        bench = Bench(loop, bus_spec("modbus_rtu"), instruments, rtu_units({21: belt, 22: nip}))
        bench.start()
        await asyncio.sleep(2.0)
        await until_busy(bench)
        count = len(bench.peer.sent)
        bench.outputs.put("SIC-210.SP", 1.0)
        bench.outputs.put("SIC-210.SP", 2.0)
        bench.outputs.command("SIC-211.RESET", 1.0)
        await asyncio.sleep(0.2)
        then = [(f[0], f[1], f[7:11]) for f in bench.peer.frames()[count:]]
        assert then[0][:2] == (22, 16)
        assert then[0][2][:2] == b"\x04\xfe"
        assert then[1][:2] == (22, 16)
        assert then[1][2][:2] == b"\x04\x7e"
        assert then[2] == (21, 16, bytes.fromhex("047E") + (6667).to_bytes(2, "big"))
        assert bench.observer.outcomes("SIC-210.SP") == [WRITTEN]  # the latest alone
        assert bench.observer.outcomes("SIC-211.RESET") == [WRITTEN]
        await bench.stop()

    run(main)


def test_a_silent_device_does_not_starve_the_bus():
    async def main(loop):
        units = {11: good_e5cc(), 12: good_e5cc()}
        both = [e5cc(), e5cc("B2", 12, "TIC-202")]
        bench = Bench(loop, bus_spec("modbus_rtu"), both, rtu_units(units))
        bench.start()
        await asyncio.sleep(3.2)
        units[11].silent = True
        start = len(bench.image.samples["B2.process"])
        await asyncio.sleep(60.0)
        polled = len(bench.image.samples["B2.process"]) - start
        assert polled >= 54  # of 60
        assert bench.device("B1").state is LinkState.SILENT
        assert bench.device("B2").state is LinkState.UP
        lost = bench.bus.statistics.timeouts * 0.3
        assert lost < 60.0 * 0.12  # of the line's time spent on the dead one
        assert bench.image.quality["TIC-201.PV"] == Quality.BAD_NO_COMMUNICATION
        assert bench.image.quality["TIC-202.PV"] == Quality.GOOD
        units[11].silent = False
        await asyncio.sleep(8.0)
        assert bench.device("B1").state is LinkState.UP
        assert bench.image.quality["TIC-201.PV"] == Quality.GOOD
        states = [s for name, s, *_ in bench.observer.links if name == "B1"]
        assert states == [LinkState.UP, LinkState.SILENT, LinkState.UP]
        await bench.stop()

    run(main)


def test_writes_queued_over_a_disconnect_expire_and_are_never_replayed():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        bench.peer.refused = True
        bench.peer.lose()
        await asyncio.sleep(0.1)
        bench.outputs.put("TIC-501.SP", 90.0)
        await asyncio.sleep(2.2)
        assert bench.observer.outcomes("TIC-501.SP") == [EXPIRED]
        assert bench.observer.writes[0].ns - 1_700_000_000_000_000_000 <= 4_110_000_000
        bench.peer.refused = False
        await asyncio.sleep(12.0)
        assert bench.bus.state is LinkState.UP
        assert not registers.written or all(a != 277 for a, _ in registers.written)
        await bench.stop()

    run(main)


def test_commands_queued_over_a_disconnect_expire_too():
    async def main(loop):
        belt = Registers(words={0: 0x047E, 3: 0x0008, 5813: 3, 5814: 2, 5815: 20})
        bench = Bench(loop, bus_spec("modbus_rtu"), [drive()], rtu_units({21: belt}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.peer.refused = True
        bench.peer.lose()
        bench.outputs.command("SIC-210.RESET", 1.0)
        await asyncio.sleep(2.1)
        assert bench.observer.outcomes("SIC-210.RESET") == [EXPIRED]
        bench.peer.refused = False
        await asyncio.sleep(12.0)
        assert not [w for a, w in belt.written if w[0] == 0x04FE]
        await bench.stop()

    run(main)


def test_a_write_without_an_answer_is_unknown_and_not_repeated_blindly():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        good = bench.peer.answer
        state = {"mute": False, "taken": False}

        def answer(data, peer):
            if data[7] == 6 and state["mute"]:
                state["mute"] = False
                if state["taken"]:
                    registers.answer(data[7:])
                return None
            return good(data, peer)

        bench.peer.answer = answer
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("TIC-501.SP", 80.0)
        await asyncio.sleep(2.0)
        state["mute"] = True  # the write of 90 is lost on its way
        bench.outputs.put("TIC-501.SP", 90.0)
        await asyncio.sleep(3.5)
        assert bench.observer.outcomes("TIC-501.SP") == [WRITTEN, UNKNOWN]
        assert 900 not in [w[0] for a, w in registers.written if a == 277]
        assert registers.words[277] == 800  # what the read-back showed goes on being refreshed
        count = len(registers.written)
        await asyncio.sleep(3.0)
        assert [w for a, w in registers.written[count:]] == [[800]] * 3
        state["mute"] = state["taken"] = True  # now only the answer is lost
        bench.outputs.put("TIC-501.SP", 100.0)
        await asyncio.sleep(3.5)
        assert bench.observer.outcomes("TIC-501.SP")[-1] is UNKNOWN
        count = len(registers.written)
        await asyncio.sleep(2.5)
        assert {w[0] for a, w in registers.written[count:]} == {1000}
        await bench.stop()

    run(main)


def test_what_cannot_be_encoded_or_is_out_of_range_never_reaches_the_wire():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        for value in (math.nan, math.inf, 200.1, 19.9, -5.0):
            bench.outputs.put("TIC-501.SP", value)
        bench.outputs.put("TIC-501.PV", 20.0)
        bench.outputs.command("TIC-501.SP", 20.0)
        await asyncio.sleep(1.5)
        assert bench.observer.outcomes() == [REFUSED] * 7
        assert all(a != 277 for a, _ in registers.written)
        await bench.stop()

    run(main)


def test_reconnecting_waits_longer_each_time_but_at_most_ten_seconds():
    async def main(loop):
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(good_epc()))
        attempts = []
        plain = bench.peer.open

        async def open_noting():
            attempts.append(loop.time())
            await plain()

        bench.peer.open = open_noting
        bench.peer.refused = True
        bench.start()
        await asyncio.sleep(60.0)
        gaps = [round(b - a, 3) for a, b in itertools.pairwise(attempts)]
        assert gaps[:7] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
        assert len(bench.image.failures["T1.fast"]) == len(attempts)
        assert "refused" in bench.image.failures["T1.fast"][0][1]
        bench.peer.refused = False
        await asyncio.sleep(11.0)
        bench.peer.lose()
        attempts.clear()
        lost_at = loop.time()
        await asyncio.sleep(1.0)
        assert attempts[0] - lost_at == pytest.approx(0.5)  # a good exchange starts it over
        await bench.stop()

    run(main)


def test_a_late_bus_leaves_polls_out_and_never_stacks_them():
    async def main(loop):
        units = {n: good_e5cc() for n in range(11, 18)}
        for unit in units.values():
            unit.delay_s = 0.1  # 2 exchanges a second of 7 units do not fit
        instruments = [e5cc(f"B{n}", n, f"TIC-2{n}") for n in units]
        bench = Bench(loop, bus_spec("modbus_rtu"), instruments, rtu_units(units))
        bench.start()
        await asyncio.sleep(60.0)
        assert bench.bus.skipped > 50
        counts = [len(bench.image.samples[f"B{n}.process"]) for n in units]
        assert max(counts) - min(counts) <= 6  # shared fairly
        times = [t for t, _ in bench.peer.sent]
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert min(gaps) >= 0.1 + 0.0021 - 1e-6  # one at a time, with the pause between
        await bench.stop()

    run(main)


def test_gap_between_rtu_exchanges_is_kept():
    async def main(loop):
        bench = Bench(
            loop, bus_spec("modbus_rtu", gap_ms=0.0), [e5cc()], rtu_units({11: good_e5cc()})
        )
        bench.start()
        await asyncio.sleep(5.0)
        times = [t for t, _ in bench.peer.sent]
        gaps = [b - a - 0.002 for a, b in itertools.pairwise(times)]
        assert min(gaps) >= 3.5 * 11 / 19200 - 1e-6
        await bench.stop()

    run(main)


def test_a_line_that_was_good_is_reopened_at_once_after_one_lost_reply():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(12.3)
        plain, drop = bench.peer.answer, [1]

        def lossy(data, peer):
            if drop[0]:
                drop[0] -= 1
                return None
            return plain(data, peer)

        bench.peer.answer = lossy
        await asyncio.sleep(1.1)
        failed = bench.image.failures["T1.fast"][0][3]
        again = next(s for s in bench.image.samples["T1.fast"] if s[2] > failed)
        assert (again[3] - failed) / 1e9 < 0.05
        await bench.stop()

    run(main)


def test_an_error_of_ours_ends_the_owner_loudly():
    async def main(loop):
        loop.set_exception_handler(lambda *_: None)
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(good_epc()))

        def broken(*_):
            raise ZeroDivisionError

        bench.device("T1").polls[0]._writer.write = broken
        bench.start()
        with pytest.raises(ZeroDivisionError):
            await bench.task
        assert bench.bus.state is LinkState.CLOSED

    run(main)
