"""What a judge found: one entry per episode, however many ticks it lasted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant.

    Attributes:
        invariant: name as in the safety specification 3, ``I3``.
        time_s: line seconds at which it was found.
        detail: what was true and what was allowed.
    """

    invariant: str
    time_s: float
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.time_s:.1f} s: {self.detail}"


class Ledger:
    """Collects violations; an episode is counted when it begins and may begin again when over.

    Attributes:
        violations: in the order of their time.
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self._open: set[tuple[str, Hashable]] = set()

    def note(self, invariant: str, key: Hashable, time_s: float, detail: str) -> None:
        """Count an episode unless it is already open."""
        if (invariant, key) not in self._open:
            self._open.add((invariant, key))
            self.violations.append(Violation(invariant, time_s, detail))

    def end(self, invariant: str, key: Hashable) -> None:
        """Close an episode, if it is open."""
        if self._open:
            self._open.discard((invariant, key))

    def counts(self) -> Counter[str]:
        """Return how many episodes each invariant has."""
        return Counter(violation.invariant for violation in self.violations)


class Timer:
    """For how long something has been true without a gap.

    Attributes:
        since_s: when it became true, None while it is false.
    """

    __slots__ = ("since_s",)

    def __init__(self) -> None:
        self.since_s: float | None = None

    def held(self, true: bool, now_s: float) -> float:
        """Take the present state; return the seconds it has lasted, -1 while false."""
        if not true:
            self.since_s = None
            return -1.0
        if self.since_s is None:
            self.since_s = now_s
        return now_s - self.since_s
