"""The film on the line as Lagrangian cells: what is where, how wet, how far cured.

Interface for the plant (the film part never reads a clock; every random draw has a seed)::

    params = load_parameters()
    casting = Casting(params, lanes=21, seed=seed)     # gear pump, die, lip bolts
    coater = Coater(params, lanes=21, seed=seed)       # heads A (air side) and B (belt side)
    film = FilmGrid(params, lanes=21, dtype=np.float32)

    start "running": casting.settle(inputs); coater.settle(flow_ml_min, engaged)
                     film.fill_running(speeds, zones, casting, coater)
    each 0.1 s:      casting.step(0.1, CastingInputs)  # scalars: flow, die and filter pressure
    each 1.0 s:      casting.step_bolts(1.0, target_um)
                     coater.step(1.0, flow_ml_min, engaged)
                     result = film.step(1.0, speeds, zones, casting, coater)

Inputs of ``FilmGrid.step``:
    speeds: ``Speeds`` belt, nip, rails, winder in m/min (actual web speeds), ``width_td`` (-).
    zones: ``ZoneState`` float64 arrays in the zone order B1 B2 B3 B4 CD T1..T8 DIE COOL:
        ``air_c`` [15], ``surface_c`` [15] (belt surface, used in B1-B4 only) and
        ``vapor_y`` [13] (vapor mole fraction of the zone air).
        n, h_c and h_b follow from the parameters by position; free spans too.

``FilmResult`` (one object, its arrays are rewritten by each step; NaN where there is no film):
    evap_kg_s [13] solvent into each exhausted zone, ``evap_room_kg_s`` from the free spans,
    water_kg_s [13] imidization water;
    heat_w [15] heat the film takes from each zone (cooler negative): ``q_web``;
    gel_g_m2 [lanes], gel_solvent_wt_pct, gel_loh_pct at GEL; peel_loh_pct, peel_imid_pct at PEEL;
    scan_um [lanes] total thickness and core_um [lanes] at SCAN; scan_loh_pct there;
    layer_um [2, lanes] (air, belt) and layer_film_c, layer_loh_pct at LAYER;
    film_c [4] film temperature at the exits of CD, T2, T5, T8;
    film_between_pct: share of the tenter (21.5-39 m) with film in it, leader included;
    present [len(STATIONS)] bool by station name order ``STATIONS``;
    tally: running mass balance in kg, see ``Tally``.

Events: ``thread_leader()`` lays a leader from the peel roll to the winder and feeds it there;
``splice()`` joins the cast film to it (before that, film reaching the peel roll is waste);
``break_at(x)`` cuts the web: film arriving at x from upstream is waste, what lies beyond runs
out as scrap; ``tenter_waste`` True sends film leaving the tenter to waste (winder stopped);
``heal()`` ends a break. ``mark_scrap(from_m, to_m)`` flags film in place.
``wound`` is the truth log of the film on the roll.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulators.twin import cells as meta
from simulators.twin.casting import Casting, Delivery
from simulators.twin.cells import CellStore
from simulators.twin.coating import Coater
from simulators.twin.crossing import Crossings
from simulators.twin.film_io import CellFlag, FilmResult, Speeds, Tally, ZoneState
from simulators.twin.kinetics import (
    ATMOSPHERE_PA,
    COEFFICIENTS,
    KELVIN,
    TINY_FRACTION,
    TINY_SOLVENT,
    Kernel,
)
from simulators.twin.parameters import COOL, EXHAUST_COUNT, ZONE_COUNT, Parameters
from simulators.twin.places import PLACES, ROOM, Places
from simulators.twin.readings import Readings
from simulators.twin.wound import WoundLog

Float = NDArray[np.float64]

CAPACITY: Final = 2048
LEAST_PAA_KG_M2: Final = 0.002  # thinner dope drips off and is no film
RISE_FROM_K: Final = 150.0 + KELVIN
RISE_TO_K: Final = 300.0 + KELVIN
STANDING_M_MIN: Final = 0.02
STEP_MAX_S: Final = 2.0
SCOUT_CAPACITY: Final = 4


@dataclass(frozen=True, slots=True)
class Inventory:
    """Film on the line: polymer as it is now (partly reacted) and solvent, kg."""

    polymer_kg: float
    solvent_kg: float


class FilmGrid:
    """All film between die and roll; see the module docstring for inputs and results.

    Attributes:
        t_s: plant time, the sum of the steps.
        cast_m: integral of belt speed, the label of film leaving the die now.
        peel_open: True when film leaving the belt follows the path to the tenter.
        leader_feed: True while a leader runs in at the peel roll.
        break_m: position of a break, or None.
        tenter_waste: True sends film leaving the tenter to waste.
        dope_lot, coat_lot: lot numbers given to new film and new coats.
        standing_s: how long belt and rails have stood.
    """

    def __init__(
        self, params: Parameters, lanes: int, dtype: DTypeLike, capacity: int = CAPACITY
    ) -> None:
        self.params = params
        self.lanes = lanes
        self.kernel = Kernel(params, lanes, capacity, dtype)
        self.store = CellStore(lanes, capacity, len(self.kernel.weight), dtype)
        self.places = Places(params)
        self.wound = WoundLog(lanes)
        self.result = FilmResult(lanes)
        self.crossings = Crossings(self)
        self.readings = Readings(self)
        self.t_s = 0.0
        self.cast_m = 0.0
        self.peel_open = False
        self.leader_feed = False
        self.break_m: float | None = None
        self.tenter_waste = False
        self.dope_lot = 0
        self.coat_lot = 0
        self.standing_s = [0.0, 0.0]
        self._open_m = 0.0  # belt past the die that is not yet a cell, and the dope on it
        self._open = Delivery(0.0, 0.0, 0.0)
        self._boundary = np.empty((COEFFICIENTS, capacity), self.kernel.dtype)

    @property
    def tally(self) -> Tally:
        """Running mass balance."""
        return self.result.tally

    def step(
        self, dt: float, speeds: Speeds, zones: ZoneState, casting: Casting, coater: Coater
    ) -> FilmResult:
        """Move, cast, coat, draw, dry and cure for ``dt`` seconds (0 < dt <= 2).

        Raises:
            ValueError: the step is outside the range in which the kernel is accurate.
        """
        if not 0.0 < dt <= STEP_MAX_S:
            raise ValueError(f"film step of {dt} s is not within 0 to {STEP_MAX_S} s")
        self.t_s += dt
        self.crossings.move(dt, speeds, coater)
        self._cast(dt, speeds.belt, casting)
        if self.leader_feed:
            self._feed_leader()
        self._dry(dt, zones)
        self._mark_standing(dt, speeds)
        self.readings.update()
        return self.result

    # --- events ------------------------------------------------------------------------------

    def thread_leader(self) -> None:
        """Lay a leader from the peel roll to the winder and keep feeding it at the peel roll.

        Film already there is cleared away as waste; a break is healed.
        """
        layout = self.params.layout
        self.drop(int(self.store.place((layout.peel_m,))[0]), self.store.high, waste=True)
        cells = round((layout.winder_m - layout.peel_m) / layout.cell_m)
        for index in range(cells):
            self._lay_leader(self.store.high, layout.peel_m + (index + 0.5) * layout.cell_m)
        self.peel_open, self.leader_feed = False, True
        self.heal()

    def splice(self) -> None:
        """Join the cast film at the peel roll to the leader; the leader's feed ends."""
        self.leader_feed, self.peel_open = False, True

    def break_at(self, position_m: float) -> None:
        """Cut the web: film beyond is scrap and runs out, film arriving there is waste."""
        self.break_m = position_m
        self.mark_scrap(position_m, self.params.layout.winder_m)

    def heal(self) -> None:
        """End a break; film passes again."""
        self.break_m, self.tenter_waste = None, False

    def mark_scrap(self, from_m: float, to_m: float, mark: CellFlag = CellFlag.SCRAP) -> None:
        """Flag the film now between two positions."""
        first, last = self.store.place((from_m, to_m))
        self.store.flags[first:last] |= int(mark)

    def clear(self) -> None:
        """Take all film off the line as waste."""
        self.drop(self.store.low, self.store.high, waste=True)

    def fill_running(
        self, speeds: Speeds, zones: ZoneState, casting: Casting, coater: Coater
    ) -> None:
        """Fill the line with the film these steady conditions make (start "running").

        One cell is carried from the die to the winder in a grid of its own; what it was at
        each cell interval is what stands there when the line has run for long.

        Raises:
            ValueError: the belt stands, or no dope flows to the die.
        """
        if speeds.belt <= 0.0 or casting.flow_cm3_s <= 0.0:
            raise ValueError("a running line needs belt speed and dope flow")
        self.clear()
        store, cell_m = self.store, self.params.layout.cell_m
        interval = cell_m / (speeds.belt / 60.0)
        steps = int(np.ceil(interval / STEP_MAX_S))
        scout = FilmGrid(self.params, self.lanes, self.kernel.dtype, capacity=SCOUT_CAPACITY)
        scout.peel_open = True
        scout.dope_lot, scout.coat_lot = self.dope_lot, self.coat_lot
        scout.insert_cell(casting.steady(interval), casting.profile(), 0.5 * cell_m)
        while len(scout.store):
            slot = store.insert(store.high)
            for mine, its in zip(store.arrays(), scout.store.arrays(), strict=True):
                mine[..., slot] = its[..., scout.store.low]
            age = scout.t_s
            store.meta[meta.LABEL, slot] = self.cast_m - 0.5 * cell_m - age / interval * cell_m
            store.meta[meta.CAST_S, slot] = self.t_s - age
            for _ in range(steps):
                scout.advance(interval / steps, speeds, zones, coater)
        self.peel_open, self.leader_feed = True, False
        stock = self.inventory()
        self.tally.paa_in += stock.polymer_kg
        self.tally.solvent_in += stock.solvent_kg
        self.readings.update()

    # --- parts of a step ---------------------------------------------------------------------

    def advance(self, dt: float, speeds: Speeds, zones: ZoneState, coater: Coater) -> None:
        """A step without casting: move what is there, coat, draw, dry and cure it."""
        self.t_s += dt
        self.crossings.move(dt, speeds, coater)
        self._dry(dt, zones)

    def insert_cell(self, dope: Delivery, profile: Float, x_m: float) -> None:
        """Put a cell of freshly cast film at ``x_m`` behind the die."""
        store, layout = self.store, self.params.layout
        area = layout.cell_m * layout.width_belt_m
        slot = store.insert(store.low)
        film = store.film
        film.paa[:, slot] = dope.paa_kg / area * (1.0 + profile)
        film.mobile[:, slot] = np.maximum(dope.solvent_kg / area * (1.0 + profile), TINY_SOLVENT)
        film.temp[:, slot] = dope.dope_c + KELVIN
        film.open_[:, :, slot] = self.kernel.weight[:, None]
        store.meta[:, slot] = 0.0
        store.meta[[meta.X, meta.LABEL], slot] = x_m, self.cast_m - x_m
        store.meta[[meta.AREA, meta.DRAW_MD, meta.DRAW_TD], slot] = area, 1.0, 1.0
        store.meta[[meta.LOH_PEEL, meta.IMID_PEEL], slot] = np.nan
        store.meta[meta.CAST_S, slot] = self.t_s
        store.dope_lot[slot] = self.dope_lot
        mean = 1.0 + float(profile.mean())
        self.tally.paa_in += dope.paa_kg * mean
        self.tally.solvent_in += dope.solvent_kg * mean

    def drop(self, first: int, last: int, *, waste: bool) -> None:
        """Take slots first..last-1 off the line into the tally of what has left it."""
        if last <= first:
            return
        polymer, solvent = self._content(first, last)
        tally = self.tally
        tally.polymer_out += polymer
        tally.solvent_out += solvent
        if waste:
            tally.polymer_waste += polymer
            tally.solvent_waste += solvent
        self.store.remove(first, last)

    def inventory(self) -> Inventory:
        """What is on the line now."""
        return Inventory(*self._content(self.store.low, self.store.high))

    def _content(self, first: int, last: int) -> tuple[float, float]:
        """Polymer and solvent in slots first..last-1, kg."""
        film = self.store.film.view(first, last)
        area = self.store.meta[meta.AREA, first:last] / self.lanes
        paa = film.paa.astype(np.float64)
        polymer = paa * (1.0 - self.params.material.water_fraction * film.imid)
        solvent = film.mobile.astype(np.float64) + film.trapped
        return float((polymer * area).sum()), float((solvent * area).sum())

    def _cast(self, dt: float, belt_m_min: float, casting: Casting) -> None:
        """Turn what the die laid on the moving belt into cells of equal belt length."""
        cell_m = self.params.layout.cell_m
        travel = belt_m_min / 60.0 * dt
        self.cast_m += travel
        self._open_m += travel
        dope = casting.take()
        self._open.paa_kg += dope.paa_kg
        self._open.solvent_kg += dope.solvent_kg
        while self._open_m >= cell_m:
            share = cell_m / self._open_m
            part = Delivery(self._open.paa_kg * share, self._open.solvent_kg * share, dope.dope_c)
            if part.paa_kg >= LEAST_PAA_KG_M2 * cell_m * self.params.layout.width_belt_m:
                self.insert_cell(part, casting.profile(), self._open_m - 0.5 * cell_m)
            else:
                self.tally.drip += part.paa_kg + part.solvent_kg
            self._open.paa_kg -= part.paa_kg
            self._open.solvent_kg -= part.solvent_kg
            self._open_m -= cell_m

    def _lay_leader(self, at: int, x_m: float) -> None:
        """Put a cell of cured film without solvent in front of slot ``at``."""
        params, store, film = self.params, self.store, self.store.film
        slot = store.insert(at)
        cured = params.material.density_paa_kg_m3 + params.material.density_rise_pi_kg_m3
        solid = params.reference.leader_um * 1e-6 * cured
        film.paa[:, slot] = solid / (1.0 - params.material.water_fraction)
        film.mobile[:, slot] = TINY_SOLVENT
        film.temp[:, slot] = params.constants.ambient_c + KELVIN
        film.imid[:, slot] = film.bind[:, slot] = 1.0
        film.open_[:, :, slot] = TINY_FRACTION
        area = params.layout.cell_m * params.layout.width_belt_m
        store.meta[[meta.X, meta.AREA, meta.DRAW_MD, meta.DRAW_TD], slot] = x_m, area, 1.0, 1.0
        store.meta[[meta.LABEL, meta.LOH_PEEL, meta.IMID_PEEL], slot] = np.nan
        store.flags[slot] = int(CellFlag.LEADER)
        self.tally.leader_in += solid * area

    def _feed_leader(self) -> None:
        """Let the leader run in from its supply at the peel roll as the nip takes it away."""
        peel, cell_m = self.params.layout.peel_m, self.params.layout.cell_m
        slot = int(self.store.place((peel,))[0])
        if slot == self.store.high:
            return
        behind = float(self.store.meta[meta.X, slot]) - cell_m
        while behind >= peel:
            slot = int(self.store.place((peel,))[0])
            self._lay_leader(slot, behind)
            behind -= cell_m

    def _dry(self, dt: float, zones: ZoneState) -> None:
        """Run the kernel on all cells and sum what they exchange with each zone."""
        store, result, cells = self.store, self.result, len(self.store)
        if cells == 0:
            result.evap_kg_s[:] = result.water_kg_s[:] = result.heat_w[:] = 0.0
            result.evap_room_kg_s = 0.0
            return
        segment = self.places.segment(store.x)
        table = self.places.boundary(zones).astype(self.kernel.dtype)
        boundary = self._boundary[:, :cells]
        table.take(segment, axis=1, out=boundary, mode="clip")
        at_risk = store.view.imid[self.lanes // 2] < self.params.drying.blister_p_max
        self.kernel.step(dt, store.view, boundary)
        zone = self.places.zone[segment]
        area = store.meta[meta.AREA, store.low : store.high] / (self.lanes * dt)
        kernel = self.kernel
        evap = np.bincount(zone, np.add.reduce(kernel.evap, axis=0) * area, PLACES)
        water = np.bincount(zone, np.add.reduce(kernel.water, axis=0) * area, PLACES)
        heat = np.bincount(zone, np.add.reduce(kernel.heat, axis=0) * area, PLACES)
        result.evap_kg_s[:] = evap[:EXHAUST_COUNT]
        result.water_kg_s[:] = water[:EXHAUST_COUNT]
        result.heat_w[:] = heat[:ZONE_COUNT]
        result.evap_room_kg_s = float(evap[ROOM] + evap[COOL])
        self.tally.evaporated += float(evap.sum()) * dt
        self.tally.water += float(water.sum()) * dt
        self._remember(dt, at_risk)

    def _remember(self, dt: float, at_risk: NDArray[np.bool_]) -> None:
        """Keep per cell what only its history tells: hottest, blister index, heating time."""
        store, middle = self.store, self.lanes // 2
        rows = store.meta[:, store.low : store.high]
        temp = store.view.temp[middle]
        np.maximum(rows[meta.MAX_K], temp, out=rows[meta.MAX_K])
        rows[meta.RISE_S] += ((temp > RISE_FROM_K) & (temp < RISE_TO_K)) * dt
        index = self.kernel.push[middle] * (1.0 / ATMOSPHERE_PA)
        index *= at_risk
        np.maximum(rows[meta.BLISTER], index, out=rows[meta.BLISTER])

    def _mark_standing(self, dt: float, speeds: Speeds) -> None:
        """Scrap what stood: belt and dryer after 3 min, tenter film above 400 degC after 30 s."""
        layout, web, stood = self.params.layout, self.params.web, self.standing_s
        stood[0] = stood[0] + dt if speeds.belt < STANDING_M_MIN else 0.0
        stood[1] = stood[1] + dt if speeds.rails < STANDING_M_MIN else 0.0
        mark = CellFlag.SCRAP | CellFlag.STOOD
        if stood[0] > web.stop_scrap_belt_s:
            self.mark_scrap(0.0, layout.pin_m, mark)
        if stood[1] > web.stop_scrap_tenter_s:
            first, last = self.store.place((layout.pin_m, layout.unpin_m))
            hot = self.store.film.temp[self.lanes // 2, first:last] > (
                web.stop_scrap_tenter_c + KELVIN
            )
            self.store.flags[first:last] |= np.where(hot, int(mark), 0).astype(np.int32)
