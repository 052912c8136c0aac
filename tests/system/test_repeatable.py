"""The same seed gives the same run, and a gauge that lies makes record and truth differ."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.dry_run import DryRun, run_dry
from simulators.options import Options, parse_fault
from simulators.summary import summarize
from tests.system.processes import LINE, PATIENCE_S, RECIPE, ROOT, environment

LIMIT_S = 900.0
ONE_RUN = """
import sys
from pathlib import Path
from simulators.dry_run import run_dry
from simulators.options import Options

out, recipe, line, seed, limit = sys.argv[1:]
options = Options(Path(recipe), Path(line), Path(out), "again", int(seed), limit_s=float(limit))
run, _ = run_dry(options, lambda _: None)
print(run.kernel.event_hash.hexdigest(), run.kernel.runner.state.name, run.now_s)
"""


def elsewhere(out: Path, seed: int) -> subprocess.Popen[str]:
    """The same run in a process of its own, whose sets and hashes have another order."""
    command = (sys.executable, "-c", ONE_RUN, out, RECIPE, LINE, seed, LIMIT_S)
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment(PYTHONHASHSEED="4711"),
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(PATIENCE_S)
def test_same_seed_same_events_other_seed_other_events(tmp_path: Path) -> None:
    again = elsewhere(tmp_path / "again", seed=5)
    hashes = {}
    for seed in (5, 6):
        folder = tmp_path / f"seed{seed}"
        options = Options(RECIPE, LINE, folder, folder.name, seed, limit_s=LIMIT_S)
        run, _ = run_dry(options, lambda _: None)
        assert run.now_s == LIMIT_S
        hashes[seed] = run.kernel.event_hash.hexdigest()
    repeated, state, now_s = again.communicate(timeout=PATIENCE_S)[0].split()
    assert again.returncode == 0
    assert (state, float(now_s)) == ("RUNNING", LIMIT_S)
    assert repeated == hashes[5]
    assert hashes[6] != hashes[5]


BIAS_UM = 0.2  # F11: what the scanner adds; a larger one is found and the film unmeasured


def ends_after_some_meters(run: DryRun) -> None:
    """Ctrl-C twice when there is enough on the roll."""
    if run.kernel.film.roll_m >= 6.0:
        run.interrupts = 2


@pytest.mark.timeout(PATIENCE_S)
def test_a_biased_gauge_parts_the_record_from_the_truth(tmp_path: Path) -> None:
    """The loop trusts its gauge: the record says 25 µm, and the film is thinner by the bias."""
    options = Options(
        *(RECIPE, LINE, tmp_path / "lot", "lot"),
        seed=3,
        start="running",
        faults=(parse_fault(f"F11(size={BIAS_UM})@10s"),),
        limit_s=2.5 * 3600.0,
    )
    run, wall_s = run_dry(options, ends_after_some_meters)
    summary = summarize(run, wall_s)
    assert summary.metres_collected > 5.0, summary
    core, layer = (summary.results[key] for key in ("core_thickness_um", "layer_thickness_um"))
    assert core["record"] is not None
    assert core["truth"] is not None
    assert core["record"] == pytest.approx(25.0, abs=0.5)
    calibration_um = run.plant.scanner.bias_um  # of the lot
    assert core["record"] - core["truth"] == pytest.approx(calibration_um + BIAS_UM, abs=0.1)
    assert layer["record"] == pytest.approx(layer["truth"], abs=0.03), "another gauge"
    rows = json.loads((tmp_path / "lot" / "report.json").read_text("utf-8"))["results"]
    assert core["record"] == next(r["value"] for r in rows if r["key"] == "core_thickness_um")
