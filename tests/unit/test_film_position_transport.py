"""Film labels from counters: delays through ramps and stops, silent and restarted counters."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from controller.film.counters import Counter, Track
from controller.film.transport import FilmTransport
from tests.fake_line import FakeLine, pilot

DRAW = 1.005
STATIONS = {s.name: s.at_m for s in pilot().station}


class Rig:
    """The line's counters moved by hand, everything GOOD."""

    def __init__(self, empty: bool = True) -> None:
        self.plant = FakeLine()
        self.film = FilmTransport(self.plant.line, self.plant.table, DRAW, empty=empty)
        self.plant.values["SIC-110.ACT"] = 0.0

    def run(self, seconds, belt, rails=None, winder=None, dt=0.1):
        v = self.plant.values
        rails = belt * DRAW if rails is None else rails
        winder = rails if winder is None else winder
        for k in range(round(seconds / dt)):
            speeds = [s(k * dt) if callable(s) else s for s in (belt, rails, winder)]
            for drive, speed in zip(("210", "510", "701"), speeds, strict=True):
                self.plant.asked[f"SIC-{drive}.RUN"] = 1.0
                self.plant.asked[f"SIC-{drive}.SP"] = speed
                v[f"SIC-{drive}.ACT"] = speed
            snapshot = self.plant.step(dt)
            self.film.step(snapshot, self.plant.now_ns, dt)

    def cast(self, on=True):
        for tag, value in (("XV-110.CMD", 1.0), ("SIC-110.RUN", 1.0), ("SIC-110.SP", 13.6)):
            self.plant.asked[tag] = value if on else 0.0
        self.plant.values["SIC-110.ACT"] = 13.6 if on else 0.0

    def label(self, station):
        value, quality = self.plant.table.snapshot(self.plant.now_ns).get(f"film.{station}.S")
        return value if quality < 0x4000_0000 else math.nan


def test_labels_lag_by_the_path_at_steady_speed():
    rig = Rig()
    rig.cast()
    rig.run(3600, 1.5, dt=0.5)
    die = rig.label("DIE")
    assert die == pytest.approx(90.0, abs=0.05)
    assert rig.label("PEEL") == pytest.approx(die - 13.0)
    assert rig.label("GEL") == pytest.approx(die - 13.0 - 1.0 / DRAW, abs=0.002)
    assert rig.label("SCAN") == pytest.approx(die - 13.0 - 28.0 / DRAW, abs=0.02)
    assert rig.label("WIND") == pytest.approx(die - 13.0 - 31.0 / DRAW, abs=0.02)


def test_film_peeled_away_before_the_splice_is_nowhere_behind_the_peel_roll():
    """The leader runs there until the splice comes: a gauge must not take it for film."""
    rig = Rig()
    rig.cast()
    rig.run(20 * 60, 1.0)
    assert rig.label("GEL") > 5.0
    rig.film.switch("film.spliced", True, rig.plant.now_ns)
    spliced = rig.label("PEEL")
    rig.run(58, 1.0)
    assert math.isnan(rig.label("GEL"))
    rig.run(4, 1.0)
    assert rig.label("GEL") == pytest.approx(spliced, abs=0.05)
    assert rig.film.on_line_m() == pytest.approx(rig.label("DIE") - spliced, abs=0.05)


def test_labels_are_monotone_along_the_line():
    rig = Rig()
    rig.cast()
    rig.run(4000, lambda t: 1.0 + 0.5 * math.sin(t / 300.0), dt=0.5,
            rails=lambda t: DRAW * (1.0 + 0.5 * math.sin(t / 300.0)))  # fmt: skip
    names = ("DIE", "PEEL", "GEL", "COAT_A", "COAT_B", "PIN", "T1", "T4", "T8", "SCAN", "WIND")
    labels = [rig.label(name) for name in names]
    assert labels == sorted(labels, reverse=True)


def test_a_piece_of_film_is_found_at_every_station_through_a_ramp_and_a_stop():
    """Follow the piece cast at label 20 m by its own travel and compare."""
    rig = Rig()
    rig.cast()

    def belt(t):
        if 900 <= t < 1200:
            return 0.0
        return 1.0 + min(1.0, max(0.0, (t - 300.0) * 0.2 / 60.0))

    travel, seen, t = 0.0, {}, 0.0
    while len(seen) < 5 and t < 4000:
        speed = belt(t)
        rig.run(1.0, speed, dt=0.5)
        t += 1.0
        travel += speed / 60.0
        for name in ("PEEL", "PIN", "T8", "SCAN", "WIND"):
            at = STATIONS[name]
            path = min(at, 13.0) + max(0.0, at - 13.0) / DRAW
            if name not in seen and travel >= 20.0 + path:
                seen[name] = rig.label(name)
    assert {name: pytest.approx(20.0, abs=0.06) for name in seen} == seen
    assert len(seen) == 5


