"""The runner: holds keep their place, refusals and time-outs hold, protection is heard."""

from __future__ import annotations

import pytest

from config.models import Level, PhaseUse
from controller.procedure.runner import HOLD_OFFER_S
from controller.procedure.states import Command, State
from tests.procedure_bench import (
    ENGINEER,
    OPERATOR,
    STOP,
    Bench,
)


def test_hold_keeps_the_place_and_restart_goes_on_from_it():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(8)
    reached = bench.request("SIC-210.SP")
    assert 0.5 < reached < 1.0
    assert bench.runner.command(Command.HOLD, "look", OPERATOR) == ""
    bench.scan(5)
    assert bench.runner.state is State.HELD
    bench.scan(100)
    assert bench.request("SIC-210.SP") == reached
    assert bench.runner.command(Command.RESTART, "go on", OPERATOR) == ""
    bench.scan(3)
    assert bench.runner.state is State.RUNNING
    assert bench.request("SIC-210.SP") == pytest.approx(reached + 0.2, abs=0.11)
    bench.scan(40)
    assert bench.runner.state is State.COMPLETE
    assert bench.request("SIC-210.SP") == 2.0
    assert [log for log in bench.logs() if log.startswith("own")] == [
        "own holding",
        "own restarting",
    ]


def test_a_ramp_goes_on_from_what_a_person_set_during_the_hold():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(8)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(5)
    bench.plant.table.request[bench.plant.table.index("SIC-210.SP")] = 0.3
    bench.runner.command(Command.RESTART, "go on", OPERATOR)
    bench.scan(2)
    assert bench.request("SIC-210.SP") == pytest.approx(0.4, abs=0.11)


def test_the_phase_is_held_while_its_own_holding_steps_run():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(2)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(1)
    assert bench.runner.state is State.HOLDING
    bench.scan(2)
    assert bench.runner.state is State.HELD


def test_a_condition_that_does_not_come_holds_with_its_live_text():
    bench = Bench(PhaseUse(use="waiting"))
    bench.start()
    bench.scan(31)
    assert bench.runner.state in (State.HOLDING, State.HELD)
    assert "die pressure 0.1 MPa" in bench.runner.reason
    bench.scan(2)
    bench.runner.command(Command.RESTART, "again", OPERATOR)
    bench.scan(25)
    assert bench.runner.state is State.RUNNING, "the time-out starts anew after a restart"


def test_a_condition_must_hold_without_a_gap():
    bench = Bench(PhaseUse(use="waiting"))
    bench.start()
    bench.plant.stuck["PIT-110.PV"] = 2.0
    bench.scan(4)
    bench.plant.bad.add("PIT-110.PV")
    bench.scan(1)
    bench.plant.bad.clear()
    bench.scan(4)
    assert bench.runner.state is State.RUNNING
    bench.scan(2)
    assert bench.runner.state is State.COMPLETE


def test_a_phase_that_takes_too_long_is_held_with_what_it_waits_for():
    bench = Bench(PhaseUse(use="ramping", timeout_s=5.0))
    bench.start()
    bench.scan(10)
    assert bench.runner.state is State.HELD
    assert "phase ramping not complete in 5 s" in bench.runner.reason


def test_time_in_hold_does_not_count_for_the_phase():
    bench = Bench(PhaseUse(use="ramping", timeout_s=60.0))
    bench.start()
    bench.scan(5)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(200)
    bench.runner.command(Command.RESTART, "go on", OPERATOR)
    bench.scan(40)
    assert bench.runner.state is State.COMPLETE


def test_a_refused_request_holds_with_the_gates_reasons_and_is_tried_again():
    bench = Bench(PhaseUse(use="asking"), refuse={"XV-111.CMD"})
    bench.runner.resume_at("u", "asking", "write")
    bench.start()
    bench.scan(3)
    assert bench.runner.state is State.HELD
    assert "blocked by IL3" in bench.runner.reason
    bench.refuse.clear()
    bench.runner.command(Command.RESTART, "cleared", OPERATOR)
    bench.scan(3)
    assert ("XV-111.CMD", 1.0) in bench.puts
    assert "out of range" in bench.runner.reason, "the next request is refused in its turn"


