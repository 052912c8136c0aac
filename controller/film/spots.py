"""Where on the web each value of a moving gauge was taken.

Values come by the gauge's own stream, positions of its carriage by a coupler's poll: two wires,
each with its own delay. Who takes the latest of both in every scan gives a late value the place of
the next one, and loses one of two that came between two scans: every lane it stood for stays
unseen. Here every value gets the position that its carriage had at the value's own time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from math import nan
from typing import Final

Samples = deque[tuple[int, float]]
"""Samples of one tag not taken yet, oldest first: source time, UTC ns; value, NaN unless GOOD."""

_GAP_NS: Final = 500_000_000  # further apart, two positions say nothing of what lies between
_PATIENCE_NS: Final = 1_000_000_000  # for the position after a value
_TRACK: Final = 32


class Spots:
    """Values of a gauge with their places.

    Args:
        values, positions: samples as they come in; both are emptied here.
    """

    def __init__(self, values: Samples, positions: Samples) -> None:
        self._values = values
        self._positions = positions
        self._at_ns: list[int] = []
        self._at_m: list[float] = []

    def take(self, now_ns: int) -> list[tuple[float, float]]:
        """Position (m, NaN if unknown) and value of each spot whose place is known by now."""
        while self._positions:
            at_ns, at_m = self._positions.popleft()
            self._at_ns.append(at_ns)
            self._at_m.append(at_m)
        del self._at_ns[:-_TRACK], self._at_m[:-_TRACK]
        newest = self._at_ns[-1] if self._at_ns else 0
        found = []
        while self._values and (self._values[0][0] <= newest or self._waited(now_ns)):
            taken_ns, value = self._values.popleft()
            found.append((self._place(taken_ns), value))
        return found

    def _waited(self, now_ns: int) -> bool:
        return now_ns - self._values[0][0] > _PATIENCE_NS

    def _place(self, taken_ns: int) -> float:
        """Position at a time, on the straight line between the two readings around it."""
        after = bisect_left(self._at_ns, taken_ns)
        if after == len(self._at_ns):
            return nan
        later_ns, later_m = self._at_ns[after], self._at_m[after]
        if later_ns == taken_ns:
            return later_m
        if after == 0 or later_ns - self._at_ns[after - 1] > _GAP_NS:
            return nan
        before_ns, before_m = self._at_ns[after - 1], self._at_m[after - 1]
        return before_m + (later_m - before_m) * (taken_ns - before_ns) / (later_ns - before_ns)
