"""The runner: holds keep their place, refusals and time-outs hold, journals come back HELD."""

from __future__ import annotations

from typing import ClassVar

import pytest

from config.models import Condition, Level, PhaseUse, Role, UnitProcedure
from controller.conditions import compile_condition
from controller.events import Actor
from controller.procedure.journal import MemoryJournal
from controller.procedure.phase import Params, Phase, ProcedureError
from controller.procedure.runner import HOLD_OFFER_S, Doors, Runner
from controller.procedure.states import Command, State
from controller.procedure.steps import (
    Accumulate,
    Ask,
    Log,
    Move,
    Put,
    Ramp,
    Until,
    Wait,
)
from tests.fake_line import FakeLine, core25

OPERATOR = Actor("kim", Role.OPERATOR)
ENGINEER = Actor("lee", Role.ENGINEER)
VIEWER = Actor("guest", Role.VIEWER)


class Ramping(Phase):
    use: ClassVar[str] = "ramping"
    steps: ClassVar[tuple[str, ...]] = ("up", "rest")

    class Parameters(Params):
        """A target."""

        target: float = 2.0

    params: Parameters

    def up(self, ctx):
        yield Ramp((Move("SIC-210.SP", self.params.target, 6.0),), "up")

    def rest(self, ctx):
        yield Wait(10.0, "rest")

    def holding(self, ctx):
        yield Log("own holding")
        yield Wait(2.0, "hold settles")

    def restarting(self, ctx):
        yield Log("own restarting")

    def stopping(self, ctx):
        yield Log("own stopping")


class Waiting(Phase):
    use: ClassVar[str] = "waiting"
    steps: ClassVar[tuple[str, ...]] = ("pressure",)

    def pressure(self, ctx):
        yield Until(
            lambda c: c.value("PIT-110.PV") > 1.0,
            lambda c: f"die pressure {c.text('PIT-110.PV')} MPa",
            timeout_s=30.0,
            for_s=5.0,
        )


class Asking(Phase):
    use: ClassVar[str] = "asking"
    steps: ClassVar[tuple[str, ...]] = ("question", "write")

    def question(self, ctx):
        answer = yield Ask("go", "Go on?", Role.ENGINEER, ("yes", "no"))
        yield Log(f"answered {answer}")

    def write(self, ctx):
        yield Put("XV-111.CMD", 1.0, "open")
        yield Put("SIC-110.SP", 99.0, "too fast a pump")


class Soaking(Phase):
    use: ClassVar[str] = "soaking"
    steps: ClassVar[tuple[str, ...]] = ("before", "soak")

    def before(self, ctx):
        yield Wait(1.0, "before")

    def soak(self, ctx):
        yield Accumulate(
            "soak_s",
            lambda c: 1.0 if abs(c.value("TIC-508.PV") - 480.0) < 5.0 else None,
            20.0, "soak", 1000.0,
        )  # fmt: skip


class Purging(Phase):
    use: ClassVar[str] = "purging"
    steps: ClassVar[tuple[str, ...]] = ("purge",)
    volatile: ClassVar[tuple[str, ...]] = ("volumes",)

    def purge(self, ctx):
        yield Accumulate(
            "volumes", lambda c: c.value("FT-508.PV") / 100.0, 10.0, "purge", 1000.0,
            gap_resets=True,
        )  # fmt: skip


class Endless(Phase):
    use: ClassVar[str] = "endless"
    steps: ClassVar[tuple[str, ...]] = ("spin",)

    def spin(self, ctx):
        while True:
            yield Log("again")


REGISTRY = {p.use: p for p in (Ramping, Waiting, Asking, Soaking, Purging, Endless)}
STOP = (UnitProcedure(name="stop", phase=(PhaseUse(use="asking", name="end"),)),)


