"""Rolls by meter: when a roll is changed, how, and when the recipe has all it wants."""

from __future__ import annotations

import pytest

from config.models import PhaseUse, Role, UnitProcedure
from controller.conditions import compile_condition
from controller.events import Actor
from controller.procedure.journal import MemoryJournal
from controller.procedure.phases.collecting import FLYING, TAPE, TURRET
from controller.procedure.phases.registry import PHASES
from controller.procedure.runner import Doors, Runner
from controller.procedure.states import Command, State
from drivers.base import Block, Quality
from tests.fake_line import FakeLine, core25

KIM = Actor("kim", Role.OPERATOR)
SPEED = 2.0 / 60.0


class Winding:
    """Collect alone on the crude line, with a roll meter of its own."""

    def __init__(self, length_m: float = 20.0, rolls: int = 1, how: str = "flying") -> None:
        self.plant = FakeLine()
        settings = core25().settings.model_copy(
            update={"roll_length_m": length_m, "rolls": rolls, "thread_speed_m_min": 1.0}
        )
        use = PhaseUse(use="collect", params={"how": how})
        recipe = core25().model_copy(
            update={"settings": settings, "unit": (UnitProcedure(name="collecting", phase=(use,)),)}
        )
        self.puts: list[tuple[str, float]] = []
        self.switched: list[tuple[str, bool]] = []
        table = self.plant.table
        self.film = table.attach(Block("test.film", ("film.ROLL_M", "film.WIND.S"), 1.0))
        self.roll_m, self.meters = 0.0, [0.0]
        self.collecting = False
        self.runner = Runner(
            self.plant.line, recipe, table, Doors(self.put, self.put, self), MemoryJournal(),
            PHASES, lambda condition: compile_condition(condition, table),
        )  # fmt: skip
        request = {"SIC-210.SP": 2.0} | {f"TIC-20{n}.SP": 135.0 for n in range(1, 5)}
        for tag, value in request.items():
            table.request[table.index(tag)] = value
        self.runner.command(Command.START, "test", KIM)

    def put(self, tag: str, value: float, reason: str, now_ns: int) -> list[str]:
        _ = reason, now_ns
        self.puts.append((tag, value))
        table = self.plant.table
        table.request[table.index(tag)] = value
        return []

    def switch(self, name: str, on: bool, now_ns: int) -> None:
        _ = now_ns
        self.switched.append((name, on))
        if name == "roll.change":
            self.meters.append(0.0)
        if name == "film.collect":
            self.collecting = on

    def go(self, seconds: float, *, answer: bool = True) -> None:
        for _ in range(round(seconds)):
            if self.collecting:
                self.meters[-1] += SPEED
            now = self.plant.now_ns
            self.film.write((self.meters[-1], 100.0), Quality.GOOD, now, now)
            self.runner.step(self.plant.step(1.0), self.plant.now_ns, 1.0)
            for pending in self.runner.asks() if answer else ():
                self.runner.answer(pending.ask_id, pending.ask.choices[0], KIM)

    def counters(self) -> dict[str, float]:
        return self.runner.units[0].slots[0].phase.counters

    def cuts(self) -> int:
        return self.puts.count((TURRET, 1.0))


def test_one_roll_needs_no_change_and_ends_at_its_length():
    line = Winding()
    line.go(590)
    assert line.runner.state is State.RUNNING
    line.go(20)
    assert line.runner.state is State.COMPLETE
    assert line.meters == [pytest.approx(20.0, abs=0.1)]
    assert line.cuts() == 1  # onto the first core
    assert line.puts[-1] == (TURRET, 0.0)


def test_several_rolls_change_by_themselves_at_their_length():
    line = Winding(rolls=3)
    line.go(1900)
    assert line.runner.state is State.COMPLETE
    assert line.meters == pytest.approx([20.0, 20.0, 20.0], abs=0.2)
    assert sum(line.meters) == pytest.approx(60.0, abs=0.1)
    assert line.cuts() == 3


def test_a_change_at_a_meter_splits_what_the_recipe_wants():
    line = Winding()
    line.go(60)
    line.counters().update(change_at_m=7.5, change_how=FLYING)
    line.go(600)
    assert line.runner.state is State.COMPLETE
    assert line.meters == pytest.approx([7.5, 12.5], abs=0.1)
    assert "change_at_m" not in line.counters()


def test_without_a_core_the_roll_grows_on_and_the_run_is_not_held():
    line = Winding(rolls=2)
    line.go(900, answer=False)
    assert line.runner.state is State.RUNNING
    assert [ask.ask.key for ask in line.runner.asks()] == ["new_core"]
    assert len(line.meters) == 1
    line.go(10)
    assert len(line.meters) == 2
    assert line.meters[0] > 29.0


def test_by_tape_the_line_slows_a_person_cuts_and_the_line_comes_back():
    line = Winding(rolls=2, how="tape")
    asked = []
    for _ in range(900):
        line.go(1, answer=False)
        for pending in line.runner.asks():
            asked.append(pending.ask.key)
            line.runner.answer(pending.ask_id, pending.ask.choices[0], KIM)
        if len(line.meters) == 2:
            break
    assert asked == ["new_core", "cut_tape"]
    speeds = [value for tag, value in line.puts if tag == "SIC-210.SP"]
    assert min(speeds) == pytest.approx(1.0)
    line.go(400)
    assert [v for tag, v in line.puts if tag == "SIC-210.SP"][-1] == pytest.approx(2.0)
    assert line.cuts() == 0
    assert line.counters().get("change_how", TAPE) == TAPE


def test_after_a_break_the_meters_of_the_broken_roll_count():
    line = Winding()
    line.go(300)
    line.runner.command(Command.HOLD, "break", KIM)
    line.go(3)
    line.collecting = False
    unit = line.runner.units[0]
    unit.stand_at("collect", "", dict(unit.slots[0].phase.counters))
    line.meters.append(0.0)
    line.runner.command(Command.RESTART, "again", KIM)
    line.go(330)
    assert line.runner.state is State.COMPLETE
    assert sum(line.meters) == pytest.approx(20.0, abs=0.3)
