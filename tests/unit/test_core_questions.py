"""What the core answers when it is asked how things stand: interlocks, gate, conditions."""

from __future__ import annotations

import math

import pytest

from config.models import Level
from controller.bypass import Bypass
from controller.conditions import compile_condition
from controller.interlocks import Interlocks
from controller.outputs import Forced, Mode
from controller.refusals import ACCEPTED, Source
from drivers.base import Quality
from tests.core_rig import ENGINEER, OPERATOR, T0, Rig, S, cond, make_line, trip

SP, PUMP, XC, FEED = "TIC-501.SP", "SIC-110.SP", "XC-501.CMD", "FIC-301A.SP"
FLOW = cond(tag="FT-201.PV", below=350.0)
HOT = cond(tag="TIC-501.PV", above=225.0)


def locks_of(*trips) -> tuple[Rig, Interlocks]:
    rig = Rig(make_line(trips, {"dope_off": {PUMP: 0.0}}))
    return rig, Interlocks(rig.line, rig.table)


def scan(rig: Rig, locks: Interlocks, values: dict[str, float] | None = None):
    rig.values(values or {})
    return locks.step(rig.scan(), 0.1)


# --- interlocks ----------------------------------------------------------------------------------


def test_before_the_first_scan_nothing_is_known() -> None:
    _, locks = locks_of(trip("IL1", FLOW))
    assert locks.findings("IL1") == ()
    assert locks.result.active == locks.result.new_trips == locks.result.events == ()
    assert (locks.result.level, locks.result.first_out) == (None, "")
    assert (locks.passes, locks.since_ns("IL1"), locks.why("IL1")) == (0, 0, "")
    assert locks.bypassed is None


def test_a_row_tells_how_it_stands() -> None:
    rig, locks = locks_of(
        trip("IL1", FLOW, Level.CONTROLLED_STOP),
        trip("IL7", HOT, enabled=cond(tag=XC, above=0.5)),
    )
    scan(rig, locks)
    (found,) = locks.findings("IL1")
    assert str(found) == "FT-201.PV 500, below 350 Nm3/h"
    assert (locks.acts("IL1"), locks.acts("IL7"), locks.acts("NOPE")) == (False, False, False)
    assert (locks.cause("IL1"), locks.watched("IL1"), locks.watched("IL7")) == (False, True, False)
    scan(rig, locks, {"FT-201.PV": 300.0, XC: 1.0})
    tripped_ns = rig.now
    scan(rig, locks, {"FT-201.PV": 200.0})
    assert (locks.acts("IL1"), locks.cause("IL1"), locks.watched("IL7")) == (True, True, True)
    assert locks.since_ns("IL1") == tripped_ns
    assert str(locks.findings("IL1")[0]) == "FT-201.PV 200, below 350 Nm3/h"
    told = "IL1: title of IL1: FT-201.PV 300, below 350 Nm3/h"
    assert locks.demand("IL1") == (Level.CONTROLLED_STOP, told)
    assert locks.passes == 3


def test_quiet_scans_give_the_same_result_object() -> None:
    rig, locks = locks_of(trip("IL1", FLOW, effects=("dope_off",)))
    before = scan(rig, locks)
    assert scan(rig, locks) is before
    acting = scan(rig, locks, {"FT-201.PV": 300.0})
    quiet = scan(rig, locks)
    assert (quiet.new_trips, quiet.events) == ((), ())
    assert quiet.forced is acting.forced
    assert quiet.active == ("IL1",)
    assert scan(rig, locks) is quiet


