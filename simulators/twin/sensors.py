"""Sensed values: the truth behind lag, noise, bias and faults (process specification 8).

Fast signals are refreshed on each tick, those of the film once a second with the film kernel.
Biases are drawn once per run; noise belongs to each instrument's own generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.twin import actuators as io
from simulators.twin import noise as streams
from simulators.twin.actuators import Actuators, Signals
from simulators.twin.exhaust import Exhaust
from simulators.twin.faults import Faults
from simulators.twin.gauges import FinalScanner, GelGauge
from simulators.twin.heat import ZoneHeat
from simulators.twin.noise import Noise, generator
from simulators.twin.parameters import EXHAUST_COUNT, ZONE_COUNT, Parameters, Sensors
from simulators.twin.web import Web

Floats = NDArray[np.float64]
WEEK_S = 7.0 * 86400.0
DAY_S = 86400.0
LAYER_X_M = (-0.2, -0.1, 0.0, 0.1, 0.2)
KELVIN = 273.15
POSITION_SIGMA_M = 2.0e-4
CHILL_SIGMA_L_MIN = 0.1


@dataclass(slots=True)
class Pressures:
    """Liquid pressures: die and filter in MPa, coating head in kPa."""

    die_mpa: float = 0.0
    filter_mpa: float = 0.0
    coat_kpa: float = 0.0


@dataclass(slots=True)
class FilmView:
    """What the slow gauges see of the film; NaN where there is none."""

    layer_um: Floats
    layer_film_c: float
    layer_loh: float
    film_c: Floats
    rail_m: Floats
    bolt_c: Floats


class FastSensors:
    """Coupler signals, thermocouples, currents and digital inputs, on each tick."""

    def __init__(self, params: Parameters, seed: int, heat: ZoneHeat, dt_s: float) -> None:
        s = params.sensors
        self._dt = dt_s
        self._analog = Noise(seed, streams.ANALOG, io.ANALOGS)
        self._tc = Noise(seed, streams.THERMOCOUPLES, ZONE_COUNT + EXHAUST_COUNT)
        self._tc_sigma = s.thermocouple_sigma_k
        draw = generator(seed, streams.BIASES)
        self._tc_bias = _tolerance(params, draw)
        self._tc_now = self._tc_bias.copy()
        self._tc_drift_per_s = s.thermocouple_drift_k_h / 3600.0
        self._hot_c = s.thermocouple_drift_above_c
        self._hot_s = np.zeros(ZONE_COUNT + EXHAUST_COUNT)
        self._bias, self._sigma = _analog_errors(s, draw)
        self._drift = draw.uniform(-1.0, 1.0, 6) * s.lfl_drift_pct_week / WEEK_S
        self._load_drift = draw.uniform(-1.0, 1.0, 4) * s.loadcell_drift_n_m_day / DAY_S
        self._clean = np.zeros(io.ANALOGS)
        self._flow = self._clean[io.FT_201 : io.FT_201 + EXHAUST_COUNT]
        self._flow_sigma = self._sigma[io.FT_201 : io.FT_201 + EXHAUST_COUNT]
        self._flow_rel = s.flow_sigma_rel
        self._flow_lag = -math.expm1(-dt_s / s.flow_tau_s)
        self._lfl = self._clean[io.AT_201 : io.AT_201 + 6]
        self._lfl_lag = -math.expm1(-dt_s * math.log(10.0) / s.lfl_t90_s)
        self._floor = np.zeros(io.ANALOGS)
        self._floor[[io.ZT_231, io.ZT_601]] = -np.inf
        self._room_lag = -math.expm1(-dt_s / s.room_gas_tau_s)
        self._chill = s.chill_flow_l_min
        self._amps = 1.0 / params.zones.heater_volts
        self._room = 0.0
        self._work13 = np.zeros(EXHAUST_COUNT)
        self._work6 = np.zeros(6)
        self._masks: dict[bytes, int] = {}
        self._tc_row = np.zeros(ZONE_COUNT + EXHAUST_COUNT)
        self._tc_row_1, self._tc_row_2 = self._tc_row[:ZONE_COUNT], self._tc_row[ZONE_COUNT:]
        self._heat = heat

    def settle(self, exhaust: Exhaust) -> None:
        """Put the lags of flow meters and analyzers at rest."""
        self._flow[:] = exhaust.flow_nm3_h
        pct = exhaust.lfl_pct
        self._lfl[:3], self._lfl[3:] = pct[:3], pct[4:7]
        self._room = exhaust.room_ppm

    def sample(
        self,
        sig: Signals,
        exhaust: Exhaust,
        web: Web,
        pressures: Pressures,
        gel: GelGauge,
        scanner: FinalScanner,
        faults: Faults,
    ) -> None:
        """Refresh the analog signals and thermocouples of ``sig``."""
        clean = self._clean
        clean[0], clean[1] = pressures.die_mpa, pressures.filter_mpa
        clean[2] = pressures.coat_kpa
        clean[3], clean[4], clean[5] = gel.weight_g_m2, gel.solvent_wt_pct, gel.frame.x_m
        one, two, three, four = web.tension
        clean[6], clean[7] = one.value + web.shake_n_m, two.value
        clean[8], clean[9] = three.value, four.value
        self._lag_gases(exhaust)
        self._room += self._room_lag * (exhaust.room_ppm + faults.room_ppm - self._room)
        clean[29] = self._room
        clean[30] = 0.0 if faults.chill_lost else self._chill
        clean[31], clean[32], clean[33] = web.torque_pct, web.roll_m, scanner.frame.x_m
        analog = sig.analog
        np.multiply(self._analog.row(), self._sigma, out=analog)
        analog += clean
        analog += self._bias
        np.maximum(analog, self._floor, out=analog)
        for terminal, value in faults.analog.items():
            analog[terminal] = value
        self._thermocouples(sig, faults)
        np.multiply(self._heat.power_w, self._amps, out=sig.heater_a)
        counts = web.counts
        sig.counters[0], sig.counters[1], sig.counters[2] = counts[0], counts[1], counts[2]
        sig.scan_um, sig.scan_error = scanner.scan_um, scanner.error

    def _lag_gases(self, exhaust: Exhaust) -> None:
        work = self._work13
        np.subtract(exhaust.flow_nm3_h, self._flow, out=work)
        work *= self._flow_lag
        self._flow += work
        np.multiply(self._flow, self._flow_rel, out=self._flow_sigma)
        six = self._work6
        six[:3], six[3:] = exhaust.lfl_pct[:3], exhaust.lfl_pct[4:7]
        six -= self._lfl
        six *= self._lfl_lag
        self._lfl += six

    def _thermocouples(self, sig: Signals, faults: Faults) -> None:
        row = self._tc_row
        np.multiply(self._tc.row(), self._tc_sigma, out=row)
        row += self._tc_now
        sensed = self._heat.sensed_c
        np.add(self._tc_row_1, sensed, out=sig.tc)
        np.add(self._tc_row_2, sensed[:EXHAUST_COUNT], out=sig.tc2)
        for zone, value in faults.tc.items():
            sig.tc[zone] = value
        for zone, value in faults.tc2.items():
            sig.tc2[zone] = value

    def drift(self, seconds: float, faults: Faults) -> None:
        """Age the sensors by some seconds; take the belt sensors' offset over."""
        sensed = self._heat.sensed_c
        hot = self._hot_s
        hot[:ZONE_COUNT] += (sensed > self._hot_c) * seconds
        hot[ZONE_COUNT:] = hot[:EXHAUST_COUNT]
        np.multiply(hot, self._tc_drift_per_s, out=self._tc_now)
        self._tc_now += self._tc_bias
        self._tc_now[:4] -= faults.belt_offset_k
        self._bias[io.AT_201 : io.AT_201 + 6] += self._drift * seconds
        self._bias[io.NT_231 : io.NT_701 + 1] += self._load_drift * seconds

    def digital(self, act: Actuators, scanner: FinalScanner, gel: GelGauge, faults: Faults) -> int:
        """Return the digital inputs as a bit mask."""
        key = (act.contactor | faults.contactor_welded).tobytes()
        bits = self._masks.get(key)
        if bits is None:
            bits = self._masks[key] = sum(
                closed << (io.DI_CONTACTOR + zone) for zone, closed in enumerate(key)
            )
        bits |= (0x3F << io.DI_SAMPLE_FLOW) & ~faults.sample_flow
        if not faults.estop:
            bits |= 1 << io.DI_ESTOP_OK
        if not faults.guard_open:
            bits |= 1 << io.DI_GUARDS_OK
        if not faults.fire:
            bits |= 1 << io.DI_NO_FIRE
        if not faults.air_lost:
            bits |= 1 << io.DI_AIR_OK
        if scanner.frame.standardizing or scanner.frame.parked:
            bits |= 1 << io.DI_SCANNER_STD
        if gel.frame.standardizing:
            bits |= 1 << io.DI_GEL_STD
        if gel.frame.parked and not faults.shutter_stuck:
            bits |= 1 << io.DI_SHUTTER_SHUT
        if not faults.static_lost:
            bits |= 1 << io.DI_STATIC_OK
        return bits


