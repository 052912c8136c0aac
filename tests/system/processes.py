"""Real processes for the system tests: the command line as a user's shell starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "config" / "recipes" / "core25_layer030.toml"
LINE = ROOT / "config" / "lines" / "pilot.toml"
FILMLINE = (sys.executable, "-m", "controller")
# Mounts and processes of its own: nothing of it is left when it ends.
ALONE = (
    *("unshare", "--user", "--map-root-user", "--mount"),
    *("--pid", "--fork", "--kill-child"),
)
PATIENCE_S = 300.0
WHOLE_RUN_S = 900.0


@dataclass(frozen=True)
class Ended:
    """A process that has ended: exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    def is_one_clear_message(self) -> str:
        """Exit 2 with one line on one stream and no traceback; returns the line."""
        assert self.code == 2, self
        lines = self.said.strip().splitlines()
        assert len(lines) == 1, self.said
        assert "Traceback" not in lines[0]
        return lines[0]


@dataclass(frozen=True)
class WholeRun:
    """A finished ``dry-run --json``: its folder, how it ended, and the JSON it printed."""

    folder: Path
    ended: Ended
    facts: dict[str, Any]


def environment(**extra: str) -> dict[str, str]:
    """The environment of a plain shell: progress is written at once, nothing is colored."""
    plain = {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "120", "TERM": "dumb"}
    return os.environ | plain | extra


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
    before: Callable[[], None] | None = None,
) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        preexec_fn=before,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def filmline(*arguments: str | Path) -> Ended:
    """Run one filmline command to its end."""
    return run([*FILMLINE, *arguments])


def start(
    *arguments: str | Path, stdout: int = subprocess.PIPE, stderr: int = subprocess.STDOUT
) -> subprocess.Popen[str]:
    """Start a filmline command; by default both streams come through ``stdout``."""
    command = [*FILMLINE, *(str(part) for part in arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=stdout, stderr=stderr, text=True
    )


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A filmline command while the test talks to it; it is over when the test is."""
    process = start(*arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def can_mount() -> bool:
    """Whether this computer lets us mount in a name space of our own."""
    if shutil.which(ALONE[0]) is None:
        return False
    probe = [*ALONE, "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
