"""The recipe's whole procedure against a crude line: cold to COMPLETE, and stops from anywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest

from config.models import Role
from controller.conditions import compile_condition
from controller.events import Actor
from controller.film.profile import BINS, POSITION_M
from controller.film.transport import FilmTransport
from controller.loops.manager import Gauges, Loops
from controller.procedure.journal import MemoryJournal
from controller.procedure.outputs import door
from controller.procedure.phases.registry import PHASES
from controller.procedure.phases.stopping import STOP_UNITS
from controller.procedure.runner import Doors, Runner
from controller.procedure.states import Command, State
from controller.procedure.switchboard import Switchboard
from controller.refusals import Source
from drivers.base import Block, Quality
from tests.fake_line import FakeLine, core25, materials

OPERATOR = Actor("operator:simulated", Role.OPERATOR)
ENGINEER = Actor("engineer:simulated", Role.ENGINEER)
ANSWER_AFTER_S = 30.0


class StubGauges:
    """Quality figures of a line whose profile becomes good once the loops run."""

    class Profile:
        """A gauge's profile."""

        def __init__(self) -> None:
            self.passes = 0
            self.mean = 25.3
            self.filtered = 0.02 * np.sin(2 * np.pi * POSITION_M / 0.38)[:BINS]

    def __init__(self, plant: FakeLine) -> None:
        self.gel, self.scanner = self.Profile(), self.Profile()
        names = ("QI-LOH.PEEL", "QI-CD2S.SCAN", "QI-CORE.MEAN", "QI-LAYER.AIR", "QI-CORE.GEL")
        self.writer = plant.table.attach(Block("stub.quality", names, 1.0))
        self.plant = plant
        self.cd = 2.6

    def step(self, snapshot, now_ns, dt):
        table = self.plant.table
        label = {n: snapshot.known[table.index(f"film.{n}.S")] for n in ("GEL", "SCAN", "LAYER")}
        self.gel.passes += 1
        self.scanner.passes += 1
        coated = self.plant.values["FIC-301A.PV"] > 1.0
        at_scan = label["SCAN"] > 0
        if at_scan:
            self.cd = max(0.6, self.cd * 0.9995)
        values = (
            36.8 if label["GEL"] > 0 else math.nan,
            self.cd if at_scan else math.nan,
            25.1 if at_scan else math.nan,
            0.31 if coated and label["LAYER"] > 0 else math.nan,
            25.2 if label["GEL"] > 0 else math.nan,
        )
        quality = [Quality.BAD if math.isnan(v) else Quality.GOOD for v in values]
        self.writer.write(values, quality, now_ns, now_ns)
        return ()


class World:
    """Plant, gate, film, loops and runner wired as the application does it."""

    def __init__(self) -> None:
        self.plant = FakeLine()
        recipe = core25()
        library = materials()
        core, solvent = library.polymers["s-BPDA/PPD"], library.solvents["DMAc"]
        table = self.plant.table
        self.film = FilmTransport(self.plant.line, table, recipe.settings.draw_md, empty=True)
        self.gauges = StubGauges(self.plant)
        gate = self.plant.make_gate()
        self.loops = Loops(
            self.plant.line, recipe, table, door(gate, Source.LOOP),
            Gauges(self.gauges.gel, self.gauges.scanner, POSITION_M), core, solvent,
        )  # fmt: skip
        self.journal = MemoryJournal()
        self.runner = Runner(
            self.plant.line,
            recipe,
            table,
            Doors(
                door(gate, Source.RECIPE),
                door(gate, Source.INTERLOCK),
                Switchboard({"film": self.film, "": self.loops}),
            ),
            self.journal,
            PHASES,
            lambda condition: compile_condition(condition, table),
            STOP_UNITS,
        )
        self.gate = gate
        self.events = []
        self.asked_at = {}
        self.t = 0.0

    def scan(self, dt: float = 1.0) -> None:
        snapshot = self.plant.step(dt)
        now = self.plant.now_ns
        self.t += dt
        for part in (self.film, self.gauges, self.plant.required, self.runner, self.loops):
            self.events.extend(part.step(snapshot, now, dt))
        result = self.gate.step(snapshot, dt)
        self.events.extend(result.events)
        assert not result.hold, result.hold
        for pending in self.runner.asks():
            asked = self.asked_at.setdefault(pending.ask_id, self.t)
            if self.t - asked >= ANSWER_AFTER_S:
                actor = ENGINEER if pending.ask.role is Role.ENGINEER else OPERATOR
                refused = self.runner.answer(pending.ask_id, pending.ask.choices[0], actor)
                assert refused == ""

    def until(self, stop, limit_s: float) -> None:
        end = self.t + limit_s
        while not stop():
            assert self.t < end, [(w.unit, w.phase, w.step, w.text) for w in self.running()]
            self.scan()

    def running(self):
        return [w for w in self.runner.waiting_for() if w.text != "complete"]


@pytest.fixture(scope="module")
def finished() -> World:
    world = World()
    world.scan()
    assert world.runner.command(Command.START, "test", OPERATOR) == ""
    world.until(lambda: world.runner.state is not State.RUNNING, 12 * 3600)
    for _ in range(10):
        world.scan()
    return world


def states(world: World) -> list[str]:
    return [e.new for e in world.events if e.source == "procedure" and e.verb == "state"]


@pytest.mark.timeout(300)
def test_the_whole_recipe_runs_to_complete(finished: World):
    assert states(finished) == ["RUNNING", "COMPLETE"], finished.runner.reason
    recipe = core25()
    expected = [f"{u.name}.{p.name or p.use}" for u in recipe.unit for p in u.phase]
    assert all(finished.runner.done(name) for name in expected)
    assert finished.film.roll_m >= recipe.settings.roll_length_m
    refused = [e for e in finished.events if e.verb == "refused"]
    assert refused == []