class Bench:
    """A runner on a fake line, scanned at 1 s."""

    def __init__(self, *uses, journal=None, refuse=(), stop_units=()):
        self.plant = FakeLine()
        self.refuse = set(refuse)
        self.puts = []
        self.forced = []
        unit = UnitProcedure(name="u", phase=tuple(uses))
        recipe = core25().model_copy(update={"unit": (unit,)})
        self.journal = journal or MemoryJournal()
        table = self.plant.table

        def put(tag, value, reason, now_ns):
            if tag in self.refuse:
                return ["blocked by IL3"]
            low, high = next(
                t.write.range for i in self.plant.line.instrument for t in i.tags if t.name == tag
            )
            if not low <= value <= high:
                return ["out of range"]
            self.puts.append((tag, value))
            table.request[table.index(tag)] = value
            self.plant.asked[tag] = value
            return []

        def force(tag, value, reason, now_ns):
            self.forced.append((tag, value))
            return []

        class Switches:
            def switch(self, name, on, now_ns):
                pass

        self.runner = Runner(
            self.plant.line, recipe, table, Doors(put, force, Switches()), self.journal, REGISTRY,
            lambda c: compile_condition(c, table), stop_units,
        )  # fmt: skip
        self.events = []
        self.scan(1)

    def scan(self, count=1):
        for _ in range(count):
            snapshot = self.plant.step(1.0)
            self.events += self.runner.step(snapshot, self.plant.now_ns, 1.0)

    def start(self):
        assert self.runner.command(Command.START, "test", OPERATOR) == ""

    def logs(self):
        return [e.cause for e in self.events if e.verb == "log"]

    def request(self, tag):
        return float(self.plant.table.request[self.plant.table.index(tag)])


def test_hold_keeps_the_place_and_restart_goes_on_from_it():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(8)
    reached = bench.request("SIC-210.SP")
    assert 0.5 < reached < 1.0
    assert bench.runner.command(Command.HOLD, "look", OPERATOR) == ""
    bench.scan(5)
    assert bench.runner.state is State.HELD
    bench.scan(100)
    assert bench.request("SIC-210.SP") == reached
    assert bench.runner.command(Command.RESTART, "go on", OPERATOR) == ""
    bench.scan(3)
    assert bench.runner.state is State.RUNNING
    assert bench.request("SIC-210.SP") == pytest.approx(reached + 0.2, abs=0.11)
    bench.scan(40)
    assert bench.runner.state is State.COMPLETE
    assert bench.request("SIC-210.SP") == 2.0
    assert [log for log in bench.logs() if log.startswith("own")] == [
        "own holding",
        "own restarting",
    ]


def test_a_ramp_goes_on_from_what_a_person_set_during_the_hold():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(8)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(5)
    bench.plant.table.request[bench.plant.table.index("SIC-210.SP")] = 0.3
    bench.runner.command(Command.RESTART, "go on", OPERATOR)
    bench.scan(2)
    assert bench.request("SIC-210.SP") == pytest.approx(0.4, abs=0.11)


def test_the_phase_is_held_while_its_own_holding_steps_run():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(2)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(1)
    assert bench.runner.state is State.HOLDING
    bench.scan(2)
    assert bench.runner.state is State.HELD


def test_a_condition_that_does_not_come_holds_with_its_live_text():
    bench = Bench(PhaseUse(use="waiting"))
    bench.start()
    bench.scan(31)
    assert bench.runner.state in (State.HOLDING, State.HELD)
    assert "die pressure 0.1 MPa" in bench.runner.reason
    bench.scan(2)
    bench.runner.command(Command.RESTART, "again", OPERATOR)
    bench.scan(25)
    assert bench.runner.state is State.RUNNING, "the time-out starts anew after a restart"


def test_a_condition_must_hold_without_a_gap():
    bench = Bench(PhaseUse(use="waiting"))
    bench.start()
    bench.plant.stuck["PIT-110.PV"] = 2.0
    bench.scan(4)
    bench.plant.bad.add("PIT-110.PV")
    bench.scan(1)
    bench.plant.bad.clear()
    bench.scan(4)
    assert bench.runner.state is State.RUNNING
    bench.scan(2)
    assert bench.runner.state is State.COMPLETE


def test_a_phase_that_takes_too_long_is_held_with_what_it_waits_for():
    bench = Bench(PhaseUse(use="ramping", timeout_s=5.0))
    bench.start()
    bench.scan(10)
    assert bench.runner.state is State.HELD
    assert "phase ramping not complete in 5 s" in bench.runner.reason


def test_time_in_hold_does_not_count_for_the_phase():
    bench = Bench(PhaseUse(use="ramping", timeout_s=60.0))
    bench.start()
    bench.scan(5)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(200)
    bench.runner.command(Command.RESTART, "go on", OPERATOR)
    bench.scan(40)
    assert bench.runner.state is State.COMPLETE


def test_a_refused_request_holds_with_the_gates_reasons_and_is_tried_again():
    bench = Bench(PhaseUse(use="asking"), refuse={"XV-111.CMD"})
    bench.runner.resume_at("u", "asking", "write")
    bench.start()
    bench.scan(3)
    assert bench.runner.state is State.HELD
    assert "blocked by IL3" in bench.runner.reason
    bench.refuse.clear()
    bench.runner.command(Command.RESTART, "cleared", OPERATOR)
    bench.scan(3)
    assert ("XV-111.CMD", 1.0) in bench.puts
    assert "out of range" in bench.runner.reason, "the next request is refused in its turn"


