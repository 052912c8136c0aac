"""I1, I2 and I4: heat and dope only with exhaust and belt, counters only on good ground."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config.models import Recipe, Settings
from simulators.judging.plant_view import PUMP_REST_RPM, PlantView
from simulators.judging.violations import Ledger, Timer
from simulators.twin.actuators import AT_201, DI_ESTOP_OK, DI_SAMPLE_FLOW, ZONES, Floats
from simulators.twin.parameters import EXHAUST_COUNT

GRACE_S = 3.0
PAUSE_S = 1.0  # a controller at its set point switches its heater off and on
SOAK_BAND_K = 15.0 + 5.0  # holdback and tolerance
BELT_SHARES = (0.6, 0.8, 1.0, 1.0)  # of the belt offset (process specification 1.2)
READABLE_C = (-50.0, 1300.0)  # beyond it a thermocouple is open or short
CIRCUIT = 0b111 << DI_ESTOP_OK  # emergency stop, guards, fire
INPUTS = CIRCUIT | 0x3F << DI_SAMPLE_FLOW


Bools = NDArray[np.bool_]


class Image(Protocol):
    """The controller's published values, for reading only."""

    value: NDArray[np.float64]

    def index(self, name: str) -> int:
        """Row of a tag."""


class HeatAndDope:
    """I1 and I2, at each fast tick.

    Args:
        view: derived truth.
        ledger: where findings go.
    """

    def __init__(self, view: PlantView, ledger: Ledger) -> None:
        self._view, self._ledger = view, ledger
        self._act, self._truth = view.plant.act, view.plant.truth
        self._flow = self._truth.flow_nm3_h
        self._power = self._truth.power_w[:EXHAUST_COUNT]
        self._low_bytes = bytearray(EXHAUST_COUNT)
        self._low = np.frombuffer(self._low_bytes, dtype=np.bool_)
        self._heat, self._purge, self._dope = Timer(), Timer(), Timer()
        self._last_on = np.full(EXHAUST_COUNT, -np.inf)
        self._busy = False

    def check(self, now_s: float) -> None:
        """Judge this tick."""
        act = self._act
        feeding = act.diverter_die and act.tank_valve and act.pump_rpm > PUMP_REST_RPM
        if act.main_contactor or feeding:
            np.less(self._flow, self._view.least, out=self._low)
            low = self._low_bytes.find(1) >= 0
            stands = feeding and not self._truth.belt_running
            if low or stands or self._busy or not self._view.purge_done:
                self._judge(now_s, low=low, feeding=feeding)
        elif self._busy:
            self._judge(now_s, low=False, feeding=False)

    def _judge(self, now_s: float, *, low: bool, feeding: bool) -> None:
        on = self._power > 0.0
        self._last_on[on] = now_s
        lately = self._last_on >= now_s - PAUSE_S
        self._judge_flow(on, lately, now_s, low=low)
        early = not self._view.purge_done
        self._note(
            *("I1", "purge", self._purge.held(early and bool(lately.any()), now_s)),
            *(now_s, f"heaters on after {self._view.purged.min():.1f} volumes of purge"),
            now=bool(on.any()),
        )
        why = self._why_no_dope(low) if feeding else ""
        held_s = self._dope.held(bool(why), now_s)
        self._note("I2", "dope", held_s, now_s, f"dope runs to the die: {why}")
        timers = (self._heat, self._purge, self._dope)
        self._busy = any(timer.since_s is not None for timer in timers)

    def _judge_flow(self, on: Bools, lately: Bools, now_s: float, *, low: bool) -> None:
        blind = on & self._low
        zone = int(blind.argmax())
        text = (
            f"{ZONES[zone]} heated with {self._power[zone]:.0f} W at "
            f"{self._flow[zone]:.0f} of {self._view.least[zone]:.0f} Nm3/h"
        )
        held_s = self._heat.held(low and bool((lately & self._low).any()), now_s)
        self._note("I1", "flow", held_s, now_s, text, now=bool(blind.any()))

    def _note(
        self, invariant: str, key: str, held_s: float, now_s: float, text: str, *, now: bool = True
    ) -> None:
        if held_s < 0.0:
            self._ledger.end(invariant, key)
        elif held_s > GRACE_S and now:
            self._ledger.note(invariant, key, now_s, f"{text}, for {held_s:.1f} s")

    def _why_no_dope(self, low: bool) -> str:
        if low:
            zone = int(self._low.argmax())
            return f"{ZONES[zone]} has {self._flow[zone]:.0f} Nm3/h"
        return "" if self._truth.belt_running else "the belt stands"


