"""Request and reply lines of the Ismatec Reglo ICC (hardware sheet 3.5).

A reply is either one status byte without terminator (``*`` done, ``#`` refused, ``+`` yes,
``-`` no) or a data line ended by CR LF. Which of them a command gives is known beforehand;
a reply of the other form belongs to another request. There is no checksum.
"""

from __future__ import annotations

from typing import Literal

from drivers.errors import DeviceRefused, ReplyError
from drivers.link import Request

_REFUSED = b"#"
_STATUS = b"*+-"
_LONGEST_LINE = 80


class RegloLink:
    """Rules of one Reglo line."""

    reopens = False

    def __init__(self) -> None:
        self._now: Request | None = None
        self._buffer = b""

    def ask(self, unit: int, command: str, ends: Literal["status", "line", "either"]) -> Request:
        """Build a request: ``command`` goes out with CR LF."""
        frame = command.encode("ascii") + b"\r\n"
        return Request(what=f"{command!r}", frame=frame, unit=unit, ends=ends)

    def begin(self, request: Request) -> bytes:
        """Start an exchange."""
        self._now = request
        self._buffer = b""
        return request.frame

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; the payload is the status byte or the line without its end."""
        request = self._now
        if request is None:
            return None
        self._buffer += data
        first = self._buffer[:1]
        if first == _REFUSED:
            raise DeviceRefused(f"{request.what}: refused by the pump", first[0])
        if first in _STATUS:  # never the first byte of a data line: flows are not negative
            return self._status(request, first)
        if request.ends == "status":
            raise ReplyError(f"{request.what}: {self._buffer!r} is not a status byte")
        return self._line(request)

    def _status(self, request: Request, first: bytes) -> bytes | None:
        if request.ends == "line":
            raise ReplyError(f"{request.what}: status {first!r} where data was asked")
        if len(self._buffer) > 1:
            raise ReplyError(f"{request.what}: bytes after the status {self._buffer!r}")
        return first

    def _line(self, request: Request) -> bytes | None:
        line, end, rest = self._buffer.partition(b"\r\n")
        if rest:
            raise ReplyError(f"{request.what}: bytes after the reply {self._buffer!r}")
        if not end:
            if len(line) > _LONGEST_LINE:
                raise ReplyError(f"{request.what}: a line without end")
            return None
        if not line.isascii() or not line.strip():
            raise ReplyError(f"{request.what}: {line!r} is no reply")
        return line


def parse_flow(line: bytes) -> float:
    """Read a flow in mL/min: ``1200E-2`` is 1.200e-2 (number / 1000)."""
    text = line.decode("ascii", "replace").strip()
    mantissa, mark, exponent = text.upper().partition("E")
    digits = mantissa.replace(".", "", 1)
    if not mark or not digits.isdigit() or not exponent.lstrip("+-").isdigit():
        raise ReplyError(f"{text!r} is not a flow")
    return float(text) / 1000.0


def format_flow(ml_min: float) -> str:
    """Write a flow as the pump takes it: four digits m.mmm and an exponent, ``1200-2``."""
    if ml_min == 0.0:
        return "0000+0"
    mantissa, _, exponent = f"{ml_min:.3e}".partition("e")
    return f"{mantissa.replace('.', '')}{int(exponent):+d}"
