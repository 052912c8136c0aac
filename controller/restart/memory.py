"""What the journal keeps beside the procedure's own entries, and how a restart reads it.

Subjects: ``protection`` (state of the run, latched trips, alarm states), ``film`` (counter
readings and the labels that belong to them) and ``outputs`` (requests in force and what was
switched on). Their entries are JSON and may hold NaN and Infinity, as Python writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from controller.alarm_handling import Saved
from controller.film.rolls import ENDLESS, Mark
from controller.film.transport import Memory
from controller.procedure.journal import JournalEntry
from controller.procedure.states import State

PROTECTION: Final = "protection"
FILM: Final = "film"
OUTPUTS: Final = "outputs"
_TRACKED_M: Final = 60.0  # of film on the line, with room

Entries = Sequence[tuple[int, str]]
"""Time and text of the entries of one subject, oldest first."""


@dataclass(frozen=True)
class Protection:
    """State of the run and of what protects it.

    Attributes:
        state: procedural state. reason: of the last change.
        trips: latched ones. alarms: every alarm that is not normal, as ``Alarms.save`` gives it.
        since_ns: a restart stands undecided, and the controller failed then; 0: none does.
    """

    state: State = State.IDLE
    reason: str = ""
    trips: tuple[str, ...] = ()
    alarms: Mapping[str, Saved] = field(default_factory=dict)
    since_ns: int = 0

    def text(self) -> str:
        """The entry of the journal."""
        row = {
            "state": int(self.state), "reason": self.reason, "trips": self.trips,
            "alarms": dict(self.alarms),
            "since_ns": self.since_ns,
        }  # fmt: skip
        return json.dumps(row, sort_keys=True)

    @classmethod
    def read(cls, text: str) -> Protection:
        """Read an entry."""
        row: dict[str, Any] = json.loads(text)
        trips = tuple(row["trips"])
        return cls(State(row["state"]), row["reason"], trips, row["alarms"], row["since_ns"])


@dataclass(frozen=True)
class Outputs:
    """What was wanted of the plant.

    Attributes:
        requests: last accepted request of each tag. on: loops and ratio slaves that were on.
    """

    requests: Mapping[str, float] = field(default_factory=dict)
    on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Past:
    """All that a record tells a restart.

    Attributes:
        last_ns: stamp of the newest thing in the record: the controller lived then.
        units: newest entry of each unit of the procedure.
        film: memories of the film that is on the line, oldest first.
        rolls: entries of the journal of rolls. marks: that had not ended.
        recipes: entries of changes of recipe, oldest first.
    """

    last_ns: int
    units: Mapping[str, JournalEntry]
    protection: Protection
    outputs: Outputs
    film: tuple[Memory, ...] = ()
    rolls: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    recipes: tuple[str, ...] = ()

    @property
    def since_ns(self) -> int:
        """When the controller failed; with several failures before a decision, the first."""
        return self.protection.since_ns or self.last_ns


def read_units(latest: Mapping[str, tuple[int, str]]) -> dict[str, JournalEntry]:
    """Entries of the procedure among the newest entry of every subject."""
    found = {}
    for subject, (_, text) in latest.items():
        row = json.loads(text)
        if row.get("unit") == subject and "step" in row:
            row["state"], row["done"] = State(row["state"]), tuple(row["done"])
            found[subject] = JournalEntry(**row)
    return found


def read_film(entries: Entries) -> tuple[Memory, ...]:
    """Memories of the film that can still be on the line."""
    kept: list[Memory] = []
    for _, text in reversed(entries):
        memory: Memory = json.loads(text)
        if kept and kept[0]["rails"] - memory["rails"] > _TRACKED_M:
            break
        kept.append(memory)
    return tuple(reversed(kept))


def read_outputs(entries: Entries) -> Outputs:
    """Put the changes of the last session together."""
    requests: dict[str, float] = {}
    on: tuple[str, ...] = ()
    for _, text in entries:
        row = json.loads(text)
        if row["first"]:
            requests = {}
        requests.update(row["changed"])
        for tag in row["gone"]:
            requests.pop(tag, None)
        on = tuple(row["on"])
    return Outputs(requests, on)


def open_marks(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """Marks that had begun and not ended."""
    return tuple(mark for mark in marks if mark.to_label == ENDLESS)
