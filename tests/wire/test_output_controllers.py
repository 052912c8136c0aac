"""Set-points of the zone controllers: remote and RAM only, refreshed, verified, shed."""

import asyncio

import pytest

from drivers.base import Quality
from tests.wire.driver_support import (
    REFUSED,
    WRITTEN,
    Bench,
    Registers,
    good_e5cc,
    good_epc,
    rtu_units,
    run,
    tcp_unit,
)
from tests.wire.line_entries import bus_spec, e5cc, epc, epc_by_hand


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


def test_a_safe_value_does_not_wait_for_the_interval_between_writes():
    """A trip has a second in all; a set point that has just been moved may not take it."""

    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("TIC-501.SP", 100.0)
        await asyncio.sleep(0.1)
        bench.outputs.put("TIC-501.SP", 110.0)
        await asyncio.sleep(0.1)
        sets = [w[0] for a, w in registers.written if a == 277]
        assert sets == [1000]
        bench.outputs.put("TIC-501.SP", 20.0)
        await asyncio.sleep(0.1)
        sets = [w[0] for a, w in registers.written if a == 277]
        assert sets == [1000, 200]
        await bench.stop()

    run(main)


def test_epc_output_in_manual_is_written_once_read_back_and_never_above_its_range():
    async def main(loop):
        registers = good_epc()
        bench = Bench(loop, bus_spec(), [epc_by_hand()], tcp_unit(registers))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("TIC-501.MOP", 44.4)
        await asyncio.sleep(1.0)
        bench.outputs.put("TIC-501.MAN", 1.0)
        await asyncio.sleep(6.0)
        assert registers.written == [(3, [444]), (273, [1])]  # on change, no refresh
        assert bench.image.value["TIC-501.MOP"] == pytest.approx(44.4)
        assert bench.image.value["TIC-501.MAN"] == 1.0
        bench.outputs.put("TIC-501.MOP", 61.0)
        await asyncio.sleep(0.5)
        assert bench.observer.writes[-1].outcome is REFUSED
        registers.words[273] = 0  # taken out of manual at the front panel
        await asyncio.sleep(5.0)
        assert (273, [1]) not in registers.written[2:]
        assert bench.image.value["TIC-501.MAN"] == 0.0
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


@pytest.mark.parametrize("after_s", [0.0, 0.6, 1.1, 1.6])  # before each read of the cycle
def test_e5cc_power_dip_is_seen_by_its_status_and_sheds(after_s):
    async def main(loop):
        unit = E5ccUnit()
        bench = Bench(loop, bus_spec("modbus_rtu"), [e5cc()], rtu_units({11: unit}))
        bench.start()
        await asyncio.sleep(2.0)
        bench.outputs.put("TIC-201.SP", 95.0)
        await asyncio.sleep(3.0 + after_s)
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