def test_before_the_first_film_labels_are_uncertain_and_zero():
    rig = Rig()
    rig.run(60, 1.0)
    value, quality = rig.plant.table.snapshot(rig.plant.now_ns).get("film.PEEL.S")
    assert (value, quality) == (0.0, 0x4000_0000)
    rig.cast()
    rig.run(60, 1.0)
    assert math.isnan(rig.label("PEEL"))
    assert rig.label("DIE") == pytest.approx(1.0, abs=0.05)


def test_a_recirculating_pump_casts_nothing():
    rig = Rig()
    rig.cast()
    rig.plant.asked["XV-110.CMD"] = 0.0
    rig.run(60, 1.0)
    assert rig.film.cast_m == 0.0
    assert math.isnan(rig.label("DIE"))


def test_cast_meters_stop_with_casting_while_the_labels_go_on():
    rig = Rig()
    rig.cast()
    rig.run(600, 1.0)
    rig.cast(on=False)
    rig.run(300, 1.0)
    assert rig.film.cast_m == pytest.approx(10.0, abs=0.05)
    assert rig.label("DIE") == pytest.approx(15.0, abs=0.05)


def test_roll_meters_count_only_while_collecting():
    rig = Rig()
    rig.run(60, 2.0)
    rig.film.switch("film.collect", True, 0)
    rig.run(60, 2.0)
    rig.film.switch("film.collect", False, 0)
    rig.run(60, 2.0)
    assert rig.film.roll_m == pytest.approx(2.0 * DRAW, abs=0.01)
    rig.film.new_roll()
    assert rig.film.roll_m == 0.0


def test_an_unknown_switch_is_an_error():
    with pytest.raises(KeyError):
        Rig().film.switch("film.fly", True, 0)


def test_an_unknown_tenter_counts_as_full_until_a_person_has_looked():
    rig = Rig(empty=False)
    rig.run(2, 0.0)
    assert rig.plant.table.snapshot(rig.plant.now_ns).good("film.IN_TENTER") == 1.0
    rig.film.switch("film.tenter_empty", True, 0)
    rig.run(1, 0.0)
    assert rig.plant.table.snapshot(rig.plant.now_ns).good("film.IN_TENTER") == 0.0
    rig.film.switch("film.leader", True, 0)
    rig.run(1, 0.0)
    assert rig.plant.table.snapshot(rig.plant.now_ns).good("film.IN_TENTER") == 1.0


def test_rails_that_go_on_after_a_belt_stop_carry_the_last_film_out():
    rig = Rig()
    rig.cast()
    rig.run(3600, 1.0, dt=0.5)
    last = rig.label("PIN")
    rig.run(1200, 0.0, rails=DRAW, dt=0.5)
    assert rig.label("T8") == pytest.approx(last, abs=0.06)


def test_a_silent_counter_is_bridged_by_the_speed_and_made_good_afterwards():
    rig = Rig()
    rig.cast()
    rig.run(300, 2.0)
    rig.plant.bad.add("ZC-210.PV")
    rig.run(30, 2.0)
    assert rig.film.label_at_die() == pytest.approx(11.0, abs=0.05)
    assert math.isnan(rig.label("DIE")), "resting on the speed is not GOOD"
    rig.plant.bad.clear()
    rig.run(2, 2.0)
    assert rig.label("DIE") == pytest.approx(332 / 30.0, abs=0.04)


def test_the_counter_wraps():
    counter = Counter(0.0001)
    wrap = 2**32 * 0.0001
    counter.step(wrap - 0.01, 0.03, 0.1)
    assert counter.step(0.02, 0.03, 0.1) == pytest.approx(0.03, abs=1e-6)


def test_a_counter_that_started_again_is_told_and_not_counted():
    rig = Rig()
    rig.run(10, 2.0)
    before = rig.film.belt.meters
    rig.plant.values["ZC-210.PV"] = 5000.0
    snapshot = rig.plant.step(0.1)
    (event,) = rig.film.step(snapshot, rig.plant.now_ns, 0.1)
    assert event.verb == "counter"
    assert rig.film.belt.meters == before


def test_a_track_finds_what_passed_and_knows_what_it_has_not_seen():
    track = Track(10.0)
    for k in range(101):
        track.mark(k * 0.1, k * 0.05)
    assert track.label(10.0, 5.0, 4.0) == pytest.approx(3.0)
    assert math.isnan(track.label(10.0, 5.0, 10.5))
    assert track.label(10.05, 5.025, 0.0) == pytest.approx(5.0, abs=0.03)


def test_a_restart_goes_on_from_the_record():
    rig = Rig()
    rig.film.restore(120.0, 30.0)
    rig.run(30, 2.0)
    assert rig.label("DIE") == pytest.approx(121.0, abs=0.04)
    assert rig.film.roll_m == 30.0


def test_the_group_is_published_once_a_second():
    rig = Rig()
    written = []
    rig.film._writer = SimpleNamespace(write=lambda *a: written.append(a))
    rig.run(10, 1.0)
    assert len(written) == 10
