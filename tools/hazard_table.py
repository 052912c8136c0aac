"""Write docs/hazards.md: every hazard of the pilot line, what acts against it and what proves it.

    .venv/bin/python tools/hazard_table.py          writes docs/hazards.md

Hazards, trips and safe values are read from ``config/lines/pilot.toml``; the tests that prove a
row are named here, and ``tests/contract/test_hazards.py`` fails when one of them is not there or
when the page is out of date.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from config.loader import load_line  # noqa: E402 - the repository is not always installed
from config.models import Hazard, Level, Line, TagSpec, Trip  # noqa: E402
from tools.trip_table import LINE_FILE, Page, family_of  # noqa: E402

PAGE = ROOT / "docs" / "hazards.md"
GRAVITY = tuple(Level)
ROWS = "contract/test_trips.py"
"""Makes every way in which a row becomes true, and in which it just does not, from the row."""

PROOF: dict[str, tuple[str, ...]] = {
    "Z1": (
        "scenario/test_invariants.py::test_sound_interlocks_meet_the_judge_in_time",
        "scenario/test_invariants.py::test_i1_heaters_stay_on_without_exhaust",
    ),
    "Z2": (
        "scenario/test_invariants.py::test_i1_i4_heat_on_an_imagined_purge",
        "scenario/test_invariants.py::test_i4_purge_counted_without_flow",
    ),
    "Z3": (
        "scenario/test_invariants.py::test_sound_interlocks_meet_the_judge_in_time",
        "unit/test_core_interlocks.py::test_a_trip_of_25_resets_only_below_the_warning_of_20",
    ),
    "Z4": (
        "scenario/test_invariants.py::test_sound_interlocks_meet_the_judge_in_time",
        "unit/test_core_exhaust.py::test_an_analyzer_that_never_moves_is_blind_after_a_minute",
    ),
    "Z5": (
        "unit/test_cross_limits.py::test_half_the_exhaust_carries_half_the_load",
        "unit/test_cross_limits.py::test_the_gate_refuses_it_and_raising_the_exhaust_helps",
    ),
    "Z6": ("scenario/test_whole_procedure.py::test_the_order_is_the_one_of_the_process",),
    "Z7": ("scenario/test_invariants.py::test_sound_interlocks_meet_the_judge_in_time",),
    "Z8": (
        "scenario/test_fault_responses.py::test_a_heater_that_no_switch_opens_takes_the_main_contactor",
        "scenario/test_fault_responses.py::test_a_dead_heater_opens_its_contactor_so_that_it_cannot_come_back_hot",
    ),
    "Z9": (
        "scenario/test_fault_responses.py::test_a_frozen_thermocouple_is_found_in_two_minutes_and_never_driven_on_again",
        "scenario/test_fault_responses.py::test_two_zones_without_thermocouple_stop_the_line",
    ),
    "Z10": (
        "scenario/test_break_sequence.py::test_the_break_sequence_cuts_dope_and_lets_the_film_run_out",
        "scenario/test_break_sequence.py::test_the_break_sequence_lowers_the_hot_zones_after_two_minutes",
        "scenario/test_break_sequence.py::test_lost_pins_jam_the_rails_and_stop_the_line",
    ),
    "Z11": (
        "scenario/test_invariants.py::test_i2_is_cut_in_time_by_sound_interlocks",
        "scenario/test_invariants.py::test_i2_dope_on_a_standing_belt",
    ),
    "Z12": (
        "scenario/test_fault_responses.py::test_vapor_in_the_room_cuts_dope_and_coat_and_nothing_is_called_a_bad_output",
    ),
    "Z13": ("scenario/test_hazards.py::test_in_a_fire_no_fan_is_written",),
    "Z14": (
        "scenario/test_link_faults.py::test_a_silent_device_acts_by_its_tags",
        "scenario/test_link_faults.py::test_a_coupler_out_of_reach_leaves_everything_off_and_does_not_come_back",
    ),
    "Z15": (
        "scenario/test_pc_dies.py::test_a_killed_computer_leaves_the_line_safe",
        "scenario/test_pc_dies.py::test_a_scan_that_stands_or_leaves_its_interlocks_out_is_a_dead_computer",
        "scenario/test_arming.py::test_start_is_refused_with_every_setting_that_is_off_and_taken_once_they_are_right",
        "wire/test_output_coupler.py::test_watchdog_is_set_verified_and_nothing_written_before_a_request",
        "wire/test_output_drives.py::test_drive_with_communication_loss_off_is_not_written",
    ),
    "Z16": (
        "scenario/test_kernel.py::test_nothing_reaches_an_output_before_a_person_starts",
        "scenario/test_invariants.py::test_i6_enable_before_any_command",
        "scenario/test_crash.py::test_heat_found_on_goes_off_at_once_and_stays_off",
        "scenario/test_crash.py::test_belt_and_rails_run_on_and_solvent_and_heat_are_off",
    ),
    "Z17": (
        "unit/test_core_gate.py::test_values_outside_the_range_are_refused_never_clamped",
        "unit/test_core_gate.py::test_all_reasons_come_at_once",
        "scenario/test_desk.py::test_a_command_on_a_line_that_changed_is_refused",
    ),
    "Z18": (
        "scenario/test_fault_responses.py::test_lost_chill_water_holds_at_once_and_stops_after_half_a_minute",
    ),
    "Z19": ("scenario/test_invariants.py::test_sound_interlocks_meet_the_judge_in_time",),
    "Z20": (
        "system/test_watchdog.py::test_a_stall_of_three_seconds_ends_the_process_at_once",
        "system/test_watchdog.py::test_a_process_that_was_stopped_goes_on",
        "unit/test_watch_rules.py::test_only_sleep_makes_the_clocks_drift_apart",
        "scenario/test_kernel.py::test_a_disk_that_refuses_holds_the_run_and_loses_nothing_it_acknowledged",
        "scenario/test_live_commits.py::test_a_disk_that_stands_still_keeps_outputs_waiting_and_no_scan",
    ),
    "Z21": ("scenario/test_hazards.py::test_an_open_source_keeps_the_coater_away",),
    "Z22": ("scenario/test_hazards.py::test_a_lost_ground_cuts_the_coat_and_holds",),
    "Z23": (
        "scenario/test_half_stops_clean.py::test_pump_and_motion_are_locked_from_the_command_to_the_confirmed_end",
    ),
}

_HEAD = f"""# Hazards of the pilot line

