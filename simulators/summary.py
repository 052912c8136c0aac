"""What a dry run ended with: the record's own results beside the twin's truth."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from config.models import Side
from controller.procedure.states import State
from controller.report.results import layer_key
from simulators.dry_run import DryRun
from simulators.twin.film_io import CellFlag

TWIN_ROW = {Side.AIR: 0, Side.BELT: 1}
RESULTS = (
    "core_thickness_um",
    "core_cd_2sigma_pct",
    "layer_thickness_um",
    "imidization_pct",
    "residual_solvent_wt_pct",
    "loh_at_peel_pct",
)
DONE, ENDED_EARLY = 0, 1


@dataclass(frozen=True)
class Summary:
    """The facts of a finished dry run; field names are the keys of its JSON.

    Attributes:
        state, reason: how the procedure ended. speed: line seconds per wall second from
            process start to here. metres_*: roll length collected, and good by the record.
        event_hash: of all events; equal for equal seed and faults.
        violations: invariants broken against the plant's truth; listed in violation_list.
        results: each with ``record`` (from the closed store alone) and ``truth``;
            ``layer_thickness_um`` is the side coated first, each coated side has its own key.
        record, report, data: paths. head: of the record's chain, to be kept elsewhere.
        trouble: what went wrong with the record or the report.
    """

    state: str
    reason: str
    lot: str
    seed: int
    line_seconds: float
    wall_seconds: float
    speed: float
    metres_collected: float
    metres_good: float
    event_hash: str
    violations: int
    violation_list: list[str]
    results: dict[str, dict[str, float | None]]
    record: str
    head: str
    report: str
    data: str
    trouble: str

    @property
    def exit_code(self) -> int:
        """0 when the procedure is complete and the record whole, else 1."""
        return DONE if self.state == State.COMPLETE.name and not self.trouble else ENDED_EARLY

    def to_json(self) -> str:
        """JSON text with one key per field."""
        return json.dumps(asdict(self), indent=1) + "\n"


def summarize(run: DryRun, wall_s: float) -> Summary:
    """Report from the closed record in another process, and join it with the truth."""
    folder = run.options.out
    facts, trouble = ({}, run.closing_error) if run.closing_error else report_alone(folder)
    truth = true_results(run)
    keys = (*RESULTS, *(layer_key(coat.side) for coat in run.files.recipe.coated))
    recorded = {row["key"]: row["value"] for row in facts.get("results", [])}
    runner = run.kernel.runner
    return Summary(
        state=runner.state.name,
        reason=runner.reason,
        lot=run.options.lot,
        seed=run.options.seed,
        line_seconds=run.now_s,
        wall_seconds=round(wall_s, 2),
        speed=round(run.now_s / wall_s, 1),
        metres_collected=facts.get("meters_collected", 0.0),
        metres_good=facts.get("meters_good", 0.0),
        event_hash=run.kernel.event_hash.hexdigest(),
        violations=len(run.judge.violations),
        violation_list=[str(violation) for violation in run.judge.violations],
        results={key: {"record": recorded.get(key), "truth": truth.get(key)} for key in keys},
        record=str(folder / "record.sqlite"),
        head=facts.get("chain_head", ""),
        report=str(folder / "report.html"),
        data=str(folder / "report.json"),
        trouble=trouble,
    )


def report_alone(folder: Path) -> tuple[dict[str, Any], str]:
    """Make the report in a process in which the simulators cannot be imported.

    Returns:
        The facts, and what went wrong (empty when nothing did).
    """
    command = [sys.executable, "-m", "controller.report", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode:
        return {}, f"the report failed: {done.stderr.strip().splitlines()[-1]}"
    return json.loads((folder / "report.json").read_text("utf-8")), ""


def true_results(run: DryRun) -> dict[str, float | None]:
    """The same results from the twin's own cells on the roll; None without any."""
    cells = run.plant.truth.wound.records()
    wound = cells["wound_s"]
    taken = np.zeros(len(cells), bool)
    for begun_s, ended_s in run.collected:
        taken |= (wound >= begun_s) & (wound <= ended_s)
    cells = cells[taken]
    cells = cells[(cells["flags"] & CellFlag.LEADER) == 0]
    if not len(cells):
        return dict.fromkeys(RESULTS)
    core = cells["core_um"]
    layers = {
        coat.side: float(cells["layer_um"][:, TWIN_ROW[coat.side], :].mean())
        for coat in run.files.recipe.coated
    }
    return {
        "core_thickness_um": float(core.mean()),
        "core_cd_2sigma_pct": float(np.mean(200.0 * core.std(axis=1) / core.mean(axis=1))),
        "layer_thickness_um": layers[run.files.recipe.coated[0].side],
        "imidization_pct": 100.0 * float(cells["imid"].min()),
        "residual_solvent_wt_pct": 100.0 * float(cells["solvent"].max()),
        "loh_at_peel_pct": 100.0 * float(cells["loh_peel"].mean()),
        **{layer_key(side): mean for side, mean in layers.items()},
    }