def test_every_act_at_a_row_is_an_event_with_who_and_why() -> None:
    rig, locks = locks_of(trip("IL9", HOT, Level.HOLD, bypass=True), trip("IL8", FLOW, Level.WARN))
    scan(rig, locks, {"TIC-501.PV": 300.0})
    locks.reset("IL9", OPERATOR, "mended", rig.now)
    locks.bypass(Bypass("IL8", ENGINEER, "test", rig.now + S), rig.now)
    locks.bypass(Bypass("IL9", ENGINEER, "sensor work", rig.now + S), rig.now)
    assert locks.bypassed == Bypass("IL9", ENGINEER, "sensor work", rig.now + S)
    begun = rig.now
    told = [
        (e.ns, e.source, e.verb, e.tag, e.old, e.new, e.cause, e.actor)
        for e in scan(rig, locks).events
    ]
    told += [
        (e.ns, e.source, e.verb, e.tag, e.old, e.new, e.cause, e.actor)
        for e in locks.step(rig.scan(1.0), 0.1).events
    ]
    refused = "IL9: its cause is still present"
    no_bypass = "IL8: the line file does not allow it"
    assert told == [
        (begun, "interlock", "reset refused", "IL9", None, "H", refused, "ann"),
        (begun, "interlock", "bypass refused", "IL8", None, "W", no_bypass, "eve"),
        (begun, "interlock", "bypass", "IL9", None, "H", "sensor work", "eve"),
        (rig.now, "interlock", "bypass ended", "IL9", None, "H", "its time is up", ""),
    ]
    assert locks.bypassed is None


def test_a_bypass_ends_at_its_nanosecond() -> None:
    rig, locks = locks_of(trip("IL9", HOT, bypass=True))
    locks.bypass(Bypass("IL9", ENGINEER, "sensor work", rig.now + S), rig.now)
    rig.values({"TIC-501.PV": 300.0})
    assert locks.step(rig.scan(0.9), 0.1).active == ()
    assert locks.step(rig.scan(0.1), 0.1).active == ("IL9",)
    assert locks.bypass(Bypass("IL9", ENGINEER, "again", rig.now + S), rig.now), "one is over"


def test_the_event_of_a_trip_is_complete() -> None:
    rig, locks = locks_of(trip("IL1", FLOW), trip("P", HOT, Level.WARN, latched=False))
    trips = scan(rig, locks, {"FT-201.PV": 300.0, "TIC-501.PV": 300.0}).events
    words = "title of IL1: FT-201.PV 300, below 350 Nm3/h (first out)"
    assert [(e.ns, e.verb, e.tag, e.cause, e.actor) for e in trips] == [
        (rig.now, "trip", "IL1", words, ""),
        (rig.now, "trip", "P", "title of P: TIC-501.PV 300, above 225 degC", ""),
    ]
    (clear,) = scan(rig, locks, {"TIC-501.PV": 100.0}).events
    assert (clear.ns, clear.verb, clear.tag) == (rig.now, "clear", "P")
    assert clear.cause == "its cause is gone"
    assert locks.acts("P") is False


def test_a_restored_row_says_so_and_stands_since_then() -> None:
    rig, locks = locks_of(trip("IL1", FLOW, effects=("dope_off",)), trip("P", HOT, latched=False))
    rig.wait(5.0)
    locks.restore(["gone", "P", "IL1"], rig.now)
    assert locks.result.active == ("IL1",), "a permissive finds its cause by itself"
    assert [held.tag for held in locks.result.forced.values()] == [PUMP]
    assert (locks.since_ns("IL1"), locks.why("IL1")) == (rig.now, "latched before the restart")
    assert locks.result.new_trips == (), "it is no news"
    (event,) = locks.result.events
    assert (event.ns, event.verb) == (rig.now, "restored")
    assert event.cause == "latched before the restart"


def test_an_event_of_a_restore_is_told_once() -> None:
    rig, locks = locks_of(trip("IL1", FLOW))
    locks.restore(["IL1"], rig.now)
    assert [event.verb for event in scan(rig, locks).events] == ["restored"]
    assert scan(rig, locks).events == ()


def test_rows_of_one_hazard_share_a_reset_only_over_the_same_tags() -> None:
    rig, locks = locks_of(
        trip("H", cond(tag="AT-201.PV", above=25.0), Level.HOLD, "Z3"),
        trip("OTHER-TAG", cond(tag="FT-201.PV", below=350.0), Level.WARN, "Z3"),
        trip("OTHER-HAZARD", cond(tag="AT-201.PV", above=5.0), Level.WARN, "Z4"),
        trip("GRAVER", cond(tag="AT-201.PV", above=10.0), Level.CONTROLLED_STOP, "Z3"),
    )
    scan(rig, locks, {"AT-201.PV": 30.0, "FT-201.PV": 300.0})
    scan(rig, locks, {"AT-201.PV": 15.0})
    assert locks.reset("H", ENGINEER, "r", rig.now), "only rows of the same or a lower level"


