"""Alarms: the state table cell by cell, delay, deadband, quality, conditions, restart."""

from __future__ import annotations

import itertools

import pytest

from config.models import AlarmLimits, Instrument, Line, Priority
from controller.alarm_states import TABLE, AlarmState, Stimulus
from controller.alarms import Alarms
from drivers.base import Quality
from tests.core_rig import OPERATOR, Rig, cond, make_line, tag

NORM, UNACK, ACK, RTN, SHELVED, SUPPRESSED, OUT = AlarmState
OCCUR, RETURN, SEEN, REPEAT, SHELVE, UNSHELVE, SUPPRESS, UNSUPPRESS, REMOVE, RESTORE = Stimulus
NAME = "TIC-501.PV/H"
HIDE = {SHELVE: SHELVED, SUPPRESS: SUPPRESSED, REMOVE: OUT}
STAY = {UNSHELVE, UNSUPPRESS, RESTORE}  # nothing to come back from
CELLS = {
    (NORM, OCCUR): UNACK, (NORM, RETURN): NORM, (NORM, SEEN): NORM, (NORM, REPEAT): NORM,
    (UNACK, OCCUR): UNACK, (UNACK, RETURN): RTN, (UNACK, SEEN): ACK, (UNACK, REPEAT): UNACK,
    (ACK, OCCUR): ACK, (ACK, RETURN): NORM, (ACK, SEEN): ACK, (ACK, REPEAT): UNACK,
    (RTN, OCCUR): UNACK, (RTN, RETURN): RTN, (RTN, SEEN): NORM, (RTN, REPEAT): RTN,
    (SHELVED, UNSHELVE): NORM, (SHELVED, REMOVE): OUT,
    (SUPPRESSED, UNSUPPRESS): NORM, (SUPPRESSED, SHELVE): SHELVED, (SUPPRESSED, REMOVE): OUT,
    (OUT, RESTORE): NORM,
}  # fmt: skip
for _state in (NORM, UNACK, ACK, RTN):
    CELLS |= {(_state, stimulus): hidden for stimulus, hidden in HIDE.items()}
    CELLS |= {(_state, stimulus): _state for stimulus in STAY}
for _cell in itertools.product((SHELVED, SUPPRESSED, OUT), Stimulus):
    CELLS.setdefault(_cell, _cell[0])  # what is hidden does not follow its condition


@pytest.mark.parametrize("cell", list(itertools.product(AlarmState, Stimulus)), ids=str)
def test_the_table_cell_by_cell(cell: tuple[AlarmState, Stimulus]) -> None:
    assert set(TABLE) == set(CELLS)
    assert TABLE[cell] is CELLS[cell]


@pytest.mark.parametrize(
    ("state", "stimulus"),
    # a suppression is found from its condition and never restored
    list(itertools.product((NORM, UNACK, ACK, RTN, SHELVED, OUT), (OCCUR, RETURN, SEEN))),
)
def test_state_by_state_in_the_alarm_itself(state: AlarmState, stimulus: Stimulus) -> None:
    rig = Rig()
    alarms = Alarms(rig.line, rig.table)
    alarms.restore({NAME: {"state": state, "until_ns": rig.now + 3_600 * 10**9}})
    if stimulus is SEEN:
        alarms.acknowledge(NAME, OPERATOR, rig.now)
    else:
        run(rig, alarms, 250.0 if stimulus is OCCUR else 100.0, 2.0)
    assert alarms.state(NAME) is CELLS[state, stimulus]


def run(rig: Rig, alarms: Alarms, value: float, seconds: float, quality: int = 0):
    rig.values({"TIC-501.PV": value}, quality)
    events = []
    for _ in range(round(seconds * 10)):
        events += alarms.step(rig.scan(), 0.1)
    return events


def core() -> tuple[Rig, Alarms]:
    rig = Rig()
    return rig, Alarms(rig.line, rig.table)


def test_an_alarm_waits_for_its_delay_and_tells_the_value() -> None:
    rig, alarms = core()
    assert run(rig, alarms, 211.0, 1.0) == []
    event = run(rig, alarms, 211.0, 0.1)[0]
    assert (event.verb, event.tag, event.old, event.new) == ("alarm", NAME, NORM, UNACK)
    assert event.cause == "211 degC, limit 210 degC; medium (first out)"
    assert alarms.active()[0].since_ns == rig.now


