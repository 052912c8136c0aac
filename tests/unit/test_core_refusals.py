"""Every refusal of the core, word for word: a person acts on these sentences at night."""

from __future__ import annotations

import math

import pytest

from config.models import Level
from controller.bypass import Bypass, bypass_refusals
from controller.interlocks import Interlocks
from controller.outputs import Forced, Mode
from controller.refusals import ACCEPTED, Cause, Refusal, Source
from drivers.base import Quality
from tests.core_rig import ENGINEER, OPERATOR, VIEWER, Rig, S, cond, make_line, trip

SP, PUMP, XC, FEED = "TIC-501.SP", "SIC-110.SP", "XC-501.CMD", "FIC-301A.SP"
FLOW = cond(tag="FT-201.PV", below=350.0)
HOT = cond(tag="TIC-501.PV", above=225.0)


def same(found: Refusal, tag: str, cause: Cause, detail: str, value: float, limit: float) -> None:
    assert (found.tag, found.cause, found.detail) == (tag, cause, detail)
    assert found.value == pytest.approx(value, nan_ok=True)
    assert found.limit == pytest.approx(limit, nan_ok=True)


def against(rig: Rig, tag: str, value: float, source: Source = Source.RECIPE, actor=None):
    return rig.gate.why_not(tag, value, source, rig.now, actor)


def only(found: tuple[Refusal, ...]) -> Refusal:
    assert len(found) == 1, found
    return found[0]


# --- the gate ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "limit", "detail"),
    [
        (201.0, 200.0, "201 degC is outside 20 to 200 degC"),
        (19.0, 20.0, "19 degC is outside 20 to 200 degC"),
    ],
)
def test_out_of_range(value: float, limit: float, detail: str) -> None:
    same(against(Rig(), SP, value)[0], SP, Cause.RANGE, detail, value, limit)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_number(value: float) -> None:
    found = against(Rig(), SP, value)[0]
    same(found, SP, Cause.NOT_A_NUMBER, f"{value} is not a number", value, math.nan)


@pytest.mark.parametrize("value", [0.0, 60.0])
def test_both_ends_of_a_range_are_inside(value: float) -> None:
    rig = Rig()
    rig.values({FEED: value, "FT-201.PV": 1500.0, "FT-501.PV": 500.0})
    rig.poll()
    assert Cause.RANGE not in [one.cause for one in against(rig, FEED, value)]


def test_too_fast() -> None:
    found = only(against(Rig(), SP, 25.0))
    told = "a step of 5 degC from 20; 0.5 degC/s lets 2.5 pass"
    same(found, SP, Cause.RATE, told, 5.0, 2.5)


@pytest.mark.parametrize(("value", "refused"), [(10.0 + 1e-9, False), (10.0 + 3e-9, True)])
def test_an_error_of_rounding_is_not_too_fast(value: float, refused: bool) -> None:
    """2 rpm/s let 10 rpm pass."""
    found = against(Rig(), PUMP, value)
    assert (Cause.RATE in [one.cause for one in found]) is refused


def test_whose_unit_it_is() -> None:
    rig = Rig()
    found = only(against(rig, SP, 21.0, Source.OPERATOR, OPERATOR))
    same(found, SP, Cause.MODE, "TIC-501 is in auto", math.nan, math.nan)
    rig.gate.set_mode("TIC-501", Mode.MANUAL, OPERATOR, "tuning", rig.now)
    found = only(against(rig, SP, 21.0))
    same(found, SP, Cause.MODE, "TIC-501 is in manual by ann", math.nan, math.nan)


def test_who_outranks_in_the_same_scan() -> None:
    rig = Rig()
    rig.gate.request(SP, 21.0, Source.RECIPE, "test", rig.now)
    found = only(against(rig, SP, 21.5, Source.LOOP))
    same(found, SP, Cause.OUTRANKED, "the recipe set it in this scan", 21.0, math.nan)
    assert against(rig, SP, 21.5, Source.RECIPE) == (), "the same source may correct itself"


def test_whose_role_does_not_reach() -> None:
    rig = Rig()
    rig.gate.set_mode("XV-801", Mode.MANUAL, OPERATOR, "test", rig.now)
    found = only(against(rig, "XV-801.CMD", 1.0, Source.OPERATOR, OPERATOR))
    told = "ann is operator; engineer is needed"
    same(found, "XV-801.CMD", Cause.ROLE, told, math.nan, math.nan)
    found = only(against(rig, "XV-801.CMD", 1.0, Source.OPERATOR))
    same(found, "XV-801.CMD", Cause.ROLE, "no person stands behind the request", math.nan, math.nan)
    assert against(rig, "XV-801.CMD", 1.0, Source.OPERATOR, ENGINEER) == ()


