"""What the core answers when it is asked how things stand: gate and conditions."""

from __future__ import annotations

import math

import pytest

from config.models import Equipment
from controller.conditions import compile_condition
from controller.outputs import Forced, Mode
from controller.refusals import ACCEPTED, Source
from drivers.base import Quality
from tests.core_rig import OPERATOR, T0, Rig, S, cond, make_line, output

SP, PUMP, XC, FEED = "TIC-501.SP", "SIC-110.SP", "XC-501.CMD", "FIC-301A.SP"
TRIM = output("SIC-110.TRIM.SP", "rpm", (0.0, 1.0))
FLOW = cond(tag="FT-201.PV", below=350.0)


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


def test_a_line_may_name_the_unit_of_several_loops() -> None:
    """Elsewhere all of a tag's name but its last part is the unit."""
    line = make_line()
    slot = Equipment(name="SLOT-301", description="coater", loops=("FIC-301A", "FIC-301B"))
    trim = line.instrument[0].model_copy(update={"name": "TRIM", "tags": (TRIM,)})
    gate = Rig(
        line.model_copy(update={"equipment": (slot,), "instrument": (*line.instrument, trim)})
    ).gate
    assert gate.units()["SLOT-301"] == (FEED, "FIC-301B.SP")
    assert gate.unit_of(PUMP) == "SIC-110"
    assert gate.unit_of(TRIM.name) == "SIC-110.TRIM"


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
    asked = rig.gate.ask_twice(FEED, 50.0, rig.now, OPERATOR, "")
    assert asked is not None
    assert asked.reasons[0].detail == "from 0 to 50 mL/min: repeat to confirm"
    assert rig.gate.ask_twice(FEED, 50.0, rig.now, OPERATOR, asked.nonce) is None
    assert rig.gate.ask_twice(FEED, 6.0, rig.now, OPERATOR, "") is None, "a tenth is not large"
    rig.values({FEED: 0.0}, Quality.BAD_TIMEOUT)
    rig.poll()
    assert rig.gate.ask_twice(FEED, 50.0, rig.now, OPERATOR, "") is None, "nobody knows from where"
    assert rig.port.sent == []


@pytest.mark.parametrize(("value", "asked"), [(40.0, False), (40.1, True)])
def test_a_change_of_temperature_is_large_above_20_k_or_a_tenth(value: float, asked: bool) -> None:
    """The range of the set point is 180 K: a tenth, 18 K, is less than 20 K."""
    rig = Rig()
    rig.values({SP: value - 18.0 - (0.1 if asked else 0.0)})
    rig.poll()
    assert (rig.gate.ask_twice(SP, value, rig.now, OPERATOR, "") is not None) is asked


@pytest.mark.parametrize(
    ("tag", "change", "asked"),
    [(SP, 20.0, False), (SP, 20.1, True), (FEED, 50.0, False), (FEED, 50.1, True)],
)
def test_over_a_wide_range_20_k_are_large_and_a_tenth_of_anything_else(
    tag: str, change: float, asked: bool
) -> None:
    line, span = make_line(), (0.0, 500.0)

    def wide(spec):
        if spec.name != tag:
            return spec
        write = spec.write.model_copy(update={"range": span})
        return spec.model_copy(update={"range": span, "write": write})

    instruments = tuple(
        one.model_copy(update={"tags": tuple(map(wide, one.tags))}) for one in line.instrument
    )
    rig = Rig(line.model_copy(update={"instrument": instruments}))
    rig.values({tag: 100.0})
    rig.poll()
    question = rig.gate.ask_twice(tag, 100.0 + change, rig.now, OPERATOR, "")
    assert (question is not None) is asked


@pytest.mark.parametrize(("late_ns", "confirmed"), [(0, True), (1, False)])
def test_a_question_may_be_answered_for_15_s(late_ns: int, confirmed: bool) -> None:
    rig = Rig()
    asked = rig.gate.ask_twice(FEED, 50.0, rig.now, OPERATOR, "")
    assert asked is not None
    rig.now += 15 * S + late_ns
    rig.poll()
    again = rig.gate.ask_twice(FEED, 50.0, rig.now, OPERATOR, asked.nonce)
    assert (again is None) is confirmed


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
