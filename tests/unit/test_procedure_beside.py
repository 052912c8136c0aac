"""The runner beside its recipe: operations, wishes, breaks while held, units in manual."""

from __future__ import annotations

from typing import ClassVar

import pytest

from config.models import Condition, Level, PhaseUse
from controller.procedure.phase import Params, Phase, ProcedureError
from controller.procedure.returning import RETHREAD
from controller.procedure.runner import Doors
from controller.procedure.states import Command, State
from controller.procedure.steps import Log, Put, Stop, Wait
from tests.unit.test_procedure_runner import OPERATOR, REGISTRY, STOP, Bench


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


class Setting(Phase):
    """A phase that writes one output."""

    use: ClassVar[str] = "setting"
    steps: ClassVar[tuple[str, ...]] = ("put",)

    def put(self, ctx):
        yield Put("SIC-210.SP", 1.0, "set")


class SlowToStop(Phase):
    """A phase that comes to rest before the controlled stop."""

    use: ClassVar[str] = "slow_to_stop"
    steps: ClassVar[tuple[str, ...]] = ("run",)

    def run(self, ctx):
        yield Wait(1000.0, "runs")

    def stopping(self, ctx):
        yield Wait(4.0, "comes to rest")


MORE = {one.use: one for one in (Tearing, Stopping, Setting, SlowToStop)}


@pytest.fixture(autouse=True)
def more_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, phase in MORE.items():
        monkeypatch.setitem(REGISTRY, name, phase)


def started(*uses: PhaseUse, **more: object) -> Bench:
    bench = Bench(*uses, **more)
    bench.start()
    bench.scan(2)
    return bench


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


# --- a unit --------------------------------------------------------------------------------------


def test_a_unit_in_manual_stands_and_says_who_has_it() -> None:
    bench = started(PhaseUse(use="ramping"))
    doors = bench.runner._doors
    by_hand = {"u": "u is in manual by ann"}
    bench.runner._doors = Doors(
        doors.put, doors.force, doors.switches, lambda name: by_hand.get(name, ""), doors.take_back
    )
    bench.scan(3)
    reached = bench.request("SIC-210.SP")
    bench.scan(10)
    assert bench.request("SIC-210.SP") == reached
    assert bench.runner.waiting_for()[0].text == "u is in manual by ann"
    by_hand.clear()
    bench.scan(3)
    assert bench.request("SIC-210.SP") > reached


def test_a_unit_says_what_it_waits_for_at_every_place() -> None:
    after = PhaseUse(use="setting", name="later", after=("u.first",))
    bench = Bench(PhaseUse(use="asking", name="first"), after)
    unit = bench.runner.units[0]
    assert unit.item is None
    assert unit.waiting_for() == "its start"
    bench.start()
    bench.scan(2)
    assert unit.item is not None
    assert unit.waiting_for().startswith("a person (")
    assert not unit.ready(1)
    assert not unit.ready(2)


def test_behind_its_last_phase_a_unit_is_complete() -> None:
    bench = started(PhaseUse(use="setting"))
    bench.scan(3)
    assert bench.runner.state is State.COMPLETE
    assert bench.runner.units[0].waiting_for() == "complete"
    assert bench.runner.waiting_for()[0].phase == ""


def test_holding_before_anything_was_entered_has_no_steps_of_its_own() -> None:
    first = PhaseUse(use="ramping", name="first", until=Condition(tag="SIC-210.ACT", above=1000.0))
    bench = Bench(first, PhaseUse(use="asking", name="next", after=("u.first",)))
    unit = bench.runner.units[0]
    unit.begin("holding")
    assert unit.own_steps(1.0)
    unit.rebase()
    unit.stand_at("next", "", {})
    unit.complete.clear()
    assert unit.waiting_for() == "after u.first"


def test_in_a_hold_a_unit_tells_what_its_own_steps_wait_for() -> None:
    bench = started(PhaseUse(use="ramping"))
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(1)
    assert bench.runner.state is State.HOLDING
    assert bench.runner.waiting_for()[0].text.startswith("hold settles")


def test_the_controlled_stop_waits_for_the_phases_own_stopping() -> None:
    bench = started(PhaseUse(use="slow_to_stop"), stop_units=STOP)
    bench.runner.command(Command.STOP, "enough", OPERATOR)
    bench.scan(2)
    assert bench.runner.units[0].waiting_for().startswith("comes to rest")
    assert bench.runner.asks() == (), "the controlled stop has not begun"
    bench.scan(4)
    assert [pending.unit for pending in bench.runner.asks()] == ["stop"]


def test_time_in_which_a_person_has_the_equipment_does_not_count() -> None:
    bench = started(PhaseUse(use="ramping", timeout_s=30.0))
    doors = bench.runner._doors
    told = "SIC-210 is in manual by ann"
    by_hand = {"SIC-210.SP": told}
    bench.runner._doors = Doors(
        doors.put, doors.force, doors.switches, lambda name: by_hand.get(name, ""), doors.take_back
    )
    bench.scan(60)
    assert bench.runner.state is State.RUNNING
    by_hand.clear()
    bench.scan(40)
    assert bench.runner.state is State.HELD
    assert "not complete in 30 s" in bench.runner.reason


def test_the_state_is_published_once_a_second_at_any_scan_rate() -> None:
    bench = started(PhaseUse(use="waiting"))
    table = bench.plant.table
    row = table.index("PROC.STATE")
    stamps = set()
    for _ in range(20):
        snapshot = bench.plant.step(0.1)
        bench.runner.step(snapshot, bench.plant.now_ns, 0.1)
        stamps.add(int(table.source_ns[row]))
    assert len(stamps) in {2, 3}


@pytest.mark.parametrize(
    ("phase", "step", "told"),
    [("nope", "", "has no phase 'nope'"), ("ramping", "nope", "has no step 'nope'")],
)
def test_a_unit_stands_only_where_there_is_a_place(phase: str, step: str, told: str) -> None:
    unit = Bench(PhaseUse(use="ramping")).runner.units[0]
    with pytest.raises(ProcedureError, match=told):
        unit.stand_at(phase, step, {})


def test_it_stands_behind_its_last_phase_or_before_any() -> None:
    unit = Bench(PhaseUse(use="ramping"), PhaseUse(use="asking")).runner.units[0]
    unit.stand_at("", "", {})
    assert (unit.finished, unit.complete, unit.entered) == (True, ["ramping", "asking"], False)
    unit.stand_at("asking", "", {})
    assert (unit.finished, unit.complete, unit.entered) == (False, ["ramping"], False)
