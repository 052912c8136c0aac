"""Faults from the command line: refused with one message, begun and healed with words."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.historian.query import Record
from simulators.dry_run import run_dry
from simulators.faults import parse_fault
from simulators.options import Options
from tests.system.processes import LINE, PATIENCE_S, RECIPE, filmline, started
from tests.system.test_simulate import moved

pytestmark = pytest.mark.timeout(PATIENCE_S)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("F4(99)@1m", "no bolt '99': one of 0 to 20"),
        ("drop(NET-T9)@1m", "no bus or instrument 'NET-T9'"),
        ("exception(REGLO 4)@1m", "speaks no Modbus"),
        ("nonsense", "known faults are F1"),
    ],
)
def test_a_fault_that_cannot_be_is_one_message(tmp_path: Path, text: str, says: str) -> None:
    ended = filmline("dry-run", RECIPE, "--fault", text, "--out", tmp_path / "lot")
    assert says in ended.is_one_clear_message()
    assert not (tmp_path / "lot").exists()


@pytest.mark.parametrize("text", ["drop(NET-T9)@1m", "F15(clock)@1m", "F4(99)@1m"])
def test_the_simulator_refuses_it_with_one_message(tmp_path: Path, text: str) -> None:
    ended = filmline("simulate", moved(tmp_path), "--fault", text)
    assert f"fault '{text}'" in ended.is_one_clear_message()


def test_the_simulator_tells_when_a_fault_begins_and_ends(tmp_path: Path) -> None:
    faults = ("--fault", "disconnect(NET-T3)@2s+2s", "--fault", "F5(T6)@3s")
    with started("simulate", moved(tmp_path), "--start", "hot", "--speed", "10", *faults) as it:
        assert it.stdout is not None
        said = []
        while len(said) < 3:
            text = it.stdout.readline()
            assert text, "it ended"
            if "fault at" in text:
                said.append(text.strip())
    assert said == [
        "fault at 2.0 s: disconnect(NET-T3)@2s+2s begins",
        "fault at 3.0 s: F5(T6)@3s begins",
        "fault at 4.0 s: disconnect(NET-T3)@2s+2s healed",
    ]


@pytest.mark.parametrize("jump", ["+1h", "-1h"])
def test_a_clock_that_jumps_is_told_and_nothing_else_happens(tmp_path: Path, jump: str) -> None:
    faults = (parse_fault(f"F15(clock {jump})@10s"),)
    options = Options(RECIPE, LINE, tmp_path / "lot", "LOT", start="running", faults=faults,
                      limit_s=40.0)  # fmt: skip
    run, _ = run_dry(options, lambda _: None)
    assert run.kernel.runner.state.name == "RUNNING"
    with Record(options.out) as record:
        told = [event for event in record.events() if event.verb == "jump"]
        samples = record.raw("TIC-501.PV")
        trips = [e for e in record.events() if e.verb == "trip" and str(e.new) != "W"]
    assert [round(float(event.new or 0.0)) for event in told] == [3600 if jump == "+1h" else -3600]
    steps = (samples.sent_ns[1:] - samples.sent_ns[:-1]) / 1e9
    assert steps.min() >= 0.0
    assert steps.max() < 0.7  # no hole and no step back in the record
    assert trips == []


def test_the_same_seed_and_link_faults_give_the_same_events(tmp_path: Path) -> None:
    texts = ("drop(RTU-A 30%)@5s+10s", "half_open(NET-IOB)@8s+10s", "reboot(T4)@20s")
    faults = tuple(parse_fault(text) for text in texts)
    hashes = set()
    for name in ("a", "b"):
        options = Options(RECIPE, LINE, tmp_path / name, "LOT", start="running", faults=faults,
                          limit_s=30.0)  # fmt: skip
        run, _ = run_dry(options, lambda _: None)
        hashes.add(run.kernel.event_hash.hexdigest())
    assert len(hashes) == 1
