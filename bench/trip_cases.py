"""Faults of plant and instruments, each with the trip it must cause and what makes it true.

Every fault is set in the twin or in a simulated instrument, at the level of terminals, devices
and machines; the process image is never touched. ``stands`` reads the truth from there. The
debounce is the row's own declared time; for a silent device it is declared staleness and time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from config.models import Line
from simulators.instruments.drive import Drive
from simulators.instruments.pnozmulti import PnozMulti
from simulators.twin import actuators as io
from simulators.twin.actuators import ZONES
from simulators.twin.injection import BURNOUT_C
from tests.dry_rig import DryRig

ZONE_COUNT = 13
NUMBERS = (201, 202, 203, 204, 401, 501, 502, 503, 504, 505, 506, 507, 508)
TENSIONS = {231: io.NT_231, 311: io.NT_311, 601: io.NT_601, 701: io.NT_701}
RELAY_BIT = 1 << io.SAFETY_GAS_OK
WELDED_A = 1.0
WARM_S = 200.0  # until the zone has asked for no heat for a minute
TICK_K = 0.4  # 4 K/s: what moves faster than 5 K/s is not believed (the line file)
STALE_S = 2.0  # a tag is bad after 3 poll periods or this, whichever is longer
BLIND_MA = math.nan  # a transmitter that has failed: 3.5 mA at the terminal
UNDERVOLTAGE = 0x3220

Act = Callable[[DryRig], object]
Stands = Callable[[DryRig], bool]


@dataclass(frozen=True)
class Case:
    """One way to make one row's condition true.

    Attributes:
        row: the trip that must act.
        fault: in words.
        begin: sets it, just before a tick of the plant.
        stands: the condition at the instrument's terminal, read after a tick.
        debounce_s: for how long it must stand until the trip is due.
        every_tick: ``begin`` is repeated before each tick.
        prepare: sets the stage, ``prepare_s`` line seconds before.
    """

    row: str
    fault: str
    begin: Act
    stands: Stands
    debounce_s: float = 0.0
    every_tick: bool = False
    prepare: Act | None = None
    prepare_s: float = 0.0

    @property
    def name(self) -> str:
        """Row and fault."""
        return f"{self.row}: {self.fault}"


def cases(line: Line) -> list[Case]:
    """All of them, in the order of the hazards."""
    return [
        *_exhaust(line),
        *_vapor(),
        *_blind(),
        *_wet(),
        *_hot(line),
        *_stuck_on(),
        *_sensors(),
        *_motion(),
        *_pressure(),
        *_room_and_people(),
        *_silent(),
        *_safety(),
        *_coater_and_water(),
    ]


def shown(terminal: int, value: float) -> Act:
    """A transmitter's signal stands at a value."""
    return lambda rig: rig.plant.faults.analog.__setitem__(terminal, value)


def above(terminal: int, limit: float) -> Stands:
    """A terminal shows more than a limit."""
    return lambda rig: float(rig.plant.sig.analog[terminal]) > limit


def gone(terminal: int) -> Stands:
    """A terminal shows the failure current."""
    return lambda rig: math.isnan(rig.plant.sig.analog[terminal])


def flagged(name: str) -> Act:
    """A fault of the twin that is a flag."""
    return lambda rig: setattr(rig.plant.faults, name, True)


def open_contact(bit: int) -> Stands:
    """A contact of coupler A is open."""
    return lambda rig: not rig.plant.sig.di >> bit & 1


# --- Z1, Z2 --------------------------------------------------------------------------------------


def _exhaust(line: Line) -> Iterator[Case]:
    table = {zone.name: zone.table_flow_nm3_h or 0.0 for zone in line.zone}
    for zone, number in enumerate(NUMBERS):
        name, terminal = ZONES[zone], io.FT_201 + zone
        low = _low_flow(terminal, number)
        yield Case(f"IL1-{name}", "duct blocked", _duct(zone), low, 0.5)
        yield Case(
            f"IL1-{name}", "flow meter failed", shown(terminal, BLIND_MA), gone(terminal), 0.5
        )
        yield Case("IL2", f"purge lost: duct of {name} blocked", _duct(zone),
                   _below(terminal, 0.7 * table[name]), 0.5)  # fmt: skip