def test_a_blocked_ramp_waits_and_goes_on_by_itself():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(5)
    bench.refuse.add("SIC-210.SP")
    bench.scan(20)
    assert bench.runner.state is State.RUNNING
    assert "blocked by IL3" in bench.runner.waiting_for()[0].text
    bench.refuse.clear()
    bench.scan(40)
    assert bench.runner.state is State.COMPLETE


def test_questions_need_the_role_and_a_listed_answer():
    bench = Bench(PhaseUse(use="asking"))
    bench.start()
    bench.scan(2)
    (pending,) = bench.runner.asks()
    assert "engineer" in bench.runner.answer(pending.ask_id, "yes", OPERATOR)
    assert "not an answer" in bench.runner.answer(pending.ask_id, "maybe", ENGINEER)
    assert "no open question" in bench.runner.answer(99, "yes", ENGINEER)
    assert bench.runner.answer(pending.ask_id, "yes", ENGINEER) == ""
    bench.scan(1)
    assert "answered yes" in bench.logs()
    assert bench.runner.asks() == ()


def test_another_answer_than_the_first_holds_and_asks_again_after_restart():
    bench = Bench(PhaseUse(use="asking"))
    bench.start()
    bench.scan(2)
    bench.runner.answer(bench.runner.asks()[0].ask_id, "no", ENGINEER)
    bench.scan(3)
    assert bench.runner.state is State.HELD
    bench.runner.command(Command.RESTART, "again", OPERATOR)
    bench.scan(3)
    assert len(bench.runner.asks()) == 1


def test_the_run_out_is_offered_after_fifteen_minutes_in_hold():
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.command(Command.HOLD, "look", OPERATOR)
    bench.scan(int(HOLD_OFFER_S))
    assert bench.runner.asks() == ()
    bench.scan(10)
    (offer,) = bench.runner.asks()
    assert offer.ask.key == "run_out"
    assert bench.runner.answer(offer.ask_id, "stop", OPERATOR) == ""
    assert bench.runner.state is State.STOPPING


def test_stop_runs_the_phases_own_stopping_then_the_controlled_stop():
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.command(Command.STOP, "enough", OPERATOR)
    bench.scan(2)
    assert "own stopping" in bench.logs()
    assert [w.unit for w in bench.runner.waiting_for()] == ["stop"]
    bench.runner.answer(bench.runner.asks()[0].ask_id, "yes", ENGINEER)
    bench.scan(3)
    assert bench.runner.state is State.STOPPED, "a refusal in the stop is noted, not waited for"
    assert any(e.verb == "refused" for e in bench.events)


def test_abort_writes_every_safe_value_solvent_first_and_is_not_restartable():
    bench = Bench(PhaseUse(use="ramping"))
    bench.start()
    bench.scan(2)
    bench.runner.command(Command.ABORT, "smoke", OPERATOR)
    bench.scan(4)
    assert bench.runner.state is State.ABORTED
    expected = {
        t.name: t.write.safe
        for i in bench.plant.line.instrument for t in i.tags
        if t.write is not None and not t.write.one_shot
    }  # fmt: skip
    assert dict(bench.forced) == expected
    assert [tag for tag, _ in bench.forced[:2]] == ["SIC-110.RUN", "SIC-110.SP"]
    assert "not possible" in bench.runner.command(Command.RESTART, "", OPERATOR)
    assert bench.runner.command(Command.RESET, "", OPERATOR) == ""
    assert bench.runner.state is State.IDLE


@pytest.mark.parametrize(
    ("level", "state"),
    [
        (Level.WARN, State.RUNNING),
        (Level.HOLD, State.HOLDING),
        (Level.CONTROLLED_STOP, State.STOPPING),
        (Level.OUTPUTS_SAFE, State.ABORTING),
    ],
)
def test_protection_is_heard(level, state):
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.demand(level, "IL3-B1", bench.plant.now_ns)
    assert bench.runner.state is state


def test_protection_only_escalates():
    bench = Bench(PhaseUse(use="ramping"), stop_units=STOP)
    bench.start()
    bench.scan(2)
    bench.runner.demand(Level.CONTROLLED_STOP, "IL1-B1", bench.plant.now_ns)
    bench.runner.demand(Level.HOLD, "IL3-B1", bench.plant.now_ns)
    assert bench.runner.state is State.STOPPING
    bench.runner.demand(Level.OUTPUTS_SAFE, "IL19", bench.plant.now_ns)
    assert bench.runner.state is State.ABORTING


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
