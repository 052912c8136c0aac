"""What the gate tells of all it does, whole: when, what, from what to what, why and who."""

from __future__ import annotations

import math

import pytest

from controller.events import Actor, Event
from controller.outputs import Forced, Mode
from controller.refusals import Source
from drivers.base import Quality
from tests.core_rig import OPERATOR, Rig

SP, PUMP, XC, XV = "TIC-501.SP", "SIC-110.SP", "XC-501.CMD", "XV-110.CMD"
GAP_NS = 2_500_000_000  # requests closer than this are one move


def ask(
    rig: Rig,
    tag: str,
    value: float,
    source: Source = Source.RECIPE,
    reason: str = "heat",
    actor: Actor | None = None,
) -> bool:
    return bool(rig.gate.request(tag, value, source, reason, rig.now, actor))


def told(rig: Rig) -> list[Event]:
    """Events since the last look; no time passes."""
    return list(rig.gate.step(rig.snapshot(), 0.0).events)


def run(rig: Rig, seconds: float, *, echo: bool = False) -> tuple[list[Event], list[str]]:
    """Events and holds of a time."""
    events, holds = [], []
    for _ in range(round(seconds * 10)):
        result = rig.gate.step(rig.scan(echo=echo), 0.1)
        events += result.events
        holds += [result.hold] if result.hold else []
    return events, holds


# --- requests ------------------------------------------------------------------------------------


def test_a_write_by_a_person_names_the_person_and_the_reason() -> None:
    rig = Rig()
    rig.gate.set_mode("TIC-501", Mode.MANUAL, OPERATOR, "tuning", rig.now)
    told(rig)
    assert ask(rig, SP, 21.0, Source.OPERATOR, "warmer", OPERATOR)
    assert told(rig) == [Event(rig.now, "gate", "write", SP, 20.0, 21.0, "operator: warmer", "ann")]


def test_a_write_from_a_value_nobody_knows_has_no_old_value_and_nobody_behind_it() -> None:
    rig = Rig()
    rig.values({XC: math.nan}, Quality.BAD_SENSOR_FAILURE)
    rig.poll()
    assert ask(rig, XC, 1.0)
    assert told(rig) == [Event(rig.now, "gate", "write", XC, None, 1.0, "recipe: heat", "")]


def test_a_refusal_is_told_with_every_reason() -> None:
    rig = Rig()
    assert not ask(rig, SP, 300.0, Source.LOOP, "follow")
    words = (
        "loop: follow: 300 degC is outside 20 to 200 degC; "
        "a step of 280 degC from 20; 0.5 degC/s lets 2.5 pass"
    )
    assert told(rig) == [Event(rig.now, "gate", "refused", SP, 20.0, 300.0, words, "")]


def test_a_refusal_of_a_person_names_the_person() -> None:
    rig = Rig()
    rig.values({SP: math.nan}, Quality.BAD_SENSOR_FAILURE)
    rig.poll()
    assert not ask(rig, SP, 21.0, Source.OPERATOR, "warmer", OPERATOR)
    words = "operator: warmer: TIC-501 is in auto"
    assert told(rig) == [Event(rig.now, "gate", "refused", SP, None, 21.0, words, "ann")]


def test_the_same_refusal_is_told_once_until_who_asks_or_why_not_changes() -> None:
    rig = Rig()

    def refusal(value: float, source: Source = Source.RECIPE) -> bool:
        assert not ask(rig, SP, value, source)
        return bool(told(rig))

    assert refusal(30.0)
    assert not refusal(40.0), "too fast again, by another amount"
    assert refusal(30.0, Source.LOOP), "somebody else asks"
    assert refusal(300.0, Source.LOOP), "another reason"
    assert ask(rig, SP, 21.0)
    assert told(rig)
    assert refusal(300.0), "after it was accepted once, it is news"


