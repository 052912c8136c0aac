"""Solvent load: what exhaust it requires; references and stuck analyzers."""

from __future__ import annotations

import math

import pytest

from controller.cross_limits import CrossLimits
from controller.exhaust import ExhaustRequired
from controller.references import ZoneReferences
from controller.refusals import Source
from controller.solvent import (
    COAT_SHARE,
    DOPE_SHARE,
    Shares,
    coat_solvent_kg_h,
    dope_solvent_kg_h,
    flow_for_nm3_h,
    load_at_kg_h,
    lower_flammable_vol_pct,
    zone_evaporation_kg_h,
)
from controller.stuck import StuckCheck
from drivers.base import Quality
from tests.core_rig import Rig


def test_nominal_load_is_that_of_the_process_specification() -> None:
    dope = dope_solvent_kg_h(27.0, 10.0, 18.0)
    coat = coat_solvent_kg_h(10.1)
    assert dope + coat == pytest.approx(13.7, rel=0.02)  # 7.2: total to recovery
    table = {"B1": 4.7, "B2": 5.3, "B3": 1.7, "T1": 0.8, "T2": 0.5}  # 7.2, 2 m/min
    for zone, evaporated in table.items():
        assert zone_evaporation_kg_h(zone, dope, coat) == pytest.approx(evaporated, abs=0.1)


def test_shares_lose_no_solvent() -> None:
    assert sum(DOPE_SHARE.values()) == pytest.approx(1.0)
    assert sum(COAT_SHARE.values()) == pytest.approx(1.0)


def test_flammable_limit_falls_with_the_highest_set_point() -> None:
    assert lower_flammable_vol_pct(60.0) == 1.8
    assert lower_flammable_vol_pct(160.0) == pytest.approx(1.638)
    assert lower_flammable_vol_pct(500.0) == pytest.approx(0.72)
    flow = flow_for_nm3_h(5.0, 0.25, 160.0)
    assert load_at_kg_h(flow, 0.25, 160.0) == pytest.approx(5.0)


# --- exhaust requirement ---------------------------------------------------------------------


def required(rig: Rig, exhaust: ExhaustRequired, seconds: float = 1.0) -> float:
    for _ in range(round(seconds)):
        snapshot = rig.scan(1.0)
        exhaust.step(snapshot, rig.now, 1.0)
    return rig.snapshot().good("FRQ-201.REQ")


def running(rpm: float, speed: float = 2.0, die: float = 1.0) -> Rig:
    rig = Rig()
    rig.values({"SIC-110.ACT": rpm, "SIC-210.ACT": speed, "XV-110.CMD": die})
    return rig


def test_idle_zones_need_their_table_flow() -> None:
    rig = running(0.0)
    assert required(rig, ExhaustRequired(rig.line, rig.table, 18.0)) == 500.0


def test_a_load_needs_the_flow_that_gives_12_percent() -> None:
    rig = running(27.0)
    flow = required(rig, ExhaustRequired(rig.line, rig.table, 18.0))
    load = zone_evaporation_kg_h("B1", dope_solvent_kg_h(27.0, 10.0, 18.0), 0.0)
    assert flow == pytest.approx(flow_for_nm3_h(load, 0.12, 160.0))
    assert load_at_kg_h(flow, 0.12, 160.0) == pytest.approx(load)


def test_the_table_scales_with_speed_above_2_5() -> None:
    rig = running(0.0, speed=2.5)
    exhaust = ExhaustRequired(rig.line, rig.table, 18.0)
    assert required(rig, exhaust) == 500.0
    rig.values({"SIC-210.ACT": 5.0})
    assert required(rig, exhaust) == 1000.0


def test_a_pump_that_recirculates_is_no_load() -> None:
    rig = running(27.0, die=0.0)
    assert required(rig, ExhaustRequired(rig.line, rig.table, 18.0)) == 500.0


def test_an_unknown_diverter_counts_as_casting() -> None:
    rig = running(27.0)
    rig.values({"XV-110.CMD": 0.0}, Quality.BAD_TIMEOUT)
    assert required(rig, ExhaustRequired(rig.line, rig.table, 18.0)) > 600.0


def test_an_unknown_pump_counts_as_its_set_point_and_the_requirement_stays_good() -> None:
    rig = running(27.0)
    exhaust = ExhaustRequired(rig.line, rig.table, 18.0)
    for rpm in (8.0, 16.0, 24.0):
        rig.wait(10.0)
        rig.poll()
        assert rig.gate.request("SIC-110.SP", rpm, Source.RECIPE, "test", rig.now)
    rig.values({"SIC-110.ACT": math.nan}, Quality.BAD_TIMEOUT)
    load = zone_evaporation_kg_h("B1", dope_solvent_kg_h(24.0, 10.0, 18.0), 0.0)
    assert required(rig, exhaust) == pytest.approx(flow_for_nm3_h(load, 0.12, 160.0))


def test_the_requirement_falls_as_the_film_leaves_not_with_the_pump() -> None:
    rig = running(27.0)
    exhaust = ExhaustRequired(rig.line, rig.table, 18.0)
    full = required(rig, exhaust)
    rig.values({"SIC-110.ACT": 5.0})  # thread flow: the film cast before still fills the zones
    assert required(rig, exhaust, 30.0) == full
    rig.values({"SIC-110.ACT": 0.0})
    assert required(rig, exhaust, 700.0) == full  # 24 m on: its last meters are in T1
    assert required(rig, exhaust, 600.0) == 500.0


