"""Gear pump, dope, die and lip bolts: how much film is cast, and its cross profile.

Process specification 3. Two readings of it, settled here: the 10 cm3/rev of the pump are its
delivery at nominal slip (27 rpm gives 270 cm3/min); the edge bead lies in the outer 25 mm of
the belt film, outside the product lanes, whose mean follows from the pump flow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.twin.kinetics import KELVIN
from simulators.twin.parameters import Parameters

Float = NDArray[np.float64]

SECONDS_PER_DAY = 86400.0


@dataclass(slots=True)
class CastingInputs:
    """What acts on pump and die; the second half are disturbances with neutral defaults.

    Attributes:
        pump_rpm: speed of the pump shaft (geared).
        diverter_die: True sends the dope to the die, False back to the tank.
        tank_open: the tank valve; closed, the pump runs dry.
        die_c: temperature of die and dope in it, degC.
        solids: mass fraction of polymer in the tank.
        viscosity_factor: multiplies the viscosity.
        efficiency_factor: multiplies the pump's delivery (wear).
        pulse_shaft: first-order pulsation amplitude a1; None takes the parameter.
    """

    pump_rpm: float = 0.0
    diverter_die: bool = False
    tank_open: bool = True
    die_c: float = 30.0
    solids: float = 0.18
    viscosity_factor: float = 1.0
    efficiency_factor: float = 1.0
    pulse_shaft: float | None = None


@dataclass(slots=True)
class Delivery:
    """Dope laid on the belt since the last one: kg of polymer and solvent, degC."""

    paa_kg: float
    solvent_kg: float
    dope_c: float


def dope_density(params: Parameters, solids: float) -> float:
    """Density of the dope, kg/m3: 1/rho = c/1400 + (1-c)/937."""
    solvent = (1.0 - solids) / params.solvent.density_kg_m3
    return 1.0 / (solids / params.material.density_paa_kg_m3 + solvent)


def free_thickness_um(params: Parameters, wet_um: float, solids: float) -> float:
    """Cured thickness without draw of a wet film, um (process specification 3.1)."""
    material = params.material
    cured = material.density_paa_kg_m3 + material.density_rise_pi_kg_m3
    solid = dope_density(params, solids) * solids * (1.0 - material.water_fraction)
    return wet_um * solid / cured


def viscosity(
    params: Parameters, celsius: float, solids: float, age_d: float, tank_c: float
) -> float:
    """Zero-shear viscosity of the dope, Pa s (process specification 3.2).

    Args:
        params: the parameters.
        celsius: temperature in pump and die.
        solids: mass fraction of polymer.
        age_d: age of the dope in days.
        tank_c: storage temperature; the time constant of aging is interpolated in its logarithm.
    """
    law = params.casting
    share = (tank_c - law.storage_c) / (law.dope_c - law.storage_c)
    tau = law.age_tau_cold_d * math.pow(law.age_tau_warm_d / law.age_tau_cold_d, share)
    kelvin = celsius + KELVIN
    activation = law.viscosity_activation_j_mol / params.constants.gas_j_mol_k
    return (
        law.viscosity_pa_s
        * math.pow(solids / law.solids, law.viscosity_exponent)
        * math.exp(activation * (1.0 / kelvin - 1.0 / law.viscosity_reference_k))
        * math.exp(-age_d / tau)
    )


def _mean_sine(start: float, end: float) -> float:
    """Mean of sin over a phase interval: what a step of any length receives of a pulsation."""
    if end - start < 1e-9:
        return math.sin(start)
    return (math.cos(start) - math.cos(end)) / (end - start)


class Casting:
    """Pump, die and bolts.

    ``step`` may run at the fast rate (scalars only), ``step_bolts`` at 1 s.

    Attributes:
        flow_cm3_s: dope leaving the lip now, without pulsation.
        pump_cm3_s: dope delivered by the pump, to die or tank.
        die_mpa, filter_mpa: pressure before the die, pressure drop of the filter.
        solids, dope_c: composition and temperature at the lip, after the hold-up.
        viscosity_pa_s, apparent_pa_s: at the lip, at zero and at wall shear.
        age_d: age of the dope; tank_c: its storage temperature.
        filter_load: 0 clean to 1 at change-out.
        bolt_um: stroke of each lip bolt; bolt_frozen: those that do not follow.
        start_profile, streak: relative thickness per lane, of the lip and of a die line.
    """

    def __init__(self, params: Parameters, lanes: int, seed: int) -> None:
        law = params.casting
        self.params = params
        self.lane_m: Float = np.linspace(-0.5, 0.5, lanes) * params.layout.width_product_m
        self.flow_cm3_s = 0.0
        self.pump_cm3_s = 0.0
        self.die_mpa = 0.0
        self.filter_mpa = 0.0
        self.solids = law.solids
        self.dope_c = law.dope_c
        self.age_d = 0.0
        self.tank_c = law.dope_c
        self.filter_load = 0.0
        self.viscosity_pa_s = law.viscosity_pa_s
        self.apparent_pa_s = law.viscosity_pa_s
        self.bolt_um: Float = np.zeros(law.bolts)
        self.bolt_frozen: NDArray[np.bool_] = np.zeros(law.bolts, np.bool_)
        self.streak: Float = np.zeros(lanes)
        self.start_profile = self._draw_profile(seed)
        self.gain: Float = self._bolt_gain()
        self._phase = 0.0
        self._paa_kg = 0.0
        self._solvent_kg = 0.0
        self._slip = self._nominal_slip()
        self._update_pressures(0.0, 1.0)

    def settle(self, inputs: CastingInputs) -> None:
        """Jump to the steady state of the inputs (start "running")."""
        self.solids, self.dope_c = inputs.solids, inputs.die_c
        for _ in range(20):  # the slip depends on the pressure it makes
            self.pump_cm3_s = self._pump_flow(inputs)
            self.flow_cm3_s = self.pump_cm3_s if inputs.diverter_die else 0.0
            self._update_pressures(inputs.pump_rpm, inputs.viscosity_factor)

    def step(self, dt: float, inputs: CastingInputs) -> None:
        """Advance pump, hold-up and pressures by ``dt`` seconds."""
        law = self.params.casting
        self.pump_cm3_s = self._pump_flow(inputs)
        target = self.pump_cm3_s if inputs.diverter_die else 0.0
        before = self.flow_cm3_s
        self.flow_cm3_s = target + (before - target) * math.exp(-dt / law.flow_tau_s)
        # exact integral of the first-order answer over the step
        volume = target * dt + (before - self.flow_cm3_s) * law.flow_tau_s
        mix = math.exp(-volume / law.holdup_cm3)
        self.solids = inputs.solids + (self.solids - inputs.solids) * mix
        self.dope_c = inputs.die_c + (self.dope_c - inputs.die_c) * mix
        self.age_d += dt / SECONDS_PER_DAY
        self.filter_load += (
            self.pump_cm3_s * dt / (law.nominal_flow_cm3_min * 60.0 * law.filter_hours)
        )
        pulse = 1.0 + self._pulsation(dt, inputs)
        self._update_pressures(inputs.pump_rpm, inputs.viscosity_factor)
        self.die_mpa *= pulse
        kg = volume * 1e-6 * dope_density(self.params, self.solids) * pulse
        self._paa_kg += kg * self.solids
        self._solvent_kg += kg * (1.0 - self.solids)

    def step_bolts(self, dt: float, target_um: Float) -> None:
        """Advance the thermal actuators: first order 90 s, slew limited, range +/-25 um."""
        law = self.params.casting
        target = np.clip(target_um, -law.bolt_range_um, law.bolt_range_um)
        move = (target - self.bolt_um) * (1.0 - math.exp(-dt / law.bolt_tau_s))
        limit = law.bolt_slew_um_s * dt
        self.bolt_um += np.where(self.bolt_frozen, 0.0, np.clip(move, -limit, limit))

    def take(self) -> Delivery:
        """Hand over what has been laid on the belt since the last call."""
        delivery = Delivery(self._paa_kg, self._solvent_kg, self.dope_c)
        self._paa_kg = self._solvent_kg = 0.0
        return delivery

    def steady(self, seconds: float) -> Delivery:
        """What the present flow lays down in a time, without pulsation."""
        kg = self.flow_cm3_s * seconds * 1e-6 * dope_density(self.params, self.solids)
        return Delivery(kg * self.solids, kg * (1.0 - self.solids), self.dope_c)

    @property
    def bolt_c(self) -> Float:
        """Temperature of each bolt, degC."""
        law = self.params.casting
        return law.bolt_base_c + self.bolt_um / law.bolt_um_per_k

    def profile(self) -> Float:
        """Relative thickness deviation per lane; its mean is zero but for a die line."""
        return self.start_profile + self.gain @ self.bolt_um + self.streak

    def _pump_flow(self, inputs: CastingInputs) -> float:
        if not inputs.tank_open or inputs.pump_rpm <= 0.0:
            return 0.0
        law = self.params.casting
        loss = self._slip * self.die_mpa / (self.viscosity_pa_s * inputs.pump_rpm)
        efficiency = max(0.0, (1.0 - loss) / (1.0 - law.pump_slip)) * inputs.efficiency_factor
        return law.pump_cm3_rev * inputs.pump_rpm / 60.0 * efficiency

    def _nominal_slip(self) -> float:
        """k_s of the slip law, Pa s rpm / MPa."""
        law = self.params.casting
        nominal = self._die_pressure(law.viscosity_pa_s, law.nominal_flow_cm3_min / 60.0)
        return law.pump_slip * law.viscosity_pa_s * law.nominal_pump_rpm / nominal

    def _die_pressure(self, viscosity_pa_s: float, flow_cm3_s: float) -> float:
        law, width = self.params.casting, self.params.layout.width_die_m
        slot = width * law.die_gap_m**3
        return 12.0 * viscosity_pa_s * flow_cm3_s * 1e-6 * law.die_land_m / slot * 1e-6

    def _update_pressures(self, rpm: float, factor: float) -> None:
        law, width = self.params.casting, self.params.layout.width_die_m
        zero = viscosity(self.params, self.dope_c, self.solids, self.age_d, self.tank_c)
        self.viscosity_pa_s = zero * factor
        shear = 6.0 * self.flow_cm3_s * 1e-6 / (width * law.die_gap_m**2)
        thinning = (1.0 + (law.shear_time_s * shear) ** 2) ** law.shear_exponent
        self.apparent_pa_s = self.viscosity_pa_s * thinning
        self.die_mpa = self._die_pressure(self.viscosity_pa_s, self.flow_cm3_s)
        clean, change = law.filter_clean_mpa, law.filter_change_mpa
        resistance = clean + (change - clean) * self.filter_load
        share = self.pump_cm3_s * 60.0 / law.nominal_flow_cm3_min if rpm > 0.0 else 0.0
        self.filter_mpa = resistance * share * self.viscosity_pa_s / law.viscosity_pa_s

    def _pulsation(self, dt: float, inputs: CastingInputs) -> float:
        law = self.params.casting
        start, end = self._phase, self._phase + 2.0 * math.pi * inputs.pump_rpm * dt / 60.0
        self._phase = end % (2.0 * math.pi)
        shaft = law.pulse_shaft if inputs.pulse_shaft is None else inputs.pulse_shaft
        teeth = law.pump_teeth
        return shaft * _mean_sine(start, end) + law.pulse_tooth * _mean_sine(
            teeth * start, teeth * end
        )

    def _bolt_gain(self) -> Float:
        """Relative thickness per um of bolt stroke [lanes, bolts], lane mean removed."""
        law, width = self.params.casting, self.params.layout.width_die_m
        index = np.arange(law.bolts) - (law.bolts - 1) / 2.0
        die_m = index * law.bolt_pitch_m
        film_m = die_m * (law.neck_in - law.neck_in_edge * (2.0 * die_m / width) ** 2)
        sigma = law.bolt_sigma_pitch * law.bolt_pitch_m
        distance = self.lane_m[:, None] - film_m[None, :]
        gain = law.bolt_gain_per_um * np.exp(-0.5 * (distance / sigma) ** 2)
        result: Float = gain - gain.mean(axis=0)
        return result

    def _draw_profile(self, seed: int) -> Float:
        """Start-up profile d0: three sinusoids and a random walk in 5 mm steps."""
        law = self.params.casting
        rng = np.random.Generator(np.random.Philox(key=[seed, 110]))
        fine = np.arange(-0.5, 0.5001, 0.01) * self.params.layout.width_product_m
        profile = np.zeros(len(fine))
        for period, amplitude in zip(law.startup_period_m, law.startup_amplitude, strict=True):
            profile += amplitude * np.sin(2.0 * np.pi * (fine / period + rng.random()))
        profile += np.cumsum(rng.normal(0.0, law.startup_walk, len(fine)))
        lanes = np.interp(self.lane_m, fine, profile)
        centered: Float = lanes - lanes.mean()
        return centered
