"""Faults F1 to F15 begun and healed, with those that happen outside the process.

A power dip of half a second. Couplers, gauges, the network and the temperature controllers (their
24 V variants) live on buffered 24 V, the computer on its own supply. What hangs on the mains does
not: heater contactors fall out and do not pull in again before their outputs have been off
(self-holding circuits), the coating feed restarts with its restart settings, the drives of pump
and backing roll trip by undervoltage and wait for a person. The drives of the web carry
``RIDE_S`` on their common, buffered DC link and slow down together; longer, they trip as well.
Fans catch their running motors and go on: exhaust must not wait for anybody.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import numpy as np

from simulators.faults import BOOT_S, CLOCK_JUMP_S, DIP_S, TIMEOUT_OF, TimedFault
from simulators.faults_link import Bench, Undo, end_s, reboot, silence
from simulators.instruments.acs380 import Acs380
from simulators.instruments.atv320 import Atv320
from simulators.instruments.line_up import FANS
from simulators.instruments.reglo_icc import RegloIcc
from simulators.twin.faults import Faults

ACS_UNDERVOLTAGE: Final = 0x3220  # DC link undervoltage, shown in hexadecimal by the drive
ATV_UNDERVOLTAGE: Final = 22  # USF of the fault code LFT
FAN_DROP_PCT: Final = 5.0  # [TW] speed a fan loses in half a second without voltage
RIDE_S: Final = 1.0  # [TW] supply gap the web drives' DC link carries (undervoltage control, 30.31)
WEB_SAG: Final = 0.02  # [TW] share of its speed the web loses meanwhile, all drives alike


def begin(fault: TimedFault, bench: Bench) -> Undo:
    """Begin F1 to F15; the result heals it (what it did to the film stays)."""
    match fault.how:
        case "dip":
            return _dip(bench, dip_s(fault))
        case "timeout":
            return silence(bench, fault.where or TIMEOUT_OF)
        case "clock":
            if bench.jump is not None:
                bench.jump(CLOCK_JUMP_S if fault.size is None else fault.size)
            return _nothing
    before = _copy(bench.plant.faults)
    bench.plant.inject(fault.name, fault.where, fault.size, fault.how)
    return _restore(bench.plant.faults, before, _copy(bench.plant.faults))


def heals_s(fault: TimedFault) -> float | None:
    """Line second at which a fault heals by itself; None: it stays."""
    if fault.how == "dip":
        return fault.at_s + dip_s(fault) + BOOT_S
    return end_s(fault)


def dip_s(fault: TimedFault) -> float:
    """How long the mains are away, s."""
    return DIP_S if fault.for_s is None else fault.for_s


def _dip(bench: Bench, for_s: float) -> Undo:
    heals: list[Undo] = []
    bench.plant.act.contactor[:] = False
    bench.plant.act.main_contactor = False
    for one in bench.line.instrument:
        device = bench.line_up.instruments[one.name]
        if isinstance(device, RegloIcc):
            heals.append(reboot(bench, one.name))
        elif isinstance(device, Acs380) and one.name in FANS:
            device.speed = max(0.0, device.speed - FAN_DROP_PCT)
        elif isinstance(device, Acs380) and device.speed and for_s <= RIDE_S:
            device.speed *= 1.0 - WEB_SAG
        elif isinstance(device, Acs380) and device.speed:
            device.trip(ACS_UNDERVOLTAGE)
        elif isinstance(device, Atv320) and device.speed:
            device.trip(ATV_UNDERVOLTAGE)

    def heal() -> None:
        for one in heals:
            one()

    return heal


def _copy(faults: Faults) -> dict[str, object]:
    """The fields as they are now."""
    copied: dict[str, object] = {}
    for item in dataclasses.fields(faults):
        value = getattr(faults, item.name)
        copied[item.name] = value.copy() if isinstance(value, np.ndarray | dict) else value
    return copied


def _restore(faults: Faults, before: dict[str, object], after: dict[str, object]) -> Undo:
    """Heal what one injection changed, and leave what others did since."""
    undo: list[Callable[[], None]] = []
    for name, old in before.items():
        new = after[name]
        if isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
            undo += [_put(faults, name, int(k), old[k]) for k in np.flatnonzero(old != new)]
        elif isinstance(old, dict) and isinstance(new, dict):
            undo += [_put(faults, name, k, old.get(k)) for k in new if old.get(k) != new[k]]
        elif name == "sample_flow":
            undo.append(_bits(faults, faults.sample_flow & ~int(str(old))))
        elif old != new:
            undo.append(_field(faults, name, old))

    def heal() -> None:
        for one in undo:
            one()

    return heal


def _put(faults: Faults, name: str, key: int, old: object) -> Undo:
    def heal() -> None:
        if old is None:
            getattr(faults, name).pop(key, None)
        else:
            getattr(faults, name)[key] = old

    return heal


def _bits(faults: Faults, bits: int) -> Undo:
    return lambda: setattr(faults, "sample_flow", faults.sample_flow & ~bits)


def _field(faults: Faults, name: str, old: object) -> Undo:
    return lambda: setattr(faults, name, old)


def _nothing() -> None:
    """Nothing to heal."""
