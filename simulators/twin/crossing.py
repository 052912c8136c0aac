"""Motion of the film and what happens to cells as they pass a station.

Sections: belt up to the peel roll, nip to the pins, rails through the tenter, winder. Each cell
moves with its section's speed. Order on the way: peel roll, head A, head B, pins (draw),
unpinning, roll. Film arriving where the next section does not take it (slower than half the
speed it comes with) falls to waste instead of piling up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulators.twin import cells as meta
from simulators.twin.coating import AIR, BELT, Coater
from simulators.twin.film_io import CellFlag, Speeds
from simulators.twin.kinetics import KELVIN, TINY_SOLVENT
from simulators.twin.reference import loss_on_heating, solvent_fraction, thickness_m

if TYPE_CHECKING:
    from simulators.twin.film import FilmGrid

PEEL, COAT_A, COAT_B, PIN, UNPIN, WIND = range(6)
TAKEN: Final = 0.5  # least share of the arriving speed at which film is taken over
DRAW_MIN: Final = 0.9
DRAW_MAX: Final = 1.2
RISE_K: Final = 150.0  # the heating rate is a mean from 150 to 300 degC

WET_ROW = (meta.WET_AIR, meta.WET_BELT)
AGENT_ROW = (meta.AGENT_AIR, meta.AGENT_BELT)
COATED = (CellFlag.COATED_AIR, CellFlag.COATED_BELT)


class Crossings:
    """Moves the cells of a grid and applies stations to those that pass them."""

    def __init__(self, grid: FilmGrid) -> None:
        self.grid = grid
        layout = grid.params.layout
        self._stations = np.array(
            [
                layout.peel_m,
                layout.coater_air_m,
                layout.coater_belt_m,
                layout.pin_m,
                layout.unpin_m,
                layout.winder_m,
            ]
        )

    def move(self, dt: float, speeds: Speeds, coater: Coater) -> None:
        """Advance all positions by ``dt`` seconds and serve the stations that were passed."""
        store = self.grid.store
        if not len(store):
            return
        before, broken = store.place(self._stations).tolist(), self._break_slot()
        x = store.meta[meta.X]
        low, high = store.low, store.high
        x[low : before[PEEL]] += speeds.belt / 60.0 * dt
        x[before[PEEL] : before[PIN]] += speeds.nip / 60.0 * dt
        x[before[PIN] : before[UNPIN]] += speeds.rails / 60.0 * dt
        x[before[UNPIN] : high] += speeds.winder / 60.0 * dt
        after = store.place(self._stations).tolist()
        passed_break = (self._break_slot(), broken)
        if after == before and passed_break[0] == broken:
            return
        passed = list(zip(after, before, strict=True))
        self._peel(*passed[PEEL])
        self._coat(*passed[COAT_A], AIR, speeds, coater)
        self._coat(*passed[COAT_B], BELT, speeds, coater)
        self._draw(*passed[PIN], speeds)
        self._remove(passed, passed_break, speeds)

    def _break_slot(self) -> int:
        position = self.grid.break_m
        return (
            self.grid.store.high if position is None else int(self.grid.store.place((position,))[0])
        )

    def _remove(
        self, passed: list[tuple[int, int]], broken: tuple[int, int], speeds: Speeds
    ) -> None:
        """Wind or waste what arrived; from the roll towards the die, so slots stay valid."""
        grid = self.grid
        lost_at_pins = speeds.rails < TAKEN * speeds.nip
        lost_at_exit = grid.tenter_waste or speeds.winder < TAKEN * speeds.rails
        lost_at_peel = not grid.peel_open or speeds.nip < TAKEN * speeds.belt
        gone = [(*passed[UNPIN], lost_at_exit), (*passed[PIN], lost_at_pins)]
        gone += [(*passed[PEEL], lost_at_peel), (*broken, grid.break_m is not None)]
        for slot in range(passed[WIND][0], grid.store.high)[::-1]:
            self._wind(slot, speeds.winder)
        grid.drop(passed[WIND][0], grid.store.high, waste=False)
        doomed: set[int] = set()
        for first, last, lost in gone:
            if lost:
                doomed.update(range(first, min(last, grid.store.high)))
        offset = grid.store.low
        for slot in sorted(doomed, reverse=True):
            moved = grid.store.low - offset
            grid.drop(slot + moved, slot + moved + 1, waste=True)

    def _peel(self, first: int, last: int) -> None:
        """Record the state at the peel roll; it decides how the film behaves from here."""
        if first == last:
            return
        grid = self.grid
        film = grid.store.film.view(first, last)
        rows = grid.store.meta[:, first:last]
        rows[meta.LOH_PEEL] = loss_on_heating(grid.params, film).mean(axis=0)
        rows[meta.IMID_PEEL] = film.imid.mean(axis=0)

    def _coat(self, first: int, last: int, side: int, speeds: Speeds, coater: Coater) -> None:
        """Lay the wet coat of one head on the cells that passed it."""
        speed = speeds.nip / 60.0
        wet = coater.wet_kg_m2(side, speed)
        if first == last or wet <= 0.0:
            return
        grid, law = self.grid, self.grid.params.coating
        store = grid.store
        film, rows = store.film.view(first, last), store.meta[:, first:last]
        lanes = (wet * coater.lane_factor[side])[:, None]
        solvent = lanes * (1.0 - coater.paa - coater.agent)
        loh = loss_on_heating(grid.params, film).mean(axis=0)
        self._mix_heat(film.temp, film.paa, film.mobile, solvent)
        film.mobile += solvent
        store.layer[side, :, first:last] += coater.dry_um(1.0) * lanes
        rows[WET_ROW[side]] += wet
        rows[AGENT_ROW[side]] += wet * coater.agent
        marks = np.full(last - first, int(COATED[side]), np.int32)
        if coater.coverage(side, speed) < 1.0:
            marks |= int(CellFlag.RIBS)
        marks |= np.where(loh > law.swell_loh, int(CellFlag.WRINKLE), 0).astype(np.int32)
        marks |= np.where(loh < law.poor_loh, int(CellFlag.POOR_BOND), 0).astype(np.int32)
        store.flags[first:last] |= marks
        store.coat_lot[first:last] = grid.coat_lot
        share = float(solvent.mean()) * float(rows[meta.AREA].sum())
        grid.tally.coat_solvent_in += share

    def _mix_heat(
        self,
        temp: NDArray[np.floating],
        paa: NDArray[np.floating],
        mobile: NDArray[np.floating],
        added: NDArray[np.float64],
    ) -> None:
        params = self.grid.params
        own = params.solvent.cp_j_kg_k * mobile + params.material.cp_solids_j_kg_k * paa
        liquid = params.solvent.cp_j_kg_k * added
        temp += (params.coating.wet_c + KELVIN - temp) * liquid / (own + liquid)

    def _draw(self, first: int, last: int, speeds: Speeds) -> None:
        """Stretch the cells that reached the pins: thinner by both draws, larger by as much."""
        store = self.grid.store
        if first == last or speeds.belt <= 0.0:
            return
        draw_md = min(DRAW_MAX, max(DRAW_MIN, speeds.rails / speeds.belt))
        cast = (store.flags[first:last] & int(CellFlag.LEADER)) == 0
        stretch_md = np.where(cast, draw_md, 1.0)
        stretch_td = np.where(cast, speeds.width_td, 1.0)
        ratio = stretch_md * stretch_td
        film, rows = store.film.view(first, last), store.meta[:, first:last]
        film.paa /= ratio
        film.mobile /= ratio
        film.trapped /= ratio
        np.maximum(film.mobile, TINY_SOLVENT, out=film.mobile)
        store.layer[:, :, first:last] /= ratio
        rows[meta.AREA] *= ratio
        rows[meta.DRAW_MD] *= stretch_md
        rows[meta.DRAW_TD] *= stretch_td
        for row in (*WET_ROW, *AGENT_ROW):
            rows[row] /= ratio

    def _wind(self, slot: int, speed_m_min: float) -> None:
        """Write the truth of a cell that reaches the roll."""
        grid, store, params = self.grid, self.grid.store, self.grid.params
        film, row = store.film.view(slot, slot + 1), store.meta[:, slot]
        record = grid.wound.next()
        record["label_m"], record["cast_s"] = row[meta.LABEL], row[meta.CAST_S]
        record["wound_s"], record["speed_m_min"] = grid.t_s, speed_m_min
        length = params.layout.cell_m * row[meta.DRAW_MD]
        record["length_m"] = length
        grid.wound.meters += float(length)
        record["core_um"] = thickness_m(params, film)[:, 0] * 1e6
        record["layer_um"] = store.layer[:, :, slot]
        record["imid"], record["imid_min"] = film.imid.mean(), film.imid.min()
        record["solvent"] = solvent_fraction(params, film).mean()
        record["loh"] = loss_on_heating(params, film).mean()
        record["loh_peel"], record["imid_peel"] = row[meta.LOH_PEEL], row[meta.IMID_PEEL]
        record["max_c"], record["blister"] = row[meta.MAX_K] - KELVIN, row[meta.BLISTER]
        rise = row[meta.RISE_S]
        record["rise_k_s"] = RISE_K / rise if rise > 0.0 else np.nan
        record["draw_md"], record["draw_td"] = row[meta.DRAW_MD], row[meta.DRAW_TD]
        record["wet_g_m2"] = row[meta.WET_AIR] * 1e3, row[meta.WET_BELT] * 1e3
        record["agent_mg_m2"] = row[meta.AGENT_AIR] * 1e6, row[meta.AGENT_BELT] * 1e6
        record["flags"], record["dope_lot"] = store.flags[slot], store.dope_lot[slot]
        record["coat_lot"] = store.coat_lot[slot]
