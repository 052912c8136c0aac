"""Lots while the line runs: what may not be used holds, and each meter knows what it is made of."""

from __future__ import annotations

from math import exp, nan

import numpy as np
import pytest

from config.models import PhaseUse, Role, UnitProcedure
from controller.conditions import compile_condition
from controller.events import Actor
from controller.historian.query import Record
from controller.materials.genealogy import lots_at, meters_of
from controller.materials.lots import HOUR_NS, Kind, Sheet
from controller.procedure.journal import MemoryJournal
from controller.procedure.phases.operating import ResumeCoating
from controller.procedure.phases.registry import PHASES
from controller.procedure.runner import Doors, Runner
from controller.procedure.states import Command, State
from simulators.operator import person
from simulators.take_over import know_purged, take_over
from tests.dry_rig import EPOCH_NS, DryRig, files
from tests.fake_line import FakeLine, core25

NS = 1_000_000_000
OPERATOR = Actor("kim", Role.OPERATOR)


class Running(DryRig):
    """The line in production, taken over at 2 s, with lots as the test likes them."""

    def __init__(self, folder) -> None:
        super().__init__(folder, start="running", start_at_s=None)
        know_purged(self.kernel, EPOCH_NS)
        self.at(2.0, lambda: take_over(self.kernel, files()[2], self.kernel.clock.utc_ns()))
        self.at(2.5, self.restart)

    def lot(self, sheet: Sheet, tank: str) -> None:
        """Another lot goes into a tank now, as a person at the floor would do it."""
        now = EPOCH_NS + round(self.now_s * NS)
        line, materials, _ = files()
        self.book.receive(sheet, materials, sheet.made_ns, "kim")
        self.book.load(line, sheet.lot, tank, now, "kim", onto="swap")

    def tripped(self) -> set[str]:
        return {e.tag for e in self.heard if e.verb == "trip"}


@pytest.fixture
def rig(tmp_path):
    with Running(tmp_path) as found:
        found.heard = []
        found.kernel.listen(lambda output: found.heard.extend(output.events))
        yield found


def dope(name: str, **changes) -> Sheet:
    values = {"solids_wt_pct": 18.0, "solvent": "DMAc"} | changes
    return Sheet(name, Kind.DOPE, "s-BPDA/PPD", 100.0, EPOCH_NS, **values)


def liquid(name: str, made_ns: int) -> Sheet:
    return Sheet(
        name, Kind.COATING, "a-BPDA/PPD", 10.0, made_ns, solvent="DMAc", solids_wt_pct=4.0,
        agent="N-phenyl-g-aminopropyltriethoxysilane", agent_wt_pct=2.0, pot_life_h=24.0,
    )  # fmt: skip


def test_a_line_with_its_lots_in_order_is_not_held_by_them(rig) -> None:
    rig.run(120.0)
    assert rig.kernel.runner.state is State.RUNNING
    assert not {name for name in rig.tripped() if name.startswith("MAT-")}
    assert rig.kernel.tanks.level("DOPE") == pytest.approx(237.0 - 0.27 * 2.0, abs=0.03)


def test_a_dope_that_expires_in_the_run_warns_before_and_holds_at_that_second(rig) -> None:
    expires_s = 200.0
    sheet = dope("A-9", expires_ns=EPOCH_NS + round(expires_s * NS))
    rig.at(10.0, lambda: rig.lot(sheet, "DOPE"))
    rig.run(expires_s - 1.0)
    warned = [e for e in rig.heard if e.source == "alarm" and e.tag.startswith("LOT-DOPE.SPARE")]
    assert warned
    assert rig.kernel.runner.state is State.RUNNING
    rig.run(10.0)
    assert "MAT-DOPE" in rig.tripped()
    assert rig.kernel.runner.state in {State.HOLDING, State.HELD}
    assert rig.plant.act.pump_rpm > 10.0  # a hold does not advance; it does not stop the web
    rig.lot(dope("A-10"), "DOPE")
    rig.run(10.0)
    now, who = rig.kernel.clock.utc_ns(), person(Role.OPERATOR)
    assert rig.kernel.interlocks.reset("MAT-DOPE", who, "new lot loaded", now).accepted
    rig.run(1.0)
    rig.restart()
    rig.run(10.0)
    assert rig.kernel.runner.state is State.RUNNING


def test_a_coating_liquid_that_passes_its_pot_life_holds_the_run(rig) -> None:
    made = EPOCH_NS + round(60.0 * NS) - 24 * HOUR_NS
    rig.at(10.0, lambda: rig.lot(liquid("B-9", made), "COAT_A"))
    rig.run(58.0)
    assert "MAT-COAT-A" not in rig.tripped()
    rig.run(20.0)
    assert "MAT-COAT-A" in rig.tripped()
    assert "MAT-COAT-B" not in rig.tripped()
    assert rig.kernel.runner.state in {State.HOLDING, State.HELD}


