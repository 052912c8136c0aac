"""The fault matrix: verdicts on runs, and the page made of them."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.expected_ends import PLAN, Expected
from simulators.faults_page import healthy_text, matrix_text
from simulators.faults_verdict import FANS, FEEDS, WEB, ZONES, judge, safe_after_s

BY_FAULT = {row.fault: row for row in PLAN}


def facts(state: str, **changed: Any) -> dict[str, Any]:
    """A run that ended as such an end should."""
    moving = state == "HELD"
    devices: dict[str, Any] = dict.fromkeys(FEEDS, moving)
    devices |= dict.fromkeys(WEB, 2.0 if moving else 0.0) | {"PUMP": 0.0, "REGLO": moving}
    devices |= dict.fromkeys(FANS, 60.0 if moving else 100.0)
    devices |= {f"XC-{n}.CMD": moving for n in ZONES}
    since = dict.fromkeys(("dope off", "coat off", "heat off", "web at rest"), 310.0)
    sound = {
        "state": state,
        "reason": "",
        "lot": "LOT",
        "line_seconds": 3600.0,
        "violations": 0,
        "violation_list": [],
        "trouble": "",
        "metres_collected": 60.0,
        "metres_good": 60.0,
        "fault_s": 300.0,
        "since": {} if moving else since,
        "states": [[3.0, "RUNNING"], [305.0, "HELD"]] if moving else [],
        "causes": [[301.5, "trip IL1-B2", "Exhaust | low: FT-202.PV 300; more"]],
        "trips": [],
        "flags": [],
        "pressure_mpa": [2.5, 2.9],
        "slowest_m_min": 2.0,
        "speed_m_min": 2.0,
        "core_target_um": [25.0, 0.5],
        "results": {"core_thickness_um": {"record": 25.0, "truth": 25.1}},
        "devices": devices,
    }
    return sound | changed


@pytest.mark.parametrize(
    ("fault", "run"),
    [
        ("F1", facts("COMPLETE")),
        ("F3", facts("COMPLETE", flags=["lanes"])),
        ("F7(B2)", facts("STOPPED")),
        ("F12", facts("COMPLETE", metres_good=40.0)),
        ("F14", facts("COMPLETE", slowest_m_min=1.5)),
        ("F14", facts("HELD")),
        ("F15(timeout T4)", facts("HELD")),
        ("F15(clock +1h)", facts("COMPLETE", flags=["jump"])),
    ],
)
def test_a_run_as_planned_passes(fault: str, run: dict[str, Any]) -> None:
    verdict = judge(BY_FAULT[fault], run)
    assert verdict.passed, verdict.notes


@pytest.mark.parametrize(
    ("fault", "run", "says"),
    [
        ("F1", facts("COMPLETE", results={"core_thickness_um": {"truth": 26.0}}), "true core 26.0"),
        ("F2", facts("HELD"), "the die pressure was in range"),
        ("F3", facts("COMPLETE"), "no lane marked"),
        ("F5(T6)", facts("HELD"), "the contactor of T6 is closed"),
        ("F11", facts("COMPLETE"), "60 of 60 m still count as good"),
        ("F14", facts("COMPLETE"), "kept its speed"),
        ("F15(clock +1h)", facts("COMPLETE"), "not in the record"),
        ("F7(B2)", facts("COMPLETE"), "ended COMPLETE"),
        ("F15", facts("ABORTED", violations=1, violation_list=["I1 at 5 s"]), "I1 at 5 s"),
        ("F15", facts("ABORTED", devices=facts("HELD")["devices"]), "XV-110.CMD is on"),
        ("F9(peel)", {"traceback": "Traceback"}, "traceback"),
    ],
)
def test_a_run_not_as_planned_says_why(fault: str, run: dict[str, Any], says: str) -> None:
    verdict = judge(BY_FAULT[fault], run)
    assert not verdict.passed
    assert not verdict.harder
    assert says in " ".join(verdict.notes)


def test_ending_safer_than_planned_is_harder_and_only_that() -> None:
    dip = BY_FAULT["F15(dip)"]
    assert judge(dip, facts("STOPPED")).harder
    assert not judge(dip, facts("STOPPED", trouble="no report")).harder
    assert not judge(dip, facts("COMPLETE")).harder


def test_the_time_to_the_safe_state_counts_from_the_fault() -> None:
    assert safe_after_s(facts("STOPPED")) == 10.0
    assert safe_after_s(facts("HELD")) == 5.0
    assert safe_after_s(facts("STOPPED", since={"dope off": 305.0})) is None


def test_the_page_has_every_run_and_says_what_is_missing() -> None:
    rows: list[tuple[str, Expected, dict[str, Any] | None]] = [
        ("core25", BY_FAULT["F7(B2)"], facts("STOPPED")),
        ("core25", BY_FAULT["F14"], facts("COMPLETE")),
        ("core12", BY_FAULT["F15(dip)"], facts("STOPPED")),
        ("core12", BY_FAULT["F9(peel)"], {"traceback": "Traceback"}),
        ("core12", BY_FAULT["F10"], None),
    ]
    text = matrix_text("make it", rows, healthy_text([]))
    assert "**4 runs: 1 as planned, 1 harder, 2 not as planned**, 1 not run yet." in text
    assert "| STOPPED | trip IL1-B2 after 1.5 s: Exhaust / low: FT-202.PV 300 |" in text
    assert "- `F14`: the line kept its speed" in text
    assert "TRACEBACK" in text


def test_healthy_runs_are_counted_and_false_trips_named() -> None:
    tripped = facts("HELD", trips=[[100.0, "IL1-B2", "Exhaust low"]])
    text = healthy_text([facts("COMPLETE"), tripped, {"traceback": "x"}])
    assert "3 runs" not in text
    assert "2 runs without a fault, 2.0 line hours" in text
    assert "**1 trips of level H or above**" in text
    assert "1 tracebacks" in text
    assert "- LOT: IL1-B2 at 100 s: Exhaust low" in text
