"""Horn and beacon: from a pressure at its transmitter to a terminal of the I/O coupler."""

from __future__ import annotations

from simulators.take_over import know_purged, take_over
from simulators.twin.actuators import PIT_110
from tests.desk_rig import DeskRig
from tests.dry_rig import EPOCH_NS, files

ALARM = "PIT-110.PV/H"


def show_mpa(rig: DeskRig, value: float) -> None:
    """Let the transmitter show a pressure, whatever there is."""
    rig.plant.faults.analog[PIT_110] = value


def lit(rig: DeskRig, seconds: float = 4.0) -> float:
    """Share of the time in which the beacon at the line is lit."""
    found = []
    for _ in range(round(seconds * 10)):
        rig.run(0.1)
        found.append(bool(rig.plant.act.beacon))
    return sum(found) / len(found)


def test_an_alarm_calls_until_it_is_silenced_and_flashes_until_it_is_seen(rig):
    assert not rig.plant.act.horn
    show_mpa(rig, 5.0)
    rig.run(7.0)  # its delay
    assert ALARM in rig.kernel.alarms.states()
    assert rig.plant.act.horn
    assert 0.4 < lit(rig) < 0.6
    assert rig.ask("silence").ok
    rig.run(0.5)
    assert not rig.plant.act.horn
    assert 0.4 < lit(rig) < 0.6
    assert rig.ask("ack").ok
    rig.run(0.5)
    assert lit(rig) == 1.0
    show_mpa(rig, 0.0)
    rig.run(15.0)
    assert lit(rig) == 0.0
    assert rig.kernel.gate.shed_outputs() == {}


def test_it_switches_nothing_off_that_a_new_controller_has_found_on(tmp_path):
    """A coupler's outputs are written together: its first write by a horn emptied the line."""
    with DeskRig(tmp_path, start="running", start_at_s=None) as rig:
        know_purged(rig.kernel, EPOCH_NS)
        rig.kernel.alarms.horn = True  # an alarm from before
        rig.run(1.9)
        assert not rig.plant.act.horn
        assert rig.plant.act.coat_flow[0] > 5.0
        take_over(rig.kernel, files()[2], rig.kernel.clock.utc_ns())
        rig.run(2.0)
        assert rig.plant.act.horn
        assert rig.plant.act.contactor.all()
        assert rig.plant.act.coat_flow[0] > 5.0


def test_an_abort_does_not_silence_it(rig):
    show_mpa(rig, 5.0)
    rig.run(7.0)
    assert rig.plant.act.horn
    assert rig.ask("abort", reason="try").ok
    rig.run(3.0)
    assert rig.plant.act.horn


def test_a_person_tries_it_by_hand_and_gives_it_back(rig):
    assert rig.ask("manual", unit="signals", reason="try the horn").ok
    assert rig.ask("set", tag="XA-900.CMD", value="on", reason="try the horn").ok
    rig.run(1.0)
    assert rig.plant.act.horn
    assert rig.ask("auto", unit="signals").ok
    rig.run(1.0)
    assert not rig.plant.act.horn
