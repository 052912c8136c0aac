"""Faults of zones, water, room and coating on the running line, through the wire, to their end."""

from __future__ import annotations

import pytest

from controller.procedure.states import State
from controller.second import SEEN_S, Runs
from simulators.twin.actuators import ZONES
from tests.dry_rig import DryRig
from tests.running_line import PREPARED_S

T6 = ZONES.index("T6")
FAULT_S = PREPARED_S + 1.0


@pytest.fixture
def rig(running):
    return running


def agreed(rig: DryRig) -> float:
    """Go on until the pairs of thermocouples have agreed long enough to be used; tells when."""
    rig.run(SEEN_S)
    return rig.now_s + 1.0


def on_second(rig: DryRig) -> list[str]:
    table = rig.kernel.table
    return [
        f"T{k}" for k in range(1, 9) if table.value[table.index(f"TIC-50{k}.SECOND")] == Runs.SECOND
    ]


def test_a_zone_with_a_burnt_out_thermocouple_runs_on_on_its_second_one(rig):
    rig.at(agreed(rig), lambda: rig.plant.inject("F6", "T6"))
    rig.run(180.0)
    act, truth = rig.plant.act, rig.plant.truth
    assert rig.kernel.runner.state is State.RUNNING
    assert on_second(rig) == ["T6"]
    assert "IL9S-T6" in rig.kernel.interlocks.result.active
    assert act.contactor[T6]
    assert 0.2 < act.duty[T6] <= 0.6
    assert truth.zone_c[T6] == pytest.approx(400.0, abs=4.0)
    assert rig.kernel.gate.shed_outputs() == {}
    assert list(rig.judge.violations) == []


def test_a_frozen_thermocouple_is_found_in_two_minutes_and_never_driven_on_again(rig):
    rig.at(FAULT_S, lambda: rig.plant.inject("F6", "T6", None, "frozen"))
    rig.run(118.0)
    assert on_second(rig) == []
    rig.run(12.0)
    assert on_second(rig) == ["T6"]
    assert rig.kernel.runner.state is State.RUNNING
    assert rig.plant.truth.zone_c[T6] == pytest.approx(400.0, abs=4.0)


def test_a_thermocouple_that_jumps_by_less_than_pairs_may_differ_is_not_driven_on(rig):
    """24 K lower at once: the controller would heat the zone by as much, and no pair would tell."""
    rig.at(agreed(rig), lambda: rig.plant.inject("F6", "T6", None, "jump"))
    rig.run(8.0)
    assert on_second(rig) == ["T6"]
    rig.run(172.0)  # it is steady now and may be right: shown, never driven on by itself
    assert on_second(rig) == ["T6"]
    assert rig.kernel.runner.state is State.HELD
    assert "zone T6 is 24 K below its set point" in rig.kernel.runner.reason
    assert rig.plant.truth.zone_c[T6] == pytest.approx(400.0, abs=4.0)


def test_two_zones_without_thermocouple_stop_the_line(rig):
    rig.at(FAULT_S, lambda: rig.plant.inject("F6", "T6"))
    rig.at(FAULT_S + 10.0, lambda: rig.plant.inject("F6", "T7"))
    rig.run(20.0)
    assert rig.kernel.runner.state is State.STOPPING
    assert not rig.plant.act.contactor.any()


def test_a_belt_zone_takes_no_output_from_here_so_it_goes_off_and_holds(rig):
    rig.at(FAULT_S, lambda: rig.plant.inject("F6", "B3"))
    rig.run(8.0)
    assert rig.kernel.runner.state is State.HELD
    assert not rig.plant.act.contactor[ZONES.index("B3")]


def test_a_dead_heater_opens_its_contactor_so_that_it_cannot_come_back_hot(rig):
    rig.at(FAULT_S, lambda: rig.plant.inject("F5", "T6"))
    rig.run(210.0)
    assert rig.kernel.runner.state is State.HELD
    assert "Heater of tenter zone T6 dead" in rig.kernel.runner.reason
    assert not rig.plant.act.contactor[T6]
    table = rig.kernel.table
    assert float(table.request[table.index("TIC-506.SP")]) == 20.0
    rig.plant.faults.heater[T6] = 1.0
    rig.run(30.0)
    assert rig.plant.truth.power_w[T6] == 0.0


