"""Frozen thermocouples, and zones on their second one: found soon, limited, given back by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from controller.frozen import FROZEN_S, FrozenThermocouples
from controller.gate import Gate
from controller.second import HIGHEST_PCT, Runs, SecondDrive, SecondThermocouples
from controller.tags import TagTable
from drivers.base import Block, Quality, is_good
from tests.fake_line import pilot

LINE = pilot()
T0 = 1_767_225_600_000_000_000
OWN, SECOND, DUTY = "TIC-506.PV", "TT-506.PV", "TIC-506.OP"
ZONES = [zone for zone in LINE.zone if zone.independent is not None]


class Oven:
    """Thirteen zones at their set points with noise, seen by the checks once a second."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.table = TagTable(LINE)
        self.names = [
            name
            for zone in ZONES
            for name in (f"{zone.loop}.PV", zone.independent, f"{zone.loop}.OP", zone.contactor)
        ]
        self.names += [f"{z.loop}.MOP" for z in ZONES if z.kind == "tenter"]
        self.writer = self.table.attach(Block("oven", tuple(self.names), 0.5))
        self.frozen = FrozenThermocouples(LINE, self.table)
        self.tripped: set[str] = set()
        self.watch = SecondThermocouples(LINE, self.table, lambda name: name in self.tripped)
        self.drive = SecondDrive(self.watch, self.table, self.put)
        self.temperature = 400.0
        self.slope = 0.0
        self.contactors = 1.0
        self.shown: dict[str, float] = {}
        self.events: list[str] = []
        self.t = 0
        for zone in ZONES:
            self.table.request[self.table.index(f"{zone.loop}.SP")] = 400.0

    def put(self, tag: str, value: float, reason: str, now_ns: int) -> list[str]:
        assert reason
        self.table.request[self.table.index(tag)] = value
        return []

    def asked(self, tag: str) -> float:
        return float(self.table.request[self.table.index(tag)])

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.t += 1
            self.temperature += self.slope
            now = T0 + self.t * 1_000_000_000
            values = [self.value(name) for name in self.names]
            quality = [
                int(Quality.BAD_SENSOR_FAILURE if math.isnan(value) else Quality.GOOD)
                for value in values
            ]
            self.writer.write(values, quality, now, now)
            snapshot = self.table.snapshot(now)
            events = [*self.frozen.step(snapshot), *self.watch.step(snapshot, now, 1.0)]
            self.drive.step(snapshot, now, 1.0)
            self.good = is_good(int(snapshot.quality[self.table.index(OWN)]))
            self.events += [f"{event.verb} {event.tag}" for event in events]

    def value(self, name: str) -> float:
        if name in self.shown:
            return self.shown[name]
        if name.endswith(".OP"):
            return 44.0
        if name.endswith(".MOP"):
            return float(np.nan_to_num(self.table.request[self.table.index(name)]))
        if name.startswith("XC-"):
            return self.contactors
        return round(self.temperature + float(self.rng.normal(0.0, 0.15)), 1)

    @property
    def runs(self) -> Runs:
        return next(zone.runs for zone in self.watch.zones if zone.name == "T6")


@pytest.mark.parametrize("seed", range(5))
def test_live_thermocouples_are_never_called_frozen_at_rest_or_in_a_ramp(seed):
    oven = Oven(seed)
    oven.run(1800)
    oven.slope = 10.0 / 60.0
    oven.run(600)
    oven.slope = -10.0 / 60.0
    oven.run(900)
    assert oven.events == []


def test_a_frozen_thermocouple_is_bad_after_two_minutes_and_the_zone_changes_over():
    oven = Oven()
    oven.run(200)
    oven.shown[OWN] = 400.2
    oven.run(round(FROZEN_S) - 1)
    assert oven.good
    oven.run(5)
    assert not oven.good
    assert oven.runs is Runs.SECOND
    assert oven.events[:2] == ["frozen TIC-506.PV", "thermocouple TIC-506.SECOND"]
    del oven.shown[OWN]
    oven.run(2)
    assert oven.good
    assert "moves TIC-506.PV" in oven.events


def test_nothing_is_frozen_while_nobody_heats_or_nothing_else_moved():
    oven = Oven()
    oven.contactors = 0.0
    oven.shown[OWN] = 25.0
    oven.run(600)
    assert oven.events == []
    oven = Oven()
    oven.shown |= {OWN: 400.0, SECOND: 400.3}
    oven.run(600)
    assert "frozen TIC-506.PV" not in oven.events