def test_what_a_trip_holds_leaves_or_blocks() -> None:
    rig = Rig()
    row = rig.table.index(PUMP)
    rig.gate.request(PUMP, 1.0, Source.RECIPE, "run", rig.now)
    rig.gate.enforce({row: Forced(PUMP, 1.0, "IL1")}, {}, rig.now)
    rig.wait(0.1)
    found = only(against(rig, PUMP, 2.0))
    told = "held at 1 by IL1 until it is reset"
    same(found, PUMP, Cause.FORCED, told, 2.0, 1.0)
    assert against(rig, PUMP, 1.0) == (), "the value it is held at"
    rig.gate.enforce({}, {row: "IL3"}, rig.now)
    found = only(against(rig, PUMP, 2.0))
    same(found, PUMP, Cause.BLOCKED, "no increase above 1 while IL3 acts", 2.0, 1.0)
    assert against(rig, PUMP, 1.0) == (), "no increase"
    rig.gate.enforce({}, {}, rig.now, {row: "FIRE"})
    found = only(against(rig, PUMP, 1.0))
    told = "nothing here writes it while FIRE acts: other protection has it"
    same(found, PUMP, Cause.LEFT_ALONE, told, 1.0, math.nan)


def test_a_device_that_does_not_answer() -> None:
    rig = Rig()
    rig.values({SP: 20.0}, Quality.BAD_TIMEOUT)
    rig.poll()
    found = only(against(rig, SP, 21.0))
    told = f"its quality is 0x{int(Quality.BAD_TIMEOUT):08X}"
    same(found, SP, Cause.NO_COMMUNICATION, told, 20.0, math.nan)
    assert against(rig, SP, 20.0) == (), "its safe value may be asked for"


def test_a_shed_output() -> None:
    rig = Rig()
    rig.gate.shed(SP, "relay lost", rig.now)
    found = only(against(rig, SP, 21.0))
    same(found, SP, Cause.SHED, "shed: relay lost; a person rearms it", 21.0, math.nan)
    assert against(rig, SP, 20.0) == ()


def test_more_solvent_than_a_zone_carries() -> None:
    rig = Rig()
    rig.values({"FT-201.PV": 20.0})
    rig.poll()
    found = only(against(rig, PUMP, 8.0))
    assert found.cause is Cause.CROSS_LIMIT
    assert found.value > found.limit > 0.0
    assert found.detail == (
        f"zone B1 would get {found.value:.2f} kg/h of solvent; its measured exhaust carries "
        f"{found.limit:.2f} kg/h at 25 % of the flammable limit"
    )


def test_solvent_into_an_exhaust_nobody_measures() -> None:
    rig = Rig()
    rig.values({"FT-201.PV": 500.0}, Quality.BAD_SENSOR_FAILURE)
    rig.poll()
    found = only(against(rig, PUMP, 2.0))
    assert (found.tag, found.cause) == (PUMP, Cause.CROSS_LIMIT)
    assert found.detail == "exhaust flow FT-201.PV of zone B1 is not GOOD"
    assert found.value > 0.0
    assert math.isnan(found.limit)


@pytest.mark.parametrize(
    ("tag", "cause", "detail"),
    [
        ("NOPE", Cause.UNKNOWN_TAG, "the line has no such tag"),
        ("TIC-501.PV", Cause.NOT_WRITABLE, "the tag cannot be written"),
    ],
)
def test_what_cannot_be_written(tag: str, cause: Cause, detail: str) -> None:
    rig = Rig()
    for found in (
        rig.gate.request(tag, 1.0, Source.RECIPE, "test", rig.now).reasons,
        against(rig, tag, 1.0),
        rig.gate.rearm(tag, OPERATOR, "test", rig.now).reasons,
    ):
        same(only(found), tag, cause, detail, math.nan, math.nan)


def test_who_may_take_a_unit_or_rearm() -> None:
    rig = Rig()
    no_unit = rig.gate.set_mode("X", Mode.MANUAL, OPERATOR, "r", rig.now).reasons
    same(only(no_unit), "X", Cause.UNKNOWN_TAG, "no such unit", math.nan, math.nan)
    for found, name in (
        (rig.gate.set_mode("TIC-501", Mode.MANUAL, VIEWER, " ", rig.now).reasons, "TIC-501"),
        (rig.gate.rearm(SP, VIEWER, "", rig.now).reasons, SP),
    ):
        role, reason = found
        told = "vic is viewer; operator is needed"
        same(role, name, Cause.ROLE, told, math.nan, math.nan)
        same(reason, name, Cause.REASON, "a reason is needed", math.nan, math.nan)


