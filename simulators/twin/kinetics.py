"""The film kernel: drying, trapped solvent, imidization and temperature of every cell at once.

One step of process specification 4.1-4.3 on a (lanes x cells) grid. All arithmetic is in place
on preallocated arrays, so a step allocates nothing; the dtype is an argument (float64 for the
reference table, float32 for runs). Lanes come first because boundary conditions belong to
cells: they then broadcast along the outer axis and the inner loops stay long.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulators.twin.parameters import Parameters

Array = NDArray[np.floating]

ATMOSPHERE_PA: Final = 101325.0
KELVIN: Final = 273.15
TINY_SOLVENT: Final = 1e-12  # kg/m2, keeps S in a divisor without a branch
TINY_FRACTION: Final = 1e-15  # unreacted share of a cured leader
TINY_FLUX: Final = 1e-30
COEFFICIENTS: Final = 8


class FilmState:
    """The state of cells, per square meter of web.

    Attributes:
        paa: kg of polyamic acid cast, as if nothing had reacted (P0) [lanes, cells].
        mobile, trapped: kg of solvent (S, X).
        open_: weight of each population not yet imidized, w_i (1 - q_i) [6, lanes, cells].
        temp: K.
        imid: conversion p, 0..1, kept equal to 1 - sum(open_).
        bind: clip((p - 0.3)/0.6, 0, 1) of the trapped-solvent law.
    """

    __slots__ = ("bind", "imid", "mobile", "open_", "paa", "temp", "trapped")

    def __init__(self, grids: list[Array], populations: Array) -> None:
        self.paa, self.mobile, self.trapped, self.temp, self.imid, self.bind = grids
        self.open_ = populations

    @classmethod
    def empty(cls, lanes: int, cells: int, populations: int, dtype: DTypeLike) -> FilmState:
        """Uninitialized cells (zeros)."""
        grids: list[Array] = [np.zeros((lanes, cells), dtype) for _ in range(6)]
        return cls(grids, np.zeros((populations, lanes, cells), dtype))

    def grids(self) -> list[Array]:
        """The [lanes, cells] arrays, in constructor order."""
        return [self.paa, self.mobile, self.trapped, self.temp, self.imid, self.bind]

    def view(self, low: int, high: int) -> FilmState:
        """Cells low..high as views on the same memory."""
        return FilmState([grid[:, low:high] for grid in self.grids()], self.open_[..., low:high])


class _Work:
    """Scratch arrays of one size, contiguous so that they stay in cache."""

    __slots__ = (
        "a",
        "b",
        "c",
        "d",
        "evap",
        "heat",
        "inverse",
        "populations",
        "released",
        "solids",
        "water",
    )

    def __init__(self, pool: list[Array], populations: Array, lanes: int, cells: int) -> None:
        size = lanes * cells
        shaped = [buffer[:size].reshape(lanes, cells) for buffer in pool]
        self.a, self.b, self.c, self.d, self.evap, self.heat, *rest = shaped
        self.inverse, self.solids, self.water, self.released = rest
        count = populations.shape[0] // (pool[0].shape[0])
        self.populations = populations[: count * size].reshape(count, lanes, cells)


class Kernel:
    """Steps a ``FilmState``.

    After ``step``, per square meter and step: ``evap`` kg of solvent given off, ``water`` kg
    of imidization water, ``heat`` J taken from the surroundings, ``push`` Pa of solvent
    pressure in the film (the numerator of the blister index).
    """

    def __init__(self, params: Parameters, lanes: int, capacity: int, dtype: DTypeLike) -> None:
        self.params = params
        self.lanes = lanes
        self.dtype = np.dtype(dtype)
        kinetics = params.kinetics
        self.weight = np.asarray(kinetics.weight, self.dtype)
        slope = -np.asarray(kinetics.activation_kj_mol) * 1e3 / params.constants.gas_j_mol_k
        self._slope: Array = slope.astype(self.dtype)[:, None, None]
        size = lanes * capacity
        self._pool: list[Array] = [np.empty(size, self.dtype) for _ in range(10)]
        self._populations: Array = np.empty(len(self.weight) * size, self.dtype)
        self._work = _Work(self._pool, self._populations, lanes, 0)

    @property
    def evap(self) -> Array:
        """Solvent given off in the last step, kg/m2 [lanes, cells]."""
        return self._work.evap

    @property
    def water(self) -> Array:
        """Imidization water of the last step, kg/m2 [lanes, cells]."""
        return self._work.water

    @property
    def heat(self) -> Array:
        """Heat taken from air and belt in the last step, J/m2 [lanes, cells]."""
        return self._work.heat

    @property
    def push(self) -> Array:
        """Activity times vapor pressure at the start of the last step, Pa [lanes, cells]."""
        return self._work.d

    def step(self, dt: float, film: FilmState, boundary: Array) -> None:
        """Advance the cells by ``dt`` seconds (0 < dt <= 2).

        Args:
            dt: seconds.
            film: the cells, changed in place.
            boundary: [8, cells] from ``boundary_coefficients``, in the kernel's dtype.
        """
        cells = film.paa.shape[1]
        if self._work.a.shape[1] != cells:
            self._work = _Work(self._pool, self._populations, self.lanes, cells)
        work = self._work
        np.divide(1.0, film.temp, out=work.inverse)
        np.multiply(film.imid, -self.params.material.water_fraction, out=work.solids)
        work.solids += 1.0
        work.solids *= film.paa
        self._gas_side(film, boundary)
        self._film_side(film, boundary)
        self._evaporate(dt, film)
        self._imidize(dt, film)
        self._trap(dt, film)
        self._warm(dt, film, boundary)

    def _gas_side(self, film: FilmState, boundary: Array) -> None:
        """j_g into ``evap``; the solvent's equilibrium pressure into ``d``."""
        law, solvent, work = self.params.drying, self.params.solvent, self._work
        a, b, c, d = work.a, work.b, work.c, work.d
        ratio = solvent.density_kg_m3 / self.params.material.density_paa_kg_m3
        np.multiply(work.solids, ratio, out=a)
        np.add(film.mobile, a, out=b)
        np.divide(a, b, out=a)  # phi_p
        np.multiply(film.imid, law.chi_p, out=b)
        b += law.chi_0
        b *= a
        b += 1.0
        b *= a  # phi_p + chi phi_p^2
        np.exp(b, out=b)
        np.subtract(1.0, a, out=c)
        b *= c
        np.minimum(b, 1.0, out=b)  # activity
        np.subtract(film.temp, solvent.antoine_c, out=d)
        np.divide(-solvent.antoine_b, d, out=d)
        d += solvent.antoine_a
        np.exp(d, out=d)
        d *= b
        np.subtract(d, boundary[1], out=a)
        np.maximum(a, 0.0, out=a)
        a *= boundary[0]
        np.multiply(a, work.inverse, out=work.evap)

    def _film_side(self, film: FilmState, boundary: Array) -> None:
        """j_d into ``a``, total mass per square meter into ``c``."""
        law, work = self.params.drying, self._work
        material, solvent = self.params.material, self.params.solvent
        a, b, c = work.a, work.b, work.c
        np.add(film.mobile, work.solids, out=a)
        np.add(a, film.trapped, out=c)
        np.divide(film.mobile, a, out=a)  # w
        a *= law.diffusivity_w
        np.multiply(film.imid, law.diffusivity_p, out=b)
        a -= b
        slope = law.diffusivity_activation_j_mol / self.params.constants.gas_j_mol_k
        np.multiply(work.inverse, slope, out=b)
        a -= b
        a += math.log(law.diffusivity_m2_s) + slope / law.diffusivity_reference_k
        np.exp(a, out=a)
        np.minimum(a, law.diffusivity_max_m2_s, out=a)
        a *= film.mobile
        a *= boundary[2]
        np.multiply(film.imid, material.density_rise_pi_kg_m3, out=b)
        b += material.density_paa_kg_m3
        np.divide(work.solids, b, out=b)
        np.subtract(c, work.solids, out=work.heat)
        work.heat *= 1.0 / solvent.density_kg_m3
        b += work.heat  # thickness in meters
        b *= b
        a /= b

    def _evaporate(self, dt: float, film: FilmState) -> None:
        """S <- S exp(-j dt/S); what left goes to ``evap``, and out of the total mass in ``c``."""
        work = self._work
        a, b, gas = work.a, work.b, work.evap
        np.add(gas, a, out=b)
        b += TINY_FLUX
        gas *= a
        gas /= b  # j
        gas *= -dt
        gas /= film.mobile
        np.exp(gas, out=gas)
        gas *= film.mobile
        np.maximum(gas, TINY_SOLVENT, out=gas)
        np.subtract(film.mobile, gas, out=a)
        film.mobile[...] = gas
        gas[...] = a
        work.c -= a

    def _imidize(self, dt: float, film: FilmState) -> None:
        """q_i <- 1 - (1 - q_i) exp(-k_i dt), kept as the unreacted weights."""
        law, work = self.params.kinetics, self._work
        a, c, k = work.a, work.c, work.populations
        np.subtract(c, work.solids, out=a)
        a /= c  # w_t
        a *= 1.0 / law.plasticized_wt
        np.minimum(a, 1.0, out=a)
        rest = law.unplasticized_factor
        a *= -(1.0 - rest) * law.prefactor_per_s * dt
        a -= rest * law.prefactor_per_s * dt
        np.multiply(self._slope, work.inverse, out=k)
        np.exp(k, out=k)
        k *= a
        np.exp(k, out=k)
        film.open_ *= k
        np.add.reduce(film.open_, axis=0, out=a)
        np.subtract(1.0, a, out=a)
        np.subtract(a, film.imid, out=work.water)
        work.water *= film.paa
        work.water *= self.params.material.water_fraction
        film.imid[...] = a

    def _trap(self, dt: float, film: FilmState) -> None:
        """Move bound solvent from S to X as p passes 0.3-0.9, and let X decay into ``b``."""
        law, work = self.params.drying, self._work
        a, b, d = work.a, work.b, work.released
        width = law.trapped_p_to - law.trapped_p_from
        np.multiply(film.imid, 1.0 / width, out=a)
        a -= law.trapped_p_from / width
        np.maximum(a, 0.0, out=a)
        np.minimum(a, 1.0, out=a)
        np.subtract(a, film.bind, out=b)
        film.bind[...] = a
        b *= film.paa
        b *= law.trapped_kg_kg
        np.minimum(b, film.mobile, out=b)
        film.mobile -= b
        np.maximum(film.mobile, TINY_SOLVENT, out=film.mobile)
        slope = -law.trapped_activation_j_mol / self.params.constants.gas_j_mol_k
        np.multiply(work.inverse, slope, out=a)
        np.exp(a, out=a)
        a *= -law.trapped_prefactor_per_s * dt
        np.exp(a, out=a)
        a *= film.trapped
        np.subtract(film.trapped, a, out=d)  # given off by the trapped solvent
        np.add(a, b, out=film.trapped)
        np.maximum(film.trapped, 0.0, out=film.trapped)
        np.maximum(d, 0.0, out=d)

    def _latent(self, film: FilmState) -> None:
        """Heat of vaporization and of water of the step into ``a``, J/m2; closes ``evap``."""
        solvent, work = self.params.solvent, self._work
        a, b = work.a, work.b
        np.minimum(film.temp, solvent.hvap_max_k, out=a)
        np.subtract(a, solvent.antoine_c, out=b)
        a /= b
        a *= a
        a *= solvent.antoine_b * self.params.constants.gas_j_mol_k / solvent.molar_mass_kg_mol
        a *= work.evap
        np.multiply(work.water, self.params.kinetics.water_latent_j_kg, out=b)
        a += b
        work.evap += work.released

    def _warm(self, dt: float, film: FilmState, boundary: Array) -> None:
        """T <- Teq + (T - Teq) exp(-G dt/mc); the heat taken up goes to ``heat``."""
        work = self._work
        a, b, c, heat, temp = work.a, work.b, work.c, work.heat, work.released
        self._latent(film)
        np.add(film.temp, boundary[5], out=heat)
        np.multiply(heat, heat, out=b)
        b *= heat
        b *= boundary[4]
        b += boundary[3]  # n (h_c + h_r)
        np.multiply(b, boundary[5], out=heat)
        heat += boundary[7]
        b += boundary[6]  # G
        b *= dt
        heat *= dt
        heat -= a
        heat /= b  # Teq
        cp = self.params.solvent.cp_j_kg_k
        c *= cp
        work.solids *= cp - self.params.material.cp_solids_j_kg_k
        c -= work.solids  # mc after what evaporated in the step
        b /= c
        np.negative(b, out=b)
        np.exp(b, out=b)
        np.subtract(film.temp, heat, out=temp)
        temp *= b
        temp += heat
        np.subtract(temp, film.temp, out=heat)
        heat *= c
        heat += a
        film.temp[...] = temp


