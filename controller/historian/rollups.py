"""Aggregates of GOOD values per minute and per hour, computed for a whole scan group at once.

What is stored are *partial* aggregates of one merged block each: a minute cut by the end of
a block has two of them, and :func:`combined` joins them exactly.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.historian.blocks import Rows, Stamps, Values
from controller.historian.errors import RecordCorrupt
from drivers.base import Quality

MINUTE_NS: Final = 60_000_000_000
HOUR_NS: Final = 60 * MINUTE_NS
LEVELS: Final = (MINUTE_NS, HOUR_NS)

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Aggregates:
    """Aggregates over buckets of time, buckets x tags; NaN and 0 where nothing was GOOD.

    Attributes:
        start: start of each bucket, UTC ns.
        minimum: least GOOD value.
        maximum: greatest GOOD value.
        mean: mean of the GOOD values.
        last: the latest GOOD value.
        count: number of GOOD values.
    """

    start: Stamps
    minimum: Values
    maximum: Values
    mean: Values
    last: Values
    count: Counts

    def rows(self, chosen: NDArray[np.bool_]) -> Aggregates:
        """Some of the buckets."""
        return Aggregates(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def columns(self, chosen: list[int]) -> Aggregates:
        """The same buckets for some of the tags."""
        parts = (getattr(self, field.name)[:, chosen] for field in fields(self)[1:])
        return Aggregates(self.start, *parts)


def good_values(rows: Rows) -> Values:
    """The values with NaN wherever the quality is not good."""
    if rows.quality is None:
        return rows.values
    return np.where(rows.quality < Quality.UNCERTAIN, rows.values, np.nan)


def aggregate(bucket: Stamps, values: Values) -> Aggregates:
    """Aggregate rows by consecutive equal ``bucket`` starts.

    Args:
        bucket: start of the bucket of each row, equal ones beside each other.
        values: rows x tags, NaN where nothing GOOD was read.
    """
    first = np.concatenate(([0], np.flatnonzero(np.diff(bucket)) + 1))
    good = ~np.isnan(values)
    count = np.add.reduceat(good, first, axis=0, dtype=np.int64)
    total = np.add.reduceat(np.where(good, values, 0.0), first, axis=0)
    row = np.where(good, np.arange(len(values))[:, None], -1)
    latest = np.maximum.reduceat(row, first, axis=0)
    last = np.take_along_axis(values, np.maximum(latest, 0), axis=0)
    return Aggregates(
        bucket[first],
        np.fmin.reduceat(values, first, axis=0),
        np.fmax.reduceat(values, first, axis=0),
        total / np.where(count, count, np.nan),
        np.where(latest >= 0, last, np.nan),
        count,
    )


def rollup(rows: Rows, level_ns: int) -> Aggregates:
    """Aggregates of a block at one level."""
    return aggregate(rows.sent - rows.sent % level_ns, good_values(rows))


def combined(parts: Aggregates, bucket: Stamps) -> Aggregates:
    """Join partial aggregates whose ``bucket`` is equal; they may come in any order."""
    order = np.lexsort((parts.start, bucket))
    bucket = bucket[order]
    first = np.concatenate(([0], np.flatnonzero(np.diff(bucket)) + 1))
    count = parts.count[order]
    total = np.where(count > 0, parts.mean[order] * count, 0.0)
    counts = np.add.reduceat(count, first, axis=0)
    row = np.where(count > 0, np.arange(len(order))[:, None], 0)
    latest = np.maximum.reduceat(row, first, axis=0)
    return Aggregates(
        bucket[first],
        np.fmin.reduceat(parts.minimum[order], first, axis=0),
        np.fmax.reduceat(parts.maximum[order], first, axis=0),
        np.add.reduceat(total, first, axis=0) / np.where(counts, counts, np.nan),
        np.where(counts > 0, np.take_along_axis(parts.last[order], latest, axis=0), np.nan),
        counts,
    )


def joined(parts: list[Aggregates]) -> Aggregates:
    """Partial aggregates one after the other."""
    names = [field.name for field in fields(Aggregates)]
    return Aggregates(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def pack(aggregates: Aggregates) -> bytes:
    """Bytes of the aggregates of one block: equal weights together, deflated."""
    planes = [
        np.ascontiguousarray(getattr(aggregates, field.name)).astype("<i8", copy=False)
        if field.name in {"start", "count"}
        else getattr(aggregates, field.name).astype("<f8", copy=False)
        for field in fields(aggregates)
    ]
    raw = b"".join(plane.tobytes() for plane in planes)
    shuffled = np.frombuffer(raw, np.uint8).reshape(-1, 8).T.tobytes()
    return zlib.compress(shuffled, 1)


def unpack(data: bytes, buckets: int, tags: int, where: str) -> Aggregates:
    """Give back what :func:`pack` took.

    Raises:
        RecordCorrupt: the bytes are damaged.
    """
    try:
        shuffled = zlib.decompress(data)
    except zlib.error as error:
        raise RecordCorrupt(f"{where}: rollup is damaged ({error})") from error
    if len(shuffled) != 8 * buckets * (1 + 5 * tags):
        raise RecordCorrupt(f"{where}: rollup has {len(shuffled)} bytes")
    raw = np.ascontiguousarray(np.frombuffer(shuffled, np.uint8).reshape(8, -1).T).reshape(-1)
    numbers = raw.view("<f8")
    planes = numbers[buckets:].reshape(5, buckets, tags)
    return Aggregates(
        raw.view("<i8")[:buckets],
        planes[0],
        planes[1],
        planes[2],
        planes[3],
        np.ascontiguousarray(planes[4]).view("<i8"),
    )
