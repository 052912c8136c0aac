"""The pilot line as one object: actuators in, signals out, a tenth of a second a tick.

Order within a tick as in the process specification 4.5: actuators, drives, pumps, fans and
heaters at 0.1 s; the film kernel once a second; then the instruments at their own rates.
Nothing here reads a clock, and every random number belongs to a seeded instrument.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulators.twin import actuators as io
from simulators.twin.actuators import Actuators, Signals
from simulators.twin.exhaust import Exhaust
from simulators.twin.faults import Faults
from simulators.twin.film_io import GEL, SCAN, ZoneState
from simulators.twin.film_side import FilmSide
from simulators.twin.gauges import FinalScanner, GelGauge
from simulators.twin.heat import ZoneHeat
from simulators.twin.injection import Injection, Where, inject
from simulators.twin.operating_point import OperatingPoint, reference_point
from simulators.twin.parameters import DIE, EXHAUST_COUNT, Parameters, load_parameters
from simulators.twin.sensors import LAYER_X_M, FastSensors, FilmView, Pressures, SlowSensors
from simulators.twin.truth import Truth
from simulators.twin.web import Web

Floats = NDArray[np.float64]
Start = Literal["cold", "hot", "running"]

DT_S = 0.1
FILM_EVERY = 10  # ticks
TABLE_FAN = 0.4  # fan speed that gives the table flows
RELAY_ON_PCT, RELAY_OFF_PCT = 50.0, 20.0  # gas panel relay, percent of LFL
PYROMETER_ZONES = [4, 6, 9, 12]  # dryer, T2, T5, T8
WET_GEL_WT_PCT = 5.0  # below it the film at the gel gauge is leader
GAP_SHARE = 0.1  # share of B4's heat that reaches the gel gauge's air gap


class Plant:
    """The simulated pilot line.

    Args:
        params: physics parameters; the shipped ones if None.
        seed: seed of every random number of the run.
        start: ``cold`` everything at room temperature; ``hot`` zones at set point, no film,
            everything off; ``running`` line full at the operating point.
        dtype: of the film cells.
        lanes: of the film over the product width.
        point: operating point of a hot or running start, and the dope in the tank; the
            reference state if None.

    Attributes:
        act: written by the instruments between ticks. ``running`` presets it.
        sig: sensed values, refreshed by each tick.
        faults: neutral unless poked.
        truth: the plant's true state, for judging; instruments never read it.
        heat, exhaust, web, wet, gel, scanner: the parts (``wet`` is pump, die, coater, film).
        gas_relay: the gas panel's relay holds heat and feed off (50 % of LFL until below 20 %).
    """

    def __init__(
        self,
        params: Parameters | None = None,
        seed: int = 0,
        start: Start = "cold",
        dtype: DTypeLike = np.float32,
        lanes: int = 21,
        point: OperatingPoint | None = None,
    ) -> None:
        self.params = params if params is not None else load_parameters()
        self.seed = seed
        self.act = Actuators()
        self.sig = Signals()
        self.faults = Faults()
        self.ticks = 0
        self.gas_relay = False
        self._turret = False
        self.point = point if point is not None else reference_point(self.params)
        self._build(start, dtype, lanes)
        if start == "running":
            self._fill()
        wet = self.wet
        self.truth = Truth(
            self.heat, self.exhaust, self.web, wet.film, wet.casting, wet.coater, self._air
        )
        self._take_film()
        self.fast.settle(self.exhaust)
        self._sense_slow()
        self._sense_fast()

    @property
    def t_s(self) -> float:
        """Plant time since the start, s."""
        return self.ticks * DT_S

    def tick(self) -> None:
        """Advance exactly 0.1 s."""
        act, faults = self.act, self.faults
        if faults.break_at_m is not None:
            self.break_web(faults.break_at_m)
            faults.break_at_m = None
        safe = not (faults.estop or faults.guard_open or faults.fire)
        released = safe and act.web_released
        feeding = safe and not self.gas_relay and act.feed_released
        heating = act.main_contactor and safe and not self.gas_relay and act.heat_released
        self.ticks += 1
        if act.turret != self._turret:
            self._turret = act.turret
            if act.turret:
                self.new_roll()
        self._advance(act, released, feeding, heating)
        if self.ticks % FILM_EVERY == 0:
            self.wet.step_film(act, feeding, self._surroundings, faults)
            self._take_film()
            self.heat.set_chill(not faults.chill_lost)
            self.fast.drift(FILM_EVERY * DT_S, faults)
            self._sense_slow()
        self._sense_fast()

    def inject(
        self, name: str, where: Where = None, size: float | None = None, how: str | None = None
    ) -> None:
        """Inject fault F1 to F15; see ``simulators.twin.injection``.

        Raises:
            ValueError: the fault, place or variant does not exist.
        """
        inject(name, Injection(self.faults, self.sig, where, size, how))

    def break_web(self, at_m: float) -> None:
        """Part the web; film arriving there is waste from now on."""
        self.wet.film.break_at(at_m)
        self.web.break_at(at_m)

    def thread_leader(self) -> None:
        """Lay a leader from the peel roll to the winder."""
        self.wet.film.thread_leader()

    def splice(self) -> None:
        """Join the cast film to the leader at the peel roll."""
        self.wet.film.splice()

    def heal(self) -> None:
        """End a break: the web may be threaded again."""
        self.wet.film.heal()

    def new_roll(self) -> None:
        """Put an empty core on the winder: by the turret, or by hands with tape."""
        self.web.new_roll()

    def steady_duty(self) -> Floats:
        """Return the heater duties that hold the present zone temperatures [15]."""
        return self.heat.steady_duty(self.exhaust.flow_nm3_h)

    # --- construction ------------------------------------------------------------------------

    def _build(self, start: Start, dtype: DTypeLike, lanes: int) -> None:
        params, seed = self.params, self.seed
        zones = params.zones
        cold = np.full(len(zones.name), params.constants.ambient_c)
        fan = np.full(3, TABLE_FAN if start == "running" else 0.0)
        hot = np.array(self.point.zone_c)
        self.heat = ZoneHeat(params, cold if start == "cold" else hot, DT_S)
        self.exhaust = Exhaust(params, fan, DT_S)
        self.web = Web(params, seed, DT_S)
        self.wet = FilmSide(params, seed, dtype, lanes)
        self.wet.fill_tank(self.point.solids)
        lane_m = self.wet.casting.lane_m
        self.gel = GelGauge(params, seed, lane_m, DT_S)
        self.scanner = FinalScanner(params, seed, lane_m, DT_S)
        self.fast = FastSensors(params, seed, self.heat, DT_S)
        self.slow = SlowSensors(params, seed)
        self._pressures = Pressures()
        self._offset = np.array(zones.air_offset_k)
        self._air: Floats = self.heat.zone_c + self._offset
        self._surroundings = ZoneState(self._air, self.heat.zone_c, self.exhaust.vapor_y)
        self._layer_lanes = [int(np.argmin(abs(lane_m - x))) for x in LAYER_X_M]
        self._gap_c: float | None = None
        rails = np.full(params.web.rail_count, params.layout.width_tenter_m)
        self._view = FilmView(
            np.full(10, np.nan), math.nan, math.nan, np.full(4, np.nan), rails, np.zeros(21)
        )

    def _fill(self) -> None:
        """Bring the line to its operating point."""
        act, point = self.act, self.point
        v, draw = point.speed_m_min, point.draw_md
        act.belt = act.nip = act.coater_m_min = v
        act.rails = act.winder = v * draw
        act.pump_rpm = point.pump_rpm
        act.diverter_die = act.tank_valve = True
        act.coat_flow[:] = point.coat_ml_min
        act.coat_engaged[:] = act.coat_flow > 0.0
        act.fan[:] = TABLE_FAN
        act.main_contactor = True
        act.contactor[:] = True
        act.scanner_run = act.gel_run = True
        self.web.start_at(v, v, v, v * draw, v * draw)
        self.wet.set_dope(act, True, float(self.heat.zone_c[DIE]))
        for _ in range(2):  # vapor and evaporation act on each other
            self.heat.web_w[:], self.exhaust.evap_kg_s[:] = self.wet.settle(act, self._surroundings)
            self.exhaust.settle(self._air[:EXHAUST_COUNT])
        act.duty[:] = self.steady_duty()
        self.heat.hold(act.duty)

    # --- one tick ----------------------------------------------------------------------------

    def _advance(self, act: Actuators, released: bool, feeding: bool, heating: bool) -> None:
        faults, web, heat, exhaust = self.faults, self.web, self.heat, self.exhaust
        web.step(act, released, faults)
        if web.broke_at_m is not None:
            self.break_web(web.broke_at_m)
        self.wet.step_dope(act, feeding, float(heat.zone_c[DIE]), web, DT_S)
        exhaust.step(act, self._air[:EXHAUST_COUNT], faults)
        heat.step(act, heating, exhaust.flow_nm3_h, faults)
        np.add(heat.zone_c, self._offset, out=self._air)

    def _take_film(self) -> None:
        """Take what the film does to ovens, tensions and gauges."""
        result = self.wet.film.result
        self.heat.web_w[:] = result.heat_w
        self.exhaust.evap_kg_s[:] = result.evap_kg_s
        self.exhaust.evap_room_kg_s = result.evap_room_kg_s
        here = result.present
        wet = bool(here[GEL]) and result.gel_solvent_wt_pct > WET_GEL_WT_PCT
        self.web.set_film(self.wet.spans_filled(), wet, result.peel_loh_pct / 100.0)
        self.web.wind_um = float(result.scan_um.mean()) if here[SCAN] else 0.0
        self.scanner.thickness.values = result.scan_um.tolist()
        self.gel.weight.values = result.gel_g_m2.tolist()
        self.gel.solvent_wt_pct_true = result.gel_solvent_wt_pct

    # --- instruments -------------------------------------------------------------------------

    def _sense_fast(self) -> None:
        act, faults, sig, gel, scanner = self.act, self.faults, self.sig, self.gel, self.scanner
        gel.step(act.gel_run, act.gel_std, faults)
        scanner.step(act.scanner_run, act.scanner_park, act.scanner_std, faults)
        pressures, casting = self._pressures, self.wet.casting
        pressures.die_mpa, pressures.filter_mpa = casting.die_mpa, casting.filter_mpa
        self.fast.sample(sig, self.exhaust, self.web, pressures, gel, scanner, faults)
        sig.di = self.fast.digital(act, scanner, gel, faults)
        sig.safety = self._safety_contacts()

    def _safety_contacts(self) -> int:
        """Contacts of the safety circuit, wired beside those of the control computer."""
        act, faults, exhaust = self.act, self.faults, self.exhaust
        web = act.belt or act.nip or act.rails or act.winder
        return (
            (not faults.estop) << io.SAFETY_ESTOP_OK
            | (not faults.guard_open) << io.SAFETY_GUARDS_OK
            | (not faults.fire) << io.SAFETY_NO_FIRE
            | (not self.gas_relay) << io.SAFETY_GAS_OK
            | exhaust.proven << io.SAFETY_FLOW
            | exhaust.at_purge_speed << io.SAFETY_PURGE
            | act.main_contactor << io.SAFETY_HEAT_ON
            | (act.pump_rpm > 0.0) << io.SAFETY_FEED_ON
            | bool(web) << io.SAFETY_WEB_ON
            | (float(act.fan.min()) > 0.05) << io.SAFETY_FANS_ON
        )

    def _sense_slow(self) -> None:
        wet, params, view = self.wet, self.params, self._view
        result, law = wet.film.result, params.casting
        view.layer_um[:5] = result.layer_um[io.AIR, self._layer_lanes]
        view.layer_um[5:] = result.layer_um[io.BELT, self._layer_lanes]
        view.layer_film_c = result.layer_film_c
        view.layer_loh = result.layer_loh_pct / 100.0
        view.film_c = result.film_c
        view.bolt_c = law.bolt_base_c + wet.casting.bolt_um / law.bolt_um_per_k
        self.slow.sample(self.sig, view, self._air[PYROMETER_ZONES])
        flow = float(wet.coater.flow_cm3_s.max())
        nominal = params.coating.nominal_flow_cm3_min / 60.0
        self._pressures.coat_kpa = params.sensors.coat_pressure_kpa * flow / nominal
        self._gap_and_relay()

    def _gap_and_relay(self) -> None:
        """Gauge gap temperature follows the belt; the gas panel's relay has its own contacts."""
        ambient = self.params.constants.ambient_c
        gap = ambient + GAP_SHARE * (float(self.heat.zone_c[3]) - ambient)
        if self._gap_c is None or self.gel.frame.standardizing:
            self._gap_c = gap
        self.gel.gap_k = gap - self._gap_c
        seen = float(self.sig.analog[io.AT_201 : io.AT_201 + 6].max())
        self.gas_relay = seen >= (RELAY_OFF_PCT if self.gas_relay else RELAY_ON_PCT)
