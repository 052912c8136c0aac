"""The journal of a run: enough to come back HELD at the right named step after a crash.

An entry is durable before the outputs of its step move. Only the procedure writes it; where
it is kept is the record's business, so it is a Protocol here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from controller.procedure.states import State


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Where one unit stands.

    Attributes:
        ns: line time of the entry, UTC ns.
        state: procedural state of the whole run.
        unit, phase, step: names; phase and step are empty when the unit is finished.
        counters: what must survive: GOOD soak seconds, meters, purge volumes.
        done: phases of this unit already complete.
    """

    ns: int
    state: State
    unit: str
    phase: str
    step: str
    counters: dict[str, float] = field(default_factory=dict)
    done: tuple[str, ...] = ()


class Journal(Protocol):
    """Keeps entries; the newest per unit is what a restart reads."""

    def write(self, entry: JournalEntry) -> int:
        """Take an entry and return its ticket."""

    def durable(self, ticket: int) -> bool:
        """Tell whether the entry of this ticket would survive a power loss."""


class MemoryJournal:
    """A journal for tests and checks: durable at once, lost with the process."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []

    def write(self, entry: JournalEntry) -> int:
        """Keep the entry."""
        self.entries.append(entry)
        return len(self.entries)

    def durable(self, ticket: int) -> bool:
        """Tell whether the entry was taken."""
        return ticket <= len(self.entries)

    def last(self) -> dict[str, JournalEntry]:
        """Newest entry of each unit."""
        return {entry.unit: entry for entry in self.entries}
