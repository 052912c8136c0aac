"""A web break on the running line, through the wire: dope and heat down, film out, at rest."""

from __future__ import annotations

import pytest

from controller.procedure.states import State
from controller.refusals import Source
from simulators.take_over import know_purged, take_over
from simulators.twin.injection import BREAK_PLACES_M
from tests.dry_rig import EPOCH_NS, DryRig, files

BREAK_S = 30.0


@pytest.fixture
def rig(tmp_path):
    """A line that runs and is taken over; nothing is wrong yet."""
    with DryRig(tmp_path, start="running", start_at_s=None) as one:
        know_purged(one.kernel, EPOCH_NS)
        one.at(2.0, lambda: take_over(one.kernel, files()[2], one.kernel.clock.utc_ns()))
        one.at(2.2, one.restart)
        one.run(20.0)
        assert one.kernel.runner.state is State.RUNNING
        yield one


def set_points(rig: DryRig) -> list[float]:
    table = rig.kernel.table
    return [float(table.request[table.index(f"TIC-50{zone}.SP")]) for zone in range(1, 9)]


@pytest.mark.parametrize("place", list(BREAK_PLACES_M))
def test_the_break_sequence_cuts_dope_lets_the_film_run_out_and_lowers_the_hot_zones(rig, place):
    before = set_points(rig)
    rig.at(BREAK_S, lambda: rig.plant.inject("F9", place))
    rig.run(20.0)
    act = rig.plant.act
    assert rig.kernel.runner.state is State.HOLDING
    assert "Web break" in rig.kernel.runner.reason
    assert (act.pump_rpm, act.diverter_die, act.winder) == (0.0, False, 0.0)
    assert act.coat_flow[0] == 0.0
    assert set_points(rig) == before
    rig.run(60.0)
    assert act.belt == pytest.approx(1.0, abs=0.02)
    assert act.rails == pytest.approx(1.005, abs=0.02)
    rig.run(280.0)
    lowered = [now - then for now, then in zip(set_points(rig), before, strict=True)]
    assert lowered == [0.0] * 3 + [pytest.approx(-100.0)] * 5
    assert rig.kernel.runner.state is State.HOLDING
    assert rig.kernel.interlocks.result.forced  # latched until a person resets the break


def test_belt_and_rails_are_not_held_by_the_interlock_so_that_they_can_rest_at_the_end(rig):
    rig.at(BREAK_S, lambda: rig.plant.inject("F9", "entry"))
    rig.run(30.0)
    now = rig.kernel.clock.utc_ns()
    for tag in ("SIC-210.SP", "SIC-510.SP"):
        decision = rig.kernel.gate.request(tag, 0.9, Source.RECIPE, "the end of the stop", now)
        assert decision.accepted, str(decision)


def test_lost_pins_jam_the_rails_and_stop_the_line(rig):
    rig.at(BREAK_S, lambda: rig.plant.inject("F10"))
    rig.run(40.0)
    assert rig.kernel.runner.state is State.STOPPING
    assert rig.kernel.runner.reason.startswith("stop: JT-510: Tenter rails jam")
    act = rig.plant.act
    assert (act.pump_rpm, act.rails, act.belt) == (0.0, 0.0, 0.0)
    assert not act.contactor.any()
