"""``filmline check``: findings in files, and what a recipe will do before any heat.

Everything printed about the film is a prediction from set points with estimated parameters.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from config.loader import (
    ConfigError,
    Materials,
    find_line,
    load_line,
    load_materials,
    load_recipe,
)
from config.models import Line, Recipe
from config.physics import layer_um, least_wet_um
from controller.film.conformance import Judgement, judge_recipe
from controller.film.prediction import Prediction, predict
from controller.film.timing import short_timeouts

BLISTER_WARN, BLISTER_REJECT = 2.6, 3.2  # process specification 4.5, estimates
PEEL_IMIDIZATION_MAX_PCT = 20.0
_SAME_PCT = 0.05


@dataclass(frozen=True)
class LayerPrediction:
    """The thin layer of one side, by mass balance (full condensation of the agent).

    Attributes:
        layer_um: dry thickness of the wet coat; target_um, tolerance_um: asked for.
        wet_g_m2: asked for; least_wet_g_m2: thinnest coat a slot bead holds at run speed.
        agent_mg_m2: agent laid down.
    """

    layer_um: float
    target_um: float
    tolerance_um: float
    wet_g_m2: float
    least_wet_g_m2: float
    agent_mg_m2: float


@dataclass(frozen=True)
class RecipeCheck:
    """What a recipe says and does: claims as written, layers per side, film at both speeds.

    ``thread`` and ``run`` are None where the core has no kinetics: unavailable.
    """

    recipe: str
    stoichiometry: dict[str, float]
    claims: list[Judgement]
    layers: dict[str, LayerPrediction]
    thread: Prediction | None
    run: Prediction | None
    warnings: list[str]


def check_files(files: list[Path], line_file: Path | None, *, as_json: bool) -> int:
    """Check each file and print what was found; return the exit code (0 or 2)."""
    out = Console(highlight=False, soft_wrap=True)
    reports: list[dict[str, Any]] = []
    problems: list[str] = []
    for file in files:
        try:
            reports.append(_check_one(file, line_file, None if as_json else out))
        except ConfigError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"{file}: {error.strerror}")
    if as_json:
        print(json.dumps({"checked": reports, "problems": problems}, indent=2))  # noqa: T201 - the output asked for
    else:
        for problem in problems:
            out.print(problem, markup=False, style="red")
    return 2 if problems else 0


def check_recipe(recipe: Recipe, line: Line, materials: Materials) -> RecipeCheck:
    """Judge and predict one recipe on one line."""
    settings = recipe.settings
    polymer = materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
    solvent = materials.solvents[recipe.core.solvent]
    warnings = [*short_timeouts(recipe, line), *_burnt(recipe, materials)]
    thread = run = None
    if polymer is None or polymer.kinetics is None:
        warnings.append("no kinetics for this core: imidization and drying are unavailable")
    else:
        thread = predict(
            recipe, line, polymer, solvent,
            settings.thread_speed_m_min, settings.belt_offset_thread_k,
        )  # fmt: skip
        run = predict(
            recipe, line, polymer, solvent, settings.run_speed_m_min, settings.belt_offset_run_k
        )
        warnings += _warnings(recipe, thread) + _warnings(recipe, run)
    return RecipeCheck(
        recipe=recipe.recipe.name,
        stoichiometry={
            "core": recipe.core.stoichiometry, "layer": recipe.coating.stoichiometry
        },
        claims=judge_recipe(recipe, materials),
        layers=predict_layers(recipe, materials),
        thread=thread,
        run=run,
        warnings=warnings,
    )  # fmt: skip


def _burnt(recipe: Recipe, materials: Materials) -> list[str]:
    """Layers that leave their target if the agent's organic part burns off."""
    agent = materials.agents.get(recipe.coating.agent)
    if agent is None or agent.residue_burnt_kg_kg is None:
        return []
    layers = predict_layers(recipe, materials, agent.residue_burnt_kg_kg.value)
    return [
        f"thin layer {side} side would be {layer.layer_um:.3f} µm if the organic part of "
        f"{agent.name} burns off (target {layer.target_um:g} ± {layer.tolerance_um:g} µm)"
        for side, layer in layers.items()
        if abs(layer.layer_um - layer.target_um) > layer.tolerance_um
    ]


def predict_layers(
    recipe: Recipe, materials: Materials, residue_kg_kg: float | None = None
) -> dict[str, LayerPrediction]:
    """What each coated side's wet coat dries to; empty when nothing is known of the layer.

    ``residue_kg_kg`` replaces what the agent leaves on full condensation.
    """
    coating = recipe.coating
    polymer = materials.polymer_of(coating.dianhydrides, coating.diamines)
    agent, solvent = materials.agents.get(coating.agent), materials.solvents.get(coating.solvent)
    if polymer is None or agent is None or solvent is None:
        return {}
    residue = agent.residue_kg_kg.value if residue_kg_kg is None else residue_kg_kg
    least = least_wet_um(recipe.settings.run_speed_m_min) * solvent.density_kg_m3.value / 1e3
    return {
        coat.side.value: LayerPrediction(
            layer_um=layer_um(recipe, coat.wet_g_m2, polymer, residue),
            target_um=coat.layer_um,
            tolerance_um=coat.tolerance_um,
            wet_g_m2=coat.wet_g_m2,
            least_wet_g_m2=least,
            agent_mg_m2=coat.wet_g_m2 * coating.agent_wt_pct * 10.0,
        )
        for coat in recipe.coated
    }


