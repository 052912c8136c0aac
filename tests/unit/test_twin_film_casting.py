"""Pump, dope, die, bolts and coating heads against process specification 3 and 6."""

import numpy as np
import pytest

from simulators.twin.casting import (
    Casting,
    CastingInputs,
    dope_density,
    free_thickness_um,
    viscosity,
)
from simulators.twin.coating import AIR, BELT, Coater, low_flow_limit_m
from simulators.twin.parameters import Parameters, load_parameters

LANES = 21


@pytest.fixture(scope="module")
def params() -> Parameters:
    return load_parameters()


@pytest.fixture
def running(params: Parameters) -> tuple[Casting, CastingInputs]:
    casting = Casting(params, LANES, seed=1)
    inputs = CastingInputs(pump_rpm=27.0, diverter_die=True)
    casting.settle(inputs)
    return casting, inputs


def test_nominal_casting_numbers(params, running):
    casting, _ = running
    assert casting.flow_cm3_s * 60.0 == pytest.approx(270.0, abs=0.1)
    assert casting.die_mpa == pytest.approx(2.9, abs=0.05)
    wet_um = casting.flow_cm3_s * 60.0 / (params.layout.width_belt_m * 2.0)
    assert wet_um == pytest.approx(225.0, abs=0.1)
    assert free_thickness_um(params, wet_um, 0.18) == pytest.approx(25.0, abs=0.05)
    assert dope_density(params, 0.18) == pytest.approx(996.0, abs=0.5)


def test_viscosity_follows_solids_temperature_and_age(params):
    fresh = viscosity(params, 30.0, 0.18, 0.0, 5.0)
    assert fresh == pytest.approx(180.0)
    assert viscosity(params, 30.0, 0.20, 0.0, 5.0) / fresh == pytest.approx((20 / 18) ** 5.5)
    assert viscosity(params, 40.0, 0.18, 0.0, 5.0) < fresh
    assert viscosity(params, 30.0, 0.18, 60.0, 5.0) / fresh == pytest.approx(np.exp(-1.0))
    assert viscosity(params, 30.0, 0.18, 6.0, 30.0) / fresh == pytest.approx(np.exp(-1.0))


def test_flow_follows_the_pump_with_20_seconds(params):
    casting = Casting(params, LANES, seed=1)
    inputs = CastingInputs(pump_rpm=27.0, diverter_die=True)
    for _ in range(200):
        casting.step(0.1, inputs)
    assert casting.flow_cm3_s * 60.0 == pytest.approx(270.0 * (1 - np.exp(-1.0)), rel=0.02)


def test_closed_diverter_delivers_nothing(params):
    casting = Casting(params, LANES, seed=1)
    for _ in range(600):
        casting.step(0.1, CastingInputs(pump_rpm=27.0, diverter_die=False))
    delivery = casting.take()
    assert casting.pump_cm3_s > 4.0
    assert delivery.paa_kg == 0.0
    assert casting.die_mpa == 0.0


def test_delivered_mass_is_the_pumped_volume(params, running):
    casting, inputs = running
    casting.take()
    for _ in range(6000):
        casting.step(0.1, inputs)
    delivery = casting.take()
    total = delivery.paa_kg + delivery.solvent_kg
    assert total == pytest.approx(10 * 270e-6 * dope_density(params, 0.18), rel=1e-3)
    assert delivery.paa_kg / total == pytest.approx(0.18)


def test_composition_arrives_after_the_holdup(running):
    casting, inputs = running
    inputs.solids = 0.17
    seconds = 600.0 / (270.0 / 60.0)
    for _ in range(round(seconds * 10)):
        casting.step(0.1, inputs)
    assert casting.solids == pytest.approx(0.17 + 0.01 * np.exp(-1.0), abs=1e-4)


def test_pulsation_has_the_stated_amplitude(running):
    casting, inputs = running
    pressures = []
    for _ in range(4000):
        casting.step(0.01, inputs)
        pressures.append(casting.die_mpa)
    swing = (max(pressures) - min(pressures)) / 2.0 / np.mean(pressures)
    assert swing == pytest.approx(0.005, rel=0.1)  # a1 + a2


def test_wear_lowers_the_flow(params, running):
    casting, inputs = running
    inputs.efficiency_factor = 0.97
    casting.settle(inputs)
    assert casting.flow_cm3_s * 60.0 == pytest.approx(270.0 * 0.97, rel=0.002)


def test_filter_reaches_change_out(params, running):
    casting, _ = running
    assert casting.filter_mpa == pytest.approx(params.casting.filter_clean_mpa, rel=0.01)
    casting.filter_load = 1.0
    casting.step(0.1, CastingInputs(pump_rpm=27.0, diverter_die=True))
    assert casting.filter_mpa == pytest.approx(params.casting.filter_change_mpa, rel=0.01)