def test_asking_for_what_is_there_is_no_news_but_a_command_is_one_each_time() -> None:
    rig = Rig()
    assert ask(rig, SP, 20.0)
    assert told(rig) == []
    assert ask(rig, "SIC-210.RESET", 1.0)
    assert ask(rig, "SIC-210.RESET", 1.0)
    assert [event.verb for event in told(rig)] == ["write", "write"]


# --- moves ---------------------------------------------------------------------------------------


def test_a_move_that_came_to_rest_is_told_from_its_first_step_to_its_last() -> None:
    rig = Rig()
    for value in (20.5, 21.0, 21.5):
        assert ask(rig, SP, value)
        rig.scan(1.0, echo=True)
    rig.wait(1.5)  # 2.5 s after the last step
    assert [event.verb for event in told(rig)] == ["write"]
    rig.now += 1
    assert told(rig) == [Event(rig.now, "gate", "settled", SP, 20.5, 21.5, "came to rest", "")]
    rig.wait(10.0)
    assert told(rig) == []


@pytest.mark.parametrize(
    ("gap_ns", "verbs"), [(1, []), (GAP_NS, []), (GAP_NS + 1, ["write"]), (0, ["write"])]
)
def test_requests_within_two_and_a_half_seconds_are_one_move(gap_ns: int, verbs: list[str]) -> None:
    """Two in one scan are no move: the second corrects the first."""
    rig = Rig()
    ask(rig, SP, 20.5)
    told(rig)
    rig.now += gap_ns
    rig.poll()
    ask(rig, SP, 21.0)
    assert [event.verb for event in told(rig)] == verbs


def test_somebody_else_going_on_with_a_move_is_told() -> None:
    rig = Rig()
    assert ask(rig, SP, 20.5)
    rig.scan(1.0, echo=True)
    rig.gate.set_mode("TIC-501", Mode.MANUAL, OPERATOR, "tuning", rig.now)
    assert ask(rig, SP, 21.0, Source.OPERATOR, "warmer", OPERATOR)
    assert [event.cause for event in told(rig)] == ["recipe: heat", "tuning", "operator: warmer"]
    rig.scan(1.0, echo=True)
    assert ask(rig, SP, 21.5, Source.OPERATOR, "warmer", OPERATOR)
    assert told(rig) == [], "a person moves step by step too"


def test_steps_of_a_trip_are_told_each_and_so_is_a_switch() -> None:
    """Only what has a rate limit moves; an abort does not go by steps."""
    rig = Rig()
    for value in (20.5, 21.0, 21.5):
        assert ask(rig, SP, value, Source.INTERLOCK)
        rig.scan(1.0, echo=True)
    for value in (1.0, 0.0, 1.0):
        assert ask(rig, XC, value)
        rig.scan(1.0, echo=True)
    assert [event.verb for event in told(rig)] == ["write"] * 6


def test_what_a_move_took_from_the_rate_stays_taken_and_going_safe_takes_nothing() -> None:
    """0.5 K/s lets 2.5 K pass; 2 K are taken, the way back to the safe 20 degC is free."""
    rig = Rig()
    assert ask(rig, SP, 22.0)
    assert ask(rig, SP, 20.0)
    assert not ask(rig, SP, 20.6)
    assert ask(rig, SP, 20.5)
    assert not ask(rig, SP, 20.6)


def test_a_jump_of_an_abort_takes_all_the_rate_and_no_more() -> None:
    rig = Rig()
    assert ask(rig, SP, 100.0, Source.INTERLOCK)
    rig.scan(1.0, echo=True)
    assert not ask(rig, SP, 100.6)
    assert ask(rig, SP, 100.5)


def test_a_step_from_a_value_nobody_knows_takes_nothing_from_the_rate() -> None:
    rig = Rig()
    rig.values({SP: math.nan}, Quality.BAD_SENSOR_FAILURE)
    rig.poll()
    assert ask(rig, SP, 120.0)
    assert ask(rig, SP, 122.5)
    assert not ask(rig, SP, 122.6)


