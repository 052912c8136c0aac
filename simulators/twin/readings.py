"""What the film is at the stations: the true values the instruments look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulators.twin import cells as meta
from simulators.twin import film_io as at
from simulators.twin.kinetics import KELVIN

if TYPE_CHECKING:
    from simulators.twin.film import FilmGrid

Float = NDArray[np.float64]

REACH: Final = 0.75  # a cell is seen within this many cell lengths of its middle
PYROMETERS = (at.CD_EXIT, at.T2_EXIT, at.T5_EXIT, at.T8_EXIT)


@dataclass(slots=True)
class _Column:
    """One cell: kg/m2 per lane of polyamic acid cast, solvent and polymer as it is now."""

    slot: int
    paa: Float
    solvent: Float
    solids: Float
    water: float

    def loh_pct(self) -> float:
        """Loss on heating of the whole width, %."""
        dry = float(self.paa.sum()) * (1.0 - self.water)
        return 100.0 - 100.0 * dry / float(self.solids.sum() + self.solvent.sum())


class Readings:
    """Fills the station values of a grid's ``FilmResult``."""

    def __init__(self, grid: FilmGrid) -> None:
        self.grid = grid
        layout, zones = grid.params.layout, grid.params.zones
        half = 0.5 * layout.cell_m
        self._stations = np.array(
            [
                layout.peel_m - half,  # the film arriving at the peel roll
                layout.gel_gauge_m,
                layout.coater_air_m,
                layout.coater_belt_m,
                zones.to_m[4] - layout.cell_m,  # the nearest cell is then still in the zone
                layout.pin_m,
                zones.to_m[6] - layout.cell_m,
                zones.to_m[9] - layout.cell_m,
                zones.to_m[12] - layout.cell_m,
                layout.scanner_m,
                layout.layer_gauge_m,
                layout.winder_m - half,
            ]
        )
        self._tenter = (zones.from_m[5], zones.to_m[14])
        self._slots: NDArray[np.intp] = np.zeros(len(self._stations), np.intp)

    def update(self) -> None:
        """Read every station of the grid's film as it stands."""
        result = self.grid.result
        self._find()
        self._gel()
        self._scan()
        self._layer()
        present = result.present
        film = self.grid.store.film
        middle = self.grid.lanes // 2
        for index, station in enumerate(PYROMETERS):
            slot = self._slots[station]
            value = float(film.temp[middle, slot]) - KELVIN if present[station] else np.nan
            result.film_c[index] = value

    def _find(self) -> None:
        """Nearest cell of each station, whether it is near enough, and the tenter's filling."""
        store, result = self.grid.store, self.grid.result
        cells, cell_m = len(store), self.grid.params.layout.cell_m
        if cells == 0:
            result.present[:] = False
            result.film_between_pct = 0.0
            return
        x = store.x
        above = np.minimum(x.searchsorted(self._stations), cells - 1)
        below = np.maximum(above - 1, 0)
        near_above = np.abs(x[above] - self._stations)
        near_below = np.abs(x[below] - self._stations)
        take_below = near_below < near_above
        self._slots = np.where(take_below, below, above) + store.low
        np.less(np.minimum(near_above, near_below), REACH * cell_m, out=result.present)
        first, last = store.place(self._tenter)
        share = float(store.meta[meta.DRAW_MD, first:last].sum()) * cell_m
        result.film_between_pct = min(100.0, 100.0 * share / (self._tenter[1] - self._tenter[0]))

    def _column(self, station: int) -> _Column | None:
        """The film under a station per lane, or None."""
        if not self.grid.result.present[station]:
            return None
        grid, slot = self.grid, self._slots[station]
        film, water = grid.store.film, grid.params.material.water_fraction
        paa = film.paa[:, slot].astype(np.float64)
        solvent = film.mobile[:, slot] + film.trapped[:, slot]
        return _Column(slot, paa, solvent, paa * (1.0 - water * film.imid[:, slot]), water)

    def _gel(self) -> None:
        """Peel roll and gel gauge."""
        grid, result = self.grid, self.grid.result
        peel, gel = self._column(at.PEEL), self._column(at.GEL)
        result.peel_loh_pct = result.peel_imid_pct = np.nan
        if peel is not None:
            result.peel_loh_pct = peel.loh_pct()
            result.peel_imid_pct = float(grid.store.film.imid[:, peel.slot].mean()) * 100.0
        if gel is None:
            result.gel_g_m2[:] = np.nan
            result.gel_solvent_wt_pct = result.gel_loh_pct = np.nan
            return
        np.add(gel.solids, gel.solvent, out=result.gel_g_m2)
        result.gel_g_m2 *= 1e3
        result.gel_solvent_wt_pct = float(gel.solvent.sum() / result.gel_g_m2.sum()) * 1e5
        result.gel_loh_pct = gel.loh_pct()

    def _scan(self) -> None:
        """Final scanner: core and total thickness per lane."""
        grid, result = self.grid, self.grid.result
        column = self._column(at.SCAN)
        if column is None:
            result.scan_um[:] = result.core_um[:] = np.nan
            result.scan_loh_pct = np.nan
            return
        material, slot = grid.params.material, column.slot
        density = grid.store.film.imid[:, slot] * material.density_rise_pi_kg_m3
        density += material.density_paa_kg_m3
        np.divide(column.solids, density, out=result.core_um)
        result.core_um += column.solvent * (1.0 / grid.params.solvent.density_kg_m3)
        result.core_um *= 1e6
        np.add.reduce(grid.store.layer[:, :, slot], axis=0, out=result.scan_um)
        result.scan_um += result.core_um
        result.scan_loh_pct = column.loh_pct()

    def _layer(self) -> None:
        """Thin-layer gauge: both sides per lane, film temperature and LOH there."""
        grid, result = self.grid, self.grid.result
        column = self._column(at.LAYER)
        if column is None:
            result.layer_um[:] = np.nan
            result.layer_film_c = result.layer_loh_pct = np.nan
            return
        result.layer_um[:] = grid.store.layer[:, :, column.slot]
        result.layer_film_c = float(grid.store.film.temp[:, column.slot].mean()) - KELVIN
        result.layer_loh_pct = column.loh_pct()
