"""The gate: every check, all reasons at once, rate credit, owners, confirmation, forcing."""

from __future__ import annotations

import math

import pytest

from config.models import Line
from controller.errors import WiringError
from controller.outputs import Forced, Mode
from controller.refusals import Cause, Source
from drivers.base import Quality
from tests.core_rig import ENGINEER, OPERATOR, T0, VIEWER, Rig, S, make_line

SP = "TIC-501.SP"
PUMP = "SIC-110.SP"


def causes(decision) -> list[Cause]:
    return [refusal.cause for refusal in decision.reasons]


def ask(rig: Rig, tag: str, value: float, source: Source = Source.RECIPE, **more):
    return rig.gate.request(tag, value, source, "test", rig.now, **more)


def force(rig: Rig, tag: str, value: float, trip: str = "IL1") -> None:
    rig.gate.enforce({rig.table.index(tag): Forced(tag, value, trip)}, {}, rig.now)


# --- the checks ------------------------------------------------------------------------------


def test_an_accepted_set_point_leaves_and_becomes_the_request() -> None:
    rig = Rig()
    assert ask(rig, SP, 22.0)
    assert rig.port.sent == [("put", SP, 22.0)]
    assert rig.table.request[rig.table.index(SP)] == 22.0


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (200.1, Cause.RANGE),
        (19.9, Cause.RANGE),
        (math.nan, Cause.NOT_A_NUMBER),
        (math.inf, Cause.NOT_A_NUMBER),
    ],
)
@pytest.mark.parametrize("source", list(Source))
def test_values_outside_the_range_are_refused_never_clamped(value, cause, source) -> None:
    rig = Rig()
    decision = ask(rig, SP, value, source, actor=OPERATOR)
    assert not decision
    assert cause in causes(decision)
    assert rig.port.sent == []
    assert math.isnan(rig.table.request[rig.table.index(SP)])


def test_a_refusal_says_the_live_value_and_the_limit() -> None:
    refusal = ask(Rig(), SP, 250.0).reasons[0]
    assert (refusal.tag, refusal.value, refusal.limit) == (SP, 250.0, 200.0)
    assert str(refusal) == "TIC-501.SP: 250 degC is outside 20 to 200 degC"


def test_steps_larger_than_rate_times_elapsed_are_refused() -> None:
    rig = Rig()
    decision = ask(rig, SP, 22.6)  # 0.5 K/s lets 2.5 K pass after 5 s or more
    assert causes(decision) == [Cause.RATE]
    assert (decision.reasons[0].value, decision.reasons[0].limit) == pytest.approx((2.6, 2.5))
    assert ask(rig, SP, 22.5)
    rig.scan(1.0)
    assert causes(ask(rig, SP, 23.1)) == [Cause.RATE]
    assert ask(rig, SP, 23.0)
    rig.scan(1.0)
    assert causes(ask(rig, SP, 22.4)) == [Cause.RATE]  # downwards too


def test_a_ramp_of_bounded_steps_passes_and_a_faster_one_does_not() -> None:
    rig = Rig()
    for k in range(200):
        rig.scan(0.1, echo=True)
        assert ask(rig, SP, 20.0 + 0.05 * (k + 1))
    refusals = 0
    for k in range(200):
        rig.scan(0.1, echo=True)
        refusals += not ask(rig, SP, 30.0 + 0.08 * (k + 1))
    assert refusals > 0


def test_waiting_does_not_save_up_a_jump() -> None:
    rig = Rig()
    rig.scan(3600.0)
    assert causes(ask(rig, SP, 150.0)) == [Cause.RATE]


def test_the_safe_value_is_never_too_fast() -> None:
    rig = Rig()
    rig.values({SP: 150.0})
    rig.poll()
    assert ask(rig, SP, 20.0)


