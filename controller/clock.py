"""Clocks: the machine's own, and one that follows an event loop.

Only the composition root makes a clock; everything below takes ``now_ns`` as an argument.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

NS = 1_000_000_000


class LoopTime(Protocol):
    """The part of an event loop that tells its time."""

    def time(self) -> float:
        """Seconds on the loop's own scale."""


class SystemClock:
    """UTC and monotonic time of this machine: the clock of a live run."""

    def utc_ns(self) -> int:
        """UTC in ns since 1970; may step, so it is for stamps only."""
        return time.time_ns()  # noqa: TID251 - the one place where the product asks the machine

    def monotonic(self) -> float:
        """Seconds that never step back or jump: for deadlines and ages."""
        return time.monotonic()  # noqa: TID251 - the one place where the product asks the machine


class LoopClock:
    """Line time of an event loop: UTC is ``epoch_ns`` plus the seconds the loop has run.

    Args:
        loop: anything with ``time()``; a virtual loop starts at 0 s.
        epoch_ns: UTC ns of the loop's zero.
    """

    __slots__ = ("_epoch_ns", "_loop")

    def __init__(self, loop: LoopTime, epoch_ns: int) -> None:
        self._loop = loop
        self._epoch_ns = epoch_ns

    def utc_ns(self) -> int:
        """Line time as UTC ns, exact to 1 ns for a run of up to 100 days."""
        return self._epoch_ns + round(self._loop.time() * NS)

    def monotonic(self) -> float:
        """Line seconds."""
        return self._loop.time()


class WallWatch:
    """Notices when somebody sets the computer's clock, or it slept (safety specification 2.10).

    Args:
        wall_ns: UTC of the computer, ns; it may step.
        line_ns: UTC of the stamps, ns; it never does.
    """

    __slots__ = ("_line_ns", "_off_ns", "_wall_ns")

    def __init__(self, wall_ns: Callable[[], int], line_ns: Callable[[], int]) -> None:
        self._wall_ns = wall_ns
        self._line_ns = line_ns
        self._off_ns: int | None = None

    def stepped_s(self) -> float:
        """Seconds by which the wall clock has stepped since the last look; 0 up to 1 s."""
        off_ns = self._wall_ns() - self._line_ns()
        moved_ns = 0 if self._off_ns is None else off_ns - self._off_ns
        self._off_ns = off_ns
        return moved_ns / NS if abs(moved_ns) > NS else 0.0
