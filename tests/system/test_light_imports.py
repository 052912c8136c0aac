"""A command waits only for what it needs: no plotting for a table, no controller for a question."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = "config/recipes/core12_both_sides.toml"
NOWHERE = ("--socket", "/nowhere/line.sock")
ONLY_A_REPORT = {"matplotlib"}
ONLY_A_MIRROR = {"aiomqtt", "influxdb_client"}
ONLY_AN_EXPORT = {"pyarrow"}
ONLY_THE_SERVICE = {
    "apsw",
    "argon2",
    "asyncio",
    "config.models",
    "controller.app",
    "drivers.build",
    "numpy",
    "pymodbus",
    "serial",
}
ONLY_A_PICTURE = {"rich"}
NEVER = ONLY_A_REPORT | ONLY_A_MIRROR | ONLY_AN_EXPORT
ASKING = NEVER | ONLY_THE_SERVICE
_PROGRAM = """
import sys
from controller.cli import main
sys.argv = ["filmline", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
sys.stderr.write(f"{code} {' '.join(sorted(sys.modules))}\\n")
"""


def run(*words: str) -> tuple[int, set[str]]:
    """Exit code of a command, and the modules it has imported."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    return int(code), set(modules)


@pytest.mark.parametrize(
    ("words", "code", "unwanted"),
    [
        (("--help",), 0, ASKING | ONLY_A_PICTURE | {"pydantic"}),
        (("start", "--yes", *NOWHERE), 2, ASKING | ONLY_A_PICTURE),
        (("set", "SIC-110.SP", "-3", "--reason", "x", *NOWHERE), 2, ASKING | ONLY_A_PICTURE),
        (("alarms", *NOWHERE), 2, ASKING | ONLY_A_PICTURE),
        (("status", *NOWHERE), 2, ASKING),
        (("check", RECIPE), 0, NEVER | {"apsw", "controller.app", "pymodbus"}),
        (("history", "tags", "runs/no-such-lot"), 2, NEVER | {"controller.app", "pymodbus"}),
        (("dry-run", "--help"), 0, NEVER),
        (("report", "--help"), 0, NEVER),
        (("run", "no-such-recipe.toml"), 2, NEVER | ONLY_A_PICTURE | {"controller.report"}),
    ],
)
def test_a_command_imports_nothing_that_it_does_not_need(
    words: tuple[str, ...], code: int, unwanted: set[str]
) -> None:
    found, modules = run(*words)
    assert found == code
    assert modules & unwanted == set()
