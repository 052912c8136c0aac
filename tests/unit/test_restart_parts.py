"""A restart's parts: what is remembered, what is compared, which way is open."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from controller.film.transport import FilmTransport
from controller.procedure.states import State
from controller.restart.compare import actual_speeds, compare
from controller.restart.memory import Outputs, Protection, read_film, read_outputs, read_units
from controller.restart.policy import LONGEST_S, Situation, Way, decide
from tests.fake_line import FakeLine

QUIET = Situation(
    state=State.RUNNING,
    outage_s=3.0,
    film_m=0.0,
    casting=True,
    believed=True,
    in_tenter=False,
    rails_m_min=2.0,
    hottest_c=480.0,
)
FILM = replace(QUIET, film_m=44.0, in_tenter=True)


@pytest.mark.parametrize(
    ("now", "way"),
    [
        (QUIET, Way.RESUME),
        (replace(QUIET, outage_s=7200.0), Way.RESUME),
        (FILM, Way.ANEW),
        (replace(FILM, casting=False), Way.RESUME),
        (replace(FILM, outage_s=LONGEST_S), Way.ANEW),
        (replace(FILM, outage_s=LONGEST_S + 1.0), Way.STOP),
        (replace(FILM, casting=False, outage_s=LONGEST_S + 1.0), Way.STOP),
        (replace(FILM, believed=False), Way.STOP),
        (replace(FILM, rails_m_min=0.2), Way.STOP),
        (replace(FILM, rails_m_min=math.nan), Way.STOP),
        (replace(FILM, rails_m_min=0.2, hottest_c=200.0), Way.ANEW),
        (replace(FILM, rails_m_min=0.2, hottest_c=math.nan), Way.STOP),
        (replace(FILM, rails_m_min=0.3), Way.ANEW),
        (replace(QUIET, in_tenter=True, rails_m_min=0.0), Way.STOP),
        (replace(QUIET, state=State.STOPPING), Way.STOP),
        (replace(QUIET, state=State.ABORTING), Way.STOP),
        (replace(QUIET, state=State.HELD), Way.RESUME),
    ],
)
def test_the_way_follows_from_outage_film_and_what_went_on(now, way):
    verdict = decide(now)
    assert verdict.way is way
    assert verdict.why


def test_protection_reads_back_as_it_was_written():
    shelf = {"state": "shelved", "since_ns": 5, "order": 2, "until_ns": 9, "reason": "cleaning"}
    before = Protection(State.HOLDING, "why", ("IL10", "IL1-B1"), {"PIT-110.PV/HH": shelf}, 17)
    assert Protection.read(before.text()) == before


def test_outputs_are_put_together_from_the_last_session_on():
    rows = [
        '{"first": true, "changed": {"A.SP": 1.0, "B.SP": 2.0}, "gone": [], "on": ["exhaust"]}',
        '{"first": true, "changed": {"A.SP": 3.0, "C.SP": 4.0}, "gone": [], "on": []}',
        '{"first": false, "changed": {"C.SP": 5.0}, "gone": ["A.SP"], "on": ["md"]}',
    ]
    assert read_outputs([(n, row) for n, row in enumerate(rows)]) == Outputs({"C.SP": 5.0}, ("md",))


def test_entries_of_units_are_told_from_other_subjects():
    oven = (
        '{"ns": 5, "state": 1, "unit": "oven", "phase": "soak_oven", "step": "soak", '
        '"counters": {"soak_s": 61.0}, "done": ["ramp_oven"]}'
    )
    found = read_units({"oven": (5, oven), "roll": (6, '{"name": "R01"}'), "film": (7, "{}")})
    assert list(found) == ["oven"]
    assert found["oven"].counters == {"soak_s": 61.0}
    assert found["oven"].done == ("ramp_oven",)
    assert found["oven"].state is State.RUNNING


# --- journal and plant ---------------------------------------------------------------------------


def test_differences_are_what_the_devices_let_go_of_and_what_nobody_asked_for():
    line = FakeLine().line
    wanted = Outputs({"XC-501.CMD": 1.0, "TIC-501.SP": 150.0, "SIC-210.RUN": 1.0})
    shown = {"XC-501.CMD": 0.0, "TIC-501.SP": 150.0, "SIC-210.RUN": 1.0, "XC-502.CMD": 1.0}
    rows = compare(line, wanted, lambda tag: shown.get(tag, 0.0))
    assert {row.tag: (row.wanted, row.found) for row in rows if not math.isnan(row.wanted)} == {
        "XC-501.CMD": (1.0, 0.0)
    }
    assert [row.tag for row in rows if math.isnan(row.wanted)] == ["XC-502.CMD"]
    assert "only a person" in rows[0].note


def test_a_device_that_does_not_answer_is_a_difference_and_no_number():
    line = FakeLine().line
    rows = compare(line, Outputs({"TIC-501.SP": 150.0}), lambda _tag: math.nan)
    assert [row.tag for row in rows] == ["TIC-501.SP"]
    assert rows[0].row()["found"] is None
    assert "not GOOD" in rows[0].text()


def test_drives_at_their_own_safe_speed_are_told():
    line = FakeLine().line
    wanted = Outputs({"SIC-210.RUN": 1.0, "SIC-210.SP": 2.0, "SIC-211.RUN": 0.0, "SIC-211.SP": 2.0})
    shown = {"SIC-210.ACT": 1.0, "SIC-211.ACT": 0.0}
    rows = actual_speeds(line, wanted, lambda tag: shown[tag])
    assert [(row.tag, row.wanted, row.found) for row in rows] == [("SIC-210.ACT", 2.0, 1.0)]


# --- film ----------------------------------------------------------------------------------------


class Film:
    """A film position fed by hand: belt, rails and winder at one speed."""

    def __init__(self, plant: FakeLine) -> None:
        self.plant = plant
        self.film = FilmTransport(plant.line, plant.table, 1.005)
        self.at_m = 100.0
        self.ns = 0

    def go(self, seconds: float, m_min: float = 2.0, *, casting: bool = True, add: float = 0.0):
        """Move on in scans of a second; ``add`` jumps the counters first."""
        self.at_m += add
        for _ in range(round(seconds)):
            self.ns += 1_000_000_000
            self.at_m += m_min / 60.0
            known = [math.nan] * len(self.plant.table)
            readings = {
                "ZC-210.PV": self.at_m, "ZC-510.PV": 1.005 * self.at_m,
                "ZC-701.PV": 1.005 * self.at_m, "SIC-210.ACT": m_min, "SIC-510.ACT": m_min,
                "SIC-701.ACT": m_min, "XV-110.CMD": float(casting),
                "SIC-110.ACT": 20.0 if casting else 0.0,
            }  # fmt: skip
            for tag, value in readings.items():
                known[self.plant.table.index(tag)] = value
            self.film.step(type("Seen", (), {"known": known, "now_ns": self.ns})(), self.ns, 1.0)


STATIONS = ("DIE", "PEEL", "PIN", "T8", "WIND")


def cast_through(rig: Film) -> list[dict[str, float]]:
    """A line full of film; returns what was remembered every 5 s."""
    kept = []
    for _ in range(420):
        rig.go(5)
        kept.append(rig.film.memory(rig.ns))
    return kept


def test_labels_go_on_by_the_counters_through_an_outage():
    first = Film(FakeLine())
    kept = cast_through(first)
    first.go(3)  # lived on after its last memory
    again = Film(FakeLine())
    again.at_m, again.ns = first.at_m, first.ns
    memories = read_film([(0, json.dumps(memory)) for memory in kept])
    assert len(memories) < len(kept), "only film that can be on the line is read"
    again.film.come_back(memories, 3.0 + 40.0)
    first.go(40, 1.0, casting=False)
    again.go(0, add=40 / 60.0)
    again.ns = first.ns
    first.go(2, 1.0, casting=False)
    again.go(2, 1.0, casting=False)
    assert again.film.believed
    for station in STATIONS:
        assert again.film.label(station) == pytest.approx(first.film.label(station), abs=0.02)
    assert again.film.in_tenter == first.film.in_tenter
    lag = again.film.cast_m - first.film.cast_m
    assert 0.0 <= lag < 0.2, "the tail is never thought to be further on than it can be"


def test_a_counter_without_power_makes_the_labels_uncertain_until_the_line_is_empty():
    first = Film(FakeLine())
    kept = cast_through(first)
    again = Film(FakeLine())
    again.at_m, again.ns = 0.0, first.ns + 5_000_000_000
    again.film.come_back(kept, 5.0)
    again.go(2)
    assert not again.film.believed
    again.film.switch("film.line_empty", True, again.ns)
    assert again.film.believed
