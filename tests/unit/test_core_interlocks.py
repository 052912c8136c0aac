"""Interlocks: latching, reset, first-out, precedence, unknown inputs, bypass, restart."""

from __future__ import annotations

import pytest

from config.models import Level
from controller.bypass import Bypass
from controller.errors import UnknownTag, WiringError
from controller.interlocks import Interlocks
from controller.refusals import Cause, Source
from controller.tags import TagTable
from drivers.base import Quality
from tests.core_rig import ENGINEER, OPERATOR, Rig, S, cond, make_line, trip

FLOW = cond(tag="FT-201.PV", below=350.0)
LOST = cond(any=(FLOW, cond(tag="FT-201.PV", not_good=True, for_s=0.5)))
HOT = cond(tag="TIC-501.PV", above=225.0)
EFFECTS = {
    "dope_off": {"SIC-110.SP": 0.0, "XV-110.CMD": 0.0},
    "belt_off": {"SIC-210.SP": 0.0},
    "belt_run_out": {"SIC-210.SP": 1.0},
}


def build(*trips) -> tuple[Rig, Interlocks]:
    rig = Rig(make_line(trips, EFFECTS))
    return rig, Interlocks(rig.line, rig.table)


def scan(rig: Rig, interlocks: Interlocks, values: dict[str, float] | None = None):
    rig.values(values or {})
    return interlocks.step(rig.scan(), 0.1)


def test_a_trip_fires_and_latches_until_reset() -> None:
    rig, il = build(trip("IL1", FLOW, Level.CONTROLLED_STOP, effects=("dope_off",)))
    assert scan(rig, il).active == ()
    result = scan(rig, il, {"FT-201.PV": 300.0})
    assert result.new_trips == result.active == ("IL1",)
    assert result.level is Level.CONTROLLED_STOP
    assert {held.tag: held.value for held in result.forced.values()} == EFFECTS["dope_off"]
    event = result.events[0]
    assert (event.verb, event.tag, event.new) == ("trip", "IL1", "CS")
    assert "FT-201.PV 300, below 350 Nm3/h (first out)" in event.cause
    later = scan(rig, il, {"FT-201.PV": 500.0})
    assert later.active == ("IL1",)
    assert later.new_trips == ()
    assert later.forced is result.forced
    assert il.reset("IL1", ENGINEER, "fan belt replaced", rig.now)
    cleared = scan(rig, il)
    assert cleared.active == ()
    assert cleared.forced == {}
    assert cleared.level is None
    assert [(e.verb, e.actor) for e in cleared.events] == [("reset", "eve")]


def test_a_row_that_clears_by_itself_says_what_keeps_it_now() -> None:
    rig, il = build(trip("P1", FLOW, Level.WARN, latched=False), trip("IL1", FLOW))
    rig.values({"FT-201.PV": float("nan")}, Quality.BAD_NO_COMMUNICATION)
    il.step(rig.scan(), 0.1)
    assert il.why("P1") == "FT-201.PV unknown (no communication), below 350 Nm3/h"
    scan(rig, il, {"FT-201.PV": 300.0})
    scan(rig, il, {"FT-201.PV": 200.0})
    assert il.why("P1") == "FT-201.PV 200, below 350 Nm3/h"
    assert il.why("IL1") == "FT-201.PV 300, below 350 Nm3/h"  # evidence of its trip
    scan(rig, il, {"FT-201.PV": 500.0})
    assert il.why("P1") == ""


def test_reset_is_refused_while_the_cause_is_present_or_unknown() -> None:
    rig, il = build(trip("IL1", FLOW))
    scan(rig, il, {"FT-201.PV": 300.0})
    assert not il.reset("IL1", ENGINEER, "r", rig.now)
    rig.values({"FT-201.PV": float("nan")}, Quality.BAD_TIMEOUT)
    il.step(rig.scan(), 0.1)
    refusal = il.reset("IL1", ENGINEER, "r", rig.now).reasons[0]
    assert refusal.cause is Cause.CAUSE_PRESENT
    assert "unknown" in refusal.detail
    assert il.result.active == ("IL1",)


