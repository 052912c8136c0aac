"""What a commit acknowledges, and how the record does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What is on the disk now.

    Attributes:
        ns: time given to the commit.
        rows: rows of scan groups it stored.
        values: values of tags in them.
        notes: events, journal entries and profiles it stored.
    """

    ns: int
    rows: int
    values: int
    notes: int


@dataclass(frozen=True, slots=True)
class Health:
    """How the record does, for alarms and metrics.

    Attributes:
        acknowledged_ns: time of the last commit that returned, 0 before the first.
        waiting_rows: rows taken but not yet acknowledged.
        dropped: rows and notes lost because the disk failed for too long.
        failure: what the last commit failed with, empty when it did not.
        problem: a block that could not be merged, empty when there is none.
        ballast: whether the reserve for a full disk is in place.
    """

    acknowledged_ns: int
    waiting_rows: int
    dropped: int
    failure: str
    problem: str
    ballast: bool
