"""Real sockets and a real pseudo-terminal; opening errors say what to do."""

import asyncio
import errno
import os
import tty

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.errors import LinkClosed
from drivers.serial_line import SerialTransport, explain_open_error, plant_transport
from drivers.transport import TcpTransport, simulator_transport, split_tcp
from tests.wire.driver_support import Bench
from tests.wire.line_entries import bus_spec, epc


async def serve_echo():
    async def handle(reader, writer):
        try:
            while data := await reader.read(100):
                if data == b"bye":
                    break
                writer.write(data[::-1])
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def until(condition):
    for _ in range(5_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("not within 5 s")


async def test_tcp_carries_bytes_reports_loss_and_reopens():
    server, port = await serve_echo()
    line = TcpTransport("127.0.0.1", port)
    got, lost = [], []
    line.on_data, line.on_lost = got.append, lost.append
    await line.open()
    line.write(b"abc")
    await until(lambda: got)
    assert got == [b"cba"]
    line.write(b"bye")
    await until(lambda: lost)
    assert lost == ["closed by the device"]
    line.write(b"into the void")
    await line.open()
    line.write(b"xy")
    line.close()  # the reply must not arrive any more, and a close of ours is no loss
    await asyncio.sleep(0.02)
    assert (got, len(lost)) == ([b"cba"], 1)
    server.close()
    await server.wait_closed()


async def test_tcp_refused_says_where():
    server, port = await serve_echo()
    server.close()
    await server.wait_closed()
    with pytest.raises(LinkClosed, match=rf"127\.0\.0\.1:{port}: refused"):
        await TcpTransport("127.0.0.1", port).open()


def test_addresses_and_factories():
    assert split_tcp("socket://localhost:4001") == ("localhost", 4001)
    for bad in ("tcp://host", "/dev/ttyUSB0", "tcp://:502"):
        with pytest.raises(ValueError, match="is not tcp"):
            split_tcp(bad)
    assert isinstance(plant_transport(bus_spec("modbus_rtu"), False), TcpTransport)
    serial = bus_spec("modbus_rtu").model_copy(update={"address": "/dev/ttyUSB9"})
    assert isinstance(plant_transport(serial, False), SerialTransport)
    with pytest.raises(ValueError, match="baud"):
        plant_transport(serial.model_copy(update={"baud": None}), False)
    with pytest.raises(ValueError, match="stream"):
        simulator_transport(bus_spec(), True)


async def test_serial_port_opens_exclusively_and_carries_bytes():
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    line = SerialTransport(path, 9600, "8N1")
    got, lost = [], []
    line.on_data, line.on_lost = got.append, lost.append
    await line.open()
    with pytest.raises(LinkClosed, match="another program"):
        await SerialTransport(path, 9600, "8N1").open()
    line.write(b"1f\r\n")
    await asyncio.sleep(0)
    assert os.read(master, 100) == b"1f\r\n"
    os.write(master, b"1200E-2\r\n")
    await until(lambda: got)
    assert b"".join(got) == b"1200E-2\r\n"
    line.close()
    await line.open()
    os.close(slave)
    os.close(master)
    await until(lambda: lost)
    assert path in lost[0]


async def test_a_missing_port_lists_what_there_is():
    with pytest.raises(LinkClosed, match="no such port; ports here:"):
        await SerialTransport("/dev/ttyNOT-THERE", 9600, "8N1").open()


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.EACCES, "dialout"), (errno.EBUSY, "in use"), (errno.EIO, "Input/output")],
)
def test_open_errors_say_what_to_do(code, words):
    assert words in explain_open_error("/dev/ttyS0", OSError(code, os.strerror(code)))


async def test_against_the_server_of_pymodbus():
    """A second opinion: another implementation of the protocol at the far end."""
    words = [0] * 2400
    for address, value in {1: 1234, 4: 455, 5: 1300, 1169: 5, 2308: 3, 277: 200}.items():
        words[address] = value
    device = SimDevice(1, simdata=[SimData(0, values=words, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    bench = Bench(loop, bus_spec(), [epc()], None)
    line = TcpTransport("127.0.0.1", port)
    line.on_data, line.on_lost = bench.bus._on_data, bench.bus._lose
    bench.bus._transport = line
    bench.start()
    await until(lambda: bench.image.value.get("TIC-501.MODE") == 1.0)
    assert bench.image.value["TIC-501.PV"] == pytest.approx(123.4)
    bench.outputs.put("TIC-501.SP", 55.0)
    await until(lambda: bench.observer.writes)
    assert bench.observer.writes[0].outcome == "written"
    await until(lambda: bench.image.value.get("TIC-501.SP") == pytest.approx(55.0))
    await bench.stop()
    await server.shutdown()
