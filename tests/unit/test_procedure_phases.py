"""Every phase of the process: parameters, outlines, and each named step entered cold."""

from __future__ import annotations

import pytest

from config.models import PhaseUse, Recipe, Role, UnitProcedure
from controller.conditions import compile_condition
from controller.events import Actor
from controller.procedure.journal import MemoryJournal
from controller.procedure.phase import ProcedureError, build
from controller.procedure.phases.registry import PHASES
from controller.procedure.runner import Doors, Runner
from controller.procedure.states import Command, State
from tests.fake_line import FakeLine, core25

OPERATOR = Actor("kim", Role.OPERATOR)
STEPS = [(use, step) for use, phase in PHASES.items() for step in phase.steps]
CLAIMED = [
    "prove_utilities",
    "prove_exhaust",
    "purge",
    "zero_analyzers",
    "ramp_oven",
    "soak_oven",
    "hold_oven",
    "start_belt",
    "thread_leader",
    "recirculate_dope",
    "cast",
    "peel",
    "pin",
    "ramp_speed",
    "start_coating",
    "tune_profile",
    "collect",
    "stop_coating",
    "stop_casting",
    "run_out",
    "cool_oven",
    "cool_down",
    "exhaust_off",
]


class Cold:
    """A runner standing before one named step on a line where nothing has happened."""

    def __init__(self, use: str, step: str, recipe: Recipe | None = None) -> None:
        self.plant = FakeLine()
        table = self.plant.table
        phase = PhaseUse(use=use, timeout_s=86400.0)
        recipe = (recipe or core25()).model_copy(
            update={"unit": (UnitProcedure(name="u", phase=(phase,)),)}
        )
        self.switched = []
        self.puts = []

        def put(tag, value, reason, now_ns):
            self.puts.append((tag, value))
            table.request[table.index(tag)] = value
            self.plant.asked[tag] = value
            return []

        class Switches:
            def switch(inner, name, on, now_ns):  # noqa: N805
                self.switched.append((name, on))

        self.runner = Runner(
            self.plant.line, recipe, table, Doors(put, put, Switches()), MemoryJournal(), PHASES,
            lambda c: compile_condition(c, table),
        )  # fmt: skip
        self.events = []
        self.scan(2)
        self.runner.resume_at("u", use, step)
        assert self.runner.command(Command.START, "test", OPERATOR) == ""

    def scan(self, count: int) -> None:
        for _ in range(count):
            snapshot = self.plant.step(1.0)
            self.events += self.runner.step(snapshot, self.plant.now_ns, 1.0)


def heat(cold: Cold) -> None:
    for zone in cold.plant.line.zone:
        if zone.contactor is not None:
            cold.plant.asked[zone.contactor] = 1.0
    cold.plant.asked["XC-100.CMD"] = 1.0


def test_every_phase_of_the_claimed_process_exists():
    assert set(CLAIMED) <= set(PHASES)


@pytest.mark.parametrize(("use", "step"), STEPS)
def test_each_named_step_can_be_entered_cold(use: str, step: str):
    cold = Cold(use, step)
    cold.scan(3)
    assert cold.runner.state in (State.RUNNING, State.COMPLETE, State.HOLDING, State.HELD)
    if cold.runner.state is State.RUNNING:
        (waiting,) = cold.runner.waiting_for()
        assert waiting.text
    for tag, value in cold.puts:
        spec = next(t for i in cold.plant.line.instrument for t in i.tags if t.name == tag)
        assert spec.write.range[0] <= value <= spec.write.range[1], (tag, value)


@pytest.mark.parametrize("use", list(PHASES))
def test_each_phase_has_an_outline_of_its_steps(use: str):
    outline = PHASES[use].outline()
    assert [name for name, _ in outline] == list(PHASES[use].steps)
    assert all(text for _, text in outline)


@pytest.mark.parametrize("use", list(PHASES))
def test_each_phase_refuses_unknown_parameters(use: str):
    with pytest.raises(ProcedureError, match="no_such"):
        build(PhaseUse(use=use, params={"no_such": 1.0}), PHASES)


def test_purge_may_not_be_shorter_than_four_volumes():
    with pytest.raises(ProcedureError, match="volumes"):
        build(PhaseUse(use="purge", params={"volumes": 3.0}), PHASES)


def test_the_oven_waits_for_its_slowest_zone():
    cold = Cold("ramp_oven", "ramp")
    heat(cold)
    cold.plant.stuck["TIC-505.PV"] = 25.0
    cold.scan(300)
    request = cold.plant.table.request[cold.plant.table.index("TIC-508.SP")]
    assert request <= 25.0 + 16.0
    assert "T5" in cold.runner.waiting_for()[0].text