def boundary_coefficients(
    params: Parameters,
    sides: Array,
    film_h: Array,
    belt_h: Array,
    air_k: Array,
    belt_k: Array,
    vapor_y: Array,
    radiates: Array,
) -> NDArray[np.float64]:
    """Pack boundary conditions for the kernel, one column per place (float64).

    Args:
        params: the parameters.
        sides: open sides n, 1 or 2.
        film_h: h_c, W/m2K.
        belt_h: h_b, W/m2K, 0 off the belt.
        air_k: air and wall temperature, K.
        belt_k: belt surface temperature, K.
        vapor_y: vapor mole fraction of the air.
        radiates: 1 in the tenter, where the walls radiate on the film; 0 elsewhere.

    Rows: gas-side transfer, vapor pressure of the air, film-side factor, n h_c, radiation,
    air temperature, h_b, h_b T_belt.
    """
    drying, heat = params.drying, params.heat_transfer
    molar = params.solvent.molar_mass_kg_mol / params.constants.gas_j_mol_k
    volume_cp = drying.air_density_kg_m3 * drying.air_cp_j_kg_k * drying.air_reference_k
    wall = heat.emissivity * 4.0 * heat.view_factor * heat.stefan_boltzmann / 8.0
    rows = np.empty((COEFFICIENTS, len(sides)))
    rows[0] = sides * film_h * air_k * (drying.lewis_factor * molar / volume_cp)
    rows[1] = vapor_y * ATMOSPHERE_PA
    rows[2] = sides * sides * (drying.slab_mode * drying.skin)
    rows[3] = sides * film_h
    rows[4] = sides * radiates * wall
    rows[5] = air_k
    rows[6] = belt_h
    rows[7] = belt_h * belt_k
    return rows