def _duct(zone: int) -> Act:
    return lambda rig: rig.plant.faults.exhaust.__setitem__(zone, 0.15)


def _low_flow(terminal: int, number: int) -> Stands:
    required = f"FRQ-{number}.REQ"

    def stands(rig: DryRig) -> bool:
        table = rig.kernel.table  # what is required is computed; only the flow is the plant's
        return bool(rig.plant.sig.analog[terminal] < 0.7 * table.value[table.index(required)])

    return stands


def _below(terminal: int, limit: float) -> Stands:
    return lambda rig: float(rig.plant.sig.analog[terminal]) < limit


# --- Z3, Z4 --------------------------------------------------------------------------------------


def _vapor() -> Iterator[Case]:
    for k, zone in enumerate(io.LFL_ZONES):
        name, terminal = ZONES[zone], io.AT_201 + k
        yield Case(
            f"IL3CS-{name}", "analyzer at 45 %", shown(terminal, 45.0), above(terminal, 40.0)
        )
        yield Case(
            f"IL3ES-{name}", "analyzer at 55 %", shown(terminal, 55.0), above(terminal, 50.0)
        )
        yield Case(f"IL3-{name}", "vapor creeps to 26 %", _climb(terminal, 26.0, 0.16),
                   above(terminal, 25.0), 5.0, every_tick=True)  # fmt: skip
        yield Case(f"IL3-{name}", "vapor rises by 4 %/s", _climb(terminal, 35.0, 0.4),
                   above(terminal, 10.0), 2.0, every_tick=True)  # fmt: skip
    yield Case("IL19-GAS", "relay of the gas panel", _relay,
               lambda rig: not rig.plant.sig.safety & RELAY_BIT, every_tick=True)  # fmt: skip


def _climb(terminal: int, to: float, step: float) -> Act:
    def act(rig: DryRig) -> None:
        now = float(rig.plant.sig.analog[terminal])
        held = rig.plant.faults.analog.get(terminal, now)
        rig.plant.faults.analog[terminal] = min(to, held + step)

    return act


def _relay(rig: DryRig) -> None:
    rig.plant.gas_relay = True


def _blind() -> Iterator[Case]:
    for k, zone in enumerate(io.LFL_ZONES):
        name, terminal, bit = ZONES[zone], io.AT_201 + k, io.DI_SAMPLE_FLOW + k
        yield Case(f"IL4-{name}", "sample flow lost", _no_sample(bit), open_contact(bit), 2.0)
        yield Case(f"IL4CS-{name}", "sample flow lost", _no_sample(bit), open_contact(bit), 10.0)
        yield Case(f"IL4-{name}", "analyzer failed", shown(terminal, BLIND_MA), gone(terminal), 2.0)


def _no_sample(bit: int) -> Act:
    def act(rig: DryRig) -> None:
        rig.plant.faults.sample_flow |= 1 << bit

    return act


# --- Z6 to Z9 ------------------------------------------------------------------------------------


def _wet() -> Iterator[Case]:
    yield Case("IL6", "gel gauge at 50 wt%", shown(io.AT_231, 50.0), above(io.AT_231, 45.0), 10.0)


def _hot(line: Line) -> Iterator[Case]:
    limits = {zone.name: zone.trip_c for zone in line.zone}
    for zone, number in enumerate(NUMBERS):
        name = ZONES[zone]
        yield Case(f"IL7-{name}", "30 K above its set point", _overshoot(zone, number),
                   _hotter(zone, number), 1.0, every_tick=True)  # fmt: skip
        limit = limits[name] or math.inf
        yield Case(f"IL7CS-{name}", "independent thermocouple at the limit",
                   _second(zone, limit + 5.0), _second_above(zone, limit))  # fmt: skip