def test_an_operator_needs_manual_and_the_recipe_needs_auto() -> None:
    rig = Rig()
    assert causes(ask(rig, SP, 21.0, Source.OPERATOR, actor=OPERATOR)) == [Cause.MODE]
    assert rig.gate.set_mode("TIC-501", Mode.MANUAL, OPERATOR, "tuning", rig.now)
    assert rig.gate.mode("TIC-501") is Mode.MANUAL
    assert ask(rig, SP, 21.0, Source.OPERATOR, actor=OPERATOR)
    for source in (Source.RECIPE, Source.LOOP):
        decision = ask(rig, SP, 21.5, source)
        assert Cause.MODE in causes(decision)
        assert "manual by ann" in str(decision)
    assert ask(rig, PUMP, 1.0)  # other units stay with the recipe
    assert rig.gate.set_mode("TIC-501", Mode.AUTO, OPERATOR, "done", rig.now)
    rig.scan()
    assert ask(rig, SP, 21.0)


def test_modes_need_a_known_unit_a_role_and_a_reason() -> None:
    rig = Rig()
    assert causes(rig.gate.set_mode("X", Mode.MANUAL, OPERATOR, "r", T0)) == [Cause.UNKNOWN_TAG]
    assert causes(rig.gate.set_mode("TIC-501", Mode.MANUAL, VIEWER, " ", T0)) == [
        Cause.ROLE,
        Cause.REASON,
    ]


def test_roles_are_checked_per_tag() -> None:
    rig = Rig()
    rig.gate.set_mode("XV-801", Mode.MANUAL, OPERATOR, "test", rig.now)
    decision = ask(rig, "XV-801.CMD", 1.0, Source.OPERATOR, actor=OPERATOR)
    assert causes(decision) == [Cause.ROLE]
    assert causes(ask(rig, "XV-801.CMD", 1.0, Source.OPERATOR)) == [Cause.ROLE]
    assert ask(rig, "XV-801.CMD", 1.0, Source.OPERATOR, actor=ENGINEER)


def test_a_lower_source_cannot_overwrite_a_higher_one_in_the_same_scan() -> None:
    rig = Rig()
    assert ask(rig, PUMP, 2.0, Source.RECIPE)
    assert causes(ask(rig, PUMP, 3.0, Source.LOOP)) == [Cause.OUTRANKED]
    rig.scan()
    assert ask(rig, PUMP, 2.1, Source.LOOP)
    assert ask(rig, PUMP, 2.2, Source.RECIPE)


def test_silent_devices_get_no_set_points_but_their_safe_value() -> None:
    rig = Rig()
    rig.scan(0.1)
    rig.wait(3.0)
    decision = ask(rig, SP, 21.0)
    assert causes(decision) == [Cause.NO_COMMUNICATION]
    assert "0x80310000" in str(decision)
    assert ask(rig, SP, 20.0)


def test_before_the_first_poll_nothing_is_written() -> None:
    rig = Rig()
    row = rig.table.index(SP)
    rig.table.quality[row] = Quality.BAD_WAITING_FOR_INITIAL_DATA
    assert causes(ask(rig, SP, 21.0)) == [Cause.NO_COMMUNICATION]


@pytest.mark.parametrize("source", [Source.RECIPE, Source.LOOP, Source.INTERLOCK])
def test_what_a_trip_leaves_alone_nobody_writes(source) -> None:
    rig = Rig()
    rig.gate.enforce({}, {}, rig.now, {rig.table.index(PUMP): "IL19-FIRE"})
    assert causes(ask(rig, PUMP, 0.0, source)) == [Cause.LEFT_ALONE]
    rig.gate.shed(PUMP, "test", rig.now)
    assert rig.port.sent == []
    rig.gate.enforce({}, {}, rig.now)
    assert ask(rig, PUMP, 0.0, source)


def test_increases_are_blocked_and_decreases_are_not() -> None:
    rig = Rig()
    assert ask(rig, PUMP, 4.0)
    rig.gate.enforce({}, {rig.table.index(PUMP): "IL3W-B1"}, rig.now)
    rig.scan(1.0, echo=True)
    decision = ask(rig, PUMP, 4.5)
    assert causes(decision) == [Cause.BLOCKED]
    assert "IL3W-B1" in str(decision)
    assert ask(rig, PUMP, 4.0)
    assert ask(rig, PUMP, 3.5)


