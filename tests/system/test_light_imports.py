"""Commands that draw nothing must not wait for the plotting library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = "config/recipes/core12_both_sides.toml"
_PROGRAM = """
import sys
from controller.cli import main
sys.argv = ["filmline", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
heavy = sorted(name for name in sys.modules if name.partition(".")[0] == "matplotlib")
sys.stderr.write(f"code {code}, {len(heavy)} modules of matplotlib\\n")
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["check", RECIPE], 0),
        (["check", "--json", RECIPE], 0),
        (["history", "--help"], 0),
        (["history", "tags", "runs/no-such-lot"], 2),
        (["dry-run", "--help"], 0),
        (["report", "--help"], 0),
    ],
)
def test_matplotlib_is_imported_by_nothing_but_a_report(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1] == f"code {code}, 0 modules of matplotlib", done.stderr
