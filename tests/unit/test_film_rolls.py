"""Rolls and marks by label: what is written, and what a record tells of it later."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from controller.events import Event
from controller.film.rolls import Mark, Roll, RollBook, read_marks, read_rolls
from controller.historian.position import _joined
from controller.report.rolls import flags_of


class Film:
    """A film position that stands where the test says."""

    def __init__(self) -> None:
        self.at = {"DIE": 150.0, "COAT_A": 134.0, "COAT_B": 133.0, "WIND": 106.0}
        self.roll_m = 0.0
        self.first_label = 0.0
        self.switched: list[tuple[str, bool]] = []

    def label(self, station: str) -> float:
        return self.at[station]

    def new_roll(self) -> None:
        self.roll_m = 0.0

    def switch(self, name: str, on: bool, now_ns: int) -> None:
        _ = now_ns
        self.switched.append((name, on))

    def move(self, meters: float) -> None:
        self.at = {name: label + meters for name, label in self.at.items()}
        self.roll_m += meters


class Table:
    def index(self, name: str) -> int:
        assert name == "PROC.STATE"
        return 0


class Snapshot:
    now_ns = 0

    def __init__(self, state: float) -> None:
        self.known = [state]


class Book:
    """A roll book with everything it wrote."""

    def __init__(self) -> None:
        self.film = Film()
        self.notes: list[str] = []
        self.book = RollBook(
            self.film, Table(), "core25", lambda _ns, _subject, text: self.notes.append(text)
        )
        self.events: list[Event] = []
        self.ns = 0

    def switch(self, name: str, on: bool = True) -> None:
        self.ns += 1_000_000_000
        self.book.switch(name, on, self.ns)
        self.scan()

    def scan(self, state: float = 1.0) -> None:
        self.events += self.book.step(Snapshot(state), self.ns, 0.1)


@pytest.fixture
def book():
    return Book()


def test_collecting_opens_a_roll_a_change_begins_the_next_and_the_end_closes_it(book):
    book.switch("film.collect")
    book.film.move(40.0)
    book.switch("film.collect")  # a step that is entered again
    book.switch("roll.change")
    assert book.film.roll_m == 0.0
    book.film.move(10.0)
    book.switch("film.collect", on=False)
    first, second = read_rolls(book.notes)
    assert (first.name, first.core_label, first.outer_label) == ("R01", 106.0, 146.0)
    assert (first.length_m, first.why) == (40.0, "roll changed")
    assert (second.core_label, second.outer_label, second.length_m) == (146.0, 156.0, 10.0)
    assert second.why == "collecting ended"
    verbs = [(e.verb, e.tag) for e in book.events if e.source == "roll"]
    assert verbs == [("open", "R01"), ("close", "R01"), ("open", "R02"), ("close", "R02")]
    assert ("film.collect", False) in book.film.switched


def test_a_break_is_the_reason_of_the_roll_it_ends_and_of_no_other(book):
    book.switch("film.collect")
    book.film.move(7.0)
    book.switch("roll.broken")
    book.switch("film.collect", on=False)
    book.switch("film.collect")
    book.switch("film.collect", on=False)
    assert [roll.why for roll in read_rolls(book.notes)] == ["web broken", "collecting ended"]


def test_an_open_roll_is_told_as_far_as_it_is_and_restored(book):
    book.switch("film.collect")
    [roll] = read_rolls(book.notes)
    assert roll.closed_ns == 0
    again = Book()
    again.book.restore(book.notes)
    assert again.book.roll == roll
    again.switch("film.collect", on=False)
    assert read_rolls([*book.notes, *again.notes])[0].closed_ns > 0


def test_marks_begin_and_end_with_the_film_under_their_station(book):
    book.switch("mark.uncoated_air")
    book.film.move(5.0)
    assert read_marks(book.events) == [Mark("uncoated_air", 134.0, math.inf)]
    book.switch("mark.uncoated_air", on=False)
    assert read_marks(book.events) == [Mark("uncoated_air", 134.0, 139.0)]


def test_a_hold_marks_what_is_on_the_line_from_winder_to_die(book):
    book.scan(state=3.0)
    book.film.move(6.0)
    book.scan(state=4.0)
    book.scan(state=5.0)
    book.scan(state=1.0)
    assert read_marks(book.events) == [Mark("made_in_hold", 106.0, 156.0)]


def test_a_hold_before_the_first_film_marks_nothing_and_later_only_what_is_there(book):
    book.film.at = dict.fromkeys(book.film.at, math.nan)
    book.scan(state=4.0)
    book.scan(state=1.0)
    assert read_marks(book.events) == []
    book.film.at["DIE"], book.film.first_label = 210.0, 200.0
    book.scan(state=4.0)
    book.scan(state=1.0)
    assert read_marks(book.events) == [Mark("made_in_hold", 200.0, 210.0)]


def test_marked_labels_are_flagged_with_their_reason():
    labels = np.arange(0.5, 10.0)
    marks = [Mark("uncoated_air", 2.0, 4.0), Mark("uncoated_air", 7.0), Mark("clean", 0.0, 9.0)]
    flags = flags_of(marks, labels)
    assert list(flags) == ["uncoated (air side)"]
    assert labels[flags["uncoated (air side)"]].tolist() == [2.5, 3.5, 7.5, 8.5, 9.5]


def test_unknown_labels_survive_the_journal():
    text = Roll("R01", "core25", math.nan, 5).text()
    assert json.loads(text)["core_label"] is None
    [roll] = read_rolls([text])
    assert math.isnan(roll.core_label)
    assert math.isnan(roll.outer_label)


def test_meters_of_a_run_count_on_from_roll_to_roll():
    rolls = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 1.0, 0.2, 1.2])
    assert _joined(rolls) == pytest.approx([0.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0])