def test_forced_outputs_refuse_everybody_else() -> None:
    rig = Rig()
    rig.gate.set_mode("SIC-110", Mode.MANUAL, OPERATOR, "test", rig.now)
    force(rig, PUMP, 0.0)
    rig.scan()
    decision = ask(rig, PUMP, 2.0, Source.OPERATOR, actor=OPERATOR)
    assert causes(decision) == [Cause.FORCED]
    assert "held at 0 by IL1" in str(decision)
    assert causes(ask(rig, PUMP, 2.0, Source.INTERLOCK)) == [Cause.FORCED]
    assert ask(rig, PUMP, 0.0, Source.INTERLOCK)


def test_unknown_and_unwritable_tags() -> None:
    rig = Rig()
    assert causes(ask(rig, "NOPE", 1.0)) == [Cause.UNKNOWN_TAG]
    assert causes(ask(rig, "TIC-501.PV", 1.0)) == [Cause.NOT_WRITABLE]
    assert rig.gate.why_not("NOPE", 1.0, Source.RECIPE, T0)[0].cause is Cause.UNKNOWN_TAG


def test_all_reasons_come_at_once() -> None:
    rig = Rig()
    rig.gate.shed("SIC-110.SP", "test", rig.now)
    rig.gate.step(rig.snapshot(), 0.1)
    row = rig.table.index(PUMP)
    rig.gate.enforce({row: Forced(PUMP, 0.0, "IL1")}, {row: "IL3W-B1"}, rig.now)
    rig.gate.set_mode("SIC-110", Mode.AUTO, OPERATOR, "test", rig.now)
    rig.values({"FT-201.PV": 0.0})
    rig.poll()
    rig.wait(3.0)
    rig.table.source_ns[rig.table.index("FT-201.PV")] = rig.now
    found = rig.gate.why_not(PUMP, 70.0, Source.OPERATOR, rig.now, VIEWER)
    assert [refusal.cause for refusal in found] == [
        Cause.RANGE,
        Cause.RATE,
        Cause.MODE,
        Cause.ROLE,
        Cause.FORCED,
        Cause.BLOCKED,
        Cause.CROSS_LIMIT,
        Cause.NO_COMMUNICATION,
        Cause.SHED,
    ]
    assert not any(name == PUMP and value == 70.0 for _, name, value in rig.port.sent)


# --- large changes by hand -------------------------------------------------------------------


def manual_flow() -> Rig:
    rig = Rig()
    rig.gate.set_mode("FIC-301A", Mode.MANUAL, OPERATOR, "test", rig.now)
    return rig


def test_large_changes_by_hand_are_asked_twice() -> None:
    rig = manual_flow()
    first = ask(rig, "FIC-301A.SP", 10.0, Source.OPERATOR, actor=OPERATOR)
    assert causes(first) == [Cause.CONFIRM]
    assert "from 0 to 10" in str(first)
    assert rig.port.sent == []
    rig.scan(5.0)
    assert ask(rig, "FIC-301A.SP", 10.0, Source.OPERATOR, actor=OPERATOR, nonce=first.nonce)
    assert rig.port.last("FIC-301A.SP") == 10.0


@pytest.mark.parametrize("wrong", ["late", "value", "person", "nonce"])
def test_a_confirmation_holds_for_its_time_value_and_person(wrong: str) -> None:
    rig = manual_flow()
    first = ask(rig, "FIC-301A.SP", 10.0, Source.OPERATOR, actor=OPERATOR)
    rig.scan(16.0 if wrong == "late" else 1.0)
    again = ask(
        rig,
        "FIC-301A.SP",
        11.0 if wrong == "value" else 10.0,
        Source.OPERATOR,
        actor=ENGINEER if wrong == "person" else OPERATOR,
        nonce="x" if wrong == "nonce" else first.nonce,
    )
    assert causes(again) == [Cause.CONFIRM]
    assert rig.port.sent == []


def test_small_changes_and_the_recipe_need_no_confirmation() -> None:
    rig = manual_flow()
    assert ask(rig, "FIC-301A.SP", 5.9, Source.OPERATOR, actor=OPERATOR)
    assert ask(rig, "FIC-301B.SP", 10.0)


# --- one-shot commands -----------------------------------------------------------------------


def test_one_shot_commands_are_never_merged_nor_supervised() -> None:
    rig = Rig()
    assert ask(rig, "SIC-210.RESET", 1.0)
    assert ask(rig, "SIC-210.RESET", 1.0)
    assert rig.port.sent == [("command", "SIC-210.RESET", 1.0)] * 2
    for _ in range(200):
        rig.gate.step(rig.scan(), 0.1)
    assert len(rig.port.sent) == 2


