"""Loops and units in manual: off while a person has the unit, and no jump when it comes back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from config.models import Role
from controller.events import Actor
from controller.handover import WRITES, HandOver
from controller.loops.manager import Gauges, Loops
from controller.outputs import Mode
from controller.procedure.outputs import door
from controller.refusals import Source
from tests.fake_line import FakeLine, core25, materials

ANN = Actor("ann", Role.OPERATOR)
LANES = np.linspace(-0.25, 0.25, 100)


class Rig:
    """The loops of the pilot line over a crude plant with full exhaust."""

    def __init__(self) -> None:
        self.plant = FakeLine()
        for zone in self.plant.line.zone:
            if zone.fan is not None:
                self.plant.values[f"{zone.fan}.ACT"] = 100.0
                self.plant.asked.update({f"{zone.fan}.RUN": 1.0, f"{zone.fan}.SP": 100.0})
        self.gate = self.plant.make_gate()
        library, seen = materials(), np.zeros(LANES.size)
        profile = SimpleNamespace(passes=0, filtered=seen, mean=25.0)
        self.loops = Loops(
            self.plant.line, core25(), self.plant.table, door(self.gate, Source.LOOP),
            Gauges(profile, profile, LANES), library.polymers["s-BPDA/PPD"],
            library.solvents["DMAc"],
        )  # fmt: skip
        self.over = HandOver(self.gate, self.loops)
        self.run(0.1)
        self.ask("SIC-210.SP", 1.0, Source.RECIPE)
        self.over.switch("ratio.pump", True, self.plant.now_ns)
        self.run(16.0)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            snapshot = self.plant.step(0.1)
            self.plant.required.step(snapshot, self.plant.now_ns, 0.1)
            self.loops.step(snapshot, self.plant.now_ns, 0.1)
            self.gate.step(snapshot, 0.1)

    def ask(self, tag: str, value: float, source: Source) -> None:
        decision = self.gate.request(
            tag,
            value,
            source,
            "test",
            self.plant.now_ns,
            ANN if source is Source.OPERATOR else None,
        )
        assert decision.accepted, str(decision)

    def mode(self, unit: str, mode: Mode) -> None:
        assert self.gate.set_mode(unit, mode, ANN, "test", self.plant.now_ns).accepted

    def pump(self) -> float:
        return float(self.plant.table.request[self.plant.table.index("SIC-110.SP")])


def test_every_loop_and_slave_of_the_line_is_known():
    rig = Rig()
    slaves = {f"ratio.{name}" for name in rig.loops.ratio._setters}
    loops = {loop.name for loop in rig.loops.all} - {"tension"}  # it writes nothing
    assert set(WRITES) == slaves | loops
    for tags in WRITES.values():
        assert all(rig.gate.unit_of(tag) for tag in tags)


def test_a_loop_is_off_while_its_unit_is_in_manual():
    rig = Rig()
    at_ratio = rig.pump()
    assert at_ratio == pytest.approx(rig.loops.ratio.goal("pump", 1.0))
    rig.mode("casting", Mode.MANUAL)
    assert "pump" not in rig.loops.ratio.on
    rig.ask("SIC-210.SP", 1.2, Source.RECIPE)
    rig.run(5.0)
    assert rig.pump() == at_ratio  # the belt went faster; the pump is a person's


def test_what_the_procedure_switches_meanwhile_takes_effect_afterwards():
    rig = Rig()
    rig.mode("casting", Mode.MANUAL)
    rig.over.switch("ratio.pump", False, rig.plant.now_ns)
    rig.over.switch("md", True, rig.plant.now_ns)
    assert not rig.loops.md.auto
    rig.mode("casting", Mode.AUTO)
    assert "pump" not in rig.loops.ratio.on
    assert rig.loops.md.auto


def test_back_in_automatic_the_pump_stays_where_the_person_left_it():
    rig = Rig()
    rig.mode("casting", Mode.MANUAL)
    by_hand = 1.05 * rig.pump()
    rig.ask("SIC-110.SP", by_hand, Source.OPERATOR)
    rig.run(3.0)
    rig.mode("casting", Mode.AUTO)
    rig.run(3.0)
    assert rig.pump() == pytest.approx(by_hand, rel=1e-6)
    assert rig.loops.trims.pump == pytest.approx(1.05)
    rig.ask("SIC-210.SP", 1.1, Source.RECIPE)
    rig.run(3.0)
    assert rig.pump() == pytest.approx(1.1 * by_hand, rel=1e-3)  # and follows the belt again


def test_beyond_the_authority_the_loop_returns_to_its_last_trim_at_the_tags_rate():
    rig = Rig()
    at_ratio = rig.pump()
    rig.mode("casting", Mode.MANUAL)
    rig.ask("SIC-110.SP", 0.6 * at_ratio, Source.OPERATOR)
    rig.run(3.0)
    rig.mode("casting", Mode.AUTO)
    before = rig.pump()
    rig.run(0.1)
    assert 0.0 < rig.pump() - before <= 0.2 + 1e-9  # 2 rpm/s
    rig.run(15.0)
    assert rig.pump() == pytest.approx(at_ratio)
