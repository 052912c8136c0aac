"""From roll meters to times and back, through the labels of the film.

A film cell is known by its label: meters cast since run start. The scan group of the film
position holds, each second, the label under each station and the roll meter. Both only grow,
so each can be inverted: roll meter -> label (under the winder) -> time at any station. The
meters of several rolls count on from one to the next: they are meters of the run. While
the line stands, many times belong to one label: a range of meters then begins with the first
and ends with the last of them. Between two stations with a label the label is taken
in proportion to the path; draw and shrinkage are in the labels themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.historian.blocks import Rows
from controller.historian.catalog import did_you_mean
from controller.historian.errors import BadQuery, NoPosition
from controller.historian.rollups import good_values

ROLL_TAG: Final = "film.ROLL_M"
WINDER: Final = "WIND"
_RESET_M: Final = 0.5  # a roll meter that falls by more is the next roll; meters go on

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]


def label_tag(station: str) -> str:
    """Tag of the label under a station."""
    return f"film.{station}.S"


@dataclass(frozen=True, slots=True)
class Track:
    """One growing column against time, GOOD samples only."""

    ns: Stamps
    value: Floats

    def at(self, ns: Stamps) -> Floats:
        """Value at given times; NaN outside the record."""
        origin = self.ns[0]
        found: Floats = np.interp(
            (ns - origin).astype(float),
            (self.ns - origin).astype(float),
            self.value,
            left=np.nan,
            right=np.nan,
        )
        return found

    def first_time(self, value: float) -> int:
        """When the column first reached ``value``; the ends of the track outside it."""
        return self._time(value, int(np.searchsorted(self.value, value, "left")))

    def last_time(self, value: float) -> int:
        """When the column left ``value`` behind; the ends of the track outside it."""
        return self._time(value, int(np.searchsorted(self.value, value, "right")))

    def _time(self, value: float, after: int) -> int:
        """Interpolate between the sample before ``after`` and that one."""
        if after == 0:
            return int(self.ns[0])
        if after == len(self.ns):
            return int(self.ns[-1])
        before, step = self.value[after - 1], self.value[after] - self.value[after - 1]
        share = (value - before) / step
        start, end = int(self.ns[after - 1]), int(self.ns[after])
        return start + round(float(share) * (end - start))


class FilmPosition:
    """The film position of a whole record.

    Args:
        tracks: recorded rows of one column each, by tag: ``film.<STATION>.S``, ``film.ROLL_M``.
        stations: meters from the die of every station and zone.

    Raises:
        NoPosition: no roll meter or no label under the winder was recorded.
    """

    def __init__(self, tracks: Mapping[str, Rows], stations: Mapping[str, float]) -> None:
        self._stations = stations
        found = {tag: _growing(tag, rows) for tag, rows in tracks.items()}
        kept = {tag: track for tag, track in found.items() if track is not None}
        if ROLL_TAG not in kept or label_tag(WINDER) not in kept:
            raise NoPosition(
                f"the record holds no {ROLL_TAG} or no {label_tag(WINDER)}: "
                "no roll was collected, so it can be queried by time only"
            )
        self._roll = kept[ROLL_TAG]
        self._winder = kept[label_tag(WINDER)]
        self._labels = {name: kept[label_tag(name)] for name in stations if label_tag(name) in kept}

    @property
    def meters(self) -> float:
        """Roll meters collected."""
        return float(self._roll.value[-1])

    def label_of(self, meter: float, *, last: bool = False) -> float:
        """Label of a roll meter; where the roll stood still, the end nearest the roll."""
        find = self._roll.first_time if last else self._roll.last_time
        return float(self._winder.at(np.array([find(meter)], np.int64))[0])

    def meter_of(self, labels: Floats) -> Floats:
        """Roll meter of labels; NaN for film that is not on the roll."""
        start = max(0, int(np.searchsorted(self._roll.value, self._roll.value[0], "right")) - 1)
        end = int(np.searchsorted(self._roll.value, self._roll.value[-1], "left")) + 1
        under = self._winder.at(self._roll.ns[start:end])
        known = ~np.isnan(under)
        if not known.any():
            return np.full(labels.shape, np.nan)
        rolled = self._roll.value[start:end][known]
        return np.interp(labels, under[known], rolled, left=np.nan, right=np.nan)

    def label_at(self, station: str, ns: Stamps) -> Floats:
        """Label under a station at given times; NaN outside the record.

        Raises:
            NoPosition: the station lies beyond those with a label, or is not of the line.
        """
        before, after, share = self._between(station)
        label = before.at(ns)
        return label if after is None else label + share * (after.at(ns) - label)

    def times(self, station: str, from_m: float, to_m: float) -> tuple[int, int]:
        """First and last time at which film of a range of roll meters was under a station.

        Raises:
            NoPosition: the station has no label.
            BadQuery: the range is empty or not on the roll.
        """
        if not 0.0 <= from_m < to_m:
            raise BadQuery(f"meters {from_m:g} to {to_m:g}: the range is empty")
        if from_m >= self.meters:
            raise BadQuery(f"meter {from_m:g}: the roll has {self.meters:.1f} m")
        first = self.label_of(from_m)
        last = self.label_of(min(to_m, self.meters), last=True)
        before, after, _ = self._between(station)
        if after is not None:  # a track of its own, at the stamps of the station before
            label = self.label_at(station, before.ns)
            known = ~np.isnan(label)
            before = Track(before.ns[known], np.maximum.accumulate(label[known]))
        return before.first_time(first), before.last_time(last)

    def _between(self, station: str) -> tuple[Track, Track | None, float]:
        """Tracks of the stations around a place, and its share of the way between them."""
        if station in self._labels:
            return self._labels[station], None, 0.0
        if station not in self._stations:
            hint = did_you_mean(station, self._stations)
            raise NoPosition(f"the line has no station {station}{hint}")
        at = self._stations[station]
        placed = sorted((self._stations[name], name) for name in self._labels)
        lower = [place for place in placed if place[0] <= at]
        upper = [place for place in placed if place[0] > at]
        if not lower or not upper:
            raise NoPosition(f"station {station} lies beyond the stations with a film label")
        (low, first), (high, second) = lower[-1], upper[0]
        return self._labels[first], self._labels[second], (at - low) / (high - low)


def _growing(tag: str, rows: Rows) -> Track | None:
    """The GOOD samples of a column, made monotone against rounding; None without any."""
    value = good_values(rows)[:, 0]
    known = ~np.isnan(value)
    if not known.any():
        return None
    value = value[known]
    if tag == ROLL_TAG:
        value = _joined(value)
    return Track(rows.sent[known], np.maximum.accumulate(value))


def _joined(roll: Floats) -> Floats:
    """Meters of the run from the meters of roll after roll."""
    falls = np.minimum(np.diff(roll, prepend=roll[:1]), 0.0)
    falls[falls > -_RESET_M] = 0.0
    joined: Floats = roll - np.cumsum(falls)
    return joined