class SlowSensors:
    """Gauges that see the film once a second: layer, pyrometers, rails and bolts."""

    def __init__(self, params: Parameters, seed: int) -> None:
        s = params.sensors
        self._s = s
        self._layer = Noise(seed, streams.LAYER, 10)
        self._pyro = Noise(seed, streams.PYROMETERS, 4)
        self._rest = Noise(seed, streams.SLOW, 8)
        draw = generator(seed, streams.LAYER + 100)
        self._layer_bias = draw.uniform(-s.layer_bias_um, s.layer_bias_um, 10)
        self._setting = s.pyrometer_emissivity_error
        self._per_k2 = s.pyrometer_wavelength_m / s.pyrometer_c2_m_k
        self._reflected = 1.0 - s.pyrometer_emissivity

    def sample(self, sig: Signals, view: FilmView, wall_c: Floats) -> None:
        """Refresh the slow signals; ``wall_c`` is what each pyrometer sees beside the film."""
        self._thin_layer(sig, view)
        noise = self._pyro.values()
        for k in range(4):
            true = float(view.film_c[k])
            wall = float(wall_c[k])
            if math.isnan(true):
                sig.film_c[k] = wall + self._s.pyrometer_sigma_k * noise[k]
                continue
            kelvin = true + KELVIN
            error = kelvin * kelvin * self._per_k2 * self._setting
            reflected = self._reflected * (wall - true)
            sig.film_c[k] = true + error + reflected + self._s.pyrometer_sigma_k * noise[k]
        sig.rail_pos[:] = view.rail_m
        sig.rail_pos += self._s.rail_sigma_m * self._rest.row()
        sig.bolt_c[:] = view.bolt_c

    def _thin_layer(self, sig: Signals, view: FilmView) -> None:
        s = self._s
        noise = self._layer.row()
        if not (view.layer_film_c <= s.layer_max_film_c and view.layer_loh <= s.layer_max_loh):
            sig.layer.fill(np.nan)
            return
        low, high = s.layer_range_um
        true = view.layer_um
        seen = true + self._layer_bias + s.layer_sigma_um * noise
        sig.layer[:] = np.where((true >= low) & (true <= high), seen, np.nan)


