"""The bench of trip latencies: it counts what did not happen, and reads what devices received."""

from __future__ import annotations

import math

import pytest

from bench.trip_cases import cases
from bench.trip_figures import TOTAL, figures, misses, picture, spread, table
from bench.trip_line import Trial, safe_values
from bench.trip_wire import WireOutputs
from config.models import Level
from simulators.instruments.line_up import LineUp
from simulators.twin.plant import Plant
from tests.dry_rig import files

# Rows that cut something and are not tried, with the reason.
NOT_TRIED = {
    "IL6-LOH": "an estimate must stand off for a minute",
    "IL8-SUPPLY": "contactors fall out with the supply, which is off then",
    "IL8-DIE": "a body without contactor; the same test as IL8-B1",
    "IL8-COOL": "a body without contactor; the same test as IL8-B1",
    "IL9-CD": "the same test as IL9-B1",
    "IL15-WEB": "the run-on timer of 25 min",
    "SYS-REC": "the computer's own disk, not the plant",
}
LONG = ("IL8-CD", "IL8-T", "IL8D-", "IL9E-")  # minutes of heat until they are due


def trial(hazard: str = "Z1", commands: float = 0.2, actuators: float = 0.3, **more) -> Trial:
    base = {"case": "c", "row": "IL1-B1", "phase": "held", "offset_s": 0.0, "lag_s": 0.1}
    told = {"commands_s": commands, "actuators_s": actuators, "came_true": True, "acted": True}
    return Trial(hazard=hazard, **(base | told | more))


def test_percentiles_are_times_that_were_seen() -> None:
    found = spread(k / 100.0 for k in range(100, 0, -1))
    assert found.values == (0.50, 0.95, 0.99, 1.00)
    assert spread([0.7]).values == (0.7, 0.7, 0.7, 0.7)
    assert spread([-1.5, 0.25]).values == (0.0, 0.25, 0.25, 0.25)
    with pytest.raises(ValueError, match="no times"):
        spread([])


def test_what_never_happened_is_longer_than_any_time() -> None:
    assert spread([0.1] * 98 + [math.nan] * 2).values == (0.1, 0.1, math.inf, math.inf)


def test_every_way_to_miss_is_a_miss() -> None:
    sound = [trial(), trial(commands=1.0, actuators=3.0), trial(commands=-0.4)]
    bad = [
        trial(commands=1.01),
        trial(commands=math.nan),
        trial(actuators=3.1),
        trial(actuators=math.nan),
        trial(acted=False),
        trial(error="it crashed"),
    ]
    assert misses([*sound, *bad]) == bad


def test_table_and_picture_have_a_line_per_hazard_and_the_total() -> None:
    trials = [trial("Z10", 0.4), trial("Z2", 0.3), trial("Z2", -0.1, lag_s=2.0)]
    lines = figures(trials)
    assert [(one.hazard, one.trials, one.before_due) for one in lines] == [
        ("Z2", 2, 1),
        ("Z10", 1, 0),
        (TOTAL, 3, 1),
    ]
    assert table(lines).splitlines()[2] == (
        "| Z2 | 2 | 1 | 2.0 | 0.00 | 0.30 | 0.30 | 0.30 | 0.30 | 0.30 | 0.30 | 0.30 |"
    )
    drawn = picture(lines)
    assert drawn.startswith("<svg ")
    assert all(f">{name}</text>" in drawn for name in ("Z2", "Z10", TOTAL))


def test_every_row_that_cuts_something_is_tried_or_says_why_not() -> None:
    line = files()[0]
    tried = {case.row for case in cases(line)}
    rows = {trip.name: trip for trip in line.trip}
    assert tried <= set(rows)
    cuts = {
        name
        for name, trip in rows.items()
        if trip.effects and trip.level is not Level.WARN and not name.startswith(LONG)
    }
    assert cuts - tried == set(NOT_TRIED)
    assert all(safe_values(row) for row in tried)


@pytest.fixture(scope="module")
def running() -> tuple[LineUp, WireOutputs]:
    line = files()[0]
    line_up = LineUp(line, Plant(seed=1, start="running"))
    return line_up, WireOutputs(line, line_up)


def test_it_reads_what_a_running_line_was_told(running) -> None:
    _, wire = running
    told = {tag: wire.value(tag) for tag in ("SIC-210.SP", "SIC-210.RUN", "SIC-110.RUN")}
    assert told == pytest.approx(
        {"SIC-210.SP": 2.0, "SIC-210.RUN": 1.0, "SIC-110.RUN": 1.0}, abs=1e-3
    )
    switches = ("XC-100.CMD", "XC-201.CMD", "XV-110.CMD", "XV-301A.CMD", "FIC-301A.RUN")
    assert [wire.value(tag) for tag in switches] == [1.0] * len(switches)
    assert wire.value("XV-801.CMD") == 0.0
    assert wire.value("TIC-501.SP") > 100.0
    assert wire.value("TIC-201.SP") > 60.0


def test_every_output_of_every_effect_can_be_read_and_differs_when_it_must(running) -> None:
    line_up, wire = running
    safe = safe_values("IL19-STOP")
    differing = wire.differing(safe)
    assert {"XC-100.CMD", "XV-110.CMD", "SIC-510.RUN", "TIC-501.SP"} <= set(differing)
    assert wire.differing({tag: wire.value(tag) for tag in safe}) == []
    line_up.instruments["RAILS"].faults.silent = True
    assert "SIC-510.RUN" not in wire.differing(safe), "nobody can tell it anything"
    line_up.instruments["RAILS"].faults.silent = False