def test_a_burnt_out_one_that_agreed_before_hands_over_within_a_second():
    oven = Oven()
    oven.run(200)
    oven.shown[OWN] = math.nan
    oven.run(1)
    assert oven.runs is Runs.SECOND
    oven.run(3)
    assert oven.asked("TIC-506.MOP") == pytest.approx(44.0, abs=1.0)
    assert oven.asked("TIC-506.MAN") == 1.0


@pytest.mark.parametrize(
    "shown",
    [
        {SECOND: 411.0},  # it did not agree
        {SECOND: math.nan},  # there is none
        {DUTY: math.nan},  # the controller itself is silent
    ],
)
def test_without_a_second_one_to_believe_the_zone_stays_with_its_trip(shown):
    oven = Oven()
    oven.shown |= shown
    oven.run(400)
    oven.shown[OWN] = math.nan
    oven.run(30)
    assert oven.runs is Runs.OWN
    assert math.isnan(oven.asked("TIC-506.MAN"))


def test_the_output_follows_the_second_one_and_stays_under_the_reduced_maximum():
    oven = Oven()
    oven.run(200)
    oven.shown[OWN] = math.nan
    oven.run(5)
    oven.shown[SECOND] = 390.0
    oven.run(300)
    assert oven.asked("TIC-506.MOP") == pytest.approx(min(HIGHEST_PCT, 44.0 * 1.25 + 5.0), abs=0.6)
    oven.shown[SECOND] = 440.0
    oven.run(5)
    assert oven.asked("TIC-506.MOP") == 0.0


@pytest.mark.parametrize("cause", ["second", "contactor"])
def test_when_the_second_one_or_the_heat_is_lost_the_output_goes_to_nothing(cause):
    oven = Oven()
    oven.run(200)
    oven.shown[OWN] = math.nan
    oven.run(5)
    if cause == "second":
        oven.shown[SECOND] = math.nan
    else:
        oven.contactors = 0.0
    oven.run(3)
    assert oven.runs is Runs.NONE
    assert (oven.asked("TIC-506.MOP"), oven.asked("TIC-506.MAN")) == (0.0, 1.0)
    oven.shown.pop(SECOND, None)
    oven.contactors = 1.0
    oven.run(120)
    assert oven.runs is Runs.NONE  # nothing comes back by itself


def test_only_a_person_gives_the_zone_back_to_its_own_thermocouple():
    oven = Oven()
    oven.run(200)
    oven.shown[OWN] = math.nan
    oven.tripped.add("IL9S-T6")
    oven.run(30)
    del oven.shown[OWN]
    oven.run(30)
    assert oven.runs is Runs.SECOND
    oven.run(60)
    assert oven.runs is Runs.WAITS
    assert oven.asked("TIC-506.MAN") == 1.0
    oven.tripped.clear()
    oven.run(3)
    assert oven.runs is Runs.OWN
    assert (oven.asked("TIC-506.MAN"), oven.asked("TIC-506.MOP")) == (0.0, 0.0)


def test_zones_whose_controller_takes_no_output_have_no_second_way():
    assert [zone.name for zone in SecondThermocouples(LINE, TagTable(LINE), bool).zones] == [
        f"T{k}" for k in range(1, 9)
    ]


def test_a_set_point_on_its_second_thermocouple_is_not_shed():
    table = TagTable(LINE)
    names = ("TIC-506.PV", "TIC-505.PV")
    writer = table.attach(Block("pv", names, 0.5))
    port = SimpleNamespace(put=lambda *_: None, command=lambda *_: None)
    gate = Gate(LINE, table, port)
    for loop in (505, 506):
        table.request[table.index(f"TIC-{loop}.SP")] = 300.0
    second = table.index("TIC-506.SECOND")
    for k in range(40):
        now = T0 + k * 100_000_000
        writer.write((math.nan, math.nan), int(Quality.BAD_SENSOR_FAILURE), now, now)
        table.set_calculated(second, 1.0, int(Quality.GOOD), now)
        gate.step(table.snapshot(now), 0.1)
    assert list(gate.shed_outputs()) == ["TIC-505.SP"]
