"""How fast a tank empties at the run speed, and for how long the roll still needs it.

Predictions from the recipe: the ratios of pump and feed to the line speed, and the time until
the last meter of the roll is wound. Before collecting, the way there is an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.loader import Materials
from config.models import Line, Recipe
from controller.loops.ratio import ratios
from controller.materials.lots import Kind, Sheet

GEL_IN_BAND_S = 300.0
TUNING_S = 1800.0  # from coated film at the gauges to collecting: an estimate


@dataclass(frozen=True, slots=True)
class Need:
    """What a recipe asks of one tank.

    Attributes:
        used: the recipe takes anything from it at all.
        cc_per_min: at the run speed.
    """

    used: bool
    cc_per_min: float


def density_kg_cc(sheet: Sheet, materials: Materials) -> float:
    """Density of a solution, kg/cm3, by volumes of precursor and solvent (process 2)."""
    solvent = materials.solvents[sheet.solvent].density_kg_m3.value
    polymer = materials.polymers[sheet.what].precursor_density_kg_m3.value
    share = (sheet.solids_wt_pct + sheet.agent_wt_pct) / 100.0
    return 1e-6 / (share / polymer + (1.0 - share) / solvent)


def is_fluid(sheet: Sheet) -> bool:
    """Whether the lot flows and has a density of its own."""
    return sheet.kind in {Kind.DOPE, Kind.COATING}


def needs(line: Line, recipe: Recipe, materials: Materials) -> dict[str, Need]:
    """What the recipe asks of each tank of the line."""
    core = materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
    if core is None:
        return {tank.name: Need(used=True, cc_per_min=0.0) for tank in line.tank}
    values = ratios(line, recipe, core, materials.solvents[recipe.core.solvent])
    speed = recipe.settings.run_speed_m_min
    found = {}
    for tank in line.tank:
        if tank.holds == "dope":
            found[tank.name] = Need(used=True, cc_per_min=values.pump * tank.cc_per_unit * speed)
        elif tank.holds == "coating":
            coat = {side: rate for side, rate in values.coat.items() if side is tank.side}
            found[tank.name] = Need(bool(coat), sum(coat.values()) * speed)
        else:
            found[tank.name] = Need(used=True, cc_per_min=0.0)
    return found


def needed_s(
    line: Line, recipe: Recipe, cast_m: float, roll_m: float, rolls_done: int = 0
) -> float:
    """Seconds until the last meter of the recipe is wound, at the run speed.

    ``cast_m`` are the meters cast since the run began, ``roll_m`` those on the present roll.
    """
    settings = recipe.settings
    wanted = settings.roll_length_m * (settings.rolls - rolls_done)
    left_min = max(0.0, wanted - roll_m) / settings.run_speed_m_min
    if roll_m > 0.0 or rolls_done > 0:
        return left_min * 60.0
    length = max(station.at_m for station in line.station)
    way_min = length / settings.run_speed_m_min
    if not cast_m > 0.0:
        change = abs(settings.run_speed_m_min - settings.thread_speed_m_min)
        way_min += length / settings.thread_speed_m_min
        way_min += change / settings.speed_ramp_m_min_per_min
    return (left_min + way_min) * 60.0 + GEL_IN_BAND_S + TUNING_S
