"""One whole production run, shared by all tests that look at it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.processes import RECIPE, WHOLE_RUN_S, Ended, WholeRun, start

SEED = 7


@dataclass(frozen=True)
class Going:
    """The whole run while it goes on beside the other tests."""

    folder: Path
    process: subprocess.Popen[str]
    out: Path
    err: Path


@pytest.fixture(scope="session", autouse=True)
def going(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Going | None]:
    """Start the whole run before the first system test if any test wants it.

    It needs minutes on one core; the other tests of this folder use the other core meanwhile.
    """
    if not any("whole_run" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    home = tmp_path_factory.mktemp("whole")
    folder, out, err = home / "core25-system", home / "out", home / "err"
    with out.open("w") as stdout, err.open("w") as stderr:
        process = start(
            *("dry-run", RECIPE, "--seed", str(SEED), "--json", "--out", folder),
            stdout=stdout.fileno(),
            stderr=stderr.fileno(),
        )
    yield Going(folder, process, out, err)
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def whole_run(going: Going | None) -> WholeRun:
    """The whole run, finished."""
    assert going is not None
    code = going.process.wait(WHOLE_RUN_S)
    ended = Ended(code, going.out.read_text(), going.err.read_text())
    assert "{" in ended.out, ended.said
    return WholeRun(going.folder, ended, json.loads(ended.out))
