"""The control computer dies on the running line: what devices and safety controller do alone.

Pilot line 4, "When the PC dies": heat and feed off within 2 s, exhaust on, belt, rails and winder
go on at run-out speed until the safety controller's timer ends it. Judged on the plant.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from controller.interlocks import Interlocks
from controller.procedure.states import State
from simulators.instruments.line_up import RUN_OUT_M_MIN
from simulators.instruments.pnozmulti import PnozMulti
from simulators.instruments.safety_program import RUN_ON_S
from tests.running_line import RunningLine


@pytest.fixture
def rig(running: RunningLine) -> RunningLine:
    return running


def safety_of(rig: RunningLine) -> PnozMulti:
    device = rig.line_up.instruments["SAFETY"]
    assert isinstance(device, PnozMulti)
    return device


def powered(rig: RunningLine) -> bool:
    return bool((rig.plant.truth.power_w > 0.0).any())


def feeds(rig: RunningLine) -> bool:
    """Whether the pump delivers; what is in the die runs out for a while after that."""
    return rig.plant.wet.casting.pump_cm3_s > 0.0


def within(rig: RunningLine, patience_s: float, happened: Callable[[], bool]) -> float:
    """Line seconds until something is so; a tenth at a time."""
    for tick in range(round(patience_s * 10)):
        if happened():
            return tick / 10
        rig.run(0.1)
    raise AssertionError(f"not within {patience_s} s")


def test_a_killed_computer_leaves_the_line_safe(rig: RunningLine) -> None:
    assert rig.kernel.runner.state is State.RUNNING
    assert powered(rig)
    assert feeds(rig)
    rig.computer_dies()
    act = rig.plant.act
    within(rig, 2.0, lambda: not powered(rig) and not feeds(rig))
    assert act.exhaust_latched
    within(rig, 15.0, lambda: rig.plant.exhaust.at_purge_speed)
    rig.run(15.0)
    assert act.belt == act.rails == act.winder == pytest.approx(RUN_OUT_M_MIN)
    assert rig.plant.truth.belt_running
    rig.run(RUN_ON_S - 60.0)
    assert rig.plant.truth.belt_running, "the film must be out first"
    rig.run(60.0)
    assert not act.web_released
    assert not rig.plant.truth.belt_running
    assert rig.plant.exhaust.at_purge_speed, "the exhaust stays"
    assert not powered(rig)


@pytest.mark.parametrize("stops", ["scan", "interlocks"])
def test_a_scan_that_stands_or_leaves_its_interlocks_out_is_a_dead_computer(
    rig: RunningLine, monkeypatch: pytest.MonkeyPatch, stops: str
) -> None:
    """I20. The buses go on refreshing outputs here, so only the safety controller can know."""
    count = rig.kernel.heartbeat.count
    if stops == "scan":
        rig.scanning = False
    else:
        monkeypatch.setattr(Interlocks, "step", lambda self, _s, _dt: self.result)
    program = safety_of(rig).program
    lost_s = within(rig, 2.0, lambda: not program.host)
    rig.run(0.1)
    assert not powered(rig)
    assert lost_s <= 1.6, "the last count, its trigger, and a second"
    assert rig.kernel.heartbeat.count == count


def test_a_lost_safety_controller_stops_the_line_and_nothing_comes_back_alone(
    rig: RunningLine,
) -> None:
    device = safety_of(rig)
    device.faults.silent = True
    within(rig, 2.0, lambda: not rig.plant.act.heat_released)
    rig.run(5.0)
    assert rig.kernel.interlocks.acts("IL14-SAFETY")
    assert rig.kernel.runner.state is State.STOPPING
    device.faults.silent = False
    rig.run(30.0)
    assert device.program.host, "it hears us again"
    assert not powered(rig)
    assert not feeds(rig)
    assert rig.kernel.interlocks.acts("IL14-SAFETY"), "latched until a person resets it"