def test_bolt_gain_is_local_and_mean_free(params):
    casting = Casting(params, 101, seed=1)
    casting.start_profile[:] = 0.0
    casting.bolt_um[10] = 1.0
    profile = casting.profile()
    assert profile.mean() == pytest.approx(0.0, abs=1e-12)
    assert profile.max() - profile.min() == pytest.approx(0.006, rel=0.01)
    assert abs(casting.lane_m[profile.argmax()]) < 1e-9
    far = np.abs(casting.lane_m) > 3.0 * params.casting.bolt_pitch_m
    assert np.ptp(profile[far]) < 1e-4


def test_neck_in_maps_outer_bolts_inwards(params):
    casting = Casting(params, 101, seed=1)
    die_m = 8 * params.casting.bolt_pitch_m
    expected = die_m * (0.97 - 0.02 * (2 * die_m / 0.63) ** 2)
    assert casting.lane_m[casting.gain[:, 18].argmax()] == pytest.approx(expected, abs=0.0026)


def test_bolts_are_first_order_limited_and_can_stick(params):
    casting = Casting(params, LANES, seed=1)
    casting.bolt_frozen[3] = True
    target = np.full(21, 10.0)
    for _ in range(90):
        casting.step_bolts(1.0, target)
    assert casting.bolt_um[0] == pytest.approx(10.0 * (1 - np.exp(-1.0)), rel=1e-6)
    assert casting.bolt_um[3] == 0.0
    for _ in range(2000):
        casting.step_bolts(1.0, np.full(21, 100.0))
    assert casting.bolt_um.max() == pytest.approx(25.0, abs=1e-3)
    rise = casting.bolt_c[0] - params.casting.bolt_base_c
    assert rise == pytest.approx(25.0 / 0.35, rel=1e-3)


def test_start_profile_needs_control_and_depends_on_the_seed_only(params):
    first, again = (Casting(params, LANES, seed=7).start_profile for _ in range(2))
    other = Casting(params, LANES, seed=8).start_profile
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    spread = [2 * Casting(params, 101, seed=s).start_profile.std() for s in range(20)]
    assert 0.015 < np.mean(spread) < 0.045


def test_nominal_coat(params):
    coater = Coater(params, LANES, seed=1)
    coater.settle((10.08, 0.0), (True, False))
    speed = 2.0 / 60.0
    assert coater.wet_m(AIR, speed) * 1e6 == pytest.approx(9.0, abs=0.01)
    wet = coater.wet_kg_m2(AIR, speed)
    assert wet * 1e3 == pytest.approx(8.45, abs=0.01)
    assert coater.dry_um(8.45e-3) == pytest.approx(0.30, abs=0.001)
    assert coater.dry_um(1e-3) == pytest.approx(0.0355, abs=0.0001)
    assert coater.agent_mg_m2(wet) == pytest.approx(170.0, abs=1.5)
    assert coater.wet_kg_m2(BELT, speed) == 0.0


@pytest.mark.parametrize(("m_min", "microns"), [(2.0, 4.5), (5.0, 8.0)])
def test_low_flow_limit(params, m_min, microns):
    assert low_flow_limit_m(params, m_min / 60.0) * 1e6 == pytest.approx(microns, abs=0.06)


def test_coverage_below_the_limit(params):
    coater = Coater(params, LANES, seed=1)
    coater.settle((2.52, 0.0), (True, False))
    assert coater.coverage(AIR, 2.0 / 60.0) == pytest.approx(2.25 / 4.48, rel=0.01)
    assert coater.coverage(AIR, 0.0) == 0.0


def test_bead_follows_pump_and_engagement(params):
    coater = Coater(params, LANES, seed=1)
    for _ in range(60):
        coater.step(1.0, (10.0, 0.0), (False, False))
    assert coater.bead_cm3_s[AIR] == 0.0
    for _ in range(5):
        coater.step(1.0, (10.0, 0.0), (True, False))
    assert coater.bead_cm3_s[AIR] * 60 == pytest.approx(10.0 * (1 - np.exp(-1.0)), rel=1e-3)


def test_starvation_ramps_out_in_its_time(params):
    coater = Coater(params, LANES, seed=1)
    coater.settle((10.0, 10.0), (True, True))
    coater.starved[AIR] = True
    for _ in range(60):
        coater.step(1.0, (10.0, 10.0), (True, True))
    assert coater.bead_cm3_s[AIR] < 0.01 * coater.bead_cm3_s[BELT]
    assert coater.bead_cm3_s[BELT] * 60 == pytest.approx(10.0)


def test_coat_lanes_differ_by_two_percent_around_the_mean(params):
    spread = [Coater(params, 5, seed=s).lane_factor for s in range(200)]
    assert np.std(spread) == pytest.approx(0.02 * np.sqrt(4 / 5), rel=0.1)
    for factor in spread:
        assert factor.mean(axis=1) == pytest.approx([1.0, 1.0])
