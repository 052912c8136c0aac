"""Every value of a moving gauge has the place where it was taken, however late it comes."""

from __future__ import annotations

import math
from collections import deque

import pytest

from controller.errors import WiringError
from controller.film.profile import BINS, Traverse
from controller.film.spots import Spots
from controller.tags import TagTable
from drivers.base import Block, Quality
from tests.core_rig import make_line

MS = 1_000_000
TENTH = 100 * MS
SPEED_M_S = 0.05


class Carriage:
    """A gauge that moves across the web; its values come when the network lets them."""

    def __init__(self):
        self.values, self.positions = deque(), deque()
        self.spots = Spots(self.values, self.positions)

    def place(self, at_ns):
        return -0.25 + SPEED_M_S * at_ns * 1e-9

    def scan(self, number, *, taken=()):
        """One scan: the position was read at it, these values have arrived since the last."""
        self.positions.append((number * TENTH, self.place(number * TENTH)))
        self.values.extend((at_ns, 25.0 + at_ns * 1e-12) for at_ns in taken)
        return self.spots.take(number * TENTH)


def test_a_value_gets_the_place_of_its_own_time_and_not_of_the_scan():
    carriage = Carriage()
    assert carriage.scan(1) == []
    [(x_m, value)] = carriage.scan(2, taken=[130 * MS])
    assert x_m == pytest.approx(carriage.place(130 * MS))
    assert value == pytest.approx(25.0 + 130 * MS * 1e-12)


def test_two_values_between_two_scans_are_two_spots():
    carriage = Carriage()
    carriage.scan(1)
    carriage.scan(2)
    found = carriage.scan(3, taken=[110 * MS, 210 * MS])
    assert [x for x, _ in found] == pytest.approx(
        [carriage.place(110 * MS), carriage.place(210 * MS)]
    )


def test_a_value_waits_for_the_position_after_it_but_not_for_ever():
    carriage = Carriage()
    carriage.scan(1)
    assert carriage.scan(2, taken=[250 * MS]) == []
    assert len(carriage.scan(3)) == 1
    carriage.values.append((3_000 * MS, 25.0))
    assert carriage.spots.take(3_500 * MS) == []
    [(x_m, _)] = carriage.spots.take(4_100 * MS)
    assert math.isnan(x_m), "nobody knows where it was taken"


def test_between_positions_far_apart_there_is_no_place():
    carriage = Carriage()
    carriage.scan(1)
    [(x_m, _)] = carriage.scan(9, taken=[400 * MS])
    assert math.isnan(x_m)


def test_an_unknown_position_makes_the_place_unknown():
    carriage = Carriage()
    carriage.scan(1)
    carriage.positions.append((2 * TENTH, math.nan))
    carriage.values.append((150 * MS, 25.0))
    [(x_m, _)] = carriage.spots.take(2 * TENTH)
    assert math.isnan(x_m)


def test_a_value_late_once_a_second_leaves_no_lane_unseen():
    """What a live line showed: each tenth value came just after the scan, and a lane was lost."""
    carriage, passes = Carriage(), []
    traverse = Traverse("GT-601.PV", 0.005, 2.0, passes.append)
    waiting = []
    for number in range(103):
        taken = [*waiting, number * TENTH - 10 * MS] if number % 10 else []
        waiting = [] if number % 10 else [number * TENTH - 10 * MS]
        for x_m, value in carriage.scan(number, taken=taken):
            traverse.take(x_m, value, number * TENTH, 1.0, math.nan)
    traverse.take(math.nan, math.nan, 104 * TENTH, 1.0, math.nan)
    [taken] = passes
    seen = sum(math.isfinite(value) for value in taken.value)
    assert seen >= BINS - 2, "but for the edges every lane was seen"


def test_every_sample_of_a_kept_tag_is_there_with_its_time_and_bad_ones_are_unknown():
    table = TagTable(make_line())
    writer = table.attach(Block("io", ("TIC-501.PV", "SIC-110.SP"), 0.5))
    samples = table.keep("SIC-110.SP")
    writer.write([20.0, 21.0], Quality.GOOD, 5, 6)
    writer.write([20.0, 22.0], [Quality.GOOD, Quality.BAD], 7, 8)
    writer.fail(Quality.BAD_TIMEOUT, "no reply", 9, 10)
    assert samples[0] == (5, 21.0)
    assert [at_ns for at_ns, _ in samples] == [5, 7, 9]
    assert all(math.isnan(value) for _, value in list(samples)[1:])
    with pytest.raises(WiringError):
        table.keep("SIC-210.SP")
