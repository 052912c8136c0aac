"""What the film will be at given set points, before any heat: the numbers of ``filmline check``.

A single cell marches along the line at constant speed through zones at their set points.
Everything here is a prediction with estimated parameters (process specification 4, and the
pilot line's free spans); it is never a measurement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from config.models import Line, Polymer, Recipe, Settings, Side, Solvent, Zone
from controller.film.model import KELVIN, Array, FilmModel, FilmState, Surroundings

_STEP_S = 0.5
_FIRST_BELT_ZONE_ENDS_M = 3.0  # B1: air 10 K over the belt, h 15; later zones 5 K, h 20
ROOM_K = 25.0 + KELVIN
_BELT_SHARE = (0.6, 0.8, 1.0, 1.0)  # share of the belt offset taken by B1..B4
_HEADS = {Side.AIR: "COAT_A", Side.BELT: "COAT_B"}
MOLAR_VOLUME_NM3 = 0.02406  # m3/mol at 20 degC, as the process specification counts flow
LFL_SLOPE_PER_K = 0.0015  # loss of LFL above 100 degC used for trips, pilot line 4


@dataclass(frozen=True)
class Segment:
    """A length of path with constant surroundings; ``zone`` is empty in a free span."""

    zone: str
    from_m: float
    to_m: float
    around: Surroundings
    solvent_added: Array | float = 0.0  # kg/m2 taken up at its start


@dataclass(frozen=True)
class Prediction:
    """Predicted film at one speed.

    Attributes:
        loh_peel_pct, imidization_peel_pct: at the peel roll.
        imidization_pct, solvent_wt_pct: after the last tenter zone.
        blister_index: greatest activity x vapor pressure / 1 atm while less than half imidized.
        thickness_um: film without draw change.
        evaporation_kg_h: per zone. lfl_pct: per zone with exhaust, of the trip LFL, at the
            flow the line would ask for. flow_nm3_h: that flow. lfl_table_pct: at the flow of
            the zone's table, for comparison.
    """

    speed_m_min: float
    loh_peel_pct: float
    imidization_peel_pct: float
    imidization_pct: float
    solvent_wt_pct: float
    blister_index: float
    thickness_um: float
    evaporation_kg_h: dict[str, float]
    flow_nm3_h: dict[str, float]
    lfl_pct: dict[str, float]
    lfl_table_pct: dict[str, float]


def belt_temperatures(settings: Settings, offset_k: float) -> tuple[float, ...]:
    """Belt zone set points for a belt offset (applied 0.6, 0.8, 1, 1), degC."""
    return tuple(
        base + share * offset_k for base, share in zip(settings.belt_c, _BELT_SHARE, strict=True)
    )


def set_points(line: Line, settings: Settings, offset_k: float) -> dict[str, float]:
    """Set point of each heated zone of the film path, degC."""
    by_kind = {
        "belt": list(belt_temperatures(settings, offset_k)),
        "dryer": [settings.dryer_c],
        "tenter": list(settings.tenter_c),
        "cooler": [settings.cooler_c],
    }
    found: dict[str, float] = {}
    for kind, values in by_kind.items():
        zones = sorted((z for z in line.zone if z.kind == kind), key=lambda z: z.from_m)
        found |= {z.name: value for z, value in zip(zones, values, strict=True)}
    return found


def path(line: Line, recipe: Recipe, offset_k: float, cuts: Iterable[float] = ()) -> list[Segment]:
    """Zones and free spans from die to cooler exit, in order, at the recipe's set points.

    Free spans end where a head adds solvent, and at the meters of ``cuts``.
    """
    heads = dict.fromkeys(cuts, 0.0) | _heads(line, recipe)
    temperatures = set_points(line, recipe.settings, offset_k)
    segments: list[Segment] = []
    reached = 0.0
    for zone in sorted((z for z in line.zone if z.name in temperatures), key=lambda z: z.from_m):
        segments += _free_spans(reached, zone.from_m, heads)
        around = surroundings(zone, temperatures[zone.name] + KELVIN)
        segments.append(Segment(zone.name, zone.from_m, zone.to_m, around))
        reached = zone.to_m
    return segments


def surroundings(zone: Zone, temperature_k: Array | float) -> Surroundings:
    """What film feels in a zone whose loop reads ``temperature_k`` (belt surface, or air)."""
    if zone.kind == "belt":
        first = zone.from_m < _FIRST_BELT_ZONE_ENDS_M
        air = temperature_k + (10.0 if first else 5.0)
        convection = 15.0 if first else 20.0
        return Surroundings(1, convection, 300.0, air, temperature_k, 0.002, radiation=False)
    if zone.kind == "tenter":
        return Surroundings(2, 25.0, 0.0, temperature_k, 300.0, 0.0008, radiation=True)
    if zone.kind == "dryer":
        return Surroundings(2, 25.0, 0.0, temperature_k, 300.0, 0.001, radiation=False)
    return Surroundings(2, 40.0, 0.0, temperature_k, 300.0, 0.0, radiation=False)


def predict(
    recipe: Recipe,
    line: Line,
    polymer: Polymer,
    solvent: Solvent,
    speed_m_min: float,
    offset_k: float,
) -> Prediction:
    """March one cell from die to tenter exit.

    Raises:
        ValueError: the polymer has no kinetics.
    """
    return march(recipe, line, FilmModel(polymer, solvent), speed_m_min, offset_k)


def march(
    recipe: Recipe,
    line: Line,
    model: FilmModel,
    speed_m_min: float,
    offset_k: float,
    *,
    step_s: float = _STEP_S,
) -> Prediction:
    """March one cell of a known chemistry; ``step_s`` up to 2 s costs little accuracy."""
    return march_all([recipe], line, model, speed_m_min, offset_k, step_s=step_s)[0]


def march_all(
    recipes: Sequence[Recipe],
    line: Line,
    model: FilmModel,
    speed_m_min: float,
    offset_k: float,
    *,
    step_s: float = _STEP_S,
) -> list[Prediction]:
    """March one cell a recipe side by side, which takes hardly longer than one."""
    state = _fresh(recipes, model)
    belt_width, tenter_width = line.line.web_width_belt_m, line.line.web_width_tenter_m
    evaporated: dict[str, Array] = {}
    nothing = np.full(len(recipes), np.nan)
    peel = (nothing, nothing)
    final = (np.zeros(len(recipes)),) * 3
    peel_m, peeled = station_m(line, "PEEL"), False
    for segment in _joint_path(line, recipes, offset_k):
        if not peeled and segment.to_m >= peel_m:
            peel = (100.0 * model.loss_on_heating(state), 100.0 * model.imidization(state))
            peeled = True
        before = state.evaporated
        _march(model, state, segment, speed_m_min, step_s)
        if segment.zone:
            width = belt_width if segment.from_m < peel_m else tenter_width
            evaporated[segment.zone] = (state.evaporated - before) * width * speed_m_min * 60.0
        if segment.zone.startswith("T"):
            final = (
                100.0 * model.imidization(state),
                100.0 * model.solvent_fraction(state),
                model.thickness(state) * 1e6,
            )
    return [
        _prediction(
            line,
            model.solvent,
            speed_m_min,
            {zone: float(kg_h[cell]) for zone, kg_h in evaporated.items()},
            [float(values[cell]) for values in (*peel, *final, state.blister)],
        )
        for cell in range(len(recipes))
    ]


def _prediction(
    line: Line,
    solvent: Solvent,
    speed_m_min: float,
    evaporated: dict[str, float],
    film: Sequence[float],
) -> Prediction:
    """What one cell came to, and the exhaust it wants."""
    loh_peel, imidization_peel, imidization, solvent_wt, thickness, blister = film
    flows = {z.name: required_flow(z, evaporated.get(z.name, 0.0), solvent) for z in line.zone
             if z.table_flow_nm3_h is not None}  # fmt: skip
    return Prediction(
        speed_m_min=speed_m_min,
        loh_peel_pct=loh_peel,
        imidization_peel_pct=imidization_peel,
        imidization_pct=imidization,
        solvent_wt_pct=solvent_wt,
        blister_index=blister,
        thickness_um=thickness,
        evaporation_kg_h=evaporated,
        flow_nm3_h=flows,
        lfl_pct={
            z.name: lfl_percent(z, evaporated.get(z.name, 0.0), flows[z.name], solvent)
            for z in line.zone
            if z.name in flows
        },
        lfl_table_pct={
            z.name: lfl_percent(z, evaporated.get(z.name, 0.0), z.table_flow_nm3_h, solvent)
            for z in line.zone
            if z.table_flow_nm3_h is not None
        },
    )


def fresh_film(recipe: Recipe, model: FilmModel) -> FilmState:
    """Film at the die lip that will become ``core_um`` of polyimide without draw."""
    core = recipe.core
    draw = recipe.settings.draw_md * recipe.settings.width_td
    imide = recipe.targets.core_um * 1e-6 * draw * model.polymer.imide_density_kg_m3.value
    precursor = imide / (1.0 - model.water_fraction)
    solids = core.solids_wt_pct / 100.0
    return model.start(
        np.array([precursor]),
        np.array([precursor * (1.0 - solids) / solids]),
        core.temperature_c + KELVIN,
    )


def lfl_limit_vol_pct(zone: Zone, solvent: Solvent) -> float:
    """LFL of the solvent fixed from the zone's maximum temperature (pilot line 4), vol %."""
    above = max(0.0, zone.maximum_c - 100.0)
    return solvent.lfl_vol_pct.value * (1.0 - LFL_SLOPE_PER_K * above)


