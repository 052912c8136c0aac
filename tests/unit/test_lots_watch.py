"""The tanks as the scan sees them: levels, permissives, warnings, and their way to the book."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from math import exp, nan
from pathlib import Path

import pytest

from controller.events import Event
from controller.materials.book import Book
from controller.materials.contents import Contents
from controller.materials.errors import BookFailed
from controller.materials.forecast import needed_s
from controller.materials.keeper import BookKeeper
from controller.materials.lots import HOUR_NS, Charge, Kind, Sheet
from controller.materials.simulated import make_simulated
from controller.materials.watch import TankWatch
from controller.procedure.tanks import TankFault
from controller.scan import ScanOutput
from controller.tags import Snapshot
from drivers.base import Quality
from tests.fake_line import START_NS, FakeLine, core25, materials, pilot

NS = 1_000_000_000
DOPE = next(tank for tank in pilot().tank if tank.name == "DOPE")


class Plant(FakeLine):
    """The fake line without lots of its own, casting at a set pump speed."""

    lots = False

    def __init__(self) -> None:
        super().__init__()
        self.stuck.update({"XV-110.CMD": 1.0, "SIC-110.ACT": 27.0})


class Rig:
    def __init__(self, folder: Path, book: Book | None = None) -> None:
        self.plant = Plant()
        self.book = book or make_simulated(
            folder / "lots.sqlite", pilot(), core25(), materials(), START_NS
        )
        self.notes: list[tuple[int, str, str]] = []
        self.watch = TankWatch(
            pilot(), self.plant.table, core25(), materials(), self.book.floor(), "run", self.note
        )
        self.keeper = BookKeeper(self.book, self.watch, "run")
        self.events: list[Event] = []

    def note(self, ns: int, subject: str, text: str) -> None:
        self.notes.append((ns, subject, text))

    def scan(self, seconds: int, dt: float = 1.0) -> Snapshot:
        for _ in range(round(seconds / dt)):
            snapshot = self.plant.step(dt)
            self.events += self.watch.step(snapshot, self.plant.now_ns, dt)
        return self.plant.table.snapshot(self.plant.now_ns)

    def value(self, tag: str) -> float:
        return self.plant.table.snapshot(self.plant.now_ns).good(tag)


@pytest.fixture
def rig(tmp_path: Path):
    found = Rig(tmp_path)
    yield found
    found.book.close()


def words(rig: Rig, verb: str) -> list[str]:
    return [f"{event.tag} {event.new} {event.cause}" for event in rig.events if event.verb == verb]


def test_the_level_falls_by_the_integrated_flow_with_a_growing_uncertainty(rig: Rig) -> None:
    rig.scan(1)
    start, sigma = rig.value("LOT-DOPE.LEVEL"), rig.value("LOT-DOPE.SIGMA")
    rig.scan(3600)
    rho = 1.0 / (0.18 / 1400.0 + 0.82 / 937.0) * 1e-6
    drawn = start - rig.value("LOT-DOPE.LEVEL")
    assert drawn == pytest.approx(27.0 * 10.0 * 60.0 * rho, rel=1e-3)
    assert rig.value("LOT-DOPE.SIGMA") - sigma == pytest.approx(
        (0.474**2 + (0.015 * drawn) ** 2) ** 0.5 - 0.474, abs=0.005
    )


def test_a_recirculating_pump_draws_nothing(rig: Rig) -> None:
    rig.plant.stuck["XV-110.CMD"] = 0.0
    rig.scan(1)
    start = rig.value("LOT-DOPE.LEVEL")
    rig.scan(600)
    assert rig.value("LOT-DOPE.LEVEL") == start


def test_a_flow_that_is_not_good_goes_on_as_it_was_and_is_doubted(rig: Rig) -> None:
    rig.scan(60)
    level = rig.value("LOT-DOPE.LEVEL")
    rig.plant.bad.add("SIC-110.ACT")
    snapshot = rig.scan(60)
    value, quality = snapshot.get("LOT-DOPE.LEVEL")
    assert value == pytest.approx(level - 0.269, abs=0.01)
    assert quality == Quality.UNCERTAIN_SUBNORMAL
    assert snapshot.good("LOT-DOPE.SIGMA") > 0.5


def test_without_a_book_no_tank_is_ready(tmp_path: Path) -> None:
    plant = Plant()
    watch = TankWatch(pilot(), plant.table, core25(), materials(), None, "run", lambda *_: None)
    watch.step(plant.step(1.0), plant.now_ns, 1.0)
    snapshot = plant.table.snapshot(plant.now_ns)
    for tank in pilot().tank:
        assert snapshot.good(f"LOT-{tank.name}.OK") == 0.0
        assert snapshot.good(f"LOT-{tank.name}.CODE") == TankFault.NO_BOOK
    _ = tmp_path


def load(rig: Rig, sheet: Sheet, tank: str, onto: str = "swap") -> None:
    now = rig.plant.now_ns
    rig.book.receive(sheet, materials(), now, "kim")
    rig.book.load(pilot(), sheet.lot, tank, now, "kim", onto=onto)
    rig.keeper.exchange(now)


def dope(name: str, now: int, **changes) -> Sheet:
    values = {"solids_wt_pct": 18.0, "solvent": "DMAc"} | changes
    return Sheet(name, Kind.DOPE, "s-BPDA/PPD", 100.0, now, **values)


def liquid(name: str, made_ns: int) -> Sheet:
    return Sheet(
        name, Kind.COATING, "a-BPDA/PPD", 10.0, made_ns, solvent="DMAc", solids_wt_pct=4.0,
        agent="N-phenyl-g-aminopropyltriethoxysilane", agent_wt_pct=2.0, pot_life_h=24.0,
    )  # fmt: skip


def test_a_dope_of_other_solids_is_not_what_the_recipe_wants(rig: Rig) -> None:
    rig.scan(2)
    assert rig.value("LOT-DOPE.OK") == 1.0
    load(rig, dope("A-9", rig.plant.now_ns, solids_wt_pct=16.9), "DOPE")
    rig.scan(2)
    assert rig.value("LOT-DOPE.OK") == 0.0
    assert rig.value("LOT-DOPE.CODE") == TankFault.WRONG
    assert "16.9 wt% solids; the recipe wants 18" in words(rig, "tank")[-1]


def test_an_expiry_in_the_run_turns_the_tank_off_at_that_second(rig: Rig) -> None:
    rig.scan(1)
    expires = rig.plant.now_ns + 100 * NS
    load(rig, dope("A-9", rig.plant.now_ns, expires_ns=expires), "DOPE")
    rig.scan(99)
    assert rig.value("LOT-DOPE.OK") == 1.0
    assert rig.value("LOT-DOPE.LIFE") == pytest.approx(1.0)
    rig.scan(1)
    assert rig.value("LOT-DOPE.CODE") == TankFault.EXPIRED


def test_the_pot_life_counts_from_mixing_and_the_age_is_told(rig: Rig) -> None:
    rig.scan(1)
    load(rig, liquid("B-9", rig.plant.now_ns - 24 * HOUR_NS + 30 * NS), "COAT_A")
    rig.scan(2)
    assert rig.value("LOT-COAT_A.AGE") == pytest.approx(86400.0 - 28.0)
    rig.scan(28)
    assert rig.value("LOT-COAT_A.CODE") == TankFault.POT_LIFE
    assert rig.value("LOT-COAT_B.OK") == 1.0


def test_an_empty_tank_is_not_ready(rig: Rig) -> None:
    rig.scan(1)
    small = Sheet("A-9", Kind.DOPE, "s-BPDA/PPD", 2.2, rig.plant.now_ns, solvent="DMAc",
                  solids_wt_pct=18.0)  # fmt: skip
    load(rig, small, "DOPE")
    rig.scan(30)
    assert rig.value("LOT-DOPE.OK") == 1.0
    rig.scan(30)
    assert rig.value("LOT-DOPE.CODE") == TankFault.EMPTY


def test_spare_falls_below_zero_when_the_roll_outruns_supply_or_life(rig: Rig) -> None:
    rig.scan(1)
    assert rig.value("LOT-DOPE.SPARE") > 10 * 3600.0
    need = needed_s(pilot(), core25(), 0.0, 0.0)
    load(rig, liquid("B-9", rig.plant.now_ns - 20 * HOUR_NS), "COAT_A")
    rig.scan(1)
    assert rig.value("LOT-COAT_A.SPARE") == pytest.approx(4 * 3600.0 - need, abs=5.0)
    small = Sheet("A-9", Kind.DOPE, "s-BPDA/PPD", 12.0, rig.plant.now_ns, solvent="DMAc",
                  solids_wt_pct=18.0)  # fmt: skip
    load(rig, small, "DOPE")
    rig.scan(1)
    assert rig.value("LOT-DOPE.SPARE") < 0.0  # 10 kg last 37 min, the run takes hours
    alarm = next(tag.alarm for tag in pilot().calculated if tag.name == "LOT-DOPE.SPARE")
    assert alarm.low == 0.0


def test_nothing_is_predicted_for_a_side_the_recipe_does_not_coat(rig: Rig) -> None:
    snapshot = rig.scan(1)
    assert snapshot.get("LOT-COAT_B.SPARE")[1] == Quality.UNCERTAIN_SUBNORMAL


def test_the_need_shrinks_as_the_roll_grows() -> None:
    line, recipe = pilot(), core25()
    cold, cast = needed_s(line, recipe, 0.0, 0.0), needed_s(line, recipe, 20.0, 0.0)
    assert cold > cast > needed_s(line, recipe, 90.0, 40.0) == pytest.approx(60.0 / 2.0 * 60.0)


def test_consumption_is_booked_every_two_minutes_and_at_the_end(rig: Rig) -> None:
    for _ in range(130):
        rig.scan(1)
        rig.keeper.exchange(rig.plant.now_ns)
    drawn = [e for e in rig.book.entries() if e.verb == "draw"]
    assert [e.subject for e in drawn] == ["DOPE"]
    assert drawn[0].body["total"] == pytest.approx(0.269 * 2.0, abs=0.01)
    level = rig.value("LOT-DOPE.LEVEL")
    rig.keeper.finish(rig.plant.now_ns)
    with Book.open(rig.book.path) as book:
        assert book.floor().tanks["DOPE"].left == pytest.approx(level, abs=1e-3)


def test_the_level_does_not_jump_when_consumption_is_booked(rig: Rig) -> None:
    levels = []
    for _ in range(300):
        rig.scan(1)
        rig.keeper.exchange(rig.plant.now_ns)
        levels.append(rig.value("LOT-DOPE.LEVEL"))
    steps = {round(b - a, 3) for a, b in pairwise(levels)}
    assert steps <= {-0.004, -0.005}


def test_a_book_that_cannot_be_written_is_told_and_nothing_is_lost(rig: Rig, monkeypatch) -> None:
    rig.scan(125)
    draw = Book.draw

    def broken(*_args, **_kwargs):
        raise BookFailed("lots.sqlite: disk I/O error")

    monkeypatch.setattr(Book, "draw", broken)
    rig.keeper.exchange(rig.plant.now_ns)
    rig.scan(2)
    assert "disk I/O error" in words(rig, "book")[0]
    assert rig.value("LOT-DOPE.OK") == 1.0
    monkeypatch.setattr(Book, "draw", draw)
    rig.keeper.exchange(rig.plant.now_ns)
    assert [e.subject for e in rig.book.entries() if e.verb == "draw"] == ["DOPE"]


async def test_beside_a_live_scan_a_thread_reads_what_others_wrote(rig: Rig) -> None:
    rig.scan(125)

    class Clock:
        def utc_ns(self) -> int:
            return rig.plant.now_ns

        def monotonic(self) -> float:
            return 0.0

    task = asyncio.create_task(rig.keeper.run(Clock(), 0.0))
    with Book.open(rig.book.path) as other:
        other.receive(dope("A-9", rig.plant.now_ns), materials(), rig.plant.now_ns, "kim")
        other.load(pilot(), "A-9", "DOPE", rig.plant.now_ns, "kim", onto="swap")
        number = other.floor().tanks["DOPE"].number
        for _ in range(10_000):
            await asyncio.sleep(0)
            rig.scan(1)
            if rig.value("LOT-DOPE.CHARGE") == number:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        rig.keeper.exchange(rig.plant.now_ns)
        assert rig.value("LOT-DOPE.CHARGE") == number
        assert [e.subject for e in other.entries() if e.verb == "draw"][:1] == ["DOPE"]


def test_leader_and_core_are_taken_once_each(rig: Rig) -> None:
    rig.scan(1)
    before = rig.value("LOT-LEADER.LEVEL"), rig.value("LOT-CORE.LEVEL")

    def hear(*tags: str) -> None:
        events = [Event(0, "procedure", "switch", tag, None, "on", "") for tag in tags]
        rig.watch.hear(ScanOutput(tuple(events), None, None))

    hear("film.leader")
    hear("film.collect")
    hear("film.collect")  # the held phase goes on
    hear("roll.change")
    rig.scan(1)
    after = rig.value("LOT-LEADER.LEVEL"), rig.value("LOT-CORE.LEVEL")
    assert after == (before[0] - 35.0, before[1] - 2.0)
    assert len(words(rig, "take")) == 3


# --- hold-up -------------------------------------------------------------------------------------


def charge(number: int, lot: str) -> Charge:
    return Charge(number, "DOPE", ((lot, 100.0),), 0)


def test_the_new_filling_reaches_the_film_as_the_hold_up_is_washed_out() -> None:
    contents = Contents(DOPE, "run")
    contents.change(charge(1, "A"), 1e-3)
    contents.flow(27.0, on=True, film=True, dt=1.0)
    assert contents.share == 1.0
    contents.change(charge(2, "B"), 1e-3)
    assert contents.share == 0.0
    for _ in range(133):  # 600 cm3 at 270 cm3/min
        contents.flow(27.0, on=True, film=True, dt=1.0)
    assert contents.share == pytest.approx(1.0 - exp(-133 * 4.5 / 600.0))
    contents.flow(27.0, on=False, film=False, dt=1000.0)
    assert contents.share < 0.64


def test_nothing_is_drawn_from_an_empty_place() -> None:
    contents = Contents(DOPE, "run")
    contents.flow(27.0, on=True, film=True, dt=10.0)
    contents.flow(nan, on=True, film=True, dt=10.0)
    assert (contents.drawn, contents.started) == (0.0, False)
