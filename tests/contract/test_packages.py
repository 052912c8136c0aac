"""Names like ``config`` are common: another package of that name is said, never used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controller.packages import check_packages

ROOT = Path(__file__).resolve().parents[2]
LOADING_INTERRUPTED = """
import sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "controller.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
from controller.__main__ import main
main()
"""


def python(
    *arguments: str, cwd: Path, first: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with another folder first on its path and ours behind it."""
    path = os.pathsep.join(str(folder) for folder in (first, ROOT) if folder is not None)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_our_packages_are_found_side_by_side() -> None:
    check_packages()


@pytest.mark.parametrize("name", ["config", "drivers", "simulators"])
def test_a_foreign_package_is_one_message(tmp_path: Path, name: str) -> None:
    foreign, neutral = tmp_path / "foreign", tmp_path / "neutral"
    neutral.mkdir()
    (foreign / name).mkdir(parents=True)
    (foreign / name / "__init__.py").write_text("")
    done = python("-m", "controller", "--help", cwd=neutral, first=foreign)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (message,) = done.stderr.splitlines()
    assert message.startswith(f"package {name} comes from {foreign / name}, not from {ROOT}")
    assert "use filmline's own virtual environment" in message


def test_a_plant_computer_needs_no_simulators(tmp_path: Path) -> None:
    """The optional package may be absent; the others may not."""
    for name in ("config", "controller", "drivers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    text = (ROOT / "controller" / "packages.py").read_text("utf-8")
    (tmp_path / "controller" / "packages.py").write_text(text, "utf-8")
    check = "from controller.packages import check_packages; check_packages()"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {check}"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "drivers" / "__init__.py").unlink()
    (tmp_path / "drivers").rmdir()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "package drivers is missing beside" in done.stderr


def test_ctrl_c_while_it_still_loads_is_no_traceback(tmp_path: Path) -> None:
    done = python("-c", LOADING_INTERRUPTED, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "interrupted\n"
