"""Which lots a meter is made of, asked of a record that was written by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pytest

from controller.historian.errors import BadQuery, UnknownTag
from controller.historian.identity import Identity
from controller.historian.query import Record
from controller.historian.store import Store
from controller.materials.genealogy import lots_at, meters_of, tracks
from controller.materials.lots import Kind, Sheet
from controller.materials.watch import JOURNAL
from controller.report.lots import lot_rows
from drivers.base import Block, Quality
from tests.fake_line import pilot

NS = 1_000_000_000
T0 = 1_767_225_600 * NS
SPEED = 2.0 / 60.0  # m/s
WASH_S = 600.0 / 4.5  # hold-up over flow, s
CHANGES = {0: "A", 1000: "B", 1100: "C"}  # the third comes while the second is still mixing
LAST_S = 3600
ROLL_FROM_S = 1400
WIND_M = 44.0


def sheet(lot: str) -> Sheet:
    return Sheet(
        lot, Kind.DOPE, "s-BPDA/PPD", 100.0, T0 - 3600 * NS, solvent="DMAc", solids_wt_pct=18.0,
        supplier="works", supplier_lot=f"w-{lot}",
    )  # fmt: skip


def write_fillings(store: Store) -> None:
    """The journal of the lots, as the watch writes it."""
    for number, (second, lot) in enumerate(CHANGES.items(), 1):
        lots = [{"share": 1.0, **sheet(lot).body()}]
        body = {"tank": "DOPE", "charge": number, "loaded": 100.0, "lots": lots}
        store.journal(T0 + second * NS, JOURNAL, json.dumps(body))


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("lots")
    line = pilot()
    store = Store.open(folder, line, Identity("L", "l", "r", "s", simulated=True), T0,
                       ballast_bytes=0)  # fmt: skip
    film = store.attach(Block("film.position", ("film.DIE.S", "film.WIND.S", "film.ROLL_M"), 1.0))
    parts = tuple(f"LOT-DOPE.{p}" for p in ("CHARGE", "SHARE", "LEVEL"))
    lots = store.attach(Block("material", parts, 1.0))
    share, number, level = 1.0, 0, 100.0
    for second in range(LAST_S):
        ns = T0 + second * NS
        if second in CHANGES:
            share, number, level = (0.0 if number else 1.0), number + 1, 100.0
        cast = second * SPEED
        roll = max(0.0, (second - ROLL_FROM_S) * SPEED)
        film.write((cast, max(0.0, cast - WIND_M), roll), Quality.GOOD, ns, ns)
        lots.write((number, 100.0 * share, level), Quality.GOOD, ns, ns)
        share = 1.0 - (1.0 - share) * exp(-1.0 / WASH_S)
        level -= 0.0045
    write_fillings(store)
    store.commit(T0 + LAST_S * NS)
    store.abandon()
    with Record(folder) as found:
        yield found


def meter_cast_at(second: float) -> float:
    """Roll meter of the film that was under the die at a second."""
    return second * SPEED - (ROLL_FROM_S * SPEED - WIND_M)


def shares(record: Record, second: float) -> dict[str, float]:
    return {part.lot: part.share for part in lots_at(record, meter_cast_at(second))}


def test_before_a_change_a_meter_is_of_one_lot(record: Record) -> None:
    (part,) = lots_at(record, meter_cast_at(990.0))
    assert (part.tank, part.lot, part.mixed) == ("DOPE", "A", False)
    assert part.age_s == pytest.approx(3600.0 + 990.0, abs=1.0)


@pytest.mark.parametrize("after_s", [10.0, 50.0, 90.0])
def test_in_the_mixing_zone_the_shares_follow_the_hold_up(record: Record, after_s: float) -> None:
    found = shares(record, 1000.0 + after_s)
    left = exp(-after_s / WASH_S)
    assert found == pytest.approx({"A": left, "B": 1.0 - left}, abs=0.01)


def test_a_second_change_dilutes_the_mixture_that_was_there(record: Record) -> None:
    before = exp(-100.0 / WASH_S)
    left = exp(-200.0 / WASH_S)
    found = shares(record, 1300.0)
    wanted = {"A": left * before, "B": left * (1.0 - before), "C": 1.0 - left}
    assert found == pytest.approx(wanted, abs=0.01)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-6)


def test_from_a_lot_to_its_meters_and_back(record: Record) -> None:
    stretches = meters_of(record, "B")
    assert stretches[0].from_m == pytest.approx(meter_cast_at(1000.0), abs=0.3)
    peak = max(s.high for s in stretches)
    assert peak == pytest.approx(1.0 - exp(-100.0 / WASH_S), abs=0.01)
    assert all(s.high < 0.98 for s in stretches)  # never whole: the next change came too soon
    whole = [s for s in meters_of(record, "C") if s.low >= 0.98]
    assert whole[0].from_m == pytest.approx(meter_cast_at(1100.0 + 3.9 * WASH_S), abs=0.3)
    for meter in (stretches[0].from_m + 0.5, stretches[-1].to_m - 0.2):
        assert "B" in {part.lot for part in lots_at(record, meter)}


def test_film_made_before_the_record_began_is_not_claimed(record: Record) -> None:
    (track,) = tracks(record)
    meters = np.array([0.0, 1.0])
    position = record.position()
    late = replace(track, ns=track.ns[900:], shares=track.shares[900:])
    shares_then, _ = late.at_meters(meters, position)
    assert np.isnan(shares_then).all()
    assert np.isfinite(late.at_meters(np.array([meter_cast_at(950.0)]), position)[0]).all()


def test_what_was_drawn_is_told_of_each_lot(record: Record) -> None:
    (track,) = tracks(record)
    drawn = track.drawn()
    assert drawn["A"] == pytest.approx(999 * 0.0045, abs=0.02)
    assert drawn["B"] == pytest.approx(99 * 0.0045, abs=0.02)


def test_the_report_names_lot_supplier_meters_and_age(record: Record) -> None:
    rows = lot_rows(record)
    assert list(rows) == ["tank DOPE, lot A", "tank DOPE, lot B", "tank DOPE, lot C"]
    assert "works w-A" in rows["tank DOPE, lot A"]
    assert "roll 0.0 to" in rows["tank DOPE, lot A"]
    assert "(mixed, " in rows["tank DOPE, lot B"]


def test_what_is_not_there_is_a_message(record: Record) -> None:
    with pytest.raises(UnknownTag, match="no lot Z; lots in it: A, B, C"):
        meters_of(record, "Z")
    with pytest.raises(BadQuery, match="the roll has"):
        lots_at(record, 1000.0)
