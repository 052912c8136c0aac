"""What a stall, a sleep, a full disk and a fat process lead to (safety rules 2.9 to 2.12). Pure.

Limits are wall seconds: they are about this computer, not about the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

WARN_S, HOLD_S, EXIT_S = 0.25, 1.0, 3.0
LONGEST_STEP_S = 0.2  # a watcher that was away for longer than this was stopped itself
EXIT_CODE = 70
STOOD_STILL_S = 1.0  # scans missing for so long hold the procedure
SLEPT_S = 0.5
DISK_LOW, DISK_LOWEST = 20.0, 5.0  # percent free: warn (an alarm of the line), no new run
MEMORY_BUDGET_MIB = 400.0


class Stall(IntEnum):
    """How bad a stall of the loop is."""

    NONE = 0
    WARN = 1
    HOLD = 2
    EXIT = 3


@dataclass(slots=True)
class StallRule:
    """Judges the loop by its signs of life, seen by somebody outside it.

    Only time in which the watcher itself ran counts: a process that was stopped and goes on
    (SIGSTOP, a debugger, a busy computer) is late, not stuck, and its scan will say so.

    Attributes:
        stalled_s: seconds without a sign of life.
        level: what that means.
    """

    stalled_s: float = 0.0
    level: Stall = Stall.NONE
    _signs: int = -1

    def step(self, signs: int, dt: float) -> Stall:
        """Look once.

        Args:
            signs: signs of life so far.
            dt: seconds since the last look.

        Returns:
            the level newly reached, NONE when it is the same as before or lower.
        """
        if signs != self._signs:
            self._signs = signs
            self.stalled_s, self.level = 0.0, Stall.NONE
            return Stall.NONE
        self.stalled_s += min(dt, LONGEST_STEP_S)
        before, self.level = self.level, _level(self.stalled_s)
        return self.level if self.level > before else Stall.NONE


def _level(stalled_s: float) -> Stall:
    if stalled_s >= EXIT_S:
        return Stall.EXIT
    if stalled_s >= HOLD_S:
        return Stall.HOLD
    return Stall.WARN if stalled_s >= WARN_S else Stall.NONE


@dataclass(slots=True)
class SleepWatch:
    """Notices that the computer slept: the clock that counts sleep gained on the other."""

    _gap_s: float | None = None

    def slept_s(self, boottime_s: float, monotonic_s: float) -> float:
        """Seconds slept since the last look; 0 up to half a second."""
        gap_s = boottime_s - monotonic_s
        gained_s = 0.0 if self._gap_s is None else gap_s - self._gap_s
        self._gap_s = gap_s
        return gained_s if gained_s > SLEPT_S else 0.0


def against_a_run(free_pct: float) -> list[str]:
    """Reason against a new run on a disk with so much of it free, as a list; empty when none."""
    if free_pct >= DISK_LOWEST:
        return []
    return [f"the disk of the record has {free_pct:.1f} % free, a new run needs {DISK_LOWEST:g} %"]


def memory_pct(rss_bytes: int) -> float:
    """Resident memory in percent of the budget."""
    return 100.0 * rss_bytes / (MEMORY_BUDGET_MIB * 2**20)