@pytest.mark.timeout(400)
def test_each_meter_knows_its_liquid_across_a_change_within_the_mixing_zone(rig, tmp_path) -> None:
    """The roll begins at once on a line full of film; a new liquid is loaded at 20 s."""
    made = EPOCH_NS - 3 * HOUR_NS
    change_s, label = 20.0, {}
    rig.at(5.0, lambda: rig.kernel.rolls.switch("film.collect", True, EPOCH_NS + 5 * NS))
    rig.at(change_s, lambda: rig.lot(liquid("B-9", made), "COAT_A"))
    rig.at(change_s, lambda: label.update(change=rig.kernel.film.label("COAT_A")))
    rig.run(960.0)
    rig.kernel.store.commit(EPOCH_NS + round(rig.now_s * NS))
    speed, flow = rig.plant.act.rails / 60.0, rig.plant.act.coat_flow[0] / 60.0
    with Record(tmp_path) as record:
        change_m = float(record.position().meter_of(np.array([label["change"]]))[0])
        parts = {
            offset: {p.lot: p for p in lots_at(record, change_m + offset) if p.tank != "DOPE"}
            for offset in (-0.4, 0.5, 1.0, 2.0)
        }
        old, new = meters_of(record, "B-2601"), meters_of(record, "B-9")
    assert list(parts[-0.4]) == ["B-2601"]
    assert not parts[-0.4]["B-2601"].mixed
    for offset in (0.5, 1.0, 2.0):
        washed = 1.0 - exp(-offset / speed * flow / 30.0)
        assert parts[offset]["B-9"].share == pytest.approx(washed, abs=0.04)
        assert parts[offset]["B-9"].mixed
        assert parts[offset]["B-9"].age_s == pytest.approx(
            3 * 3600.0 + change_s + offset / speed, abs=5.0
        )
        total = sum(part.share for part in parts[offset].values())
        assert total == pytest.approx(1.0, abs=1e-6)
    assert old[0].low > 0.98
    # film coated before the record began is on the roll too; nothing is claimed of it
    assert old[0].from_m == pytest.approx(change_m - change_s * speed, abs=0.3)
    assert new[0].from_m == pytest.approx(change_m, abs=0.3)
    assert {stretch.tank for stretch in (*old, *new)} == {"COAT_A"}


# --- permissives of the phases -----------------------------------------------------------------


class NoLoops:
    def switch(self, name, on, now_ns): ...


_PHASES = PHASES | {ResumeCoating.use: ResumeCoating}


class Waiting:
    """A runner before one step of a phase, on a fake line whose lots are set by hand."""

    def __init__(self, use: str, step: str, **ready: float) -> None:
        self.plant = FakeLine()
        for k, tank in enumerate(self.plant.line.tank):
            self.plant.lots_ok[k] = ready.get(tank.name, 1.0)
        self.puts: list[tuple[str, float]] = []
        table = self.plant.table
        recipe = core25().model_copy(
            update={"unit": (UnitProcedure(name="u", phase=(PhaseUse(use=use),)),)}
        )

        def put(tag, value, reason, now_ns):
            self.puts.append((tag, value))
            table.request[table.index(tag)] = value
            return []

        self.runner = Runner(
            self.plant.line, recipe, table, Doors(put, put, NoLoops()), MemoryJournal(), _PHASES,
            lambda c: compile_condition(c, table),
        )  # fmt: skip
        self.scan(2)
        self.runner.resume_at("u", use, step)
        assert self.runner.command(Command.START, "test", OPERATOR) == ""

    def scan(self, count: int) -> None:
        for _ in range(count):
            self.runner.step(self.plant.step(1.0), self.plant.now_ns, 1.0)


PERMISSIVES = [
    ("recirculate_dope", "valves", "DOPE"),
    ("cast", "lock_pump", "DOPE"),
    ("start_coating", "feed", "COAT_A"),
    ("resume_coating", "feed", "COAT_A"),
    ("thread_leader", "drives", "LEADER"),
    ("collect", "begin", "CORE"),
]


@pytest.mark.parametrize(("use", "step", "tank"), PERMISSIVES)
def test_a_phase_does_not_begin_on_a_lot_that_may_not_be_used(use, step, tank) -> None:
    waiting = Waiting(use, step, **{tank: 0.0})
    waiting.scan(60)
    assert waiting.puts == []
    (text,) = [w.text for w in waiting.runner.waiting_for()]
    assert text.startswith(f"tank {tank}: ")
    assert "filmline lot load" in text
    waiting.plant.lots_ok = [1.0] * len(waiting.plant.lots_ok)
    waiting.scan(5)
    assert waiting.puts


@pytest.mark.parametrize(("use", "step", "tank"), PERMISSIVES)
def test_a_lot_nobody_knows_of_is_not_ready(use, step, tank) -> None:
    waiting = Waiting(use, step, **{tank: nan})
    waiting.scan(30)
    assert waiting.puts == []


def test_coating_one_side_does_not_ask_for_the_other_tank() -> None:
    waiting = Waiting("start_coating", "feed", COAT_B=0.0)
    waiting.scan(10)
    assert waiting.puts