def lfl_percent(zone: Zone, evaporation_kg_h: float, flow_nm3_h: float, solvent: Solvent) -> float:
    """Steady vapor concentration as percent of the trip LFL."""
    moles_h = evaporation_kg_h / (solvent.molar_mass_g_mol.value / 1e3)
    volume_pct = 100.0 * moles_h * MOLAR_VOLUME_NM3 / flow_nm3_h
    return 100.0 * volume_pct / lfl_limit_vol_pct(zone, solvent)


def required_flow(
    zone: Zone, evaporation_kg_h: float, solvent: Solvent, limit_pct: float = 12.0
) -> float:
    """Exhaust the line asks for: table, minimum, or the flow that dilutes to 12 % of LFL."""
    table = zone.table_flow_nm3_h or 0.0
    diluting = lfl_percent(zone, evaporation_kg_h, 1.0, solvent) / limit_pct
    return max(table, zone.minimum_flow_nm3_h or 0.0, diluting)


# --- helpers ---------------------------------------------------------------------------------


def _march(
    model: FilmModel, state: FilmState, segment: Segment, speed_m_min: float, step_s: float
) -> None:
    if np.any(segment.solvent_added):
        model.feed_solvent(state, segment.solvent_added)
    seconds = (segment.to_m - segment.from_m) / speed_m_min * 60.0
    steps = max(1, round(seconds / step_s))
    for _ in range(steps):
        model.step(state, segment.around, seconds / steps)