# --- forced outputs ------------------------------------------------------------------------------


def test_a_forced_output_is_told_with_what_was_asked_before_and_the_row_that_holds_it() -> None:
    rig = Rig()
    row = rig.table.index(PUMP)
    assert ask(rig, PUMP, 2.0)
    told(rig)
    rig.gate.enforce({row: Forced(PUMP, 0.0, "IL1")}, {}, rig.now)
    assert told(rig) == [Event(rig.now, "gate", "force", PUMP, 2.0, 0.0, "held by IL1", "")]
    rig.wait(0.1)
    rig.gate.enforce({}, {}, rig.now)
    why = "IL1 does not hold it any more"
    assert told(rig) == [Event(rig.now, "gate", "release", PUMP, 0.0, 0.0, why, "")]


def test_only_what_changed_of_several_held_outputs_is_told() -> None:
    rig = Rig()
    pump, contactor = rig.table.index(PUMP), rig.table.index(XC)
    both = {pump: Forced(PUMP, 0.0, "IL1"), contactor: Forced(XC, 0.0, "IL1")}
    rig.gate.enforce(both, {}, rig.now)
    assert [(event.verb, event.tag) for event in told(rig)] == [("force", PUMP), ("force", XC)]
    rig.gate.enforce({contactor: Forced(XC, 0.0, "IL1")}, {}, rig.now)
    assert [(event.verb, event.tag) for event in told(rig)] == [("release", PUMP)]


def test_nobody_asks_over_a_trip_in_the_scan_in_which_it_acts() -> None:
    rig = Rig()
    row = rig.table.index(PUMP)
    rig.gate.enforce({row: Forced(PUMP, 0.0, "IL1")}, {}, rig.now)
    rig.gate.enforce({}, {}, rig.now)
    (found,) = rig.gate.why_not(PUMP, 1.0, Source.RECIPE, rig.now)
    assert found.detail == "the interlock set it in this scan"


def test_a_forced_output_is_read_back_like_any_other() -> None:
    rig = Rig()
    rig.values({XC: 1.0})
    rig.poll()
    rig.gate.enforce({rig.table.index(XC): Forced(XC, 0.0, "IL1")}, {}, rig.now)
    told(rig)
    (retry,) = run(rig, 3.0)[0]
    words = "asked 0, the device shows 1 after 3 s"
    assert retry == Event(rig.now, "gate", "retry", XC, 0.0, 0.0, words, "")


# --- read-back and shedding ----------------------------------------------------------------------


def test_an_output_that_does_not_follow_is_told_with_what_it_shows() -> None:
    rig = Rig()
    assert ask(rig, XC, 1.0)
    told(rig)
    (retry,) = run(rig, 3.0)[0]
    words = "asked 1, the device shows 0 after 3 s"
    assert retry == Event(rig.now, "gate", "retry", XC, 1.0, 1.0, words, "")
    (bad, shed), holds = run(rig, 3.0)
    assert bad == Event(rig.now, "gate", "bad output", XC, 1.0, None, words, "")
    why = f"not read back: {words}"
    assert shed == Event(rig.now, "gate", "shed", XC, 1.0, 0.0, why, "")
    assert holds == [f"{XC} shed: {why}"]


def test_an_output_that_shows_nothing_good_is_told_so() -> None:
    rig = Rig()
    run(rig, 0.1)
    assert ask(rig, XC, 1.0)
    told(rig)
    rig.values({XC: 1.0}, Quality.BAD_SENSOR_FAILURE)
    (retry,) = run(rig, 3.0)[0]
    assert retry.cause == "asked 1, the device shows nothing GOOD after 3 s"


