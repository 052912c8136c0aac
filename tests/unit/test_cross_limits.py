"""Cross limit IL5: no more solvent than the measured exhaust of every zone carries."""

from __future__ import annotations

import math

import pytest

from controller.cross_limits import CrossLimits
from controller.refusals import Cause, Source
from controller.solvent import (
    COAT_SHARE,
    DOPE_SHARE,
    Shares,
    coat_solvent_kg_h,
    dope_solvent_kg_h,
    load_at_kg_h,
    zone_evaporation_kg_h,
)
from drivers.base import Quality
from tests.core_rig import Rig

PUMP, HEAD_A, HEAD_B = "SIC-110.SP", "FIC-301A.SP", "FIC-301B.SP"


def limits(rig: Rig) -> CrossLimits:
    return CrossLimits(rig.line, rig.table, 18.0)


def test_the_pump_may_run_as_fast_as_the_measured_exhaust_carries() -> None:
    rig = Rig()
    cross = limits(rig)
    carried = load_at_kg_h(500.0, 0.25, 160.0)
    per_rpm = zone_evaporation_kg_h("B1", dope_solvent_kg_h(1.0, 10.0, 18.0), 0.0)
    edge = carried / per_rpm
    assert cross.check(PUMP, edge - 0.01, rig.now) is None
    refusal = cross.check(PUMP, edge + 0.01, rig.now)
    assert refusal is not None
    assert refusal.cause is Cause.CROSS_LIMIT
    assert refusal.limit == pytest.approx(carried)
    assert "zone B1" in refusal.detail


def test_half_the_exhaust_carries_half_the_load() -> None:
    rig = Rig()
    rig.values({"FT-201.PV": 250.0})
    rig.poll()
    refusal = limits(rig).check(PUMP, 27.0, rig.now)
    assert refusal is not None


def test_without_a_good_exhaust_flow_nothing_may_be_fed_but_less_may() -> None:
    rig = Rig()
    rig.values({"FT-201.PV": 500.0}, Quality.BAD_TIMEOUT)
    rig.poll()
    cross = limits(rig)
    refusal = cross.check(PUMP, 1.0, rig.now)
    assert refusal is not None
    assert "FT-201.PV of zone B1 is not GOOD" in refusal.detail
    rig.table.request[rig.table.index(PUMP)] = 20.0
    assert cross.check(PUMP, 10.0, rig.now) is None


def test_starting_and_diverting_to_the_die_are_judged_at_the_pump_set_point() -> None:
    rig = Rig()
    rig.table.request[rig.table.index(PUMP)] = 27.0
    rig.values({"FT-201.PV": 100.0})
    rig.poll()
    cross = limits(rig)
    assert cross.check("SIC-110.RUN", 1.0, rig.now) is not None
    assert cross.check("XV-110.CMD", 1.0, rig.now) is not None
    assert cross.check("XV-110.CMD", 0.0, rig.now) is None
    assert cross.check("SIC-210.SP", 5.0, rig.now) is None


def test_the_coat_counts_in_the_oven() -> None:
    rig = Rig()
    rig.values({"FT-501.PV": 5.0})
    rig.poll()
    refusal = limits(rig).check(HEAD_A, 60.0, rig.now)
    assert refusal is not None
    assert "zone T1" in refusal.detail


def test_the_gate_refuses_it_and_raising_the_exhaust_helps() -> None:
    rig = Rig()
    rig.values({"FT-201.PV": 20.0})
    rig.poll()
    decision = rig.gate.request(PUMP, 10.0, Source.RECIPE, "cast", rig.now)
    assert [r.cause for r in decision.reasons] == [Cause.CROSS_LIMIT]
    rig.values({"FT-201.PV": 500.0})
    rig.poll()
    assert rig.gate.request(PUMP, 10.0, Source.RECIPE, "cast", rig.now)


# --- what counts -----------------------------------------------------------------------------


def with_flows(belt: float, oven: float, **live: float) -> Rig:
    """Exhaust flows of zones B1 and T1, and what outputs show."""
    rig = Rig()
    shown = {PUMP: live.get("pump", 0.0), HEAD_B: live.get("head_b", 0.0)}
    rig.values({"FT-201.PV": belt, "FT-501.PV": oven, **shown})
    rig.poll()
    return rig


def passes(rig: Rig, tag: str, value: float) -> bool:
    return limits(rig).check(tag, value, rig.now) is None


