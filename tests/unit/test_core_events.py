"""Events and their hash; roles; clocks."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from config.models import Role
from controller.clock import LoopClock, SystemClock
from controller.events import Actor, Event, EventHash

EVENT = Event(1_000, "gate", "write", "TIC-501.SP", 20.0, 20.04, "ramp", "ann")
STEP = {"TIC-501.SP": 0.1}


def digest(*events: Event, epoch_ns: int = 0) -> str:
    total = EventHash(STEP, epoch_ns)
    total.update(events)
    return total.hexdigest()


def test_values_round_to_the_resolution_of_the_tag() -> None:
    assert digest(EVENT) == digest(replace(EVENT, new=20.0))
    assert digest(EVENT) != digest(replace(EVENT, new=20.06))


@pytest.mark.parametrize(
    "change",
    [
        {"ns": 1_001},
        {"source": "x"},
        {"verb": "x"},
        {"tag": "x"},
        {"old": None},
        {"new": "20.0"},
        {"new": math.nan},
        {"cause": "x"},
    ],
)
def test_every_hashed_field_counts(change: dict[str, object]) -> None:
    assert digest(EVENT) != digest(replace(EVENT, **change))


def test_the_person_and_the_epoch_do_not_count() -> None:
    assert digest(EVENT) == digest(replace(EVENT, actor="bob"))
    assert digest(EVENT) == digest(replace(EVENT, ns=5_000), epoch_ns=4_000)


def test_order_counts_and_pieces_do_not() -> None:
    other = replace(EVENT, verb="refused")
    assert digest(EVENT, other) != digest(other, EVENT)
    pieces = EventHash(STEP)
    pieces.update([EVENT])
    pieces.update([other])
    assert pieces.hexdigest() == digest(EVENT, other)


def test_fields_cannot_run_into_one_another() -> None:
    assert digest(replace(EVENT, source="ab", verb="c")) != digest(
        replace(EVENT, source="a", verb="bc")
    )


def test_a_role_reaches_itself_and_the_weaker_ones() -> None:
    engineer = Actor("eve", Role.ENGINEER)
    assert [engineer.may(role) for role in Role] == [True, True, True, False]


def test_loop_clock_is_epoch_plus_loop_time() -> None:
    class Loop:
        def time(self) -> float:
            return 28_800.1

    clock = LoopClock(Loop(), 5)
    assert clock.utc_ns() == 28_800_100_000_005
    assert clock.monotonic() == 28_800.1


def test_system_clock_goes_forward() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.utc_ns() > 1_600_000_000_000_000_000
