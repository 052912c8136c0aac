"""Passes of the traversing gauges, quality figures, gel film estimates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from controller.film.gauges import FilmGauges
from controller.film.gel import GelLaw, gel_law
from controller.film.profile import BINS, POSITION_M, Traverse
from drivers.base import Block, Quality
from tests.fake_line import FakeLine, core25, materials

LAW = GelLaw(water=0.08955, imide_kg_m3=1470.0, draw=1.0, imidization=0.069)


def shape(x):
    return 25.0 * (1.0 + 0.01 * math.sin(2 * math.pi * x / 0.2))


class Frame:
    """A frame at 10 Hz: 10 s forward, 2 s back, spots held for ``hold`` scans."""

    def __init__(self, hold=1, noise=0.0, seed=0):
        self.x, self.back, self.hold, self.k = -0.25, False, hold, 0
        self.value = math.nan
        self.rng = np.random.default_rng(seed)
        self.noise = noise

    def step(self):
        if self.back:
            self.x -= 0.025
            if self.x <= -0.25:
                self.x, self.back = -0.25, False
        else:
            self.x += 0.005
            if self.x >= 0.25:
                self.back = True
        if self.back:
            self.value = math.nan
        elif self.k % self.hold == 0 or math.isnan(self.value):
            self.value = shape(self.x) * (1 + self.noise * self.rng.normal())
        self.k += 1
        return self.x, self.value


def run(traverse, frame, seconds, **kwargs):
    done = []
    for k in range(round(seconds * 10)):
        x, value = frame.step()
        if traverse.take(x, value, k * 100_000_000, kwargs.get("label", 60.0), 5.0):
            done.append(k)
    return done


def test_a_pass_every_twelve_seconds_with_every_bin_seen():
    passes = []
    scanner = Traverse("GT-601.PV", 0.005, 2.0, passes.append)
    done = run(scanner, Frame(), 61)
    assert len(done) == 5
    assert scanner.passes == 5
    seen = np.isfinite(passes[1].value)
    assert seen.mean() > 0.97
    expected = np.array([shape(x) for x in POSITION_M])
    assert passes[1].value[seen] == pytest.approx(expected[seen], abs=0.05)
    assert scanner.mean == pytest.approx(25.0, rel=0.002)
    assert scanner.two_sigma_pct() == pytest.approx(100 * 0.01 * math.sqrt(2), rel=0.1)
    assert passes[1].end_ns - passes[1].start_ns <= 12_000_000_000


def test_the_gel_gauges_held_spots_cover_their_own_width():
    gel = Traverse("WT-231.PV", 0.025, 5.0)
    run(gel, Frame(hold=5), 61)
    assert np.isfinite(gel.filtered).mean() > 0.95
    assert gel.two_sigma_pct() == pytest.approx(1.414, rel=0.2)


def test_the_filter_takes_noise_down_and_keeps_the_profile():
    scanner = Traverse("GT-601.PV", 0.005, 2.0)
    frame = Frame(noise=0.0035, seed=3)
    run(scanner, frame, 30)
    early = scanner.two_sigma_pct()
    run(scanner, frame, 600)
    assert scanner.two_sigma_pct() == pytest.approx(math.hypot(1.414, 0.7 / 3), rel=0.12)
    assert early > scanner.two_sigma_pct() - 0.05


def test_a_parked_gauge_ends_its_pass_and_measures_nothing():
    passes = []
    scanner = Traverse("GT-601.PV", 0.005, 2.0, passes.append)
    frame = Frame()
    run(scanner, frame, 8)
    for k in range(50):
        scanner.take(0.28, math.nan, 10_000_000_000 + k, 60.0, 5.0)
    assert [p.counted for p in passes] == [True]
    for k in range(50):
        scanner.take(math.nan, math.nan, 11_000_000_000 + k, 60.0, 5.0)
    assert len(passes) == 1


def test_a_short_pass_is_recorded_but_does_not_count():
    passes = []
    scanner = Traverse("GT-601.PV", 0.005, 2.0, passes.append)
    run(scanner, Frame(), 3)
    scanner.take(math.nan, math.nan, 4_000_000_000, 60.0, 5.0)
    assert [p.counted for p in passes] == [False]
    assert scanner.passes == 0
    assert math.isnan(scanner.two_sigma_pct())


def test_a_reading_too_small_to_be_film_is_not_film():
    gel = Traverse("WT-231.PV", 0.025, 5.0)
    for k in range(240):
        gel.take(-0.25 + (k % 120) * 0.004, 0.1 + k * 1e-4, k * 100_000_000, 60.0, 5.0)
    assert gel.passes == 0


def test_loss_on_heating_from_solvent_is_the_specifications():
    assert LAW.loss_on_heating(31.1) == pytest.approx(36.9, abs=0.1)
    assert LAW.loss_on_heating(0.0) == pytest.approx(100 * 0.08955 * 0.931 / (1 - 0.08955 * 0.069))
    dry = GelLaw(water=0.08955, imide_kg_m3=1470.0, draw=1.0, imidization=1.0)
    assert dry.loss_on_heating(0.0) == 0.0


def test_core_from_gel_weight_closes_the_mass_balance():
    imide = 40.364 * (1 - 0.08955)
    weight = imide / (1 - 0.369)
    assert LAW.core_um(weight, 36.9) == pytest.approx(25.0, abs=0.05)


def test_the_law_comes_from_recipe_and_material():
    law = gel_law(core25(), materials().polymers["s-BPDA/PPD"], 0.07)
    assert law.imidization == 0.07
    assert law.water == pytest.approx(0.08955, abs=2e-4)
    assert law.draw == pytest.approx(1.005)


class Rig:
    def __init__(self):
        self.plant = FakeLine()
        self.labels = self.plant.table.attach(
            Block("test.labels", ("film.GEL.S", "film.SCAN.S", "film.ROLL_M"), 1.0)
        )
        self.gauges = FilmGauges(self.plant.line, self.plant.table, LAW)
        self.gel, self.scan = Frame(hold=5), Frame()
        for n in range(651, 656):
            self.plant.values[f"GT-{n}.PV"] = 0.31
        for n in range(656, 661):
            self.plant.bad.add(f"GT-{n}.PV")
        self.at = (100.0, 60.0)

    def run(self, seconds):
        v = self.plant.values
        for _ in range(round(seconds * 10)):
            x, value = self.gel.step()
            film = not math.isnan(value)
            v["ZT-231.PV"], v["WT-231.PV"] = x, value / 25.0 * 58.2 if film else 0.1
            v["AT-231.PV"] = 31.1 if film else 0.0
            v["ZT-601.PV"], v["GT-601.PV"] = self.scan.step()
            snapshot = self.plant.step(0.1)
            now = self.plant.now_ns
            self.labels.write((*self.at, 0.0), Quality.GOOD, now, now)
            self.gauges.step(snapshot, now, 0.1)

    def figure(self, tag):
        return self.plant.table.snapshot(self.plant.now_ns).good(tag)


def test_quality_figures_are_published_from_fresh_passes():
    rig = Rig()
    rig.run(40)
    assert rig.figure("QI-LOH.PEEL") == pytest.approx(36.9, abs=0.1)
    assert rig.figure("QI-LAYER.AIR") == pytest.approx(0.31)
    assert math.isnan(rig.figure("QI-LAYER.BELT"))
    assert rig.figure("QI-CORE.MEAN") == pytest.approx(25.0 - 0.31, abs=0.06)
    assert rig.figure("QI-CD2S.SCAN") == pytest.approx(1.41, abs=0.2)
    assert rig.figure("QI-CORE.GEL") == pytest.approx(25.0, abs=0.2)


def test_figures_go_bad_when_the_gauge_stops_or_there_is_no_film():
    rig = Rig()
    rig.run(40)
    rig.scan.step = lambda: (0.28, math.nan)
    rig.gel.step = lambda: (math.nan, math.nan)
    rig.run(60)
    assert math.isnan(rig.figure("QI-CORE.MEAN"))
    assert math.isnan(rig.figure("QI-LOH.PEEL"))
    fresh = Rig()
    fresh.at = (0.0, 0.0)
    fresh.run(40)
    assert math.isnan(fresh.figure("QI-LOH.PEEL"))
    assert math.isnan(fresh.figure("QI-CD2S.SCAN"))


def test_a_standardization_of_twenty_seconds_is_bridged():
    rig = Rig()
    rig.run(40)
    rig.plant.values["ZS-601.STD"] = 1.0
    rig.run(20)
    rig.plant.values["ZS-601.STD"] = 0.0
    assert not math.isnan(rig.figure("QI-CORE.MEAN"))
    rig.run(30)
    assert not math.isnan(rig.figure("QI-CORE.MEAN"))


def test_the_grid_is_half_a_meter_in_five_millimeters():
    assert POSITION_M.size == BINS == 101
    assert POSITION_M[0] == pytest.approx(-0.25)
    assert POSITION_M[-1] == pytest.approx(0.25)
