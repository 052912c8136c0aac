"""Exhaust fans, flow split and solvent vapor of the zones (process specification 7.2).

A zone's flow is its table flow x 2.5 x fan speed x damper x duct opening, the fan's share by a
first-order lag. Vapor: ``V dC/dt = evap - Qv C`` written for the mole fraction, solved exactly
for one step. The lower flammable limit falls with temperature (Burgess-Wheeler).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulators.twin.actuators import Actuators
from simulators.twin.faults import Faults
from simulators.twin.parameters import EXHAUST_COUNT, Parameters

Floats = NDArray[np.float64]
NORMAL_K = 293.15  # temperature at which 0.02406 m3 hold one mole
LFL_FROM_C = 100.0
PROVEN_SHARE = 0.70  # of the table flow: less is no purge
PURGE_SPEED = 0.85  # of full: the pressure switch over a fan closes


class Exhaust:
    """Flows and vapor of the 13 exhausted zones.

    Args:
        params: physics parameters.
        fan: speed of the three fans at the start, 0..1, flows settled.
        dt_s: fixed step, s.

    Attributes:
        flow_nm3_h: true exhaust flow.
        vapor_y: solvent mole fraction of the zone air.
        lfl_pct: percent of the lower flammable limit at the zone's own air temperature.
        purge_volumes: zone volumes of proven flow without a gap; 0 again when the flow falls
            below 70 % of the table.
        evap_kg_s: solvent given off in each zone; set by the plant from the film kernel.
        room_ppm: solvent in the room air.
    """

    def __init__(self, params: Parameters, fan: Floats, dt_s: float) -> None:
        exhaust = params.exhaust
        table = np.array(exhaust.table_nm3_h)
        if list(exhaust.fan) != sorted(exhaust.fan):
            raise ValueError("exhaust.fan: zones of one fan lie together, in the order of the fans")
        self._fan_ends = [exhaust.fan.index(k) for k in (1, 2)]
        self._full = table * exhaust.fan_maximum
        self._closed = exhaust.closed_leak
        self._lag = -math.expm1(-dt_s / exhaust.fan_tau_s)
        self._fans: list[float] = fan.tolist()
        self._proven = table * PROVEN_SHARE
        # Natural draft: some air always moves, and keeps the steady state finite.
        self._draft = table * exhaust.closed_leak
        volume = np.array(exhaust.volume_m3)
        self._purge_step = dt_s / (3600.0 * volume)
        self._decay = -self._purge_step / NORMAL_K
        molar = params.solvent.molar_mass_kg_mol
        self._moles = 3600.0 / molar * exhaust.molar_volume_nm3  # kg/s over Nm3/h to fraction
        self._lfl = params.solvent.lfl_vol_pct / 100.0
        self._slope = params.solvent.lfl_slope_per_k
        self._room_decay = math.exp(-dt_s * exhaust.room_change_per_h / 3600.0)
        air_kg_h = exhaust.room_volume_m3 * exhaust.room_change_per_h
        self._room_gain = self._moles / air_kg_h * 1e6
        self.flow_nm3_h: Floats = self._full * np.repeat(fan, np.bincount(exhaust.fan))
        self.vapor_y: Floats = np.zeros(EXHAUST_COUNT)
        self.lfl_pct: Floats = np.zeros(EXHAUST_COUNT)
        self.purge_volumes: Floats = np.zeros(EXHAUST_COUNT)
        self.evap_kg_s: Floats = np.zeros(EXHAUST_COUNT)
        self.evap_room_kg_s = 0.0
        self.room_ppm = 0.0
        self._share = np.zeros(EXHAUST_COUNT)
        self._moving = np.zeros(EXHAUST_COUNT)
        self._work = np.zeros(EXHAUST_COUNT)
        self._ok = np.zeros(EXHAUST_COUNT, dtype=np.bool_)

    def step(self, act: Actuators, air_c: Floats, faults: Faults) -> None:
        """Advance one step; ``air_c`` is the air temperature of the 13 zones."""
        self._blow(act, faults)
        moving, work = self._moving, self._work
        np.maximum(self.flow_nm3_h, self._draft, out=moving)
        goal = self._steady(moving)
        np.add(air_c, 273.15, out=work)
        work *= moving
        work *= self._decay
        np.exp(work, out=work)
        y = self.vapor_y
        y -= goal
        y *= work
        y += goal
        self._flammable(air_c)
        self._purge()
        self.room_ppm = self.evap_room_kg_s * self._room_gain + self._room_decay * (
            self.room_ppm - self.evap_room_kg_s * self._room_gain
        )

    def settle(self, air_c: Floats) -> None:
        """Set the vapor to its steady value at the present flows and evaporation."""
        np.maximum(self.flow_nm3_h, self._draft, out=self._moving)
        self.vapor_y[:] = self._steady(self._moving)
        self._flammable(air_c)
        self.room_ppm = self.evap_room_kg_s * self._room_gain

    @property
    def proven(self) -> bool:
        """The flow switches of all zones are closed."""
        return bool(self._ok.all())

    @property
    def at_purge_speed(self) -> bool:
        """The pressure switches over all fans are closed."""
        return min(self._fans) >= PURGE_SPEED

    def _blow(self, act: Actuators, faults: Faults) -> None:
        fans = self._fans
        share = self._share
        first, second = self._fan_ends
        lag = self._lag
        if act.exhaust_latched:
            openings = [1.0, 1.0, 1.0]
        elif act.damper_closed.any():
            openings = [self._closed if closed else 1.0 for closed in act.damper_closed]
        else:
            openings = [1.0, 1.0, 1.0]
        speeds = (faults.fan if act.exhaust_latched else act.fan * faults.fan).tolist()
        for k in range(3):
            fans[k] += lag * (speeds[k] * openings[k] - fans[k])
        share[:first] = fans[0]
        share[first:second] = fans[1]
        share[second:] = fans[2]
        np.multiply(self._full, share, out=self.flow_nm3_h)
        self.flow_nm3_h *= faults.exhaust

    def _steady(self, moving: Floats) -> Floats:
        goal = self._share
        np.divide(self.evap_kg_s, moving, out=goal)
        goal *= self._moles
        return goal

    def _flammable(self, air_c: Floats) -> None:
        work = self._work
        np.subtract(air_c, LFL_FROM_C, out=work)
        np.maximum(work, 0.0, out=work)
        work *= -self._slope
        work += 1.0
        work *= self._lfl / 100.0
        np.divide(self.vapor_y, work, out=self.lfl_pct)

    def _purge(self) -> None:
        work = self._work
        np.multiply(self.flow_nm3_h, self._purge_step, out=work)
        self.purge_volumes += work
        np.greater_equal(self.flow_nm3_h, self._proven, out=self._ok)
        self.purge_volumes *= self._ok
