"""The wire in memory, and the line-up around a plant that already runs."""

import pytest

from simulators.instruments.line_up import LineUp
from simulators.instruments.wiring import WiringError
from simulators.virtual_time import VirtualLoop
from simulators.wire import BusTiming, MemoryWire
from tests.wire.sim_support import (
    Caller,
    StillPlant,
    mbap,
    new_line_up,
    pilot_line,
    read,
    rtu,
    run,
    write_many,
)


class Wired:
    """The pilot line's instruments on a memory wire of a virtual loop."""

    def __init__(self):
        self.loop = VirtualLoop()
        self.line_up, self.plant = new_line_up()
        self.wire = MemoryWire(self.loop, pilot_line(), self.line_up)
        self.heard = []

    def open(self, bus, stream=False):
        transport = self.wire.transport(bus, stream)
        transport.on_data = lambda data: self.heard.append((self.loop.time(), data))
        self.loop.run_until_complete(transport.open())
        return transport

    def wait(self, until_s):
        self.loop.call_at(until_s, self.loop.stop)
        self.loop.run_forever()


@pytest.fixture
def wired():
    wired = Wired()
    yield wired
    wired.loop.close()


def test_serial_exchange_takes_its_baud_time(wired):
    transport = wired.open("RTU-A")
    transport.write(rtu(11, read(3, 0x2000, 5)))
    wired.wait(1.0)
    ((when, data),) = wired.heard
    assert len(data) == 15
    timing = BusTiming.of(next(bus for bus in pilot_line().bus if bus.name == "RTU-A"))
    assert timing.character_s == pytest.approx(11 / 19200)
    assert when == pytest.approx((8 + 3.5 + 15) * 11 / 19200 + 0.010, abs=0.0005)


def test_tcp_exchange_takes_its_turn_round(wired):
    transport = wired.open("NET-T1")
    transport.write(mbap(read(3, 1, 5)))
    wired.wait(1.0)
    ((when, _),) = wired.heard
    assert when == pytest.approx(0.0054, abs=1e-6)


def test_a_late_reply_is_late_and_a_closed_line_hears_nothing(wired):
    wired.line_up.instruments["T1"].faults.delay_s = 0.5
    transport = wired.open("NET-T1")
    transport.write(mbap(read(3, 1, 5)))
    wired.wait(0.4)
    assert wired.heard == []
    wired.wait(0.6)
    assert len(wired.heard) == 1
    transport.write(mbap(read(3, 1, 5)))
    wired.wait(0.7)
    transport.close()
    transport.write(mbap(read(3, 1, 5)))
    wired.wait(3.0)
    assert len(wired.heard) == 1


def test_replies_keep_their_order(wired):
    transport = wired.open("NET-T1")
    faults = wired.line_up.instruments["T1"].faults
    faults.delay_s = 0.2
    transport.write(mbap(read(3, 1, 5), 1))
    wired.wait(0.1)
    faults.delay_s = 0.0
    transport.write(mbap(read(3, 1, 5), 2))
    wired.wait(1.0)
    assert [data[1] for _, data in wired.heard] == [1, 2]


def test_bus_faults(wired):
    faults = wired.wire.faults["RTU-C"]
    faults.refused = True
    with pytest.raises(ConnectionRefusedError, match="RTU-C"):
        wired.open("RTU-C")
    faults.refused = False
    transport = wired.open("RTU-C")
    faults.cut = True
    transport.write(rtu(31, read(3, 3201, 1)))
    wired.wait(1.0)
    assert wired.heard == []
    faults.cut = False
    transport.write(rtu(31, read(3, 3201, 1)))
    wired.wait(2.0)
    assert len(wired.heard) == 1


def test_the_refusal_is_the_error_the_owner_chose(wired):
    wire = MemoryWire(wired.loop, pilot_line(), wired.line_up, refused=LookupError)
    wire.faults["NET-T1"].refused = True
    with pytest.raises(LookupError, match="NET-T1"):
        wired.loop.run_until_complete(wire.transport("NET-T1").open())


