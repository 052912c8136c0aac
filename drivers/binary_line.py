"""Binary requests of Optris CT pyrometers on a shared RS485 line (hardware sheet 3.7).

A reply is a known number of bytes and nothing else: no address, no command, no checksum. So
the line must be silent before each request, and a late reply is told apart only by length.
"""

from __future__ import annotations

from functools import reduce
from operator import xor

from drivers.errors import ReplyError
from drivers.link import Request

_PREFIX = 0xB0


def checksum(command: bytes) -> int:
    """XOR of the command bytes, as SET commands carry it."""
    return reduce(xor, command, 0)


class OptrisLink:
    """Rules of one multidrop line of Optris CT."""

    reopens = False

    def __init__(self) -> None:
        self._now: Request | None = None
        self._buffer = b""

    def ask(self, unit: int, command: bytes, size: int) -> Request:
        """Build a GET command to one address; its reply has ``size`` bytes."""
        frame = bytes((_PREFIX + unit,)) + command
        return Request(what=f"address {unit} {command.hex()}", frame=frame, size=size, unit=unit)

    def set(self, unit: int, command: bytes) -> Request:
        """Build a SET command with its checksum; the device echoes the two value bytes."""
        frame = bytes((_PREFIX + unit,)) + command + bytes((checksum(command),))
        what = f"address {unit} set {command.hex()}"
        return Request(what=what, frame=frame, head=command[1:], size=2, unit=unit)

    def begin(self, request: Request) -> bytes:
        """Start an exchange."""
        self._now = request
        self._buffer = b""
        return request.frame

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; the payload is the whole reply."""
        request = self._now
        if request is None:
            return None
        self._buffer += data
        if len(self._buffer) < request.size:
            return None
        if len(self._buffer) > request.size:
            raise ReplyError(f"{request.what}: {len(self._buffer)} bytes, not {request.size}")
        if not self._buffer.startswith(request.head):
            raise ReplyError(f"{request.what}: echo {self._buffer.hex()}")
        return self._buffer