# --- forcing ---------------------------------------------------------------------------------


def test_forced_outputs_leave_at_once_and_stay_after_release() -> None:
    rig = Rig()
    ask(rig, PUMP, 4.0)
    force(rig, PUMP, 0.0)
    assert rig.port.last(PUMP) == 0.0
    verbs = [e.verb for e in rig.gate.step(rig.scan(echo=True), 0.1).events]
    assert verbs == ["write", "force"]
    rig.gate.enforce({}, {}, rig.now)
    events = rig.gate.step(rig.scan(echo=True), 0.1).events
    assert [e.verb for e in events] == ["release"]
    assert rig.port.last(PUMP) == 0.0
    assert rig.table.request[rig.table.index(PUMP)] == 0.0


def test_forcing_reaches_shed_manual_and_silent_outputs() -> None:
    rig = Rig()
    rig.gate.set_mode("SIC-210", Mode.MANUAL, OPERATOR, "test", rig.now)
    rig.gate.shed("SIC-210.RUN", "test", rig.now)
    rig.wait(60.0)
    force(rig, "SIC-210.RUN", 0.0)
    assert rig.port.last("SIC-210.RUN") == 0.0


def test_a_held_output_is_sent_once_not_every_scan() -> None:
    rig = Rig()
    held = {rig.table.index(PUMP): Forced(PUMP, 0.0, "IL1")}
    for _ in range(5):
        rig.gate.enforce(dict(held), {}, rig.now)
    assert rig.port.sent == [("put", PUMP, 0.0)]


# --- events ----------------------------------------------------------------------------------


def test_every_write_and_refusal_has_its_event() -> None:
    rig = Rig()
    ask(rig, SP, 22.0)
    ask(rig, SP, 300.0)
    ask(rig, SP, 300.0)
    write, no = rig.gate.step(rig.scan(echo=True), 0.1).events
    assert (write.verb, write.tag, write.old, write.new) == ("write", SP, 20.0, 22.0)
    assert write.cause == "recipe: test"
    assert (no.verb, no.new) == ("refused", 300.0)
    assert "outside" in no.cause


def test_a_move_of_a_recipe_is_two_events() -> None:
    rig = Rig()
    events = []
    for k in range(100):
        assert ask(rig, SP, 20.0 + 0.05 * (k + 1))
        events += rig.gate.step(rig.scan(0.1, echo=True), 0.1).events
    for _ in range(40):
        events += rig.gate.step(rig.scan(0.1, echo=True), 0.1).events
    assert [(e.verb, e.old, e.new) for e in events] == [
        ("write", 20.0, pytest.approx(20.05)),
        ("settled", pytest.approx(20.05), pytest.approx(25.0)),
    ]


def test_loops_write_without_events() -> None:
    rig = Rig()
    assert ask(rig, PUMP, 2.0, Source.LOOP)
    assert rig.gate.step(rig.scan(echo=True), 0.1).events == ()


# --- wiring ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "value", "told"),
    [("TIC-501.PV", 0.0, "not writable"), ("SIC-110.SP", 61.0, "out of range")],
)
def test_effects_must_write_what_can_be_written(tag: str, value: float, told: str) -> None:
    line: Line = make_line(effects={"bad": {tag: value}})
    with pytest.raises(WiringError, match=told):
        Rig(line)


def test_effects_may_write_both_ends_of_a_range() -> None:
    assert Rig(make_line(effects={"ends": {PUMP: 60.0, SP: 20.0}})).gate.shed_outputs() == {}


def test_time_is_only_an_argument() -> None:
    rig = Rig()
    first = ask(rig, SP, 22.0)
    rig.now += 10 * S
    rig.poll()
    assert first
    assert ask(rig, SP, 24.5)


def test_an_output_that_shows_nonsense_is_cured_by_writing_it() -> None:
    """An analog output never written reads 0 mA: refusing it would keep it there for ever."""
    rig = Rig()
    rig.table.quality[rig.table.index(SP)] = Quality.BAD_SENSOR_FAILURE
    assert ask(rig, SP, 21.0)
