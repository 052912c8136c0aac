"""What a recipe puts into the simulated plant: its liquids, and the state of a running line.

The twin's core is one polymer; a recipe with another core cannot be simulated, and is told so
instead of being run on the wrong chemistry.
"""

from __future__ import annotations

from config.loader import Materials
from config.models import Line, Recipe, Side
from config.physics import water_fraction
from controller.film.prediction import set_points
from controller.loops.ratio import ratios
from simulators.options import BadOption
from simulators.twin.actuators import ZONES
from simulators.twin.operating_point import OperatingPoint
from simulators.twin.parameters import Parameters, load_parameters
from simulators.twin.plant import Plant, Start


def plant_for(
    line: Line, recipe: Recipe, materials: Materials, *, seed: int, start: Start
) -> Plant:
    """A simulated plant with this recipe's liquids, at its operating point unless cold.

    Raises:
        BadOption: see ``parameters_for``.
    """
    return Plant(
        parameters_for(recipe, materials),
        seed=seed,
        start=start,
        point=operating_point(line, recipe, materials),
    )


def parameters_for(recipe: Recipe, materials: Materials) -> Parameters:
    """The twin's parameters with the recipe's coating liquid in them.

    Raises:
        BadOption: the twin does not know the recipe's core or solvent, or nothing is known of
            its layer.
    """
    params = load_parameters()
    core = materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
    known = (params.material.name, params.solvent.name)
    asked = (core.name if core else "unknown", recipe.core.solvent)
    if asked != known or recipe.coating.solvent != params.solvent.name:
        raise BadOption(
            f"recipe {recipe.recipe.name}: the simulated plant knows a core of {known[0]} in "
            f"{known[1]} only, not {asked[0]} in {asked[1]} with a coating in "
            f"{recipe.coating.solvent}"
        )
    coating = recipe.coating
    layer = materials.polymer_of(coating.dianhydrides, coating.diamines)
    if layer is None:
        raise BadOption(f"recipe {recipe.recipe.name}: nothing is known of its thin layer")
    liquid = params.coating.model_copy(
        update={
            "solids_paa": coating.precursor_wt_pct / 100.0,
            "solids_agent": coating.agent_wt_pct / 100.0,
            "paa_yield": 1.0 - water_fraction(layer),
            "agent_residue": materials.agents[coating.agent].residue_kg_kg.value,
        }
    )
    material = params.material.model_copy(
        update={"layer_density_kg_m3": layer.imide_density_kg_m3.value}
    )
    return params.model_copy(update={"coating": liquid, "material": material})


def operating_point(line: Line, recipe: Recipe, materials: Materials) -> OperatingPoint:
    """Where a line stands that runs this recipe: its set points at the run speed."""
    settings = recipe.settings
    core = materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
    if core is None:
        raise BadOption(f"recipe {recipe.recipe.name}: nothing is known of its core")
    per_speed = ratios(line, recipe, core, materials.solvents[recipe.core.solvent])
    at = set_points(line, settings, settings.belt_offset_run_k) | {"DIE": settings.die_c}
    speed = settings.run_speed_m_min
    air, belt = (speed * per_speed.coat.get(side, 0.0) for side in (Side.AIR, Side.BELT))
    return OperatingPoint(
        zone_c=tuple(at[name] for name in ZONES),
        speed_m_min=speed,
        draw_md=settings.draw_md,
        pump_rpm=speed * per_speed.pump,
        solids=recipe.core.solids_wt_pct / 100.0,
        coat_ml_min=(air, belt),
    )
