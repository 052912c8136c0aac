"""Run every fault of the plan with every recipe, and write docs/fault-matrix.md.

    .venv/bin/python tools/fault_matrix.py                       runs what is missing, then writes
    .venv/bin/python tools/fault_matrix.py --page-only           writes from the results there are
    .venv/bin/python tools/fault_matrix.py --healthy-hours 200   healthy runs: counts false trips

Each run is a dry run of its own process. Its facts are kept as JSON in ``--folder``, so that
an interrupted matrix goes on where it was; remove the folder to run everything anew. What is
expected is ``simulators/expected_ends.py``; how it is judged, ``simulators/faults_verdict.py``.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from simulators.expected_ends import COMPLETE, PLAN, Expected  # noqa: E402 - not always installed
from simulators.faults_cell import Cell, run_cell  # noqa: E402
from simulators.faults_page import healthy_text, matrix_text  # noqa: E402

PAGE = ROOT / "docs" / "fault-matrix.md"
RECIPES = ROOT / "config" / "recipes"
EARLY_S, LATE_AFTER_S = 300.0, 300.0
HEALTHY_STARTS = ("running", "running", "cold")

Facts = dict[str, Any]


def main() -> int:
    """Run the cells that have no results yet, and write the page."""
    options = _options()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    recipes = options.recipe or sorted(RECIPES.glob("*.toml"), key=_shipped_first)
    if options.healthy_hours:
        _healthy(folder, recipes, options.healthy_hours, options.processes)
    elif not options.page_only:
        _matrix(folder, recipes, options)
    command = f".venv/bin/python tools/fault_matrix.py --roll-m {options.roll_m:g}"
    rows = [(recipe.stem, row, _kept(folder, _name(recipe, row))) for row in PLAN
            for recipe in recipes]  # fmt: skip
    text = matrix_text(command, rows, healthy_text(_kept_all(folder, "healthy-")))
    PAGE.write_text(text, "utf-8")
    print(f"{PAGE}: written")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "fault-matrix")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--roll-m", type=float, default=60.0, help="length of roll, meters")
    parser.add_argument("--recipe", type=Path, action="append", help="only these")
    parser.add_argument("--only", default="", help="only faults that begin so")
    parser.add_argument("--page-only", action="store_true")
    parser.add_argument("--healthy-hours", type=float, default=0.0)
    return parser.parse_args()


def _matrix(folder: Path, recipes: list[Path], options: argparse.Namespace) -> None:
    """First what ends soon, then a sound run (it says when collecting begins) and the rest."""
    rows = [row for row in PLAN if row.fault.startswith(options.only)]
    soon = [row for row in rows if COMPLETE not in row.ends and row.when == "early"]
    rest = [row for row in rows if row not in soon]
    for recipe in recipes:
        _run(folder, _cells(folder, recipe, soon, options.roll_m), options.processes)
    for recipe in recipes:
        _run(folder, [_sound(recipe, options.roll_m)], 1)
        _run(folder, _cells(folder, recipe, rest, options.roll_m), options.processes)


def _cells(folder: Path, recipe: Path, rows: list[Expected], roll_m: float) -> list[Cell]:
    sound = _kept(folder, _sound(recipe, roll_m).name)
    timed = [(row, _fault_s(row, sound)) for row in rows]
    return [
        Cell(_name(recipe, row), str(recipe), row.text(at_s), roll_m=roll_m)
        for row, at_s in timed
        if at_s is not None
    ]


def _fault_s(row: Expected, sound: Facts | None) -> float | None:
    """When a fault comes; late ones need a sound run that collected."""
    if row.when == "early":
        return EARLY_S
    collecting = (sound or {}).get("collecting_s")
    return None if collecting is None else float(collecting) + LATE_AFTER_S


def _healthy(folder: Path, recipes: list[Path], hours: float, processes: int) -> None:
    """Whole runs over recipes, starts and seeds until there are enough hours."""

    def missing() -> Iterator[Cell]:
        for cell in _healthy_cells(recipes):
            if sum(_hours(facts) for facts in _kept_all(folder, "healthy-")) >= hours:
                return
            yield cell

    _run(folder, missing(), processes)


def _healthy_cells(recipes: list[Path]) -> Iterator[Cell]:
    seed = 0
    while True:
        seed += 1
        for start in HEALTHY_STARTS:
            for recipe in recipes:
                name = f"healthy-{recipe.stem}-{start}-{seed:03d}"
                yield Cell(name, str(recipe), start=start, seed=seed)
            seed += start == "running"  # two of three starts are running: another seed each


def _hours(facts: Facts) -> float:
    return float(facts.get("line_seconds", 0.0)) / 3600.0


def _run(folder: Path, cells: Iterable[Cell], processes: int) -> None:
    """Run the cells without results, so many at a time; each in a new process."""
    todo = (cell for cell in cells if _kept(folder, cell.name) is None)
    with ProcessPoolExecutor(processes, get_context("spawn"), max_tasks_per_child=1) as pool:
        running: dict[Future[Facts], Cell] = {}
        for cell in islice(todo, processes):
            running[_begin(pool, cell, folder)] = cell
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                _keep(folder, running.pop(future), future.result())
            for cell in islice(todo, processes - len(running)):
                running[_begin(pool, cell, folder)] = cell


def _begin(pool: ProcessPoolExecutor, cell: Cell, folder: Path) -> Future[Facts]:
    """Run a cell anew: what an interrupted run left would refuse it."""
    shutil.rmtree(folder / cell.name, ignore_errors=True)
    return pool.submit(run_cell, cell, folder)


def _keep(folder: Path, cell: Cell, facts: Facts) -> None:
    """Write the results at once and whole, and drop the record of the run."""
    path = folder / f"{cell.name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(facts, indent=1), "utf-8")
    part.replace(path)
    shutil.rmtree(folder / cell.name, ignore_errors=True)
    ended = facts.get("state") or facts.get("refused") or "TRACEBACK"
    print(f"{cell.name}: {ended} {str(facts.get('reason', ''))[:80]}", flush=True)


def _kept(folder: Path, name: str) -> Facts | None:
    path = folder / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _kept_all(folder: Path, head: str) -> list[Facts]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob(f"{head}*.json"))]


def _shipped_first(recipe: Path) -> tuple[bool, str]:
    return recipe.stem != "core25_layer030", recipe.stem


def _sound(recipe: Path, roll_m: float) -> Cell:
    return Cell(f"sound-{recipe.stem}", str(recipe), roll_m=roll_m)


def _name(recipe: Path, row: Expected) -> str:
    return f"{recipe.stem}-{re.sub(r'[^A-Za-z0-9]+', '_', row.fault).strip('_')}"


if __name__ == "__main__":
    sys.exit(main())
