"""The runner beside its recipe: operations, wishes, breaks while held, stops."""

from __future__ import annotations

from typing import ClassVar

import pytest

from config.models import Level, PhaseUse
from controller.procedure.phase import Params, Phase
from controller.procedure.returning import RETHREAD
from controller.procedure.runner import Doors
from controller.procedure.states import Command, State
from controller.procedure.steps import Log, Stop, Wait
from tests.procedure_bench import OPERATOR, REGISTRY, STOP, Bench, started


class Cleaning(Phase):
    """An operation a person begins."""

    use: ClassVar[str] = "cleaning"
    steps: ClassVar[tuple[str, ...]] = ("clean",)
    works_in: ClassVar[tuple[State, ...]] = (State.IDLE, State.RUNNING)
    locks: ClassVar[float] = 1.0

    def clean(self, ctx):
        yield Wait(5.0, "cleaned")

    def holding(self, ctx):
        yield Log("cleaning held")


class Looking(Phase):
    """An operation that looks at the line."""

    use: ClassVar[str] = "looking"
    steps: ClassVar[tuple[str, ...]] = ("look",)
    works_in: ClassVar[tuple[State, ...]] = (State.RUNNING,)

    def look(self, ctx):
        yield Log(f"sees {ctx.value('TIC-504.PV'):.0f} degC")
        yield Wait(2.0, "seen")


class Tearing(Phase):
    """A phase whose web breaks while it is held."""

    use: ClassVar[str] = "tearing"
    steps: ClassVar[tuple[str, ...]] = ("run",)
    torn = ""

    def run(self, ctx):
        yield Wait(1000.0, "runs")

    def holding(self, ctx):
        yield Log("break sequence")
        self.torn = ""

    def holds_again(self, ctx):
        return self.torn


class Stopping(Phase):
    """A phase that asks for the controlled stop itself."""

    use: ClassVar[str] = "stopping_itself"
    steps: ClassVar[tuple[str, ...]] = ("end",)

    def end(self, ctx):
        yield Stop("nothing left to make")
        yield Wait(1000.0, "never")


MORE = {one.use: one for one in (Tearing, Stopping)}


@pytest.fixture(autouse=True)
def more_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, phase in MORE.items():
        monkeypatch.setitem(REGISTRY, name, phase)


def said(bench: Bench, verb: str) -> list[tuple[str, object, str, str]]:
    return [(e.tag, e.new, e.cause, e.actor) for e in bench.events if e.verb == verb]


# --- operations ----------------------------------------------------------------------------------


def test_an_operation_runs_beside_the_recipe_to_its_end() -> None:
    bench = started(PhaseUse(use="waiting"))
    runner = bench.runner
    assert runner.begin_operation(Cleaning(Params()), "lip dirty", OPERATOR) == ""
    assert said(bench, "operation") == []
    bench.scan(2)
    assert said(bench, "operation") == [("cleaning", "begins", "lip dirty", "kim")]
    assert runner.side.name == "cleaning"
    assert bench.runner.begin_operation(Cleaning(Params()), "x", OPERATOR) == (
        "cleaning is going on"
    )
    bench.scan(8)
    assert (runner.side.name, runner.side.unit) == ("", None)
    assert "operation.cleaning complete" in bench.logs()
    assert runner.state is State.RUNNING


def test_an_operation_sees_the_line_and_is_journaled_as_it_goes() -> None:
    bench = started(PhaseUse(use="waiting"))
    bench.plant.stuck["TIC-504.PV"] = 60.0
    bench.runner.begin_operation(Looking(Params()), "is it clean?", OPERATOR)
    before_ns = bench.plant.now_ns
    bench.scan(2)
    assert "sees 60 degC" in bench.logs()
    entry = bench.journal.last()["operation"]
    assert (entry.state, entry.phase, entry.step) == (State.RUNNING, "looking", "look")
    assert before_ns < entry.ns <= bench.plant.now_ns
    bench.scan(5)
    assert bench.journal.last()["operation"].done == ("looking",)


