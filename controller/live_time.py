"""Time of a live run: the loop, the clock its stamps come from, and the beat of the scans.

A plant runs on the machine's own seconds. Against a simulator at speed k the loop's seconds
are line seconds, k of them a wall second, so that every deadline is line time and the same
code runs. Stamps never step: they are the UTC of the start plus what the loop has run since.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.clock import NS, LoopTime

_EARLY_S = 1e-6  # a timer may fire this much before its time


class _ScaledSelector(selectors.SelectSelector):
    """Waits in wall seconds for what was asked in line seconds.

    It is built on ``select``, whose time-outs are microseconds: ``epoll`` rounds up to whole
    milliseconds, which at 20 times the speed are 20 ms of line time on every short wait.
    """

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait; see ``selectors``."""
        return super().select(None if timeout is None else timeout / self._speed)


class LiveLoop(asyncio.SelectorEventLoop):
    """An event loop whose ``time()`` starts at 0 and counts ``speed`` seconds a wall second."""

    def __init__(self, speed: float = 1.0) -> None:
        self._line_speed = speed
        self._began_s = 0.0
        super().__init__(_ScaledSelector(speed))
        self._began_s = super().time()

    def time(self) -> float:
        """Line seconds since the loop was made."""
        return (super().time() - self._began_s) * self._line_speed


class LineClock:
    """UTC and monotonic time of a live run.

    Before :meth:`begin` it stands at its start.

    Args:
        loop: whose seconds are line seconds.
        start_ns: UTC ns of line time at :meth:`begin`.
    """

    __slots__ = ("_began_s", "_loop", "_start_ns")

    def __init__(self, loop: LoopTime, start_ns: int) -> None:
        self._loop = loop
        self._start_ns = start_ns
        self._began_s: float | None = None

    def begin(self, start_ns: int | None = None) -> None:
        """Line time goes on from here, with another start if one is given."""
        self._start_ns = self._start_ns if start_ns is None else start_ns
        self._began_s = self._loop.time()

    def utc_ns(self) -> int:
        """Line time as UTC ns; it never steps."""
        return self._start_ns + round(self.monotonic() * NS)

    def monotonic(self) -> float:
        """Line seconds since :meth:`begin`."""
        return 0.0 if self._began_s is None else self._loop.time() - self._began_s


@dataclass(slots=True)
class Beat:
    """When scans are due: on an absolute schedule, so that delays do not add up.

    Attributes:
        due_s: loop time of the next scan.
        period_s: between scans.
        scans, left_out: done; left out because the next one was due already.
        behind: begun more than half a period after their time.
        worst_s: longest delay of the beginning of a scan.
    """

    due_s: float
    period_s: float
    scans: int = 0
    left_out: int = 0
    behind: int = 0
    worst_s: float = 0.0

    def take(self, now_s: float) -> int:
        """Begin the scan that is due; returns how many before it are left out."""
        delay_s = max(0.0, now_s - self.due_s)
        missed = int((delay_s + _EARLY_S) / self.period_s)
        self.scans += 1
        self.left_out += missed
        self.behind += delay_s > self.period_s / 2
        self.worst_s = max(self.worst_s, delay_s)
        self.due_s += (missed + 1) * self.period_s
        return missed

    def facts(self) -> Mapping[str, Any]:
        """The counters, for logs and benches."""
        return {
            "scans": self.scans,
            "left_out": self.left_out,
            "behind": self.behind,
            "worst_s": round(self.worst_s, 4),
        }
