"""Whether a lot is what a recipe wants: by the names of the material files and its sheet.

Tolerances are ours: dope solids within 0.5 wt% of the recipe, precursor and agent of a
coating liquid within 5 % of their value. A finer deviation is the work of the loops.
"""

from __future__ import annotations

from config.loader import Materials
from config.models import Recipe
from controller.materials.lots import Kind, Sheet

SOLIDS_WT_PCT = 0.5
SHARE_PCT = 5.0


def mismatch(sheet: Sheet, recipe: Recipe, materials: Materials) -> str:
    """Why the lot is not what the recipe wants; empty when it is."""
    if sheet.kind is Kind.DOPE:
        return _dope(sheet, recipe, materials)
    if sheet.kind is Kind.COATING:
        return _coating(sheet, recipe, materials)
    return ""


def dope_name(recipe: Recipe, materials: Materials) -> str:
    """Name of the core's polymer; empty when nothing is known of it."""
    polymer = materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
    return polymer.name if polymer else ""


def layer_name(recipe: Recipe, materials: Materials) -> str:
    """Name of the thin layer's polymer; empty when nothing is known of it."""
    polymer = materials.polymer_of(recipe.coating.dianhydrides, recipe.coating.diamines)
    return polymer.name if polymer else ""


def _dope(sheet: Sheet, recipe: Recipe, materials: Materials) -> str:
    core = recipe.core
    wanted = dope_name(recipe, materials)
    if (sheet.what, sheet.solvent) != (wanted, core.solvent):
        return f"it is {sheet.what} in {sheet.solvent}; the recipe wants {wanted} in {core.solvent}"
    if abs(sheet.solids_wt_pct - core.solids_wt_pct) > SOLIDS_WT_PCT:
        return (
            f"it has {sheet.solids_wt_pct:.3g} wt% solids; the recipe wants "
            f"{core.solids_wt_pct:g} ± {SOLIDS_WT_PCT:g}"
        )
    return ""


def _coating(sheet: Sheet, recipe: Recipe, materials: Materials) -> str:
    coating = recipe.coating
    wanted = (layer_name(recipe, materials), coating.solvent, coating.agent)
    if (sheet.what, sheet.solvent, sheet.agent) != wanted:
        return (
            f"it is {sheet.what} with {sheet.agent} in {sheet.solvent}; the recipe wants "
            f"{wanted[0]} with {wanted[2]} in {wanted[1]}"
        )
    for name, value, target in (
        ("precursor", sheet.solids_wt_pct, coating.precursor_wt_pct),
        ("agent", sheet.agent_wt_pct, coating.agent_wt_pct),
    ):
        if abs(value - target) > SHARE_PCT / 100.0 * target + 1e-9:
            limit = f"{target:g}, within {SHARE_PCT:g} % of it"
            return f"it has {value:.3g} wt% {name}; the recipe wants {limit}"
    return ""
