"""I3: from a true trip condition to safe commands within 1.0 s, to safe actuators within 3.0 s.

The condition is taken where the instrument shows it: at its terminal, after its lag and the
declared debounce (pilot line 4). Commands are read from the registers the devices received.
A condition counts while heat or solvent can flow at all; otherwise everything is safe already.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from simulators.instruments.line_up import LineUp
from simulators.judging.commands import Commands
from simulators.judging.plant_view import PUMP_REST_RPM, PlantView
from simulators.judging.process import READABLE_C
from simulators.judging.violations import Ledger
from simulators.twin.actuators import AT_201, DI_SAMPLE_FLOW, LFL_ZONES, PIT_110, ZONES
from simulators.twin.parameters import EXHAUST_COUNT

COMMANDS_S, ACTUATORS_S = 1.0, 3.0
BOOT_S = 3.0  # after this the links stand and the first scan has been
FLOW_S, SAMPLE_S, STAND_S = 0.5, 10.0, 5.0
LFL_PCT, DIE_MPA = 40.0, 6.0
STAND_M_MIN, HOT_C = 0.3, 200.0
DI_CIRCUIT = ("emergency stop", "guard open", "fire")
CONTACTS = 0b111 | 0x3F << DI_SAMPLE_FLOW
TENTER = slice(5, 13)
BELT_ZONES, DRYER_ZONES, TENTER_ZONES, ALL_ZONES = 0x000F, 0x0010, 0x1FE0, 0x1FFF
_EPS_S = 0.05  # half a tick


@dataclass(slots=True)
class Cause:
    """One trip: when it stands, for how long it must, and what must then be safe.

    Attributes:
        stands: the condition now.
        zones: bit mask of the zones whose heaters must be off; dope and coat with it.
        since_s, tripped_s: begin of the condition, and of the trip after the debounce.
    """

    name: str
    stands: Callable[[], bool]
    debounce_s: float
    zones: int
    coat: bool = True
    since_s: float = math.nan
    tripped_s: float = field(default=math.nan)

    def clear(self) -> None:
        """Forget it."""
        self.since_s = self.tripped_s = math.nan


class Trips:
    """I3, at each fast tick.

    Args:
        view: derived truth.
        line_up: the instruments, for the commands they received.
        ledger: where findings go.
    """

    def __init__(self, view: PlantView, line_up: LineUp, ledger: Ledger) -> None:
        self._view, self._ledger = view, ledger
        self._plant = view.plant
        self._act, self._sig, self._faults = view.plant.act, view.plant.sig, view.plant.faults
        self._commands = Commands(line_up)
        self._lfl = self._sig.analog[AT_201 : AT_201 + 6]
        self._limit_c = np.array([zone.trip_c or math.inf for zone in view.zones])
        self._bytes = bytearray(2 * EXHAUST_COUNT + 6)
        bad = np.frombuffer(self._bytes, dtype=np.bool_)
        self._low, self._hot = bad[:EXHAUST_COUNT], bad[EXHAUST_COUNT:-6]
        self._vapor = bad[-6:]
        self._causes = self._collect()
        self._standing = False

    def check(self, now_s: float) -> None:
        """Judge this tick."""
        act = self._act
        live = act.main_contactor or act.diverter_die
        if not (live or act.coat_engaged[0] or act.coat_engaged[1]) or now_s < BOOT_S:
            if self._standing:
                self._all_clear()
            return
        sig = self._sig
        np.less(self._view.terminal, self._view.least, out=self._low)
        np.greater(sig.tc2, self._limit_c, out=self._hot)
        np.greater_equal(self._lfl, LFL_PCT, out=self._vapor)
        if (
            self._standing
            or self._bytes.find(1) >= 0
            or sig.di & CONTACTS != CONTACTS
            or sig.analog.item(PIT_110) > DIE_MPA
            or (act.rails < STAND_M_MIN and self._plant.truth.film_in_tenter)
            or self._faults.analog
        ):
            self._judge(now_s)

    def _judge(self, now_s: float) -> None:
        self._standing = False
        for cause in self._causes:
            if cause.stands():
                if math.isnan(cause.since_s):
                    cause.since_s = now_s
                if (
                    math.isnan(cause.tripped_s)
                    and now_s - cause.since_s > cause.debounce_s - _EPS_S
                ):
                    cause.tripped_s = now_s
            elif not now_s - cause.tripped_s <= ACTUATORS_S + 2.0 * _EPS_S:
                if not math.isnan(cause.since_s):
                    self._end(cause)
                continue
            self._standing = True
            if now_s - cause.tripped_s > COMMANDS_S + _EPS_S:
                self._judge_outputs(cause, now_s)

    def _judge_outputs(self, cause: Cause, now_s: float) -> None:
        late = now_s - cause.tripped_s
        # A device that hears nothing is made safe by its own watchdog: the actuators count.
        heard = self._commands.heard()
        unsafe = self._commands.unsafe(cause.zones, coat=cause.coat) if heard else ""
        self._mark(("commands", cause.name), f"{late:.1f} s after {cause.name}", unsafe, now_s)
        if late > ACTUATORS_S + _EPS_S:
            acting = self._acting(cause)
            text = f"{late:.1f} s after {cause.name}"
            self._mark(("actuators", cause.name), text, acting, now_s)

    def _mark(self, key: tuple[str, str], when: str, unsafe: str, now_s: float) -> None:
        if unsafe:
            self._ledger.note("I3", key, now_s, f"{when}: {key[0]} not safe: {unsafe}")

    def _acting(self, cause: Cause) -> str:
        """What still acts on the plant, in words."""
        act = self._act
        if act.diverter_die and act.tank_valve and act.pump_rpm > PUMP_REST_RPM:
            return f"pump at {act.pump_rpm:.1f} rpm on the die"
        if cause.coat and bool((act.coat_engaged & (act.coat_flow > 0.0)).any()):
            return "coating head fed"
        power = self._plant.truth.power_w
        for zone in range(EXHAUST_COUNT):
            if cause.zones >> zone & 1 and power[zone] > 0.0:
                return f"heater {ZONES[zone]} with {power[zone]:.0f} W"
        return ""

    def _all_clear(self) -> None:
        """Nothing can heat or feed any more."""
        for cause in self._causes:
            if not math.isnan(cause.since_s):
                self._end(cause)
        self._standing = False

    def _end(self, cause: Cause) -> None:
        cause.clear()
        self._ledger.end("I3", ("commands", cause.name))
        self._ledger.end("I3", ("actuators", cause.name))

    # --- the causes --------------------------------------------------------------------------

    def _collect(self) -> list[Cause]:
        causes = [
            Cause(f"exhaust flow of {name} too low", self._flow_low(zone), FLOW_S, _group(zone))
            for zone, name in enumerate(ZONES[:EXHAUST_COUNT])
        ]
        for k, zone in enumerate(LFL_ZONES):
            name = ZONES[zone]
            causes += (
                Cause(f"vapor of {name} at 40 %", self._vapor_high(k), 0.0, ALL_ZONES),
                Cause(f"analyzer of {name} blind", self._blind(k), SAMPLE_S, ALL_ZONES),
            )
        causes += [
            Cause(f"{name} at its limit", self._over(zone), 0.0, 1 << zone)
            for zone, name in enumerate(ZONES[:EXHAUST_COUNT])
        ]
        causes += [
            Cause(name, self._open(bit), 0.0, ALL_ZONES) for bit, name in enumerate(DI_CIRCUIT)
        ]
        causes += (
            Cause("film standing in the hot tenter", self._film_stands, STAND_S, ALL_ZONES),
            Cause("die pressure above 6 MPa", self._pressure, 0.0, 0, coat=False),
        )
        return causes

    def _flow_low(self, zone: int) -> Callable[[], bool]:
        terminal = self._view.terminal
        return lambda: bool(self._low[zone]) or math.isnan(terminal[zone])

    def _vapor_high(self, k: int) -> Callable[[], bool]:
        return lambda: bool(self._vapor[k])

    def _blind(self, k: int) -> Callable[[], bool]:
        sig, mask = self._sig, 1 << (DI_SAMPLE_FLOW + k)
        return lambda: not sig.di & mask or math.isnan(self._lfl[k])

    def _over(self, zone: int) -> Callable[[], bool]:
        tc2 = self._sig.tc2
        return lambda: bool(self._hot[zone]) and bool(tc2[zone] < READABLE_C[1])

    def _open(self, bit: int) -> Callable[[], bool]:
        sig = self._sig
        return lambda: not sig.di >> bit & 1

    def _film_stands(self) -> bool:
        hot = float(self._sig.tc[TENTER].max()) > HOT_C
        return hot and self._act.rails < STAND_M_MIN and self._plant.truth.film_in_tenter

    def _pressure(self) -> bool:
        return bool(self._sig.analog[PIT_110] > DIE_MPA)


def _group(zone: int) -> int:
    """Zones whose heaters an exhaust trip of one zone takes off: those of its oven."""
    return next(mask for mask in (BELT_ZONES, DRYER_ZONES, TENTER_ZONES) if mask >> zone & 1)
