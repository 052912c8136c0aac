"""Rows of the cause-and-effect matrix, bound to a tag table.

Effects of several active rows on one output: the higher level wins, then the earlier row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.models import Condition, Level, Line, Trip
from controller.conditions import CompiledCondition, compile_condition
from controller.errors import WiringError
from controller.outputs import Forced
from controller.tags import TagTable

LEVELS = tuple(Level)
RANK = {level: rank for rank, level in enumerate(LEVELS)}
_NO_ENABLE = -1  # no number of a condition


@dataclass(slots=True)
class Row:
    """One trip with its compiled conditions and its state.

    Attributes:
        trip: the row of the line file.
        rank: level as a number, for comparing.
        when: its condition.
        gate: number of its ``enabled`` condition among the shared ones, -1 when none.
        writes: tag -> value of all its effects.
        related: rows of the same hazard on the same tags; a reset looks at them too.
        cause: truth of ``when`` in the last scan; False while it is not enabled.
        watching: ``enabled`` was not false in the last scan.
        tripped: it acts now, and holds until reset when latched.
        since_ns: UTC ns of the trip.
        why: live values that made it trip.
    """

    trip: Trip
    rank: int
    when: CompiledCondition
    gate: int
    writes: Mapping[str, float]
    related: list[int] = field(default_factory=list)
    cause: bool | None = None
    watching: bool = False
    tripped: bool = False
    since_ns: int = 0
    why: str = ""


class Matrix:
    """All rows of a line, with their shared ``enabled`` conditions.

    Raises:
        WiringError: a row names an effect that the line does not have.
        UnknownTag: a row or effect names a tag that the line does not have.
    """

    def __init__(self, line: Line, table: TagTable) -> None:
        self.table = table
        self.enables: list[CompiledCondition] = []
        self._enable_numbers: dict[Condition, int] = {}
        effects = {effect.name: effect.writes for effect in line.effect}
        self.rows = [self._row(trip, effects) for trip in line.trip]
        self.number = {row.trip.name: k for k, row in enumerate(self.rows)}
        for row in self.rows:
            row.related = self._related(row)

    def forced(self) -> dict[int, Forced]:
        """Outputs held by the rows that act now, by tag index; none that a row leaves alone."""
        held: dict[int, Forced] = {}
        left = self.left()
        for row in self._by_precedence():
            for tag, value in row.writes.items():
                index = self.table.index(tag)
                if index not in left:
                    held.setdefault(index, Forced(tag, value, row.trip.name))
        return held

    def blocks(self) -> dict[int, str]:
        """Outputs whose increase is refused, by tag index, with the row that says so."""
        blocked: dict[int, str] = {}
        for row in self._by_precedence():
            for tag in row.trip.blocks:
                blocked.setdefault(self.table.index(tag), row.trip.name)
        return blocked

    def left(self) -> dict[int, str]:
        """Outputs that other protection has while a row acts, by tag index, with the row."""
        return {
            self.table.index(tag): row.trip.name
            for row in self._by_precedence()
            for tag in row.trip.leaves
        }

    def level(self) -> Level | None:
        """Highest level of the rows that act now."""
        ranks = [row.rank for row in self.rows if row.tripped]
        return LEVELS[max(ranks)] if ranks else None

    def _by_precedence(self) -> Sequence[Row]:
        return sorted((row for row in self.rows if row.tripped), key=lambda row: -row.rank)

    def _row(self, trip: Trip, effects: Mapping[str, Mapping[str, float]]) -> Row:
        writes: dict[str, float] = {}
        for name in trip.effects:
            if name not in effects:
                raise WiringError(f"trip {trip.name}: the line has no effect {name!r}")
            writes.update(effects[name])
        for tag in (*writes, *trip.blocks, *trip.leaves):
            self.table.index(tag)
        when = compile_condition(trip.when, self.table)
        gate = _NO_ENABLE if trip.enabled is None else self._shared(trip.enabled)
        return Row(trip, RANK[trip.level], when, gate, writes)

    def _shared(self, enabled: Condition) -> int:
        """Number of a condition; equal ones are compiled and stepped once."""
        if enabled not in self._enable_numbers:
            self._enable_numbers[enabled] = len(self.enables)
            self.enables.append(compile_condition(enabled, self.table))
        return self._enable_numbers[enabled]

    def _related(self, row: Row) -> list[int]:
        """Rows of the same hazard that watch one of the same tags, not the row itself."""
        return [
            k
            for k, other in enumerate(self.rows)
            if other is not row
            and other.trip.hazard == row.trip.hazard
            and not set(other.when.tags).isdisjoint(row.when.tags)
        ]
