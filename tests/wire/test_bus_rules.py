"""The bus: transaction rules after a doubt, bad samples, silence."""

import asyncio
import math

import pytest

from drivers.base import LinkState, Quality
from tests.wire.driver_support import (
    Bench,
    good_e5cc,
    good_epc,
    mbap,
    rtu,
    rtu_units,
    run,
    tcp_unit,
    until_busy,
)
from tests.wire.line_entries import bus_spec, e5cc, epc


def read_count(frame):
    return int.from_bytes(frame[4:6], "big")


def test_values_carry_quality_and_both_times():
    async def main(loop):
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(good_epc()))
        bench.start()
        await asyncio.sleep(3.0)
        assert bench.image.value["TIC-501.PV"] == pytest.approx(123.4)
        assert bench.image.value["TIC-501.OP"] == pytest.approx(45.5)
        assert bench.image.value["TIC-501.MODE"] == 1.0
        assert set(bench.image.quality.values()) == {Quality.GOOD}
        _, _, sent, received = bench.image.samples["T1.fast"][0]
        assert received - sent == 2_000_000
        beats = [sent for _, _, sent, _ in bench.image.samples["T1.fast"]]
        assert [round((b - beats[1]) / 1e9, 3) for b in beats[1:5]] == [0.0, 0.5, 1.0, 1.5]
        assert bench.bus.statistics.exchanges == len(bench.peer.sent)
        await bench.stop()
        assert bench.peer.closes == 1

    run(main)


def test_late_rtu_reply_is_not_taken_as_the_next_answer():
    """Hardware sheet 4.4 trap 1: the late values must not appear, and a canary goes first."""

    async def main(loop):
        units = {11: good_e5cc()}
        units[11].words[0x2103] = 600
        bench = Bench(loop, bus_spec("modbus_rtu"), [e5cc()], rtu_units(units))
        bench.start()
        await asyncio.sleep(2.7)
        sent_before = len(bench.peer.sent)
        units[11].delay_s = 0.320  # answers 20 ms after the deadline of 300 ms
        units[11].words[0x2000] = 9999
        await until_busy(bench)  # one poll goes out
        units[11].delay_s = 0.002
        units[11].words[0x2000] = 853
        await asyncio.sleep(2.0)
        after = bench.peer.sent[sent_before:]
        late, canary = after[0], after[1]
        assert read_count(late[1]) in {4, 5, 1}
        assert canary[1][1:6] == bytes.fromhex("03 2000 0003")
        # the line was silent from the late reply for a whole longest reply time
        assert canary[0] >= late[0] + 0.320 + bench.bus._timing.drain_s
        values = [v[0] for v, *_ in bench.image.samples["B1.process"]]
        assert {round(value, 1) for value in values} == {85.3}
        assert bench.bus.statistics.timeouts == 1
        assert bench.bus.statistics.stray_bytes > 0
        failures = bench.image.failures["B1.process"] + bench.image.failures["B1.setpoint"]
        failures += bench.image.failures["B1.status"]
        assert [f[0] for f in failures] == [Quality.BAD_TIMEOUT]
        assert "no reply within 300 ms" in failures[0][1]
        await bench.stop()

    run(main)


def test_a_reply_so_late_that_it_meets_the_canary_is_refused_by_its_form():
    async def main(loop):
        units = {11: good_e5cc()}
        answer = rtu_units(units)
        state = {"late": False}

        def late_once(data, peer):
            replies = answer(data, peer)
            if state["late"] and read_count(data) == 5:
                state["late"] = False
                return [(0.47, replies[0][1])]  # beyond deadline and drain: into the canary
            if read_count(data) == 3:
                return [(0.050, replies[0][1])]
            return replies

        bench = Bench(loop, bus_spec("modbus_rtu"), [e5cc()], late_once)
        bench.start()
        await asyncio.sleep(2.5)
        state["late"] = True
        units[11].words[0x2000] = 700
        await asyncio.sleep(3.5)
        assert bench.bus.statistics.bad_replies == 1
        canaries = [t for t, f in bench.peer.sent if read_count(f) == 3 and f[1] == 3 and t > 2.5]
        assert len(canaries) >= 2  # the first met the late reply, the next one passed
        assert bench.image.value["TIC-201.PV"] == pytest.approx(70.0)
        await bench.stop()

    run(main)


@pytest.mark.parametrize(
    "fault",
    ["function", "short", "zero", "other", "garbage", "extra"],
)
def test_a_wrong_tcp_reply_closes_and_reopens(fault):
    async def main(loop):
        registers = good_epc()
        good = tcp_unit(registers)
        state = {"fault": ""}

        def answer(data, peer):
            delay, reply = good(data, peer)[0]
            spoil, state["fault"] = state["fault"], ""
            tid = int.from_bytes(data[:2], "big")
            if spoil == "function":
                reply = mbap(tid, 1, bytes((4,)) + reply[8:])
            elif spoil == "short":
                reply = mbap(tid, 1, bytes((3, 2)) + reply[9:11])
            elif spoil == "zero":
                reply = b"\0\0" + reply[2:]
            elif spoil == "other":
                reply = (tid - 1).to_bytes(2, "big") + reply[2:]
            elif spoil == "garbage":
                reply = b"\xff\xff\xff" + reply
            elif spoil == "extra":
                reply += b"\0"
            return [(delay, reply)]

        bench = Bench(loop, bus_spec(), [epc()], answer)
        bench.start()
        await asyncio.sleep(2.2)
        state["fault"] = fault
        sent = len(bench.peer.sent)
        await asyncio.sleep(0.5)
        assert bench.bus.statistics.bad_replies == 1
        assert bench.peer.closes == 1
        assert bench.image.quality["TIC-501.PV"] == Quality.BAD_NO_COMMUNICATION
        assert math.isnan(bench.image.value["TIC-501.PV"])
        await asyncio.sleep(1.5)
        assert bench.peer.opens == 2
        first = bench.peer.sent[sent + 1][1]
        assert first[7:12] == bytes.fromhex("03 0491 0002")  # the canary before anything else
        assert bench.image.value["TIC-501.PV"] == pytest.approx(123.4)
        await bench.stop()

    run(main)


