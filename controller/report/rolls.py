"""Rolls and marks of a record: which meters lie on which roll, and which are marked.

``filmline history rolls`` prints the labels that go with the rolls; the report shows the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np

from controller.events import Event
from controller.film.rolls import JOURNAL, Mark, Roll, read_marks, read_rolls
from controller.historian.position import FilmPosition
from controller.historian.query import Record
from controller.report.facts import Flags, Floats, MeterTable, RollFacts

_NS: Final = 1_000_000_000
_REASONS: Final = {
    "uncoated_air": "uncoated (air side)",
    "uncoated_belt": "uncoated (belt side)",
    "made_in_hold": "made in hold",
    "transition": "transition between recipes",
}
"""Mark -> why its meters are not good; a mark that is not here is told only."""


def recorded_rolls(record: Record) -> list[Roll]:
    """Rolls of a record, oldest first."""
    return read_rolls(text for _, text in record.journal(JOURNAL))


def mark_flags(events: Sequence[Event], labels: Floats) -> dict[str, Flags]:
    """Reason -> which of the meters with these labels are marked so."""
    return flags_of(read_marks(events), labels)


def flags_of(marks: Sequence[Mark], labels: Floats) -> dict[str, Flags]:
    """The same from marks."""
    found: dict[str, Flags] = {}
    for mark in marks:
        reason = _REASONS.get(mark.kind)
        if reason is not None:
            inside = (labels >= mark.from_label) & (labels <= mark.to_label)
            found[reason] = found.get(reason, np.zeros(len(labels), bool)) | inside
    return found


def roll_facts(record: Record, position: FilmPosition, meters: MeterTable) -> list[RollFacts]:
    """The label of every roll."""
    info = record.info()
    found = []
    for roll, (from_m, to_m) in zip(
        rolls := recorded_rolls(record), spans(position, rolls), strict=True
    ):
        here = (meters.meter >= from_m) & (meters.meter < to_m)
        lost = Counter(r for r, on in zip(meters.reason, here, strict=True) if on and r)
        found.append(
            RollFacts(
                f"{info['lot']}-{roll.name}", roll.recipe, from_m, to_m,
                roll.length_m if roll.closed_ns else to_m - from_m,
                roll.core_label, roll.outer_label,
                _utc(roll.closed_ns) if roll.closed_ns else "", roll.why,
                info.get("plant") == "SIMULATED",
                float((meters.good & here).sum()),
                {reason: float(count) for reason, count in lost.most_common()},
            )
        )  # fmt: skip
    return found


def spans(position: FilmPosition, rolls: Sequence[Roll]) -> list[tuple[float, float]]:
    """Meters of the run on each roll, one after the other; the last one may still grow."""
    found = []
    start = 0.0
    for roll in rolls:
        end = start + roll.length_m if roll.closed_ns else max(start, position.meters)
        found.append((start, end))
        start = end
    return found


def _utc(ns: int) -> str:
    return datetime.fromtimestamp(ns / _NS, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
