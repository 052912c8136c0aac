"""Clocks: the machine's own, and one that follows an event loop.

Only the composition root makes a clock; everything below takes ``now_ns`` as an argument.
"""

from __future__ import annotations

import time
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
