"""Lanes that stand out of the profile: streaks and stuck lip bolts (faults F3, F4).

The map shows every lane, but two sigma over the whole width hides a narrow one. A lane of the
filtered scanner profile is marked, with the film label from which on, when in five passes

- it differs by more than 2 % from the median of its 55 mm neighborhood (sound film: 0.6 %), or
- 25 mm around it differ by more than 0.9 % from the mean of both sides, 30 mm away, while the
  profile's two sigma is at most 0.8 %: then the wide shape is tuned away (sound film: 0.74 %).

It is clear again after five passes within half of both. Lanes under the turn of the gauge are
not judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller.film.profile import POSITION_M, Array

NARROW, BROAD = 0.02, 0.009
CLEAR = 0.5  # of both
TUNED = 0.008  # two sigma up to which the broad rule looks
PASSES = 5
_MEDIAN_BINS = 11
_EDGE_BINS = 2  # under the turn of the gauge
_BOX_BINS, _APART_BINS = 5, 6
_FIRST_PASSES = 10  # the filter has to settle


@dataclass(frozen=True, slots=True)
class LaneMark:
    """Neighboring lanes that began to stand out, or came back.

    Attributes:
        from_m, to_m: across the web, from the center line.
        depth: greatest relative difference from the neighborhood.
        label_m: film label under the scanner.
        marked: they stand out; else they are clear again.
    """

    from_m: float
    to_m: float
    depth: float
    label_m: float
    marked: bool


def _whole(profile: Array) -> Array:
    """Profile in which lanes never seen count as their neighbors."""
    seen = np.isfinite(profile)
    if not seen.any():
        return np.zeros_like(profile)
    places = np.arange(profile.size)
    return np.asarray(np.interp(places, places[seen], profile[seen]))


def broad_features(profile: Array) -> Array:
    """Mean over 25 mm less the mean of both sides; nothing while the wide shape is not tuned."""
    whole = _whole(profile)
    left = np.zeros_like(whole)
    if 2.0 * float(whole.std()) <= TUNED:
        mean = np.convolve(whole, np.full(_BOX_BINS, 1.0 / _BOX_BINS), "valid")
        sides = 0.5 * (mean[: -2 * _APART_BINS] + mean[2 * _APART_BINS :])
        edge = _APART_BINS + _BOX_BINS // 2
        left[edge:-edge] = mean[_APART_BINS:-_APART_BINS] - sides
    return left


def narrow_features(profile: Array) -> Array:
    """Profile less its running median over 55 mm."""
    whole = _whole(profile)
    padded = np.pad(whole, _MEDIAN_BINS // 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _MEDIAN_BINS)
    left = whole - np.median(windows, axis=1)
    left[:_EDGE_BINS] = left[-_EDGE_BINS:] = 0.0
    return np.asarray(left)


class LaneWatch:
    """Marks lanes pass by pass.

    Attributes:
        marked: lanes that stand out now, one flag a bin.
    """

    def __init__(self) -> None:
        self.marked = np.zeros(POSITION_M.size, np.bool_)
        self._out = np.zeros(POSITION_M.size, np.intp)
        self._in = np.zeros(POSITION_M.size, np.intp)
        self._passes = 0

    def take(self, filtered: Array, label_m: float) -> list[LaneMark]:
        """Take the filtered profile after one more pass; returns what began or ended."""
        self._passes += 1
        if self._passes < _FIRST_PASSES:
            return []
        narrow, broad = narrow_features(filtered), broad_features(filtered)
        left = np.where(np.abs(narrow) / NARROW > np.abs(broad) / BROAD, narrow, broad)
        size = np.maximum(np.abs(narrow) / NARROW, np.abs(broad) / BROAD)
        self._out = np.where(size > 1.0, self._out + 1, 0)
        self._in = np.where(size < CLEAR, self._in + 1, 0)
        begins = ~self.marked & (self._out >= PASSES)
        ends = self.marked & (self._in >= PASSES)
        self.marked = (self.marked | begins) & ~ends
        found = _groups(begins, left, label_m, marked=True)
        return found + _groups(ends, left, label_m, marked=False)


def _groups(
    flags: NDArray[np.bool_], left: Array, label_m: float, *, marked: bool
) -> list[LaneMark]:
    """One mark per run of neighboring lanes."""
    lanes = np.flatnonzero(flags)
    if not lanes.size:
        return []
    runs = np.split(lanes, np.flatnonzero(np.diff(lanes) > 1) + 1)
    half = float(POSITION_M[1] - POSITION_M[0]) / 2.0
    return [
        LaneMark(
            float(POSITION_M[run[0]]) - half,
            float(POSITION_M[run[-1]]) + half,
            float(left[run][np.argmax(np.abs(left[run]))]),
            label_m,
            marked,
        )
        for run in runs
    ]