@pytest.mark.parametrize("flow", [20.0, 250.0])
def test_the_edge_moves_with_the_exhaust_down_to_a_trickle(flow: float) -> None:
    rig = with_flows(flow, 150.0)
    per_rpm = zone_evaporation_kg_h("B1", dope_solvent_kg_h(1.0, 10.0, 18.0), 0.0)
    edge = load_at_kg_h(flow, 0.25, 160.0) / per_rpm
    assert passes(rig, PUMP, edge - 0.01)
    assert not passes(rig, PUMP, edge + 0.01)


@pytest.mark.parametrize("other", [0.0, 4.0])
def test_both_heads_count_each_with_its_own(other: float) -> None:
    """The pump stands; what a head is asked is not taken for speed of the pump."""
    rig = with_flows(1.0, 20.0, head_b=other)
    carried = load_at_kg_h(20.0, 0.25, 200.0)
    edge = carried / zone_evaporation_kg_h("T1", 0.0, coat_solvent_kg_h(1.0)) - other
    assert passes(rig, HEAD_A, edge - 0.01)
    assert not passes(rig, HEAD_A, edge + 0.01)


def test_pump_and_heads_count_together() -> None:
    rig = with_flows(500.0, 2.0, pump=1.0)
    dope = dope_solvent_kg_h(1.0, 10.0, 18.0)
    carried = load_at_kg_h(2.0, 0.25, 200.0) - zone_evaporation_kg_h("T1", dope, 0.0)
    edge = carried / zone_evaporation_kg_h("T1", 0.0, coat_solvent_kg_h(1.0))
    assert passes(rig, HEAD_A, edge - 0.01)
    assert not passes(rig, HEAD_A, edge + 0.01)


def test_a_zone_that_gets_nothing_of_it_needs_no_exhaust() -> None:
    """The coat comes after the belt."""
    rig = with_flows(500.0, 150.0)
    rig.values({"FT-201.PV": math.nan}, Quality.BAD_TIMEOUT)
    rig.poll()
    assert passes(rig, HEAD_A, 5.0)
    assert not passes(rig, PUMP, 5.0)


@pytest.mark.parametrize(("request_rpm", "present"), [(math.nan, 10.0), (20.0, 20.0)])
def test_more_is_more_than_what_was_asked_last_else_than_what_runs(request_rpm, present) -> None:
    """Ten rpm run. With no exhaust known any more is refused, and the same is not."""
    rig = with_flows(math.nan, 150.0, pump=10.0)
    rig.values({"FT-201.PV": math.nan}, Quality.BAD_TIMEOUT)
    rig.poll()
    rig.table.request[rig.table.index(PUMP)] = request_rpm
    assert passes(rig, PUMP, present)
    assert not passes(rig, PUMP, present + 0.1)


def test_what_nobody_asked_and_nobody_sees_counts_as_nothing() -> None:
    rig = with_flows(500.0, 2.0, head_b=math.nan)
    rig.values({PUMP: math.nan}, Quality.BAD_TIMEOUT)
    rig.poll()
    edge = load_at_kg_h(2.0, 0.25, 200.0) / zone_evaporation_kg_h("T1", 0.0, coat_solvent_kg_h(1.0))
    assert passes(rig, HEAD_A, edge - 0.01)
    rig.values({"FT-201.PV": math.nan}, Quality.BAD_TIMEOUT)
    rig.poll()
    assert not passes(rig, PUMP, 0.5), "any speed is more"


def test_a_refusal_has_the_load_by_the_shares_of_the_recipe() -> None:
    rig = with_flows(20.0, 150.0)
    cross = limits(rig)
    cross.shares = Shares({**DOPE_SHARE, "B1": 0.9}, COAT_SHARE)
    dope = dope_solvent_kg_h(5.0, 10.0, 18.0)
    refusal = cross.check(PUMP, 5.0, rig.now)
    assert refusal is not None
    assert (refusal.tag, refusal.cause) == (PUMP, Cause.CROSS_LIMIT)
    assert refusal.value == pytest.approx(0.9 * dope)
    assert refusal.limit == pytest.approx(load_at_kg_h(20.0, 0.25, 160.0))
    edge = load_at_kg_h(20.0, 0.25, 160.0) / (0.9 * dope_solvent_kg_h(1.0, 10.0, 18.0))
    assert cross.check(PUMP, edge - 0.01, rig.now) is None
    assert cross.check(PUMP, edge + 0.01, rig.now) is not None
