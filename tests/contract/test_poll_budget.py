"""Line file and device profiles together: points that exist, and exchanges a second as designed."""

from __future__ import annotations

import tomllib

import pytest

from config.loader import CONFIG, load_line
from config.vocabulary import POINT_UNITS

LINE = load_line(CONFIG / "lines" / "pilot.toml")
PROFILES = {
    path.stem: tomllib.loads(path.read_text("utf-8"))
    for path in sorted((CONFIG / "devices").glob("*.toml"))
}
PUSHED = {"confocal2400"}


def points_of(profile):
    channels = profile.get("channels", [])
    found = {p["name"] for block in profile.get("block", []) for p in block.get("point", [])}
    for query in profile.get("query", []):
        found |= {f"ch{c}.{p}" for c in channels for p in query["points"]} or set(query["points"])
    return found


def exchanges_per_s(instrument):
    """Reads and cyclic writes of one instrument; run and speed of a drive share one write."""
    profile = PROFILES[instrument.family]
    if instrument.family in PUSHED:
        return 0.0
    if "terminals" in profile:
        t = profile["terminals"]
        digital = any(tag.point.startswith("di:") for tag in instrument.tags)
        keys = ("inputs_s", "outputs_s") if digital else ("analog_inputs_s", "analog_outputs_s")
        return sum(1.0 / t[key] for key in (*keys, "read_back_s"))
    if "heartbeat" in profile:  # a count and a trigger
        status = sum(1.0 / block["period_s"] for block in profile["block"])
        return status + 2.0 / profile["heartbeat"]["period_s"]
    channels = len(profile.get("channels", [])) or 1
    reads = sum(1.0 / block["period_s"] for block in profile.get("block", []))
    reads += sum(channels / query["period_s"] for query in profile.get("query", []))
    refreshed = [rule for rule in profile.get("write", []) if rule.get("refresh_s")]
    if not refreshed or refreshed[0].get("function") == 23:
        return reads  # function 23 writes in the exchange that reads
    return reads + 1.0 / refreshed[0]["refresh_s"]


@pytest.mark.parametrize("instrument", LINE.instrument, ids=lambda item: item.name)
def test_every_point_of_the_line_is_in_the_profile_of_its_family(instrument):
    profile = PROFILES[instrument.family]
    if "terminals" in profile:
        return
    missing = {tag.point for tag in instrument.tags} - points_of(profile)
    assert not missing


def test_points_known_to_the_loader_are_those_of_the_profiles():
    for family, units in POINT_UNITS.items():
        if "terminals" not in PROFILES[family]:
            known = {p for p in units if not p.startswith(("ch3.", "ch4."))}
            assert known == points_of(PROFILES[family]), family


def test_the_line_exchanges_what_it_was_designed_for():
    """The safety controller joined later; it is counted for itself.

    The controllers of the belt zones are read twice a second, because trips look at them.
    """
    rates = {one.name: exchanges_per_s(one) for one in LINE.instrument}
    assert 5.0 <= rates.pop("SAFETY") <= 10.0
    assert 85.0 <= sum(rates.values()) <= 106.0


def slowest_read_s(instrument, point):
    """Period of the exchange that brings a point."""
    profile = PROFILES[instrument.family]
    if "terminals" in profile:
        digital = any(tag.point.startswith("di:") for tag in instrument.tags)
        return profile["terminals"]["inputs_s" if digital else "analog_inputs_s"]
    blocks = ((b["period_s"], [p["name"] for p in b["point"]]) for b in profile.get("block", []))
    queries = ((q["period_s"], q["points"]) for q in profile.get("query", []))
    found = [s for s, names in (*blocks, *queries) if point in names or point[4:] in names]
    return found[0]


def inputs_of(condition):
    if condition is None:
        return
    yield from filter(None, (condition.tag, condition.above_tag, condition.below_tag))
    inner = () if condition.not_ is None else (condition.not_,)
    for child in (*(condition.all or ()), *(condition.any or ()), *inner):
        yield from inputs_of(child)


def test_every_input_of_a_trip_is_read_at_least_twice_a_second():
    """But for the coating pump: that it is silent for five seconds shows at one a second, too."""
    where = {tag.name: (one, tag.point) for one in LINE.instrument for tag in one.tags}
    trips = ((trip.name, tag) for trip in LINE.trip for tag in inputs_of(trip.when))
    measured = ((name, tag) for name, tag in trips if tag in where)
    pushed = ((name, tag) for name, tag in measured if where[tag][0].family not in PUSHED)
    slow = {(name, tag) for name, tag in pushed if slowest_read_s(*where[tag]) > 0.5}
    assert slow == {("IL14-REGLO", "FIC-301A.RUNNING")}


def test_no_serial_bus_is_asked_for_more_than_it_can_carry():
    for bus in LINE.bus:
        if bus.baud is None:
            continue
        rate = sum(exchanges_per_s(i) for i in LINE.instrument if i.bus == bus.name)
        bits, characters = 11, 40  # request and reply of a block, generously
        seconds = bits * characters / bus.baud + (bus.gap_ms + bus.reply_ms) / 1e3
        assert rate * seconds < 0.8, bus.name
