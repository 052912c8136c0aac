"""The heartbeat: only a scan that evaluated the whole trip table and came to its end gives one."""

from __future__ import annotations

import pytest

from controller.heartbeat import Heartbeat
from controller.interlocks import InterlockResult, Interlocks
from tests.core_rig import Rig, cond, make_line, trip
from tests.unit.test_core_scan import wire

LINE = make_line([trip("IL9", cond(tag="TIC-501.PV", above=225.0))])


def beating():
    counts: list[int] = []
    rig = Rig(LINE)
    scan, _ = wire(rig, [], heartbeat=Heartbeat(counts.append))
    return rig, scan, counts


def test_each_complete_scan_gives_one_count() -> None:
    rig, scan, counts = beating()
    for _ in range(3):
        rig.scan()
        scan.step(rig.now, 0.1)
    assert counts == [1, 2, 3]


def test_an_interlock_step_that_is_left_out_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, scan, counts = beating()
    scan.step(rig.now, 0.1)

    def skipped(self: Interlocks, _snapshot: object, _dt: float) -> InterlockResult:
        return self.result

    monkeypatch.setattr(Interlocks, "step", skipped)
    rig.scan()
    scan.step(rig.now, 0.1)
    assert counts == [1]


@pytest.mark.parametrize("part", ["_gate", "_interlocks", "_alarms"])
def test_a_scan_that_fails_anywhere_gives_none(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rig, scan, counts = beating()
    scan.step(rig.now, 0.1)

    def broken(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(type(getattr(scan, part)), "step", broken)
    with pytest.raises(RuntimeError):
        scan.step(rig.now, 0.1)
    assert counts == [1]


def test_a_row_whose_evaluation_fails_leaves_the_pass_uncounted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(LINE)
    interlocks = Interlocks(LINE, rig.table)
    interlocks.step(rig.scan(), 0.1)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(
        interlocks, "_watch", [(row, gate, broken) for row, gate, _ in interlocks._watch]
    )
    with pytest.raises(ZeroDivisionError):
        interlocks.step(rig.scan(), 0.1)
    assert interlocks.passes == 1


def test_a_watchdog_may_hold_it() -> None:
    counts: list[int] = []
    heartbeat = Heartbeat(counts.append)
    heartbeat.complete(1)
    heartbeat.held = "the loop stood still"
    heartbeat.complete(2)
    heartbeat.held = ""
    heartbeat.complete(3)
    assert counts == [1, 2]
