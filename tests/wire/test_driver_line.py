"""The whole pilot line: every driver against its simulated instrument, by bytes alone."""

import asyncio

import pytest

from drivers.base import LinkState, Quality
from drivers.build import Outputs, build_buses
from drivers.errors import LinkClosed
from simulators.virtual_time import NS, Rank
from simulators.wire import MemoryWire
from tests.wire.driver_support import PROFILES, WRITTEN, Image, Observer, TestClock, run
from tests.wire.sim_support import new_line_up, pilot_line


class Whole:
    """All buses on a virtual loop, with instruments stepped every 0.1 s."""

    def __init__(self, loop):
        self.loop, self.line = loop, pilot_line()
        self.line_up, self.plant = new_line_up()
        self.wire = MemoryWire(loop, self.line, self.line_up, LinkClosed)
        self.clock, self.image, self.observer = TestClock(loop), Image(), Observer()
        self.buses = build_buses(
            self.line,
            PROFILES,
            self.image,
            self.observer,
            self.clock,
            lambda bus, stream: self.wire.transport(bus.name, stream),
        )
        self.outputs = Outputs(self.line, self.buses, self.observer, self.clock)
        self._tick(0)
        self.tasks = [loop.create_task(bus.run()) for bus in self.buses]

    def _tick(self, n):
        self.line_up.step(n / 10)
        self.loop.at((n + 1) * NS // 10, Rank.INSTRUMENT, self._tick, n + 1)

    def exchanges(self):
        return sum(bus.statistics.exchanges for bus in self.buses)

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def test_every_instrument_comes_up_and_every_tag_is_read():
    async def main(loop):
        whole = Whole(loop)
        whole.plant.sig.analog[:] = [s[0] + 0.5 * (s[1] - s[0]) for s in spans(whole.line)]
        await asyncio.sleep(4.0)
        whole.outputs.put("XC-301.CMD", 1)  # the pump's supply
        await asyncio.sleep(10.0)
        down = [n for n, d in whole.outputs.devices.items() if d.state is not LinkState.UP]
        assert down == []
        missing = [
            t.name for i in whole.line.instrument for t in i.tags if t.name not in whole.image.value
        ]
        assert missing == []
        for name in (
            "TIC-501.PV",
            "TIC-201.PV",
            "SIC-210.SW",
            "SIC-110.SW",
            "FIC-301A.PV",
            "PIT-110.PV",
            "TT-411.PV",
            "TT-501.PV",
            "HS-901.OK",
            "ZC-210.PV",
        ):
            assert whole.image.quality[name] == Quality.GOOD, name
        assert whole.image.value["PIT-110.PV"] == pytest.approx(5.0, abs=0.01)
        assert whole.image.value["TT-411.PV"] == pytest.approx(25.0, abs=0.2)
        assert whole.observer.outcomes() == [WRITTEN]
        await whole.stop()

    run(main)


def spans(line):
    io_a = next(i for i in line.instrument if i.name == "IO-A")
    return [t.span for t in io_a.tags if t.point.startswith("ai:")]


def test_the_poll_plan_of_the_line():
    """The rates of the line's table, in exchanges per line second, with everything written."""

    async def main(loop):
        whole = Whole(loop)
        await asyncio.sleep(4.0)
        whole.outputs.put("XC-301.CMD", 1)
        whole.outputs.put("TY-121.OP", 1.0)
        for instrument in whole.line.instrument:
            for tag in instrument.tags:
                if tag.write is None or not tag.name.startswith(("TIC", "SIC")):
                    continue
                if tag.point == "sp":
                    whole.outputs.put(tag.name, (2 * tag.write.range[0] + tag.write.range[1]) / 3)
                if tag.point == "run":
                    whole.outputs.put(tag.name, 1.0)
        await asyncio.sleep(12.0)
        assert set(whole.observer.outcomes()) == {WRITTEN}
        before, counts = whole.exchanges(), samples(whole)
        await asyncio.sleep(20.0)
        rate = (whole.exchanges() - before) / 20.0
        assert 95.0 <= rate <= 112.0  # ten of them the safety controller's
        got = {name: (n - counts[name]) / 20.0 for name, n in samples(whole).items()}
        for name, hertz in (
            ("T1.fast", 2.0),
            ("T8.status", 0.5),
            ("T3.remote", 0.5),
            ("B1.process", 2.0),
            ("COOL.setpoint", 0.5),
            ("BELT.drive", 2.0),
            ("FAN-X3.drive", 2.0),
            ("PUMP.drive", 2.0),
            ("REGLO.flow1", 1.0),
            ("OPTRIS4.target", 1.0),
            ("IO-A.inputs", 10.0),
            ("SAFETY.status", 5.0),
            ("IO-A.outputs", 1.0),
            ("IO-B.inputs", 2.0),
            ("SCANNER.stream", 10.0),
        ):
            assert got[name] == pytest.approx(hertz, rel=0.11), name
        assert sum(bus.statistics.timeouts for bus in whole.buses if bus.name != "SER-1") == 0
        for tag, low in (("SIC-210.ACT", 1.9), ("SIC-110.ACT", 15.0), ("SIC-801.ACT", 30.0)):
            assert whole.image.value[tag] > low
        await whole.stop()

    run(main)


def samples(whole):
    return {name: len(rows) for name, rows in whole.image.samples.items()}


def test_two_runs_are_the_same_byte_for_byte():
    async def main(loop):
        whole = Whole(loop)
        await asyncio.sleep(3.0)
        whole.outputs.put("TIC-501.SP", 60.0)
        await asyncio.sleep(3.0)
        await whole.stop()
        rows = [(name, str(row)) for name, rows in whole.image.samples.items() for row in rows]
        return rows, [str(link) for link in whole.observer.links]

    assert run(main) == run(main)


def test_a_cut_bus_turns_its_tags_bad_and_heals():
    async def main(loop):
        whole = Whole(loop)
        await asyncio.sleep(4.0)
        whole.wire.faults["RTU-B"].cut = True
        await asyncio.sleep(5.0)
        assert whole.image.quality["SIC-210.ACT"] >= Quality.BAD
        assert whole.image.quality["TIC-201.PV"] == Quality.GOOD
        whole.wire.faults["RTU-B"].cut = False
        await asyncio.sleep(10.0)
        assert whole.image.quality["SIC-210.ACT"] == Quality.GOOD
        whole.wire.lose("NET-IOA", "switch rebooted")
        await asyncio.sleep(0.01)
        assert whole.image.quality["PIT-110.PV"] == Quality.BAD_NO_COMMUNICATION
        await asyncio.sleep(1.5)
        assert whole.image.quality["HS-901.OK"] == Quality.GOOD
        await whole.stop()

    run(main)
