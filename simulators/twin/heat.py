"""Heat balance of the 15 zones (process specification 7.1, pilot line 2).

``C dT/dt = u Pmax - UA (T - Tamb) - m_ex cp (T - Tin) - Kx [(T - Tprev) + (T - Tnext)] - q_web``
advanced by the exact solution for one step with the neighbors held. The heater's power reaches
the zone after the dead time, the thermocouple follows the zone by its first-order lag.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulators.twin.actuators import Actuators
from simulators.twin.faults import Faults
from simulators.twin.parameters import COOL, EXHAUST_COUNT, ZONE_COUNT, Parameters

Floats = NDArray[np.float64]
N = EXHAUST_COUNT


class ZoneHeat:
    """Temperatures and heaters of the zones.

    Args:
        params: physics parameters.
        start_c: temperature of each zone, degC [15].
        dt_s: fixed step, s.

    Attributes:
        zone_c: true zone temperature [15]: belt surface in B1-B4, air elsewhere, degC.
        sensed_c: the same behind the thermocouple's lag, degC [15].
        power_w: electrical power of the heaters now, W [15]; the zone feels it a dead time later.
        web_w: heat the film takes, W [15]; set by the plant from the film kernel.
    """

    def __init__(self, params: Parameters, start_c: Floats, dt_s: float) -> None:
        zones = params.zones
        if len(set(zones.dead_time_s)) != 1:
            raise ValueError("zones.dead_time_s: the zones share one dead time")
        self._heater_w = np.array(zones.heater_kw) * 1e3
        self._step_per_j_k = -dt_s / (np.array(zones.capacity_kj_k) * 1e3)
        self._exhaust_w_k = np.array(zones.exhaust_heat_share) * (
            params.exhaust.normal_density_kg_m3 * params.drying.air_cp_j_kg_k / 3600.0
        )
        self._supply_c = params.exhaust.supply_c
        self._ambient_c = params.constants.ambient_c
        self._to_next = np.array(zones.coupling_next_w_k)
        self._to_prev = np.concatenate(([0.0], self._to_next[:-1]))
        self._loss = np.array(zones.loss_w_k) + np.array(zones.end_loss_w_k)
        self._cooler = (float(self._loss[COOL]), float(self._loss[COOL]) * zones.chill_lost_share)
        self._fixed = self._loss + self._to_next + self._to_prev
        # One row more than the delay: a row is read just before it is written again.
        self._delay = np.zeros((round(zones.dead_time_s[0] / dt_s) + 1, ZONE_COUNT))
        self._at = 0
        self._lag = -math.expm1(-dt_s / params.sensors.thermocouple_tau_s)
        self._padded = np.zeros(ZONE_COUNT + 2)
        self.zone_c: Floats = self._padded[1:-1]
        self.zone_c[:] = start_c
        self._prev, self._next = self._padded[:-2], self._padded[2:]
        self.sensed_c: Floats = self.zone_c.copy()
        self.power_w: Floats = np.zeros(ZONE_COUNT)
        self.web_w: Floats = np.zeros(ZONE_COUNT)
        self._total = np.zeros(ZONE_COUNT)
        self._goal = np.zeros(ZONE_COUNT)
        self._work = np.zeros(ZONE_COUNT)

    def step(self, act: Actuators, powered: bool, flow_nm3_h: Floats, faults: Faults) -> None:
        """Advance one step.

        Args:
            act: duties and zone contactors.
            powered: main contactor and safety circuit closed.
            flow_nm3_h: exhaust of the 13 zones.
            faults: F5 and stuck or welded switches.
        """
        self._switch(act, powered, faults)
        total, goal, work = self._total, self._goal, self._work
        np.multiply(flow_nm3_h, self._exhaust_w_k, out=work[:N])
        work[N:] = 0.0
        np.add(self._fixed, work, out=total)
        np.multiply(work, self._supply_c, out=goal)
        np.multiply(self._loss, self._ambient_c, out=work)
        goal += work
        np.multiply(self._to_prev, self._prev, out=work)
        goal += work
        np.multiply(self._to_next, self._next, out=work)
        goal += work
        goal += self._delay[self._at]
        goal -= self.web_w
        goal /= total
        total *= self._step_per_j_k
        np.exp(total, out=total)
        zone = self.zone_c
        zone -= goal
        zone *= total
        zone += goal
        np.subtract(zone, self.sensed_c, out=work)
        work *= self._lag
        self.sensed_c += work

    def _switch(self, act: Actuators, powered: bool, faults: Faults) -> None:
        """Move the power now switched on into the delay line."""
        power = self.power_w
        if powered:
            np.maximum(act.duty, faults.heater_stuck, out=power)
            power *= self._heater_w
            power *= faults.heater
            power[:N] *= act.contactor | faults.contactor_welded
        else:
            power.fill(0.0)
        self._delay[self._at] = power
        self._at += 1
        if self._at == len(self._delay):
            self._at = 0

    def set_chill(self, flowing: bool) -> None:
        """Tell whether the cooler gets its chill water."""
        loss = self._cooler[0] if flowing else self._cooler[1]
        self._fixed[COOL] += loss - self._loss[COOL]
        self._loss[COOL] = loss

    def steady_duty(self, flow_nm3_h: Floats) -> Floats:
        """Return the duties that hold the present temperatures at this exhaust [15]."""
        zone = self.zone_c
        watts = self._loss * (zone - self._ambient_c) + self.web_w
        watts[:N] += flow_nm3_h * self._exhaust_w_k * (zone[:N] - self._supply_c)
        watts += self._to_prev * (zone - self._prev) + self._to_next * (zone - self._next)
        duty: Floats = np.clip(watts / self._heater_w, 0.0, 1.0)
        return duty

    def hold(self, duty: Floats) -> None:
        """Fill the delay line as if these duties had been on for long (start "running")."""
        np.multiply(duty, self._heater_w, out=self.power_w)
        self._delay[:] = self.power_w