def test_two_outputs_shed_in_one_scan_are_one_hold_with_both_reasons() -> None:
    rig = Rig()
    ask(rig, XC, 1.0)
    rig.gate.shed(XC, "relay lost", rig.now)
    rig.gate.shed(XV, "it restarted", rig.now)
    result = rig.gate.step(rig.snapshot(), 0.1)
    assert result.hold == f"{XC} shed: relay lost; {XV} shed: it restarted"
    assert result.events[1:] == (
        Event(rig.now, "gate", "shed", XC, 1.0, 0.0, "relay lost", ""),
        Event(rig.now, "gate", "shed", XV, None, 0.0, "it restarted", ""),
    )
    assert rig.port.sent[1:] == [("put", XC, 0.0), ("put", XV, 0.0)]
    assert [float(rig.table.request[rig.table.index(tag)]) for tag in (XC, XV)] == [0.0, 0.0]
    again = rig.gate.step(rig.scan(), 0.1)
    assert (again.events, again.hold) == ((), "")


def test_a_shed_output_is_not_looked_for_any_more_even_when_it_is_asked_safe_or_forced() -> None:
    rig = Rig()
    rig.values({PUMP: 5.0})
    rig.poll()
    ask(rig, PUMP, 4.0)
    rig.gate.shed(PUMP, "relay lost", rig.now)
    told(rig)
    assert run(rig, 10.0) == ([], [])
    ask(rig, PUMP, 0.0)
    rig.gate.enforce({rig.table.index(PUMP): Forced(PUMP, 0.0, "IL1")}, {}, rig.now)
    told(rig)
    assert run(rig, 10.0) == ([], [])


def test_a_held_output_that_is_shed_stays_where_the_trip_wants_it() -> None:
    """A fan that a trip holds on is not switched off because it was shed."""
    rig = Rig()
    row = rig.table.index(XC)
    rig.gate.enforce({row: Forced(XC, 1.0, "IL2")}, {}, rig.now)
    rig.gate.shed(XC, "relay lost", rig.now)
    assert rig.port.sent == [("put", XC, 1.0)]
    assert rig.table.request[row] == 1.0


def test_what_is_left_alone_does_not_hide_what_else_is_late() -> None:
    rig = Rig()
    ask(rig, XC, 1.0)
    ask(rig, XV, 1.0)
    rig.gate.enforce({}, {}, rig.now, {rig.table.index(XC): "FIRE"})
    told(rig)
    assert [(event.verb, event.tag) for event in run(rig, 3.0)[0]] == [("retry", XV)]


def test_every_output_whose_input_is_lost_is_shed_in_the_same_scan() -> None:
    rig = Rig()
    lost = ("FIC-301A", "FIC-301B")
    for name in lost:
        assert ask(rig, f"{name}.SP", 2.0)
    run(rig, 1.0, echo=True)
    rig.values({f"{name}.PV": math.nan for name in lost}, Quality.BAD_SENSOR_FAILURE)
    then = rig.now + 2_000_000_000
    events, holds = run(rig, 5.0, echo=True)
    assert events == [
        Event(then, "gate", "shed", f"{name}.SP", 2.0, 0.0, f"{name}.PV is not GOOD", "")
        for name in lost
    ]
    assert len(holds) == 1


def test_an_output_shed_for_a_lost_input_and_forced_off_its_safe_value_is_not_shed_again() -> None:
    rig = Rig()
    rig.values({"TIC-501.PV": math.nan}, Quality.BAD_SENSOR_FAILURE)
    rig.gate.shed(SP, "it restarted", rig.now)
    rig.gate.enforce({rig.table.index(SP): Forced(SP, 50.0, "IL2")}, {}, rig.now)
    told(rig)
    assert run(rig, 5.0, echo=True) == ([], [])


# --- solvent -------------------------------------------------------------------------------------


def test_a_dope_of_unknown_solids_counts_as_the_most_solvent() -> None:
    """16 % by weight is the least of the process specification."""
    assert Rig().gate.cross.solids_wt_pct == 16.0
