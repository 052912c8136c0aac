"""When a meter counts as good: measured, estimated, unseen; the first reason is told."""

import numpy as np
import pytest

from config.models import Side
from controller.film.meters import MeterValues, Passes, judge, scan_meters, two_sigma_pct
from tests.fake_line import belt_side_only, core25, shipped

LANES = 11
SPEED = 2.0 / 60.0


def passes(count=300, cycle_s=12.0, um=25.3, skip=()):
    ends = SPEED * cycle_s * (np.arange(count) + 1)
    keep = np.array([number not in skip for number in range(count)])
    rows = np.full((count, LANES), um)
    return Passes(
        (ends - SPEED * cycle_s)[keep], ends[keep], np.full(count, cycle_s)[keep], rows[keep]
    )


def meters(length=100):
    return np.arange(0.5, length)


def scanned(found, length=100):
    m = meters(length)
    return scan_meters(m, found, np.full(m.shape, SPEED))


def values(length=100, **changed):
    def fill(value):
        return np.full(length, value)

    known = {
        "core_um": fill(25.0),
        "cd_2sigma_pct": fill(0.5),
        "layer_um": {Side.AIR: fill(0.30), Side.BELT: fill(np.nan)},
        "imidization_pct": fill(99.9),
        "solvent_wt_pct": fill(0.01),
        "loh_peel_pct": fill(36.9),
        "made_in_hold": np.zeros(length, bool),
    }
    return MeterValues(**(known | changed))


def test_a_roll_under_a_running_scanner_is_good():
    good, reason = judge(core25(), values(), scanned(passes()))
    assert good[2:].all()
    assert set(reason[2:]) == {""}


def test_a_short_gap_is_estimated_and_a_long_one_unmeasured():
    short = scanned(passes(skip={50}))  # one pass lost: 12 s, 0.4 m
    long = scanned(passes(skip=set(range(50, 60))))  # two minutes, 4 m
    assert (short.measured | short.estimated)[3:].all()
    inside = (meters() > 20.1) & (meters() < 23.9)
    assert np.isnan(long.total_um[inside]).all()
    assert not (long.measured | long.estimated)[inside].any()


def test_a_slow_pass_does_not_measure():
    assert not scanned(passes(cycle_s=13.0)).measured.any()


def test_a_lane_must_be_seen_in_the_last_three_passes():
    found = passes()
    found.thickness_um[100:104, 5] = np.nan
    seen = scanned(found).lanes_seen
    middle = (found.from_m[103] + found.to_m[103]) / 2
    assert not seen[int(middle)]
    assert seen[int(middle) - 10]
    assert seen[int(middle) + 10]


def test_the_edge_lanes_are_not_judged():
    found = passes()
    found.thickness_um[:, 0] = found.thickness_um[:, -1] = np.nan
    assert scanned(found).lanes_seen[2:].all()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("core_um", 25.51, "core thickness out of target"),
        ("core_um", np.nan, "core thickness unknown"),
        ("cd_2sigma_pct", 1.01, "CD 2 sigma out of target"),
        ("imidization_pct", 98.9, "imidization out of target"),
        ("imidization_pct", np.nan, "imidization unknown"),
        ("solvent_wt_pct", 0.51, "residual solvent out of target"),
        ("loh_peel_pct", 43.1, "loss on heating at peel out of target"),
        ("made_in_hold", True, "made in hold"),
    ],
)
def test_one_value_out_of_its_target_rejects_the_meter_with_its_reason(field, value, reason):
    changed = getattr(values(), field).copy()
    changed[40] = value
    good, reasons = judge(core25(), values(**{field: changed}), scanned(passes()))
    assert not good[40]
    assert reasons[40] == reason
    assert good[41]


def test_the_layer_of_each_coated_side_is_judged_and_no_other():
    layer = np.full(100, 0.30)
    layer[40] = 0.37
    sides = {Side.AIR: layer, Side.BELT: np.full(100, np.nan)}
    good, reasons = judge(core25(), values(layer_um=sides), scanned(passes()))
    assert reasons[40] == "thin layer air side out of target"
    assert good[41]


@pytest.mark.parametrize(
    ("side", "value", "reason"),
    [
        (Side.AIR, 0.26, "thin layer air side out of target"),
        (Side.BELT, 0.14, "thin layer belt side out of target"),
        (Side.AIR, np.nan, "thin layer air side unknown"),
        (Side.BELT, np.nan, "thin layer belt side unknown"),
    ],
)
def test_a_two_sided_meter_is_good_only_when_both_layers_are(side, value, reason):
    recipe = shipped("core12_both_sides")
    layers = {each: np.full(100, 0.20) for each in Side}
    thin = values(core_um=np.full(100, 12.5), layer_um=layers)
    good, _ = judge(recipe, thin, scanned(passes(um=12.9)))
    assert good[2:].all()
    layers[side][40] = value
    good, reasons = judge(recipe, thin, scanned(passes(um=12.9)))
    assert not good[40]
    assert reasons[40] == reason
    assert good[41]


def test_a_layer_on_the_belt_side_only_is_judged_there():
    sides = {Side.AIR: np.full(100, np.nan), Side.BELT: np.full(100, 0.30)}
    good, _ = judge(belt_side_only(), values(layer_um=sides), scanned(passes()))
    assert good[2:].all()
    good, reasons = judge(core25(), values(layer_um=sides), scanned(passes()))
    assert not good.any()
    assert reasons[40] == "thin layer air side unknown"


def test_no_pass_measures_nothing():
    none = Passes(np.empty(0), np.empty(0), np.empty(0), np.empty((0, LANES)))
    good, reasons = judge(core25(), values(), scanned(none))
    assert not good.any()
    assert set(reasons) == {"unmeasured thickness"}


def test_two_sigma_is_of_the_mean():
    assert two_sigma_pct(np.array([99.0, 101.0])) == pytest.approx(2.0)
    assert np.isnan(two_sigma_pct(np.array([np.nan, 1.0])))