def test_a_reset_acts_at_once_and_is_told_with_who_and_why() -> None:
    rig, locks = locks_of(trip("IL1", FLOW, effects=("dope_off",)), trip("IL9", HOT))
    scan(rig, locks, {"FT-201.PV": 300.0, "TIC-501.PV": 300.0})
    scan(rig, locks, {"FT-201.PV": 500.0})
    assert locks.reset("IL1", ENGINEER, "belt replaced", rig.now)
    assert locks.acts("IL1") is False
    assert (locks.result.active, locks.result.forced) == (("IL9",), {})
    assert locks.result.new_trips == ()
    assert locks.result.first_out == "IL1", "another row of its level still acts"
    (event,) = locks.result.events
    assert (event.ns, event.verb, event.tag) == (rig.now, "reset", "IL1")
    assert (event.cause, event.actor) == ("belt replaced", "eve")


def test_reasons_and_causes_are_told_one_after_the_other() -> None:
    both = cond(any=(FLOW, HOT))
    rig, locks = locks_of(trip("IL1", both, hazard="Z1", bypass=True))
    scan(rig, locks, {"FT-201.PV": 300.0, "TIC-501.PV": 300.0})
    told = "FT-201.PV 300, below 350 Nm3/h; TIC-501.PV 300, above 225 degC"
    assert locks.why("IL1") == told
    locks.reset("IL1", OPERATOR, "r", rig.now)
    locks.bypass(Bypass("IL1", OPERATOR, "r", rig.now + S), rig.now)
    assert [event.cause for event in scan(rig, locks).events] == [
        "IL1: ann is operator; Z1 needs engineer; IL1: its cause is still present",
        "IL1: hazard Z1 cannot be bypassed; IL1: ann is operator; engineer is needed",
    ]


def test_a_row_of_the_same_level_keeps_a_reset_back_too() -> None:
    rig, locks = locks_of(
        trip("ONE", cond(tag="AT-201.PV", above=25.0), Level.HOLD, "Z3"),
        trip("TWO", cond(tag="AT-201.PV", above=20.0), Level.HOLD, "Z3"),
    )
    scan(rig, locks, {"AT-201.PV": 30.0})
    scan(rig, locks, {"AT-201.PV": 22.0})
    told = "ONE: TWO still has its cause: title of TWO"
    assert str(locks.reset("ONE", ENGINEER, "r", rig.now)) == told


def test_what_one_row_leaves_alone_no_other_row_forces() -> None:
    rig = Rig(
        make_line(
            [
                trip("FIRE", HOT, Level.OUTPUTS_SAFE, leaves=("XV-801.CMD",)),
                trip("IL1", FLOW, effects=("air", "dope")),
            ],
            {"air": {"XV-801.CMD": 0.0}, "dope": {PUMP: 0.0}},
        )
    )
    locks = Interlocks(rig.line, rig.table)
    result = scan(rig, locks, {"FT-201.PV": 300.0})
    assert {held.tag for held in result.forced.values()} == {"XV-801.CMD", PUMP}
    result = scan(rig, locks, {"TIC-501.PV": 300.0})
    assert [(h.tag, h.value, h.trip) for h in result.forced.values()] == [(PUMP, 0.0, "IL1")]
    assert result.left == {rig.table.index("XV-801.CMD"): "FIRE"}
    assert result.level is Level.OUTPUTS_SAFE


