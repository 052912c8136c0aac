"""Way of a carrier from its counter, and the labels that passed a point of it. Pure.

Counters wrap, fall silent and start again at zero: a silent one is bridged by the speed, and a
reading that cannot be is no way of the film.
"""

from __future__ import annotations

import math
from bisect import bisect_right

SPACING_M = 0.05  # between two labels that a track keeps
_WRAP = 2.0**32
_FASTEST_M_S = 0.2  # twice the fastest line; a greater jump is a restarted counter
_SLACK_M = 0.1


class Counter:
    """Meters from a wrapping 32-bit counter that may go silent or start again.

    Across a gap the counter itself knows the way; while it is silent the speed stands in, and
    the difference is taken when it answers again. After a restart of the device the meters of
    the gap are those of the speed.

    Attributes:
        meters: integrated since the first reading.
        exact: False while meters rest on the speed.
    """

    __slots__ = ("_bridge", "_last", "_silent_s", "_wrap_m", "exact", "meters", "restarts")

    def __init__(self, resolution_m: float) -> None:
        self.meters = 0.0
        self.exact = False
        self.restarts = 0
        self._wrap_m = _WRAP * resolution_m
        self._last = math.nan
        self._bridge = 0.0
        self._silent_s = 0.0

    @property
    def reading(self) -> float:
        """Last reading, m; NaN before the first."""
        return self._last

    def go_on(self, meters: float, reading: float, away_s: float) -> None:
        """Go on from what was known before nobody looked for ``away_s`` seconds."""
        self.meters, self._last, self._silent_s = meters, reading, away_s

    def step(self, reading: float, speed_m_s: float, dt: float) -> float:
        """Take one reading (NaN: silent); returns the meters moved in this step."""
        if math.isnan(reading):
            self.exact = False
            self._silent_s += dt
            moved = 0.0 if math.isnan(speed_m_s) else max(speed_m_s, 0.0) * dt
            self._bridge += moved
        else:
            moved = self._counted(reading, dt)
            self.exact = True
            self._bridge = self._silent_s = 0.0
        self.meters += moved
        return moved

    def _counted(self, reading: float, dt: float) -> float:
        last, self._last = self._last, reading
        if math.isnan(last):
            return 0.0
        moved = reading - last
        if moved < -0.5 * self._wrap_m:
            moved += self._wrap_m
        most = _FASTEST_M_S * (dt + self._silent_s) + _SLACK_M
        if not -(_FASTEST_M_S * dt + _SLACK_M) <= moved <= most:  # film is never carried back
            self.restarts += 1
            return 0.0
        return moved - self._bridge


class Track:
    """Labels of film carried past a point, found again by the meters it has moved since."""

    __slots__ = ("_labels", "_meters", "_most", "last_m")

    def __init__(self, reach_m: float) -> None:
        self._meters: list[float] = []
        self._labels: list[float] = []
        self._most = int(reach_m / SPACING_M) + 40
        self.last_m = -math.inf

    def mark(self, meters: float, label: float) -> None:
        """Note the label that passes the point at this meter of the carrier."""
        self.last_m = meters
        self._meters.append(meters)
        self._labels.append(label)
        if len(self._meters) > 2 * self._most:
            del self._meters[: -self._most], self._labels[: -self._most]

    def label(self, meters: float, label: float, distance: float) -> float:
        """Label now at a distance behind the point; NaN beyond what was seen.

        ``meters`` and ``label`` are the carrier's and the point's present ones.
        """
        at = meters - distance
        later = bisect_right(self._meters, at)
        if later == 0:
            return math.nan
        low_m, low = self._meters[later - 1], self._labels[later - 1]
        there = later < len(self._meters)
        high_m, high = (self._meters[later], self._labels[later]) if there else (meters, label)
        span = high_m - low_m
        return low + (high - low) * (at - low_m) / span if span > 0.0 else low
