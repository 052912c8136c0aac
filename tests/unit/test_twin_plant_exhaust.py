"""Exhaust flows, solvent vapor and percent of LFL (process specification 7.2)."""

import numpy as np
import pytest

from simulators.twin.actuators import ZONES, Actuators
from simulators.twin.exhaust import Exhaust
from simulators.twin.faults import Faults
from simulators.twin.parameters import load_parameters

PARAMS = load_parameters()
DT = 0.1
AIR = (np.array(PARAMS.zones.setpoint_c) + np.array(PARAMS.zones.air_offset_k))[:13]
TABLE = np.array(PARAMS.exhaust.table_nm3_h)
EVAP_KG_H = {"B1": 4.7, "B2": 5.3, "B3": 1.7, "T1": 0.8, "T2": 0.5}


def exhaust(fan: float = 0.4, times: float = 1.0) -> Exhaust:
    plant = Exhaust(PARAMS, np.full(3, fan), DT)
    for zone, kg_h in EVAP_KG_H.items():
        plant.evap_kg_s[ZONES.index(zone)] = kg_h * times / 3600.0
    return plant


def fans(speed: float) -> Actuators:
    act = Actuators()
    act.fan[:] = speed
    return act


def run(plant: Exhaust, act: Actuators, seconds: float, faults: Faults | None = None) -> None:
    faults = faults or Faults()
    for _ in range(round(seconds / DT)):
        plant.step(act, AIR, faults)


@pytest.mark.parametrize(
    ("fan", "times", "expected"),
    [
        (0.4, 1.0, [14, 17, 11, 8, 5]),
        (0.4, 1.5, [22, 25, 16, 12, 8]),
        (0.4, 2.5, [36, 41, 27, 20, 14]),
        (0.2, 1.0, [29, 33, 22, 16, 11]),
    ],
)
def test_percent_of_lfl_table(fan: float, times: float, expected: list[float]) -> None:
    plant = exhaust(fan, times)
    run(plant, fans(fan), 600.0)
    got = plant.lfl_pct[[ZONES.index(zone) for zone in EVAP_KG_H]]
    # The table's evaporation is rounded to 0.1 kg/h, which is 10 % of the smallest entries.
    np.testing.assert_allclose(got, expected, rtol=0.07, atol=0.6)


def test_vapor_settles_with_the_zone_volume() -> None:
    plant = exhaust()
    b1 = 0
    run(plant, fans(0.4), 600.0)
    final = plant.vapor_y[b1]
    fresh = exhaust()
    tau = 1.8 / (500.0 / 3600.0 * (AIR[b1] + 273.15) / 293.15)
    run(fresh, fans(0.4), tau)
    assert fresh.vapor_y[b1] == pytest.approx(final * (1.0 - np.exp(-1.0)), rel=0.01)
    settled = exhaust()
    settled.settle(AIR)
    assert settled.vapor_y[b1] == pytest.approx(final, rel=1e-6)


def test_flow_split_and_fan_lag() -> None:
    plant = Exhaust(PARAMS, np.zeros(3), DT)
    act = Actuators()
    act.fan[1] = 0.4
    run(plant, act, 3.0)
    np.testing.assert_allclose(plant.flow_nm3_h[4:9], TABLE[4:9] * (1 - np.exp(-1.0)), rtol=1e-3)
    assert not plant.flow_nm3_h[:4].any()
    assert not plant.flow_nm3_h[9:].any()
    act.fan[:] = 1.0
    run(plant, act, 60.0)
    np.testing.assert_allclose(plant.flow_nm3_h, 2.5 * TABLE, rtol=1e-6)


def test_damper_and_blocked_duct() -> None:
    plant = exhaust()
    act, faults = fans(0.4), Faults()
    act.damper_closed[0] = True
    faults.exhaust[7] = 0.3
    faults.fan[2] = 0.5
    run(plant, act, 60.0, faults)
    assert (plant.flow_nm3_h[:4] < 0.05 * TABLE[:4]).all()
    assert plant.flow_nm3_h[7] == pytest.approx(0.3 * TABLE[7])
    np.testing.assert_allclose(plant.flow_nm3_h[9:], 0.5 * TABLE[9:], rtol=1e-6)


def test_vapor_stays_finite_without_exhaust() -> None:
    plant = exhaust(0.0)
    run(plant, fans(0.0), 3600.0)
    assert np.isfinite(plant.lfl_pct).all()
    assert plant.lfl_pct[0] > 100.0


def test_purge_counts_volumes_and_forgets_on_loss() -> None:
    plant = Exhaust(PARAMS, np.full(3, 0.4), DT)
    act = fans(0.4)
    run(plant, act, 360.0)
    np.testing.assert_allclose(
        plant.purge_volumes, TABLE * 0.1 / np.array(PARAMS.exhaust.volume_m3), rtol=1e-6
    )
    faults = Faults()
    faults.exhaust[3] = 0.6
    run(plant, act, 1.0, faults)
    assert plant.purge_volumes[3] == 0.0
    assert (np.delete(plant.purge_volumes, 3) > 5.0).all()


def test_room_gas_follows_open_film() -> None:
    plant = Exhaust(PARAMS, np.full(3, 0.4), DT)
    plant.evap_room_kg_s = 1e-5
    run(plant, fans(0.4), 3600.0)
    kg_h, air_m3_h = 0.036, 4000.0
    assert plant.room_ppm == pytest.approx(kg_h / 0.08712 * 0.02406 / air_m3_h * 1e6, rel=0.01)


def test_zones_of_a_fan_lie_together() -> None:
    wrong = PARAMS.exhaust.model_copy(update={"fan": (1, 0, *PARAMS.exhaust.fan[2:])})
    with pytest.raises(ValueError, match="fan"):
        Exhaust(PARAMS.model_copy(update={"exhaust": wrong}), np.zeros(3), DT)
