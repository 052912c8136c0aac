"""The controller is dropped as ``kill -9`` does, the plant goes on alone, another one comes back.

Everything here runs on the virtual clock: the same plant, the same wires, the same record.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from config.models import Role
from controller.alarm_states import AlarmState
from controller.events import Actor
from controller.historian.ledger import balance
from controller.historian.query import Record
from controller.operating.desk import Desk
from controller.procedure.states import Command, State
from controller.restart.policy import Way
from drivers.base import Quality
from simulators.take_over import know_purged, take_over
from tests.dry_rig import EPOCH_NS, TICK_NS, DryRig, files

OPERATOR = Actor("operator:simulated", Role.OPERATOR)
ENGINEER = Actor("eve", Role.ENGINEER)
READ_S = 4.0


def heat_on(rig: DryRig) -> bool:
    """Truth of the plant: whether any zone can be heated."""
    act = rig.plant.act
    return bool(act.main_contactor and np.any(act.contactor))


def told(rig: DryRig):
    back = rig.kernel.comeback
    assert back is not None
    assert back.told is not None, "the plant was read within seconds"
    return back.told


def events(rig: DryRig, **what: str) -> list:
    rig.store.commit(EPOCH_NS + rig.ticks * TICK_NS)
    with Record(rig.folder) as record:
        return record.events(**what)


def until(rig: DryRig, there: Callable[[], bool], limit_s: float) -> None:
    end = rig.now_s + limit_s
    while not there():
        assert rig.now_s < end, (rig.kernel.runner.state, rig.kernel.runner.reason)
        rig.run(5.0)


def steps(rig: DryRig) -> dict[str, tuple[str, str]]:
    return {w.unit: (w.phase, w.step) for w in rig.kernel.runner.waiting_for() if w.step}


def test_what_people_hid_stays_hidden_with_its_reason_and_a_shelf_keeps_its_end(tmp_path):
    shelved, removed = "SYS.MEMORY/H", "SYS.LAG/H"
    with DryRig(tmp_path, start_at_s=None, commit_s=1.0) as rig:
        rig.run(3.0)
        now_ns, alarms = EPOCH_NS + rig.ticks * TICK_NS, rig.kernel.alarms
        assert alarms.shelve(shelved, 5.0, "its sensor is out for cleaning", ENGINEER, now_ns) == []
        assert alarms.remove(removed, "no such gauge here", ENGINEER, now_ns) == []
        rig.run(3.0)
        rig.crash(1.0)
        rig.run(5.0)
        back = rig.kernel.alarms
        assert back.state(shelved) is AlarmState.SHELVED
        assert back.find(shelved).reason == "its sensor is out for cleaning"
        assert back.find(removed).reason == "no such gauge here"
        rig.run(300.0)
        assert back.state(shelved) is not AlarmState.SHELVED, "its five minutes are over"
        assert back.state(removed) is AlarmState.OUT_OF_SERVICE


# --- before there is any heat --------------------------------------------------------------------


@pytest.fixture(scope="module")
def purging(tmp_path_factory):
    """A crash in the purge, and what came of it."""
    with DryRig(tmp_path_factory.mktemp("purge"), commit_s=1.0) as rig:
        rig.run(60.0)
        assert steps(rig)["utilities"] == ("purge", "volumes")
        rig.volumes = rig.kernel.loops.exhaust.purge.volumes
        rig.crash(5.0)
        rig.run(READ_S)
        yield rig


def test_it_is_back_held_and_says_what_it_found(purging):
    rig = purging
    assert rig.kernel.runner.state is State.HELD
    found = told(rig)
    assert found.verdict.way is Way.RESUME
    assert 5.0 <= found.down_s <= 6.5, "to the last commit, a second before"
    assert steps(rig)["utilities"] == ("purge", "volumes")
    assert [e.new for e in events(rig, source="restart", verb="back")] == ["resume"]
    desk = Desk(rig.kernel, simulated=True, lot="RIG")
    status = desk.handle("status", {}, OPERATOR, EPOCH_NS + rig.ticks * TICK_NS).data
    assert status["restart"]["way"] == "resume"
    assert status["restart"]["differences"] == [
        one.row() | {"text": one.text()} for one in found.differences
    ]


def test_purge_is_not_restored_and_fans_run_on(purging):
    rig = purging
    assert rig.volumes > 1.0
    assert rig.kernel.loops.exhaust.purge.volumes < 0.5
    assert np.all(rig.plant.act.fan > 0.9)
    assert np.isnan(rig.kernel.table.request[rig.kernel.table.index("SIC-801.RUN")])


def test_the_record_goes_on_with_a_declared_gap_and_no_invented_sample(purging):
    rig = purging
    rig.store.commit(EPOCH_NS + rig.ticks * TICK_NS)
    with Record(rig.folder) as record:
        assert len(record.query("SELECT id FROM session")) == 2
        for tag in ("TIC-501.PV", "SIC-801.ACT", "FT-201.PV", "film.CAST_M"):
            account = balance(record, tag)
            assert account.undeclared == 0
            assert [h.reason for h in account.holes if h.reason == "service down"], tag
            stamps = np.diff(record.raw(tag).sent_ns)
            assert np.all(stamps > 0), "no sample twice"
            assert np.max(stamps) > 5e9


def test_a_person_lets_it_go_on_at_the_named_step(purging):
    rig = purging
    rig.restart()
    until(rig, lambda: rig.kernel.runner.state is State.RUNNING, 60.0)
    assert steps(rig)["utilities"] == ("purge", "volumes")
    assert rig.kernel.comeback.row() is None, "nothing is left to decide"


# --- hot, and with a trip ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heating(tmp_path_factory):
    """A crash while the oven heats, twice before anybody decides."""
    folder = tmp_path_factory.mktemp("heat")
    with DryRig(folder, commit_s=1.0) as rig:
        until(rig, lambda: steps(rig).get("oven") == ("ramp_oven", "ramp"), 900.0)
        rig.run(12.0)
        assert heat_on(rig)
        rig.wanted = float(rig.kernel.table.request[rig.kernel.table.index("TIC-508.SP")])
        rig.crash(0.3)
        rig.run(READ_S)
        rig.first = told(rig)
        rig.hot_after_first = heat_on(rig)
        rig.crash(8.0)
        rig.run(READ_S)
        yield rig


def test_heat_found_on_goes_off_at_once_and_stays_off(heating):
    rig = heating
    assert not rig.hot_after_first
    assert not heat_on(rig)
    offs = events(rig, source="restart", verb="off")
    assert "XC-100.CMD" in {event.tag for event in offs}, "it was back before the coupler let go"
    assert all("IL16" in event.cause for event in offs)


def test_a_second_crash_before_a_decision_counts_from_the_first(heating):
    rig = heating
    assert rig.first.down_s < 2.0
    assert told(rig).down_s > 8.0 + READ_S
    wanted = {one.tag: one.wanted for one in told(rig).differences}
    assert wanted.get("XC-508.CMD") == 1.0, "what was wanted before the first crash is kept"


def test_restart_purges_anew_and_heats_from_the_measured_temperature(heating):
    rig = heating
    rig.restart()
    rig.run(20.0)
    assert rig.kernel.runner.state is State.RESTARTING
    rig.crash(1.0)
    rig.run(READ_S)
    wanted = {one.tag: one.wanted for one in told(rig).differences}
    assert wanted.get("XC-508.CMD") == 1.0, "a crash before the heat is regained forgets nothing"
    measured = float(rig.kernel.table.value[rig.kernel.table.index("TIC-508.PV")])
    rig.restart()
    lowest = [rig.wanted]
    rig.kernel.listen(
        lambda _: lowest.append(rig.kernel.table.request[rig.kernel.table.index("TIC-508.SP")])
    )
    while not heat_on(rig):
        assert rig.kernel.runner.state is State.RESTARTING, rig.kernel.runner.reason
        rig.run(5.0)
    assert rig.kernel.loops.exhaust.purge.volumes >= 5.0
    assert np.nanmin(lowest) <= measured + 1.0
    until(rig, lambda: rig.kernel.runner.state is State.RUNNING, 900.0)
    assert steps(rig)["oven"] == ("ramp_oven", "ramp")
    assert not rig.judge.violations


# --- a line full of film -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def producing(tmp_path_factory):
    """A crash while film is made."""
    with DryRig(
        tmp_path_factory.mktemp("film"), start="running", start_at_s=None, commit_s=1.0
    ) as rig:
        know_purged(rig.kernel, EPOCH_NS)
        rig.run(2.0)
        take_over(rig.kernel, files()[2], EPOCH_NS + rig.ticks * TICK_NS)
        rig.restart()
        rig.run(60.0)
        assert rig.kernel.runner.state is State.RUNNING
        rig.label = rig.kernel.film.label("T8")
        rig.rails = rig.plant.act.rails
        rig.crash(6.0)
        rig.run(READ_S)
        yield rig


def test_film_labels_go_on_and_the_film_on_the_line_is_told_lost(producing):
    rig = producing
    found = told(rig)
    assert found.verdict.way is Way.ANEW
    assert 40.0 < found.lost_m < 50.0
    assert rig.kernel.film.believed
    moved = rig.kernel.film.label("T8") - rig.label
    assert 0.05 < moved < 0.5, "about ten seconds of run-out speed"
    value, quality = rig.kernel.table.read(
        rig.kernel.table.index("film.T8.S"), EPOCH_NS + rig.ticks * TICK_NS
    )
    assert quality == Quality.GOOD
    assert value == pytest.approx(rig.kernel.film.label("T8"), abs=0.05)
    assert "made_in_hold" in rig.kernel.rolls.marked()


def test_belt_and_rails_run_on_and_solvent_and_heat_are_off(producing):
    rig = producing
    act = rig.plant.act
    assert act.belt > 0.5
    assert act.rails > 0.5
    assert act.pump_rpm == 0.0
    assert not act.diverter_die
    assert not heat_on(rig)
    for tag in ("SIC-210.RUN", "SIC-510.RUN", "SIC-801.RUN"):
        assert np.isnan(rig.kernel.table.request[rig.kernel.table.index(tag)]), "nobody asked"


def test_restart_is_refused_with_the_reason_and_stop_runs_the_film_out(producing):
    rig = producing
    why = rig.kernel.runner.command(Command.RESTART, "test", OPERATOR)
    assert "casting was interrupted" in why
    assert "rethread" in why
    against = rig.kernel.operations.against("rethread", {})
    assert any("the film must run out first" in one for one in against)
    belt = rig.plant.act.belt
    assert rig.kernel.runner.command(Command.STOP, "test", OPERATOR) == ""
    rig.run(20.0)
    assert rig.kernel.runner.state is State.STOPPING, rig.kernel.runner.reason
    assert 1.0 <= rig.plant.act.belt < belt, "from the speed it had to the run-out's"
    assert rig.plant.act.rails > 0.5
    assert rig.kernel.comeback.decided


def test_latched_trips_and_alarms_are_there_again(tmp_path: Path):
    with DryRig(tmp_path, commit_s=1.0) as rig:
        rig.run(20.0)
        rig.kernel.interlocks.restore(["IL5-B1"], EPOCH_NS + rig.ticks * TICK_NS)
        rig.run(2.0)
        assert "IL5-B1" in rig.kernel.interlocks.latched()
        rig.crash(2.0)
        rig.run(0.2)
        assert "IL5-B1" in rig.kernel.interlocks.latched()
        rig.run(READ_S)
        assert rig.kernel.runner.state is State.HELD


def test_a_run_that_had_ended_comes_back_as_it_ended(tmp_path: Path):
    with DryRig(tmp_path, commit_s=1.0) as rig:
        rig.run(10.0)
        rig.kernel.runner.command(Command.ABORT, "test", OPERATOR)
        rig.run(5.0)
        assert rig.kernel.runner.state is State.ABORTED
        rig.crash(2.0)
        rig.run(READ_S)
        assert rig.kernel.runner.state is State.ABORTED
        assert rig.kernel.comeback is None


def test_the_hot_line_is_threaded_anew_once_its_film_has_run_out(tmp_path: Path):
    with DryRig(tmp_path, start="running", start_at_s=None, commit_s=1.0) as rig:
        know_purged(rig.kernel, EPOCH_NS)
        rig.run(2.0)
        take_over(rig.kernel, files()[2], EPOCH_NS + rig.ticks * TICK_NS)
        rig.restart()
        rig.run(20.0)
        rig.crash(3.0)
        rig.run(READ_S)
        assert told(rig).verdict.way is Way.ANEW

        def wait(_output: object) -> None:
            for pending in rig.kernel.runner.asks():
                if pending.ask.key == "run_out":
                    rig.kernel.runner.answer(pending.ask_id, "wait", OPERATOR)

        rig.kernel.listen(wait)
        operations = rig.kernel.operations
        until(rig, lambda: rig.kernel.film.on_line_m() <= 0.0, 1800.0)
        assert rig.kernel.runner.state is State.HELD, rig.kernel.runner.reason
        now_ns = EPOCH_NS + rig.ticks * TICK_NS
        assert operations.against("rethread", {}) == []
        assert operations.do("rethread", {}, "test", OPERATOR, now_ns) == []
        assert not rig.kernel.film.in_tenter
        rig.judge.operator_commanded()
        until(rig, lambda: rig.kernel.runner.state is State.RESTARTING, 300.0)
        assert not heat_on(rig)
        until(rig, lambda: heat_on(rig), 1200.0)
        assert rig.kernel.loops.exhaust.purge.volumes >= 5.0
        oven = next(unit for unit in rig.kernel.runner.units if unit.name == "oven")
        assert oven.slot.name == "ramp_oven", "the hot re-thread begins at the oven"
        assert not rig.judge.violations
