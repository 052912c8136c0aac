"""What the interlocks answer when they are asked how rows stand, and what they tell of acts."""

from __future__ import annotations

from config.models import Level
from controller.bypass import Bypass
from controller.interlocks import Interlocks
from tests.core_rig import ENGINEER, OPERATOR, Rig, S, cond, make_line, trip

SP, PUMP, XC, FEED = "TIC-501.SP", "SIC-110.SP", "XC-501.CMD", "FIC-301A.SP"
FLOW = cond(tag="FT-201.PV", below=350.0)
HOT = cond(tag="TIC-501.PV", above=225.0)


def locks_of(*trips) -> tuple[Rig, Interlocks]:
    rig = Rig(make_line(trips, {"dope_off": {PUMP: 0.0}}))
    return rig, Interlocks(rig.line, rig.table)


def scan(rig: Rig, locks: Interlocks, values: dict[str, float] | None = None):
    rig.values(values or {})
    return locks.step(rig.scan(), 0.1)


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


def test_a_row_says_why_it_acts_now_and_a_latched_one_why_it_tripped() -> None:
    rig, locks = locks_of(
        trip("IL1", FLOW), trip("IL11P", FLOW, latched=False), trip("IL7", HOT)
    )  # fmt: skip
    scan(rig, locks, {"FT-201.PV": 300.0})
    scan(rig, locks, {"FT-201.PV": 200.0})
    assert locks.says("IL1").endswith(": FT-201.PV 300, below 350 Nm3/h")
    assert locks.says("IL11P").endswith(": FT-201.PV 200, below 350 Nm3/h")
    assert locks.says("IL7").endswith(": does not act")


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
