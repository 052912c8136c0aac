"""Serial ports (pyserial) as transports, and the plant's transport for each kind of bus.

The port is opened exclusively. On POSIX the loop watches the file descriptor; elsewhere one
reader thread per port hands bytes to the loop. This is the only module that imports pyserial.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading

import serial
from serial.tools import list_ports

from config.models import Bus
from drivers.errors import LinkClosed
from drivers.transport import (
    OnData,
    OnLost,
    TcpTransport,
    Transport,
    ignore_data,
    ignore_lost,
    split_tcp,
)

# A pseudo-terminal that refuses parity raises termios.error, which is not an OSError.
TERMINAL_ERRORS: tuple[type[Exception], ...] = ()
with contextlib.suppress(ImportError):
    import termios

    TERMINAL_ERRORS = (termios.error,)

STREAM_PORT = 1024  # value stream of a confocalDT controller (hardware sheet 3.6)
_READ_SIZE = 4096


def explain_open_error(path: str, error: Exception) -> str:
    """Words for a port that does not open: what is wrong and what to do."""
    code = getattr(error, "errno", None)
    if code == errno.EACCES:
        return f"{path}: permission denied; add this user to the group 'dialout' and log in again"
    if code == errno.ENOENT:
        ports = ", ".join(sorted(port.device for port in list_ports.comports())) or "none"
        return f"{path}: no such port; ports here: {ports}"
    if code in {errno.EBUSY, errno.EAGAIN}:
        return f"{path}: in use by another program"
    return f"{path}: {error}"


class SerialTransport:
    """One serial port, exclusively ours.

    Args:
        path: device path, best one of ``/dev/serial/by-id``.
        baud: bits per second.
        character: ``8N1``, ``8E1`` or ``8N2``.
    """

    def __init__(self, path: str, baud: int, character: str) -> None:
        self.on_data: OnData = ignore_data
        self.on_lost: OnLost = ignore_lost
        self._path, self._baud, self._character = path, baud, character
        self._port: serial.Serial | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = -1

    async def open(self) -> None:
        """Open the port; raises LinkClosed that says what to do about it."""
        self._loop = asyncio.get_running_loop()
        try:
            self._port = await self._loop.run_in_executor(None, self._open_port)
        except (OSError, ValueError) as error:
            raise LinkClosed(explain_open_error(self._path, error)) from error
        if os.name == "posix":
            self._watched = self._port.fileno()
            self._loop.add_reader(self._watched, self._read_ready)
        else:
            reader = threading.Thread(target=self._read_thread, args=(self._port,), daemon=True)
            reader.start()

    def write(self, data: bytes) -> None:
        """Send; requests are far smaller than the driver's buffer, so this does not block."""
        if self._port is None:
            return
        try:
            self._port.write(data)
        except (OSError, serial.SerialException) as error:
            self._lose(str(error))

    def close(self) -> None:
        """Close the port; no ``on_lost`` follows."""
        port, self._port = self._port, None
        if self._loop is not None and self._watched >= 0:
            self._loop.remove_reader(self._watched)
            self._watched = -1
        if port is not None:
            with contextlib.suppress(OSError):
                port.close()

    def _open_port(self) -> serial.Serial:
        """Open (blocking, in an executor)."""
        bits, parity, stop = tuple(self._character)
        try:
            return serial.Serial(
                self._path,
                self._baud,
                bytesize=int(bits),
                parity=parity,
                stopbits=int(stop),
                timeout=0 if os.name == "posix" else None,
                write_timeout=1.0,
                exclusive=True if os.name == "posix" else None,
            )
        except TERMINAL_ERRORS as error:
            raise LinkClosed(f"{self._path}: refuses {self._baud} {self._character}") from error

    def _read_ready(self) -> None:
        try:
            data = os.read(self._watched, _READ_SIZE)
        except OSError as error:
            self._lose(str(error))
            return
        if data:
            self.on_data(data)
        else:
            self._lose("the port vanished")

    def _read_thread(self, port: serial.Serial) -> None:
        """Read where the loop cannot watch a port; ends when the port closes."""
        loop = self._loop
        while loop is not None and self._port is port:
            try:
                data = port.read(1) + port.read(port.in_waiting)
            except (OSError, TypeError, serial.SerialException) as error:
                loop.call_soon_threadsafe(self._lose, str(error))
                return
            if data:
                loop.call_soon_threadsafe(self._deliver, port, data)

    def _deliver(self, port: serial.Serial, data: bytes) -> None:
        if self._port is port:
            self.on_data(data)

    def _lose(self, reason: str) -> None:
        if self._port is not None:
            self.close()
            self.on_lost(f"{self._path}: {reason}")


def plant_transport(bus: Bus, stream: bool) -> Transport:
    """Transport to the real device(s) of a bus: TCP, or a serial port with its settings."""
    if bus.address.startswith(("tcp://", "socket://")):
        host, port = split_tcp(bus.address)
        return TcpTransport(host, STREAM_PORT if stream else port)
    if bus.baud is None or bus.format is None:
        raise ValueError(f"{bus.name}: a serial port needs baud and format")
    return SerialTransport(bus.address, bus.baud, bus.format)
