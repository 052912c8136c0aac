"""Counters, journal and units of a procedure: what counts, what comes back HELD, what waits."""

from __future__ import annotations

import pytest

from config.models import Condition, Level, PhaseUse, UnitProcedure
from controller.procedure.journal import MemoryJournal
from controller.procedure.phase import ProcedureError
from controller.procedure.states import Command, State
from tests.procedure_bench import (
    OPERATOR,
    STOP,
    Bench,
)


def test_soak_counts_only_good_time_in_band_and_a_gap_pauses_it():
    bench = Bench(PhaseUse(use="soaking"))
    bench.start()
    bench.plant.stuck["TIC-508.PV"] = 480.0
    bench.scan(8)
    before = bench.runner.units[0].slot.phase.counters["soak_s"]
    bench.plant.bad.add("TIC-508.PV")
    bench.scan(50)
    bench.plant.bad.clear()
    bench.plant.stuck["TIC-508.PV"] = 470.0
    bench.scan(50)
    assert bench.runner.units[0].slot.phase.counters["soak_s"] == before
    bench.plant.stuck["TIC-508.PV"] = 479.0
    bench.scan(20 - int(before))
    assert bench.runner.state is State.COMPLETE


def test_a_gap_zeroes_a_purge():
    bench = Bench(PhaseUse(use="purging"))
    bench.start()
    bench.plant.stuck["FT-508.PV"] = 100.0
    bench.scan(8)
    bench.plant.bad.add("FT-508.PV")
    bench.scan(1)
    bench.plant.bad.clear()
    bench.scan(8)
    assert bench.runner.state is State.RUNNING
    bench.scan(3)
    assert bench.runner.state is State.COMPLETE


def test_the_journal_brings_the_run_back_held_at_its_step_with_its_counters():
    first = Bench(PhaseUse(use="ramping"), PhaseUse(use="soaking"))
    first.start()
    first.plant.stuck["TIC-508.PV"] = 480.0
    first.scan(42)
    entry = first.journal.last()["u"]
    assert (entry.phase, entry.step) == ("soaking", "soak")
    assert entry.counters["soak_s"] > 0.0
    second = Bench(PhaseUse(use="ramping"), PhaseUse(use="soaking"))
    second.runner.resume(first.journal.last())
    assert second.runner.state is State.HELD
    assert second.runner.done("u.ramping")
    second.scan(20)
    assert second.puts == [], "nothing moves before a person restarts"
    second.plant.stuck["TIC-508.PV"] = 480.0
    second.runner.command(Command.RESTART, "checked", OPERATOR)
    second.scan(22 - int(entry.counters["soak_s"]))
    assert second.runner.state is State.COMPLETE


def test_purge_does_not_survive_a_restart():
    first = Bench(PhaseUse(use="purging"))
    first.start()
    first.plant.stuck["FT-508.PV"] = 10.0
    first.scan(30)
    entry = first.journal.last()["u"]
    assert entry.counters["volumes"] > 1.0
    second = Bench(PhaseUse(use="purging"))
    second.runner.resume(first.journal.last())
    assert second.runner.units[0].slot.phase.counters == {}


def test_a_step_starts_only_when_its_journal_entry_is_durable():
    class Slow(MemoryJournal):
        safe = 0

        def durable(self, ticket):
            return ticket <= self.safe

    journal = Slow()
    bench = Bench(PhaseUse(use="ramping"), journal=journal)
    bench.start()
    bench.scan(5)
    assert bench.puts == []
    assert "journal" in bench.runner.waiting_for()[0].text
    journal.safe = 10_000
    bench.scan(2)
    assert bench.puts != []


def test_a_journal_of_another_recipe_is_refused():
    bench = Bench(PhaseUse(use="ramping"))
    other = Bench(PhaseUse(use="soaking"))
    other.start()
    other.scan(2)
    with pytest.raises(ProcedureError, match="no phase 'soaking'"):
        bench.runner.resume(other.journal.last())


def test_units_run_side_by_side_and_after_waits():
    recipe_units = (
        UnitProcedure(name="a", phase=(PhaseUse(use="ramping"),)),
        UnitProcedure(name="b", phase=(PhaseUse(use="soaking", after=("a.ramping",)),)),
    )
    bench = Bench(PhaseUse(use="ramping"))
    bench.runner.units = bench.runner._assembly.units(recipe_units)
    bench.start()
    bench.scan(5)
    texts = {w.unit: w.text for w in bench.runner.waiting_for()}
    assert texts["b"] == "after a.ramping"
    bench.plant.stuck["TIC-508.PV"] = 480.0
    bench.scan(80)
    assert bench.runner.state is State.COMPLETE


def test_an_until_condition_of_the_recipe_ends_a_phase():
    use = PhaseUse(use="soaking", until=Condition(tag="PIT-110.PV", above=1.0))
    bench = Bench(use)
    bench.start()
    bench.scan(5)
    bench.plant.stuck["PIT-110.PV"] = 2.0
    bench.scan(2)
    assert bench.runner.state is State.COMPLETE


def test_all_faults_of_a_recipe_are_told_at_once():
    with pytest.raises(ProcedureError) as caught:
        Bench(
            PhaseUse(use="unheard_of"),
            PhaseUse(use="ramping", params={"target": "x", "more": 1.0}),
        )
    text = str(caught.value)
    assert "unheard_of" in text
    assert "target" in text
    assert "more" in text


def test_an_after_that_does_not_exist_is_told():
    with pytest.raises(ProcedureError, match=r"after unknown phase 'x\.y'"):
        Bench(PhaseUse(use="ramping", after=("x.y",)))


def test_a_phase_that_never_waits_is_a_bug_and_crashes_loudly():
    bench = Bench(PhaseUse(use="endless"))
    bench.start()
    with pytest.raises(ProcedureError, match="never waits"):
        bench.scan(1)


def test_state_and_soak_are_published_once_a_second():
    bench = Bench(PhaseUse(use="soaking"))
    bench.start()
    bench.plant.stuck["TIC-508.PV"] = 480.0
    bench.scan(10)
    table = bench.plant.table
    snapshot = table.snapshot(bench.plant.now_ns)
    assert snapshot.good("PROC.STATE") == State.RUNNING
    assert snapshot.good("PROC.SOAK") == pytest.approx(9.0, abs=1.1)


def test_a_stop_that_grew_out_of_a_hold_names_the_first_cause_first():
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.demand(Level.HOLD, "JT-510: Tenter rails jam", bench.plant.now_ns)
    bench.scan(5)
    assert bench.runner.state is State.HELD
    bench.runner.demand(Level.CONTROLLED_STOP, "IL10: Film stands", bench.plant.now_ns)
    assert bench.runner.reason == "stop: JT-510: Tenter rails jam; then IL10: Film stands"