def _heads(line: Line, recipe: Recipe) -> dict[float, float]:
    """Meters of the heads that coat, and the solvent each adds, kg/m2."""
    solids = recipe.coating.precursor_wt_pct + recipe.coating.agent_wt_pct
    return {
        station_m(line, _HEADS[coat.side]): coat.wet_g_m2 / 1e3 * (1.0 - solids / 100.0)
        for coat in recipe.coated
    }


def _fresh(recipes: Sequence[Recipe], model: FilmModel) -> FilmState:
    films = [fresh_film(recipe, model) for recipe in recipes]
    return model.start(
        np.concatenate([film.precursor for film in films]),
        np.concatenate([film.solvent for film in films]),
        np.concatenate([film.temperature for film in films]),
    )


def _joint_path(line: Line, recipes: Sequence[Recipe], offset_k: float) -> list[Segment]:
    """The paths of several recipes in one: surroundings with a value a recipe."""
    cuts = {at for recipe in recipes for at in _heads(line, recipe)}
    paths = [path(line, recipe, offset_k, cuts) for recipe in recipes]
    return [_joined(segments) for segments in zip(*paths, strict=True)]


def _joined(segments: Sequence[Segment]) -> Segment:
    around = replace(
        segments[0].around,
        air_k=np.array([segment.around.air_k for segment in segments]),
        belt_k=np.array([segment.around.belt_k for segment in segments]),
    )
    added = np.array([segment.solvent_added for segment in segments])
    return replace(segments[0], around=around, solvent_added=added)


def _free_spans(start: float, end: float, heads: dict[float, float]) -> list[Segment]:
    """Free spans from ``start`` to ``end``, cut where a coating head adds solvent."""
    if end <= start:
        return []
    sides = 1 if start < _FIRST_BELT_ZONE_ENDS_M else 2
    around = Surroundings(sides, 10.0, 0.0, ROOM_K, ROOM_K, 0.0, radiation=False)
    cuts = [start, *sorted(at for at in heads if start < at < end), end]
    return [Segment("", a, b, around, heads.get(a, 0.0)) for a, b in pairwise(cuts)]


def station_m(line: Line, name: str) -> float:
    """Meters of a station from the die lip.

    Raises:
        ValueError: the line has no such station.
    """
    found = [station.at_m for station in line.station if station.name == name]
    if not found:
        raise ValueError(f"the line has no station {name}")
    return found[0]
