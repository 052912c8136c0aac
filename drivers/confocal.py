"""Lines and value stream of a confocalDT controller (hardware sheet 3.6). Pure.

Commands: a line out, reply lines, CR LF and the prompt ``->`` back; an error is a line that
begins with E and two digits. Stream: blocks of a 28-byte little-endian header and int32 fields
in the order of the flags. A block that does not add up is skipped to the next preamble.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from drivers.errors import DeviceRefused, ReplyError
from drivers.link import Request

PROMPT = b"->"
_LONGEST_REPLY = 64 * 1024
_ERROR = re.compile(rb"(?:^|[\r\n ])E(\d\d)\b([^\r\n]*)")

PREAMBLE = b"SAEM"  # 0x4D454153, little-endian
_HEADER = struct.Struct("<4sIIIIHHI")  # order, serial, flags 1 and 2, frames, bytes, counter
_SISTER = struct.Struct("<4sIIIIIHH")  # a sister page draws the counter first
_FIELDS_1 = (*range(7, 13), 15, *range(18, 28))
_FIELDS_2 = tuple(range(28))  # 28..31 are the rate code
ERROR_FIELD, THICKNESS_FIELD = (1, 26), (2, 0)
_LONGEST_BLOCK = 64 * 1024


class ConfocalLink:
    """Rules of the command connection."""

    reopens = True

    def __init__(self) -> None:
        self._now: Request | None = None
        self._buffer = b""

    def ask(self, command: str) -> Request:
        """Build a command."""
        return Request(what=command, frame=command.encode("ascii") + b"\n", ends="prompt")

    def begin(self, request: Request) -> bytes:
        """Start an exchange."""
        self._now = request
        self._buffer = b""
        return request.frame

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; the payload is the text before the prompt."""
        request = self._now
        if request is None:
            return None
        self._buffer += data
        text, prompt, rest = self._buffer.partition(PROMPT)
        if not prompt:
            if len(self._buffer) > _LONGEST_REPLY:
                raise ReplyError(f"{request.what}: a reply without prompt")
            return None
        if rest.strip():
            raise ReplyError(f"{request.what}: bytes after the prompt")
        error = _ERROR.search(text)
        if error is not None:
            words = error[2].decode("ascii", "replace").strip()
            raise DeviceRefused(f"{request.what}: E{error[1].decode()} {words}", int(error[1]))
        return text.strip()


@dataclass(frozen=True, slots=True)
class ThicknessFrame:
    """One value of the stream: nanometers of the first layer, and the error status bits."""

    thickness_nm: int
    errors: int


class StreamParser:
    """Cuts the stream into frames.

    Attributes:
        skipped_bytes: bytes that belonged to no sound block.
        lost_frames: frames missing by the block counter.
    """

    def __init__(self) -> None:
        self.skipped_bytes = 0
        self.lost_frames = 0
        self._buffer = b""
        self._flags = (-1, -1)
        self._fields: tuple[tuple[int, int], ...] = ()
        self._frame = struct.Struct("<")
        self._counter: int | None = None

    def restart(self) -> None:
        """Forget everything: a new connection begins at a block."""
        self._buffer = b""
        self._counter = None

    def feed(self, data: bytes) -> list[ThicknessFrame]:
        """Take bytes; give the frames completed by them."""
        frames: list[ThicknessFrame] = []
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            if not self._buffer.startswith(PREAMBLE):
                self._skip()
                continue
            shape = self._shape()
            if shape is None:
                self._skip()
                continue
            count, counter = shape
            end = _HEADER.size + count * self._frame.size
            if len(self._buffer) < end:
                break
            self._take(count, counter, frames)
            self._buffer = self._buffer[end:]
        return frames

    def _skip(self) -> None:
        """Drop bytes up to the next preamble."""
        at = self._buffer.find(PREAMBLE, 1)
        if at < 0:
            at = len(self._buffer) - len(PREAMBLE) + 1
        self.skipped_bytes += at
        self._buffer = self._buffer[at:]

    def _shape(self) -> tuple[int, int] | None:
        """Frames and counter of the block at the start, None if it does not add up."""
        _, _, _, flags1, flags2, frames, size, counter = _HEADER.unpack_from(self._buffer)
        if (flags1, flags2) != self._flags:
            self._plan(flags1, flags2)
        if size != self._frame.size:
            _, _, _, _, _, counter, frames, size = _SISTER.unpack_from(self._buffer)
        sound = size == self._frame.size and 0 < frames * size <= _LONGEST_BLOCK
        return (frames, counter) if sound else None

    def _plan(self, flags1: int, flags2: int) -> None:
        """Lay out the fields of a frame from the flags."""
        self._flags = (flags1, flags2)
        self._fields = (
            *((1, bit) for bit in _FIELDS_1 if flags1 >> bit & 1),
            *((2, bit) for bit in _FIELDS_2 if flags2 >> bit & 1),
        )
        self._frame = struct.Struct(f"<{len(self._fields)}i")

    def _take(self, count: int, counter: int, frames: list[ThicknessFrame]) -> None:
        if self._counter is not None:
            gap = (counter - self._counter - count) & 0xFFFF_FFFF
            self.lost_frames += gap if gap < 0x8000_0000 else 0
        self._counter = counter
        if THICKNESS_FIELD not in self._fields:
            return
        at = self._fields.index(THICKNESS_FIELD)
        error_at = self._fields.index(ERROR_FIELD) if ERROR_FIELD in self._fields else -1
        for n in range(count):
            row = self._frame.unpack_from(self._buffer, _HEADER.size + n * self._frame.size)
            frames.append(
                ThicknessFrame(row[at], row[error_at] & 0xFFFF_FFFF if error_at >= 0 else 0)
            )