def chain_limit(ratio: float) -> float:
    """Number-average degree of polymerization at full reaction (Carothers) for a mole ratio."""
    r = min(ratio, 1.0 / ratio)
    return float("inf") if r == 1.0 else (1.0 + r) / (1.0 - r)


def _check_one(file: Path, line_file: Path | None, out: Console | None) -> dict[str, Any]:
    if _is_line(file):
        line = load_line(file)
        tags = sum(len(i.tags) for i in line.instrument) + len(line.calculated)
        if out:
            out.print(
                f"{file}: line {line.line.name} is sound: {len(line.instrument)} instruments on "
                f"{len(line.bus)} buses, {tags} tags, {len(line.trip)} trips"
            )
        return {"file": str(file), "line": line.line.name, "tags": tags}
    materials = load_materials()
    line = load_line(line_file or find_line(file))
    recipe = load_recipe(file, line, materials)
    found = check_recipe(recipe, line, materials)
    if out:
        _print_recipe(file, recipe, found, out)
    return {"file": str(file)} | asdict(found)


def _is_line(file: Path) -> bool:
    text = file.read_bytes()[: 1 << 20]
    return b"[[station]]" in text or b"[line]" in text


def _warnings(recipe: Recipe, film: Prediction) -> list[str]:
    low, high = recipe.targets.loh_peel_pct
    at = f"at {film.speed_m_min:g} m/min"
    found = []
    if not low <= film.loh_peel_pct <= high:
        found.append(
            f"loss on heating at peel {film.loh_peel_pct:.1f} % {at} (target {low:g}-{high:g} %)"
        )
    if film.imidization_peel_pct >= PEEL_IMIDIZATION_MAX_PCT:
        found.append(f"imidization at peel {film.imidization_peel_pct:.1f} % {at} (below 20 %)")
    if film.blister_index > BLISTER_WARN:
        found.append(
            f"blister index {film.blister_index:.2f} {at} "
            f"(warn {BLISTER_WARN}, reject {BLISTER_REJECT})"
        )
    return found


def _print_recipe(file: Path, recipe: Recipe, found: RecipeCheck, out: Console) -> None:
    out.print(f"{file}: recipe {recipe.recipe.name} {recipe.recipe.version} is sound")
    for name, ratio in found.stoichiometry.items():
        limit = chain_limit(ratio)
        chains = "no limit" if limit == float("inf") else f"at most {limit:.0f} units a chain"
        out.print(f"  stoichiometry {name}: {ratio:.4f} dianhydride per diamine ({chains})")
    _print_claims(found.claims, out)
    _print_layers(found.layers, out)
    if found.thread and found.run:
        _print_predictions(found.thread, found.run, out)
    else:
        out.print("Loss on heating, imidization, solvent, blisters, LFL: unavailable")
    for warning in found.warnings:
        out.print(f"  warning: {warning}")


def _print_claims(claims: list[Judgement], out: Console) -> None:
    table = Table("claim", "reading", "as written", "because", title="Claims", title_justify="left")
    for item in claims:
        table.add_row(str(item.claim), item.reading, item.verdict.value, item.reason)
    out.print(table)


def _print_layers(layers: dict[str, LayerPrediction], out: Console) -> None:
    title = "Predicted thin layers (mass balance)"
    table = Table("side", "layer", "target", "wet coat", "agent", title=title, title_justify="left")
    for side, layer in layers.items():
        table.add_row(
            side,
            f"{layer.layer_um:.3f} µm",
            f"{layer.target_um:g} ± {layer.tolerance_um:g} µm",
            f"{layer.wet_g_m2:g} g/m² (least {layer.least_wet_g_m2:.1f})",
            f"{layer.agent_mg_m2:.0f} mg/m²",
        )
    out.print(table)


def _print_predictions(thread: Prediction, run: Prediction, out: Console) -> None:
    title = "Predicted from set points (estimated parameters, not measured)"
    table = Table("quantity", title=title, title_justify="left")
    for name, film in (("threading", thread), ("running", run)):
        table.add_column(f"{name}, {film.speed_m_min:g} m/min", justify="right")
    rows = (
        ("loss on heating at peel", "loh_peel_pct", "%"),
        ("imidization at peel", "imidization_peel_pct", "%"),
        ("imidization at tenter exit", "imidization_pct", "%"),
        ("residual solvent at tenter exit", "solvent_wt_pct", "wt%"),
        ("blister index (warn 2.6, reject 3.2)", "blister_index", ""),
    )
    for label, field, unit in rows:
        values = (f"{getattr(film, field):.2f} {unit}" for film in (thread, run))
        table.add_row(label, *values)
    for zone, percent in run.lfl_pct.items():
        cells = (_lfl(film, zone) for film in (thread, run))
        if percent >= 0.05:
            table.add_row(f"LFL in {zone}", *cells)
    out.print(table)


def _lfl(film: Prediction, zone: str) -> str:
    """Percent of LFL at the flow the line will ask for, and at the table's where they differ."""
    text = f"{film.lfl_pct[zone]:.1f} % at {film.flow_nm3_h[zone]:.0f} Nm3/h"
    table = film.lfl_table_pct[zone]
    return text if table - film.lfl_pct[zone] < _SAME_PCT else f"{text} (table flow: {table:.1f} %)"
