"""Asking a record: tags, samples, buckets, events, profiles, by time or by meter of the roll.

Works on a record that is being written (from any process) and on a closed one. Times are UTC
ns, and a range holds its beginning but not its end. Missing samples are NaN with their status,
never a repeated value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from controller.historian.blocks import Codes, Rows, Stamps
from controller.historian.catalog import TagInfo
from controller.historian.errors import BadQuery, NoPosition
from controller.historian.notes import Notes
from controller.historian.position import ROLL_TAG, FilmPosition, label_tag
from controller.historian.reading import EARLIEST, LATEST, Place, in_order
from controller.historian.rollups import (
    HOUR_NS,
    LEVELS,
    MINUTE_NS,
    Aggregates,
    Counts,
    aggregate,
    combined,
    good_values,
    joined,
    rollup,
)

_LEVEL_NAMES: Final = {MINUTE_NS: "1 min", HOUR_NS: "1 h"}
_MOST_BUCKETS: Final = 100_000
_SPAN: Final = """
SELECT min(from_ns), max(to_ns) FROM (
  SELECT from_ns, to_ns FROM merged UNION ALL SELECT from_ns, to_ns FROM fresh)
"""


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of one tag.

    Attributes:
        tag: what the record knows of the tag.
        sent_ns: when each request left; age counts from here.
        received_ns: when each reply was complete.
        value: in the tag's unit, NaN where missing.
        quality: OPC UA status.
        meter: roll meter that was under the tag's station, when asked by meter.
    """

    tag: TagInfo
    sent_ns: Stamps
    received_ns: Stamps
    value: NDArray[np.float64]
    quality: Codes
    meter: NDArray[np.float64] | None = None

    def good(self) -> NDArray[np.float64]:
        """Values with NaN wherever the quality is not good."""
        rows = Rows(self.sent_ns, self.received_ns, self.value[:, None], self.quality[:, None])
        return good_values(rows)[:, 0]


@dataclass(frozen=True, slots=True)
class Buckets:
    """GOOD values of one tag condensed into equal buckets; NaN where a bucket has none.

    Attributes:
        tag: what the record knows of the tag.
        axis: ``ns`` or ``m``: what the buckets divide.
        start: start of each bucket on that axis.
        minimum: least GOOD value.
        maximum: greatest GOOD value.
        mean: mean of the GOOD values.
        last: the last GOOD value.
        count: number of GOOD values.
        source: ``raw``, ``1 min`` or ``1 h``: what the buckets were made of. Stored
            aggregates count whole where they begin, so edges between buckets are rounded to
            that level; the ends of the range are exact.
    """

    tag: TagInfo
    axis: str
    start: NDArray[Any]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    mean: NDArray[np.float64]
    last: NDArray[np.float64]
    count: Counts
    source: str


