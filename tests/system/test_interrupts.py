"""Ctrl-C while the oven heats: once stops in order, twice makes outputs safe; never a traceback."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller.historian.query import Record
from tests.system.processes import PATIENCE_S, RECIPE, filmline, start

pytestmark = pytest.mark.timeout(PATIENCE_S)

HEATING = "ramp_oven"


@dataclass(frozen=True)
class Interrupted:
    """How a run ended that was interrupted while it heated."""

    folder: Path
    code: int
    said: str


def interrupt(folder: Path, *, times: int) -> Interrupted:
    """Start a run and press Ctrl-C: when it heats, and again when it says that it stops."""
    process = start("dry-run", RECIPE, "--seed", "7", "--out", folder)
    said = []
    pressed = 0
    assert process.stdout is not None
    for text in process.stdout:
        said.append(text)
        if pressed < times and ("STOPPING" if pressed else HEATING) in text:
            pressed += 1
            process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE_S)
    assert pressed == times, "".join(said)
    return Interrupted(folder, code, "".join(said))


def states(folder: Path) -> list[str]:
    with Record(folder) as record:
        return [str(e.new) for e in record.events(source="procedure", verb="state")]


def is_whole(folder: Path) -> None:
    """Sealed, unchanged, nothing missing without a reason, and a report beside it."""
    assert json.loads(filmline("history", "verify", folder, "--json").out)["intact"] is True
    balances = json.loads(filmline("history", "ledger", folder, "--json").out)
    assert max(one["undeclared"] for one in balances) <= 1, "but a late poll while buses start"
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["record.sqlite", "report.html", "report.json", "summary.json"]


def last_values(folder: Path, *tags: str) -> dict[str, float]:
    with Record(folder) as record:
        low, high = record.span()
        return {tag: float(record.raw(tag, low, high + 1).value[-1]) for tag in tags}


def test_once_is_a_controlled_stop(tmp_path: Path) -> None:
    done = interrupt(tmp_path / "lot", times=1)
    assert done.code == 1
    assert "Traceback" not in done.said
    assert "ended STOPPED: stop: Ctrl-C" in done.said
    assert "0 invariants violated" in done.said
    assert states(done.folder) == ["RUNNING", "STOPPING", "STOPPED"]
    is_whole(done.folder)
    contactors = ("XC-201.CMD", "XC-401.CMD", "XC-508.CMD", "XC-100.CMD")
    end = last_values(done.folder, *contactors, "SIC-801.ACT")
    assert [end[tag] for tag in contactors] == [0.0] * 4
    assert end["SIC-801.ACT"] > 10.0, "the exhaust goes on after a stop"


def test_twice_makes_the_outputs_safe_at_once(tmp_path: Path) -> None:
    done = interrupt(tmp_path / "lot", times=2)
    assert done.code == 1
    assert "Traceback" not in done.said
    assert "ended ABORTED: abort: Ctrl-C" in done.said
    assert "0 invariants violated" in done.said
    assert states(done.folder)[-2:] == ["ABORTING", "ABORTED"]
    is_whole(done.folder)
    with Record(done.folder) as record:
        marks = {str(e.new): e.ns for e in record.events(source="procedure", verb="state")}
        span = marks["ABORTING"], record.span()[1] + 1
        main = record.raw("XC-100.CMD", *span)
        heater = record.raw("TIC-508.OP", *span)
        fan = record.raw("SIC-801.ACT", *span)
    assert (marks["ABORTED"] - marks["ABORTING"]) / 1e9 < 10.0
    off = main.sent_ns[main.value == 0.0]
    assert (off[0] - marks["ABORTING"]) / 1e9 < 2.5, "the main contactor opens at once"
    assert main.value[-1] == 0.0
    assert heater.value[-1] < 1.0
    assert fan.value[-1] > 10.0
