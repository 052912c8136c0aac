"""The steady reference run: one cell marched through the zones (process specification 4.4).

It uses the same kernel as the line. The reference path differs from the pilot line on purpose:
a 3 m coat dryer, no free spans, the film set to 313 K at the coater, one coat weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulators.twin.kinetics import (
    ATMOSPHERE_PA,
    KELVIN,
    FilmState,
    Kernel,
    boundary_coefficients,
)
from simulators.twin.parameters import EXHAUST_COUNT, Parameters

CD = 4
BELTS = 4


@dataclass(frozen=True)
class Case:
    """Settings of one steady run; the defaults of ``nominal`` are the reference.

    Attributes:
        surface_c: belt surface of B1-B4, degC.
        air_c: air of the 13 exhausted zones, degC.
        speed_m_min: web speed, the same everywhere.
        paa_g_m2, solvent_g_m2: cast polyamic acid and solvent.
        coat_g_m2: wet coat in front of the dryer.
        dt_s: time step.
    """

    surface_c: tuple[float, ...]
    air_c: tuple[float, ...]
    speed_m_min: float
    paa_g_m2: float
    solvent_g_m2: float
    coat_g_m2: float
    dt_s: float

    @classmethod
    def nominal(cls, params: Parameters) -> Case:
        """The reference settings."""
        ref, zones = params.reference, params.zones
        surface = zones.setpoint_c[:BELTS]
        air = [
            point + offset
            for point, offset in zip(zones.setpoint_c, zones.air_offset_k, strict=True)
        ]
        return cls(
            surface_c=surface,
            air_c=tuple(air[:EXHAUST_COUNT]),
            speed_m_min=ref.speed_m_min,
            paa_g_m2=ref.paa_g_m2,
            solvent_g_m2=ref.solvent_g_m2,
            coat_g_m2=ref.coat_g_m2,
            dt_s=ref.dt_s,
        )


@dataclass(frozen=True)
class ZoneExit:
    """The film as it leaves a zone; evaporated and water are the zone's own, g/m2."""

    zone: str
    seconds: float
    film_c: float
    solvent_wt_pct: float
    imidized_pct: float
    loh_pct: float
    thickness_um: float
    evaporated_g_m2: float
    water_g_m2: float


@dataclass(frozen=True)
class SteadyRun:
    """Result of ``march``: one exit per zone and the greatest blister index."""

    exits: tuple[ZoneExit, ...]
    blister: float

    @property
    def peel(self) -> ZoneExit:
        """The film at the peel roll, which is the exit of B4."""
        return self.exits[BELTS - 1]

    @property
    def final(self) -> ZoneExit:
        """The film after T8."""
        return self.exits[-1]


def thickness_m(params: Parameters, film: FilmState) -> NDArray[np.float64]:
    """Thickness h of process specification 4, meters [lanes, cells], float64."""
    paa, imid = film.paa.astype(np.float64), film.imid.astype(np.float64)
    material = params.material
    density = material.density_paa_kg_m3 + material.density_rise_pi_kg_m3 * imid
    solvent = film.mobile.astype(np.float64) + film.trapped
    solids: NDArray[np.float64] = paa * (1.0 - material.water_fraction * imid)
    return solvent / params.solvent.density_kg_m3 + solids / density


def loss_on_heating(params: Parameters, film: FilmState) -> NDArray[np.float64]:
    """LOH of process specification 4, 0..1 [lanes, cells], float64."""
    paa, water = film.paa.astype(np.float64), params.material.water_fraction
    total = film.mobile + film.trapped + paa * (1.0 - water * film.imid)
    loh: NDArray[np.float64] = 1.0 - paa * (1.0 - water) / total
    return loh


def solvent_fraction(params: Parameters, film: FilmState) -> NDArray[np.float64]:
    """Mass fraction of solvent, mobile and trapped, 0..1 [lanes, cells], float64."""
    solvent = film.mobile.astype(np.float64) + film.trapped
    solids = film.paa * (1.0 - params.material.water_fraction * film.imid)
    fraction: NDArray[np.float64] = solvent / (solvent + solids)
    return fraction


def march(params: Parameters, case: Case, dtype: DTypeLike = np.float64) -> SteadyRun:
    """Carry one cell through B1-B4, the coater, CD and T1-T8."""
    kernel = Kernel(params, 1, 1, dtype)
    film = FilmState.empty(1, 1, len(kernel.weight), dtype)
    film.paa[:] = case.paa_g_m2 * 1e-3
    film.mobile[:] = case.solvent_g_m2 * 1e-3
    film.temp[:] = params.reference.start_c + KELVIN
    film.open_[:] = kernel.weight[:, None, None]
    exits, blister = [], 0.0
    for zone in range(EXHAUST_COUNT):
        if zone == CD:
            film.temp[:] = params.reference.coater_c + KELVIN
            film.mobile += case.coat_g_m2 * 1e-3 * (1.0 - params.reference.coat_solids)
        leaving, worst = _through(kernel, film, case, zone)
        exits.append(leaving)
        blister = max(blister, worst)
    return SteadyRun(tuple(exits), blister)


def _zone_boundary(params: Parameters, case: Case, zone: int) -> NDArray[np.float64]:
    zones, on_belt = params.zones, zone < BELTS
    belt_h = params.heat_transfer.belt_contact_w_m2_k if on_belt else 0.0
    belt_c = case.surface_c[zone] if on_belt else 0.0
    return boundary_coefficients(
        params,
        np.array([float(zones.open_sides[zone])]),
        np.array([zones.film_h_w_m2_k[zone]]),
        np.array([belt_h]),
        np.array([case.air_c[zone] + KELVIN]),
        np.array([belt_c + KELVIN]),
        np.array([zones.reference_y[zone]]),
        np.array([float(zone > CD)]),
    )


def _through(kernel: Kernel, film: FilmState, case: Case, zone: int) -> tuple[ZoneExit, float]:
    """March through one zone: the exit state and the greatest blister index in it."""
    params, zones = kernel.params, kernel.params.zones
    length = zones.to_m[zone] - zones.from_m[zone]
    if zone == CD:
        length = params.reference.cd_length_m
    seconds = length / (case.speed_m_min / 60.0)
    steps = max(1, round(seconds / case.dt_s))
    boundary = _zone_boundary(params, case, zone).astype(kernel.dtype)
    evaporated = water = blister = 0.0
    for _ in range(steps):
        at_risk = float(film.imid[0, 0]) < params.drying.blister_p_max
        kernel.step(seconds / steps, film, boundary)
        if at_risk:
            blister = max(blister, float(kernel.push[0, 0]) / ATMOSPHERE_PA)
        evaporated += float(kernel.evap[0, 0])
        water += float(kernel.water[0, 0])
    leaving = ZoneExit(
        zone=zones.name[zone],
        seconds=seconds,
        film_c=float(film.temp[0, 0]) - KELVIN,
        solvent_wt_pct=float(solvent_fraction(params, film)[0, 0]) * 100.0,
        imidized_pct=float(film.imid[0, 0]) * 100.0,
        loh_pct=float(loss_on_heating(params, film)[0, 0]) * 100.0,
        thickness_um=float(thickness_m(params, film)[0, 0]) * 1e6,
        evaporated_g_m2=evaporated * 1e3,
        water_g_m2=water * 1e3,
    )
    return leaving, blister
