"""The procedure's journal with commits that end later: durable means acknowledged, not asked."""

from __future__ import annotations

import pytest

from controller.procedure.journal import JournalEntry
from controller.procedure.states import State
from controller.store_journal import StoreJournal


class Rows:
    """Where the journal writes."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, str]] = []

    def journal(self, ns: int, subject: str, entry: str) -> None:
        self.rows.append((ns, subject, entry))


@pytest.fixture
def journal() -> StoreJournal:
    return StoreJournal(Rows())  # type: ignore[arg-type]  # the part of a store it uses


def entry(state: State = State.RUNNING) -> JournalEntry:
    return JournalEntry(1, state, "oven", "ramp", "go", {}, ())


def test_an_entry_is_durable_when_its_commit_has_ended_not_when_it_was_asked_for(journal):
    ticket = journal.write(entry())
    assert not journal.durable(ticket)
    assert journal.wanted
    asked = journal.asked()
    assert not journal.durable(ticket)
    assert not journal.wanted, "its commit is under way: nobody asks for another"
    journal.committed(asked)
    assert journal.durable(ticket)


def test_an_entry_written_while_a_commit_is_under_way_needs_the_next_one(journal):
    journal.write(entry())
    asked = journal.asked()
    later = journal.write(entry())
    assert not journal.durable(later)
    assert journal.wanted
    journal.committed(asked)
    assert not journal.durable(later)
    journal.committed(journal.asked())
    assert journal.durable(later)


def test_after_a_failed_commit_everything_waits_for_another(journal):
    ticket = journal.write(entry())
    journal.asked()
    journal.failed()
    assert journal.failing
    assert not journal.durable(ticket)
    assert journal.wanted
    journal.committed(journal.asked())
    assert journal.durable(ticket)
    assert not journal.failing


def test_a_stop_goes_on_while_the_disk_fails(journal):
    going_on = journal.write(entry())
    stopping = journal.write(entry(State.STOPPING))
    journal.asked()
    journal.failed()
    assert not journal.durable(going_on)
    assert journal.durable(stopping)
