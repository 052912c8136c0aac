"""Tension, draw, encoders and the wound roll (process specification 5)."""

import numpy as np
import pytest

from simulators.twin.actuators import Actuators
from simulators.twin.faults import Faults
from simulators.twin.parameters import load_parameters
from simulators.twin.web import Web

PARAMS = load_parameters()
DT = 0.1
ALL = (True, True, True, True)


def line(v: float = 2.0) -> tuple[Web, Actuators]:
    """A running line with ratio-locked drives, gel in the first two spans."""
    web = Web(PARAMS, 3, DT)
    act = Actuators()
    set_speed(act, v)
    web.set_film(ALL, gel=True, loh=0.369)
    web.wind_um = 25.3
    web.start_at(v, v, v, v * 1.005, v * 1.005)
    return web, act


def set_speed(act: Actuators, v: float) -> None:
    act.belt = act.nip = act.coater_m_min = v
    act.rails = act.winder = v * 1.005


def run(
    web: Web, act: Actuators, seconds: float, faults: Faults | None = None, live: bool = True
) -> np.ndarray:
    """Advance; returns the tensions of each tick."""
    faults = faults or Faults()
    rows = []
    for _ in range(round(seconds / DT)):
        web.step(act, live, faults)
        rows.append([span.value for span in web.tension])
    return np.array(rows)


def test_tensions_hold_their_set_points() -> None:
    web, act = line()
    rows = run(web, act, 600.0)
    np.testing.assert_allclose(rows[2000:].mean(axis=0), [30.0, 40.0, 100.0, 100.0], rtol=0.02)
    assert (rows[2000:].std(axis=0) < 3.0).all()
    assert web.tension[1].trim == pytest.approx(0.0, abs=0.001)  # the recipe's draw is kept


def test_draw_of_the_open_span_follows_the_modulus() -> None:
    """0.1 % draw is 24 N/m in gel, 0.05 % is 110 N/m cured (before the gel relaxes)."""
    web, _ = line()
    cured = web.tension[2]
    cured._trim_max = 0.0
    cured.value = 0.0
    v = 2.0 / 60.0
    for _ in range(36000):
        cured.advance(v, v * 1.0005, 0.0, 0.0)
    assert cured.value == pytest.approx(110.0, rel=0.01)
    gel = web.tension[0]
    gel._trim_max = 0.0
    gel.set_film(present=True, ea_n_m=24000.0, relax_share=0.0, most_n_m=1e9)
    for _ in range(36000):
        gel.advance(v, v * 1.001, 0.0, 0.0)
    assert gel.value == pytest.approx(24.0, rel=0.01)


def test_tension_follows_a_speed_ramp() -> None:
    web, act = line(1.0)
    run(web, act, 60.0)
    low, high = 1e9, 0.0
    for step in range(3000):
        set_speed(act, 1.0 + step * DT * 0.2 / 60.0)
        web.step(act, True, Faults())
        low = min(low, web.tension[1].value)
        high = max(high, web.tension[1].value)
    assert low > 30.0
    assert high < 50.0


def test_tension_stands_when_the_line_stands() -> None:
    web, act = line()
    run(web, act, 60.0)
    set_speed(act, 0.0)
    rows = run(web, act, 300.0)
    assert (rows[-1] > [6.0, 8.0, 20.0, 20.0]).all()


def test_break_drops_the_tension_at_once() -> None:
    web, act = line()
    run(web, act, 30.0)
    web.break_at(20.9)
    rows = run(web, act, 1.0)
    assert (rows[:, 1] == 0.0).all()
    assert (rows[:, 2] > 60.0).all()
    web.set_film((True, False, False, False), gel=True, loh=0.37)
    assert run(web, act, 1.0)[-1, 3] == 0.0


def test_overload_parts_the_web() -> None:
    web, act = line()
    act.rails = 2.6
    parted = []
    for _ in range(600):
        web.step(act, True, Faults())
        parted.append(web.broke_at_m)
    assert 20.9 in parted


def test_cured_film_and_leader_slip_instead_of_parting() -> None:
    web, act = line()
    web.set_film(ALL, gel=False, loh=float("nan"))
    act.rails, act.winder = 2.6, 3.0
    rows = run(web, act, 60.0)
    assert web.broke_at_m is None
    assert rows.max() <= PARAMS.web.slip_n_m


def test_idle_coater_roll_turns_with_the_web() -> None:
    web, act = line()
    act.coater_m_min = 0.0
    rows = run(web, act, 300.0)
    assert (rows[-500:, :2] > 15.0).all()
    assert web.coater == pytest.approx(2.0 / 60.0, rel=0.02)


def test_sticking_gel_raises_the_peel_force() -> None:
    web, act = line()
    assert 3.0 < web.peel_n_m < 10.0
    calm = run(web, act, 300.0)[1000:, 0].std()
    web.set_film(ALL, gel=True, loh=0.25)
    assert web.peel_n_m == pytest.approx(30.0)
    faults = Faults(peel_factor=3.0)
    rough = run(web, act, 300.0, faults)[1000:, 0].std()
    assert rough > 1.3 * calm
    web.set_film(ALL, gel=False, loh=float("nan"))
    assert web.peel_n_m == 0.0


def test_wound_roll_diameter() -> None:
    web, act = line(4.0)
    while web.wound_m < 500.0:
        web.step(act, True, Faults())
    assert web.roll_m == pytest.approx(0.198, abs=0.001)
    taper = 1.0 - 0.2 * (1.0 - 0.1524 / web.roll_m)
    assert web.tension[3].value == pytest.approx(100.0 * taper, rel=0.03)
    web.new_roll()
    assert (web.roll_m, web.wound_m) == (0.1524, 0.0)


def test_encoders_count_tenths_of_millimeters() -> None:
    web, act = line()
    run(web, act, 600.0)
    meters = np.array(web.counts) * 1e-4
    np.testing.assert_allclose(meters, [20.0, 20.1, 20.1], rtol=0.003)


def test_open_safety_circuit_lets_the_drives_coast() -> None:
    web, act = line()
    run(web, act, 5.0, live=False)
    assert web.belt == pytest.approx(0.0, abs=1e-4)
    assert web.rails == pytest.approx(0.0, abs=1e-4)


def test_lost_pins_step_the_rail_torque() -> None:
    web, act = line()
    run(web, act, 30.0)
    before = web.torque_pct
    assert 50.0 < before < 70.0
    run(web, act, 0.1, Faults(pins_lost=True))
    assert web.torque_pct > 155.0  # beyond the trip at 150 %
