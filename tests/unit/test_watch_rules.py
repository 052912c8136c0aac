"""Stalls, sleep, disk and memory: what each leads to, and at which limit. Pure."""

from __future__ import annotations

import math

import pytest

from controller.watch_rules import (
    SleepWatch,
    Stall,
    StallRule,
    against_a_run,
    memory_pct,
)


def stalled(seconds: float, look_s: float = 0.05) -> list[Stall]:
    rule, reached = StallRule(), []
    rule.step(1, look_s)
    for _ in range(round(seconds / look_s)):
        level = rule.step(1, look_s)
        if level is not Stall.NONE:
            reached.append(level)
    return reached


@pytest.mark.parametrize(
    ("seconds", "reached"),
    [
        (0.2, []),
        (0.3, [Stall.WARN]),
        (0.9, [Stall.WARN]),
        (1.05, [Stall.WARN, Stall.HOLD]),
        (2.9, [Stall.WARN, Stall.HOLD]),
        (3.1, [Stall.WARN, Stall.HOLD, Stall.EXIT]),
    ],
)
def test_each_level_is_reached_once_at_its_time(seconds: float, reached: list[Stall]) -> None:
    assert stalled(seconds) == reached


def test_a_sign_of_life_begins_anew() -> None:
    rule = StallRule()
    for sign in range(100):
        assert rule.step(sign, 0.05) is Stall.NONE
        assert rule.step(sign, 0.2) is Stall.NONE
    assert rule.level is Stall.NONE


def test_time_in_which_the_watcher_was_stopped_too_is_no_stall() -> None:
    """SIGSTOP for a minute: the process goes on and holds the line, it does not kill itself."""
    rule = StallRule()
    rule.step(1, 0.05)
    assert rule.step(1, 60.0) is Stall.NONE
    assert rule.stalled_s == 0.2


def test_only_sleep_makes_the_clocks_drift_apart() -> None:
    watch = SleepWatch()
    assert watch.slept_s(1000.0, 900.0) == 0.0, "slept before we began"
    assert watch.slept_s(1001.0, 901.0) == 0.0
    assert watch.slept_s(1061.0, 901.0) == pytest.approx(60.0)
    assert watch.slept_s(1062.3, 902.0) == 0.0, "0.3 s is not worth a hold"
    assert watch.slept_s(1063.3, 903.0) == 0.0


@pytest.mark.parametrize(("free_pct", "refused"), [(5.1, 0), (5.0, 0), (4.9, 1), (math.nan, 1)])
def test_a_new_run_needs_five_percent_of_the_disk_known(free_pct: float, refused: int) -> None:
    told = against_a_run(free_pct)
    assert len(told) == refused
    assert all("5 %" in text for text in told)


def test_memory_is_told_against_its_budget() -> None:
    assert memory_pct(320 << 20) == 80.0
    assert memory_pct(400 << 20) == 100.0