def test_a_pump_that_was_trimmed_down_long_ago_leaves_its_film_in_the_zones_all_the_same() -> None:
    """A trim just under the greatest feed used to use up the meters the film needs to leave."""
    rig = running(27.2)
    exhaust = ExhaustRequired(rig.line, rig.table, 18.0)
    required(rig, exhaust)
    rig.values({"SIC-110.ACT": 27.0})
    trimmed = required(rig, exhaust, 1800.0)
    assert trimmed == pytest.approx(
        flow_for_nm3_h(DOPE_SHARE["B1"] * dope_solvent_kg_h(27.0, 10.0, 18.0), 0.12, 160.0),
        rel=1e-3,
    )
    rig.values({"SIC-110.ACT": 0.0})
    assert required(rig, exhaust, 700.0) == pytest.approx(trimmed, rel=1e-3)
    assert required(rig, exhaust, 600.0) == 500.0


def test_film_that_stands_is_dry_after_a_quarter_of_an_hour() -> None:
    rig = running(27.0)
    exhaust = ExhaustRequired(rig.line, rig.table, 18.0)
    full = required(rig, exhaust)
    rig.values({"SIC-110.ACT": 0.0, "SIC-210.ACT": 0.0})
    assert required(rig, exhaust, 890.0) == full
    assert required(rig, exhaust, 600.0) == 500.0


def test_it_is_published_once_a_second() -> None:
    rig = running(0.0)
    exhaust = ExhaustRequired(rig.line, rig.table, 18.0)
    row = rig.table.index("FRQ-201.REQ")
    stamps = []
    for _ in range(30):
        exhaust.step(rig.scan(0.1), rig.now, 0.1)
        stamps.append(int(rig.table.source_ns[row]))
    assert len(set(stamps)) == 3


def test_a_recipe_that_gives_its_coat_off_elsewhere_moves_requirement_and_cross_limit() -> None:
    shares = Shares(DOPE_SHARE, {**COAT_SHARE, "B1": 0.6})
    rig = running(0.0)
    rig.values({"FIC-301A.PV": 30.0, "FIC-301B.PV": 30.0, "FT-201.PV": 60.0})
    rig.poll()
    exhaust = ExhaustRequired(rig.line, rig.table, 18.0)
    exhaust.step(rig.scan(1.0), rig.now, 1.0)
    zone = next(zone for zone in rig.line.zone if zone.name == "B1")
    assert exhaust.required(zone, 2.0) == 500.0  # the table's flow; no coat reaches the belt
    exhaust.shares = Shares(shares.dope, {"B1": 12.0 * 0.6})
    assert exhaust.required(zone, 2.0) == pytest.approx(
        flow_for_nm3_h(7.2 * coat_solvent_kg_h(60.0), 0.12, zone.maximum_c)
    )
    cross = CrossLimits(rig.line, rig.table, 18.0)
    assert cross.check("FIC-301A.SP", 30.5, rig.now) is None
    cross.shares = shares
    refusal = cross.check("FIC-301A.SP", 30.5, rig.now)
    assert refusal is not None
    assert "zone B1" in refusal.detail


# --- over-temperature reference --------------------------------------------------------------


def track(rig: Rig, references: ZoneReferences, pv: float, wsp: float) -> float:
    rig.values({"TIC-501.PV": pv, "TIC-501.WSP": wsp})
    references.step(rig.scan(1.0), rig.now, 1.0)
    return rig.snapshot().good("TIC-501.TRACK")


def test_the_reference_follows_a_lowered_set_point_only_as_the_zone_cools() -> None:
    rig = Rig()
    references = ZoneReferences(rig.line, rig.table)
    assert track(rig, references, 190.0, 200.0) == 200.0
    assert track(rig, references, 199.0, 150.0) == 199.0
    assert track(rig, references, 180.0, 150.0) == 180.0
    assert track(rig, references, 185.0, 150.0) == 180.0  # it heats up again: no excuse
    assert track(rig, references, 140.0, 150.0) == 150.0
    assert track(rig, references, 160.0, 200.0) == 200.0


def test_a_gap_excuses_nothing() -> None:
    rig = Rig()
    references = ZoneReferences(rig.line, rig.table)
    track(rig, references, 150.0, 150.0)
    rig.values({"TIC-501.PV": math.nan}, Quality.BAD_TIMEOUT)
    references.step(rig.scan(1.0), rig.now, 1.0)
    assert rig.snapshot().get("TIC-501.TRACK")[1] == Quality.BAD
    rig.values({"TIC-501.PV": 190.0}, Quality.GOOD)
    references.step(rig.scan(1.0), rig.now, 1.0)
    assert rig.snapshot().good("TIC-501.TRACK") == 150.0


# --- stuck analyzers -------------------------------------------------------------------------


def test_an_analyzer_that_never_moves_is_blind_after_a_minute() -> None:
    rig = Rig()
    stuck = StuckCheck(rig.line, rig.table)
    rig.values({"AT-201.PV": 8.0})
    events = []
    for _ in range(61):
        snapshot = rig.scan(1.0)
        events += stuck.step(snapshot)
    assert [(e.verb, e.tag) for e in events] == [("stuck", "AT-201.PV")]
    assert snapshot.get("AT-201.PV")[1] == Quality.BAD_SENSOR_FAILURE
    assert math.isnan(snapshot.good("AT-201.PV"))
    rig.values({"AT-201.PV": 8.1})
    snapshot = rig.scan(1.0)
    assert [e.verb for e in stuck.step(snapshot)] == ["moves"]
    assert snapshot.good("AT-201.PV") == 8.1


def test_noise_keeps_an_analyzer_alive() -> None:
    rig = Rig()
    stuck = StuckCheck(rig.line, rig.table)
    for k in range(200):
        rig.values({"AT-201.PV": 8.0 + 0.1 * (k % 2)})
        assert stuck.step(rig.scan(1.0)) == []
