"""Faults of links on real TCP ports, as ``filmline simulate --fault`` injects them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from simulators.faults import parse_fault
from simulators.faults_link import begin
from simulators.instruments.line_up import LineUp
from simulators.wire_tcp import TcpWire
from tests.wire.sim_support import StillPlant, line_on_free_ports, run

READ_PV = bytes.fromhex("0001 0000 0006 01 03 0001 0001")
WRITE_OUT = bytes.fromhex("0002 0000 0006 01 06 0800 0001")


class Disturbed:
    """A served line with one fault at a time; the shape of a bench."""

    def __init__(self) -> None:
        self.line = line_on_free_ports()
        self.plant = StillPlant()
        self.line_up = LineUp(self.line, self.plant)
        self.wire = TcpWire(self.line, self.line_up, speed=1000.0)
        run(self.line_up, 0.1)

    def begin(self, text: str):
        return begin(parse_fault(f"{text}@1s"), self)

    def bus_of(self, where):
        owners = {one.name: one.bus for one in self.line.instrument}
        return owners.get(where, where)

    def devices(self, where):
        return [
            self.line_up.instruments[one.name]
            for one in self.line.instrument
            if where in {one.name, one.bus}
        ]

    def by_network(self, where):
        return self.bus_of(where).startswith("NET")

    async def connect(self, bus_name):
        port = next(bus.simulated_port for bus in self.line.bus if bus.name == bus_name)
        before = self.wire.connections
        streams = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(1000):
            if self.wire.connections > before:
                break
            await asyncio.sleep(0)
        return streams


@pytest.fixture
async def disturbed() -> AsyncIterator[Disturbed]:
    served = Disturbed()
    await served.wire.start()
    yield served
    await served.wire.stop()


async def ask(streams, request, size):
    """Reply of so many bytes; empty when the connection is hung up on."""
    reader, writer = streams
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.readexactly(size), 5.0)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def test_a_disconnected_bus_hangs_up_and_refuses_until_healed(disturbed):
    held = await disturbed.connect("NET-T3")
    assert await ask(held, READ_PV, 11)
    heal = disturbed.begin("disconnect(NET-T3)")
    assert await ask(held, READ_PV, 11) == b""
    again = await disturbed.connect("NET-T3")
    assert await ask(again, READ_PV, 11) == b""
    heal()
    back = await disturbed.connect("NET-T3")
    assert await ask(back, READ_PV, 11)
    for _, writer in (held, again, back):
        writer.close()


async def test_dropped_bytes_vanish_without_a_word(disturbed):
    streams = await disturbed.connect("NET-T3")
    heal = disturbed.begin("drop(NET-T3)")
    streams[1].write(READ_PV)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(streams[0].read(1), 0.05)
    heal()
    assert (await ask(streams, READ_PV, 11))[:2] == b"\0\1"
    streams[1].close()


async def test_a_half_open_connection_keeps_the_lock_until_it_is_healed(disturbed):
    first = await disturbed.connect("NET-IOA")
    assert (await ask(first, WRITE_OUT, 12))[7] == 6
    heal = disturbed.begin("half_open(NET-IOA)")
    first[1].write(WRITE_OUT)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(first[0].read(1), 0.05)
    first[1].close()
    second = await disturbed.connect("NET-IOA")
    assert (await ask(second, WRITE_OUT, 9))[7:] == b"\x86\x04"  # another holds the lock
    heal()
    assert (await ask(second, WRITE_OUT, 12))[7] == 6
    second[1].close()


async def test_a_restart_hangs_up_and_takes_the_lock_with_it(disturbed):
    first = await disturbed.connect("NET-IOA")
    assert (await ask(first, WRITE_OUT, 12))[7] == 6
    coupler = disturbed.line_up.instruments["IO-A"]
    assert coupler.holding.get(0x0800) == 1
    heal = disturbed.begin("reboot(IO-A)")
    assert await ask(first, READ_PV, 11) == b""
    assert coupler.owner is None
    assert coupler.holding.get(0x0800) == 0
    heal()
    second = await disturbed.connect("NET-IOA")
    assert (await ask(second, WRITE_OUT, 12))[7] == 6
    for _, writer in (first, second):
        writer.close()
