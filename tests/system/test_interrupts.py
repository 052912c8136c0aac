"""Ctrl-C while the oven heats: once stops in order, twice makes outputs safe; never a traceback."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from controller.historian.query import Record, Samples
from tests.system.processes import PATIENCE_S, RECIPE, filmline, started

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
    said = []
    pressed = 0
    with started("dry-run", RECIPE, "--seed", "7", "--out", folder) as process:
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
    assert names == [
        "lots.sqlite", "record.sqlite", "report.html", "report.json", "summary.json",
    ]  # fmt: skip


def good(record: Record, tag: str, from_ns: int | None = None) -> Samples:
    """The good samples of a tag; links close at the end, and the last polls say so."""
    low, high = record.span()
    found = record.raw(tag, low if from_ns is None else from_ns, high + 1)
    kept = found.quality == 0
    return replace(found, sent_ns=found.sent_ns[kept], value=found.value[kept])


def test_once_is_a_controlled_stop(tmp_path: Path) -> None:
    done = interrupt(tmp_path / "lot", times=1)
    assert done.code == 1
    assert "Traceback" not in done.said
    assert "ended STOPPED: stop: Ctrl-C" in done.said
    assert "0 invariants violated" in done.said
    assert states(done.folder) == ["RUNNING", "STOPPING", "STOPPED"]
    is_whole(done.folder)
    contactors = ("XC-201.CMD", "XC-401.CMD", "XC-508.CMD", "XC-100.CMD")
    with Record(done.folder) as record:
        assert [good(record, tag).value[-1] for tag in contactors] == [0.0] * 4
        assert good(record, "XC-100.CMD").value.max() == 1.0, "it had heated"
        assert good(record, "SIC-801.ACT").value[-1] > 10.0, "the exhaust goes on after a stop"


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
        main, fan = (good(record, t, marks["ABORTING"]) for t in ("XC-100.CMD", "SIC-801.ACT"))
        zones = [good(record, f"XC-{zone}.CMD").value[-1] for zone in (201, 401, 501, 508)]
    assert (marks["ABORTED"] - marks["ABORTING"]) / 1e9 < 10.0
    off = main.sent_ns[main.value == 0.0]
    assert (off[0] - marks["ABORTING"]) / 1e9 < 2.5, "the main contactor opens at once"
    assert main.value[-1] == 0.0
    assert zones == [0.0] * 4
    assert fan.value[-1] > 10.0