def test_of_two_equal_rows_the_earlier_holds_and_blocks() -> None:
    rig = Rig(
        make_line(
            [
                trip("ONE", FLOW, effects=("slow",), blocks=(SP,)),
                trip("TWO", FLOW, effects=("stop",), blocks=(SP,)),
                trip("GRAVE", HOT, Level.CONTROLLED_STOP, blocks=(SP,)),
            ],
            {"slow": {"SIC-210.SP": 1.0}, "stop": {"SIC-210.SP": 0.0}},
        )
    )
    locks = Interlocks(rig.line, rig.table)
    result = scan(rig, locks, {"FT-201.PV": 300.0})
    assert result.blocks == {rig.table.index(SP): "ONE"}
    held = result.forced[rig.table.index("SIC-210.SP")]
    assert (held.value, held.trip) == (1.0, "ONE")
    assert scan(rig, locks, {"TIC-501.PV": 300.0}).blocks == {rig.table.index(SP): "GRAVE"}


def test_equal_enables_are_compiled_once() -> None:
    on, other = cond(tag=XC, above=0.5), cond(tag=XC, above=0.6)
    _, locks = locks_of(
        trip("A", HOT, enabled=on), trip("B", FLOW, enabled=on), trip("C", HOT, enabled=other)
    )
    assert [row.gate for row in locks._rows] == [0, 0, 1]
    assert len(locks._matrix.enables) == 2


# --- the gate ------------------------------------------------------------------------------------


def test_the_gate_knows_its_units_and_who_has_them() -> None:
    gate = Rig().gate
    units = gate.units()
    assert units["SIC-110"] == ("SIC-110.RUN", PUMP)
    assert units["SIC-210"] == ("SIC-210.RUN", "SIC-210.SP", "SIC-210.RESET")
    assert len(units) == 8
    assert (gate.unit_of(PUMP), gate.unit_of("FT-201.PV")) == ("SIC-110", "")
    assert gate.by_hand("SIC-110") == gate.by_hand(PUMP) == ""
    gate.set_mode("SIC-110", Mode.MANUAL, OPERATOR, "test", T0)
    assert gate.by_hand("SIC-110") == gate.by_hand(PUMP) == "SIC-110 is in manual by ann"
    assert gate.by_hand(SP) == gate.by_hand("nobody") == ""
    assert (gate.mode("SIC-110"), gate.mode("TIC-501")) == (Mode.MANUAL, Mode.AUTO)


def test_a_stop_takes_every_unit_back_and_tells_it() -> None:
    rig = Rig()
    told: list[tuple[str, Mode, int]] = []
    rig.gate.on_mode(lambda *change: told.append(change))
    for unit in ("SIC-110", "TIC-501"):
        rig.gate.set_mode(unit, Mode.MANUAL, OPERATOR, "test", T0)
    rig.gate.take_back("stop", T0 + 5)
    assert told == [
        ("SIC-110", Mode.MANUAL, T0),
        ("TIC-501", Mode.MANUAL, T0),
        ("SIC-110", Mode.AUTO, T0 + 5),
        ("TIC-501", Mode.AUTO, T0 + 5),
    ]
    assert (rig.gate.mode("SIC-110"), rig.gate.by_hand(PUMP)) == (Mode.AUTO, "")
    events = rig.gate.step(rig.snapshot(), 0.1).events
    assert [(e.ns, e.source, e.verb, e.tag, e.old, e.new, e.cause, e.actor) for e in events] == [
        (T0, "gate", "mode", "SIC-110", Mode.AUTO, Mode.MANUAL, "test", "ann"),
        (T0, "gate", "mode", "TIC-501", Mode.AUTO, Mode.MANUAL, "test", "ann"),
        (T0 + 5, "gate", "mode", "SIC-110", Mode.MANUAL, Mode.AUTO, "stop", ""),
        (T0 + 5, "gate", "mode", "TIC-501", Mode.MANUAL, Mode.AUTO, "stop", ""),
    ]


def test_present_is_the_request_else_the_live_value_else_unknown() -> None:
    rig = Rig()
    assert rig.gate.present(SP, rig.now) == 20.0
    rig.gate.request(SP, 21.0, Source.RECIPE, "test", rig.now)
    assert rig.gate.present(SP, rig.now) == 21.0
    rig.values({PUMP: 3.0}, Quality.BAD_TIMEOUT)
    rig.poll()
    assert math.isnan(rig.gate.present(PUMP, rig.now))


