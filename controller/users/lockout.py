"""Five wrong passwords lock an account for a quarter of an hour (safety rule S5). Pure.

A name the book does not have is counted like one it has, so that being locked says nothing
about who exists. Stop and abort need no log-in, so nobody is ever locked out of them.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST_FAILURES = 5
LOCK_S = 15 * 60.0
_MOST_NAMES = 512


@dataclass(slots=True)
class _Count:
    failures: int
    last_s: float


class Lockout:
    """Counts attempts by account; times are seconds of a clock that never steps back."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def locked_s(self, name: str, now_s: float) -> float:
        """Seconds until an account may try again; 0 when it may now."""
        count = self._counts.get(name)
        if count is None or count.failures < MOST_FAILURES:
            return 0.0
        return max(0.0, count.last_s + LOCK_S - now_s)

    def attempt(self, name: str, now_s: float) -> bool:
        """Count an attempt as failed until it has proved right; False when the account is locked.

        Counting first means that attempts at the same time cannot be more than allowed.
        """
        if self.locked_s(name, now_s) > 0.0:
            return False
        count = self._counts.get(name)
        if count is None or now_s - count.last_s >= LOCK_S:
            count = _Count(0, now_s)
        count.failures += 1
        count.last_s = now_s
        self._counts[name] = count
        self._counts.move_to_end(name)
        while len(self._counts) > _MOST_NAMES:
            self._counts.popitem(last=False)
        return True

    def right(self, name: str) -> None:
        """Forget the failures of an account that has proved right."""
        self._counts.pop(name, None)
