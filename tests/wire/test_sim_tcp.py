"""The instruments on real TCP ports, spoken to by others' programs: pymodbus and mbpoll."""

import asyncio
import os
import re
import shutil
import tty

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient

from simulators.instruments.line_up import LineUp
from simulators.wire_tcp import PortInUseError, TcpWire
from tests.wire.sim_support import StillPlant, line_on_free_ports, run

QUICK = 1000.0  # line seconds a second: turn-round times vanish


class Served:
    """A line on free ports."""

    def __init__(self):
        self.line = line_on_free_ports()
        self.plant = StillPlant()
        self.plant.sig.tc[5:] = 123.4
        self.plant.sig.tc[:5] = 67.8
        self.line_up = LineUp(self.line, self.plant)
        self.wire = TcpWire(self.line, self.line_up, speed=QUICK)
        run(self.line_up, 0.1)

    def port(self, bus_name, stream=False):
        bus = next(bus for bus in self.line.bus if bus.name == bus_name)
        return bus.simulated_stream_port if stream else bus.simulated_port


@pytest.fixture
async def served():
    served = Served()
    await served.wire.start()
    yield served
    await served.wire.stop()


async def mbpoll(*arguments):
    """Run mbpoll once; returns its words."""
    program = os.environ.get("FILMLINE_MBPOLL") or shutil.which("mbpoll")
    assert program, "mbpoll is missing: `make test` unpacks it, or apt-get install mbpoll"
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20.0)
    assert process.returncode == 0, output.decode()
    return output.decode()


async def until(happened):
    """Let the loop turn until something has happened."""
    for _ in range(10_000):
        if happened():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never happened")


class PtyBridge:
    """A pseudo-terminal joined to a TCP port: a serial port for programs that want one."""

    def __init__(self):
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    async def __aenter__(self):
        return self

    async def join(self, port):
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        loop = asyncio.get_running_loop()
        loop.add_reader(self.master, lambda: self._writer.write(os.read(self.master, 256)))
        self._task = asyncio.create_task(self._back())
        return self

    async def _back(self):
        while data := await self._reader.read(256):
            os.write(self.master, data)

    async def __aexit__(self, *_):
        asyncio.get_running_loop().remove_reader(self.master)
        self._writer.close()
        await self._task
        os.close(self.master)
        os.close(self._slave)


async def test_pymodbus_reads_and_writes_a_tcp_zone(served):
    client = AsyncModbusTcpClient("127.0.0.1", port=served.port("NET-T1"), timeout=2, retries=0)
    assert await client.connect()
    result = await client.read_holding_registers(1, count=5, device_id=1)
    assert result.registers[0] == 1234
    assert not (await client.write_register(276, 1, device_id=1)).isError()
    assert not (await client.write_register(277, 1800, device_id=1)).isError()
    run(served.line_up, 0.1)
    result = await client.read_holding_registers(5, count=1, device_id=1)
    assert result.registers == [1800]
    refused = await client.write_register(277, 9000, device_id=1)
    assert refused.exception_code == 3
    absent = await client.read_holding_registers(900, count=1, device_id=1)
    assert absent.exception_code == 2
    client.close()


async def test_pymodbus_speaks_rtu_over_tcp_to_the_shared_bus(served):
    client = AsyncModbusTcpClient(
        "127.0.0.1", port=served.port("RTU-A"), framer=FramerType.RTU, timeout=2, retries=0
    )
    assert await client.connect()
    result = await client.read_holding_registers(0x2000, count=5, device_id=11)
    assert result.registers[0] == 678
    for value in (0x0001, 0x0401):
        assert not (await client.write_register(0, value, device_id=12)).isError()
    assert not (await client.write_register(0x2103, 950, device_id=12)).isError()
    result = await client.read_holding_registers(0x2103, count=1, device_id=12)
    assert result.registers == [950]
    client.close()


async def test_pymodbus_reads_the_coupler_and_the_drives(served):
    coupler = AsyncModbusTcpClient("127.0.0.1", port=served.port("NET-IOA"), timeout=2, retries=0)
    drives = AsyncModbusTcpClient(
        "127.0.0.1", port=served.port("RTU-C"), framer=FramerType.RTU, timeout=2, retries=0
    )
    assert await coupler.connect()
    assert await drives.connect()
    inputs = await coupler.read_input_registers(0, count=42, device_id=1)
    assert len(inputs.registers) == 42
    assert not (await coupler.write_coil(13, True, device_id=1)).isError()
    assert served.plant.act.main_contactor
    both = await drives.readwrite_registers(
        read_address=12741, read_count=5, write_address=12761, values=[6, 700], device_id=31
    )
    assert both.registers[3:] == [6, 700]
    coupler.close()
    drives.close()