def test_an_operation_needs_a_state_it_works_in() -> None:
    bench = started(PhaseUse(use="waiting"))
    bench.runner.command(Command.STOP, "test", OPERATOR)
    told = bench.runner.begin_operation(Cleaning(Params()), "lip dirty", OPERATOR)
    assert told == "cleaning is not possible in state STOPPING"


def test_nothing_starts_while_hands_are_at_the_line() -> None:
    bench = Bench(PhaseUse(use="waiting"))
    bench.runner.begin_operation(Cleaning(Params()), "lip dirty", OPERATOR)
    assert bench.runner.command(Command.START, "test", OPERATOR) == "cleaning is going on"
    bench.runner.arming = lambda: ["watchdog off"]
    assert bench.runner.against(Command.START) == ["cleaning is going on", "watchdog off"]
    assert bench.runner.state is State.IDLE


def test_an_operation_is_published_as_what_locks_the_line() -> None:
    bench = Bench(PhaseUse(use="waiting"))
    row = bench.plant.table.index("PROC.CLEAN")
    bench.runner.begin_operation(Cleaning(Params()), "lip dirty", OPERATOR)
    bench.scan(2)
    assert bench.plant.table.value[row] == 1.0
    bench.scan(10)
    assert bench.plant.table.value[row] == 0.0


def test_a_hold_holds_the_operation_and_a_stop_drops_it() -> None:
    bench = started(PhaseUse(use="waiting"), stop_units=STOP)
    bench.runner.begin_operation(Cleaning(Params()), "lip dirty", OPERATOR)
    bench.scan(2)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(20)
    assert "cleaning held" in bench.logs()
    assert bench.runner.side.name == "cleaning", "it does not work in HELD"
    bench.runner.command(Command.STOP, "enough", OPERATOR)
    bench.scan(3)
    assert bench.runner.side.unit is None


def test_an_operation_that_has_become_pointless_ends_by_itself() -> None:
    bench = started(PhaseUse(use="waiting"))
    phase = Cleaning(Params())
    bench.runner.begin_operation(phase, "lip dirty", OPERATOR)
    bench.scan(1)
    phase.pointless = lambda: "the die is empty"
    bench.scan(1)
    assert "cleaning ends: the die is empty" in bench.logs()
    assert bench.runner.side.unit is None


def test_what_a_person_asked_for_is_told_and_kept_once() -> None:
    bench = started(PhaseUse(use="waiting"))
    bench.runner.tell("roll", "asked", "short roll", OPERATOR)
    bench.runner.wish("sample", "for the laboratory", OPERATOR)
    bench.runner.wish("sample", "again", OPERATOR)
    bench.scan(1)
    assert bench.runner.view.wishes == ["sample"]
    assert said(bench, "operation") == [
        ("roll", "asked", "short roll", "kim"),
        ("sample", "begins", "for the laboratory", "kim"),
        ("sample", "begins", "again", "kim"),
    ]


# --- held ----------------------------------------------------------------------------------------


def test_a_break_while_held_runs_the_holding_steps_anew_and_keeps_the_first_cause() -> None:
    bench = started(PhaseUse(use="tearing"))
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(3)
    assert bench.runner.state is State.HELD
    bench.runner.units[0].slot.phase.torn = "web broke at the peel"
    bench.scan(1)
    assert bench.runner.state is State.HOLDING
    bench.scan(2)
    assert bench.runner.state is State.HELD
    assert bench.runner.reason == "hold: look; then web broke at the peel"
    assert bench.logs().count("break sequence") == 2


def wishing() -> Bench:
    """Held, with a person who wants to thread anew."""
    bench = started(PhaseUse(use="waiting"), stop_units=STOP)
    bench.runner.command(Command.HOLD, "web broke", OPERATOR)
    bench.scan(2)
    bench.runner.wish(RETHREAD, "hot re-thread", OPERATOR)
    bench.scan(3)
    return bench


