"""Faults as text and by time: read or refused with words, begun and healed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.models import Line
from simulators.expected_ends import PLAN
from simulators.faults import LINKS, BadOption, TimedFault, check, parse_fault
from simulators.faults_link import Bench
from simulators.faults_schedule import FaultSchedule
from simulators.instruments.line_up import LineUp
from simulators.twin.plant import Plant
from simulators.virtual_time import VirtualLoop
from simulators.wire import MemoryWire
from tests.dry_rig import files


@cache
def line() -> Line:
    return files()[0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop(NET-T3)@5m+20s", TimedFault("drop", "NET-T3", 300.0, for_s=20.0)),
        ("drop(RTU-A 30%)@5m", TimedFault("drop", "RTU-A", 300.0, size=0.3)),
        ("delay(RTU-B 300ms)@1h", TimedFault("delay", "RTU-B", 3600.0, size=0.3)),
        ("exception(T4 4)@5m", TimedFault("exception", "T4", 300.0, size=4.0)),
        ("reboot(BELT)@5m+8s", TimedFault("reboot", "BELT", 300.0, for_s=8.0)),
        ("F7(B2 size=0.3)@5m", TimedFault("F7", "B2", 300.0, size=0.3)),
        ("F13(size=-8)@5m+10m", TimedFault("F13", None, 300.0, for_s=600.0, size=-8.0)),
        ("F15(clock -1h)@5m", TimedFault("F15", None, 300.0, "clock", size=-3600.0)),
        ("F15(timeout T4)@5m+30s", TimedFault("F15", "T4", 300.0, "timeout", for_s=30.0)),
        ("F12(belt)@5m", TimedFault("F12", "belt", 300.0)),
    ],
)
def test_a_fault_is_read(text: str, fault: TimedFault) -> None:
    assert parse_fault(text) == fault
    check([fault], line())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("F4(99)@5m", "one of 0 to 20"),
        ("F4(-1)@5m", "one of 0 to 20"),
        ("F12(top)@5m", "one of air, belt"),
        ("F10(peel)@5m", "means nothing here"),
        ("F8(T8)@5m", "one of B1, B2, B3, CD, T1, T2"),
        ("F7(B2 size=3)@5m", "0 to 1"),
        ("F9(size=2)@5m", "has no size"),
        ("F9@5m+20s", "a break has no duration"),
        ("F9@soon", "F9@1h20m"),
        ("F15(clock 3 o'clock)@5m", "1h20m"),
        ("drop@5m", "say on which bus or instrument"),
        ("drop(NET-T3 3)@5m", "more than 0 % and up to 100 %"),
        ("delay(RTU-B)@5m", "say how late"),
        ("delay(RTU-B 2h)@5m", "up to 60 s"),
        ("exception(T4 99)@5m", "one of 1, 2, 3"),
        ("stuck(T5)@5m+0s", "longer than 0 s"),
        ("melt(T5)@5m", "known faults are F1"),
    ],
)
def test_what_cannot_be_meant_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(BadOption, match="fault ") as refused:
        parse_fault(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("drop(NET-T9)@5m", "one of NET-T1, NET-T2"),
        ("exception(REGLO 4)@5m", "speaks no Modbus"),
        ("half_open(RTU-A)@5m", "is a serial line"),
        ("disconnect(B2)@5m", "disconnect(RTU-A), or drop(B2)"),
        ("stuck(REGLO)@5m", "measures nothing"),
        ("drop(T3 30%)@5m", "drop(NET-T3 30%)"),
        ("F15(timeout X9)@5m", "one of T1, T2"),
    ],
)
def test_what_the_line_does_not_have_is_named(text: str, says: str) -> None:
    with pytest.raises(BadOption) as refused:
        check([parse_fault(text)], line())
    assert says in str(refused.value)


_NAMES = [*LINKS, *(f"F{n}" for n in range(1, 17))]
_WORDS = ["T4", "NET-T3", "RTU-A", "B1", "frozen", "clock", "dip", "4", "99", "30%", "1h", "size=2"]


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.text(max_size=30),
        st.builds(
            "{}({})@{}{}".format,
            st.sampled_from(_NAMES),
            st.lists(st.sampled_from(_WORDS), max_size=3).map(" ".join),
            st.sampled_from(["5m", "1h", "", "9", "5m5"]),
            st.sampled_from(["", "+20s", "+", "+x", "+1h+1h"]),
        ),
    )
)
def test_any_text_is_a_fault_or_a_message(text: str) -> None:
    said = "fault "
    try:
        check([parse_fault(text)], line())
    except BadOption as refused:
        said = str(refused)
    assert said.startswith("fault ")


class Scene:
    """A cold plant with its instruments, its wire and a list of what was said."""

    def __init__(self, *texts: str) -> None:
        self.plant = Plant(seed=1)
        self.line_up = LineUp(line(), self.plant)
        self.loop = VirtualLoop()
        self.wire = MemoryWire(self.loop, line(), self.line_up)
        self.jumps: list[float] = []
        self.said: list[str] = []
        bench = Bench(line(), self.plant, self.line_up, self.wire, self.jumps.append)
        faults = [parse_fault(text) for text in texts]
        self.schedule = FaultSchedule(faults, bench, self.said.append)

    def until(self, second: float) -> None:
        while self.schedule.next_s <= second:
            self.schedule.step(self.schedule.next_s)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("drop(T3)@1s+1s", "silent", True),
        ("delay(T3 50ms)@1s+1s", "delay_s", 0.05),
        ("corrupt(T3)@1s+1s", "corrupt", True),
        ("exception(T3 6)@1s+1s", "exception", 6),
        ("wrong_unit(T3)@1s+1s", "wrong_unit", True),
        ("stuck(T3)@1s+1s", "stuck", True),
        ("F15(timeout T3)@1s+1s", "silent", True),
        ("reboot(T3)@1s+1s", "silent", True),
    ],
)
def test_an_instrument_is_disturbed_and_healed(text: str, field: str, value: object) -> None:
    scene = Scene(text)
    faults = scene.line_up.instruments["T3"].faults
    sound = getattr(faults, field)
    scene.until(1.0)
    assert getattr(faults, field) == value
    scene.until(2.0)
    assert getattr(faults, field) == sound
    assert scene.said == [f"{text} begins", f"{text} healed"]
    scene.loop.close()


def test_a_fault_of_a_bus_is_one_of_all_its_instruments() -> None:
    scene = Scene("corrupt(RTU-C)@1s+1s")
    scene.until(1.0)
    there = [scene.line_up.instruments[name].faults.corrupt for name in ("PUMP", "COATER", "BELT")]
    assert there == [True, True, False]
    scene.loop.close()


def test_healing_one_fault_leaves_the_others() -> None:
    scene = Scene("F5(T6)@1s+2s", "F5(T7)@2s", "F8@1s+2s", "F8(B2)@2s", "F6(T4)@1s+2s")
    scene.until(2.0)
    faults = scene.plant.faults
    assert np.flatnonzero(faults.heater == 0.0).tolist() == [10, 11]
    assert faults.sample_flow.bit_count() == 2
    assert faults.tc
    scene.until(3.0)
    assert np.flatnonzero(faults.heater == 0.0).tolist() == [11]
    assert faults.sample_flow.bit_count() == 1
    assert not faults.tc
    assert len(faults.analog) == 1
    scene.loop.close()


def test_the_clock_jumps_once() -> None:
    scene = Scene("F15(clock -1h)@1s")
    scene.until(10.0)
    assert scene.jumps == [-3600.0]
    scene.loop.close()


def test_a_clock_out_of_reach_is_refused() -> None:
    plant = Plant(seed=1)
    line_up = LineUp(line(), plant)
    loop = VirtualLoop()
    bench = Bench(line(), plant, line_up, MemoryWire(loop, line(), line_up))
    with pytest.raises(BadOption, match="dry-run"):
        FaultSchedule([parse_fault("F15(clock)@1s")], bench)
    loop.close()


def test_every_row_of_the_plan_can_be_injected() -> None:
    faults = [parse_fault(row.text(60.0)) for row in PLAN]
    check(faults, line())
    assert {fault.name for fault in faults} == {f"F{n}" for n in range(1, 16)}
