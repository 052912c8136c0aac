"""``filmline run`` against ``filmline simulate``: two processes, real TCP, a real serial line."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from controller.historian.query import Record
from drivers.base import Quality
from simulators.dry_run import run_dry
from simulators.follows import compare
from simulators.options import Options
from tests.system.live_line import Files, going, make_files, said, wait_for
from tests.system.processes import PATIENCE_S, filmline
from tests.system.test_simulate import serial_line

pytestmark = pytest.mark.timeout(PATIENCE_S)

SPEED = 4.0
COMPARED_S = 110.0  # line seconds after the procedure began to run
START_S = 60.0  # wall seconds for processes to come up on a busy computer


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return make_files(tmp_path)


@contextmanager
def simulated(files: Files, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A simulator of the line, ready."""
    log = files.home / "simulate.log"
    with going(log, "simulate", files.line_file, *more) as process:
        wait_for(said(log, "Ctrl-C stops it."), process, log, START_S)
        yield process


@contextmanager
def served(files: Files, *more: str | Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A service of the line, and its log; ready."""
    log = files.home / "run.log"
    with going(log, *files.run(*more)) as process:
        wait_for(said(log, "waiting in IDLE at"), process, log, START_S)
        yield process, log


def is_whole(lot: Path) -> None:
    """Sealed, unchanged, nothing missing without a reason, and a report beside it."""
    assert json.loads(filmline("history", "verify", lot, "--json").out)["intact"] is True
    assert {"record.sqlite", "report.html", "report.json"} <= {file.name for file in lot.iterdir()}


# --- a run that goes on ---------------------------------------------------------------------


def test_a_live_run_follows_its_dry_run_and_ends_safely_on_signals(files: Files):
    k = f"{SPEED:g}"
    with ExitStack() as stack:
        stack.enter_context(
            simulated(files, "--speed", k, "--start", "running", "--recipe", str(files.recipe_file))
        )
        service, log = stack.enter_context(served(files, "--speed", k))
        hands = files.home / "operate.log"
        stack.enter_context(going(hands, "operate", files.line_file, "--socket", files.socket))
        wait_for(said(log, "RESTARTING -> RUNNING"), service, log, START_S)
        minutes = next(line for line in (1, 2, 3) if line * 60.0 > COMPARED_S)
        status = re.compile(r"SIMULATED lot-1 RUNNING")
        wait_for(
            lambda: len(status.findall(log.read_text())) >= minutes,
            service, log, minutes * 60.0 / SPEED + START_S,
        )  # fmt: skip
        service.send_signal(signal.SIGTERM)
        wait_for(said(log, "RUNNING -> STOPPING"), service, log, START_S)
        service.send_signal(signal.SIGTERM)
        wait_for(said(log, "ABORTING -> ABORTED"), service, log, START_S)
        assert service.wait(START_S) == 1, log.read_text()
    text = log.read_text()
    assert "SIGTERM: controlled stop, then end" in text
    assert "SIGTERM: abort: all outputs safe at once" in text
    assert "Traceback" not in text
    is_whole(files.lot)
    assert not files.socket.exists()
    dry = files.home / "dry"
    run_dry(
        Options(
            recipe=files.recipe_file, line=files.line_file, out=dry, lot="dry", start="running",
            limit_s=COMPARED_S + 30.0,
        ),
        lambda _: None,
    )  # fmt: skip
    found = compare(files.lot, dry, seconds=COMPARED_S)
    assert found.troubles == [], found.to_json()
    assert found.compared_s >= 0.9 * COMPARED_S
    assert found.cast_m[0] > 3.0, "the line cast film meanwhile"
    with Record(files.lot) as record:
        assert record.info()["plant"] == "SIMULATED"
        assert record.info()["extra.speed"] == k
        first, last = record.span()
        assert (last - first) / 1e9 > COMPARED_S, "stamps are line time"


# --- a service that waits -------------------------------------------------------------------


def test_it_waits_in_idle_on_tcp_and_serial_and_says_what_is_wrong_with_a_port(files: Files):
    with ExitStack() as stack:
        stack.enter_context(simulated(files, "--start", "hot"))
        gone = files.home / "tty-gone"
        eyes = stack.enter_context(serial_line(files.port("SER-2")))
        service, log = stack.enter_context(
            served(files, "--port", f"SER-2={eyes}", "--port", f"SER-1={gone}")
        )
        wait_for(said(log, "OPTRIS4 up: set up and answering"), service, log, START_S)
        wait_for(said(log, "T8 up: set up and answering"), service, log, START_S)
        wait_for(said(log, "SER-1 closed: "), service, log, START_S)
        service.send_signal(signal.SIGTERM)
        assert service.wait(START_S) == 0, log.read_text()
    text = log.read_text()
    assert f"SER-1 closed: {gone}: no such port; ports here:" in text
    assert "SIGTERM: nothing runs: ending" in text
    is_whole(files.lot)
    with Record(files.lot) as record:
        seen = record.raw("TT-411.PV")
        assert (seen.quality == Quality.GOOD).any(), "a pyrometer answered over the pty"
        zone = record.raw("TIC-501.PV")
        good = zone.value[zone.quality == Quality.GOOD]
        assert len(good)
        assert abs(good[-1] - 150.0) < 10.0, "T1 of a hot line"


# --- what cannot be started -----------------------------------------------------------------


def test_without_a_simulator_it_says_how_to_start_one(files: Files):
    message = filmline(*files.run()).is_one_clear_message()
    assert (
        f"127.0.0.1:{files.line.line.simulated_clock_port}: no simulator of line pilot" in message
    )
    assert "filmline simulate" in message
    assert not files.lot.exists()


def test_another_speed_than_the_simulators_is_refused(files: Files):
    with simulated(files, "--speed", "4"):
        message = filmline(*files.run("--speed", "2")).is_one_clear_message()
    assert message == (
        "the simulator runs at speed 4, this run at 2: give both the same, here with --speed 4"
    )
    assert not files.lot.exists()


def test_a_plant_has_one_speed(files: Files):
    arguments = [one for one in files.run("--speed", "2") if one != "--simulated"]
    message = filmline(*arguments).is_one_clear_message()
    assert message == "--speed 2: a plant runs at 1; other speeds need --simulated"


def test_a_bus_that_does_not_exist_is_refused(files: Files):
    message = filmline(*files.run("--port", "NET-T9=tcp://x:1")).is_one_clear_message()
    assert "no bus 'NET-T9'; there are NET-T1, " in message


def test_one_lot_and_one_service_of_a_line(files: Files):
    with ExitStack() as stack:
        stack.enter_context(simulated(files))
        service, log = stack.enter_context(served(files))
        other = [files.home / "lot-2" if one == files.lot else one for one in files.run()]
        second = filmline(*other).is_one_clear_message()
        assert "a service runs this line already" in second
        hands = filmline("hands", "juggle", "--line", files.line_file).is_one_clear_message()
        assert "hands cannot 'juggle'; they can" in hands
        laid = filmline("hands", "thread_leader", "--line", files.line_file)
        assert laid.out.strip() == "done on the simulated plant: thread_leader"
        service.send_signal(signal.SIGINT)
        assert service.wait(START_S) == 0, log.read_text()
        again = filmline(*files.run()).is_one_clear_message()
        assert f"{files.lot}: there is a record here already" in again
    is_whole(files.lot)