def test_a_lost_line_is_reported_once_and_frees_the_lock(wired):
    lost = []
    first = wired.open("NET-IOA")
    first.on_lost = lost.append
    first.write(mbap(write_many(0x0800, 1, 0)))
    wired.wait(0.1)
    coupler = wired.line_up.instruments["IO-A"]
    assert coupler.owner is not None
    wired.wire.lose("NET-IOA", "cable out")
    wired.wire.lose("NET-IOA", "cable out")
    assert lost == ["cable out"]
    assert coupler.owner is None


def test_a_half_open_connection_keeps_the_lock(wired):
    first = wired.open("NET-IOA")
    first.write(mbap(write_many(0x0800, 1, 0)))
    wired.wait(0.1)
    wired.wire.faults["NET-IOA"].half_open = True
    first.close()
    second = wired.open("NET-IOA")
    second.write(mbap(write_many(0x0800, 2, 0)))
    wired.wait(0.2)
    assert wired.heard[-1][1][7:] == b"\x90\x04"


def test_connections_beyond_the_limit_are_refused(wired):
    for _ in range(4):
        wired.open("NET-T1")
    with pytest.raises(ConnectionRefusedError, match="NET-T1"):
        wired.open("NET-T1")


def test_stream_is_pushed(wired):
    wired.open("NET-SCAN", stream=True)
    run(wired.line_up, 0.5)
    wired.wait(1.0)
    assert len(wired.heard) == 5
    assert all(data[:4] == b"SAEM" for _, data in wired.heard)


def test_every_bus_of_the_line_is_served():
    line_up, _ = new_line_up()
    assert list(line_up.endpoints) == sorted(
        line_up.endpoints, key=[bus.name for bus in pilot_line().bus].index
    )
    assert {bus.name for bus in pilot_line().bus} == set(line_up.endpoints)
    assert list(line_up.streams) == ["NET-SCAN"]


def test_a_running_plant_is_taken_over_without_a_jump():
    plant = StillPlant()
    act = plant.act
    act.duty[7], plant.sig.tc[7] = 0.4, 250.2
    act.duty[1], plant.sig.tc[1] = 0.2, 114.8
    act.belt, act.pump_rpm, act.fan[2] = 2.0, 20.0, 0.4
    act.coat_flow[0] = 9.0
    act.main_contactor = act.scanner_run = True
    act.contactor[7] = True
    line_up = LineUp(pilot_line(), plant)
    run(line_up, 1.5)
    assert act.duty[7] == pytest.approx(0.4, abs=0.01)
    assert act.duty[1] == pytest.approx(0.2, abs=0.01)
    assert (act.belt, act.pump_rpm, act.fan[2]) == pytest.approx((2.0, 20.0, 0.4), abs=2e-4)
    assert act.coat_flow[0] == 9.0
    assert act.contactor[7]
    io_a = Caller(line_up.instruments["IO-A"])
    assert io_a.read(0x0800, 2) == [1 << 7 | 1 << 13, 1 << 2 | 1 << 3]
    assert Caller(line_up.instruments["BELT"]).read(0, 5)[3:] == [0x1337, 6667]
    io_a.write(0x0800, 0, 0)
    assert not act.contactor.any()
    assert act.coat_flow[0] == 0.0


def test_a_tag_without_a_wire_is_named():
    line = pilot_line()
    coupler = next(one for one in line.instrument if one.name == "IO-A")
    strange = coupler.tags[0].model_copy(update={"name": "PIT-999.PV"})
    broken = coupler.model_copy(update={"tags": (strange, *coupler.tags[1:])})
    others = tuple(one for one in line.instrument if one.name != "IO-A")
    with pytest.raises(WiringError, match=r"IO-A: no sensor PIT-999\.PV"):
        LineUp(line.model_copy(update={"instrument": (*others, broken)}), StillPlant())
