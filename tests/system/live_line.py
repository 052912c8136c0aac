"""A simulated line and its live service as processes, on ports and sockets of their own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.loader import load_line
from config.models import Line
from tests.system.processes import FILMLINE, LINE, RECIPE, ROOT, environment
from tests.system.test_simulate import free_ports

LOUDER = 10  # real-time priority, where we may: other work on this computer is not the subject


@dataclass(frozen=True)
class Files:
    """A line file on free ports, a recipe with a short roll, and room for one lot."""

    home: Path
    line_file: Path
    recipe_file: Path
    line: Line

    @property
    def lot(self) -> Path:
        return self.home / "lot-1"

    @property
    def socket(self) -> Path:
        return self.home / "s" / "line.sock"

    def run(self, *more: str | Path) -> list[str | Path]:
        """Arguments of ``filmline run`` against this line."""
        return [
            "run", self.recipe_file, "--line", self.line_file, "--simulated",
            "--out", self.lot, "--socket", self.socket, *more,
        ]  # fmt: skip

    def port(self, bus: str) -> int:
        """Simulated port of a bus."""
        return next(one.simulated_port for one in self.line.bus if one.name == bus)


def make_files(home: Path, roll_m: float = 4.0) -> Files:
    """Write the files of a line of its own."""
    text = LINE.read_text("utf-8")
    pattern = re.compile(r"^(simulated_(?:stream_|clock_)?port = )\d+", re.MULTILINE)
    ports = iter(free_ports(len(pattern.findall(text))))
    line_file, recipe_file = home / "pilot.toml", home / "core25.toml"
    line_file.write_text(pattern.sub(lambda found: f"{found[1]}{next(ports)}", text), "utf-8")
    recipe = re.sub(
        r"^roll_length_m = .*$", f"roll_length_m = {roll_m:g}", RECIPE.read_text("utf-8"),
        flags=re.MULTILINE,
    )  # fmt: skip
    recipe_file.write_text(recipe, "utf-8")
    (home / "s").mkdir(mode=0o700)
    return Files(home, line_file, recipe_file, load_line(line_file))


def _louder(pid: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(LOUDER))


@contextmanager
def going(log: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A filmline command that writes into a log file; it is over when the test is."""
    command = [*FILMLINE, *(str(part) for part in arguments)]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=out, stderr=out, text=True
        )
    _louder(process.pid)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(
    what: Callable[[], bool], process: subprocess.Popen[str], log: Path, patience_s: float
) -> None:
    """Look until something is so; a process that ends before it fails the test with its log."""
    for _ in range(round(patience_s / 0.1)):
        if what():
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        if what():
            return
        break
    raise AssertionError(f"it did not come; the log says:\n{log.read_text()}")


def said(log: Path, text: str) -> Callable[[], bool]:
    """Whether a log says something."""
    return lambda: text in log.read_text()
