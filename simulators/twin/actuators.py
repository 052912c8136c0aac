"""What the plant is told and what it shows: plain mutable objects shared with the instruments.

``Actuators`` is written by the simulated instruments (actual outputs of drives, pumps and
terminals, not requests). ``Signals`` is refreshed by the twin; instruments sample it at their
own rates (zero-order hold). Orders of the arrays are the process image's terminal orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ZONES = (
    *("B1", "B2", "B3", "B4", "CD"),
    *("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8"),
    *("DIE", "COOL"),
)
LFL_ZONES = (0, 1, 2, 4, 5, 6)  # B1 B2 B3 CD T1 T2 have an analyzer
AIR, BELT = 0, 1  # film sides, index of every array of two

# Analog terminals of coupler A (milliampere inputs), in order.
PIT_110, PDT_111, PIT_301 = 0, 1, 2  # MPa, MPa, kPa
WT_231, AT_231, ZT_231 = 3, 4, 5  # g/m2, wt%, m
NT_231, NT_311, NT_601, NT_701 = 6, 7, 8, 9  # N/m
FT_201 = 10  # Nm3/h, 13 zones
AT_201 = 23  # % of LFL, 6 analyzers
AT_900, FT_509, JT_510, ZT_701, ZT_601 = 29, 30, 31, 32, 33  # ppm, L/min, %, m, m
ANALOGS = 34

# Digital inputs of coupler A, bit numbers.
DI_ESTOP_OK, DI_GUARDS_OK, DI_NO_FIRE, DI_AIR_OK = 0, 1, 2, 3
DI_SAMPLE_FLOW = 4  # 6 analyzers
DI_SCANNER_STD, DI_GEL_STD = 10, 11
DI_CONTACTOR = 12  # 13 zones
DI_SHUTTER_SHUT, DI_STATIC_OK = 25, 26

# Contacts of the safety circuit, bit numbers: emergency stop, guards, fire detector, relay of
# the gas panel, flow switches of all zones, fans at purge speed; and what runs: main contactor,
# dope pump, web drives, all fans.
SAFETY_ESTOP_OK, SAFETY_GUARDS_OK, SAFETY_NO_FIRE, SAFETY_GAS_OK = 0, 1, 2, 3
SAFETY_FLOW, SAFETY_PURGE = 4, 5
SAFETY_HEAT_ON, SAFETY_FEED_ON, SAFETY_WEB_ON, SAFETY_FANS_ON = 6, 7, 8, 9

# Error status bits of the final scanner (hardware sheet 3.6).
SCAN_NO_PEAK = 1 << 2
SCAN_BEHIND_RANGE = 1 << 6


def _floats(count: int) -> Floats:
    return np.zeros(count)


def _flags(count: int) -> Bools:
    return np.zeros(count, dtype=np.bool_)


@dataclass(slots=True)
class Actuators:
    """Actual outputs acting on the plant; the neutral state is everything off.

    Attributes:
        duty: heater duty 0..1 of the 15 zones.
        contactor: zone contactors of the 13 zones that have one.
        fan: actual speed of fans X1 X2 X3, 0..1.
        damper_closed: dampers of the three fans; False is open, the safe position.
        belt, nip, rails, winder, coater_m_min: actual drive speeds, m/min.
        pump_rpm: gear pump shaft.
        coat_flow: mL/min of heads A (air side) and B (belt side).
        coat_engaged: head at the web.
        bolt_um: lip bolt targets, um.
        turret: winder turret indexes and cuts when this rises.
        horn, beacon: what people at the line hear and see.
        heat_released, feed_released, web_released: the safety controller lets heaters, dope and
            coat feed, and web drives work; True where there is none.
        exhaust_latched: it runs all fans at full speed, dampers open, whatever else is asked.
    """

    duty: Floats = field(default_factory=lambda: _floats(15))
    contactor: Bools = field(default_factory=lambda: _flags(13))
    main_contactor: bool = False
    fan: Floats = field(default_factory=lambda: _floats(3))
    damper_closed: Bools = field(default_factory=lambda: _flags(3))
    belt: float = 0.0
    nip: float = 0.0
    rails: float = 0.0
    winder: float = 0.0
    pump_rpm: float = 0.0
    coater_m_min: float = 0.0
    diverter_die: bool = False
    tank_valve: bool = False
    coat_flow: Floats = field(default_factory=lambda: _floats(2))
    coat_engaged: Bools = field(default_factory=lambda: _flags(2))
    bolt_um: Floats = field(default_factory=lambda: _floats(21))
    scanner_run: bool = False
    scanner_park: bool = False
    scanner_std: bool = False
    gel_run: bool = False
    gel_std: bool = False
    turret: bool = False
    horn: bool = False
    beacon: bool = False
    heat_released: bool = True
    feed_released: bool = True
    web_released: bool = True
    exhaust_latched: bool = False


@dataclass(slots=True)
class Signals:
    """Sensed values with the lag, noise and bias of their elements.

    Attributes:
        analog: 34 milliampere signals in engineering units, in terminal order.
        counters: encoder counts of belt, rails, winder, 0.1 mm each, not wrapped.
        di: digital inputs as a bit mask.
        safety: contacts of the safety circuit as a bit mask, in the order of ``SAFETY_*``.
        tc: control thermocouples of the 15 zones, degC; 1372 when burnt out.
        tc2: independent thermocouples of the 13 zones, degC.
        bolt_c: bolt temperatures, degC.
        layer: thin-layer gauge um, 5 lanes air side then 5 belt side; NaN where invalid.
        rail_pos: rail position (full width) at T1..T8, m.
        film_c: pyrometers at the exits of dryer, T2, T5 and T8, degC.
        scan_um: thickness under the final scanner's spot, um; NaN with ``scan_error`` set.
        heater_a: heater currents of the 15 zones, A.
    """

    analog: Floats = field(default_factory=lambda: _floats(ANALOGS))
    counters: NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, dtype=np.int64))
    di: int = 0
    safety: int = 0
    tc: Floats = field(default_factory=lambda: _floats(15))
    tc2: Floats = field(default_factory=lambda: _floats(13))
    bolt_c: Floats = field(default_factory=lambda: _floats(21))
    layer: Floats = field(default_factory=lambda: np.full(10, np.nan))
    rail_pos: Floats = field(default_factory=lambda: _floats(8))
    film_c: Floats = field(default_factory=lambda: _floats(4))
    scan_um: float = float("nan")
    scan_error: int = SCAN_NO_PEAK
    heater_a: Floats = field(default_factory=lambda: _floats(15))
