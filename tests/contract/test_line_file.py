"""The shipped line says all that the design of the pilot line says, once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from config.alarm_texts import alarm_names, words_of
from config.loader import CONFIG, load_line, load_materials, load_recipe
from config.models import Condition, Level, Priority
from config.units import CANONICAL
from config.vocabulary import PHASES, POINT_UNITS
from controller.alarm_points import alarms_of

LINE = load_line(CONFIG / "lines" / "pilot.toml")
ZONES = ["B1", "B2", "B3", "B4", "CD", *(f"T{i}" for i in range(1, 9))]
TAGS = {tag.name: tag for instrument in LINE.instrument for tag in instrument.tags}
CALCULATED = {tag.name: tag for tag in LINE.calculated}
INSTRUMENTS = {instrument.name: instrument for instrument in LINE.instrument}
TRIPS = {trip.name: trip for trip in LINE.trip}


def leaves(condition: Condition):
    if condition.tag is not None:
        yield condition
    for child in (*(condition.all or ()), *(condition.any or ())):
        yield from leaves(child)
    if condition.not_ is not None:
        yield from leaves(condition.not_)


def test_the_line_has_about_its_designed_number_of_instruments_and_tags():
    assert 29 <= len(LINE.instrument) <= 33
    by_hand = (".MAN", ".MOP")  # of zones that run on their second thermocouple: decision 011
    signals = {"XA-900.CMD", "XL-900.CMD"}  # for people, not for the process
    process = [name for name in TAGS if not name.endswith(by_hand) and name not in signals]
    assert 320 <= len(process) <= 360


def test_every_tag_says_where_it_is_and_what_it_means():
    stations = {station.name for station in LINE.station}
    for tag in (*TAGS.values(), *CALCULATED.values()):
        assert tag.station in stations, tag.name
        assert len(tag.description) >= 6, tag.name
        assert tag.range[0] < tag.range[1], tag.name
        assert tag.unit in CANONICAL, tag.name


def test_every_family_is_known_and_every_bus_has_an_instrument():
    assert {instrument.family for instrument in LINE.instrument} == set(POINT_UNITS)
    assert {instrument.bus for instrument in LINE.instrument} == {bus.name for bus in LINE.bus}


@pytest.mark.parametrize(
    ("instrument", "bus", "port", "unit"),
    [
        *((f"T{i}", f"NET-T{i}", 15200 + i, 1) for i in range(1, 9)),
        *(
            (name, "RTU-A", 15211, 11 + i)
            for i, name in enumerate(["B1", "B2", "B3", "B4", "CD", "DIE", "COOL"])
        ),
        *(
            (name, "RTU-B", 15212, 21 + i)
            for i, name in enumerate(
                ["BELT", "NIP", "RAILS", "WINDER", "FAN-X1", "FAN-X2", "FAN-X3"]
            )
        ),
        ("PUMP", "RTU-C", 15213, 31),
        ("COATER", "RTU-C", 15213, 32),
        ("REGLO", "SER-1", 15221, 1),
        ("SCANNER", "NET-SCAN", 15231, 0),
        *((f"OPTRIS{i}", "SER-2", 15222, i) for i in range(1, 5)),
        ("IO-A", "NET-IOA", 15301, 1),
        ("IO-B", "NET-IOB", 15302, 1),
        ("SAFETY", "NET-SAFE", 15501, 1),
    ],
)
def test_each_instrument_is_on_its_bus_and_port(instrument, bus, port, unit):
    found = INSTRUMENTS[instrument]
    ports = {item.name: item.simulated_port for item in LINE.bus}
    assert (found.bus, ports[found.bus], found.unit) == (bus, port, unit)


def test_zones_stand_where_the_layout_says_and_have_their_limits():
    zones = {zone.name: zone for zone in LINE.zone}
    assert list(zones) == [*ZONES, "DIE", "COOL"]
    for name in ZONES:
        zone = zones[name]
        assert zone.contactor in TAGS
        assert zone.independent in TAGS
        assert zone.exhaust_flow in TAGS
        assert zone.trip_c == (590.0 if zone.kind == "tenter" else 190.0)
        assert zone.volume_m3 is not None
    assert [zones[z].table_flow_nm3_h for z in ZONES] == [
        500, 500, 250, 150, 150, 150, 150, 120, 100, 80, 80, 80, 80,
    ]  # fmt: skip
    assert [z for z in ZONES if zones[z].lfl] == ["B1", "B2", "B3", "CD", "T1", "T2"]
    assert (zones["B4"].minimum_flow_nm3_h, zones["CD"].minimum_flow_nm3_h) == (150.0, 150.0)
    assert (zones["T8"].from_m, zones["T8"].to_m) == (35.5, 37.5)


def test_terminals_of_the_couplers_are_contiguous():
    for name, areas in (
        ("IO-A", {"ai": 34, "ai32": 3, "di": 27, "do": 30}),
        ("IO-B", {"ai": 52, "ao": 21}),
    ):
        found: dict[str, list[int]] = {}
        for tag in INSTRUMENTS[name].tags:
            area, _, number = tag.point.partition(":")
            found.setdefault(area, []).append(int(number))
        assert {area: len(numbers) for area, numbers in found.items()} == areas
        for area, numbers in found.items():
            step = 2 if area == "ai32" else 1
            first = 34 if area == "ai32" else 0
            assert numbers == list(range(first, first + step * len(numbers), step))


def test_every_alarm_and_every_trip_tells_people_what_happens_and_what_to_do():
    specs = [t for t in (*TAGS.values(), *CALCULATED.values()) if t.alarm is not None]
    words = [words_of(LINE, name, t) for t in specs for name, _, _ in alarm_names(t)]
    assert len(words) >= 70
    for alarm in words:
        assert len(alarm.cause) >= 10
        assert alarm.respond_min
        assert 1 <= alarm.respond_min <= 60
    for alarm in (*words, *LINE.trip):
        assert len(alarm.consequence) >= 10
        assert len(alarm.response) >= 10


def test_the_interlocks_of_the_trip_table_are_all_there():
    groups = {re.match(r"IL\d+|WB|PT|PS|JT|MAT|SYS", name).group() for name in TRIPS}
    wanted = {f"IL{n}" for n in (*range(1, 13), 14, 15, 18, 19, *range(21, 24))}
    assert groups == wanted | {"WB", "PT", "PS", "JT", "MAT", "SYS"}
    for zone in ZONES:
        for prefix in ("IL1", "IL7W", "IL7", "IL7CS", "IL8", "IL8D", "IL9"):
            assert f"{prefix}-{zone}" in TRIPS


def test_a_tenter_zone_may_run_half_an_hour_on_its_second_thermocouple():
    for zone in (f"T{k}" for k in range(1, 9)):
        marked, over = TRIPS[f"IL9S-{zone}"], TRIPS[f"IL9E-{zone}"]
        assert (marked.level.value, over.level.value, over.when.for_s) == ("W", "CS", 1800.0)
        assert f"zone_{zone}_off" in over.effects


def test_a_heater_that_stays_on_takes_the_main_contactor():
    for trip in (TRIPS[f"IL8-{zone}"] for zone in ZONES):
        assert trip.level is Level.CONTROLLED_STOP
        assert "main_off" in trip.effects


@pytest.mark.parametrize("zone", ["B1", "B2", "B3", "CD", "T1", "T2"])
def test_vapor_trips_cut_the_solvent_and_raise_the_exhaust(zone):
    levels = {"IL3W": (20, "W"), "IL3CS": (40, "CS"), "IL3ES": (50, "ES")}
    for prefix, (limit, level) in levels.items():
        trip = TRIPS[f"{prefix}-{zone}"]
        assert (trip.when.above, trip.level.value) == (limit, level)
    for prefix in ("IL3", "IL3CS", "IL3ES"):
        effects = TRIPS[f"{prefix}-{zone}"].effects
        assert {"dope_off", "coat_off", "exhaust_max"} <= set(effects)
    assert "SIC-210.SP" in TRIPS[f"IL3W-{zone}"].blocks


def test_lost_exhaust_stops_solvent_and_heat_within_half_a_second():
    for zone in ZONES:
        trip = TRIPS[f"IL1-{zone}"]
        assert trip.level is Level.CONTROLLED_STOP
        assert {"dope_off", "coat_off"} <= set(trip.effects)
        assert any(effect.startswith("heaters_") for effect in trip.effects)
        low = next(leaf for leaf in leaves(trip.when) if leaf.below_tag)
        assert (low.factor, low.for_s) == (0.7, 0.5)
        assert any(leaf.not_good for leaf in leaves(trip.when))


def test_only_permissives_do_not_latch_and_no_safety_trip_can_be_bypassed():
    assert [trip.name for trip in LINE.trip if not trip.latched] == [
        "IL2",
        "IL11P",
        "IL21",
        "IL22",
        "IL23",
    ]
    assert not [trip.name for trip in LINE.trip if trip.bypass]


def test_safe_values_follow_the_table_of_safe_states():
    safe = {name: tag.write.safe for name, tag in TAGS.items() if tag.write is not None}
    for name, value in safe.items():
        if name.startswith(("XC-", "XV-")):
            assert value == 0, name
        if re.match(r"TIC-\d+\.SP", name):
            assert value == 20, name
    fans = [f"SIC-80{i}" for i in (1, 2, 3)]
    assert all(safe[f"{fan}.RUN"] == 1 and safe[f"{fan}.SP"] == 100 for fan in fans)
    assert all(safe[f"{web}.RUN"] == 1 for web in ("SIC-210", "SIC-510"))
    assert [safe[f"{pump}.RUN"] for pump in ("SIC-110", "FIC-301A", "FIC-301B")] == [0, 0, 0]


def test_outputs_made_safe_by_an_emergency_stop_start_nothing():
    effects = {effect.name: effect.writes for effect in LINE.effect}
    writes: dict[str, float] = {}
    for name in TRIPS["IL19-STOP"].effects:
        writes |= effects[name]
    for tag in ("XC-100.CMD", "SIC-110.RUN", "SIC-210.RUN", "SIC-510.RUN", "XV-110.CMD"):
        assert writes[tag] == 0
    assert writes["SIC-801.RUN"] == 1  # exhaust goes on
    fire = [name for name in TRIPS["IL19-FIRE"].effects if name.startswith("exhaust")]
    assert not fire  # fans follow the fire matrix of the safety controller


def test_resets_of_drives_are_one_shot():
    resets = [tag for name, tag in TAGS.items() if name.endswith(".RESET")]
    assert len(resets) == 9
    assert all(tag.write.one_shot for tag in resets)


def test_trip_inputs_come_from_instruments_polled_often_enough():
    slow = {"reglo_icc", "optris_ct"}
    by_tag = {tag.name: i.family for i in LINE.instrument for tag in i.tags}
    for trip in LINE.trip:
        for leaf in leaves(trip.when):
            if by_tag.get(leaf.tag) in slow:
                assert trip.name == "IL14-REGLO"


def test_the_shipped_recipe_fits_the_line_and_uses_every_phase():
    recipe = load_recipe(CONFIG / "recipes" / "core25_layer030.toml", LINE, load_materials())
    assert tuple(sorted(p.use for u in recipe.unit for p in u.phase)) == tuple(sorted(PHASES))
    assert recipe.settings.roll_length_m == 100.0


def test_the_line_file_reads_as_plain_text():
    text = Path(CONFIG / "lines" / "pilot.toml").read_text("utf-8")
    assert text.startswith("#:schema ../schema/line.json\n")
    assert "\t" not in text
    assert len(text.encode()) < 1 << 20


def test_priorities_are_split_as_alarm_standards_ask() -> None:
    """5 % critical, 15 % high, 80 % below, each within 5 points (EEMUA 191, ISA-18.2)."""
    alarms = alarms_of(LINE)
    count = Counter(alarm.priority for alarm in alarms)
    below = count[Priority.MEDIUM] + count[Priority.LOW]
    split = [100.0 * n / len(alarms) for n in (count["critical"], count["high"], below)]
    assert split == pytest.approx([5.0, 15.0, 80.0], abs=5.0)


def test_what_is_urgent_leaves_few_minutes_and_what_is_not_leaves_some() -> None:
    minutes = {"critical": (0, 2), "high": (0, 5), "medium": (2, 240), "low": (5, 240)}
    for alarm in alarms_of(LINE):
        least, most = minutes[alarm.priority]
        assert alarm.words.respond_min is not None, alarm.name
        assert least <= alarm.words.respond_min <= most, alarm.name
