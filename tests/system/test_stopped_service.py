"""A live service that is stopped as a whole (SIGSTOP) and goes on: held, nothing restarts."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.live_line import going, make_files, said, wait_for
from tests.system.processes import PATIENCE_S

pytestmark = pytest.mark.timeout(PATIENCE_S)

STOPPED_S = 4.0
START_S = 60.0


def test_a_service_that_was_stopped_for_seconds_goes_on_held(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    with ExitStack() as stack:
        plant_log, log = tmp_path / "simulate.log", tmp_path / "run.log"
        plant = stack.enter_context(
            going(plant_log, "simulate", files.line_file, "--start", "running",
                  "--recipe", files.recipe_file)
        )  # fmt: skip
        wait_for(said(plant_log, "Ctrl-C stops it."), plant, plant_log, START_S)
        service = stack.enter_context(going(log, *files.run()))
        stack.enter_context(
            going(tmp_path / "operate.log", "operate", files.line_file, "--socket", files.socket)
        )
        wait_for(said(log, "RESTARTING -> RUNNING"), service, log, START_S)
        service.send_signal(signal.SIGSTOP)
        time.sleep(STOPPED_S)  # noqa: TID251 - it stands for so long
        service.send_signal(signal.SIGCONT)
        wait_for(said(log, "(hold: no scan for "), service, log, START_S)
        wait_for(said(log, "HOLDING -> HELD"), service, log, START_S)
        assert service.poll() is None, "it was stopped, not stuck: it does not end itself"
        shed = said(log, "IO-A up: outputs shed: no answer for ")
        wait_for(shed, service, log, START_S)  # heat waits for a person
        assert "ending at once" not in log.read_text()
