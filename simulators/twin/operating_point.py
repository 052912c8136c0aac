"""The steady state in which a line may be found, and the dope in its tank.

A start ``hot`` or ``running`` stands at an operating point. The shipped parameters hold one, the
reference state; a recipe gives another.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.twin.parameters import Parameters


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Set points of a running line.

    Attributes:
        zone_c: of the 15 zones; belt surface in B1-B4.
        speed_m_min: of the belt; draw_md: rails over belt.
        pump_rpm: of the dope pump. solids: mass fraction of polymer in the dope tank.
        coat_ml_min: feed of heads A (air side) and B (belt side); 0 leaves the head off.
    """

    zone_c: tuple[float, ...]
    speed_m_min: float
    draw_md: float
    pump_rpm: float
    solids: float
    coat_ml_min: tuple[float, float]


def reference_point(params: Parameters) -> OperatingPoint:
    """The reference state of the parameter file: 25 um at 2 m/min, coated on the air side."""
    return OperatingPoint(
        zone_c=params.zones.setpoint_c,
        speed_m_min=params.reference.speed_m_min,
        draw_md=params.web.nominal_draw_md,
        pump_rpm=params.casting.nominal_pump_rpm,
        solids=params.casting.solids,
        coat_ml_min=(params.coating.nominal_flow_cm3_min, 0.0),
    )
