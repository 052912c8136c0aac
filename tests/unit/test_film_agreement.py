"""Scanner against gel gauge and pump, lanes that stand out, and gel that sticks."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from controller.film.agreement import BLIND_PASSES, DOUBT_PASSES, GaugeAgreement
from controller.film.lanes import LaneWatch
from controller.film.peeling import AVERAGE_S, PeelWatch
from controller.film.profile import FILTER, POSITION_M
from controller.loops.bolts import REST_S, BoltWatch
from controller.tags import TagTable
from tests.fake_line import pilot

PASS_M, GEL_M, SCAN_M = 0.4, 14.0, 41.0
T0 = 1_767_225_600_000_000_000


class Film:
    """Film that all three see, each with its fixed error and its noise."""

    def __init__(self, seed: int = 1, scan: float = 0.008, gel: float = 1.005) -> None:
        self.rng = np.random.default_rng(seed)
        self.agreement = GaugeAgreement()
        self.cast_m = 0.0
        self.scan, self.gel, self.pump = 1.0 + scan, gel, 1.02
        self.core_um = 25.0
        self.made: dict[int, float] = {}

    def passes(self, count: int) -> list[bool]:
        found = []
        for _ in range(count):
            self.cast_m += PASS_M
            self.made[round(self.cast_m / PASS_M)] = self.core_um
            a = self.agreement
            a.pump.memory.take(self.cast_m, self.seen(self.cast_m, self.pump, 0.001))
            if self.cast_m > GEL_M:
                at = self.cast_m - GEL_M
                a.gel.memory.take(at, self.seen(at, self.gel, 0.003))
            if self.cast_m > SCAN_M:
                at = self.cast_m - SCAN_M
                found.append(a.judge(at, self.seen(at, self.scan, 0.002)))
        return found

    def seen(self, label_m: float, factor: float, noise: float) -> float:
        made = self.made.get(round(label_m / PASS_M), self.core_um)
        return made * factor * (1.0 + float(self.rng.normal(0.0, noise)))


@pytest.mark.parametrize("seed", range(5))
def test_sound_gauges_with_fixed_errors_agree_for_hours(seed):
    film = Film(seed)
    film.passes(400)
    film.core_um = 25.6  # the thickness itself may change
    assert all(film.passes(400))
    assert film.agreement.trusted


@pytest.mark.parametrize("bias", [0.08, 0.035, -0.035])
def test_a_biased_scanner_is_in_doubt_at_once_and_not_trusted_after_three_passes(bias):
    film = Film()
    film.passes(200)
    film.scan += bias
    assert film.passes(1) == [False]
    assert film.agreement.trusted
    film.passes(DOUBT_PASSES - 1)
    assert not film.agreement.trusted
    assert film.agreement.off_pct == pytest.approx(100 * bias, abs=1.0)
    assert not any(film.passes(50))
    film.scan -= bias
    assert film.passes(DOUBT_PASSES)[-1]
    assert film.agreement.trusted


def test_one_wild_pass_is_doubted_and_forgotten():
    film = Film()
    film.passes(200)
    film.scan += 0.1
    film.passes(1)
    film.scan -= 0.1
    assert all(film.passes(20))


def test_a_worn_pump_or_a_sick_gel_gauge_alone_is_not_the_scanners_fault():
    for change in ("pump", "gel"):
        film = Film()
        film.passes(200)
        setattr(film, change, getattr(film, change) * 0.95)
        assert all(film.passes(300))


def test_a_scanner_wrong_from_the_start_is_found_by_the_first_limit():
    film = Film(scan=0.08, gel=1.0)
    film.pump = 1.0
    film.passes(130)
    assert not film.agreement.trusted


def test_passes_that_see_nothing_new_end_the_trust_and_three_sound_ones_bring_it_back():
    film = Film()
    film.passes(200)
    for _ in range(BLIND_PASSES):
        film.agreement.unseen()
    assert not film.agreement.trusted
    film.passes(DOUBT_PASSES)
    assert film.agreement.trusted


def profiles(seed: int, count: int, streak: float = 0.0):
    """Filtered profiles as the scanner's traverse makes them: 2.6 % wide shape, bin noise."""
    rng = np.random.default_rng(seed)
    shape = 0.013 * np.sin(2 * np.pi * POSITION_M / 0.38) + 0.005 * np.sin(
        2 * np.pi * POSITION_M / 0.12
    )
    shape[60:62] += streak
    filtered = shape.copy()
    for _ in range(count):
        filtered = filtered + FILTER * (shape + rng.normal(0, 0.0035, shape.size) - filtered)
        yield filtered


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_profile_marks_no_lane(seed):
    watch = LaneWatch()
    assert [mark for one in profiles(seed, 500) for mark in watch.take(one, 10.0)] == []


