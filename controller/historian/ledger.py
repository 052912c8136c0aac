"""Bookkeeping of samples: what was to come, what is stored, what is declared missing.

A scan group is polled with a period. Where two rows lie further apart than that, samples are
missing; each hole must lie in a declared gap (``dropped`` while the disk failed, ``stopped``
while nobody was recording). A failed poll is not missing: it is stored, bad, with a reason.
A silent device is asked less often: the failure stands until the next poll, and declares it.
So do the last tries before a device is given up, which take the turns of its other polls.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

import numpy as np

from controller.historian.query import Record
from controller.historian.reading import EARLIEST, LATEST, Place
from controller.historian.recorder import Gap
from drivers.base import Quality

_LATE: Final = 1.6  # periods between rows that still count as one late poll
_GIVEN_UP_NS: Final = 3_000_000_000  # drivers.device: 2 s without an answer, then one last try
_ABSENT: Final = ("dropped", "stopped")


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch between two rows in which samples are missing.

    Attributes:
        from_ns: sending time of the row before.
        to_ns: sending time of the row after.
        samples: polls missing, by the nominal period.
        reason: of the declared gap that covers it, empty when nobody declared one.
    """

    from_ns: int
    to_ns: int
    samples: int
    reason: str


@dataclass(frozen=True, slots=True)
class Balance:
    """The account of one tag over a range of time.

    Attributes:
        tag: the tag.
        expected: stored samples plus missing ones.
        stored: rows in the record.
        good: rows whose quality is good.
        bad: rows whose quality is bad or uncertain.
        declared: missing samples that a declared gap covers.
        holes: every hole, declared or not.
        reasons: why samples are bad, with the number of polls that failed so.
    """

    tag: str
    expected: int
    stored: int
    good: int
    bad: int
    declared: int
    holes: tuple[Hole, ...]
    reasons: tuple[tuple[str, int], ...]

    @property
    def undeclared(self) -> int:
        """Missing samples that nobody declared; 0 in a sound record."""
        return self.expected - self.stored - self.declared

    @property
    def balanced(self) -> bool:
        """Whether every missing sample is accounted for."""
        return self.undeclared == 0


def balance(
    record: Record, tag: str, from_ns: int | None = None, to_ns: int | None = None
) -> Balance:
    """Account for the samples of a tag.

    Args:
        record: the record.
        tag: the tag.
        from_ns: beginning; the first row of the tag when None.
        to_ns: end; the last row of the tag when None.

    Raises:
        UnknownTag: the record does not hold the tag.
    """
    with record.snapshot():
        place = record.places_of(tag)[-1]
        low = EARLIEST if from_ns is None else from_ns
        high = LATEST if to_ns is None else to_ns
        samples = record.raw(tag, low, high)
        gaps = [gap for _, gap in record.gaps(place.info.group)]
    inside = [gap for gap in gaps if gap.to_ns >= low and gap.from_ns < high]
    edges = _edges(samples.sent_ns, from_ns, to_ns)
    holes = _holes(edges, place, inside)
    missing = sum(hole.samples for hole in holes)
    good = int((samples.quality < Quality.UNCERTAIN).sum())
    return Balance(
        tag,
        len(samples.sent_ns) + missing,
        len(samples.sent_ns),
        good,
        len(samples.sent_ns) - good,
        sum(hole.samples for hole in holes if hole.reason),
        tuple(holes),
        _reasons([gap for gap in inside if gap.kind == "failed"]),
    )


def _edges(
    sent: np.ndarray[tuple[int, ...], np.dtype[np.int64]], from_ns: int | None, to_ns: int | None
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Stamps with the asked ends around them, so that a hole at an end is seen."""
    parts = [np.array([end], np.int64) for end in (from_ns,) if end is not None]
    tail = [np.array([end], np.int64) for end in (to_ns,) if end is not None]
    return np.concatenate([*parts, sent, *tail])


def _holes(
    edges: np.ndarray[tuple[int, ...], np.dtype[np.int64]], place: Place, gaps: list[Gap]
) -> list[Hole]:
    period_ns = max(1, round(place.info.period_s * 1e9))
    absent = [gap for gap in gaps if gap.kind in _ABSENT]
    failed = [gap for gap in gaps if gap.kind == "failed"]
    began = [gap.from_ns for gap in failed]
    giving_up = {gap.from_ns: gap.reason for gap in failed}
    steps = np.diff(edges)
    found: list[Hole] = []
    for row in np.flatnonzero(steps > _LATE * period_ns):
        start, end = int(edges[row]), int(edges[row + 1])
        missing = round((end - start) / period_ns) - 1
        reasons = [gap.reason for gap in absent if gap.from_ns < end and gap.to_ns > start]
        last = bisect_right(began, start) - 1
        if last >= 0 and failed[last].to_ns >= start:
            reasons.append(failed[last].reason)
        if end in giving_up and end - start <= period_ns + _GIVEN_UP_NS:
            reasons.append(giving_up[end])
        found.append(Hole(start, end, max(1, missing), reasons[0] if reasons else ""))
    return found


def _reasons(gaps: list[Gap]) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for gap in gaps:
        counts[gap.reason] = counts.get(gap.reason, 0) + gap.samples
    return tuple(counts.items())
