"""Drying and imidization of the film as a soft sensor sees it: measured inputs, stated laws.

One step function over any number of film cells at once. Laws and parameters: process
specification 4.1-4.3 (engineering estimates; a laboratory recalibrates them). The polymer's
own numbers come from ``config/materials``; a polymer without kinetics has no model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.models import Polymer, Solvent

Array = NDArray[np.float64]

GAS = 8.314462
AMBIENT_PA = 101_325.0
KELVIN = 273.15
WATER_HEAT_J_KG = 2.3e6


@dataclass(frozen=True)
class DryingLaw:
    """Parameters of evaporation and diffusion (process specification 4.1), all estimates."""

    diffusion_reference: float = 1e-13  # m2/s at 413.15 K, dry, unimidized
    diffusion_limit: float = 1.5e-9
    diffusion_activation: float = 60e3  # J/mol
    diffusion_swelling: float = 13.0  # per unit solvent fraction
    diffusion_stiffening: float = 1.5  # per unit imidization
    skin: float = 0.5
    chi_zero: float = -0.5
    chi_slope: float = 1.3
    trapped_fraction: float = 0.010  # of precursor mass, trapped as p goes 0.3 -> 0.9
    trapped_rate: float = 1.67e10  # 1/s
    trapped_activation: float = 150e3  # J/mol
    solvent_cp: float = 2020.0
    solids_cp: float = 1250.0


@dataclass(frozen=True)
class Surroundings:
    """What a film cell feels during one step; scalars or arrays over cells.

    Attributes:
        sides: open faces (1 on the belt, 2 in air).
        convection: W/m2K; belt_contact: W/m2K to the steel, 0 elsewhere.
        air_k, belt_k: K.
        vapor: solvent mole fraction of the air.
        radiation: whether walls at air temperature radiate (tenter).
    """

    sides: float
    convection: float
    belt_contact: float
    air_k: Array | float
    belt_k: Array | float
    vapor: float
    radiation: bool


@dataclass
class FilmState:
    """State of film cells per square meter; every array has one value a cell.

    Attributes:
        precursor: kg/m2 of polyamic acid fed. solvent: mobile; trapped: in kg/m2.
        conversions: one row per kinetic population, 0..1.
        temperature: K. evaporated: kg/m2 since the start.
    """

    precursor: Array
    solvent: Array
    temperature: Array
    trapped: Array = field(init=False)
    conversions: Array = field(init=False)
    evaporated: Array = field(init=False)
    blister: Array = field(init=False)

    def __post_init__(self) -> None:
        shape = self.precursor.shape
        self.trapped = np.zeros(shape)
        self.conversions = np.zeros((0, *shape))
        self.evaporated = np.zeros(shape)
        self.blister = np.zeros(shape)


class FilmModel:
    """Steps film cells of one polymer and solvent.

    Raises:
        ValueError: the polymer has no kinetics, so nothing about it can be predicted.
    """

    def __init__(self, polymer: Polymer, solvent: Solvent, law: DryingLaw | None = None) -> None:
        if polymer.kinetics is None:
            raise ValueError(f"{polymer.name} has no kinetics: imidization is unavailable")
        self.polymer = polymer
        self.solvent = solvent
        self.law = law or DryingLaw()
        kinetics = polymer.kinetics
        self._weights = np.array(kinetics.weight)
        self._activation = np.array(kinetics.activation_kj_mol) * 1e3
        self._kinetics = kinetics
        self.water_fraction = 1.0 - (
            polymer.imide_repeat_g_mol.value / polymer.precursor_repeat_g_mol.value
        )
        self._solvent_density = solvent.density_kg_m3.value
        self._precursor_density = polymer.precursor_density_kg_m3.value
        self._imide_density = polymer.imide_density_kg_m3.value
        self._molar_mass = solvent.molar_mass_g_mol.value / 1e3
        self._antoine = solvent.antoine

    def with_law(self, law: DryingLaw) -> FilmModel:
        """The same chemistry with another drying law."""
        return FilmModel(self.polymer, self.solvent, law)

    def start(self, precursor: Array, solvent: Array, temperature_k: Array | float) -> FilmState:
        """State of freshly cast film: kg/m2 of precursor and solvent, and its temperature."""
        state = FilmState(
            precursor.astype(float), solvent.astype(float), np.full(precursor.shape, temperature_k)
        )
        state.conversions = np.zeros((self._weights.size, *precursor.shape))
        return state

    # --- derived -----------------------------------------------------------------------------

    def imidization(self, state: FilmState) -> Array:
        """Degree of imidization, 0..1."""
        return np.asarray(self._weights @ state.conversions, dtype=float)

    def solids(self, state: FilmState) -> Array:
        """Polymer mass now, kg/m2 (precursor less the water of imidization)."""
        return self._solids(state, self.imidization(state))

    def _solids(self, state: FilmState, p: Array) -> Array:
        return np.asarray(state.precursor * (1.0 - self.water_fraction * p), dtype=float)

    def solvent_fraction(self, state: FilmState) -> Array:
        """All solvent over all mass, 0..1."""
        return _solvent_share(state, self.solids(state))

    def loss_on_heating(self, state: FilmState) -> Array:
        """Mass lost when heated until fully imidized and dry, 0..1 (process spec. 4)."""
        final = state.precursor * (1.0 - self.water_fraction)
        return 1.0 - final / (state.solvent + state.trapped + self.solids(state))

    def thickness(self, state: FilmState) -> Array:
        """Film thickness, m."""
        p = self.imidization(state)
        return self._thickness(state, p, self._solids(state, p))

    def _thickness(self, state: FilmState, p: Array, solids: Array) -> Array:
        density = self._precursor_density + (self._imide_density - self._precursor_density) * p
        return (state.solvent + state.trapped) / self._solvent_density + solids / density

    def vapor_pressure(self, temperature: Array) -> Array:
        """Saturation pressure of the solvent, Pa."""
        a, b, c = self._antoine
        return np.exp(a - b / (temperature - c))

    def heat_of_vaporization(self, temperature: Array) -> Array:
        """J/kg, from the slope of the vapor pressure (temperature clipped at 600 K)."""
        _, b, c = self._antoine
        t = np.minimum(temperature, 600.0)
        return np.asarray(b * GAS * (t / (t - c)) ** 2 / self._molar_mass, dtype=float)

    # --- one step ----------------------------------------------------------------------------

    def step(self, state: FilmState, around: Surroundings, dt: Array | float) -> None:
        """Advance every cell by ``dt`` seconds (at most 2 s for printed accuracy)."""
        p = self.imidization(state)
        solids = self._solids(state, p)
        flux, activity = self._evaporation(state, around, p, solids)
        safe = np.maximum(state.solvent, 1e-12)
        lost = state.solvent * -np.expm1(-flux * dt / safe)
        state.solvent = state.solvent - lost
        early = p < 0.5
        pressure = activity * self.vapor_pressure(state.temperature) / AMBIENT_PA
        state.blister = np.maximum(state.blister, np.where(early, pressure, 0.0))
        self._imidize(state, solids, dt)
        now = self.imidization(state)
        water = state.precursor * self.water_fraction * (now - p)
        freed = self._release_trapped(state, p, now, dt)
        state.evaporated = state.evaporated + lost + freed
        self._heat(state, around, solids, (lost + freed) / dt, water / dt, dt)

    def _evaporation(
        self, state: FilmState, around: Surroundings, p: Array, solids: Array
    ) -> tuple[Array, Array]:
        law, t = self.law, state.temperature
        w = state.solvent / (state.solvent + solids)
        by_solvent = w / self._solvent_density
        phi = by_solvent / (by_solvent + (1.0 - w) / self._precursor_density)
        rest = 1.0 - phi
        chi = law.chi_zero + law.chi_slope * p
        activity = np.minimum(phi * np.exp(rest + chi * rest**2), 1.0)
        air_heat = 1.177 * 1007.0 * 300.0 / around.air_k
        transfer = around.convection / air_heat * 0.543
        drive = np.maximum(activity * self.vapor_pressure(t) - around.vapor * AMBIENT_PA, 0.0)
        gas = around.sides * transfer * drive * self._molar_mass / (GAS * t)
        diffusion = np.minimum(
            law.diffusion_limit,
            law.diffusion_reference
            * np.exp(
                -law.diffusion_activation / GAS * (1.0 / t - 1.0 / 413.15)
                + law.diffusion_swelling * w
                - law.diffusion_stiffening * p
            ),
        )
        film = (
            around.sides**2 * 2.47 * law.skin * diffusion * state.solvent
            / self._thickness(state, p, solids) ** 2
        )  # fmt: skip
        return np.asarray(gas * film / np.maximum(gas + film, 1e-30)), activity

    def _imidize(self, state: FilmState, solids: Array, dt: Array | float) -> None:
        """Advance the conversions."""
        kinetics = self._kinetics
        floor = kinetics.unplasticized_factor
        w = _solvent_share(state, solids)
        speed = floor + (1.0 - floor) * np.minimum(1.0, w / kinetics.plasticized_wt)
        rate = kinetics.prefactor_per_s * np.exp(
            -self._activation[:, None] / (GAS * state.temperature)
        )
        state.conversions = 1.0 - (1.0 - state.conversions) * np.exp(-rate * speed * dt)

    def _release_trapped(
        self, state: FilmState, before: Array, now: Array, dt: Array | float
    ) -> Array:
        """Catch and free solvent while imidization went from ``before`` to ``now``; kg/m2 freed."""
        law = self.law
        passed = np.clip((now - 0.3) / 0.6, 0, 1) - np.clip((before - 0.3) / 0.6, 0, 1)
        moved = np.minimum(law.trapped_fraction * state.precursor * passed, state.solvent)
        state.solvent = state.solvent - moved
        trapped = state.trapped + moved
        rate = law.trapped_rate * np.exp(-law.trapped_activation / (GAS * state.temperature))
        state.trapped = trapped * np.exp(-rate * dt)
        return np.asarray(trapped - state.trapped, dtype=float)

    def _heat(
        self, state: FilmState, around: Surroundings, solids: Array, drying: Any, water: Any,
        dt: Array | float,
    ) -> None:  # fmt: skip
        t, law = state.temperature, self.law
        radiation: Any = 0.0
        if around.radiation:
            radiation = 0.8 * 4 * 0.85 * 5.67e-8 * ((t + around.air_k) / 2) ** 3
        to_air = around.sides * (around.convection + radiation)
        conductance = to_air + around.belt_contact
        capacity = law.solvent_cp * (state.solvent + state.trapped) + law.solids_cp * solids
        load = drying * self.heat_of_vaporization(t) + water * WATER_HEAT_J_KG
        settled = (to_air * around.air_k + around.belt_contact * around.belt_k - load) / conductance
        state.temperature = settled + (t - settled) * np.exp(-conductance * dt / capacity)

    def feed_solvent(self, state: FilmState, added: Array | float) -> None:
        """Add coating solvent, kg/m2, to the mobile solvent."""
        state.solvent = state.solvent + added


def _solvent_share(state: FilmState, solids: Array) -> Array:
    total = state.solvent + state.trapped
    return np.asarray(total / (total + solids), dtype=float)