def test_reset_needs_role_and_reason_and_says_all() -> None:
    rig, il = build(trip("IL1", FLOW, hazard="Z1"), trip("IL9", HOT, hazard="Z9"))
    scan(rig, il, {"FT-201.PV": 300.0, "TIC-501.PV": 300.0})
    reasons = il.reset("IL1", OPERATOR, " ", rig.now).reasons
    assert [r.cause for r in reasons] == [Cause.ROLE, Cause.REASON, Cause.CAUSE_PRESENT]
    scan(rig, il, {"FT-201.PV": 500.0, "TIC-501.PV": 100.0})
    assert not il.reset("IL1", OPERATOR, "fixed", rig.now)
    assert il.reset("IL9", OPERATOR, "fixed", rig.now)
    assert [r.cause for r in il.reset("IL9", OPERATOR, "again", rig.now).reasons] == [
        Cause.NOT_TRIPPED
    ]
    assert [r.cause for r in il.reset("NOPE", ENGINEER, "x", rig.now).reasons] == [
        Cause.UNKNOWN_TAG
    ]


def test_a_trip_of_25_resets_only_below_the_warning_of_20() -> None:
    rig, il = build(
        trip("W", cond(tag="AT-201.PV", above=20.0), Level.WARN, "Z3"),
        trip("H", cond(tag="AT-201.PV", above=25.0), Level.HOLD, "Z3"),
        trip("CS", cond(tag="AT-201.PV", above=40.0), Level.CONTROLLED_STOP, "Z3"),
    )
    scan(rig, il, {"AT-201.PV": 30.0})
    scan(rig, il, {"AT-201.PV": 22.0})
    decision = il.reset("H", ENGINEER, "r", rig.now)
    assert "W still has its cause" in str(decision)
    scan(rig, il, {"AT-201.PV": 19.0})
    assert il.reset("H", ENGINEER, "r", rig.now)


def test_two_trips_in_one_scan_both_act_and_the_graver_is_first() -> None:
    rig, il = build(
        trip("IL9", HOT, Level.HOLD, effects=("belt_run_out",)),
        trip("IL1", FLOW, Level.CONTROLLED_STOP, effects=("belt_off", "dope_off")),
    )
    result = scan(rig, il, {"FT-201.PV": 300.0, "TIC-501.PV": 300.0})
    assert result.new_trips == ("IL1", "IL9")
    assert result.active == ("IL9", "IL1")
    assert result.first_out == "IL1"
    assert ["(first out)" in e.cause for e in result.events] == [True, False]
    assert result.forced[rig.table.index("SIC-210.SP")].value == 0.0  # the graver wins
    scan(rig, il, {"FT-201.PV": 500.0})
    il.reset("IL1", ENGINEER, "r", rig.now)
    assert scan(rig, il).forced[rig.table.index("SIC-210.SP")].value == 1.0


def test_first_out_stays_with_the_first_and_warnings_do_not_take_it() -> None:
    rig, il = build(
        trip("W", cond(tag="AT-201.PV", above=20.0), Level.WARN),
        trip("IL9", HOT, Level.HOLD),
        trip("IL1", FLOW, Level.CONTROLLED_STOP),
    )
    assert scan(rig, il, {"AT-201.PV": 21.0}).first_out == ""
    assert scan(rig, il, {"TIC-501.PV": 300.0}).first_out == "IL9"
    assert scan(rig, il, {"FT-201.PV": 300.0}).first_out == "IL9"
    scan(rig, il, {"FT-201.PV": 500.0, "TIC-501.PV": 100.0, "AT-201.PV": 0.0})
    assert il.reset("IL9", ENGINEER, "r", rig.now)
    assert scan(rig, il).first_out == "IL9"
    assert il.reset("IL1", ENGINEER, "r", rig.now)
    assert scan(rig, il).first_out == ""


def test_unknown_inputs_neither_trip_nor_clear_a_latched_row() -> None:
    rig, il = build(trip("IL1", FLOW))
    rig.values({"FT-201.PV": float("nan")}, Quality.BAD_TIMEOUT)
    for _ in range(50):
        assert il.step(rig.scan(), 0.1).active == ()
    assert il.cause("IL1") is None