async def test_mbpoll_reads_and_writes_a_tcp_zone(served):
    port = str(served.port("NET-T1"))
    tcp = ("-m", "tcp", "-p", port, "-a", "1", "-0", "-1", "-q")
    output = await mbpoll(*tcp, "-r", "1", "-c", "5", "127.0.0.1")
    assert re.search(r"\[1\]:\s+1234", output)
    await mbpoll(*tcp, "-r", "24", "127.0.0.1", "1500")
    output = await mbpoll(*tcp, "-r", "24", "127.0.0.1")
    assert re.search(r"\[24\]:\s+1500", output)


async def test_mbpoll_keeps_a_safety_controller_alive(served):
    served.plant.sig.safety = 0b111111
    tcp = ("-m", "tcp", "-p", str(served.port("NET-SAFE")), "-a", "1", "-0", "-1", "-q")
    await mbpoll(*tcp, "-r", "0", "127.0.0.1", str(0x2A01))
    await mbpoll(*tcp, "-r", "255", "127.0.0.1", str(0x8400))
    run(served.line_up, 0.9)
    output = await mbpoll(*tcp, "-t", "3:hex", "-r", "512", "-c", "2", "127.0.0.1")
    assert re.search(r"\[512\]:\s+0x2ADF", output), "its count, all contacts, no heat yet"
    output = await mbpoll(*tcp, "-t", "1", "-r", "8208", "-c", "3", "127.0.0.1")
    assert re.findall(r"\[82\d\d\]:\s+(\d)", output) == ["1", "0", "0"], "o16: the host is alive"
    run(served.line_up, 0.2)
    output = await mbpoll(*tcp, "-r", "0", "127.0.0.1")
    assert re.search(r"\[0\]:\s+0\b", output)


async def test_mbpoll_reads_and_writes_a_serial_zone(served):
    bridge = PtyBridge()
    async with await bridge.join(served.port("RTU-A")):
        rtu = ("-m", "rtu", "-b", "19200", "-P", "none", "-a", "13", "-0", "-1", "-q")
        output = await mbpoll(*rtu, "-r", "8192", "-c", "5", bridge.path)
        assert re.search(r"\[8192\]:\s+678", output)
        await mbpoll(*rtu, "-r", "0", bridge.path, "1")
        await mbpoll(*rtu, "-r", "8451", bridge.path, "1350")
        output = await mbpoll(*rtu, "-r", "8451", bridge.path)
        assert re.search(r"\[8451\]:\s+1350", output)
    assert served.line_up.bank.target[2] == 135.0


async def test_ascii_binary_and_stream_ports(served):
    async def ask(bus_name, request, count):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port(bus_name))
        writer.write(request)
        reply = await asyncio.wait_for(reader.readexactly(count), 5.0)
        writer.close()
        await writer.wait_closed()
        return reply

    assert await ask("SER-2", b"\xb1\x01", 2) == (1250).to_bytes(2, "big")
    assert await ask("NET-SCAN", b"OUTREDUCE\r\n", 25) == b"OUTREDUCE 10 ETHERNET\r\n->"
    served.line_up.instruments["REGLO"].power(True)
    assert await ask("SER-1", b"1E\r", 1) == b"-"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port("NET-SCAN", True))
    await until(lambda: served.line_up.streams["NET-SCAN"].sessions)
    run(served.line_up, 0.1)
    assert (await asyncio.wait_for(reader.readexactly(36), 5.0))[:4] == b"SAEM"
    writer.close()
    await writer.wait_closed()


async def test_two_clients_at_a_time_and_a_fifth_is_hung_up_on(served):
    port = served.port("NET-T1")
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    assert await asyncio.wait_for(held[4][0].read(), 5.0) == b""
    request = bytes.fromhex("0001 0000 0006 01 03 0001 0001")
    for reader, writer in held[:4]:
        writer.write(request)
        assert (await asyncio.wait_for(reader.readexactly(11), 5.0))[:2] == b"\0\1"
    for _, writer in held:
        writer.close()
        await writer.wait_closed()


async def test_breaking_a_bus_hangs_up(served):
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port("RTU-B"))
    await until(lambda: served.wire.connections)
    served.wire.lose("RTU-B")
    assert await asyncio.wait_for(reader.read(), 5.0) == b""
    writer.close()
    await writer.wait_closed()


async def test_a_port_in_use_is_named_and_nothing_stays_open(served):
    second = TcpWire(served.line, served.line_up)
    port = served.port("NET-T1")
    with pytest.raises(PortInUseError, match=rf"port {port} of NET-T1 \(T1\) is in use"):
        await second.start()
    assert served.wire.connections == 0
