"""Faults of links on a line found running: bad while down, back after, nothing by itself.

Each test says what a fault must come to. For all of them: no invariant is violated by the
plant's truth, no bus owner dies, and what stopped being hot or moving stays so until a person
acts.
"""

from __future__ import annotations

import pytest

from config.models import Role
from controller.events import Actor
from controller.procedure.states import State
from simulators.operator import person
from tests.dry_rig import EPOCH_NS
from tests.running_line import RunningLine

PERSON = Actor("ann", Role.ENGINEER)
STOPS = {State.STOPPING, State.STOPPED}
HOLDS = {State.HOLDING, State.HELD}
ENDS = STOPS | {State.ABORTING, State.ABORTED}  # aborted: the e-stop is read there too


@pytest.fixture
def line(running: RunningLine) -> RunningLine:
    return running


def test_a_dropped_zone_controller_is_bad_held_and_comes_back_without_heat(
    line: RunningLine,
) -> None:
    line.fault("drop(NET-T3)@20s+15s")
    line.go_to(30.0)
    assert line.bad("TIC-503.PV")
    assert line.good("TIC-504.PV")
    assert line.state in HOLDS
    assert not line.plant.act.contactor[7]
    line.run(30.0)
    assert line.good("TIC-503.PV")
    assert line.state is State.HELD  # a person decides
    assert not line.plant.act.contactor[7]
    line.sound()


def test_a_line_that_drops_a_tenth_holds_at_worst(line: RunningLine) -> None:
    line.fault("drop(RTU-A 10%)@20s+40s")
    line.go_to(60.0)
    assert line.kernel.buses[8].name == "RTU-A"
    assert line.kernel.buses[8].statistics.timeouts > 5
    assert line.state in HOLDS | {State.RUNNING}
    line.run(10.0)
    assert line.good("TIC-201.PV")
    line.sound()


def test_drives_that_answer_too_late_stop_the_line(line: RunningLine) -> None:
    line.fault("delay(RTU-B 400ms)@20s+20s")
    line.go_to(38.0)
    assert line.bad("SIC-510.ACT")
    assert line.state in STOPS
    assert not line.plant.truth.casting_on or not line.plant.act.diverter_die
    line.run(40.0)
    assert line.good("SIC-510.ACT")
    assert line.state in STOPS
    line.sound()


@pytest.mark.parametrize("fault", ["corrupt", "disconnect", "half_open", "reboot", "exception"])
def test_a_coupler_out_of_reach_leaves_everything_off_and_does_not_come_back(
    line: RunningLine, fault: str
) -> None:
    words = "NET-IOA 4" if fault == "exception" else "NET-IOA"
    line.fault(f"{fault}({words})@20s+10s")
    line.go_to(26.0)
    act = line.plant.act
    assert line.bad("FT-201.PV") or fault == "half_open"  # reading is free for a second client
    assert line.state in ENDS | (HOLDS if fault == "half_open" else set())
    assert not act.contactor.any()
    assert not act.diverter_die
    assert not act.coat_engaged.any()
    line.run(40.0)
    assert line.good("FT-201.PV")
    assert not act.contactor.any()
    assert not act.diverter_die
    assert act.pump_rpm == 0.0 or fault == "half_open"  # then it is held, recirculating
    line.sound()


def test_a_wrong_unit_is_never_believed(line: RunningLine) -> None:
    line.fault("wrong_unit(B2)@20s+15s")
    line.go_to(33.0)
    assert line.bad("TIC-202.PV")
    assert line.good("TIC-203.PV")
    assert line.state in HOLDS
    line.run(20.0)
    assert line.good("TIC-202.PV")
    assert line.state is State.HELD
    line.sound()


def test_exceptions_of_one_controller_are_its_own(line: RunningLine) -> None:
    line.fault("exception(T4 4)@20s+15s")
    line.go_to(33.0)
    assert line.bad("TIC-504.PV")
    assert line.good("TIC-503.PV")
    assert line.state in HOLDS
    line.run(20.0)
    assert line.good("TIC-504.PV")
    assert line.state is State.HELD
    line.sound()


def test_a_half_open_stream_is_noticed_and_opened_anew(line: RunningLine) -> None:
    line.fault("half_open(NET-SCAN)@20s+60s")
    line.go_to(24.0)
    assert line.kernel.buses[13].name == "NET-SCAN"
    assert line.kernel.buses[13].statistics.losses == 1
    assert len(line.wire.faults["NET-SCAN"].orphans) == 2  # the scanner still holds the dead ones
    assert line.good("GT-601.STATUS")  # by the new connection
    assert line.state is State.RUNNING
    line.run(60.0)
    assert line.wire.faults["NET-SCAN"].orphans == []
    line.sound()


def test_a_stuck_controller_shows_the_old_value_until_it_is_healed(line: RunningLine) -> None:
    line.go_to(19.0)
    line.fault("stuck(T5)@20s+20s")
    line.run(2.0)
    shown = line.read("TIC-505.PV")[0]
    line.at(22.0, lambda: line.plant.heat.zone_c.__setitem__(9, line.plant.heat.zone_c[9] - 5.0))
    line.run(17.0)
    assert line.read("TIC-505.PV")[0] == shown
    line.run(10.0)
    assert line.read("TIC-505.PV")[0] < shown - 1.0
    line.sound()


