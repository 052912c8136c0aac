"""Outputs of the drives: their sequences, resets, trips and restarts."""

import asyncio

import pytest

from tests.wire.driver_support import (
    REFUSED,
    WRITTEN,
    Bench,
    Registers,
    good_epc,
    rtu_units,
    run,
    tcp_unit,
)
from tests.wire.line_entries import bus_spec, drive, epc


class AbbUnit(Registers):
    """The states the sequence needs: inhibited, ready, running, tripped."""

    def __init__(self):
        super().__init__(words={5813: 3, 5814: 2, 5815: 20})
        self.words[3] = 0x0040
        self.seen = []

    def after_write(self, address):
        if address != 0:
            return
        word = self.words[0]
        self.seen.append(word)
        if self.words[3] & 0x08:
            if word & 0x80:
                self.words[3], self.words[6] = 0x0040, 0
        elif not word & 1:
            self.words[3] = 0x0231
        elif self.words[3] & 1:
            self.words[3] = 0x0237

    def trip(self, code):
        self.words[3], self.words[6] = 0x0208, code


def test_drive_is_started_by_the_sequence_and_refreshed():
    async def main(loop):
        unit = AbbUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [drive()], rtu_units({21: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        assert unit.written == []
        bench.outputs.put("SIC-210.SP", 3.0)
        bench.outputs.put("SIC-210.RUN", 1)
        await asyncio.sleep(1.0)
        assert unit.seen[:2] == [0x047E, 0x047F]
        assert unit.words[1] == 10000
        assert bench.image.value["SIC-210.RUN"] == 1.0
        assert bench.image.value["SIC-210.SP"] == pytest.approx(3.0)
        count = len(unit.written)
        await asyncio.sleep(10.0)
        assert len(unit.written) - count == 10
        assert set(map(tuple, (w for _, w in unit.written[count:]))) == {(0x047F, 10000)}
        start = loop.time()
        bench.outputs.put("SIC-210.RUN", 0)
        await asyncio.sleep(0.2)
        stop = next(t for t, f in bench.peer.sent if t >= start and f[7:9] == b"\x04\x7e")
        assert stop - start < 0.1
        await bench.stop()

    run(main)


def test_a_tripped_drive_stands_until_reset_and_told_to_run():
    async def main(loop):
        unit = AbbUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [drive()], rtu_units({21: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("SIC-210.SP", 3.0)
        bench.outputs.put("SIC-210.RUN", 1)
        await asyncio.sleep(2.0)
        unit.trip(0x2310)
        await asyncio.sleep(2.0)
        assert bench.image.value["SIC-210.FAULT"] == 0x2310
        assert unit.words[0] == 0x047E
        bench.outputs.put("SIC-210.RUN", 1)
        await asyncio.sleep(0.5)
        assert bench.observer.writes[-1].outcome is REFUSED
        assert 0x04FE not in unit.seen  # never by itself
        bench.outputs.command("SIC-210.RESET", 1.0)
        await asyncio.sleep(2.0)
        assert unit.seen.count(0x04FE) == 1
        assert bench.image.value["SIC-210.FAULT"] == 0.0
        assert bench.image.value["SIC-210.RUN"] == 0.0
        assert unit.words[3] == 0x0231  # ready, not running
        bench.outputs.put("SIC-210.RUN", 1)
        await asyncio.sleep(1.0)
        assert bench.image.value["SIC-210.RUN"] == 1.0
        await bench.stop()

    run(main)


def test_drive_with_communication_loss_off_is_not_written():
    async def main(loop):
        unit = AbbUnit()
        unit.words[5813] = 0
        bench = Bench(loop, bus_spec("modbus_rtu"), [drive()], rtu_units({21: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("SIC-210.SP", 2.0)
        bench.outputs.put("SIC-210.RUN", 1)
        await asyncio.sleep(1.0)
        assert bench.observer.outcomes() == [REFUSED, REFUSED]
        assert "58.14" in bench.observer.writes[-1].reason
        assert unit.written == []
        await bench.stop()

    run(main)


def test_a_setting_gone_wrong_on_the_way_leaves_safe_values_open():
    async def main(loop):
        unit = AbbUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [drive(safe_run=0)], rtu_units({21: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("SIC-210.SP", 2.0)
        bench.outputs.put("SIC-210.RUN", 1)
        await asyncio.sleep(2.0)
        unit.words[5813] = 0  # somebody switched the loss action off; seen on reconnecting
        bench.peer.lose()
        await asyncio.sleep(1.5)
        count = len(unit.written)
        bench.outputs.put("SIC-210.SP", 3.0)
        bench.outputs.put("SIC-210.RUN", 0)
        await asyncio.sleep(0.5)
        ends = [(w.tag, w.outcome) for w in bench.observer.writes[-2:]]
        assert ends == [("SIC-210.SP", REFUSED), ("SIC-210.RUN", WRITTEN)]
        assert unit.written[count:][0][1][0] == 0x047E
        await bench.stop()

    run(main)


def test_a_drive_that_lost_its_run_enable_does_not_restart_by_itself():
    async def main(loop):
        unit = AbbUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [drive(safe_run=0)], rtu_units({21: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("SIC-210.RUN", 1)
        await asyncio.sleep(2.0)
        unit.words[3] = 0x0240
        await asyncio.sleep(3.0)
        assert "running state" in bench.outputs.shed()["BELT"]
        assert unit.words[3] == 0x0240
        await bench.stop()

    run(main)


def test_a_busy_device_is_asked_again_three_times_at_most():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        plain, left = registers.answer, [2]

        def busy(pdu):
            if pdu[0] == 6 and left[0]:
                left[0] -= 1
                return bytes((0x86, 6))
            return plain(pdu)

        registers.answer = busy
        bench.outputs.put("TIC-501.SP", 70.0)
        await asyncio.sleep(1.0)
        assert bench.observer.outcomes() == [WRITTEN]
        assert registers.words[277] == 700
        left[0] = 99
        await asyncio.sleep(1.0)
        bench.outputs.put("TIC-501.SP", 75.0)
        await asyncio.sleep(3.0)
        assert bench.observer.outcomes()[-1] is REFUSED
        assert "busy" in bench.observer.writes[-1].reason
        await bench.stop()

    run(main)


class AtvUnit(Registers):
    """ATV320 states by CMD, scanner words copied as the factory sets them."""

    def __init__(self):
        super().__init__(words={6005: 20, 12741: 0x0250})

    def after_write(self, address):
        if address != 12761:
            return
        command, speed = self.words[12761], self.words[12762]
        state = self.words[12741] & 0x6F
        steps = {(0x40, 6): 0x0231, (0x21, 7): 0x0233, (0x23, 15): 0x0637, (0x27, 7): 0x0233}
        self.words[12741] = steps.get((state, command), self.words[12741])
        self.words[12744], self.words[12745] = command, speed
        self.words[12742] = speed if self.words[12741] == 0x0637 else 0


def test_atv_starts_by_fc23_alone_and_stops_by_ramp():
    async def main(loop):
        unit = AtvUnit()
        pump = drive("PUMP", 31, "SIC-110", family="atv320", full_scale=0.02, safe_run=0)
        bench = Bench(loop, bus_spec("modbus_rtu"), [pump], rtu_units({31: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        assert {f[1] for f in bench.peer.frames()} == {3}  # nothing written before a request
        bench.outputs.put("SIC-110.SP", 2.0)
        bench.outputs.put("SIC-110.RUN", 1)
        await asyncio.sleep(1.0)
        commands = [words[0] for _, words in unit.written]
        assert commands[:3] == [6, 7, 15]
        assert bench.image.value["SIC-110.ACT"] == pytest.approx(2.0)
        assert bench.image.value["SIC-110.RUN"] == 1.0
        count = len(bench.peer.sent)
        await asyncio.sleep(10.0)
        later = bench.peer.frames()[count:]
        assert {f[1] for f in later} == {23}
        assert len(later) == pytest.approx(20, abs=1)
        count = len(unit.written)
        bench.outputs.put("SIC-110.RUN", 0)
        await asyncio.sleep(0.5)
        assert [words[0] for _, words in unit.written[count:]][:2] == [7, 6]
        await bench.stop()

    run(main)


def test_atv_that_restarted_is_not_started_again_by_the_refresh():
    async def main(loop):
        unit = AtvUnit()
        pump = drive("PUMP", 31, "SIC-110", family="atv320", full_scale=0.02, safe_run=0)
        bench = Bench(loop, bus_spec("modbus_rtu"), [pump], rtu_units({31: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("SIC-110.SP", 2.0)
        bench.outputs.put("SIC-110.RUN", 1)
        await asyncio.sleep(2.0)
        unit.words[12741] = 0x0250  # a dip of its supply, shorter than a poll
        await asyncio.sleep(3.0)
        assert "running state" in bench.outputs.shed()["PUMP"]
        assert unit.words[12741] == 0x0250
        bench.outputs.put("SIC-110.RUN", 1)
        await asyncio.sleep(0.5)
        assert bench.observer.writes[-1].outcome is REFUSED
        await bench.stop()

    run(main)


def test_a_trip_cleared_at_the_drive_does_not_start_it_again():
    async def main(loop):
        unit = AbbUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [drive(safe_run=0)], rtu_units({21: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("SIC-210.RUN", 1)
        await asyncio.sleep(2.0)
        unit.trip(0x7121)
        await asyncio.sleep(2.0)
        unit.words[3], unit.words[6] = 0x0231, 0  # reset at the keypad
        count = len(unit.seen)
        await asyncio.sleep(3.0)
        assert 0x047F not in unit.seen[count:]
        assert bench.image.value["SIC-210.RUN"] == 0.0
        await bench.stop()

    run(main)