def test_a_lost_input_acts_through_its_own_not_good_test() -> None:
    rig, il = build(trip("IL1", LOST))
    rig.values({"FT-201.PV": float("nan")}, Quality.BAD_TIMEOUT)
    results = [il.step(rig.scan(), 0.1).active for _ in range(6)]
    assert results == [()] * 5 + [("IL1",)]


UNREAD = Quality.BAD_WAITING_FOR_INITIAL_DATA


@pytest.mark.parametrize("unread", [UNREAD, Quality.BAD_NO_COMMUNICATION])
def test_an_input_that_was_never_read_is_lost_when_its_device_counts_as_silent(
    unread: Quality,
) -> None:
    """After two seconds (three polls), as later; a link that is late at a start latches nothing."""
    rig, il = build(trip("IL1", LOST))
    rig.values({"FT-201.PV": float("nan")}, unread)
    assert [il.step(rig.scan(), 0.1).active for _ in range(19)] == [()] * 19
    rig.values({"FT-201.PV": 500.0}, Quality.GOOD)
    assert [il.step(rig.scan(), 0.1).active for _ in range(20)] == [()] * 20
    rig, il = build(trip("IL1", LOST))
    rig.values({"FT-201.PV": float("nan")}, unread)
    never = [il.step(rig.scan(), 0.1).active for _ in range(26)]
    assert 19 <= never.index(("IL1",)) <= 25


@pytest.mark.parametrize("bad", [Quality.BAD_TIMEOUT, Quality.BAD_SENSOR_FAILURE])
def test_what_was_read_trips_at_once_after_a_start(bad: Quality) -> None:
    """A value too low, or one that its device calls bad, although another was never read."""
    other = cond(tag="FT-501.PV", not_good=True, for_s=0.5)
    low = cond(tag="FT-201.PV", below=350.0, for_s=0.5)
    lost = cond(tag="FT-201.PV", not_good=True, for_s=0.5)
    for when, value, quality in ((low, 10.0, Quality.GOOD), (lost, float("nan"), bad)):
        rig, il = build(trip("IL1", cond(any=(when, other))))
        rig.values({"FT-501.PV": float("nan")}, UNREAD)
        rig.values({"FT-201.PV": value}, quality)
        results = [il.step(rig.scan(), 0.1).active for _ in range(6)]
        assert results == [()] * 5 + [("IL1",)]


def test_a_permissive_needs_good_inputs_and_clears_by_itself() -> None:
    rig, il = build(
        trip("P", FLOW, Level.WARN, latched=False, blocks=("XC-501.CMD",), effects=("belt_off",))
    )
    rig.values({"FT-201.PV": float("nan")}, Quality.BAD_TIMEOUT)
    result = il.step(rig.scan(), 0.1)
    assert result.active == ("P",)
    assert result.blocks == {rig.table.index("XC-501.CMD"): "P"}
    rig.values({"FT-201.PV": 500.0}, Quality.GOOD)
    result = il.step(rig.scan(), 0.1)
    assert result.active == ()
    assert [e.verb for e in result.events] == ["clear"]
    assert il.latched() == ()


def test_a_row_that_is_not_enabled_is_not_evaluated_and_starts_its_timers_anew() -> None:
    on = cond(tag="XC-501.CMD", above=0.5)
    held = cond(tag="TIC-501.PV", above=225.0, for_s=0.2)
    rig, il = build(trip("IL7", held, enabled=on))
    rig.values({"TIC-501.PV": 300.0})
    for _ in range(10):
        assert il.step(rig.scan(), 0.1).active == ()
    rig.values({"XC-501.CMD": 1.0})
    assert [bool(il.step(rig.scan(), 0.1).active) for _ in range(3)] == [False, False, True]


def test_an_unknown_enable_keeps_the_row_watched() -> None:
    rig, il = build(trip("IL7", HOT, enabled=cond(tag="XC-501.CMD", above=0.5)))
    rig.values({"XC-501.CMD": 0.0}, Quality.BAD_TIMEOUT)
    rig.values({"TIC-501.PV": 300.0})
    assert il.step(rig.scan(), 0.1).active == ("IL7",)