def _tolerance(params: Parameters, draw: np.random.Generator) -> Floats:
    """Fixed thermocouple errors: class tolerance is three standard deviations and the bound."""
    s = params.sensors
    level = np.array(params.zones.setpoint_c)
    limit = np.maximum(s.thermocouple_bias_k, s.thermocouple_bias_rel * level)
    limit = np.concatenate((limit, limit[:EXHAUST_COUNT]))
    share: Floats = np.clip(draw.standard_normal(len(limit)) / 3.0, -1.0, 1.0)
    return share * limit


def _analog_errors(s: Sensors, draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Return fixed biases and noise of the coupler's signals; the gauges bring their own."""
    bias = np.zeros(io.ANALOGS)
    sigma = np.zeros(io.ANALOGS)
    pressure = s.pressure_rel * s.pressure_span_mpa
    bias[:2] = draw.uniform(-pressure, pressure, 2) * (1.0, 0.4)
    sigma[:3] = pressure / 10.0, pressure / 25.0, 0.5
    span = np.array(s.loadcell_span_n_m)
    bias[io.NT_231 : io.NT_701 + 1] = draw.uniform(-1.0, 1.0, 4) * s.loadcell_rel * span
    sigma[io.NT_231 : io.NT_701 + 1] = s.loadcell_hum_n_m
    sigma[io.AT_201 : io.AT_201 + 6] = s.lfl_noise_pct
    sigma[io.AT_900] = s.room_gas_sigma_ppm
    sigma[io.FT_509] = CHILL_SIGMA_L_MIN
    sigma[io.JT_510] = s.torque_sigma_pct
    sigma[io.ZT_701] = s.roll_sigma_m
    sigma[[io.ZT_231, io.ZT_601]] = POSITION_SIGMA_M
    return bias, sigma