class Record(Notes):
    """A record to ask.

    Args:
        path: the record file, or the folder it is in.
    """

    def info(self) -> dict[str, str]:
        """What the record says of itself: lot, plant (SIMULATED), hashes, texts, seal."""
        return dict(self.query("SELECT key, value FROM meta ORDER BY key"))

    def tags(self) -> list[TagInfo]:
        """Every tag, by name."""
        return [places[-1].info for places in self.places().values()]

    def span(self) -> tuple[int, int]:
        """Sending time of the first and of the last row.

        Raises:
            BadQuery: nothing was recorded yet.
        """
        first, last = self.query(_SPAN)[0]
        if first is None:
            raise BadQuery(f"{self.path}: nothing was recorded yet")
        return first, last

    def newest_ns(self) -> int:
        """Stamp of the newest row or note; when the record was begun if it holds none."""
        row = self.query(
            "SELECT max(ns) FROM (SELECT max(to_ns) AS ns FROM merged UNION ALL "
            "SELECT max(to_ns) FROM fresh UNION ALL SELECT max(ns) FROM event UNION ALL "
            "SELECT max(ns) FROM journal UNION ALL SELECT min(opened_ns) FROM session)"
        )
        return int(row[0][0])

    # --- by time ---------------------------------------------------------------------------

    def raw(self, tag: str, from_ns: int = EARLIEST, to_ns: int = LATEST) -> Samples:
        """Every sample of a tag in a range of time.

        Raises:
            UnknownTag: the record does not hold the tag.
        """
        with self.snapshot():
            places = self.places_of(tag)
            rows = self._column(places, from_ns, to_ns)
        return Samples(
            places[-1].info, rows.sent, rows.received, rows.values[:, 0], rows.codes()[:, 0]
        )

    def _column(self, places: list[Place], from_ns: int, to_ns: int) -> Rows:
        parts = [self.rows(place.group_id, [place.column], from_ns, to_ns) for place in places]
        return parts[0] if len(parts) == 1 else in_order(parts, 1, from_ns, to_ns)

    def buckets(self, tag: str, from_ns: int, to_ns: int, count: int) -> Buckets:
        """A tag condensed into ``count`` equal buckets of time.

        Stored aggregates are used where a bucket spans at least two of them, samples else.

        Raises:
            UnknownTag: the record does not hold the tag.
            BadQuery: the range is empty, or there are no or too many buckets.
        """
        _check_buckets(from_ns, to_ns, count)
        width = (to_ns - from_ns) // count
        levels = [level for level in LEVELS if 2 * level <= width]
        if not levels:
            samples = self.raw(tag, from_ns, to_ns)
            place = (samples.sent_ns - from_ns) * count // (to_ns - from_ns)
            edges = from_ns + np.arange(count) * (to_ns - from_ns) // count
            return _filled(samples.tag, "ns", edges, _by_place(place, samples), "raw")
        return self._from_rollups(tag, from_ns, to_ns, count, max(levels))

    def _from_rollups(self, tag: str, from_ns: int, to_ns: int, count: int, level: int) -> Buckets:
        with self.snapshot():
            places = self.places_of(tag)
            parts = [
                part for place in places for part in self._level_parts(place, level, from_ns, to_ns)
            ]
        edges = from_ns + np.arange(count) * (to_ns - from_ns) // count
        summed = None
        if parts:
            whole = joined(parts)
            inside = np.maximum(whole.start - from_ns, 0)
            summed = combined(whole, inside * count // (to_ns - from_ns))
        return _filled(places[-1].info, "ns", edges, summed, _LEVEL_NAMES[level])

    def _level_parts(
        self, place: Place, level: int, from_ns: int, to_ns: int
    ) -> Iterator[Aggregates]:
        """Stored aggregates of the whole levels in a range, and of the rows at its two ends."""
        first, last = -(-from_ns // level) * level, to_ns // level * level
        for start, end in ((from_ns, first), (last, to_ns)):
            rows = self.rows(place.group_id, [place.column], start, end)
            if len(rows.sent):
                yield rollup(rows, level)
        stored = self.aggregates(place.group_id, place.column, level, first, last)
        if stored is not None:
            inside = (stored.start >= first) & (stored.start < last)
            if inside.any():
                yield stored.rows(inside)

    # --- by meter --------------------------------------------------------------------------

    def position(self) -> FilmPosition:
        """The film position over the whole record.

        Raises:
            NoPosition: it was not recorded, or no roll was collected.
        """
        with self.snapshot():
            places = self.places()
            stations: dict[str, float] = dict(self.query("SELECT name, at_m FROM station"))
            wanted = [ROLL_TAG, *(label_tag(name) for name in sorted(stations))]
            tracks = {
                tag: self._column(places[tag], EARLIEST, LATEST) for tag in wanted if tag in places
            }
        return FilmPosition(tracks, stations)

    def raw_by_meter(
        self, tag: str, from_m: float, to_m: float, position: FilmPosition | None = None
    ) -> Samples:
        """Every sample a tag took of the film that is now these meters of the roll.

        The tag's own station decides: a tenter temperature is of the moment when that film was
        in that zone. Pass ``position`` to reuse it over many tags.

        Raises:
            UnknownTag: the record does not hold the tag.
            NoPosition: the tag has no station, or the film position was not recorded.
            BadQuery: the range is empty or not on the roll.
        """
        station = self.places_of(tag)[-1].info.station
        if station is None:
            raise NoPosition(f"tag {tag} has no station on the film: query it by time")
        position = position or self.position()
        first, last = position.times(station, from_m, to_m)
        samples = self.raw(tag, first, last + 1)
        meter = position.meter_of(position.label_at(station, samples.sent_ns))
        inside = (meter >= from_m) & (meter <= to_m)
        return replace(
            samples,
            sent_ns=samples.sent_ns[inside],
            received_ns=samples.received_ns[inside],
            value=samples.value[inside],
            quality=samples.quality[inside],
            meter=meter[inside],
        )

    def buckets_by_meter(
        self,
        tag: str,
        from_m: float,
        to_m: float,
        count: int,
        position: FilmPosition | None = None,
    ) -> Buckets:
        """A tag condensed into ``count`` equal buckets of roll meters (see raw_by_meter).

        Raises:
            BadQuery: the range is empty, or there are no or too many buckets.
            RecordError: as :meth:`raw_by_meter`.
        """
        _check_buckets(from_m, to_m, count)
        samples = self.raw_by_meter(tag, from_m, to_m, position)
        meter = samples.meter if samples.meter is not None else np.empty(0)
        place = ((meter - from_m) * count / (to_m - from_m)).astype(np.int64)
        edges = from_m + np.arange(count) * (to_m - from_m) / count
        summed = _by_place(np.minimum(place, count - 1), samples)
        return _filled(samples.tag, "m", edges, summed, "raw")


def _check_buckets(low: float, high: float, count: int) -> None:
    if not low < high:
        raise BadQuery(f"range {low:g} to {high:g} is empty")
    if not 1 <= count <= _MOST_BUCKETS:
        raise BadQuery(f"{count} buckets: ask for 1 to {_MOST_BUCKETS}")


def _by_place(place: Stamps, samples: Samples) -> Aggregates | None:
    """Aggregate samples by bucket number."""
    if not len(place):
        return None
    order = np.argsort(place, kind="stable")
    return aggregate(place[order], samples.good()[order][:, None])


def _filled(
    tag: TagInfo, axis: str, edges: NDArray[Any], found: Aggregates | None, source: str
) -> Buckets:
    """Lay aggregates, whose start is the bucket's number, on the whole axis."""
    size = len(edges)
    minimum, maximum, mean, last = (np.full(size, math.nan) for _ in range(4))
    count = np.zeros(size, np.int64)
    if found is not None:
        minimum[found.start] = found.minimum[:, 0]
        maximum[found.start] = found.maximum[:, 0]
        # A sum of equal values divided by their number may come out a rounding error beside them.
        mean[found.start] = np.clip(found.mean, found.minimum, found.maximum)[:, 0]
        last[found.start] = found.last[:, 0]
        count[found.start] = found.count[:, 0]
    return Buckets(tag, axis, edges, minimum, maximum, mean, last, count, source)