def test_blocks_and_forces_reach_the_gate() -> None:
    rig, il = build(
        trip("W", cond(tag="AT-201.PV", above=20.0), Level.WARN, blocks=("SIC-110.SP",)),
        trip("IL1", FLOW, effects=("dope_off",)),
    )
    rig.gate.request("SIC-110.SP", 4.0, Source.RECIPE, "run", rig.now)
    result = scan(rig, il, {"AT-201.PV": 21.0})
    rig.gate.enforce(result.forced, result.blocks, rig.now)
    decision = rig.gate.request("SIC-110.SP", 4.5, Source.RECIPE, "faster", rig.now)
    assert [r.cause for r in decision.reasons] == [Cause.BLOCKED]
    result = scan(rig, il, {"FT-201.PV": 300.0})
    rig.gate.enforce(result.forced, result.blocks, rig.now)
    assert rig.port.last("SIC-110.SP") == 0.0
    decision = rig.gate.request("SIC-110.SP", 1.0, Source.RECIPE, "go", rig.now)
    assert Cause.FORCED in [r.cause for r in decision.reasons]


def test_latched_trips_survive_a_restart() -> None:
    rig, il = build(trip("IL1", FLOW), trip("P", HOT, latched=False))
    scan(rig, il, {"FT-201.PV": 300.0, "TIC-501.PV": 300.0})
    assert il.latched() == ("IL1",)
    fresh = Interlocks(rig.line, rig.table)
    fresh.restore([*il.latched(), "gone from the line"], rig.now)
    result = scan(rig, fresh, {"FT-201.PV": 500.0, "TIC-501.PV": 0.0})
    assert result.active == ("IL1",)
    assert [e.verb for e in result.events] == ["restored"]


# --- bypass ----------------------------------------------------------------------------------


def bypass(rig: Rig, name: str = "IL9", actor=ENGINEER, reason="sensor work", minutes=30.0):
    return Bypass(name, actor, reason, rig.now + round(minutes * 60 * S))


@pytest.mark.parametrize("hazard", ["Z1", "Z2", "Z3", "Z4"])
def test_vapor_hazards_cannot_be_bypassed_by_anybody(hazard: str) -> None:
    rig, il = build(trip("IL", FLOW, hazard=hazard, bypass=True))
    decision = il.bypass(bypass(rig, "IL"), rig.now)
    assert not decision
    assert hazard in str(decision)
    assert scan(rig, il, {"FT-201.PV": 300.0}).active == ("IL",)


def test_a_bypass_needs_permission_role_reason_and_a_short_time() -> None:
    rig, il = build(trip("IL9", HOT, hazard="Z9"))
    decision = il.bypass(bypass(rig, actor=OPERATOR, reason="", minutes=31.0), rig.now)
    told = str(decision)
    for words in ("does not allow", "engineer is needed", "reason", "30 min"):
        assert words in told


def test_one_bypass_at_a_time_that_ends_by_itself() -> None:
    rig, il = build(
        trip("IL9", HOT, hazard="Z9", bypass=True), trip("IL8", HOT, hazard="Z8", bypass=True)
    )
    assert il.bypass(bypass(rig, minutes=1.0), rig.now)
    assert "one at a time" in str(il.bypass(bypass(rig, "IL8"), rig.now))
    assert scan(rig, il, {"TIC-501.PV": 300.0}).active == ("IL8",)
    rig.wait(60.0)
    result = scan(rig, il)
    assert result.active == ("IL9", "IL8")
    assert "bypass ended" in [e.verb for e in result.events]


# --- wiring ----------------------------------------------------------------------------------


def test_rows_must_name_what_the_line_has() -> None:
    with pytest.raises(WiringError, match="nothing_off"):
        build(trip("IL", FLOW, effects=("nothing_off",)))
    line = make_line([trip("IL", FLOW, blocks=("NOPE",))])
    with pytest.raises(UnknownTag, match="NOPE"):
        Interlocks(line, TagTable(line))