def _track(rig: DryRig, number: int) -> float:
    table = rig.kernel.table  # the set point is ours; the temperature is the plant's
    return float(table.value[table.index(f"TIC-{number}.TRACK")])


def _overshoot(zone: int, number: int) -> Act:
    """Fast, but not so fast that the thermocouple would be disbelieved."""

    def climb(rig: DryRig) -> None:
        goal = _track(rig, number) + 30.0
        rig.plant.faults.tc[zone] = min(float(rig.plant.sig.tc[zone]) + TICK_K, goal)

    return climb


def _hotter(zone: int, number: int) -> Stands:
    return lambda rig: float(rig.plant.sig.tc[zone]) > _track(rig, number) + 25.0


def _second(zone: int, value: float) -> Act:
    return lambda rig: rig.plant.faults.tc2.__setitem__(zone, value)


def _second_above(zone: int, limit: float) -> Stands:
    return lambda rig: float(rig.plant.sig.tc2[zone]) > limit


def _stuck_on() -> Iterator[Case]:
    """A zone that asks for no heat for more than a minute, and then its switch welds."""
    for zone in range(4):
        yield Case(f"IL8-{ZONES[zone]}", "switch of the heater welded", _weld(zone), _current(zone),
                   5.0, prepare=_warm(zone), prepare_s=WARM_S)  # fmt: skip


def _warm(zone: int) -> Act:
    """Both its thermocouples come to read 20 K too much, so that it asks for no heat."""

    def act(rig: DryRig) -> None:
        sig, faults = rig.plant.sig, rig.plant.faults
        for shown, reads in ((sig.tc, faults.tc), (sig.tc2, faults.tc2)):
            for tick in range(1, round(WARM_S * 10)):
                wobble = 0.2 * math.sin(tick / 10)  # one that stands still is called frozen
                reading = float(shown[zone]) + min(tick * TICK_K, 20.0) + wobble
                rig.at(rig.now_s + tick / 10, partial(reads.__setitem__, zone, reading))

    return act


def _weld(zone: int) -> Act:
    return lambda rig: rig.plant.faults.heater_stuck.__setitem__(zone, 0.6)


def _current(zone: int) -> Stands:
    def stands(rig: DryRig) -> bool:
        plant = rig.plant
        return float(plant.act.duty[zone]) < 0.002 and float(plant.sig.heater_a[zone]) > WELDED_A

    return stands


def _sensors() -> Iterator[Case]:
    for zone in range(4):
        yield Case(f"IL9-{ZONES[zone]}", "thermocouple burnt out", _burn(zone), _burnt(zone), 3.0)
    for zone in range(5, 13):
        yield Case(f"IL9-{ZONES[zone]}", "both thermocouples burnt out", _burn_both(zone),
                   _burnt(zone), 2.0)  # fmt: skip
    for one, other in ((0, 2), (1, 6), (5, 9), (7, 12)):
        fault = f"thermocouples of {ZONES[one]} and {ZONES[other]} burnt out"
        yield Case("IL9-2", fault, _burn(one, other), _burnt(one, other), 3.0)


def _burn(*zones: int) -> Act:
    return lambda rig: rig.plant.faults.tc.update(dict.fromkeys(zones, BURNOUT_C))


def _burn_both(zone: int) -> Act:
    def act(rig: DryRig) -> None:
        rig.plant.faults.tc[zone] = rig.plant.faults.tc2[zone] = BURNOUT_C

    return act


def _burnt(*zones: int) -> Stands:
    return lambda rig: all(float(rig.plant.sig.tc[zone]) >= BURNOUT_C for zone in zones)


# --- Z10, Z11 ------------------------------------------------------------------------------------


