"""What a recipe asks for against what matter and machines can do, by algebra alone.

Nothing here marches a film through the line; that prediction belongs to ``filmline check``.
These are the balances that decide at load whether a recipe can work at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from config.library import Materials
from config.models import CoatedSide, Condition, Line, Polymer, Recipe, Solvent
from config.positions import Path

FULL_IMIDIZATION_C = 370.0  # least maximum heating temperature, process specification 1.1
_FULL_IMIDIZATION_PCT = 99.0
_LAND_M, _GAP_M = 0.040, 0.60e-3  # die slot, process specification 3.2
_VISCOSITY_PA_S = 180.0  # of an 18 wt% dope at 30 degC, process specification 3.2
_COAT_VISCOSITY_PA_S, _COAT_SURFACE_N_M = 0.020, 0.036  # process specification 6
_BELT_SHARE = {"B1": 0.393, "B2": 0.445, "B3": 0.143, "B4": 0.019}  # process specification 4.4
_LFL_LOSS_PER_K = 0.0015  # above 100 degC, pilot line 4
_LFL_TRIP_PCT = 25.0
_OVERFEED = 2.5  # greatest flow of a zone over its table flow, pilot line 2
_MOLAR_VOLUME_NM3 = 0.02406
_GAS_CONSTANT = 8.314
_KELVIN = 273.15


@dataclass(frozen=True)
class Finding:
    """Something out of reach: where the recipe asks for it, and what is possible."""

    path: Path
    message: str
    allowed: str


@dataclass(frozen=True)
class _Job:
    """A recipe with its materials resolved, and the balances that several checks need."""

    recipe: Recipe
    line: Line
    core: Polymer
    layer: Polymer
    solvent: Solvent
    residue_kg_kg: float

    @property
    def precursor_g_m2(self) -> float:
        """Precursor on the belt that becomes the core thickness after draw."""
        draw = self.recipe.settings.draw_md * self.recipe.settings.width_td
        imide = self.recipe.targets.core_um * draw * self.core.imide_density_kg_m3.value / 1e3
        return imide / (1.0 - water_fraction(self.core))

    def dope_ml_min(self, speed_m_min: float) -> float:
        """Dope flow at a line speed."""
        share = self.recipe.core.solids_wt_pct / 100.0
        density = 1.0 / (
            share / self.core.precursor_density_kg_m3.value
            + (1.0 - share) / self.solvent.density_kg_m3.value
        )
        grams = self.precursor_g_m2 / share * self.line.line.web_width_belt_m * speed_m_min
        return grams / density * 1e3


def physics_problems(recipe: Recipe, line: Line, materials: Materials) -> list[Finding]:
    """Everything in a recipe that algebra shows to be out of reach.

    Materials that are not known are not judged here; their references are reported elsewhere.
    """
    core = materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
    layer = materials.polymer_of(recipe.coating.dianhydrides, recipe.coating.diamines)
    solvent = materials.solvents.get(recipe.core.solvent)
    agent = materials.agents.get(recipe.coating.agent)
    if core is None or layer is None or solvent is None or agent is None:
        return []
    job = _Job(recipe, line, core, layer, solvent, agent.residue_kg_kg.value)
    return [
        *_layers(job),
        *_dope(job),
        *_cure(job),
        *_peel_window(job),
        *_vapor(job),
    ]


def water_fraction(polymer: Polymer) -> float:
    """Mass of imidization water per mass of precursor."""
    return 1.0 - polymer.imide_repeat_g_mol.value / polymer.precursor_repeat_g_mol.value


def layer_um(recipe: Recipe, wet_g_m2: float, layer: Polymer, residue_kg_kg: float) -> float:
    """Dry thin layer from a wet coat (process specification 6), um."""
    solid = (
        recipe.coating.precursor_wt_pct * (1.0 - water_fraction(layer))
        + recipe.coating.agent_wt_pct * residue_kg_kg
    ) / 100.0
    return wet_g_m2 * solid / layer.imide_density_kg_m3.value * 1e3


def least_wet_um(speed_m_min: float) -> float:
    """Thinnest wet coat a slot bead holds at a line speed (process specification 6), um."""
    capillary = _COAT_VISCOSITY_PA_S * speed_m_min / 60.0 / _COAT_SURFACE_N_M
    power: float = 0.67 * capillary ** (2.0 / 3.0)
    head_um = 100.0 if speed_m_min < 5.0 else 75.0
    return head_um * power / (1.0 + power)


# --- checks ----------------------------------------------------------------------------------


def _layers(job: _Job) -> Iterator[Finding]:
    speed = job.recipe.settings.run_speed_m_min
    for i, coat in enumerate(job.recipe.coated):
        dry = layer_um(job.recipe, coat.wet_g_m2, job.layer, job.residue_kg_kg)
        if abs(dry - coat.layer_um) > coat.tolerance_um:
            yield Finding(
                ("coated", i, "wet_g_m2"),
                f"dries to a layer of {dry:.3f} um, not {coat.layer_um:g} um",
                f"about {coat.wet_g_m2 * coat.layer_um / dry:.2f} g/m2",
            )
        else:
            yield from _bead(job, i, coat, speed)


def _bead(job: _Job, i: int, coat: CoatedSide, speed: float) -> Iterator[Finding]:
    density = job.solvent.density_kg_m3.value
    wet, least = coat.wet_g_m2 / density * 1e3, least_wet_um(speed)
    if wet < least:
        yield Finding(
            ("coated", i, "wet_g_m2"),
            f"a wet coat of {wet:.1f} um breaks up at {speed:g} m/min",
            f"at least {least * density / 1e3:.2f} g/m2; a thinner solution needs more of it",
        )
    flow = coat.wet_g_m2 * job.line.line.coat_width_m * speed / density * 1e3
    most = _greatest(job.line, "FIC-301A.SP" if coat.side == "air" else "FIC-301B.SP")
    if most is not None and flow > most:
        yield Finding(
            ("coated", i, "wet_g_m2"),
            f"needs {flow:.1f} mL/min of coating at {speed:g} m/min",
            f"the feed gives at most {most:g} mL/min",
        )


def _dope(job: _Job) -> Iterator[Finding]:
    speed = job.recipe.settings.run_speed_m_min
    flow = job.dope_ml_min(speed)
    rpm = flow / job.line.line.pump_cc_per_rev
    most = _greatest(job.line, "SIC-110.SP")
    if most is not None and rpm > most:
        yield Finding(
            ("settings", "run_speed_m_min"),
            f"needs {rpm:.1f} rpm of the dope pump for {job.recipe.targets.core_um:g} um "
            f"from {job.recipe.core.solids_wt_pct:g} wt%",
            f"the pump gives at most {most:g} rpm: slower than {speed * most / rpm:.2f} m/min, "
            "a thinner core or more solids",
        )
        return
    pressure = die_pressure_mpa(job.recipe, flow, job.line.line.web_width_die_m)
    limit = _trip_above(job.line, "PIT-110.PV")
    if limit is not None and pressure > limit:
        yield Finding(
            ("core", "solids_wt_pct"),
            f"die pressure would be about {pressure:.1f} MPa (estimated viscosity)",
            f"the pump trips at {limit:g} MPa: fewer solids, warmer dope or a slower line",
        )


def die_pressure_mpa(recipe: Recipe, flow_ml_min: float, width_m: float) -> float:
    """Pressure drop of the die slot (process specification 3.2; estimated viscosity), MPa."""
    kelvin = recipe.core.temperature_c + _KELVIN
    viscosity: float = (
        _VISCOSITY_PA_S
        * (recipe.core.solids_wt_pct / 18.0) ** 5.5
        * math.exp(30e3 / _GAS_CONSTANT * (1.0 / kelvin - 1.0 / 303.15))
    )
    flow = flow_ml_min * 1e-6 / 60.0
    shear = 6.0 * flow / (width_m * _GAP_M**2)
    apparent: float = viscosity * (1.0 + (0.02 * shear) ** 2) ** -0.05
    return 12.0 * apparent * flow * _LAND_M / (width_m * _GAP_M**3) / 1e6


def _cure(job: _Job) -> Iterator[Finding]:
    hottest = max(job.recipe.settings.tenter_c)
    wanted = job.recipe.targets.imidization_min_pct
    if wanted >= _FULL_IMIDIZATION_PCT and hottest < FULL_IMIDIZATION_C:
        yield Finding(
            ("settings", "tenter_c", job.recipe.settings.tenter_c.index(hottest)),
            f"the hottest zone cannot reach {wanted:g} % imidization",
            f"at least {FULL_IMIDIZATION_C:g} degC in one zone",
        )


def _peel_window(job: _Job) -> Iterator[Finding]:
    water = 100.0 * water_fraction(job.core)
    solids = job.recipe.core.solids_wt_pct
    dope = 100.0 - solids * (1.0 - water_fraction(job.core))
    low, high = job.recipe.targets.loh_peel_pct
    if high <= water or low >= dope:
        yield Finding(
            ("targets", "loh_peel_pct"),
            "no film of this dope has such a loss on heating",
            f"between {water:.1f} % (dry precursor) and {dope:.1f} % (fresh dope)",
        )


def _vapor(job: _Job) -> Iterator[Finding]:
    settings, share = job.recipe.settings, job.recipe.core.solids_wt_pct / 100.0
    fresh = job.precursor_g_m2 * (1.0 - share) / share
    loss = job.recipe.targets.loh_peel_pct[1] / 100.0
    imide = job.precursor_g_m2 * (1.0 - water_fraction(job.core))
    left = max(0.0, imide / (1.0 - loss) - job.precursor_g_m2)
    kg_h = (fresh - left) / 1e3 * job.line.line.web_width_belt_m * settings.run_speed_m_min * 60.0
    for zone in job.line.zone:
        part = _BELT_SHARE.get(zone.name)
        if part is None or zone.table_flow_nm3_h is None:
            continue
        molar_mass = job.solvent.molar_mass_g_mol.value / 1e3
        volume_pct = 100.0 * part * kg_h / molar_mass * _MOLAR_VOLUME_NM3
        volume_pct /= _OVERFEED * zone.table_flow_nm3_h
        limit = job.solvent.lfl_vol_pct.value
        limit *= 1.0 - _LFL_LOSS_PER_K * max(0.0, zone.maximum_c - 100.0)
        lfl_pct = 100.0 * volume_pct / limit
        if lfl_pct >= _LFL_TRIP_PCT:
            yield Finding(
                ("settings", "run_speed_m_min"),
                f"{zone.name} would stand at {lfl_pct:.0f} % of the flammability limit "
                "with its fan at full speed",
                f"below {_LFL_TRIP_PCT:g} %: slower than "
                f"{settings.run_speed_m_min * _LFL_TRIP_PCT / lfl_pct:.2f} m/min",
            )
            return


# --- helpers ---------------------------------------------------------------------------------


def _greatest(line: Line, name: str) -> float | None:
    for instrument in line.instrument:
        for tag in instrument.tags:
            if tag.name == name and tag.write is not None:
                return tag.write.range[1]
    return None


def _trip_above(line: Line, tag: str) -> float | None:
    """Lowest limit of the plain trips on a tag."""
    limits = [
        condition.above
        for condition in (trip.when for trip in line.trip)
        if _plain(condition, tag) and condition.above is not None
    ]
    return min(limits, default=None)


def _plain(condition: Condition, tag: str) -> bool:
    return condition.tag == tag
