"""The wet and solid side of the plant: pump and die, coater, film, with the faults that act there.

It joins the parts of the film twin and steps them at their rates: pump and die at 0.1 s, bolts,
coater and film once a second with the mean speeds of that second.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulators.twin import actuators as io
from simulators.twin.actuators import Actuators
from simulators.twin.casting import Casting, CastingInputs
from simulators.twin.coating import Coater
from simulators.twin.faults import Faults
from simulators.twin.film import FilmGrid
from simulators.twin.film_io import COAT_A, GEL, PIN, SCAN, T8_EXIT, WIND, Speeds, ZoneState
from simulators.twin.parameters import EXHAUST_COUNT, ZONE_COUNT, Parameters
from simulators.twin.web import Web, span_at

Floats = NDArray[np.float64]
Pair = tuple[float, float]

FILM_DT_S = 1.0
MS_TO_PM = 60.0
# Film at both stations fills a span; a splice may leave neither for a moment.
SPAN_STATIONS = ((GEL, COAT_A), (COAT_A, PIN), (T8_EXIT, SCAN), (SCAN, WIND))
SPLICE_S = 5.0
SETTLE_S = 6  # seconds, two cells at the reference speed


class FilmSide:
    """Casting, coating and film.

    Args:
        params: physics parameters.
        seed: seed of the run.
        dtype: of the film cells.
        lanes: over the product width.

    Attributes:
        casting, coater, film: the parts of the film twin.
        dope: what acts on pump and die.
    """

    def __init__(self, params: Parameters, seed: int, dtype: DTypeLike, lanes: int) -> None:
        self.params = params
        self.casting = Casting(params, lanes=lanes, seed=seed)
        self.coater = Coater(params, lanes=lanes, seed=seed)
        self.film = FilmGrid(params, lanes=lanes, dtype=dtype)
        self.dope = CastingInputs()
        self._lanes, self._dtype = lanes, dtype
        self._solids = params.casting.solids
        self._speeds = Speeds()
        self._moved = [0.0, 0.0, 0.0, 0.0]
        self._steps = 0
        self._viscosity = 1.0
        self._wear = 1.0
        self._pins_s = 0.0
        self._missing_s = [math.inf] * 4

    def fill_tank(self, solids: float) -> None:
        """Put dope of this mass fraction of polymer into tank, pump and die."""
        self._solids = self.dope.solids = self.casting.solids = solids

    def step_dope(self, act: Actuators, feeding: bool, die_c: float, web: Web, dt_s: float) -> None:
        """Advance pump and die by a fast step and add up how far the web moved."""
        moved = self._moved
        moved[0] += web.belt
        moved[1] += web.nip
        moved[2] += web.rails
        moved[3] += web.winder
        self._steps += 1
        self.set_dope(act, feeding, die_c)
        self.casting.step(dt_s, self.dope)

    def set_dope(self, act: Actuators, feeding: bool, die_c: float) -> None:
        """Take pump, valves and die temperature over."""
        dope = self.dope
        dope.pump_rpm = act.pump_rpm if feeding else 0.0
        dope.diverter_die = act.diverter_die
        dope.tank_open = act.tank_valve
        dope.die_c = die_c

    def step_film(self, act: Actuators, feeding: bool, zones: ZoneState, faults: Faults) -> None:
        """Advance bolts, coater and film by a second."""
        self._disturb(faults)
        share = MS_TO_PM / max(1, self._steps)
        speeds, moved = self._speeds, self._moved
        speeds.belt, speeds.nip, speeds.rails, speeds.winder = (total * share for total in moved)
        moved[:] = (0.0, 0.0, 0.0, 0.0)
        self._steps = 0
        self.casting.step_bolts(FILM_DT_S, act.bolt_um)
        self.coater.step(FILM_DT_S, coat_flow(act) if feeding else (0.0, 0.0), engaged(act))
        self.film.step(FILM_DT_S, speeds, zones, self.casting, self.coater)

    def spans_filled(self) -> tuple[bool, bool, bool, bool]:
        """Tell which spans hold film; a splice is no gap, a break is one until it is healed."""
        here = self.film.result.present
        missing = self._missing_s
        for k, (first, last) in enumerate(SPAN_STATIONS):
            missing[k] = 0.0 if here[first] and here[last] else missing[k] + FILM_DT_S
        if self.film.break_m is not None:
            missing[span_at(self.film.break_m)] = math.inf
        one, two, three, four = (gone < SPLICE_S for gone in missing)
        return one, two, three, four

    # --- start "running" ---------------------------------------------------------------------

    def settle(self, act: Actuators, zones: ZoneState) -> tuple[Floats, Floats]:
        """Fill the line with the film these actuators and zones make.

        Returns:
            Mean heat the film takes from the 15 zones, W, and solvent into the 13, kg/s.
        """
        self.casting.settle(self.dope)
        self.coater.settle(coat_flow(act), engaged(act))
        self._speeds = Speeds(act.belt, act.nip, act.rails, act.winder)
        self._fill(zones)
        heat, evap = self._mean_load(zones)
        self._fill(zones)
        self.film.result.heat_w[:] = heat
        self.film.result.evap_kg_s[:] = evap
        return heat, evap

    def _fill(self, zones: ZoneState) -> None:
        self.film = FilmGrid(self.params, lanes=self._lanes, dtype=self._dtype)
        self.film.fill_running(self._speeds, zones, self.casting, self.coater)

    def _mean_load(self, zones: ZoneState) -> tuple[Floats, Floats]:
        """Average over some cells: heat and vapor come in portions, a cell at a time."""
        heat, evap = np.zeros(ZONE_COUNT), np.zeros(EXHAUST_COUNT)
        for _ in range(SETTLE_S):
            result = self.film.step(FILM_DT_S, self._speeds, zones, self.casting, self.coater)
            heat += result.heat_w / SETTLE_S
            evap += result.evap_kg_s / SETTLE_S
        return heat, evap

    # --- faults ------------------------------------------------------------------------------

    def _disturb(self, faults: Faults) -> None:
        """Bring the faults of casting and coating to their parts (F1-F4, F10, F12)."""
        dope, law, web = self.dope, self.params.casting, self.params.web
        hours = FILM_DT_S / 3600.0
        self._viscosity *= 1.0 + faults.viscosity_per_h * hours
        self._wear *= 1.0 - faults.pump_wear_per_h * hours
        dope.viscosity_factor = self._viscosity
        dope.efficiency_factor = self._wear
        dope.pulse_shaft = law.pulse_shaft * faults.pump_shaft_factor
        dope.solids = self._solids + faults.solids_step
        self.casting.bolt_frozen[:] = faults.bolt_stuck
        self.coater.starved[:] = faults.starved.tolist()
        self._streak(faults)
        self._pins_s = self._pins_s + FILM_DT_S if faults.pins_lost else 0.0
        lost = web.lost_pin_shrink * -math.expm1(-self._pins_s / web.lost_pin_tau_s)
        self._speeds.width_td = web.nominal_width_td * (1.0 + lost)

    def _streak(self, faults: Faults) -> None:
        """A die line thins its lane by its share of the lane's width."""
        streak = self.casting.streak
        streak.fill(0.0)
        if faults.streak is not None:
            x_m, width_m, depth = faults.streak
            lanes = self.casting.lane_m
            lane = int(np.argmin(abs(lanes - x_m)))
            streak[lane] = depth * min(1.0, width_m / float(lanes[1] - lanes[0]))


def coat_flow(act: Actuators) -> Pair:
    """Return the flow of heads A and B, mL/min."""
    return float(act.coat_flow[io.AIR]), float(act.coat_flow[io.BELT])


def engaged(act: Actuators) -> tuple[bool, bool]:
    """Tell whether heads A and B are at the web."""
    return bool(act.coat_engaged[io.AIR]), bool(act.coat_engaged[io.BELT])
