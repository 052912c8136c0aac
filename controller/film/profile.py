"""Cross-direction profiles from gauges on their traverse, pass by pass.

A frame measures on its way forward and returns quickly. Each new reading goes to the bins it
covers; when the frame turns, parks or standardizes, the pass is complete. Complete passes go
to the record as they are; the loops look at the filtered profile, relative to each pass's
mean, because one pass is never a pure cross-direction profile (process specification 8).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WIDTH_M = 0.50
BIN_M = 0.005
BINS = 101
FILTER = 0.2  # share of a new pass, process specification 11
_TURN_M = 0.02  # moved back this far: the pass is over
_OFF_WEB_M = 0.26
_LEAST_SEEN = 0.6  # of the bins, for a pass to count
_LONGEST_NS = 30_000_000_000

POSITION_M: Array = (np.arange(BINS, dtype=np.float64) - (BINS - 1) / 2.0) * BIN_M


class Turn(Enum):
    """Where a reading stands in the traverse."""

    ON = "on"  # measuring
    OVER = "over"  # the pass has ended
    OFF = "off"  # returning, parked or standardizing


@dataclass(frozen=True, slots=True)
class Pass:
    """One complete traverse, for the record.

    Attributes:
        gauge: tag of the value, ``GT-601.PV``.
        start_ns, end_ns: UTC ns.
        start_label, end_label: film label under the gauge, m; NaN where unknown.
        start_m, end_m: roll meter the film under the gauge will have; NaN while nothing is
            collected.
        value: one per bin in the gauge's unit, NaN where nothing valid was read.
        counted: the loops and the quality figures used it.
        trusted: it counts as measured; a gauge in doubt is recorded, but not valid.
    """

    gauge: str
    start_ns: int
    end_ns: int
    start_label: float
    end_label: float
    start_m: float
    end_m: float
    value: Array
    counted: bool
    trusted: bool = True


def _ignore(_label_m: float) -> None:
    """Do nothing."""


def believe(_mean: float, _label_m: float) -> bool:
    """Trust every pass."""
    return True


Sink = Callable[[Pass], None]


class Traverse:
    """Builds passes of one gauge.

    Args:
        gauge: tag of the value.
        spot_m: width one reading stands for.
        least: smallest value that can be film; below, the gauge looks past it.
        sink: gets every complete pass.

    Attributes:
        passes: complete passes that counted.
        mean: mean of the last one, NaN before.
        filtered: filtered profile relative to the mean, NaN where never seen.
        last: values of the last pass.
        judge: tells whether a pass that counted, by its mean and label, is to be trusted.
        unseen: told of a pass that did not count, with its label.
    """

    def __init__(self, gauge: str, spot_m: float, least: float, sink: Sink | None = None) -> None:
        self.gauge = gauge
        self.passes = 0
        self.mean = math.nan
        self.filtered: Array = np.full(BINS, math.nan)
        self.last: Array = np.full(BINS, math.nan)
        self.judge: Callable[[float, float], bool] = believe
        self.unseen: Callable[[float], None] = _ignore
        self._half = max(0, round((spot_m / BIN_M - 1.0) / 2.0))
        self._least = least
        self._sink = sink
        self._sum = [0.0] * BINS
        self._count = [0] * BINS
        self._furthest = -math.inf
        self._previous = math.nan
        self._start = (0, math.nan, 0.0)
        self._open = False

    def take(
        self, position_m: float, value: float, now_ns: int, label_m: float, roll_m: float
    ) -> bool:
        """Take one scan's reading (NaN: not GOOD); True when it completed a pass that counts."""
        turn = self._turn(position_m)
        if turn is Turn.ON:
            if not self._open:
                self._open = True
                self._start = (now_ns, label_m, roll_m)
            self._add(position_m, value)
            return False
        if turn is Turn.OVER and self._open:
            return self._complete(now_ns, label_m, roll_m)
        return False

    def clear(self) -> None:
        """Forget the filtered profile: what it showed is no longer on the web."""
        self.filtered.fill(math.nan)

    def two_sigma_pct(self) -> float:
        """Two sigma of the filtered profile, %; NaN before there is one."""
        seen = self.filtered[np.isfinite(self.filtered)]
        if seen.size < _LEAST_SEEN * BINS:
            return math.nan
        return 200.0 * float(seen.std())

    def _turn(self, position_m: float) -> Turn:
        if not -_OFF_WEB_M <= position_m <= _OFF_WEB_M:  # NaN too
            self._furthest = -math.inf
            return Turn.OVER
        if position_m < self._furthest - _TURN_M:
            if self._open:
                return Turn.OVER
            self._furthest = position_m
            return Turn.OFF
        if not self._open and self._furthest > -math.inf and position_m < self._furthest:
            self._furthest = position_m
            return Turn.OFF
        self._furthest = max(self._furthest, position_m)
        return Turn.ON

    def _add(self, position_m: float, value: float) -> None:
        if not value >= self._least or value == self._previous:
            return
        self._previous = value
        middle = round((position_m + WIDTH_M / 2.0) / BIN_M)
        for number in range(max(0, middle - self._half), min(BINS, middle + self._half + 1)):
            self._sum[number] += value
            self._count[number] += 1

    def _complete(self, now_ns: int, label_m: float, roll_m: float) -> bool:
        self._open = False
        count = np.array(self._count)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(count > 0, np.array(self._sum) / count, math.nan)
        self._sum = [0.0] * BINS
        self._count = [0] * BINS
        self._previous = math.nan
        start_ns, start_label, start_m = self._start
        seen = int(np.isfinite(value).sum())
        counted = seen >= _LEAST_SEEN * BINS and now_ns - start_ns <= _LONGEST_NS
        if not counted:
            self.unseen(label_m)
        if seen == 0:
            return False
        trusted = True
        if counted:
            self._learn(value)
            trusted = self.judge(self.mean, label_m)
        if self._sink is not None:
            self._sink(
                Pass(self.gauge, start_ns, now_ns, start_label, label_m, start_m, roll_m,
                     value, counted, trusted)
            )  # fmt: skip
        return counted

    def _learn(self, value: Array) -> None:
        self.passes += 1
        self.last = value
        self.mean = float(np.nanmean(value))
        relative = value / self.mean - 1.0
        fresh = np.isnan(self.filtered)
        moved = self.filtered + FILTER * (relative - self.filtered)
        updated = np.where(fresh, relative, moved)
        self.filtered[:] = np.where(np.isnan(relative), self.filtered, updated)
