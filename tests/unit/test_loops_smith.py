"""Smith predictor on film length: settling, delay errors, ramps, freeze rules."""

from __future__ import annotations

import math

import pytest

from controller.loops.ratio import Trims
from controller.loops.smith import MODEL_S, SmithPredictor, ThicknessLoop

DEAD_M = 41.0
PASS_S = 12.0


class Film:
    """Relative thickness at a gauge ``dead_m`` behind a first-order pump and die."""

    def __init__(self, dead_m: float) -> None:
        self.dead_m = dead_m
        self.actual = 0.0
        self.history: list[tuple[float, float]] = []

    def step(self, correction: float, cast_m: float, dt: float) -> float:
        self.actual += (correction - self.actual) * -math.expm1(-dt / MODEL_S)
        self.history.append((cast_m, self.actual))
        while len(self.history) > 1 and self.history[1][0] <= cast_m - self.dead_m:
            self.history.pop(0)
        return self.history[0][1] if self.history[0][0] <= cast_m - self.dead_m else 0.0


def settle(disturbance: float, dead_m: float, speed=lambda _t: 2.0, within: float = 0.005) -> float:
    """Dead lengths of film until the error stays within the band."""
    control, film = SmithPredictor(), Film(dead_m)
    cast, since, last, settled = 0.0, 0.0, 0.0, math.inf
    for second in range(int(6 * DEAD_M / 2.0 * 60)):
        cast += speed(second) / 60.0
        control.predict(cast, 1.0)
        seen = film.step(control.output, cast, 1.0) + disturbance
        since += 1.0
        if since >= PASS_S:
            control.correct(seen, cast - DEAD_M, cast - last, since, 0.5 * DEAD_M)
            last, since = cast, 0.0
        if abs(seen) > within:
            settled = math.inf
        elif settled == math.inf:
            settled = cast
    return settled / DEAD_M


@pytest.mark.parametrize("step", [0.03, -0.03])
def test_a_three_percent_step_settles_within_half_a_percent_in_two_dead_times(step):
    assert 1.8 <= settle(step, DEAD_M) <= 2.1


@pytest.mark.parametrize("error", [0.8, 1.2])
def test_a_delay_error_of_a_fifth_costs_about_one_dead_time(error):
    assert settle(0.03, error * DEAD_M) <= 3.2


def test_the_delay_is_a_length_so_a_speed_ramp_changes_nothing():
    def ramping(second):
        return 1.0 + min(1.0, second / 300.0)

    assert settle(0.03, DEAD_M, ramping) == pytest.approx(settle(0.03, DEAD_M), abs=0.15)


def test_a_stop_of_the_line_does_not_wind_up():
    def stopping(second):
        return 0.0 if 600 < second < 1800 else 2.0

    assert settle(0.03, DEAD_M, stopping) <= 2.1


def test_the_correction_never_exceeds_its_authority():
    control = SmithPredictor()
    cast = 0.0
    for _ in range(5000):
        cast += 0.033
        control.predict(cast, 1.0)
        control.correct(0.5, cast - DEAD_M, 0.033, 1.0, 20.0)
    assert control.output == -0.08


NAMES = (
    "QI-CORE.MEAN", "film.SCAN.S", "ZS-601.STD", "QI-CORE.GEL", "film.GEL.S", "ZS-231.STD",
    "film.DIE.S", "PROC.STATE", "SIC-210.SP",
)  # fmt: skip


class Table:
    """Just enough of a tag table for the loop."""

    def __init__(self):
        self.request = [2.0] * len(NAMES)

    def index(self, name):
        return NAMES.index(name)


class Snapshot:
    now_ns = 0

    def __init__(self, cast, core=25.5, state=1.0, std=0.0, gel=24.0):
        seen = cast - DEAD_M if not math.isnan(core) else math.nan
        self.known = [core, seen, std, gel, cast - 14.0, std, cast, state, math.nan]


class Gauge:
    passes = 0
    filtered = None
    mean = 25.5


def running_loop(**values):
    table, gauge, trims = Table(), Gauge(), Trims()
    loop = ThicknessLoop(table, (gauge, DEAD_M), (gauge, 14.0), trims, 25.0)
    loop.switch(on=True)
    cast = 100.0
    for _ in range(120):
        cast += 1 / 30
        gauge.passes += 1
        loop.step(Snapshot(cast, **values), 0, 1.0)
    return table, gauge, trims, loop, cast


def test_the_loop_trims_the_pump_down_when_the_core_is_too_thick():
    *_, trims, loop, _ = running_loop()
    assert loop.frozen == ""
    assert 0.99 < trims.pump < 1.0


def test_the_gel_gauge_stands_in_until_the_scanner_sees_film_and_never_comes_back():
    _, gauge, trims, loop, cast = running_loop(core=math.nan)
    assert trims.pump > 1.0, "thin gel, more dope"
    kept = trims.pump
    for _ in range(30):
        cast += 1 / 30
        gauge.passes += 1
        loop.step(Snapshot(cast, core=25.5), 0, 1.0)
    assert trims.pump < kept, "thick core, less dope"
    kept = trims.pump
    for _ in range(30):
        cast += 1 / 30
        gauge.passes += 1
        loop.step(Snapshot(cast, core=math.nan), 0, 1.0)
    assert trims.pump == kept
    assert "not GOOD" in loop.frozen


@pytest.mark.parametrize(
    ("snapshot", "why"),
    [
        ({"state": 4.0}, "not running"),
        ({"std": 1.0}, "standardizes"),
        ({"core": math.nan}, "not GOOD"),
    ],
)
def test_the_loop_keeps_its_output_while_it_is_frozen(snapshot, why):
    _, gauge, trims, loop, cast = running_loop()
    kept = trims.pump
    for _ in range(100):
        gauge.passes += 1
        cast += 1 / 30
        loop.step(Snapshot(cast, **snapshot), 0, 1.0)
    assert trims.pump == kept
    assert why in loop.frozen


def test_the_loop_is_frozen_while_the_speed_changes_and_a_minute_after():
    table, gauge, trims, loop, cast = running_loop()
    kept = trims.pump
    table.request[NAMES.index("SIC-210.SP")] = 2.1
    for second in range(100):
        gauge.passes += 1
        cast += 1 / 30
        loop.step(Snapshot(cast), 0, 1.0)
        if second < 59:
            assert trims.pump == kept
            assert "speed" in loop.frozen
    assert trims.pump < kept


def test_no_new_pass_no_correction():
    _, _, trims, loop, cast = running_loop()
    kept = trims.pump
    for _ in range(50):
        cast += 1 / 30
        loop.step(Snapshot(cast), 0, 1.0)
    assert trims.pump == kept


def test_film_cast_while_the_speed_changed_is_not_judged():
    table, gauge, trims, loop, cast = running_loop()
    start = cast
    for second in range(60):
        table.request[NAMES.index("SIC-210.SP")] = 2.0 + second / 300.0
        cast += 1 / 30
        gauge.passes += 1
        loop.step(Snapshot(cast), 0, 1.0)
    while cast < start + DEAD_M + 6.0:
        kept, before = trims.pump, cast - DEAD_M
        cast += 1 / 30
        gauge.passes += 1
        loop.step(Snapshot(cast), 0, 1.0)
        if start <= before <= start + 3.5:
            assert trims.pump == kept
            assert "cast while" in loop.frozen
    assert loop.frozen == ""
