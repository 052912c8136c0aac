"""The report page and its numbers: what is unknown stays unknown, tiny is not zero."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from controller.events import Event
from controller.report.cure import NoCure
from controller.report.facts import (
    CdMap,
    EventRow,
    Evidence,
    GapRow,
    LotFacts,
    MeterTable,
    Result,
    Trend,
)
from controller.report.gather import _ended, to_json
from controller.report.page import duration, render
from controller.report.results import results
from tests.fake_line import belt_side_only, core25, shipped

NAN = math.nan


def result(key, value=1.0, low=0.0, high=2.0, **more):
    given = {"sigma": NAN, "evidence": Evidence.MEASURED, "note": "gauge"} | more
    return Result(key, key.replace("_", " "), "%", value, given["sigma"], low, high,
                  given["evidence"], given["note"])  # fmt: skip


def test_a_lot_ends_in_the_state_of_its_run_not_in_the_reset_after_it():
    states = ["RUNNING", "COMPLETE", "IDLE"]
    events = [Event(ns, "procedure", "state", "r", None, new, "") for ns, new in enumerate(states)]
    events.append(Event(9, "link", "state", "T1", "up", "closed", ""))
    assert _ended(events) == "COMPLETE"
    assert _ended(events[2:]) == "IDLE"  # never started
    assert _ended([]) == "unknown"


def facts(**changed):
    meter = np.arange(0.5, 20.0)
    flat = np.ones(20)
    good = np.ones(20, bool)
    good[3:6] = False
    reason = ["" if ok else "CD 2 sigma out of target" for ok in good]
    table = MeterTable(meter, good, reason, *(flat for _ in range(9)))
    known = {
        "lot": "L<1>", "simulated": True, "recipe": "core25 1.0", "line": "pilot",
        "software": "filmline", "state": "COMPLETE", "sealed": True, "started_utc": "2026-01-01",
        "line_seconds": 18_796.0, "meters_collected": 20.0, "meters_good": 17.0,
        "results": [
            result("core_thickness_um", 25.0, 24.5, 25.5),
            result("layer_thickness_air_um", 0.3, 0.24, 0.36),
            replace(result("layer_thickness_um", 0.3, 0.24, 0.36), again=True),
            result("imidization_pct", 99.9996, 99.0, math.inf, sigma=0.1),
            result("residual_solvent_wt_pct", 0.0001, -math.inf, 0.5),
            result("core_cd_2sigma_pct", 1.5, -math.inf, 1.0),
            result("modulus_md_gpa", NAN, 6.0, 12.0, evidence=Evidence.NONE),
        ],
        "claims": [{"claim": 2, "reading": "", "verdict": "pass", "reason": "s-BPDA with PPD"}],
        "materials": {"polyimide (A)": "s-BPDA/PPD"}, "hashes": {"record": "ab" * 32},
        "chain_head": "17:" + "cd" * 32,
        "meters": table, "cd_map": CdMap(meter, np.linspace(-0.25, 0.25, 5), np.ones((20, 5))),
        "zones": [Trend("TIC-501.PV", "degC", meter, flat, flat, flat)], "speeds": [],
        "quality": [],
        "events": [EventRow(1.5, "gate", "write", "TIC-501.SP", "", "150", "recipe & more", "")],
        "alarms": [], "gaps": [GapRow("IO-A.inputs", "BAD_TIMEOUT", 2, 3.5)], "notes": ["a note"],
    }  # fmt: skip
    return LotFacts(**(known | changed))


def test_the_page_opens_without_network_or_script():
    page = render(facts())
    assert "<script" not in page
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert page.count("<svg") >= 5


def test_names_from_outside_are_text():
    page = render(facts())
    assert "L&lt;1&gt;" in page
    assert "recipe &amp; more" in page


def test_the_simulation_is_marked_and_an_open_record_is_said():
    assert "SIMULATED" in render(facts())
    assert "SIMULATED" not in render(facts(simulated=False))
    assert "was not closed" in render(facts(sealed=False))


def test_verdicts_are_words_and_unknown_is_not_zero():
    page = render(facts())
    assert "NOT MET" in page
    assert "not demonstrated" in page
    assert "&lt; 0.001" in page or "< 0.001" in page
    assert "99.999" in page
    assert ">100 %" not in page


def test_rejected_meters_are_one_row_per_stretch():
    page = render(facts())
    assert "<td>3.0</td><td>6.0</td><td>CD 2 sigma out of target</td>" in page


def test_the_json_has_the_same_facts_and_null_for_unknown():
    data = json.loads(to_json(facts()))
    assert data["meters_good"] == 17.0
    assert data["results"][-1]["value"] is None
    assert len(data["meters"]["core_um"]) == 20


def layered(recipe, air, belt):
    """Result rows of a recipe whose meters carry these layers."""
    flat = np.ones(20)
    table = MeterTable(
        np.arange(0.5, 20.0), np.ones(20, bool), [""] * 20, flat, flat, flat, air * flat,
        belt * flat, flat, flat, flat, flat,
    )  # fmt: skip
    return {row.key: row for row in results(recipe, table, None)}


def test_each_coated_side_has_its_own_result_and_the_first_is_also_the_layer():
    rows = layered(shipped("core12_both_sides"), 0.21, 0.14)
    assert rows["layer_thickness_air_um"].value == pytest.approx(0.21)
    assert rows["layer_thickness_air_um"].passed is True
    assert rows["layer_thickness_belt_um"].value == pytest.approx(0.14)
    assert rows["layer_thickness_belt_um"].passed is False
    assert rows["layer_thickness_um"].value == pytest.approx(0.21)
    assert rows["layer_thickness_um"].again
    one = layered(core25(), 0.30, NAN)
    assert "layer_thickness_belt_um" not in one
    belt = layered(belt_side_only(), NAN, 0.31)
    assert "layer_thickness_air_um" not in belt
    assert belt["layer_thickness_um"].value == pytest.approx(0.31)


def test_a_core_without_kinetics_has_no_estimate_and_the_page_says_unavailable():
    unknown = np.full(20, NAN)
    cure = NoCure(*(unknown for _ in range(6)))
    flat = np.ones(20)
    table = MeterTable(
        np.arange(0.5, 20.0), np.ones(20, bool), [""] * 20, flat, 25.0 * flat, flat, flat, flat,
        unknown, unknown, unknown, flat,
    )  # fmt: skip
    rows = {row.key: row for row in results(core25(), table, cure)}
    for key in ("imidization_pct", "residual_solvent_wt_pct", "loh_at_peel_pct"):
        assert rows[key].passed is None
        assert rows[key].note.startswith("unavailable")
    assert rows["core_thickness_um"].passed is True
    assert "unavailable: no kinetics" in render(facts(results=list(rows.values())))


def test_a_two_sided_page_shows_both_sides_once():
    both = [
        *facts().results,
        result("layer_thickness_belt_um", 0.2, 0.15, 0.25),
    ]
    page = render(facts(results=both))
    assert page.count("layer thickness air um") == 1
    assert page.count("layer thickness belt um") == 1
    assert "layer thickness um<" not in page
    assert 'aria-label="Thin layer along the roll: air, belt"' in page
    assert 'aria-label="Thin layer along the roll: air"' in render(facts())


def test_an_empty_run_still_makes_a_page():
    nothing = np.empty(0)
    table = MeterTable(nothing, np.empty(0, bool), [], *(nothing for _ in range(9)))
    empty = facts(meters=table, cd_map=CdMap(nothing, nothing, np.empty((0, 0))), zones=[])
    page = render(replace(empty, meters_collected=0.0))
    assert "No meters collected" in page
    assert "no good values" in page or "<svg" in page


def test_same_facts_same_bytes():
    assert render(facts()) == render(facts())


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "0 min 05 s"), (425, "7 min 05 s"), (18796, "5 h 13 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
