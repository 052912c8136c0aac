"""The cross-direction loop on the profile model of process specification 3.3."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from controller.film.profile import BIN_M, FILTER, POSITION_M
from controller.loops.cross_direction import (
    NEIGHBOR_UM,
    RANGE_UM,
    CrossDirectionLoop,
    ProfileController,
    bolt_response,
    limited,
    wide_features,
)
from tests.fake_line import pilot

BOLTS, WIDTH_M, DELAY_S, TAU_S = 21, 0.63, 420, 90.0
RESPONSE = bolt_response(POSITION_M, BOLTS, WIDTH_M)


def startup(seed: int) -> np.ndarray:
    """Start-up profile of two sigma 2.6 %: three sinusoids and a random walk."""
    rng = np.random.default_rng(seed)
    profile = sum(
        a * np.sin(2 * np.pi * POSITION_M / period + rng.uniform(0, 2 * np.pi))
        for period, a in ((0.38, 0.015), (0.20, 0.005), (0.12, 0.010))
    )
    walk = np.cumsum(rng.normal(0, 0.0003, POSITION_M.size))
    profile = profile + walk - walk.mean()
    profile -= profile.mean()
    return profile * 0.013 / profile.std()


class Table:
    def __init__(self):
        self.names = [f"TY-{121 + k}.OP" for k in range(BOLTS)]
        self.names += ["film.DIE.S", "film.GEL.S", "PROC.STATE", "ZS-231.STD"]
        self.names += [f"TT-{121 + k}.PV" for k in range(BOLTS)]
        self.request = np.full(len(self.names), math.nan)

    def index(self, name):
        return self.names.index(name)


class Line:
    """Bolts, transport and gel gauge around the loop."""

    def __init__(self, seed: int, gain: float = 1.0, noise: float = 0.0025) -> None:
        self.table = Table()
        self.gauge = SimpleNamespace(passes=0, filtered=np.full(POSITION_M.size, math.nan), mean=57)
        self.loop = CrossDirectionLoop(pilot(), self.table, self.put, self.gauge, POSITION_M)
        self.rng = np.random.default_rng(seed + 100)
        self.start = startup(seed)
        self.bolts = np.zeros(BOLTS)
        self.belt = [self.start] * (DELAY_S + 1)
        self.gain, self.noise = gain, noise
        self.t = 0
        self.stuck: set[int] = set()
        self.state = 1.0
        self.standardizing = 0.0

    def put(self, tag, value, reason, now_ns):
        self.table.request[self.table.index(tag)] = value
        return []

    def second(self) -> None:
        targets = np.nan_to_num(self.table.request[:BOLTS])
        free = np.array([k not in self.stuck for k in range(BOLTS)])
        self.bolts += free * (targets - self.bolts) * -math.expm1(-1.0 / TAU_S)
        self.belt.append(self.start + self.gain * (RESPONSE @ self.bolts))
        at_gauge = self.belt.pop(0)
        self.t += 1
        if self.t % 12 == 0:
            seen = at_gauge + self.rng.normal(0, self.noise, at_gauge.size)
            seen = seen - seen.mean()
            fresh = np.isnan(self.gauge.filtered)
            moved = self.gauge.filtered + FILTER * (seen - self.gauge.filtered)
            self.gauge.filtered[:] = np.where(fresh, seen, moved)
            self.gauge.passes += 1
        cast = self.t / 30.0 + 14.0
        known = [*targets, cast, cast - 14.0, self.state, self.standardizing]
        known += [110.0 + at / 0.35 for at in self.bolts]
        self.loop.step(SimpleNamespace(known=known, now_ns=0), 0, 1.0)

    def run(self, minutes: float) -> float:
        for _ in range(round(minutes * 60)):
            self.second()
        return 200.0 * float(self.belt[0].std())


@pytest.mark.parametrize("seed", range(6))
def test_from_2_6_percent_to_below_one_within_the_hour(seed):
    line = Line(seed)
    line.run(5)
    assert 200 * line.start.std() == pytest.approx(2.6)
    line.loop.switch(on=True)
    assert line.run(60) <= 1.0
    assert line.loop.actions <= 6


@pytest.mark.parametrize("gain", [0.7, 1.4])
def test_a_wrong_bolt_gain_does_not_make_it_unstable(gain):
    line = Line(1, gain)
    line.loop.switch(on=True)
    assert line.run(90) <= 1.0
    assert line.run(120) <= 0.8


def test_it_waits_for_the_film_that_shows_its_last_action():
    line = Line(2)
    line.run(5)
    line.loop.switch(on=True)
    line.run(2)
    assert line.loop.actions == 1
    line.run(9)
    assert line.loop.actions == 1
    line.run(3)
    assert line.loop.actions == 2


def test_a_streak_narrower_than_two_pitches_is_not_chased():
    line = Line(3, noise=0.0)
    line.start[:] = 0.0
    line.start[60:62] = -0.06
    line.belt = [line.start] * (DELAY_S + 1)
    line.loop.switch(on=True)
    line.run(60)
    assert np.abs(line.bolts).max() < 0.3


def test_wide_features_pass_the_filter_and_narrow_ones_do_not():
    wide = 0.01 * np.sin(2 * np.pi * POSITION_M / 0.12)
    assert wide_features(wide, BIN_M)[3:-3] == pytest.approx(wide[3:-3], abs=0.002)
    narrow = 0.01 * np.sin(2 * np.pi * POSITION_M / 0.03)
    assert np.abs(wide_features(narrow, BIN_M)[8:-8]).max() < 0.0015


def test_unseen_bins_are_bridged_and_nothing_seen_is_nothing_done():
    holes = np.where(np.arange(101) % 7 == 0, math.nan, 0.01 * np.sin(np.arange(101) / 20.0))
    assert np.isfinite(wide_features(holes, BIN_M)).all()
    assert np.all(wide_features(np.full(101, math.nan), BIN_M) == 0.0)


def test_bolts_stay_in_range_and_near_their_neighbors():
    rng = np.random.default_rng(5)
    for _ in range(50):
        bolts = limited(rng.normal(0, 30, BOLTS))
        assert np.abs(bolts).max() <= RANGE_UM
        assert np.abs(np.diff(bolts)).max() <= NEIGHBOR_UM + 1e-9


def test_a_stuck_bolt_is_left_out_and_the_others_take_over():
    profile = startup(4)
    whole, partial = (ProfileController(POSITION_M, BOLTS, WIDTH_M) for _ in range(2))
    partial.exclude(10)
    for control in (whole, partial):
        for _ in range(12):
            control.act(profile + RESPONSE @ control.bolts_um)
    assert partial.bolts_um[10] == 0.0
    left = 200 * (profile + RESPONSE @ partial.bolts_um).std()
    assert left < 1.6


def test_a_bolt_that_does_not_answer_is_found_told_and_excluded():
    line = Line(4)
    worst = int(np.abs(ProfileController(POSITION_M, BOLTS, WIDTH_M).act(line.start)).argmax())
    line.stuck.add(worst)
    line.run(10)
    line.loop.switch(on=True)
    line.run(60)
    assert line.loop.controller.excluded == {worst}
    assert [event.tag for event in line.loop.events] == [f"TY-{121 + worst}.OP"]
    assert "excluded" in line.loop.events[0].cause


@pytest.mark.parametrize("seed", range(4))
def test_bolts_that_answer_are_never_called_stuck(seed):
    line = Line(seed)
    line.loop.switch(on=True)
    line.run(180)
    assert line.loop.actions > 8
    assert not line.loop.controller.excluded


@pytest.mark.parametrize("field", [("state", 4.0), ("standardizing", 1.0)])
def test_it_stands_still_in_hold_and_while_the_gauge_standardizes(field):
    line = Line(5)
    line.run(5)
    setattr(line, *field)
    line.loop.switch(on=True)
    line.run(20)
    assert line.loop.actions == 0
    assert line.loop.frozen


def test_it_starts_from_where_the_bolts_are():
    line = Line(6)
    line.table.request[:BOLTS] = 3.0
    line.loop.switch(on=True)
    assert line.loop.controller.bolts_um == pytest.approx(np.full(BOLTS, 3.0))
