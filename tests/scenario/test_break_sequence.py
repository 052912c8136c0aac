"""A web break on the running line, through the wire: dope and heat down, film out, at rest."""

from __future__ import annotations

import pytest

from controller.procedure.states import State
from controller.refusals import Source
from simulators.twin.injection import BREAK_PLACES_M
from tests.dry_rig import DryRig
from tests.running_line import PREPARED_S

BREAK_S = PREPARED_S + 5.0


@pytest.fixture
def rig(running):
    return running


def set_points(rig: DryRig) -> list[float]:
    table = rig.kernel.table
    return [float(table.request[table.index(f"TIC-50{zone}.SP")]) for zone in range(1, 9)]


@pytest.mark.parametrize("place", list(BREAK_PLACES_M))
def test_the_break_sequence_cuts_dope_and_lets_the_film_run_out(rig, place):
    before = set_points(rig)
    rig.at(BREAK_S, lambda: rig.plant.inject("F9", place))
    rig.run(15.0)
    act = rig.plant.act
    assert rig.kernel.runner.state is State.HOLDING
    assert "Web break" in rig.kernel.runner.reason
    assert (act.pump_rpm, act.diverter_die, act.winder) == (0.0, False, 0.0)
    assert act.coat_flow[0] == 0.0
    assert set_points(rig) == before
    rig.run(60.0)
    assert act.belt == pytest.approx(1.0, abs=0.02)
    assert act.rails == pytest.approx(1.005, abs=0.02)
    assert rig.kernel.interlocks.result.forced  # latched until a person resets the break


def test_the_break_sequence_lowers_the_hot_zones_after_two_minutes(rig):
    before = set_points(rig)
    rig.at(BREAK_S, lambda: rig.plant.inject("F9", "entry"))
    rig.run(120.0)
    assert set_points(rig) == before
    rig.run(235.0)
    lowered = [now - then for now, then in zip(set_points(rig), before, strict=True)]
    assert lowered == [0.0] * 3 + [pytest.approx(-100.0)] * 5
    assert rig.kernel.runner.state is State.HOLDING


def test_belt_and_rails_are_not_held_by_the_interlock_so_that_they_can_rest_at_the_end(rig):
    rig.at(BREAK_S, lambda: rig.plant.inject("F9", "entry"))
    rig.run(25.0)
    now = rig.kernel.clock.utc_ns()
    for tag in ("SIC-210.SP", "SIC-510.SP"):
        decision = rig.kernel.gate.request(tag, 0.9, Source.RECIPE, "the end of the stop", now)
        assert decision.accepted, str(decision)


def test_lost_pins_jam_the_rails_and_stop_the_line(rig):
    rig.at(BREAK_S, lambda: rig.plant.inject("F10"))
    rig.run(35.0)
    assert rig.kernel.runner.state is State.STOPPING
    assert rig.kernel.runner.reason.startswith("stop: JT-510: Tenter rails jam")
    act = rig.plant.act
    assert (act.pump_rpm, act.rails, act.belt) == (0.0, 0.0, 0.0)
    assert not act.contactor.any()