def _motion() -> Iterator[Case]:
    yield Case("IL10", "drive of the rails trips", _trip("RAILS"), _stands_hot, 5.0)
    for number, terminal in TENSIONS.items():
        yield Case(f"WB-{number}", "tension gone", shown(terminal, 0.0), _slack(terminal), 0.3)
    yield Case(
        "JT-510", "rail torque at 170 %", shown(io.JT_510, 170.0), above(io.JT_510, 150.0), 1.0
    )
    yield Case("IL11", "drive of the belt trips", _trip("BELT"),
               lambda rig: rig.plant.act.belt < 0.3, 2.0)  # fmt: skip


def _stands_hot(rig: DryRig) -> bool:
    plant = rig.plant
    hot = float(plant.sig.tc[5:ZONE_COUNT].max()) > 200.0
    return hot and plant.truth.film_in_tenter and plant.act.rails < 0.3


def _slack(terminal: int) -> Stands:
    return lambda rig: float(rig.plant.sig.analog[terminal]) < 1.0


def _trip(name: str) -> Act:
    def act(rig: DryRig) -> None:
        drive = rig.line_up.instruments[name]
        if not isinstance(drive, Drive):
            raise TypeError(f"{name} is no drive")
        drive.trip(UNDERVOLTAGE)

    return act


def _pressure() -> Iterator[Case]:
    yield Case("PT-110", "die pressure at 6.5 MPa", shown(io.PIT_110, 6.5), above(io.PIT_110, 6.0))


# --- Z12 to Z22 ----------------------------------------------------------------------------------


def _room_and_people() -> Iterator[Case]:
    yield Case("IL12", "room at 150 ppm", shown(io.AT_900, 150.0), above(io.AT_900, 100.0), 5.0)
    yield Case("IL19-FIRE", "fire", flagged("fire"), open_contact(io.DI_NO_FIRE))
    yield Case("IL19-STOP", "emergency stop", flagged("estop"), open_contact(io.DI_ESTOP_OK))
    yield Case("IL19-GUARD", "guard open", flagged("guard_open"), open_contact(io.DI_GUARDS_OK))


def _silent() -> Iterator[Case]:
    """A device that says nothing: its tags are bad when stale, then the row's own time."""
    for name, row_s in (("BELT", 2.0), ("RAILS", 2.0), ("PUMP", 2.0), ("COATER", 2.0),
                        ("SAFETY", 2.0)):  # fmt: skip
        yield Case(f"IL14-{name}", "silent", _mute(name), _muted(name), STALE_S + row_s)
    yield Case("IL14-REGLO", "silent", _mute("REGLO"), _muted("REGLO"), 3.0 + 5.0)


def _mute(name: str) -> Act:
    return lambda rig: setattr(rig.line_up.instruments[name].faults, "silent", True)


def _muted(name: str) -> Stands:
    return lambda rig: rig.line_up.instruments[name].faults.silent


def _safety() -> Iterator[Case]:
    """The safety controller holds heat and feed off, for reasons of its own."""
    for row in ("IL15-HEAT", "IL15-FEED"):
        yield Case(row, "held off by the safety controller", _hold_off,
                   lambda rig: not rig.plant.act.heat_released, 2.0)  # fmt: skip


def _hold_off(rig: DryRig) -> None:
    safety = rig.line_up.instruments["SAFETY"]
    if not isinstance(safety, PnozMulti):
        raise TypeError("SAFETY is no safety controller")
    safety.program._held = True  # noqa: SLF001 - there is no other way to make it decide so


def _coater_and_water() -> Iterator[Case]:
    yield Case("IL22-COAT", "ground of the web lost", flagged("static_lost"),
               open_contact(io.DI_STATIC_OK), 2.0)  # fmt: skip
    yield Case("IL18CS", "chill water lost", flagged("chill_lost"),
               lambda rig: float(rig.plant.sig.analog[io.FT_509]) < 10.0, 30.0)  # fmt: skip
