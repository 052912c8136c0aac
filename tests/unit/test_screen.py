"""The live picture: what rests is quiet, what is wrong has a word, what never ends says so."""

from __future__ import annotations

import json
import math

import pytest
from rich.console import Console

from controller.operating.picture import _left
from controller.operating.screen import screen

VALUE = {"tag": "QI-CORE.MEAN", "value": None, "unit": "um", "quality": "BAD", "good": False}
STATUS = {
    "simulated": True, "title": "Pilot line", "recipe": "r", "lot": "l", "state": "RUNNING",
    "state_s": 61.0, "now_ns": 0, "you": "ann", "role": "operator", "asks": [], "trips": [],
    "alarms": [], "manual": [], "shed": {}, "links": {}, "record": "", "units": [], "zones": [],
    "values": [], "loops": {}, "scan": {"scans": 1, "late": 0},
    "meters": {"cast_m": 0.0, "in_line_m": 0.0, "roll_m": 0.0, "roll_length_m": 100.0,
               "collecting": False, "left_min": None},
}  # fmt: skip


def shown(**more: object) -> str:
    console = Console(width=112)
    with console.capture() as found:
        console.print(screen(STATUS | more))
    return found.get()


def test_a_question_that_waits_for_ever_is_shown_and_is_json():
    left = _left(math.inf, 30.0)
    json.dumps(left, allow_nan=False)
    ask = {"key": "new_core", "question": "Put an empty core on the turret.", "choices": ["done"],
           "role": "operator", "waited_s": 30.0, "left_s": left}  # fmt: skip
    assert "never a hold" in shown(asks=[ask])
    assert "becomes a hold in 1:30" in shown(asks=[ask | {"left_s": _left(120.0, 30.0)}])


@pytest.mark.parametrize("rest", ["no film", "no power"])
def test_a_value_that_is_not_to_be_expected_is_not_bad(rest):
    assert "BAD" in shown(values=[VALUE])
    page = shown(values=[VALUE | {"rest": rest}])
    assert rest in page
    assert "BAD" not in page


def test_a_silent_link_is_wrong_unless_it_has_no_power():
    assert "LINK  REGLO is silent" in shown(links={"REGLO": "silent"})
    page = shown(links={"REGLO": "silent"}, unpowered=["REGLO"])
    assert "link  REGLO is silent: its power is switched off" in page


def test_a_trip_that_is_not_watched_does_not_say_that_its_cause_is_gone():
    trip = {"name": "IL9-T3", "level": "H", "title": "t", "why": "w", "first_out": True,
            "cause": False}  # fmt: skip
    assert "its cause is gone" in shown(trips=[trip | {"watched": True}])
    page = shown(trips=[trip | {"watched": False}])
    assert "its cause is gone" not in page
    assert "not watched" in page
