"""One unit of a procedure: in manual, what it waits for, where it stands."""

from __future__ import annotations

import pytest

from config.models import Condition, PhaseUse
from controller.procedure.phase import ProcedureError
from controller.procedure.runner import Doors
from controller.procedure.states import Command, State
from tests.procedure_bench import OPERATOR, STOP, Bench, started


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