def test_a_belt_drive_that_restarts_does_not_move_again(line: RunningLine) -> None:
    line.fault("reboot(BELT)@20s")
    line.go_to(60.0)
    assert line.plant.act.belt == 0.0
    assert line.good("SIC-210.ACT")
    assert any(tag.startswith("SIC-210") for tag in line.kernel.gate.shed_outputs())
    assert line.state in HOLDS | STOPS
    line.run(60.0)
    assert line.plant.act.belt == 0.0
    line.sound()


@pytest.mark.parametrize("boot", ["+0.2s", "", "+10s"])
def test_a_zone_controller_that_restarts_does_not_heat_again(line: RunningLine, boot: str) -> None:
    line.fault(f"reboot(T4)@20s{boot}")
    line.go_to(60.0)
    assert line.plant.act.duty[8] == 0.0
    assert "TIC-504.SP" in line.kernel.gate.shed_outputs()
    assert line.state in HOLDS
    line.sound()


def test_a_restart_brings_back_the_zone_that_was_out_of_service(line: RunningLine) -> None:
    """No zone stays cold unseen: re-armed and reset, it heats again before the run goes on."""
    line.fault("disconnect(NET-T1)@12s+6s")
    line.go_to(34.0)
    assert line.state is State.HELD
    assert line.plant.act.duty[5] == 0.0
    now_ns = EPOCH_NS + round(line.now_s * 1e9)
    for tag in list(line.kernel.gate.shed_outputs()):
        assert line.kernel.rearm(tag, PERSON, "plugged in again", now_ns).accepted
    assert line.kernel.interlocks.reset("IL9-T1", PERSON, "it answers", now_ns).accepted
    line.run(5.0)
    assert line.plant.act.duty[5] == 0.0  # nothing hot by itself
    line.restart()
    line.run(5.0)
    assert line.state is State.RESTARTING
    line.run(300.0)
    table = line.kernel.table
    lead = table.request[table.index("TIC-501.SP")] - line.read("TIC-501.PV")[0]
    assert 5.0 < lead < 20.0  # the set point waits for the zone
    assert line.plant.act.duty[5] > 0.0
    assert line.state is State.RESTARTING  # and the procedure too
    line.plant.heat.zone_c[5] = 149.0
    line.run(90.0)
    assert line.state is State.RUNNING
    assert table.request[table.index("TIC-501.SP")] == 150.0
    line.sound()


def cold_and_cut(line: RunningLine) -> None:
    """No heat, no dope and no liquid, and the exhaust runs."""
    act = line.plant.act
    assert not act.contactor.any()
    assert not act.main_contactor
    assert not line.plant.truth.power_w.any()
    assert (act.pump_rpm, float(act.coat_flow.sum())) == (0.0, 0.0)
    assert (act.fan > 0.4).all()


def test_half_a_second_without_power_holds_with_heat_and_feeds_off(line: RunningLine) -> None:
    line.go_to(19.0)
    before = line.plant.act.belt
    line.fault("F15(dip)@20s")
    line.run(3.0)
    assert "IL8-SUPPLY" in line.kernel.interlocks.result.active
    line.run(60.0)
    act = line.plant.act
    cold_and_cut(line)
    assert act.belt == pytest.approx(before)  # the web does not stand in the hot tenter
    assert act.rails >= before
    assert line.good("TIC-504.PV")
    assert line.state is State.HELD
    line.sound()


def test_after_a_dip_nothing_heats_or_pumps_by_a_reset_alone(line: RunningLine) -> None:
    line.fault("F15(dip)@20s")
    line.go_to(30.0)
    now_ns = line.kernel.clock.utc_ns()
    engineer = person(Role.ENGINEER)
    assert line.kernel.interlocks.reset("IL8-SUPPLY", engineer, "supply is back", now_ns).accepted
    line.run(60.0)
    cold_and_cut(line)
    assert line.state is State.HELD
    line.sound()


def test_after_a_dip_a_person_gets_the_heat_back(line: RunningLine) -> None:
    line.fault("F15(dip)@20s")
    line.go_to(30.0)
    now_ns = line.kernel.clock.utc_ns()
    engineer = person(Role.ENGINEER)
    assert line.kernel.interlocks.reset("IL8-SUPPLY", engineer, "supply is back", now_ns).accepted
    line.run(2.0)
    line.restart()
    line.run(60.0)
    act = line.plant.act
    assert act.main_contactor
    assert act.contactor.all()
    assert line.plant.truth.power_w.any()
    line.sound()


def test_a_longer_dip_trips_the_web_drives_too_and_stops(line: RunningLine) -> None:
    line.fault("F15(dip)@20s+1.5s")
    line.go_to(60.0)
    act = line.plant.act
    assert (act.belt, act.rails, act.winder) == (0.0, 0.0, 0.0)
    cold_and_cut(line)
    assert line.state in STOPS
    line.run(60.0)
    assert (act.belt, act.rails) == (0.0, 0.0)
    line.sound()


def test_a_silent_device_acts_by_its_tags(line: RunningLine) -> None:
    line.fault("F15(timeout T4)@20s+20s")
    line.go_to(30.0)
    assert line.bad("TIC-504.PV")
    assert line.state in HOLDS
    line.run(30.0)
    assert line.good("TIC-504.PV")
    assert line.state is State.HELD
    line.sound()
