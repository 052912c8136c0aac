"""The watchdog outside the loop on a real process: a planted stall, and a process stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.processes import PATIENCE_S, ROOT, environment

pytestmark = pytest.mark.timeout(PATIENCE_S)
CHILD = Path(__file__).with_name("watched_child.py")


@contextmanager
def child(stall_s: float, notify: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    more = {} if notify is None else {"NOTIFY_SOCKET": str(notify)}
    process = subprocess.Popen(
        [sys.executable, str(CHILD), f"{stall_s}"],
        cwd=ROOT,
        env=environment() | {"PYTHONPATH": str(ROOT)} | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_short_stall_is_told_with_the_place_where_it_stood() -> None:
    with child(0.6) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "the loop has stood for 0." in errors
    assert "in planted_stall" in errors
    assert "held '' counts 1" in out
    assert "no heartbeat any more" not in errors


def test_a_stall_of_more_than_a_second_stops_the_heartbeat() -> None:
    with child(1.8) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "no heartbeat any more" in errors
    assert "held 'the loop has stood for 1." in out
    assert "counts 0" in out


def test_a_stall_of_three_seconds_ends_the_process_at_once() -> None:
    with child(30.0) as process:
        began = time.perf_counter()
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 70
    assert time.perf_counter() - began < 20.0
    assert "ending at once, code 70" in errors
    assert "went on" not in out


def test_a_process_that_was_stopped_goes_on() -> None:
    """SIGSTOP stops the watcher too: that is no stall, and the scan says that it was away."""
    with child(0.0) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        assert "held ''" in process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(5.0)  # noqa: TID251 - it stands for so long
        os.kill(process.pid, signal.SIGCONT)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "ending at once" not in errors
    lag_s = float(out.rpartition("lag ")[2])
    assert lag_s > 4.0, "but its lag is told"


def test_systemd_hears_of_a_living_loop_only(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(10.0)
        with child(2.6, path) as process:
            assert listener.recv(100) == b"WATCHDOG=1"
            began = time.perf_counter()
            assert listener.recv(100) == b"WATCHDOG=1"
            waited_s = time.perf_counter() - began
            out, _ = process.communicate(timeout=60)
    assert "held 'the loop" in out
    assert waited_s > 2.8, "the sign due at 2 s was withheld until the loop went on"