class Counters:
    """I4 from outside, once a second: what the controller counts, and when it allows heat.

    Args:
        recipe: set points of the soak.
        view: derived truth.
        ledger: where findings go.
        image: the controller's published values.
    """

    def __init__(self, recipe: Recipe, view: PlantView, ledger: Ledger, image: Image) -> None:
        self._view, self._ledger, self._image = view, ledger, image
        self._soak_at, self._purge_at = image.index("PROC.SOAK"), image.index("PROC.PURGE")
        self._soak = self._purge = math.inf
        self._low, self._high = soak_band(recipe.settings)
        self._zone = view.plant.truth.zone_c[:EXHAUST_COUNT]
        self._tc = view.plant.sig.tc[:EXHAUST_COUNT]
        self._faults = view.plant.faults
        self._away, self._deaf, self._blind, self._permit = Timer(), Timer(), Timer(), Timer()

    def second(self, now_s: float) -> None:
        """Judge one second."""
        self._judge_soak(now_s)
        self._judge_purge(now_s)
        self._judge_permissive(now_s)

    def _judge_soak(self, now_s: float) -> None:
        before, self._soak = self._soak, float(self._image.value[self._soak_at])
        if not self._soak > before:
            self._ledger.end("I4", "soak")
            return
        zone, tc = self._zone, self._tc
        away = (zone < self._low) | (zone > self._high)
        deaf = ~((tc > READABLE_C[0]) & (tc < READABLE_C[1]))
        away_s = self._away.held(bool(away.any()), now_s)
        deaf_s = self._deaf.held(bool(deaf.any()), now_s)
        if max(away_s, deaf_s) > GRACE_S:
            worst = int((away | deaf).argmax())
            detail = f"{ZONES[worst]} {zone[worst]:.0f} °C, thermocouple {tc[worst]:.0f} °C"
            self._ledger.note("I4", "soak", now_s, f"soak counted with {detail}")
        else:
            self._ledger.end("I4", "soak")

    def _judge_purge(self, now_s: float) -> None:
        view = self._view
        before, self._purge = self._purge, float(self._image.value[self._purge_at])
        failed = bool(self._faults.analog) and not math.isfinite(float(view.terminal.sum()))
        blind_s = self._blind.held(failed, now_s)
        if self._purge > before and max(view.flow_low_s, blind_s) > GRACE_S:
            flow = view.plant.truth.flow_nm3_h
            slow = int((flow / view.least).argmin())
            detail = f"purge counted with {ZONES[slow]} {flow[slow]:.0f} Nm3/h"
            self._ledger.note("I4", "purge", now_s, detail)
        else:
            self._ledger.end("I4", "purge")

    def _judge_permissive(self, now_s: float) -> None:
        """Heat stays permitted although a flow the permissive needs is not GOOD."""
        failed = self._blind.since_s is not None and self._view.plant.act.main_contactor
        if self._permit.held(failed, now_s) > GRACE_S:
            self._ledger.note("I4", "main", now_s, "main contactor held closed, a flow meter fails")
        else:
            self._ledger.end("I4", "main")

    def heat_permitted(self, now_s: float) -> None:
        """The command of the main contactor has just risen: its inputs must stand now."""
        why = self._why_no_heat()
        if why:
            self._ledger.note("I4", ("permit", now_s), now_s, f"main contactor closed: {why}")

    def _why_no_heat(self) -> str:
        view = self._view
        sig = view.plant.sig
        if sig.di & INPUTS != INPUTS:
            return "a required contact is open"
        analyzers = float(sig.analog[AT_201 : AT_201 + 6].sum())
        if not math.isfinite(analyzers + float(view.terminal.sum())):
            return "a flow meter or an analyzer fails"
        if not view.purge_done:
            return f"{view.purged.min():.1f} volumes of true purge"
        return ""


def soak_band(settings: Settings) -> tuple[Floats, Floats]:
    """Lowest and highest temperature of the 13 zones in a soak, for either belt offset."""
    rows = []
    for offset in (settings.belt_offset_thread_k, settings.belt_offset_run_k):
        belt = [
            base + share * offset for base, share in zip(settings.belt_c, BELT_SHARES, strict=True)
        ]
        rows.append([*belt, settings.dryer_c, *settings.tenter_c])
    either = np.array(rows)
    return either.min(axis=0) - SOAK_BAND_K, either.max(axis=0) + SOAK_BAND_K