def test_a_large_change_by_hand_is_a_question() -> None:
    rig = Rig()
    rig.gate.set_mode("FIC-301A", Mode.MANUAL, OPERATOR, "test", rig.now)
    asked = rig.gate.request(FEED, 10.0, Source.OPERATOR, "more", rig.now, OPERATOR)
    told = "from 0 to 10 mL/min: repeat to confirm"
    same(only(asked.reasons), FEED, Cause.CONFIRM, told, 10.0, 6.0)
    assert (asked.accepted, asked.nonce) == (False, f"{FEED}#1")
    again = rig.gate.request(FEED, 10.0, Source.OPERATOR, "more", rig.now, OPERATOR)
    assert again.nonce == f"{FEED}#2", "a question is never asked with an old nonce"
    assert rig.gate.request(FEED, 10.0, Source.OPERATOR, "more", rig.now, OPERATOR, again.nonce)


# --- interlocks and bypasses ---------------------------------------------------------------------


def tripped() -> tuple[Rig, Interlocks]:
    rig = Rig(make_line([trip("IL1", FLOW, hazard="Z1"), trip("W", FLOW, Level.WARN, "Z1")]))
    locks = Interlocks(rig.line, rig.table)
    rig.values({"FT-201.PV": 300.0})
    locks.step(rig.scan(), 0.1)
    return rig, locks


def test_against_a_reset() -> None:
    rig, locks = tripped()
    found = locks.reset("IL1", OPERATOR, " ", rig.now).reasons
    details = [
        (Cause.ROLE, "ann is operator; Z1 needs engineer"),
        (Cause.REASON, "a reset needs a reason"),
        (Cause.CAUSE_PRESENT, "its cause is still present"),
        (Cause.CAUSE_PRESENT, "W still has its cause: title of W"),
    ]
    assert len(found) == len(details)
    for one, (cause, detail) in zip(found, details, strict=True):
        same(one, "IL1", cause, detail, math.nan, math.nan)
    rig.values({"FT-201.PV": 300.0}, Quality.BAD_TIMEOUT)
    locks.step(rig.scan(), 0.1)
    found = locks.reset("IL1", ENGINEER, "r", rig.now).reasons
    assert [one.detail for one in found] == ["its cause is still unknown"]
    rig.values({"FT-201.PV": 500.0}, Quality.GOOD)
    locks.step(rig.scan(), 0.1)
    assert locks.reset("IL1", ENGINEER, "mended", rig.now) is ACCEPTED
    (found,) = locks.reset("IL1", ENGINEER, "again", rig.now).reasons
    same(found, "IL1", Cause.NOT_TRIPPED, "it is not tripped", math.nan, math.nan)


def test_no_such_trip() -> None:
    rig, locks = tripped()
    asked = Bypass("NOPE", ENGINEER, "test", rig.now + S)
    for decision in (locks.reset("NOPE", ENGINEER, "r", rig.now), locks.bypass(asked, rig.now)):
        found = only(decision.reasons)
        told = "the line has no such trip"
        same(found, "NOPE", Cause.UNKNOWN_TAG, told, math.nan, math.nan)


def test_against_a_bypass() -> None:
    rig = Rig(make_line([trip("IL9", HOT, bypass=True), trip("IL8", HOT), trip("IL1", FLOW,
                         hazard="Z1", bypass=True)]))  # fmt: skip
    locks = Interlocks(rig.line, rig.table)
    locks.step(rig.scan(), 0.1)
    assert locks.bypass(Bypass("IL9", ENGINEER, "sensor work", rig.now + 60 * S), rig.now)
    for name, told in (
        ("IL8", "the line file does not allow it"),
        ("IL1", "hazard Z1 cannot be bypassed"),
    ):
        asked = Bypass(name, OPERATOR, " ", rig.now + 1801 * S)
        found = locks.bypass(asked, rig.now).reasons
        details = [
            told,
            "ann is operator; engineer is needed",
            "a bypass needs a reason",
            "it must end within 30 min",
            "IL9 is bypassed already; one at a time",
        ]
        assert len(found) == len(details)
        for one, detail in zip(found, details, strict=True):
            same(one, name, Cause.BYPASS, detail, math.nan, math.nan)


@pytest.mark.parametrize(
    ("nanoseconds", "accepted"), [(0, False), (1, True), (1800 * S, True), (1800 * S + 1, False)]
)
def test_a_bypass_lasts_up_to_half_an_hour_and_not_a_nanosecond_more(
    nanoseconds: int, accepted: bool
) -> None:
    rig = Rig(make_line([trip("IL9", HOT, bypass=True)]))
    locks = Interlocks(rig.line, rig.table)
    asked = Bypass("IL9", ENGINEER, "sensor work", rig.now + nanoseconds)
    assert bool(locks.bypass(asked, rig.now)) is accepted


def test_the_next_bypass_may_begin_when_the_last_one_ends() -> None:
    row = trip("IL9", HOT, bypass=True)
    present = Bypass("IL8", ENGINEER, "sensor work", 5 * S)
    asked = Bypass("IL9", ENGINEER, "sensor work", 6 * S)
    assert bypass_refusals(row, asked, present, 5 * S) == ()
    assert len(bypass_refusals(row, asked, present, 5 * S - 1)) == 1
