"""The time left of a run: falls as landmarks are reached, and follows the roll while it winds."""

from types import SimpleNamespace

import pytest

from controller.procedure.states import State
from simulators.plan import plan_of
from tests.fake_line import core25, pilot


def runner(done: tuple[str, ...], state: State = State.RUNNING):
    return SimpleNamespace(state=state, done=lambda name: name in done)


def test_time_left_falls_from_landmark_to_landmark():
    plan = plan_of(pilot(), core25())
    reached: list[str] = []
    left = [plan.left_s(runner(()), 0.0, 0.0)]
    for phase, _ in reversed(plan.after):
        if phase == "collecting.collect":
            continue
        reached.append(phase)
        roll = 100.0 if phase.startswith(("shutdown", "oven.cool")) else 0.0
        done = (*reached, "collecting.collect") if roll else tuple(reached)
        left.append(plan.left_s(runner(done), 0.0, roll))
    assert left == sorted(left, reverse=True)
    assert left[-1] == pytest.approx(0.0)


def test_while_collecting_each_meter_counts():
    plan = plan_of(pilot(), core25())
    done = ("oven.ramp_oven", "oven.soak_oven", "collecting.tune_profile")
    early, late = (plan.left_s(runner(done), 0.0, roll) for roll in (10.0, 90.0))
    assert early - late == pytest.approx(80.0 / (2.0 / 60.0))


def test_nothing_is_left_of_a_run_that_does_not_run():
    assert plan_of(pilot(), core25()).left_s(runner((), State.HELD), 0.0, 0.0) == 0.0
