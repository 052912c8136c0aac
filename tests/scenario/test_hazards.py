"""Hazards whose answer no other scenario shows: fire, the gauge's source, sparks at the coater."""

from __future__ import annotations

import pytest

from controller.procedure.states import State
from tests.dry_rig import DryRig
from tests.scenario.test_fault_responses import FAULT_S, rig

__all__ = ["rig"]

FANS = ("SIC-801", "SIC-802", "SIC-803", "XV-801", "XV-802", "XV-803")
COATER = {"XC-301.CMD", "XV-301A.CMD", "XV-301B.CMD"}


def breaks(rig, name, at_s=FAULT_S):
    rig.at(at_s, lambda: setattr(rig.plant.faults, name, True))


def test_in_a_fire_no_fan_is_written(rig):
    written = []

    def listen(output):
        gate = [event for event in output.events if event.source == "gate"]
        fans = [event for event in gate if str(event.tag).startswith(FANS)]
        written.extend(event for event in fans if event.verb != "refused")

    rig.kernel.listen(listen)
    before = rig.plant.act.fan.copy()
    breaks(rig, "fire")
    rig.run(30.0)
    assert rig.kernel.runner.state in {State.ABORTING, State.ABORTED}
    assert not rig.plant.act.contactor.any()
    assert written == []
    assert rig.plant.act.fan == pytest.approx(before, abs=0.01)


def test_an_open_source_keeps_the_coater_away(tmp_path):
    with DryRig(tmp_path, start_at_s=None) as cold:
        breaks(cold, "shutter_stuck", at_s=5.0)
        cold.run(30.0)
        assert "IL21" not in cold.kernel.interlocks.result.active, "it may be on its way"
        cold.run(10.0)
        blocks = cold.kernel.interlocks.result.blocks
        assert {cold.kernel.table.names[index] for index in blocks} >= COATER


def test_a_lost_ground_cuts_the_coat_and_holds(rig):
    breaks(rig, "static_lost")
    rig.run(11.0)
    act = rig.plant.act
    assert "IL22-COAT" in rig.kernel.interlocks.result.active
    assert rig.kernel.runner.state is State.HELD
    assert (float(act.coat_flow.sum()), any(act.coat_engaged)) == (0.0, False)
    rig.plant.faults.static_lost = False
    rig.run(10.0)
    assert rig.kernel.runner.state is State.HELD, "nothing coats again by itself"
    assert not any(act.coat_engaged)