def test_a_streak_marks_its_lanes_and_their_end():
    watch = LaneWatch()
    marks = [mark for one in profiles(1, 40, -0.06) for mark in watch.take(one, 12.5)]
    assert len(marks) == 1
    mark = marks[0]
    assert (mark.from_m, mark.to_m) == pytest.approx((0.0475, 0.0575))
    assert mark.depth == pytest.approx(-0.06, abs=0.01)
    assert (mark.marked, mark.label_m) == (True, 12.5)
    assert int(watch.marked.sum()) == 2
    marks = [mark for one in profiles(2, 40) for mark in watch.take(one, 80.0)]
    assert [mark.marked for mark in marks] == [False]
    assert not watch.marked.any()


class Peel:
    """The tension behind the peel line at ten readings a second."""

    def __init__(self) -> None:
        self.table = TagTable(pilot())
        self.watch = PeelWatch(self.table)
        self.rng = np.random.default_rng(3)
        self.known = [math.nan] * len(self.table.names)
        self.known[self.table.index("NIC-231.SP")] = 30.0
        self.tick = 0

    def run(self, seconds: float, sigma: float, mean: float = 30.0, slope: float = 0.0) -> float:
        row = self.table.index("NT-231.PV")
        most = 0.0
        for k in range(round(seconds * 10)):
            self.tick += 1
            now = T0 + self.tick * 100_000_000
            self.known[row] = mean + slope * k / 10 + float(self.rng.normal(0.0, sigma))
            self.watch.step(SimpleNamespace(known=self.known, now_ns=now), now, 0.1)
            value, quality = self.table.read(self.table.index("QI-PEEL.SHAKE"), now)
            if quality == 0:
                most = max(most, value)
        return most


def test_hum_ramps_and_one_jump_of_tension_are_no_sticking():
    peel = Peel()
    assert peel.run(600, 0.5) < 0.75
    assert peel.run(120, 0.5, slope=0.2) < 0.75
    assert peel.run(60, 0.5, mean=12.0) < 0.9


def test_spikes_of_a_sticking_gel_are_far_above_the_limit():
    peel = Peel()
    peel.run(60, 0.5)
    assert peel.run(60, 2.8) > 2.5


def test_a_slack_web_has_no_shake():
    peel = Peel()
    peel.known[peel.table.index("NIC-231.SP")] = 0.0
    assert peel.run(AVERAGE_S + 30, 3.0) == 0.0


def test_only_a_bolt_that_does_not_follow_is_stuck():
    watch = BoltWatch(3)
    actual = [110.0] * 3
    found: list[int] = []
    for target in (0.0, 1.0, 2.0, 4.0):
        actual[0] = 110.0 + target / 0.35
        actual[1] = 110.0 + 0.8 * target / 0.35  # weak, but alive
        for _ in range(round(REST_S) + 50):
            found += watch.step([target] * 3, actual, 1.0)
    assert found == [2]
    assert watch.stuck == {2}


@pytest.mark.parametrize(("depth", "marks"), [(-0.0185, 1), (-0.003, 0)])
def test_a_lane_as_wide_as_a_bolt_is_marked_once_the_wide_shape_is_tuned(depth, marks):
    rng = np.random.default_rng(7)
    shape = 0.002 * np.sin(2 * np.pi * POSITION_M / 0.38)
    shape[57:62] += depth
    watch, filtered, found = LaneWatch(), shape.copy(), []
    for _ in range(60):
        filtered = filtered + FILTER * (shape + rng.normal(0, 0.0035, shape.size) - filtered)
        found += watch.take(filtered, 50.0)
    here = [mark for mark in found if mark.from_m < 0.045 < mark.to_m and mark.marked]
    assert len(here) >= marks
    assert bool(found) is bool(marks)
