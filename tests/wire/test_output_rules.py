"""Outputs: refreshed only while sure, shed after a gap or a restart, verified settings."""

import asyncio
import itertools

import pytest

from drivers.base import LinkState, Quality
from tests.wire.driver_support import (
    EXPIRED,
    REFUSED,
    WRITTEN,
    Bench,
    Registers,
    bus_spec,
    drive,
    e5cc,
    epc,
    good_e5cc,
    good_epc,
    instrument,
    rtu_units,
    run,
    tag,
    tcp_unit,
    writes,
)


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


def test_epc_remote_set_point_is_selected_refreshed_and_watched():
    async def main(loop):
        registers = good_epc()
        registers.words[276] = 0
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        assert registers.written == [(276, [1])]
        bench.outputs.put("TIC-501.SP", 120.0)
        await asyncio.sleep(5.1)
        assert registers.written[1:] == [(277, [1200])] * 6  # at once, then each second
        assert bench.image.value["TIC-501.SP"] == pytest.approx(120.0)
        registers.words[276] = 0  # deselected at the front panel
        await asyncio.sleep(2.5)
        count = len(registers.written)
        await asyncio.sleep(3.0)
        assert len(registers.written) == count
        assert "deselected" in bench.outputs.shed()["T1"]
        await bench.stop()

    run(main)


def test_set_points_changing_fast_are_written_once_a_second_the_latest_wins():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        for n in range(50):
            bench.outputs.put("TIC-501.SP", 100.0 + n / 10)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)
        sets = [w[0] for a, w in registers.written if a == 277]
        assert len(sets) <= 8
        assert sets[0] == 1000
        assert sets[-1] == 1049
        await bench.stop()

    run(main)


def test_epc_without_watchdog_is_read_but_not_written():
    async def main(loop):
        registers = good_epc()
        registers.words[1169] = 0
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("TIC-501.SP", 120.0)
        await asyncio.sleep(1.5)
        result = bench.observer.writes[-1]
        assert result.outcome is REFUSED
        assert "watchdog (1169) is off" in result.reason
        assert bench.image.quality["TIC-501.PV"] == Quality.GOOD
        assert all(address != 277 for address, _ in registers.written)
        registers.words[1169] = 5
        bench.outputs.rearm("T1")
        await asyncio.sleep(1.0)
        bench.outputs.put("TIC-501.SP", 120.0)
        await asyncio.sleep(1.0)
        assert bench.observer.writes[-1].outcome is WRITTEN
        await bench.stop()

    run(main)


class E5ccUnit(Registers):
    """Takes the commands of address 0."""

    def __init__(self):
        super().__init__()
        self.words.update(good_e5cc().words)
        self.power_up()

    def power_up(self):
        self.words[0x2407] = 0x0100  # stopped, backup mode, writing off

    def after_write(self, address):
        if address == 0:
            bits = {0x0001: 0x0200, 0x0401: 0x0010}
            command = self.words[0]
            self.words[0x2407] |= bits.get(command, 0)
            if command == 0x0100:
                self.words[0x2407] &= ~0x0100


def test_e5cc_is_switched_to_ram_before_any_set_point():
    async def main(loop):
        unit = E5ccUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [e5cc()], rtu_units({11: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        assert unit.written == [(0, [0x0001]), (0, [0x0401]), (0, [0x0100])]
        assert bench.image.value["TIC-201.MODE"] == 0.0
        bench.outputs.put("TIC-201.SP", 95.0)
        await asyncio.sleep(6.0)
        assert unit.written[3:] == [(0x2103, [950])]  # on change only
        assert bench.image.value["TIC-201.SP"] == pytest.approx(95.0)
        await bench.stop()

    run(main)


def test_e5cc_power_dip_is_seen_by_its_status_and_sheds():
    async def main(loop):
        unit = E5ccUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [e5cc()], rtu_units({11: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("TIC-201.SP", 95.0)
        await asyncio.sleep(3.0)
        unit.power_up()
        unit.words[0x2103] = 200
        count = len(unit.written)
        await asyncio.sleep(4.0)
        assert bench.outputs.shed() == {"B1": "the controller has restarted"}
        assert unit.written[count:] == [(0, [0x0001]), (0, [0x0401]), (0, [0x0100])]
        bench.outputs.put("TIC-201.SP", 95.0)
        await asyncio.sleep(1.0)
        assert bench.observer.writes[-1].outcome is REFUSED
        await bench.stop()

    run(main)


def test_read_back_that_differs_stops_the_refresh_until_a_new_request():
    async def main(loop):
        unit = E5ccUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [e5cc()], rtu_units({11: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("TIC-201.SP", 95.0)
        await asyncio.sleep(3.0)
        unit.words[0x2103] = 940  # turned at the front
        await asyncio.sleep(3.0)
        assert any("not what was written" in r for r in bench.observer.reasons("B1"))
        assert bench.outputs.shed() == {}
        bench.outputs.put("TIC-201.SP", 95.0)  # the gate's one retry
        await asyncio.sleep(1.5)
        assert unit.words[0x2103] == 950
        await bench.stop()

    run(main)


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
