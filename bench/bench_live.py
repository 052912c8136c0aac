"""The live service against the simulator: how fast it can go, and whether it follows a dry run.

    python bench/bench_live.py                          the highest speed that holds
    python bench/bench_live.py --follow 1 --minutes 30  30 line minutes at x1, beside a dry run
    python bench/bench_live.py --follow 10 --cold       a whole run at x10, beside a dry run

A speed holds when less than 1 % of the scans are left out and no instrument missed a deadline.
``--fifo`` gives both processes real-time priority, where that is allowed: then other work on
the computer counts less. Exits 1 when nothing holds, or when the run does not follow.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from simulators.dry_run import run_dry  # noqa: E402 - after the path
from simulators.follows import compare  # noqa: E402
from simulators.options import Options  # noqa: E402

LINE = ROOT / "config" / "lines" / "pilot.toml"
RECIPE = ROOT / "config" / "recipes" / "core25_layer030.toml"
SPEEDS = (2, 5, 10, 15, 20, 25, 30, 40)
STRETCH_S = 20.0  # wall seconds of each speed
LATE_BAR = 0.01
PRIORITY = 10
STATUS = re.compile(r"(\d+) scans, (\d+) left out, (\d+) behind, worst (\d+) ms")


@dataclass(frozen=True)
class Files:
    """Files of one run, on ports of its own."""

    home: Path
    line: Path

    @property
    def lot(self) -> Path:
        """Folder of the lot."""
        return self.home / "lot"

    @property
    def socket(self) -> Path:
        """Socket of the service."""
        return self.home / "s" / "line.sock"


def make_files(home: Path) -> Files:
    """The shipped line on free ports."""
    text = LINE.read_text("utf-8")
    pattern = re.compile(r"^(simulated_(?:stream_|clock_)?port = )\d+", re.MULTILINE)
    ports = iter(free_ports(len(pattern.findall(text))))
    home.mkdir()
    (home / "s").mkdir(mode=0o700)
    line = home / "pilot.toml"
    line.write_text(pattern.sub(lambda found: f"{found[1]}{next(ports)}", text), "utf-8")
    return Files(home, line)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def command(log: Path, fifo: bool, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A filmline command that writes into a log."""
    words = [sys.executable, "-m", "controller", *map(str, arguments)]
    with log.open("w") as out:
        process = subprocess.Popen(
            words, cwd=ROOT, env=os.environ | {"NO_COLOR": "1"}, stdout=out, stderr=out
        )
    if fifo:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(process.pid, os.SCHED_FIFO, os.sched_param(PRIORITY))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait(process: subprocess.Popen[bytes], log: Path, text: str, patience_s: float) -> bool:
    """Wait until a log says something; False when it does not in time, or the process ends."""
    end = time.perf_counter() + patience_s
    while time.perf_counter() < end:
        if text in log.read_text("utf-8", "replace"):
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            return text in log.read_text("utf-8", "replace")
    return False


def live(files: Files, speed: float, start: str, *, fifo: bool, until: float | None) -> str:
    """One live run; ends after ``until`` wall seconds, or with the procedure. Returns its log."""
    home = files.home
    with ExitStack() as stack:
        simulator = stack.enter_context(
            command(home / "simulate.log", fifo, "simulate", files.line, "--speed", speed,
                    "--start", start, "--recipe", RECIPE)
        )  # fmt: skip
        wait(simulator, home / "simulate.log", "Ctrl-C stops it.", 60.0)
        service = stack.enter_context(
            command(home / "run.log", fifo, "run", RECIPE, "--line", files.line, "--simulated",
                    "--speed", speed, "--out", files.lot, "--socket", files.socket, "--once")
        )  # fmt: skip
        wait(service, home / "run.log", "waiting in IDLE", 60.0)
        stack.enter_context(
            command(home / "operate.log", False, "operate", files.line, "--socket", files.socket)
        )
        wait(service, home / "run.log", "\nended ", 1e6 if until is None else until)
        for _ in range(2):
            service.send_signal(signal.SIGTERM)
            wait(service, home / "run.log", "\nended ", 2.0)
        wait(service, home / "run.log", "report ", 120.0)
    return (home / "run.log").read_text("utf-8", "replace")


def search(*, fifo: bool) -> int:
    """Try one speed after another; returns 1 when nothing holds."""
    print(f"{'speed':>6} {'scans':>7} {'left out':>9} {'behind':>7} {'worst':>9} {'deadlines':>10}")
    best = 0.0
    for speed in SPEEDS:
        with tempfile.TemporaryDirectory() as folder:
            log = live(
                make_files(Path(folder) / "line"), speed, "running", fifo=fifo, until=STRETCH_S
            )
        found = STATUS.findall(log)
        missed = len(re.findall(r"no reply within", log.split("SIGTERM")[0]))
        if not found:
            print(f"{speed:>5}x  did not run")
            break
        scans, left_out, behind, worst = (int(text) for text in found[-1])
        holds = left_out < LATE_BAR * (scans + left_out) and missed == 0
        print(
            f"{speed:>5}x {scans:>7} {left_out:>9} {behind:>7} {worst:>6} ms {missed:>10}"
            f"  {'holds' if holds else 'does not hold'}",
            flush=True,
        )
        if not holds:
            break
        best = speed
    print(f"highest speed that holds: {best:g}x" if best else "nothing holds")
    return 0 if best else 1


def follow(speed: float, *, start: str, minutes: float | None, fifo: bool) -> int:
    """A live run and its dry run; returns 1 when it does not follow."""
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder) / "line")
        line_s = None if minutes is None else minutes * 60.0
        until = None if line_s is None else line_s / speed + 5.0
        log = live(files, speed, start, fifo=fifo, until=until)
        dry = Path(folder) / "dry"
        limit_s = Options.limit_s if line_s is None else line_s + 60.0
        run_dry(
            Options(recipe=RECIPE, line=files.line, out=dry, lot="dry",
                    start="cold" if start == "cold" else "running", limit_s=limit_s),
            lambda _: None,
        )  # fmt: skip
        found = compare(files.lot, dry, seconds=line_s)
        print(found.to_json(), end="")
        print(STATUS.findall(log)[-1], "scans, left out, behind, worst ms")
    return 1 if found.troubles else 0


def main() -> int:
    """Search, or follow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--follow", type=float, help="speed of a run beside its dry run")
    parser.add_argument("--minutes", type=float, help="line minutes of it (default: to its end)")
    parser.add_argument("--cold", action="store_true", help="start cold, not running")
    parser.add_argument("--fifo", action="store_true", help="real-time priority")
    asked = parser.parse_args()
    if asked.follow is None:
        return search(fifo=asked.fifo)
    start = "cold" if asked.cold else "running"
    return follow(asked.follow, start=start, minutes=asked.minutes, fifo=asked.fifo)


if __name__ == "__main__":
    sys.exit(main())
