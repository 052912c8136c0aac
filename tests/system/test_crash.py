"""A real ``kill -9`` of ``filmline run``: the same command goes on with the same lot, HELD."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from controller.historian.ledger import balance
from controller.historian.query import Record
from tests.system.live_line import Files, going, make_files, said, wait_for
from tests.system.processes import PATIENCE_S, filmline
from tests.system.test_live import START_S, is_whole, simulated

pytestmark = pytest.mark.timeout(PATIENCE_S)


@contextmanager
def served(files: Files, log: str, state: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A service of the line, waiting in a state."""
    path = files.home / log
    with going(path, *files.run()) as process:
        wait_for(said(path, f"waiting in {state} at"), process, path, START_S)
        yield process, path


def may_start(*at: str | Path) -> bool:
    """Whether nothing stands against a start: every device is set up."""
    asked = filmline("why-not", "start", "--json", *at)
    return asked.code == 0 and json.loads(asked.out)["causes"] == []


def journal(files: Files) -> set[str]:
    """Subjects of the record's journal that are on the disk."""
    with Record(files.lot) as record:
        return set(record.latest_journal())


def test_a_killed_service_goes_on_with_its_lot_held_until_a_person_decides(tmp_path: Path):
    files = make_files(tmp_path)
    at = ("--socket", files.socket)
    with ExitStack() as stack:
        stack.enter_context(simulated(files))
        with served(files, "first.log", "IDLE") as (service, log):
            wait_for(lambda: may_start(*at), service, log, START_S)
            assert filmline("start", "--yes", "--reason", "test", *at).code == 0
            wait_for(lambda: "utilities" in journal(files), service, log, START_S)
            service.send_signal(signal.SIGKILL)
            assert service.wait(START_S) == -signal.SIGKILL
        service, log = stack.enter_context(served(files, "second.log", "HELD"))
        assert f"{files.lot} was not closed: going on with it" in log.read_text()
        wait_for(said(log, "no film of this lot is on the line"), service, log, START_S)
        status = json.loads(filmline("status", "--json", *at).out)
        assert status["state"] == "HELD"
        assert status["restart"]["way"] == "resume"
        assert status["restart"]["stands"].startswith("utilities.")
        shown = filmline("status", *at).out
        assert "RESTART" in shown
        assert filmline("restart", "--yes", "--reason", "test", *at).code == 0
        wait_for(said(log, "RESTARTING -> RUNNING"), service, log, START_S)
        service.send_signal(signal.SIGTERM)  # two at once can arrive as one
        wait_for(said(log, "SIGTERM: controlled stop"), service, log, START_S)
        service.send_signal(signal.SIGTERM)
        assert service.wait(START_S) == 1, log.read_text()
    is_whole(files.lot)
    with Record(files.lot) as record:
        assert len(record.query("SELECT id FROM session")) == 2
        account = balance(record, "TIC-501.PV")
        assert account.undeclared == 0
        assert "service down" in {hole.reason for hole in account.holes}


def test_what_cannot_be_continued_is_said(tmp_path: Path):
    files = make_files(tmp_path)
    with simulated(files):
        message = filmline(*files.run("--continue", "lot-9")).is_one_clear_message()
        assert message == "--continue lot-9: nothing to continue in runs/lot-9: there is no record"
