"""The hot path: one recorder per scan group takes a row per poll and keeps it until stored.

A row is packed at once into the bytes the record will hold (sent ns, received ns, values), so
an append is one call into C and a commit is one copy. Rows leave the recorder only when their
commit has returned: the commit is the acknowledgement.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.historian.blocks import ALL_COLUMNS, BAD_ENTRY, fresh_block
from drivers.base import Block

_FIRST_ROWS: Final = 32
_STAMPS = struct.Struct("<qq")
_NAN: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a scan group without good or without any samples, and why.

    Attributes:
        group_id: scan group, or None for events.
        kind: ``failed`` (stored as bad), ``dropped`` (not stored) or ``stopped`` (nobody
            was recording).
        from_ns: sending time of the first sample concerned.
        to_ns: sending time of the last.
        samples: polls concerned; 0 when not known.
        quality: OPC UA status the samples carry, 0 where nothing is stored.
        reason: in words.
    """

    group_id: int | None
    kind: str
    from_ns: int
    to_ns: int
    samples: int
    quality: int
    reason: str


@dataclass(frozen=True, slots=True)
class FreshBlock:
    """Rows of one scan group on their way to the disk."""

    group_id: int
    from_ns: int
    to_ns: int
    rows: int
    data: bytes


class BlockRecorder:
    """Takes what each exchange of a scan group brought; has the shape of a BlockWriter.

    Attributes:
        block: the scan group.
        group_id: its number in the record.
        rows: rows not yet acknowledged.
    """

    __slots__ = (
        "_bad",
        "_buffer",
        "_capacity",
        "_clock_stepped",
        "_failure_open",
        "_failures",
        "_latest_ns",
        "_pack_into",
        "_row_bytes",
        "_tags",
        "block",
        "group_id",
        "rows",
    )

    def __init__(self, block: Block, group_id: int) -> None:
        self.block = block
        self.group_id = group_id
        self.rows = 0
        self._tags = len(block.tags)
        row = struct.Struct(f"<qq{self._tags}d")
        self._pack_into = row.pack_into
        self._row_bytes = row.size
        self._capacity = _FIRST_ROWS
        self._buffer = bytearray(row.size * _FIRST_ROWS)
        self._bad: list[tuple[int, int | tuple[int, ...]]] = []
        self._failures: list[Gap] = []
        self._failure_open = False
        self._latest_ns = 0
        self._clock_stepped = False

    def append(
        self,
        values: Sequence[float] | NDArray[np.float64],
        quality: Sequence[int] | NDArray[np.uint32] | int,
        sent_ns: int,
        received_ns: int,
    ) -> None:
        """Keep one row.

        Args:
            values: one float for each tag of the block; NaN where bad.
            quality: one OPC UA status per tag, or one for all of them.
            sent_ns: UTC ns when the request left.
            received_ns: UTC ns when the reply was complete.
        """
        row = self.rows
        if row == self._capacity:
            self._grow()
        if isinstance(values, np.ndarray):  # unpacking it would make a scalar object per value
            values = values.tolist()
        self._pack_into(self._buffer, row * self._row_bytes, sent_ns, received_ns, *values)
        if quality.__class__ is int:
            if quality:
                self._bad.append((row, quality))
        else:
            self._note(row, quality)
        if sent_ns < self._latest_ns:
            self._clock_stepped = True
        self._latest_ns = sent_ns
        self.rows = row + 1
        self._failure_open = False

    def append_failed(self, quality: int, reason: str, sent_ns: int, received_ns: int) -> None:
        """Keep a failed poll: every tag NaN with ``quality``, and the reason."""
        extends = self._failure_open
        self.append((_NAN,) * self._tags, int(quality), sent_ns, received_ns)
        last = self._failures[-1] if self._failures else None
        if extends and last and (last.quality, last.reason) == (quality, reason):
            self._failures[-1] = Gap(
                self.group_id,
                "failed",
                last.from_ns,
                sent_ns,
                last.samples + 1,
                last.quality,
                reason,
            )
        else:
            self._failures.append(
                Gap(self.group_id, "failed", sent_ns, sent_ns, 1, int(quality), reason)
            )
        self._failure_open = True

    write = append
    fail = append_failed

    def _note(self, row: int, quality: Sequence[int] | NDArray[np.uint32] | int) -> None:
        if isinstance(quality, int):  # an IntEnum member
            if quality:
                self._bad.append((row, int(quality)))
        elif isinstance(quality, np.ndarray):
            if quality.any():
                self._bad.append((row, tuple(quality.tolist())))
        elif any(quality):
            self._bad.append((row, tuple(quality)))

    def _grow(self) -> None:
        self._buffer = self._buffer + bytes(len(self._buffer))
        self._capacity *= 2

    def take(self) -> FreshBlock | None:
        """Copy all rows out for a commit; they stay here until :meth:`release`."""
        rows = self.rows
        if not rows:
            return None
        with memoryview(self._buffer)[: rows * self._row_bytes] as body:
            data = fresh_block(self._tags, rows, body, self._exceptions())
        return FreshBlock(self.group_id, *self._span(), rows, data)

    def _span(self) -> tuple[int, int]:
        """Earliest and latest sending time of the rows held."""
        if not self._clock_stepped:
            return self._sent(0), self._latest_ns
        sent = [self._sent(row) for row in range(self.rows)]
        return min(sent), max(sent)

    def _sent(self, row: int) -> int:
        return int(_STAMPS.unpack_from(self._buffer, row * self._row_bytes)[0])

    def _exceptions(self) -> list[bytes]:
        entries: list[bytes] = []
        for row, quality in self._bad:
            if isinstance(quality, int):
                entries.append(BAD_ENTRY.pack(row, ALL_COLUMNS, quality))
            else:
                entries += [
                    BAD_ENTRY.pack(row, column, code) for column, code in enumerate(quality) if code
                ]
        return entries

    def take_failures(self) -> list[Gap]:
        """Stretches of failed polls so far; the next failed poll begins a new one."""
        self._failure_open = False
        return list(self._failures)

    @property
    def failing(self) -> bool:
        """Whether stretches of failed polls wait for a commit."""
        return bool(self._failures)

    def release(self, rows: int) -> None:
        """Forget the oldest rows: their commit has returned."""
        self._forget(0, rows)

    def release_failures(self, count: int) -> None:
        """Forget the oldest stretches of failed polls: their commit has returned."""
        del self._failures[:count]

    def trim(self, keep: int, in_flight: int, reason: str) -> Gap | None:
        """Drop the oldest rows beyond ``keep`` that no commit holds, and say which.

        Args:
            keep: rows that may wait.
            in_flight: oldest rows that a running commit holds; never dropped here.
            reason: why they cannot be stored.
        """
        surplus = min(self.rows - keep, self.rows - in_flight)
        if surplus <= 0:
            return None
        gap = Gap(
            self.group_id,
            "dropped",
            self._sent(in_flight),
            self._sent(in_flight + surplus - 1),
            surplus,
            0,
            reason,
        )
        self._forget(in_flight, surplus)
        return gap

    def _forget(self, start: int, count: int) -> None:
        """Remove rows from the buffer, moving the later ones down."""
        end, size = start + count, self._row_bytes
        rest = self.rows - end
        if rest:
            self._buffer[start * size : (start + rest) * size] = self._buffer[
                end * size : self.rows * size
            ]
        self.rows -= count
        self._clock_stepped &= self.rows > 0
        if self._bad:
            self._bad = [
                (row if row < start else row - count, quality)
                for row, quality in self._bad
                if row < start or row >= end
            ]