def test_a_large_change_by_steps_is_asked_before_it_begins() -> None:
    rig = Rig()
    asked = rig.gate.ask_twice(FEED, 50.0, rig.now, OPERATOR)
    assert asked is not None
    assert asked.reasons[0].detail == "from 0 to 50 mL/min: repeat to confirm"
    assert rig.gate.ask_twice(FEED, 50.0, rig.now, OPERATOR, asked.nonce) is None
    assert rig.gate.ask_twice(FEED, 6.0, rig.now, OPERATOR) is None, "a tenth is not large"
    rig.values({FEED: 0.0}, Quality.BAD_TIMEOUT)
    rig.poll()
    assert rig.gate.ask_twice(FEED, 50.0, rig.now, OPERATOR) is None, "nobody knows from where"
    assert rig.port.sent == []


@pytest.mark.parametrize(("value", "asked"), [(40.0, False), (40.1, True)])
def test_a_change_of_temperature_is_large_above_20_k_or_a_tenth(value: float, asked: bool) -> None:
    """The range of the set point is 180 K: a tenth, 18 K, is less than 20 K."""
    rig = Rig()
    rig.values({SP: value - 18.0 - (0.1 if asked else 0.0)})
    rig.poll()
    assert (rig.gate.ask_twice(SP, value, rig.now, OPERATOR) is not None) is asked


def test_the_same_demands_are_carried_out_once() -> None:
    rig = Rig()
    row = rig.table.index(PUMP)
    forced = {row: Forced(PUMP, 0.0, "IL1")}
    rig.gate.enforce(forced, {}, rig.now)
    rig.gate.enforce(forced, {row: "W"}, rig.now)
    assert rig.port.sent == [("put", PUMP, 0.0)]
    assert rig.gate.why_not(PUMP, 0.0, Source.RECIPE, rig.now + S) == ()
    rig.gate.enforce({row: Forced(PUMP, 0.0, "IL2")}, {}, rig.now)
    assert rig.port.sent == [("put", PUMP, 0.0)], "another row holds the same value"
    rig.gate.enforce({row: Forced(PUMP, 1.0, "IL3")}, {}, rig.now)
    assert rig.port.sent == [("put", PUMP, 0.0), ("put", PUMP, 1.0)]
    rig.gate.enforce({}, {}, rig.now)
    events = rig.gate.step(rig.snapshot(), 0.1).events
    assert [(e.ns, e.verb, e.tag, e.old, e.new, e.cause) for e in events] == [
        (rig.now, "force", PUMP, None, 0.0, "held by IL1"),
        (rig.now, "force", PUMP, 0.0, 1.0, "held by IL3"),
        (rig.now, "release", PUMP, 1.0, 1.0, "IL3 does not hold it any more"),
    ]


def test_what_is_left_alone_is_neither_judged_nor_written_when_shed() -> None:
    rig = Rig()
    row = rig.table.index(XC)
    rig.gate.request(XC, 1.0, Source.RECIPE, "test", rig.now)
    rig.gate.enforce({}, {}, rig.now, {row: "FIRE"})
    for _ in range(100):
        result = rig.gate.step(rig.scan(), 0.1)
        assert result.hold == ""
    assert rig.gate.shed_outputs() == {}
    rig.gate.shed(XC, "test", rig.now)
    rig.gate.shed(XC, "again", rig.now)
    assert rig.port.sent == [("put", XC, 1.0)]
    result = rig.gate.step(rig.scan(), 0.1)
    assert [(e.verb, e.tag, e.old, e.new, e.cause) for e in result.events] == [
        ("shed", XC, 1.0, 0.0, "test")
    ]
    assert result.hold == f"{XC} shed: test"
    assert rig.gate.shed_outputs() == {XC: "test"}