def test_a_short_excursion_starts_the_delay_anew() -> None:
    rig, alarms = core()
    for _ in range(5):
        assert run(rig, alarms, 215.0, 0.9) == []
        assert run(rig, alarms, 205.0, 0.1) == []


def test_it_returns_by_the_deadband() -> None:
    rig, alarms = core()
    run(rig, alarms, 215.0, 2.0)
    assert run(rig, alarms, 205.1, 5.0) == []
    assert [e.verb for e in run(rig, alarms, 205.0, 1.0)] == ["return"]
    assert alarms.state(NAME) is RTN


def test_a_value_that_is_not_good_neither_raises_nor_clears() -> None:
    rig, alarms = core()
    assert run(rig, alarms, 300.0, 5.0, Quality.UNCERTAIN) == []
    run(rig, alarms, 215.0, 2.0)
    assert run(rig, alarms, 20.0, 5.0, Quality.BAD_TIMEOUT) == []
    assert alarms.state(NAME) is UNACK


def test_acknowledging_is_an_event_with_its_person() -> None:
    rig, alarms = core()
    run(rig, alarms, 215.0, 2.0)
    assert alarms.acknowledge(NAME, OPERATOR, rig.now)
    event = alarms.step(rig.scan(), 0.1)[0]
    assert (event.verb, event.new, event.actor) == ("acknowledge", ACK, "ann")
    assert not alarms.acknowledge("NOPE", OPERATOR, rig.now)
    assert alarms.states() == {NAME: ACK}


def line_with(limits: AlarmLimits) -> Line:
    line = make_line()
    spec = tag("PIT-110.PV", "MPa", (0.0, 10.0), alarm=limits, deadband=0.2)
    extra = Instrument(name="X", family="x", bus="BUS", unit=2, tags=(spec,))
    return line.model_copy(update={"instrument": (*line.instrument, extra)})


def test_all_four_limits_with_the_tags_own_deadband() -> None:
    limits = AlarmLimits(
        low_low=1.0, low=2.0, high=4.0, high_high=5.0, delay_s=0.0, priority=Priority.HIGH
    )
    rig = Rig(line_with(limits))
    alarms = Alarms(rig.line, rig.table)

    def active(value: float) -> list[str]:
        rig.values({"PIT-110.PV": value})
        alarms.step(rig.scan(), 0.1)
        return [a.name[-2:] for a in alarms.active() if a.state in {UNACK, ACK}]

    assert active(3.0) == []
    assert active(4.5) == ["/H"]
    assert active(5.5) == ["/H", "HH"]
    assert active(4.81) == ["/H", "HH"]
    assert active(4.79) == ["/H"]
    assert active(3.0) == []
    assert active(1.5) == ["/L"]
    assert active(0.5) == ["LL", "/L"]
    assert active(2.19) == ["/L"]
    assert active(2.21) == []


def test_limits_are_compared_only_while_their_condition_holds() -> None:
    limits = AlarmLimits(high=4.0, delay_s=0.5, when=cond(tag="SIC-110.RUN", above=0.5))
    rig = Rig(line_with(limits))
    alarms = Alarms(rig.line, rig.table)
    rig.values({"PIT-110.PV": 5.0})
    assert [e for _ in range(20) for e in alarms.step(rig.scan(), 0.1)] == []
    rig.values({"SIC-110.RUN": 1.0})
    events = [len(alarms.step(rig.scan(), 0.1)) for _ in range(6)]
    assert events == [0, 0, 0, 0, 0, 1]
    rig.values({"SIC-110.RUN": 0.0})
    assert [e.verb for e in alarms.step(rig.scan(), 0.1)] == ["return"]


def test_a_flood_is_told_alarm_by_alarm() -> None:
    specs = tuple(
        tag(f"X-{k}.PV", "1", (0.0, 10.0), alarm=AlarmLimits(high=5.0, delay_s=0.0))
        for k in range(500)
    )
    line = make_line()
    extra = Instrument(name="X", family="x", bus="BUS", unit=2, tags=specs)
    rig = Rig(line.model_copy(update={"instrument": (*line.instrument, extra)}))
    alarms = Alarms(rig.line, rig.table)
    rig.values({f"X-{k}.PV": 6.0 for k in range(500)})
    assert [e.tag for e in alarms.step(rig.scan(), 0.1)] == [f"X-{k}.PV/H" for k in range(500)]
    assert alarms.step(rig.scan(), 0.1) == []
