"""The zone heat balance against the prototype's numbers (process specification 7.1)."""

import numpy as np
import pytest

from simulators.twin.actuators import ZONES, Actuators
from simulators.twin.faults import Faults
from simulators.twin.heat import ZoneHeat
from simulators.twin.parameters import load_parameters

PARAMS = load_parameters()
DT = 0.1
SET = np.array(PARAMS.zones.setpoint_c)
TABLE = np.array(PARAMS.exhaust.table_nm3_h)
TENTER = slice(5, 13)
T6 = ZONES.index("T6")
WEB_W = np.array([0, 0, 0, 0, 0, 216, 170, 130, 110, 100, 90, 85, 80, 0, 0], dtype=float)


def steady() -> tuple[ZoneHeat, Actuators, np.ndarray]:
    """All zones held at set point by constant duties, the reference film passing."""
    heat = ZoneHeat(PARAMS, SET, DT)
    heat.web_w[:] = WEB_W
    act = Actuators(main_contactor=True)
    act.contactor[:] = True
    duty = heat.steady_duty(TABLE)
    act.duty[:] = duty
    heat.hold(duty)
    return heat, act, duty


def run(heat: ZoneHeat, act: Actuators, seconds: float, faults: Faults | None = None) -> None:
    faults = faults or Faults()
    for _ in range(round(seconds / DT)):
        heat.step(act, act.main_contactor, TABLE, faults)


def test_steady_duties_of_the_tenter() -> None:
    duty = steady()[2]
    expected = [0.52, 0.49, 0.41, 0.44, 0.37, 0.42, 0.39, 0.55]
    np.testing.assert_allclose(duty[TENTER], expected, atol=0.012)


def test_duties_of_all_zones_are_within_the_heaters() -> None:
    duty = steady()[2]
    assert (duty > 0.01).all()
    assert (duty < 0.7).all()


def test_a_steady_state_stays() -> None:
    heat, act, _ = steady()
    run(heat, act, 600.0)
    np.testing.assert_allclose(heat.zone_c, SET, atol=1e-6)


@pytest.mark.parametrize(("zone", "gain"), [("T1", 1.9), ("T8", 6.6)])
def test_gain_and_coupling(zone: str, gain: float) -> None:
    heat, act, _ = steady()
    k = ZONES.index(zone)
    act.duty[k] += 0.05
    run(heat, act, 12000.0)
    rise = heat.zone_c - SET
    assert rise[k] / 5.0 == pytest.approx(gain, abs=0.1)
    beside = k + 1 if zone == "T1" else k - 1
    assert 0.19 < rise[beside] / rise[k] < 0.28


@pytest.mark.parametrize("zone", ["T1", "T3", "T6", "T8"])
def test_open_loop_time_constant(zone: str) -> None:
    heat, act, _ = steady()
    k = ZONES.index(zone)
    act.duty[k] += 0.05
    trace = []
    for _ in range(12000):
        run(heat, act, 1.0)
        trace.append(heat.sensed_c[k] - SET[k])
    rise = np.array(trace)
    tau = float(np.argmax(rise > 0.632 * rise[-1]))
    assert 950.0 < tau < 1430.0


def test_dead_time_and_thermocouple_lag() -> None:
    heat, act, _ = steady()
    act.duty[T6] = 1.0
    run(heat, act, 9.9)
    assert heat.zone_c[T6] == pytest.approx(SET[T6], abs=1e-6)
    run(heat, act, 60.0)
    slope = (1.0 - steady()[2][T6]) * 36e3 / 90e3
    assert heat.zone_c[T6] - heat.sensed_c[T6] == pytest.approx(8.0 * slope, rel=0.06)


def test_heater_trip_in_t6() -> None:
    heat, act, _ = steady()
    faults = Faults()
    faults.heater[T6] = 0.0
    run(heat, act, 300.0, faults)
    assert heat.zone_c[T6] - SET[T6] == pytest.approx(-44.0, abs=1.5)
    assert heat.zone_c[T6 - 1] - SET[T6 - 1] == pytest.approx(-1.0, abs=0.5)
    run(heat, act, 300.0, faults)
    assert heat.zone_c[T6] - SET[T6] == pytest.approx(-79.0, abs=2.0)


def test_contactors_cut_the_power_even_of_a_welded_switch() -> None:
    heat, act, _ = steady()
    faults = Faults()
    faults.heater_stuck[T6] = 0.3
    act.duty[T6] = 0.0
    heat.step(act, True, TABLE, faults)
    assert heat.power_w[T6] == pytest.approx(0.3 * 36e3)
    act.contactor[T6] = False
    heat.step(act, True, TABLE, faults)
    assert heat.power_w[T6] == 0.0
    faults.contactor_welded[T6] = True
    heat.step(act, True, TABLE, faults)
    assert heat.power_w[T6] > 0.0
    heat.step(act, False, TABLE, faults)
    assert not heat.power_w.any()


def test_chill_water_lost_warms_the_cooler() -> None:
    heat, act, _ = steady()
    heat.set_chill(flowing=False)
    run(heat, act, 600.0)
    assert heat.zone_c[14] > SET[14] + 5.0


class Controller:
    """Zone PI of the instruments (Kc 0.02 /K, Ti 300 s) with conditional integration."""

    def __init__(self) -> None:
        self.total = np.zeros(15)

    def duty(self, target: np.ndarray, value: np.ndarray, dt: float) -> np.ndarray:
        error = target - value
        duty = 0.02 * (error + self.total / 300.0)
        free = ((duty > 0.0) | (error > 0.0)) & ((duty < 1.0) | (error < 0.0))
        self.total += np.where(free, error * dt, 0.0)
        return np.clip(0.02 * (error + self.total / 300.0), 0.0, 1.0)


@pytest.mark.parametrize(
    ("upper_k_min", "minutes", "overshoot"), [(10.0, 52.0, 11.0), (6.0, 63.5, 10.0)]
)
def test_cold_to_set_point_with_ramp_and_holdback(
    upper_k_min: float, minutes: float, overshoot: float
) -> None:
    """10 K/min, and 10 then 6 K/min above 300 degC: the prototype's 59 min lie between."""
    heat = ZoneHeat(PARAMS, np.full(15, 25.0), DT)
    act = Actuators(main_contactor=True)
    act.contactor[:] = True
    control, faults = Controller(), Faults()
    target = np.full(15, 25.0)
    peak = np.zeros(15)
    reached = 0.0
    for second in range(7000):
        if (target - heat.sensed_c)[TENTER].max() < 15.0:
            rate = np.where(target < 300.0, 10.0, upper_k_min) / 60.0
            target = np.minimum(target + rate, SET)
        act.duty[:] = control.duty(target, heat.sensed_c, 1.0)
        for _ in range(10):
            heat.step(act, True, TABLE, faults)
        peak = np.maximum(peak, heat.sensed_c - SET)
        if not reached and heat.sensed_c[12] >= 480.0:
            reached = second / 60.0
    assert reached == pytest.approx(minutes, abs=2.0)
    assert peak[TENTER].mean() == pytest.approx(overshoot, abs=2.5)
    np.testing.assert_allclose(heat.sensed_c, SET, atol=0.5)


def test_one_dead_time_for_all_zones_is_required() -> None:
    zones = PARAMS.zones.model_copy(update={"dead_time_s": (5.0, *PARAMS.zones.dead_time_s[1:])})
    with pytest.raises(ValueError, match="dead time"):
        ZoneHeat(PARAMS.model_copy(update={"zones": zones}), SET, DT)