Generated from [config/lines/pilot.toml](../config/lines/pilot.toml) by
[tools/hazard_table.py](../tools/hazard_table.py); do not edit. All trips with their thresholds
are in [trips.md](trips.md); what the levels mean is in [safety.md](safety.md).

Every row of the matrix is fired, and kept quiet at its edge, by
[{ROWS}](../tests/{ROWS}). A simulation is evidence about this
software and not about a plant: what "stays with hardware" must act without it.
"""


def page() -> str:
    """Text of the whole page."""
    line = load_line(LINE_FILE)
    words = Page(line)
    parts = [_HEAD, _register(line)]
    parts += [_section(hazard, line, words) for hazard in line.hazard]
    parts.append(_safe_values(line))
    return "\n".join(parts)


def _register(line: Line) -> str:
    lines = ["| Hazard | Title | Trips | Levels |", "|---|---|---|---|"]
    for hazard in line.hazard:
        trips = _trips(hazard, line)
        levels = ", ".join(dict.fromkeys(trip.level.value for trip in trips)) or "-"
        name = f"[{hazard.name}](#{hazard.name.lower()})"
        lines.append(f"| {name} | {hazard.title} | {len(trips) or '-'} | {levels} |")
    return "\n".join(lines) + "\n"


def _section(hazard: Hazard, line: Line, words: Page) -> str:
    rows = [
        f"## {hazard.name}",
        "",
        f"**{hazard.title}.** Cause: {hazard.cause}.",
        "",
        f"- Stays with hardware: {hazard.hardware}.",
    ]
    if hazard.software:
        rows.append(f"- Besides the trips: {hazard.software}.")
    rows += ["- Proved by " + ", ".join(_link(test) for test in PROOF[hazard.name]) + "."]
    trips = _trips(hazard, line)
    if trips:
        rows += ["", "| Trips | Level | First of them | When | Does |", "|---|---|---|---|---|"]
        for (family, level), group in groupby(trips, key=lambda t: (family_of(t), t.level.value)):
            rows.append(_row(family, level, list(group), words))
    return "\n".join(rows) + "\n"


def _row(family: str, level: str, trips: list[Trip], words: Page) -> str:
    first = trips[0]
    effects = ", ".join(f"`{name}`" for name in first.effects) or "-"
    if first.blocks:
        effects += f"; blocks {len(first.blocks)} outputs"
    when = words.words(first.when)
    return f"| {family}, {len(trips)} | {level} | {first.title} | {when} | {effects} |"


def _trips(hazard: Hazard, line: Line) -> list[Trip]:
    found = [trip for trip in line.trip if trip.hazard == hazard.name]
    return sorted(found, key=lambda trip: (family_of(trip), -GRAVITY.index(trip.level)))


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name or file}](../tests/{file})"


def _safe_values(line: Line) -> str:
    lines = [
        "## Safe values",
        "",
        "What each output gets when it is shed, and in an abort. What a device does when nobody",
        "talks to it any more is set in the device and read back before a run.",
        "",
        "| Output | Safe | What it is |",
        "|---|---|---|",
    ]
    tags = (tag for instrument in line.instrument for tag in instrument.tags)
    lines += [_safe_value(tag) for tag in tags if tag.write is not None]
    return "\n".join(lines) + "\n"


def _safe_value(tag: TagSpec) -> str:
    safe = tag.write.safe if tag.write is not None else 0.0
    unit = "" if tag.unit == "1" else f" {tag.unit}"
    return f"| {tag.name} | {safe:g}{unit} | {tag.description} |"


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
