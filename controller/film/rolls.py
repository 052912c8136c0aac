"""Rolls and marks: which film is on which roll, and which film is not to be sold, by label.

A roll is a range of labels at the winder; a mark is a range of labels with a kind, such as
``uncoated_air`` or ``made_in_hold``. Both are written as events when they begin and when they
end, and a roll also as an entry of the journal ``roll``, so that a record tells them without
the controller. Their names hold no lot: the record knows it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from controller.events import Event
from controller.film.transport import FilmTransport, SnapshotLike, TableLike

JOURNAL: Final = "roll"
RECIPE_JOURNAL: Final = "recipe"
ENDLESS: Final = math.inf
_HELD_STATES: Final = (3.0, 4.0, 5.0)  # holding, held, restarting
_WHY: Final = {
    "roll.broken": "web broken",
    "roll.recipe": "recipe changed",
    "roll.restart": "controller restarted",
}
MARKS: Final = {
    "uncoated_air": ("COAT_A", "COAT_A"),
    "uncoated_belt": ("COAT_B", "COAT_B"),
    "made_in_hold": ("WIND", "DIE"),
    "transition": ("WIND", "DIE"),
    "clean": ("DIE", "DIE"),
}
"""Kind of mark -> station whose label begins it, station whose label ends it."""

Note = Callable[[int, str, str], None]
"""Writes an entry of the journal: line time, subject, text."""


@dataclass(frozen=True)
class Roll:
    """One roll; lengths in meters of the roll, labels in meters of belt film cast.

    Attributes:
        name: R01, R02... within the lot. recipe: it was begun with.
        core_label, outer_label: film at the core end and at the outer end; NaN when unknown.
        opened_ns, closed_ns: line time; 0 while it is being wound.
        length_m: wound so far, or in all. why: what ended it.
    """

    name: str
    recipe: str
    core_label: float
    opened_ns: int
    outer_label: float = math.nan
    closed_ns: int = 0
    length_m: float = 0.0
    why: str = ""

    def text(self) -> str:
        """The entry of the journal."""
        known = {k: None if _unknown(v) else v for k, v in asdict(self).items()}
        return json.dumps(known, sort_keys=True)


@dataclass(frozen=True)
class Mark:
    """Film from one label to another; ``to_label`` is infinite while it goes on."""

    kind: str
    from_label: float
    to_label: float = ENDLESS


def read_rolls(entries: Iterable[str]) -> list[Roll]:
    """Rolls from the texts of the journal ``roll``, oldest first; the last entry of each counts."""
    found: dict[str, Roll] = {}
    for text in entries:
        row: dict[str, Any] = {k: math.nan if v is None else v for k, v in json.loads(text).items()}
        found[row["name"]] = Roll(**row)
    return list(found.values())


def read_marks(events: Iterable[Event]) -> list[Mark]:
    """Marks from the events of a record."""
    found: list[Mark] = []
    for event in events:
        if event.source != "film" or event.verb != "mark" or event.old is None:
            continue
        begun = float(event.old)
        if event.new is None:
            found.append(Mark(event.tag, begun))
            continue
        for number, mark in enumerate(found):
            if mark == Mark(event.tag, begun):
                found[number] = Mark(event.tag, begun, float(event.new))
    return found


class RollBook:
    """Opens and closes rolls and marks; also the door of the film's own switches.

    Args:
        film: the film position. recipe: name of the recipe being made.
        note: where entries of the journal go.

    Attributes:
        roll: the roll being wound, None between rolls.
        closed: rolls closed so far.
    """

    def __init__(self, film: FilmTransport, table: TableLike, recipe: str, note: Note) -> None:
        self.roll: Roll | None = None
        self.closed: list[Roll] = []
        self.recipe = recipe
        self._film = film
        self._note = note
        self._state = table.index("PROC.STATE")
        self._marks: dict[str, float] = {}
        self._why = ""
        self._events: list[Event] = []

    def switch(self, name: str, on: bool, now_ns: int) -> None:
        """``roll.*`` and ``mark.*`` are the book's own; ``film.*`` goes to the film position.

        Raises:
            KeyError: no such switch.
        """
        if name == "roll.change":
            self._close("roll changed", now_ns)
            self._open(now_ns)
        elif name in _WHY:
            self._why = _WHY[name]
        elif name.startswith("mark."):
            self._mark(name.removeprefix("mark."), on=on, now_ns=now_ns)
        elif name == "film.collect":
            self._collect(on=on, now_ns=now_ns)
        else:
            self._film.switch(name, on, now_ns)

    def end_of_film(self, now_ns: int) -> None:
        """The film of an interrupted casting has left the line: its roll ends, labels go on."""
        for name, on in (("roll.restart", True), ("film.collect", False),
                         ("film.tenter_empty", True), ("film.line_empty", True)):  # fmt: skip
            self.switch(name, on, now_ns)

    def adopt(self, recipe: str, text: str, now_ns: int) -> None:
        """Another recipe is in force for film cast from here on; the record keeps its text."""
        label = _known(self._film.label("DIE"))
        entry = {"name": recipe, "label": label, "text": text}
        self._note(now_ns, RECIPE_JOURNAL, json.dumps(entry, sort_keys=True))
        self._event(now_ns, "film", "recipe", recipe, None, label, f"after {self.recipe}")
        self.recipe = recipe

    def marked(self) -> tuple[str, ...]:
        """Kinds of marks that go on now."""
        return tuple(self._marks)

    def restore(self, entries: Iterable[str], marks: Iterable[Mark] = ()) -> None:
        """Know the rolls and marks of a record again after a restart; some may go on."""
        rolls = read_rolls(entries)
        self._marks = {mark.kind: mark.from_label for mark in marks}
        self.closed = [roll for roll in rolls if roll.closed_ns]
        self.roll = next((roll for roll in rolls if not roll.closed_ns), None)

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> Sequence[Event]:
        """Mark what is made while the procedure is held; hand out what happened."""
        _ = dt
        held = snapshot.known[self._state] in _HELD_STATES
        if held != ("made_in_hold" in self._marks) and (held or self._marks):
            self._mark("made_in_hold", on=held, now_ns=now_ns)
        if not self._events:
            return ()
        events, self._events = self._events, []
        return events

    # --- rolls -------------------------------------------------------------------------------

    def _collect(self, *, on: bool, now_ns: int) -> None:
        if on and self.roll is None:
            self._open(now_ns)
        elif not on and self.roll is not None:
            self._close(self._why or "collecting ended", now_ns)
        self._why = ""
        self._film.switch("film.collect", on, now_ns)

    def _open(self, now_ns: int) -> None:
        self._film.new_roll()
        label = self._film.label("WIND")
        self.roll = Roll(f"R{len(self.closed) + 1:02d}", self.recipe, label, now_ns)
        self._note(now_ns, JOURNAL, self.roll.text())
        self._event(now_ns, "roll", "open", self.roll.name, None, _known(label), self.recipe)

    def _close(self, why: str, now_ns: int) -> None:
        if self.roll is None:
            return
        label = self._film.label("WIND")
        roll = replace(
            self.roll, outer_label=label, closed_ns=now_ns, length_m=self._film.roll_m, why=why
        )
        self.closed.append(roll)
        self.roll = None
        self._note(now_ns, JOURNAL, roll.text())
        cause = f"{why}; {roll.length_m:.2f} m"
        old, new = _known(roll.core_label), _known(label)
        self._event(now_ns, "roll", "close", roll.name, old, new, cause)

    # --- marks -------------------------------------------------------------------------------

    def _mark(self, kind: str, *, on: bool, now_ns: int) -> None:
        begins, ends = MARKS[kind]
        if on and kind not in self._marks:
            begun = self._label(begins)
            if math.isnan(begun):
                return  # no film there: nothing to mark
            self._marks[kind] = begun
            self._event(now_ns, "film", "mark", kind, begun, None, "begins")
        elif not on and kind in self._marks:
            begun, ended = self._marks.pop(kind), self._label(ends)
            ended = begun if math.isnan(ended) else ended
            self._event(now_ns, "film", "mark", kind, begun, ended, "ends")

    def _label(self, station: str) -> float:
        """Label at a station; where no film of this casting is yet, the label it began with."""
        label = self._film.label(station)
        if math.isnan(label) and not math.isnan(self._film.label("DIE")):
            return self._film.first_label
        return label

    def _event(
        self, now_ns: int, source: str, verb: str, tag: str,
        old: float | None, new: float | None, cause: str,
    ) -> None:  # fmt: skip
        self._events.append(Event(now_ns, source, verb, tag, old, new, cause))


def _unknown(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _known(label: float) -> float | None:
    return None if math.isnan(label) else round(label, 3)
