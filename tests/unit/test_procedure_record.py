"""What the procedure leaves behind: whole events, journal entries at their time, requests' reasons.

An audit that lacks who, when or why is none, and a journal with a wrong state misleads a restart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.models import PhaseUse
from controller.events import Event
from controller.procedure.returning import RETHREAD
from controller.procedure.runner import _ABORT_S, _JOURNAL_S
from controller.procedure.states import Command, State
from tests.procedure_bench import ENGINEER, OPERATOR, STOP, Bench, started

WAITING = PhaseUse(use="waiting")
ASKING = PhaseUse(use="asking")
NAME = "core25_layer030"


def whole(bench: Bench, verb: str) -> list[tuple[Any, ...]]:
    """Events of a verb with all they say but the time, and the time is looked at."""
    found = [event for event in bench.events if event.verb == verb]
    assert all(isinstance(event, Event) and event.ns > 0 for event in found)
    return [(e.source, e.tag, e.old, e.new, e.cause, e.actor) for e in found]


def hold(bench: Bench, why: str = "look") -> None:
    assert bench.runner.command(Command.HOLD, why, OPERATOR) == ""
    bench.scan(3)
    assert bench.runner.state is State.HELD


# --- states --------------------------------------------------------------------------------------


def test_each_change_of_state_says_from_where_where_to_why_and_who() -> None:
    bench = started(WAITING, stop_units=STOP)
    hold(bench)
    bench.runner.command(Command.RESTART, "all well", OPERATOR)
    bench.scan(3)
    bench.runner.command(Command.STOP, "enough", ENGINEER)
    bench.scan(3)
    assert whole(bench, "state") == [
        ("procedure", NAME, "IDLE", "RUNNING", "start: test", "kim"),
        ("procedure", NAME, "RUNNING", "HOLDING", "hold: look", "kim"),
        ("procedure", NAME, "HOLDING", "HELD", "done", ""),
        ("procedure", NAME, "HELD", "RESTARTING", "restart: all well", "kim"),
        ("procedure", NAME, "RESTARTING", "RUNNING", "done", ""),
        ("procedure", NAME, "RUNNING", "STOPPING", "stop: enough", "lee"),
    ]
    assert bench.runner.reason == "stop: enough"


def test_who_leaves_held_is_heard_with_what_follows_and_nobody_else() -> None:
    bench = started(WAITING)
    heard: list[State] = []
    bench.runner.leaving = heard.append
    hold(bench)
    assert heard == []
    bench.runner.command(Command.RESTART, "all well", OPERATOR)
    bench.scan(3)
    assert bench.runner.state is State.RUNNING
    assert heard == [State.RESTARTING]


@pytest.mark.parametrize(("command", "why"), [(Command.STOP, "stop"), (Command.ABORT, "abort")])
def test_a_stop_and_an_abort_take_the_units_back_from_hands_and_a_hold_does_not(
    command: Command, why: str
) -> None:
    bench = started(WAITING, stop_units=STOP)
    taken: list[tuple[str, int]] = []
    doors = bench.runner._doors
    bench.runner._doors = replace(doors, take_back=lambda why, ns: taken.append((why, ns)))
    hold(bench)
    assert taken == []
    bench.runner.command(command, "enough", OPERATOR)
    assert taken == [(f"{why}: enough", bench.plant.now_ns)]


def test_a_web_that_breaks_in_a_hold_changes_the_state_by_itself_and_names_nobody() -> None:
    bench = started(WAITING)
    hold(bench)
    phase = bench.runner.units[0].slot.phase
    seen: list[object] = []

    def torn(ctx: object) -> str:
        seen.append(ctx)
        return "web broke" if len(seen) == 1 else ""

    phase.holds_again = torn
    bench.scan(1)
    assert seen[0] is bench.runner.view
    last = ("HELD", "HOLDING", "hold: look; then web broke", "")
    assert whole(bench, "state")[-1][2:] == last


# --- the journal ---------------------------------------------------------------------------------


def test_every_unit_is_journaled_with_each_state_at_its_time() -> None:
    bench = started(WAITING)
    bench.scan(3)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    entry = bench.journal.last()["u"]
    assert (entry.ns, entry.state) == (bench.plant.now_ns, State.HOLDING)
    assert (entry.phase, entry.step) == ("waiting", "pressure")


def test_a_running_phase_is_journaled_again_and_again_and_a_held_one_is_not() -> None:
    bench = started(WAITING)
    before = len(bench.journal.entries)
    bench.scan(round(_JOURNAL_S))
    (entry,) = bench.journal.entries[before:]
    assert (entry.state, entry.step) == (State.RUNNING, "pressure")
    assert 0 <= bench.plant.now_ns - entry.ns < _JOURNAL_S * 1e9
    hold(bench)
    before = len(bench.journal.entries)
    bench.scan(3 * round(_JOURNAL_S))
    assert bench.journal.entries[before:] == []


def test_a_phase_that_ends_leaves_an_entry_before_the_next_one() -> None:
    bench = started(PhaseUse(use="setting"), PhaseUse(use="setting", name="again"))
    bench.scan(6)
    done = [e for e in bench.journal.entries if e.unit == "u" and e.done and not e.step]
    assert [(e.phase, e.counters, e.state, e.done) for e in done[:2]] == [
        ("again", {}, State.RUNNING, ("setting",)),
        ("", {}, State.RUNNING, ("setting", "again")),
    ]


# --- answers -------------------------------------------------------------------------------------


def test_an_answer_is_recorded_with_its_question_and_who_gave_it() -> None:
    bench = started(ASKING)
    (pending,) = bench.runner.asks()
    assert bench.runner.answer(pending.ask_id, "yes", ENGINEER) == ""
    bench.scan(1)
    assert whole(bench, "answer") == [("procedure", "go", None, "yes", "Go on?", "lee")]


def test_the_run_out_chosen_after_a_hold_is_a_stop_by_who_chose_it() -> None:
    bench = started(WAITING, stop_units=STOP)
    hold(bench)
    bench.scan(905)
    (pending,) = bench.runner.asks()
    assert bench.runner.answer(pending.ask_id, "stop", OPERATOR) == ""
    bench.scan(1)
    last = ("HELD", "STOPPING", "stop: run-out chosen after a hold", "kim")
    assert whole(bench, "state")[-1][2:] == last


@pytest.mark.parametrize(
    ("value", "last"),
    [
        ("thread", ("HELD", "RESTARTING", "restart: hot re-thread", "kim")),
        ("stop", ("HELD", "STOPPING", "stop: no hot re-thread after the break", "kim")),
    ],
)
def test_what_was_chosen_after_a_break_is_a_command_by_who_chose_it(
    value: str, last: tuple[str, ...]
) -> None:
    bench = started(WAITING, stop_units=STOP)
    hold(bench)
    bench.runner.wish(RETHREAD, "hot re-thread", OPERATOR)
    bench.scan(2)
    (pending,) = bench.runner.asks()
    assert bench.runner.answer(pending.ask_id, value, OPERATOR) == ""
    assert bench.runner.command(Command.ABORT, "seen", OPERATOR) == ""
    bench.scan(1)
    assert whole(bench, "state")[-2][2:] == last


# --- the abort -----------------------------------------------------------------------------------


def test_an_abort_forces_every_safe_value_once_with_its_reason_and_time() -> None:
    bench = started(WAITING)
    told: list[tuple[str, str, int]] = []

    def force(tag: str, value: float, reason: str, now_ns: int) -> list[str]:
        told.append((tag, reason, now_ns))
        return []

    bench.runner._doors = replace(bench.runner._doors, force=force)
    bench.runner.command(Command.ABORT, "fire", OPERATOR)
    bench.scan(1)
    assert {reason for _, reason, _ in told} == {"abort: fire"}
    assert {ns for _, _, ns in told} == {bench.plant.now_ns}
    first = [tag for tag, _, _ in told]
    assert len(set(first)) == len(first) > 50
    bench.scan(round(_ABORT_S))
    assert [tag for tag, _, _ in told] == first
    assert bench.runner.state is State.ABORTED