def test_a_tcp_time_out_closes_and_the_late_reply_never_arrives():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.2)
        registers.delay_s, registers.words[1] = 0.35, 7777
        await asyncio.sleep(0.7)
        registers.delay_s, registers.words[1] = 0.002, 1234
        await asyncio.sleep(2.0)
        assert bench.bus.statistics.timeouts == 1
        assert bench.peer.opens == 2
        values = {round(v[0], 1) for v, *_ in bench.image.samples["T1.fast"]}
        assert values == {123.4}
        failures = bench.image.failures["T1.fast"]
        assert all("300 ms" in reason for _, reason, *_ in failures)
        await bench.stop()

    run(main)


def test_stopping_in_the_middle_of_an_exchange_leaves_nothing_behind():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.2)
        registers.delay_s, registers.words[1] = 0.2, 7777
        await until_busy(bench)
        await bench.stop()
        assert not bench.peer.up
        assert bench.bus.state is LinkState.CLOSED
        registers.delay_s, registers.words[1] = 0.002, 1234
        bench.start()
        await asyncio.sleep(2.0)
        assert {round(v[0], 1) for v, *_ in bench.image.samples["T1.fast"]} == {123.4}
        await bench.stop()

    run(main)


def test_every_failed_poll_is_a_bad_sample_with_a_reason():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        registers.refuse[(3, 75)] = 4
        bench.start()
        await asyncio.sleep(5.0)
        quality, reason, *_ = bench.image.failures["T1.status"][0]
        assert quality == Quality.BAD_DEVICE_FAILURE
        assert "exception 4, device failure" in reason
        assert len(bench.image.failures["T1.status"]) == 3  # at 0.5 Hz it is asked again
        assert bench.image.quality["TIC-501.PV"] == Quality.GOOD
        await bench.stop()

    run(main)


def test_an_undefined_register_stops_the_block_and_is_named():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        plain = registers.answer

        def hole_at_275(pdu):
            address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
            if pdu[0] == 3 and address <= 275 < address + count:
                return bytes((0x83, 2))
            return plain(pdu)

        registers.answer = hole_at_275
        bench.start()
        await asyncio.sleep(9.0)
        failures = bench.image.failures["T1.remote"]
        assert len(failures) == 1
        assert failures[0][0] == Quality.BAD_CONFIGURATION_ERROR
        assert any("no register 0x0113" in r for r in bench.observer.reasons("T1"))  # 275
        assert bench.image.quality["TIC-501.PV"] == Quality.GOOD
        await bench.stop()

    run(main)


def test_exception_eleven_counts_as_silence_of_that_unit_only():
    async def main(loop):
        units = {11: good_e5cc(), 12: good_e5cc()}
        both = [e5cc(), e5cc("B2", 12, "TIC-202")]
        bench = Bench(loop, bus_spec("modbus_rtu"), both, rtu_units(units))
        bench.start()
        await asyncio.sleep(3.2)
        units[11].answer = lambda pdu: bytes((pdu[0] | 0x80, 11))
        await asyncio.sleep(6.0)
        assert bench.device("B1").state is LinkState.SILENT
        assert bench.device("B2").state is LinkState.UP
        assert bench.bus.statistics.timeouts == 0
        await bench.stop()

    run(main)


def test_stray_bytes_on_an_idle_serial_line_extend_the_silence():
    async def main(loop):
        bench = Bench(loop, bus_spec("modbus_rtu"), [e5cc()], rtu_units({11: good_e5cc()}))
        bench.start()
        await asyncio.sleep(3.5)
        bench.peer.deliver(rtu(11, bytes((3, 2, 0, 1))), bench.peer.opens)
        assert bench.bus.statistics.stray_bytes == 7
        assert bench.bus._quiet_until == pytest.approx(loop.time() + bench.bus._timing.drain_s)
        await asyncio.sleep(2.0)
        assert bench.image.quality["TIC-201.PV"] == Quality.GOOD
        await bench.stop()

    run(main)


def test_after_a_time_out_the_line_stays_silent_for_the_longest_reply_time():
    async def main(loop):
        units = {11: good_e5cc(), 12: good_e5cc()}
        both = [e5cc(), e5cc("B2", 12, "TIC-202")]
        bench = Bench(loop, bus_spec("modbus_rtu"), both, rtu_units(units))
        bench.start()
        await asyncio.sleep(3.9)
        units[11].silent = True
        await asyncio.sleep(1.0)
        times = [(t, f[0]) for t, f in bench.peer.sent if t > 3.9]
        lost = next(t for t, unit in times if unit == 11)
        following = next(t for t, _ in times if t > lost)
        drain_s = 0.010 + 256 * 11 / 19200  # turn-round and the longest frame
        assert following - lost == pytest.approx(0.300 + drain_s, abs=1e-4)
        await bench.stop()

    run(main)