def test_a_return_is_asked_once_and_answered_goes_on() -> None:
    bench = wishing()
    (pending,) = bench.runner.asks()
    assert pending.ask.key == RETHREAD
    assert bench.runner.answer(pending.ask_id, "thread", OPERATOR) == ""
    bench.scan(3)
    assert bench.runner.state is State.RUNNING
    assert bench.runner.view.wishes == []
    assert "hot re-thread: back to " in bench.logs()


def test_a_return_that_is_not_wanted_is_a_stop() -> None:
    bench = wishing()
    (pending,) = bench.runner.asks()
    assert bench.runner.answer(pending.ask_id, "stop", OPERATOR) == ""
    assert bench.runner.state is State.STOPPING
    assert bench.runner.reason == "stop: no hot re-thread after the break"


def test_a_held_run_may_be_barred_from_going_on() -> None:
    bench = started(PhaseUse(use="waiting"))
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(3)
    bench.runner.barred = lambda: "the film has stood too long"
    told = bench.runner.command(Command.RESTART, "go on", OPERATOR)
    assert told == "the film has stood too long"
    assert bench.runner.state is State.HELD


def test_who_waits_with_the_run_out_holds_on_and_is_asked_again() -> None:
    bench = started(PhaseUse(use="waiting"))
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(905)
    (pending,) = bench.runner.asks()
    assert bench.runner.answer(pending.ask_id, "wait", OPERATOR) == ""
    bench.scan(100)
    assert bench.runner.asks() == ()
    bench.scan(805)
    assert len(bench.runner.asks()) == 1


# --- stopping ------------------------------------------------------------------------------------


def test_a_phase_may_ask_for_the_controlled_stop_itself() -> None:
    bench = Bench(PhaseUse(use="stopping_itself"), stop_units=STOP)
    bench.start()
    bench.scan(3)
    assert bench.runner.state is State.STOPPING
    assert bench.runner.reason.endswith("nothing left to make")


def test_trouble_in_the_controlled_stop_escalates_to_an_abort() -> None:
    bench = started(PhaseUse(use="waiting"), stop_units=STOP)
    bench.runner.command(Command.STOP, "enough", OPERATOR)
    bench.scan(2)
    bench.runner.trouble("the pump does not stop")
    assert bench.runner.state is State.ABORTING
    assert bench.runner.reason.startswith("abort: ")
    bench.runner.trouble("and more")
    assert bench.runner.state is State.ABORTING, "nothing is above an abort"


def test_an_abort_tells_which_safe_value_was_refused() -> None:
    bench = started(PhaseUse(use="waiting"))

    def force(tag: str, value: float, reason: str, now_ns: int) -> list[str]:
        return ["left to other protection"] if tag == "SIC-801.RUN" else []

    bench.runner._doors = Doors(lambda *_: [], force, bench.runner._doors.switches)
    bench.runner.command(Command.ABORT, "fire", OPERATOR)
    bench.scan(1)
    assert said(bench, "refused") == [("SIC-801.RUN", 1.0, "left to other protection", "")]


def test_a_warning_demands_nothing() -> None:
    bench = started(PhaseUse(use="waiting"))
    bench.runner.demand(Level.WARN, "vapor", bench.plant.now_ns)
    assert bench.runner.state is State.RUNNING


def test_protection_in_a_hold_names_the_holds_cause_first() -> None:
    bench = started(PhaseUse(use="waiting"), stop_units=STOP)
    bench.runner.demand(Level.HOLD, "IL3: vapor", bench.plant.now_ns)
    bench.scan(2)
    bench.runner.demand(Level.CONTROLLED_STOP, "IL3CS: more vapor", bench.plant.now_ns)
    assert bench.runner.reason == "stop: IL3: vapor; then IL3CS: more vapor"


def test_another_recipe_of_the_same_chemistry_is_adopted() -> None:
    bench = started(PhaseUse(use="waiting"))
    other = bench.runner.recipe.model_copy()
    bench.runner.adopt(other)
    assert bench.runner.recipe is other
    assert bench.runner.view.recipe is other