def test_a_heater_that_no_switch_opens_takes_the_main_contactor(rig):
    def weld() -> None:
        rig.plant.faults.heater_stuck[T6] = 1.0
        rig.plant.faults.contactor_welded[T6] = True

    rig.at(FAULT_S, weld)
    rig.run(300.0)
    active = rig.kernel.interlocks.result.active
    assert {"IL7-T6", "IL8-T6"} <= set(active)
    assert not rig.plant.act.main_contactor
    assert rig.plant.truth.power_w[T6] == 0.0
    assert rig.kernel.runner.state is State.STOPPING


def test_lost_chill_water_holds_at_once_and_stops_after_half_a_minute(rig):
    def lose() -> None:
        rig.plant.faults.chill_lost = True

    rig.at(FAULT_S, lose)
    rig.run(5.0)
    assert rig.kernel.runner.state is State.HELD
    rig.run(30.0)
    assert "IL18CS" in rig.kernel.interlocks.result.active
    assert rig.kernel.runner.state is State.STOPPING


def test_vapor_in_the_room_cuts_dope_and_coat_and_nothing_is_called_a_bad_output(rig):
    def leak() -> None:
        rig.plant.faults.room_ppm = 200.0

    rig.at(FAULT_S, leak)
    rig.run(60.0)
    act = rig.plant.act
    assert "IL12" in rig.kernel.interlocks.result.active
    assert rig.kernel.runner.state is State.STOPPING
    assert (act.pump_rpm, act.tank_valve, float(act.coat_flow.sum())) == (0.0, False, 0.0)
    assert rig.kernel.gate.shed_outputs() == {}  # the feed pump has no power: expected silence
    assert rig.kernel.outputs.shed() == {}


def test_gel_that_sticks_shows_in_the_tension_and_blocks_the_speed(rig):
    heard = []
    rig.kernel.listen(lambda output: heard.extend(output.events))
    rig.run(60.0)
    table = rig.kernel.table
    shake = table.index("QI-PEEL.SHAKE")
    assert table.value[shake] < 0.75  # the hum of the load cell
    rig.at(rig.now_s + 1.0, lambda: rig.plant.inject("F14"))
    rig.run(130.0)
    assert table.value[shake] > 2.0
    assert "PS-231W" in rig.kernel.interlocks.result.active
    assert rig.kernel.loops.loh.control.raised_pct == 2.0
    rig.run(60.0)
    belt = float(table.request[table.index("SIC-210.SP")])
    rails = float(table.request[table.index("SIC-510.SP")])
    assert 1.9 < belt < 1.97  # 0.05 m/min each minute, and every drive in its ratio
    assert rails / belt == pytest.approx(rig.kernel.loops.ratio.goal("rails", 1.0), abs=0.002)
    told = [e for e in heard if e.verb.startswith("line speed")]
    assert [(e.verb, e.tag, e.new) for e in told] == [("line speed slower", "SIC-210.SP", 1.0)]
    assert rig.kernel.runner.state is State.RUNNING


def test_a_biased_scanner_is_not_trusted_and_moves_nothing(rig):
    rig.run(910.0)  # until film that the gel gauge has seen is under the scanner
    kernel = rig.kernel
    assert kernel.gauges.cross.agreement.trusted
    rig.at(rig.now_s + 1.0, lambda: rig.plant.inject("F11"))
    rig.run(14.0)
    before = kernel.loops.trims.pump
    rig.run(120.0)
    assert not kernel.gauges.cross.agreement.trusted
    assert kernel.gauges.cross.agreement.off_pct == pytest.approx(8.0, abs=1.0)
    assert kernel.loops.trims.pump == before
    assert kernel.loops.md.frozen
    assert "IL9-SCANNER" in kernel.interlocks.result.active
    assert kernel.runner.state is State.RUNNING
