"""What control takes from a recipe's own film instead of from the reference run.

The same prediction as in ``filmline check``, condensed to the numbers that loops, gel gauge and
exhaust need: imidization at peel, how the belt moves the loss on heating, and where the solvent
leaves the film. A core without kinetics has none of it; then stoichiometry and the reference
run stand in, and nothing is taken from another chemistry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.models import Line, Polymer, Recipe, Solvent
from controller.film.model import FilmModel
from controller.film.prediction import Prediction, march_all
from controller.solvent import (
    REFERENCE_SHARES,
    Shares,
    coat_solvent_kg_h,
    dope_solvent_kg_h,
)

LOH_PER_K = -0.35  # points per K of B3 and B4 in the reference run
_STEP_S = 2.0  # coarse: peel loss on heating within 0.05 point
_MOVE_K = 3.0
_LATE_ZONES = 2  # belt zones that the loss-on-heating loop trims


@dataclass(frozen=True)
class Guide:
    """Numbers of one recipe.

    Attributes:
        imidization_peel: predicted at peel, 0..1; 0 when it cannot be predicted.
        loh_per_k: points of loss on heating at peel per kelvin of the last two belt zones.
        shares: of dope and coating solvent that leave in each zone, at most.
    """

    imidization_peel: float = 0.0
    loh_per_k: float = LOH_PER_K
    shares: Shares = REFERENCE_SHARES


def guide_for(recipe: Recipe, line: Line, core: Polymer, solvent: Solvent) -> Guide:
    """Predict what control needs; the defaults when the core has no kinetics."""
    if core.kinetics is None:
        return Guide()
    model = FilmModel(core, solvent)
    settings = recipe.settings
    run = (settings.run_speed_m_min, settings.belt_offset_run_k)
    bare = recipe.model_copy(update={"coated": ()})
    moved = (_late_belt(recipe, -_MOVE_K), _late_belt(recipe, _MOVE_K))
    coated, uncoated, cooler, hotter = march_all(
        (recipe, bare, *moved), line, model, *run, step_s=_STEP_S
    )
    slope = (hotter.loh_peel_pct - cooler.loh_peel_pct) / (2.0 * _MOVE_K)
    return Guide(
        imidization_peel=coated.imidization_peel_pct / 100.0,
        loh_per_k=slope if slope < 0.0 else LOH_PER_K,
        shares=_shares(recipe, line, model, coated, uncoated),
    )


def _late_belt(recipe: Recipe, kelvin: float) -> Recipe:
    belt = recipe.settings.belt_c
    moved = (*belt[:-_LATE_ZONES], *(value + kelvin for value in belt[-_LATE_ZONES:]))
    settings = recipe.settings.model_copy(update={"belt_c": moved})
    return recipe.model_copy(update={"settings": settings})


def _shares(
    recipe: Recipe, line: Line, model: FilmModel, coated: Prediction, uncoated: Prediction
) -> Shares:
    """The more that leaves in each zone: in the reference run, or of this film at run speed."""
    dope = _fed_kg_h(recipe, line, model, coated.speed_m_min)
    coat = _coated_kg_h(recipe, line, coated.speed_m_min)
    bare, wet = uncoated.evaporation_kg_h, coated.evaporation_kg_h
    return Shares(
        dope=_most(REFERENCE_SHARES.dope, {zone: kg_h / dope for zone, kg_h in bare.items()}),
        coat=_most(
            REFERENCE_SHARES.coat,
            {zone: max(0.0, kg_h - bare[zone]) / coat for zone, kg_h in wet.items()},
        ),
    )


def _fed_kg_h(recipe: Recipe, line: Line, model: FilmModel, speed_m_min: float) -> float:
    """Solvent in the dope that makes the recipe's core, as the exhaust computes it."""
    solids = recipe.core.solids_wt_pct / 100.0
    draw = recipe.settings.draw_md * recipe.settings.width_td
    imide = recipe.targets.core_um * 1e-6 * draw * model.polymer.imide_density_kg_m3.value
    dope_kg_m2 = imide / (1.0 - model.water_fraction) / solids
    density = 1.0 / (
        solids / model.polymer.precursor_density_kg_m3.value
        + (1.0 - solids) / model.solvent.density_kg_m3.value
    )
    cc_min = dope_kg_m2 / density * line.line.web_width_belt_m * speed_m_min * 1e6
    return dope_solvent_kg_h(
        cc_min / line.line.pump_cc_per_rev, line.line.pump_cc_per_rev, recipe.core.solids_wt_pct
    )


def _coated_kg_h(recipe: Recipe, line: Line, speed_m_min: float) -> float:
    """Coating liquid of all sides, counted as solvent, as the exhaust computes it."""
    wet_g_m2 = sum(coat.wet_g_m2 for coat in recipe.coated)
    ml_min = wet_g_m2 * line.line.coat_width_m * speed_m_min / 0.937
    return coat_solvent_kg_h(ml_min)


def _most(reference: Mapping[str, float], own: Mapping[str, float]) -> dict[str, float]:
    zones = dict.fromkeys((*reference, *own))
    return {zone: max(reference.get(zone, 0.0), own.get(zone, 0.0)) for zone in zones}