def test_everything_is_at_rest_at_the_end(finished: World):
    values = finished.plant.values
    for drive in ("SIC-210", "SIC-211", "SIC-510", "SIC-701", "SIC-310", "SIC-110", "SIC-801"):
        assert values[f"{drive}.RUN"] == 0.0
        assert values[f"{drive}.ACT"] == pytest.approx(0.0, abs=0.01)
    assert values["XC-100.CMD"] == 0.0
    assert values["XV-110.CMD"] == 0.0
    assert values["XC-301.CMD"] == 0.0


def test_the_order_is_the_one_of_the_process(finished: World):
    def first(text: str) -> int:
        return next(k for k, e in enumerate(finished.events) if e.verb == "log" and text in e.cause)

    order = [
        "utilities.purge complete", "oven.ramp_oven starts", "oven.soak_oven complete",
        "web.thread_leader starts", "casting.cast starts", "casting.peel complete",
        "casting.pin complete", "line.ramp_speed complete", "coating.start_coating complete",
        "collecting.tune_profile complete", "collecting.collect complete",
        "shutdown.stop_coating complete", "shutdown.stop_casting complete",
        "shutdown.run_out complete", "oven.cool_oven complete", "shutdown.cool_down complete",
        "shutdown.exhaust_off complete",
    ]  # fmt: skip
    places = [first(text) for text in order]
    assert places == sorted(places)


def test_only_an_engineer_ends_the_exhaust(finished: World):
    answers = [e for e in finished.events if e.verb == "answer"]
    assert [e.tag for e in answers] == ["thread_leader", "splice", "exhaust_off"]
    assert answers[-1].actor == ENGINEER.name


PHASE_NAMES = [f"{u.name}.{p.name or p.use}" for u in core25().unit for p in u.phase]


@pytest.mark.timeout(900)
def test_a_controlled_stop_from_every_phase_ends_stopped_with_the_exhaust_on():
    """One run per phase would repeat hours; each phase is entered cold and stopped at once."""
    for name in PHASE_NAMES:
        unit, phase = name.split(".")
        world = World()
        world.scan()
        use = next(p for u in core25().unit if u.name == unit for p in u.phase
                   if (p.name or p.use) == phase)  # fmt: skip
        world.runner.resume_at(unit, phase, PHASES[use.use].steps[0])
        world.runner.command(Command.START, "test", OPERATOR)
        for _ in range(5):
            world.scan()
        if world.runner.state is State.RUNNING:
            assert world.runner.command(Command.STOP, "test", OPERATOR) == ""
        else:
            assert world.runner.command(Command.STOP, "test", OPERATOR) == "", name
        world.until(lambda w=world: w.runner.state is not State.STOPPING, 3 * 3600)
        assert world.runner.state is State.STOPPED, (name, world.runner.reason)
        values = world.plant.values
        assert values["SIC-110.RUN"] == 0.0
        assert values["XV-110.CMD"] == 0.0
        assert values["SIC-801.RUN"] == 1.0
        assert values["XC-100.CMD"] == 0.0


@pytest.mark.timeout(300)
def test_a_stop_with_a_full_line_runs_the_film_out_before_the_web_rests():
    world = World()
    world.scan()
    world.runner.command(Command.START, "test", OPERATOR)
    world.until(lambda: world.film.roll_m > 5.0, 6 * 3600)
    cast, wound = world.film.cast_m, world.film.winder.meters
    assert world.runner.command(Command.STOP, "test", OPERATOR) == ""
    world.until(lambda: world.runner.state is not State.STOPPING, 6 * 3600)
    assert world.runner.state is State.STOPPED
    world.scan()
    assert world.film.cast_m - cast < 0.2
    assert world.film.winder.meters - wound >= 1.2 * 39.0
    assert not world.film.in_tenter
    values = world.plant.values
    assert values["SIC-210.RUN"] == 0.0
    assert values["SIC-801.RUN"] == 1.0


def test_a_pump_that_does_not_stop_escalates_the_stop_to_abort():
    world = World()
    world.scan()
    world.runner.resume_at("casting", "recirculate_dope", "pump")
    world.runner.command(Command.START, "test", OPERATOR)
    for _ in range(60):
        world.scan()
    assert world.plant.values["SIC-110.ACT"] > 5.0
    world.plant.stuck["SIC-110.ACT"] = 9.0
    world.runner.command(Command.STOP, "test", OPERATOR)
    for _ in range(10):
        world.scan()
    assert world.runner.state is State.ABORTED
    assert "pump at rest" in next(e.cause for e in world.events if e.new == "ABORTING")
    assert world.plant.values["XC-100.CMD"] == 0.0
    assert world.plant.values["SIC-801.SP"] == 100.0


@pytest.mark.timeout(300)
def test_a_blind_analyzer_delays_the_rest_after_a_stop_but_does_not_forbid_it():
    ended = {}
    for blind in (False, True):
        world = World()
        world.scan()
        world.runner.resume_at("casting", "recirculate_dope", "valves")
        world.runner.command(Command.START, "test", OPERATOR)
        for _ in range(60):
            world.scan()
        if blind:
            world.plant.stuck["FS-201.OK"] = 0.0
        world.runner.command(Command.STOP, "test", OPERATOR)
        world.until(lambda w=world: w.runner.state is not State.STOPPING, 3 * 3600)
        assert world.runner.state is State.STOPPED
        ended[blind] = world.t
    assert ended[True] - ended[False] == pytest.approx(1800, abs=30)
