"""Targets against what the record shows: one row each, with how it is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from config.models import Recipe, Side
from controller.report.cure import Cure, NoCure
from controller.report.facts import Evidence, Floats, MeterTable, Result

SCANNER_BIAS_UM = 0.2  # one sigma of the calibration bias of a lot (process specification 8)
LAYER_BIAS_UM = 0.015
UNAVAILABLE = "unavailable: no kinetics are known for this core, and no other's are taken"


def results(recipe: Recipe, meters: MeterTable, cure: Cure | None) -> list[Result]:
    """Results over the good meters; over all collected meters when none is good."""
    chosen = meters.good if meters.good.any() else np.ones(len(meters.meter), bool)
    targets = recipe.targets
    low, high = (
        targets.core_um - targets.core_tolerance_um,
        (targets.core_um + targets.core_tolerance_um),
    )
    core = _mean(meters.core_um[chosen])
    rows = [
        Result("core_thickness_um", "core thickness", "µm", core, _known(core, SCANNER_BIAS_UM),
               low, high, Evidence.MEASURED, "final scanner less the thin layers, mean"),
        Result("core_cd_2sigma_pct", "core thickness across the film, 2 sigma", "%",
               _mean(meters.cd_2sigma_pct[chosen]), math.nan, -math.inf,
               targets.core_cd_2sigma_pct, Evidence.MEASURED,
               "filtered scanner profile; includes what the gauge's noise leaves"),
        *_layers(recipe, meters, chosen),
        *_cure_rows(recipe, meters, cure, chosen),
    ]  # fmt: skip
    rows += [
        Result("modulus_md_gpa", "tensile modulus MD", "GPa", math.nan, math.nan,
               *targets.modulus_md_gpa, Evidence.NONE, "needs a tensile test"),
        Result("cte_ppm_per_c", "thermal expansion 50-200 °C", "ppm/°C", math.nan, math.nan,
               *targets.cte_ppm_per_c, Evidence.NONE, "needs TMA"),
    ]  # fmt: skip
    return rows


def layer_key(side: Side) -> str:
    """Key of a side's layer thickness among the results."""
    return f"layer_thickness_{side.value}_um"


def _layers(recipe: Recipe, meters: MeterTable, chosen: np.ndarray) -> list[Result]:
    """One row a coated side, and the first side's once more under ``layer_thickness_um``."""
    rows = []
    for coat in recipe.coated:
        values = meters.layer_air_um if coat.side is Side.AIR else meters.layer_belt_um
        mean = _mean(values[chosen])
        rows.append(
            Result(layer_key(coat.side), f"thin layer, {coat.side.value} side", "µm", mean,
                   _known(mean, LAYER_BIAS_UM), coat.layer_um - coat.tolerance_um,
                   coat.layer_um + coat.tolerance_um, Evidence.MEASURED,
                   "reflectance gauge, 5 lanes, mean")
        )  # fmt: skip
    return [*rows, replace(rows[0], key="layer_thickness_um", again=True)]


def _cure_rows(
    recipe: Recipe, meters: MeterTable, cure: Cure | None, chosen: np.ndarray
) -> list[Result]:
    targets = recipe.targets
    sigma_p = _mean(cure.imidization_sigma[chosen]) if cure else math.nan
    sigma_w = _mean(cure.solvent_sigma[chosen]) if cure else math.nan
    rows = [
        Result("imidization_pct", "imidization", "%", _least(meters.imidization_pct[chosen]),
               sigma_p, targets.imidization_min_pct, math.inf, Evidence.ESTIMATED,
               "film model on measured temperatures and times, least meter"),
        Result("residual_solvent_wt_pct", "residual solvent", "wt%",
               _most(meters.solvent_wt_pct[chosen]), sigma_w, -math.inf,
               targets.residual_solvent_max_wt_pct, Evidence.ESTIMATED,
               "film model, greatest meter"),
        Result("loh_at_peel_pct", "loss on heating at peel", "%",
               _mean(meters.loh_peel_pct[chosen]), math.nan, *targets.loh_peel_pct,
               Evidence.ESTIMATED, "film model on measured belt temperatures, mean"),
    ]  # fmt: skip
    if not isinstance(cure, NoCure):
        return rows
    return [replace(row, evidence=Evidence.NONE, note=UNAVAILABLE) for row in rows]


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def _least(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.min()) if known.size else math.nan


def _most(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else math.nan


def _known(value: float, sigma: float) -> float:
    return math.nan if math.isnan(value) else sigma