def test_a_blocked_ramp_waits_and_goes_on_by_itself():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(5)
    bench.refuse.add("SIC-210.SP")
    bench.scan(20)
    assert bench.runner.state is State.RUNNING
    assert "blocked by IL3" in bench.runner.waiting_for()[0].text
    bench.refuse.clear()
    bench.scan(40)
    assert bench.runner.state is State.COMPLETE


def test_questions_need_the_role_and_a_listed_answer():
    bench = Bench(PhaseUse(use="asking"))
    bench.start()
    bench.scan(2)
    (pending,) = bench.runner.asks()
    assert "engineer" in bench.runner.answer(pending.ask_id, "yes", OPERATOR)
    assert "not an answer" in bench.runner.answer(pending.ask_id, "maybe", ENGINEER)
    assert "no open question" in bench.runner.answer(99, "yes", ENGINEER)
    assert bench.runner.answer(pending.ask_id, "yes", ENGINEER) == ""
    bench.scan(1)
    assert "answered yes" in bench.logs()
    assert bench.runner.asks() == ()


def test_another_answer_than_the_first_holds_and_asks_again_after_restart():
    bench = Bench(PhaseUse(use="asking"))
    bench.start()
    bench.scan(2)
    bench.runner.answer(bench.runner.asks()[0].ask_id, "no", ENGINEER)
    bench.scan(3)
    assert bench.runner.state is State.HELD
    bench.runner.command(Command.RESTART, "again", OPERATOR)
    bench.scan(3)
    assert len(bench.runner.asks()) == 1


def test_the_run_out_is_offered_after_fifteen_minutes_in_hold():
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(int(HOLD_OFFER_S))
    assert bench.runner.asks() == ()
    bench.scan(10)
    (offer,) = bench.runner.asks()
    assert offer.ask.key == "run_out"
    assert bench.runner.answer(offer.ask_id, "stop", OPERATOR) == ""
    assert bench.runner.state is State.STOPPING


def test_stop_runs_the_phases_own_stopping_then_the_controlled_stop():
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.command(Command.STOP, "enough", OPERATOR)
    bench.scan(2)
    assert "own stopping" in bench.logs()
    assert [w.unit for w in bench.runner.waiting_for()] == ["stop"]
    bench.runner.answer(bench.runner.asks()[0].ask_id, "yes", ENGINEER)
    bench.scan(3)
    assert bench.runner.state is State.STOPPED, "a refusal in the stop is noted, not waited for"
    assert any(e.verb == "refused" for e in bench.events)


def test_abort_writes_every_safe_value_solvent_first_and_is_not_restartable():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(2)
    bench.runner.command(Command.ABORT, "smoke", OPERATOR)
    bench.scan(4)
    assert bench.runner.state is State.ABORTED
    expected = {
        t.name: t.write.safe
        for i in bench.plant.line.instrument for t in i.tags
        if t.write is not None and not t.write.one_shot
    }  # fmt: skip
    assert dict(bench.forced) == expected
    assert [tag for tag, _ in bench.forced[:2]] == ["SIC-110.RUN", "SIC-110.SP"]
    assert "not possible" in bench.runner.command(Command.RESTART, "", OPERATOR)
    assert bench.runner.command(Command.RESET, "", OPERATOR) == ""
    assert bench.runner.state is State.IDLE


@pytest.mark.parametrize(
    ("level", "state"),
    [
        (Level.WARN, State.RUNNING),
        (Level.HOLD, State.HOLDING),
        (Level.CONTROLLED_STOP, State.STOPPING),
        (Level.OUTPUTS_SAFE, State.ABORTING),
    ],
)
def test_protection_is_heard(level, state):
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.demand(level, "IL3-B1", bench.plant.now_ns)
    assert bench.runner.state is state


def test_protection_only_escalates():
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.demand(Level.CONTROLLED_STOP, "IL1-B1", bench.plant.now_ns)
    bench.runner.demand(Level.HOLD, "IL3-B1", bench.plant.now_ns)
    assert bench.runner.state is State.STOPPING
    bench.runner.demand(Level.OUTPUTS_SAFE, "IL19", bench.plant.now_ns)
    assert bench.runner.state is State.ABORTING
