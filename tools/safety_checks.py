"""Prove the tests of what decides about safety: every branch taken, nearly every mutant found.

    .venv/bin/python tools/safety_checks.py coverage            every branch of the modules
    .venv/bin/python tools/safety_checks.py mutation [NAMES...] mutants of them, with the score

Modules and the unit tests that concern them stand once, in ``[tool.mutmut]`` of pyproject.toml.
Mutation takes hours of a core for all; NAMES such as "controller.gate.*" take a part of it, and
what was found is kept in mutants/ until the code or its tests change.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEAST_SCORE = 0.95
# Exit codes that mutmut keeps of a mutant's tests: failed, crashed, or did not come to an end.
_FOUND = (1, 3, 36, -24, 24, 152, 255, -11)


def main(arguments: list[str]) -> int:
    """Run one of the two."""
    if not arguments or arguments[0] not in {"coverage", "mutation"}:
        print(__doc__)
        return 2
    with (ROOT / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)["tool"]["mutmut"]
    if arguments[0] == "coverage":
        return coverage(settings["only_mutate"], settings["pytest_add_cli_args_test_selection"])
    return mutation(arguments[1:])


def coverage(modules: list[str], tests: list[str]) -> int:
    """Run the tests with branches counted; less than all of them is an error."""
    included = f"--include={','.join(modules)}"
    command = [sys.executable, "-m", "coverage"]
    ran = subprocess.call([*command, "run", "--branch", "-m", "pytest", "-q", *tests], cwd=ROOT)
    told = subprocess.call([*command, "report", "-m", "--fail-under=100", included], cwd=ROOT)
    return ran or told


def mutation(names: list[str]) -> int:
    """Run the mutants, and print the score of every module; all must reach the least."""
    mutmut = Path(sys.executable).parent / "mutmut"
    if not mutmut.exists():
        print("mutmut is missing: pip install -c constraints.txt -e .[mutation]")
        return 2
    subprocess.call([str(mutmut), "run", *names], cwd=ROOT)
    scores = [score(path) for path in sorted((ROOT / "mutants" / "controller").rglob("*.py.meta"))]
    return 1 if False in scores else 0


def score(path: Path) -> bool | None:
    """Print and judge the score of one module; None when none of its mutants was tried."""
    codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
    tried = Counter(code for code in codes.values() if code is not None)
    if not tried:
        return None
    found = sum(tried[code] for code in _FOUND)
    share = found / tried.total()
    left = "" if tried.total() == len(codes) else f", {len(codes) - tried.total()} not tried yet"
    name = path.relative_to(ROOT / "mutants").as_posix().removesuffix(".meta")
    print(f"{name:<40} {found} of {tried.total()} found, {share:.1%}{left}")
    return share >= LEAST_SCORE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
