"""Injected faults F1 to F15 of the process specification 10: fields with neutral defaults.

The physics reads the fields on every tick; poke them one by one, or by number with
``simulators.twin.injection``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def _ones(count: int) -> Floats:
    return np.ones(count)


def _zeros(count: int) -> Floats:
    return np.zeros(count)


def _flags(count: int) -> Bools:
    return np.zeros(count, dtype=np.bool_)


@dataclass(slots=True)
class Faults:
    """Everything that can be wrong with the plant; a fresh object is a sound plant.

    Attributes:
        pump_shaft_factor: F1, times the shaft pulsation a1 (5 gives 1 %).
        pump_wear_per_h: F1, loss of pump efficiency per hour (0.03).
        viscosity_per_h: F2, relative change of the dope's viscosity per hour (-0.20).
        solids_step: F2, added to the dope's solids fraction (-0.003).
        streak: F3, (x m, width m, relative depth) or None.
        bolt_stuck: F4, bolts that no longer move.
        heater: F5, share of the heater that works, 15 zones.
        heater_stuck: Z8, least power share of a heater whose switch is welded; the zone and main
            contactors still cut it.
        contactor_welded: Z8, zone contactors that do not open (their auxiliary contact shows it).
        tc, tc2: F6, zone number -> reading shown instead of the sensor's.
        exhaust: F7, share of the zone's duct that is open, 13 zones.
        fan: F7, share of the fan's flow that is delivered, 3 fans.
        sample_flow: F8, bit mask of analyzers without sample flow (bit = DI number).
        analog: F8 F11, terminal number -> value shown instead of the signal.
        break_at_m: F9, cut the web there once (the plant resets it to None).
        pins_lost: F10, a row of pins lost: rail torque step, film narrows.
        scan_bias_um, scan_dirty, scan_stuck: F11 of the final scanner.
        gel_bias_g_m2: F11 of the gel gauge.
        starved: F12, heads whose feed runs empty.
        belt_offset_k: F13, true belt surface minus what its sensor shows, B1..B4.
        peel_factor: F14, times the peel force.
        estop, guard_open, fire, air_lost: F15 and inputs of the safety circuit.
        room_ppm: Z12, solvent leak at the room detector.
        chill_lost: Z18, no chill water.
        shutter_stuck: Z21, the gel gauge's beta source stays open.
        static_lost: Z22, ionizer off or the web's ground lost.
    """

    pump_shaft_factor: float = 1.0
    pump_wear_per_h: float = 0.0
    viscosity_per_h: float = 0.0
    solids_step: float = 0.0
    streak: tuple[float, float, float] | None = None
    bolt_stuck: Bools = field(default_factory=lambda: _flags(21))
    heater: Floats = field(default_factory=lambda: _ones(15))
    heater_stuck: Floats = field(default_factory=lambda: _zeros(15))
    contactor_welded: Bools = field(default_factory=lambda: _flags(13))
    tc: dict[int, float] = field(default_factory=dict)
    tc2: dict[int, float] = field(default_factory=dict)
    exhaust: Floats = field(default_factory=lambda: _ones(13))
    fan: Floats = field(default_factory=lambda: _ones(3))
    sample_flow: int = 0
    analog: dict[int, float] = field(default_factory=dict)
    break_at_m: float | None = None
    pins_lost: bool = False
    scan_bias_um: float = 0.0
    scan_dirty: bool = False
    scan_stuck: bool = False
    gel_bias_g_m2: float = 0.0
    starved: Bools = field(default_factory=lambda: _flags(2))
    belt_offset_k: Floats = field(default_factory=lambda: _zeros(4))
    peel_factor: float = 1.0
    estop: bool = False
    guard_open: bool = False
    fire: bool = False
    air_lost: bool = False
    room_ppm: float = 0.0
    chill_lost: bool = False
    shutter_stuck: bool = False
    static_lost: bool = False

    def clear(self) -> None:
        """Make the plant sound again; what the faults did to the film stays."""
        sound = Faults()
        for item in fields(self):
            setattr(self, item.name, getattr(sound, item.name))