def test_the_oven_ramps_at_ten_then_six_kelvin_a_minute():
    cold = Cold("ramp_oven", "ramp")
    heat(cold)
    row = cold.plant.table.index("TIC-508.SP")
    seen = []
    for _ in range(4000):
        cold.scan(1)
        seen.append(float(cold.plant.table.request[row]))
    below = [b - a for a, b in zip(seen, seen[60:], strict=False) if a > 60 and b < 300]
    above = [b - a for a, b in zip(seen, seen[60:], strict=False) if a > 302 and b < 478]
    assert max(below) == pytest.approx(10.0, abs=0.7)
    assert max(above) == pytest.approx(6.0, abs=0.5)
    assert seen[-1] == 480.0


def test_belt_and_dryer_rise_slower_than_the_tenter():
    """At 10 K/min they would pass their set points by the warning's 15 K."""
    cold = Cold("ramp_oven", "ramp")
    heat(cold)
    table = cold.plant.table
    rows = {tag: table.index(tag) for tag in ("TIC-204.SP", "TIC-401.SP", "TIC-508.SP")}
    cold.scan(300)
    before = {tag: float(table.request[row]) for tag, row in rows.items()}
    cold.scan(120)
    rates = {tag: (float(table.request[row]) - before[tag]) / 2.0 for tag, row in rows.items()}
    assert rates["TIC-204.SP"] == pytest.approx(5.0, abs=0.4)
    assert rates["TIC-401.SP"] == pytest.approx(5.0, abs=0.4)
    assert rates["TIC-508.SP"] == pytest.approx(10.0, abs=0.7)


def test_the_exhaust_does_not_stop_while_a_zone_is_warm_or_the_pump_ran_lately():
    cold = Cold("exhaust_off", "conditions")
    cold.plant.stuck["TIC-508.PV"] = 61.0
    cold.scan(2000)
    assert cold.runner.asks() == ()
    cold.plant.stuck["TIC-508.PV"] = 40.0
    cold.scan(890)
    assert cold.runner.asks() == ()
    cold.scan(20)
    assert [a.ask.role for a in cold.runner.asks()] == [Role.ENGINEER]


def test_collecting_is_keyed_on_meters_and_keeps_them_in_the_journal():
    cold = Cold("collect", "wind")
    assert ("film.collect", True) not in cold.switched
    cold.scan(2)
    assert ("film.collect", True) in cold.switched


def test_the_belt_leads_the_speed_by_half_its_residence():
    cold = Cold("ramp_speed", "ramp")
    table = cold.plant.table
    table.request[table.index("SIC-210.SP")] = 1.0
    for tag, value in (("TIC-203.SP", 119.0), ("TIC-201.SP", 80.4)):
        table.request[table.index(tag)] = value
    cold.scan(200)
    assert table.request[table.index("SIC-210.SP")] == 1.0
    assert table.request[table.index("TIC-203.SP")] > 125.0
    cold.scan(60)
    assert table.request[table.index("SIC-210.SP")] > 1.0
    cold.scan(400)
    assert table.request[table.index("SIC-210.SP")] == 2.0
    assert table.request[table.index("TIC-203.SP")] == 135.0


def test_a_zone_that_stays_cold_holds_the_run():
    cold = Cold("hold_oven", "hold")
    cold.runner.units[0].slot.phase.next_ready = lambda: False
    table = cold.plant.table
    for zone in cold.plant.line.zone:
        table.request[table.index(f"{zone.loop}.SP")] = 30.0
    cold.scan(100)
    assert cold.runner.state is State.RUNNING
    table.request[table.index("TIC-506.SP")] = 400.0
    cold.scan(50)
    assert cold.runner.state is State.RUNNING
    cold.scan(15)
    assert cold.runner.state is State.HELD
    assert "zone T6 is" in cold.runner.reason


@pytest.mark.parametrize(
    ("use", "step", "meters"), [("cast", "reach_peel", 13.0), ("pin", "through", 44.0)]
)
def test_a_slow_line_is_given_the_time_its_film_needs(use: str, step: str, meters: float):
    """Very slow film takes longer than the phases' own time-outs allow for."""
    slow = core25().settings.model_copy(update={"thread_speed_m_min": 0.2})
    recipe = core25().model_copy(update={"settings": slow})
    cold = Cold(use, step, recipe)
    needs_s = meters / 0.2 * 60.0
    cold.scan(round(1.2 * needs_s))
    assert cold.runner.state is State.RUNNING
    cold.scan(round(0.5 * needs_s))
    assert cold.runner.state is not State.RUNNING