def test_a_rearmed_output_is_told_with_what_it_was_shed_for() -> None:
    rig = Rig()
    rig.gate.shed(XC, "relay lost", rig.now)
    rig.gate.step(rig.scan(), 0.1)
    assert rig.gate.rearm(XC, OPERATOR, "replaced", rig.now) is ACCEPTED
    rearmed_ns = rig.now
    (event,) = rig.gate.step(rig.scan(), 0.1).events
    assert (event.source, event.verb, event.tag) == ("gate", "rearm", XC)
    assert (event.old, event.new, event.cause) == ("relay lost", None, "replaced")
    assert (event.ns, event.actor) == (rearmed_ns, "ann")
    assert rig.gate.shed_outputs() == {}


# --- conditions ----------------------------------------------------------------------------------


def test_codes_and_counts_have_no_unit() -> None:
    rig = Rig()
    rig.values({XC: 1.0})
    rig.poll()
    snapshot = rig.snapshot()
    less = cond(tag=XC, below_tag="FRQ-201.REQ", offset=-2.0)
    rig.table.set_calculated(rig.table.index("FRQ-201.REQ"), 1.0, Quality.GOOD, rig.now)
    snapshot = rig.snapshot()
    (found,) = compile_condition(less, rig.table).explain(snapshot)
    assert str(found) == f"{XC} 1, below FRQ-201.REQ - 2"
    assert found.limit == -1.0


def test_a_negated_condition_tells_what_would_have_to_change() -> None:
    rig = Rig()
    rig.values({"FT-201.PV": 300.0})
    rig.poll()
    compiled = compile_condition(cond(**{"not": FLOW}), rig.table)
    assert compiled.step(rig.snapshot(), 0.1) is False
    (found,) = compiled.explain(rig.snapshot())
    assert str(found) == "FT-201.PV 300, not below 350 Nm3/h"
    assert compiled.because(rig.snapshot()) == []
    rig.values({"FT-201.PV": 400.0})
    rig.poll()
    (found,) = compiled.because(rig.snapshot())
    assert str(found) == "FT-201.PV 400, not below 350 Nm3/h"
    assert compiled.explain(rig.snapshot()) == []
    rig.values({"FT-201.PV": 400.0}, Quality.BAD_TIMEOUT)
    rig.poll()
    (found,) = compiled.explain(rig.snapshot())
    assert found.test == "not below 350 Nm3/h"
    assert compiled.because(rig.snapshot()) == []


def test_a_timed_condition_tells_why_and_for_how_long() -> None:
    rig = Rig()
    rig.values({"FT-201.PV": 300.0})
    compiled = compile_condition(cond(tag="FT-201.PV", below=350.0, for_s=0.2), rig.table)
    assert str(compiled.explain(rig.snapshot())[0]) == "FT-201.PV 500, below 350 Nm3/h for 0.2 s"
    assert compiled.because(rig.snapshot()) == []
    snapshot = rig.scan()
    assert str(compiled.explain(snapshot)[0]).endswith("below 350 Nm3/h for 0.0 of 0.2 s")
    for _ in range(3):
        snapshot = rig.scan()
        compiled.step(snapshot, 0.1)
    assert compiled.explain(snapshot) == []
    assert [str(one) for one in compiled.because(snapshot)] == [
        "FT-201.PV 300, below 350 Nm3/h for 0.2 s"
    ]


def test_a_long_slope_takes_a_sample_in_many_scans() -> None:
    """A window of 60 s at 10 Hz keeps 120 samples: one in five scans."""
    rig = Rig()
    compiled = compile_condition(cond(tag="FT-201.PV", rising_above=2.0, for_s=60.0), rig.table)
    truths = []
    for k in range(620):
        rig.values({"FT-201.PV": 100.0 + 0.22 * k})
        truths.append(compiled.step(rig.scan(), 0.1))
    assert truths[598] is None
    assert truths[599:] == [True] * 21
    (found,) = compiled.because(rig.snapshot())
    assert (found.test, found.limit) == ("rising above 2 Nm3/h/s over 60 s", 2.0)
    compiled.reset()
    compiled.reset()
    assert compiled.step(rig.scan(), 0.1) is None
