"""The break sequence: T1-T3 hold, T4-T8 go down after two minutes, then the controlled stop."""

from __future__ import annotations

from itertools import takewhile

import pytest

from config.models import Level, Role
from controller.events import Actor
from controller.procedure.phases.breaking import SEEN_S, break_sequence
from controller.procedure.states import State
from controller.procedure.steps import Switch, Wait
from drivers.base import Block, Quality
from tests.fake_line import pilot
from tests.unit.test_procedure_phases import Cold

TENTER = tuple(f"TIC-{number}.SP" for number in range(501, 509))
HOT_C = (150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0, 480.0)
KIM = Actor("kim", Role.OPERATOR)
CAUSE = "WB-311: Web break between coater and tenter"


class Broken(Cold):
    """A line at its set points whose web parts while the oven is held."""

    def __init__(self, *, parted: bool = True) -> None:
        super().__init__("hold_oven", "hold")
        self.runner.units[0].slot.phase.next_ready = lambda: False
        table = self.plant.table
        for tag, value in zip(TENTER, HOT_C, strict=True):
            table.request[table.index(tag)] = self.plant.asked[tag] = value
            self.plant.values[tag.replace(".SP", ".PV")] = value
        spans = ("NIC-231.SP", "NIC-311.SP", "NIC-601.SP", "NIC-701.SP")
        self.tension = table.attach(Block("test.tension", spans, 1.0))
        self.film = table.attach(Block("test.film", ("film.CAST_M", "film.T8.S"), 1.0))
        self.plant.stuck.update({f"NT-{n}.PV": 30.0 for n in (231, 311, 601, 701)})
        self.plant.values["SIC-510.ACT"] = 1.0
        self.plant.asked.update({"SIC-510.RUN": 1.0, "SIC-510.SP": 1.0})
        self.at_t8 = 100.0
        self.go(3)
        if parted:
            self.plant.stuck["NT-311.PV"] = 0.0
        self.go(1)
        self.runner.demand(Level.HOLD, CAUSE, self.plant.now_ns)

    def go(self, count: int) -> None:
        for _ in range(count):
            now = self.plant.now_ns
            slack = ("tension", False) in self.switched
            wanted = (0.0,) * 4 if slack else (30.0, 30.0, 100.0, 100.0)
            self.tension.write(wanted, Quality.GOOD, now, now)
            self.film.write((140.0, self.at_t8), Quality.GOOD, now, now)
            self.scan(1)

    def set_points(self) -> list[float]:
        table = self.plant.table
        return [float(table.request[table.index(tag)]) for tag in TENTER]


def test_a_hold_without_a_break_leaves_the_heat_alone():
    line = Broken(parted=False)
    line.go(600)
    assert line.runner.state is State.HELD
    assert line.set_points() == list(HOT_C)


def test_the_hot_zones_go_down_by_100_k_after_two_minutes_and_the_others_hold():
    line = Broken()
    line.go(115)
    assert line.set_points() == list(HOT_C)
    line.go(220)
    assert line.runner.state is State.HOLDING
    assert line.set_points() == [*HOT_C[:3], *(hot - 100.0 for hot in HOT_C[3:])]
    assert {("film.collect", False), ("tension", False), ("ratio.pump", False)} <= set(
        line.switched
    )


def test_belt_and_rails_run_out_at_the_thread_speed_and_the_winder_follows_no_more():
    line = Broken()
    table = line.plant.table
    table.request[table.index("SIC-210.SP")] = 2.0
    line.go(40)
    assert float(table.request[table.index("SIC-210.SP")]) == 1.0
    assert ("ratio.winder", False) in line.switched
    assert ("ratio.rails", False) not in line.switched


def test_the_run_stops_with_the_break_as_its_cause_when_the_film_is_out():
    line = Broken()
    line.go(400)
    assert line.runner.state is State.HOLDING
    line.at_t8 = 160.0
    line.go(890)
    assert line.runner.state is State.HOLDING, "a quarter of an hour to decide"
    line.go(20)
    assert line.runner.state in (State.STOPPING, State.STOPPED)
    assert line.runner.reason == f"stop: {CAUSE}; the film has run out of the oven"
    assert ("film.tenter_empty", True) in line.switched


def test_a_run_out_that_is_not_proven_in_time_puts_the_heaters_off_and_stops():
    line = Broken()
    line.go(2900)
    assert line.runner.state is State.HOLDING
    line.go(1700)
    assert line.runner.state in (State.STOPPING, State.STOPPED)
    assert "run-out not proven" in line.runner.reason
    assert ("XC-508.CMD", 0.0) in line.puts
    assert ("SIC-803.SP", pytest.approx(100.0)) in line.puts


def test_a_wish_to_thread_again_ends_the_sequence_held_and_asks_before_anything_moves():
    line = Broken()
    line.go(10)
    line.runner.wish("rethread", "new leader", KIM)
    line.go(390)
    assert line.runner.state is State.HOLDING, "the film runs out first"
    line.at_t8 = 160.0
    line.go(3)
    assert line.runner.state is State.HELD
    [ask] = line.runner.asks()
    assert ask.ask.key == "rethread"
    assert ("film.line_empty", True) in line.switched
    assert ("ZC-231.RUN", 0.0) in line.puts, "the gel gauge would measure the leader as gel"
    assert line.runner.answer(ask.ask_id, "stop", KIM) == ""
    assert line.runner.state is State.STOPPING


def test_a_break_in_held_begins_the_sequence_once():
    line = Broken(parted=False)
    line.go(5)
    assert line.runner.state is State.HELD
    line.plant.stuck["NT-311.PV"] = 0.0
    line.go(3)
    assert line.runner.state is State.HOLDING
    assert line.runner.reason == f"hold: {CAUSE}; then web broken"
    assert [name for name, _ in line.switched].count("roll.broken") == 1


def test_the_tension_set_points_stay_until_every_interlock_has_had_its_time():
    """Without them the trips are not enabled, and the winder would run on."""
    rows = [trip for trip in pilot().trip if trip.name.startswith("WB-")]
    assert len(rows) == 4
    assert max(row.when.for_s for row in rows) + 0.2 < SEEN_S
    line = Broken()
    before = list(
        takewhile(lambda step: not _is_slackening(step), break_sequence(line.runner.view))
    )
    assert [step.seconds for step in before if isinstance(step, Wait)] == [SEEN_S]


def _is_slackening(step: object) -> bool:
    return step == Switch("tension", on=False)


def test_a_break_cuts_dope_and_coat_whether_or_not_its_interlock_has_latched():
    line = Broken()  # on a bench without interlocks
    line.plant.asked.update({"SIC-110.RUN": 1.0, "SIC-110.SP": 12.0, "FIC-301A.RUN": 1.0})
    line.go(3)
    feeds = ("SIC-110.RUN", "SIC-110.SP", "XV-110.CMD", "FIC-301A.RUN", "FIC-301B.RUN")
    assert [line.plant.asked[tag] for tag in feeds] == [0.0] * len(feeds)
    ratios = [name for name, on in line.switched if name.startswith("ratio.") and not on]
    assert ratios[:3] == ["ratio.pump", "ratio.coat_air", "ratio.coat_belt"]
