"""Sides on the whole kernel: two heads, or the belt side's alone, through drivers and wires."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from simulators.dry_run import EPOCH_NS, DryRun, run_dry
from simulators.options import Options
from tests.fake_line import CONFIG

RECIPES = CONFIG / "recipes"


class Watched:
    """A line found running a recipe, taken over and followed for a while.

    Attributes:
        known: value of every tag at the end as the rules see it: NaN unless GOOD.
        coated: slaves of the ratio lock that feed coating.
    """

    def __init__(self, recipe: Path, folder: Path, seconds: float = 90.0) -> None:
        self.known: dict[str, float] = {}
        line = CONFIG / "lines" / "pilot.toml"
        options = Options(recipe, line, folder / "lot", "lot", start="running", limit_s=seconds)
        run, _ = run_dry(options, self._see)
        assert not run.judge.violations
        assert run.kernel.runner.state.name == "RUNNING", run.kernel.runner.reason
        self.coated = {name for name in run.kernel.loops.ratio.on if name.startswith("coat_")}

    def _see(self, run: DryRun) -> None:
        """Look once a second: when the run ends, its links are closed and nothing is GOOD."""
        table = run.kernel.table
        known = table.snapshot(EPOCH_NS + round(run.now_s * 1e9)).known
        self.known = dict(zip(table.names, known, strict=True))

    def __getitem__(self, tag: str) -> float:
        return self.known[tag]


def test_both_heads_feed_and_both_layers_are_measured(tmp_path: Path) -> None:
    run = Watched(RECIPES / "core12_both_sides.toml", tmp_path)
    flow = 5.96 * 0.56 * 2.0 / 0.937  # mL/min for 5.96 g/m2 at 2 m/min
    for head in ("A", "B"):
        assert run[f"FIC-301{head}.PV"] == pytest.approx(flow, rel=0.02)
        assert run[f"XV-301{head}.CMD"] == 1.0
    assert run["QI-LAYER.AIR"] == pytest.approx(0.20, abs=0.02)
    assert run["QI-LAYER.BELT"] == pytest.approx(0.20, abs=0.02)
    assert run["QI-LOH.PEEL"] == pytest.approx(35.7, abs=1.0)
    assert run["QI-CORE.MEAN"] == pytest.approx(12.5, abs=0.5)
    assert run.coated == {"coat_air", "coat_belt"}


def test_a_recipe_for_the_belt_side_leaves_head_a_alone(tmp_path: Path) -> None:
    text = (RECIPES / "core25_layer030.toml").read_text("utf-8")
    recipe = tmp_path / "belt_side.toml"
    recipe.write_text(text.replace('side = "air"', 'side = "belt"'), encoding="utf-8")
    run = Watched(recipe, tmp_path)
    assert run["FIC-301B.PV"] == pytest.approx(8.45 * 0.56 * 2.0 / 0.937, rel=0.02)
    assert not run["FIC-301A.PV"] > 0.05
    assert run["XV-301A.CMD"] == 0.0
    assert run["QI-LAYER.BELT"] == pytest.approx(0.30, abs=0.02)
    assert math.isnan(run["QI-LAYER.AIR"])
    assert run["QI-CORE.MEAN"] == pytest.approx(25.0, abs=0.6)
    assert run.coated == {"coat_belt"}


def test_a_slow_line_runs_the_thick_core(tmp_path: Path) -> None:
    run = Watched(RECIPES / "core35_epoxysilane.toml", tmp_path)
    assert run["SIC-210.ACT"] == pytest.approx(1.2, abs=0.02)
    assert run["QI-LOH.PEEL"] == pytest.approx(37.7, abs=1.0)
    assert run["QI-CORE.MEAN"] == pytest.approx(35.0, abs=0.7)
    assert run["QI-LAYER.AIR"] == pytest.approx(0.30, abs=0.02)
