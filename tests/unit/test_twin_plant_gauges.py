"""Gauges on their traverses: timing, statistics, standardization, faults (process 8)."""

import math

import numpy as np
import pytest

from simulators.twin.actuators import SCAN_BEHIND_RANGE, SCAN_NO_PEAK
from simulators.twin.faults import Faults
from simulators.twin.gauges import PARK_M, FinalScanner, GelGauge, Profile, Traverse
from simulators.twin.noise import Noise
from simulators.twin.parameters import load_parameters

PARAMS = load_parameters()
DT = 0.1
LANES = np.linspace(-0.25, 0.25, 21)


def scanner(seed: int = 1, um: float = 25.3) -> FinalScanner:
    gauge = FinalScanner(PARAMS, seed, LANES, DT)
    gauge.thickness.values = [um] * 21
    return gauge


def gel(seed: int = 1) -> GelGauge:
    gauge = GelGauge(PARAMS, seed, LANES, DT)
    gauge.weight.values = [57.0] * 21
    gauge.solvent_wt_pct_true = 31.0
    return gauge


def frame(every_s: float = 0.0) -> Traverse:
    return Traverse(0.5, 10.0, 2.0, 20.0, every_s, DT)


def test_traverse_takes_ten_seconds_out_and_two_back() -> None:
    carriage = frame()
    carriage.step(run=True, park=False, standardize=False)
    assert carriage.x_m == -0.25
    seen = []
    for _ in range(240):
        seen.append((carriage.x_m, carriage.measuring))
        carriage.step(run=True, park=False, standardize=False)
    assert sum(on for _, on in seen) == 200
    assert seen[0][0] == seen[120][0] == -0.25
    assert max(x for x, _ in seen) == pytest.approx(0.25)


def test_park_and_hold() -> None:
    carriage = frame()
    for _ in range(30):
        carriage.step(run=True, park=False, standardize=False)
    held = carriage.x_m
    carriage.step(run=False, park=False, standardize=False)
    assert carriage.x_m == held
    carriage.step(run=True, park=True, standardize=False)
    assert carriage.x_m == PARK_M
    assert carriage.parked


def test_standardize_acts_once_per_edge_for_twenty_seconds() -> None:
    carriage = frame()
    carriage.step(run=True, park=False, standardize=False)
    ticks = 0
    for _ in range(400):
        carriage.step(run=True, park=False, standardize=True)
        ticks += carriage.standardizing
    assert ticks == 200
    assert carriage.standardized == 1
    assert not carriage.parked


def test_gauge_standardizes_by_itself_when_due() -> None:
    carriage = frame(every_s=60.0)
    states = []
    for _ in range(1500):
        carriage.step(run=True, park=False, standardize=False)
        states.append(carriage.standardizing)
    assert states.index(True) == pytest.approx(600, abs=2)
    assert sum(states[:900]) == 200


def test_profile_interpolates_between_lanes() -> None:
    profile = Profile(LANES)
    profile.values = (LANES * 10.0).tolist()
    assert profile.at(0.0125) == pytest.approx(0.125)
    assert profile.at(-0.4) == pytest.approx(-2.5)
    assert profile.at(0.4) == pytest.approx(2.5)


def test_scanner_noise_and_bias_of_the_lot() -> None:
    gauge = scanner()
    seen = []
    for _ in range(12000):
        gauge.step(run=True, park=False, standardize=False, faults=Faults())
        if gauge.error == 0:
            seen.append(gauge.scan_um)
    values = np.array(seen)
    assert values.std() == pytest.approx(0.09, rel=0.05)
    assert values.mean() == pytest.approx(25.3 + gauge.bias_um, abs=0.005)
    biases = [abs(scanner(seed).bias_um) for seed in range(50)]
    assert min(biases) >= 0.1
    assert max(biases) <= 0.3


def test_scanner_says_why_it_has_no_value() -> None:
    gauge = scanner()
    faults = Faults()
    gauge.step(run=False, park=True, standardize=False, faults=faults)
    assert (math.isnan(gauge.scan_um), gauge.error) == (True, SCAN_NO_PEAK)
    gauge.step(run=True, park=False, standardize=False, faults=faults)
    assert gauge.error == 0
    faults.scan_dirty = True
    gauge.step(run=True, park=False, standardize=False, faults=faults)
    assert (math.isnan(gauge.scan_um), gauge.error) == (True, SCAN_BEHIND_RANGE)
    faults.scan_dirty = False
    gauge.thickness.values = [math.nan] * 21
    gauge.step(run=True, park=False, standardize=False, faults=faults)
    assert gauge.error == SCAN_NO_PEAK


def test_scanner_faults_bias_and_stuck() -> None:
    gauge, faults = scanner(), Faults(scan_bias_um=2.0)
    gauge.step(run=True, park=False, standardize=False, faults=faults)
    assert gauge.scan_um == pytest.approx(27.3 + gauge.bias_um, abs=0.5)
    faults.scan_stuck = True
    before = gauge.scan_um
    for _ in range(20):
        gauge.step(run=True, park=False, standardize=False, faults=faults)
    assert gauge.scan_um == before


def test_gel_gauge_statistics_at_half_a_second() -> None:
    gauge = gel()
    weights, solvents = [], []
    for _ in range(12000):
        gauge.step(run=True, standardize=False, faults=Faults())
        if gauge.frame.measuring:
            weights.append(gauge.weight_g_m2)
            solvents.append(gauge.solvent_wt_pct)
    full = np.array([w for w in weights if w > 10.0])
    assert full.std() == pytest.approx(0.14, rel=0.1)
    assert full.mean() == pytest.approx(57.0, abs=0.05)
    assert np.std([s for s in solvents if s > 10.0]) == pytest.approx(0.3, rel=0.1)
    assert (np.diff(weights[:5]) == 0.0).all()


def test_gap_temperature_biases_the_weight_until_standardized() -> None:
    gauge = gel()
    gauge.gap_k = 10.0
    seen = []
    for _ in range(90):
        gauge.step(run=True, standardize=False, faults=Faults(gel_bias_g_m2=1.0))
        seen.append(gauge.weight_g_m2)
    assert np.mean(seen) == pytest.approx(58.2, abs=0.15)
    for _ in range(220):
        gauge.step(run=True, standardize=True, faults=Faults())
    assert gauge.gap_k == 0.0


def test_gel_gauge_off_the_web_reads_nothing() -> None:
    gauge = gel()
    gauge.step(run=False, standardize=False, faults=Faults())
    assert gauge.weight_g_m2 < 1.0
    assert gauge.solvent_wt_pct == 0.0


def test_noise_depends_on_seed_instrument_and_own_index_only() -> None:
    one, other = Noise(5, 1, 3, size=10), Noise(5, 1, 3, size=10)
    rows = [one.row().copy() for _ in range(25)]
    stranger = Noise(5, 2, 3, size=10)
    for row in rows:
        stranger.row()
        np.testing.assert_array_equal(other.row(), row)
    assert not np.array_equal(Noise(5, 2, 3).row(), rows[0])
    assert not np.array_equal(Noise(6, 1, 3).row(), rows[0])
    values = Noise(5, 1, 3, size=10)
    assert [values.values() for _ in range(25)] == [row.tolist() for row in rows]
