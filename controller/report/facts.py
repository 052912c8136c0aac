"""The facts of a lot: what the report shows and the JSON holds, nothing else.

Every number says its unit and how it is known: measured (by an instrument of the line),
estimated (a soft sensor from measured inputs), predicted (an assumption about the product)
or not demonstrated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Evidence(StrEnum):
    """How a number is known."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    PREDICTED = "predicted"
    NONE = "not demonstrated"


@dataclass(frozen=True)
class Result:
    """One target against what the record shows over the collected meters.

    Attributes:
        key: name in the JSON. label, unit: for people. value, sigma: NaN when not known.
        low, high: allowed range; infinite when open. evidence, note: how it is known.
        again: the same result under a second key, for programs; not shown to people.
    """

    key: str
    label: str
    unit: str
    value: float
    sigma: float
    low: float
    high: float
    evidence: Evidence
    note: str
    again: bool = False

    @property
    def passed(self) -> bool | None:
        """Inside the range; None when there is no value."""
        if np.isnan(self.value):
            return None
        return bool(self.low <= self.value <= self.high)


@dataclass(frozen=True)
class Trend:
    """One line of a plot over line hours: minimum, mean and maximum per bucket."""

    tag: str
    unit: str
    hours: Floats
    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class MeterTable:
    """What each roll meter carries; arrays have one value per meter, NaN where unknown.

    Attributes:
        meter: roll meters (middle of each). good: all targets met on known values.
        reason: why a meter is not good, empty when it is.
        core_um: core thickness from the scanner less the layers, mean over the width.
        total_um: scanner mean. cd_2sigma_pct: filtered CD profile of the passes there.
        layer_air_um, layer_belt_um: thin layer gauge (NaN when the side is not coated).
        imidization_pct, solvent_wt_pct, loh_peel_pct: soft sensors at exit and peel.
        speed_m_min: belt speed when this meter was cast.
    """

    meter: Floats
    good: NDArray[np.bool_]
    reason: list[str]
    total_um: Floats
    core_um: Floats
    cd_2sigma_pct: Floats
    layer_air_um: Floats
    layer_belt_um: Floats
    imidization_pct: Floats
    solvent_wt_pct: Floats
    loh_peel_pct: Floats
    speed_m_min: Floats


@dataclass(frozen=True)
class CdMap:
    """Scanner passes over the roll: one row a pass, one column a lane; um, NaN unseen."""

    meter: Floats
    position_m: Floats
    thickness_um: Floats


@dataclass(frozen=True)
class EventRow:
    """One event as the report prints it; ``hours`` since the record began."""

    hours: float
    source: str
    verb: str
    tag: str
    old: str
    new: str
    cause: str
    actor: str


@dataclass(frozen=True)
class GapRow:
    """Time in which a scan group brought nothing good, by reason."""

    group: str
    reason: str
    count: int
    seconds: float


@dataclass(frozen=True)
class RollFacts:
    """What the label of a roll says.

    Attributes:
        roll_id: lot and number, ``core25-007-R01``. recipe: it was made with.
        from_m, to_m: meters of the run. length_m: on the roll.
        core_label, outer_label: film at the core and at the outer end (NaN: still being wound).
        made_utc: when it was closed; empty while it is being wound. ended: why.
        good_m: good meters. reasons: meters that are not good, by reason, most first.
    """

    roll_id: str
    recipe: str
    from_m: float
    to_m: float
    length_m: float
    core_label: float
    outer_label: float
    made_utc: str
    ended: str
    simulated: bool
    good_m: float
    reasons: dict[str, float]

    def lines(self) -> list[str]:
        """The label as it is printed."""
        head = f"{self.roll_id}{'   SIMULATED' if self.simulated else ''}"
        lost = ", ".join(f"{reason} {meters:.0f} m" for reason, meters in self.reasons.items())
        return [
            head,
            f"  recipe      {self.recipe}",
            f"  length      {self.length_m:.2f} m, meters {self.from_m:.1f} to {self.to_m:.1f}",
            f"  core end    label {_label(self.core_label)}",
            f"  outer end   label {_label(self.outer_label)}",
            f"  made        {self.made_utc or 'still being wound'} ({self.ended or 'open'})",
            f"  good        {self.good_m:.0f} m" + (f"; not good: {lost}" if lost else ""),
        ]


@dataclass(frozen=True)
class LotFacts:
    """Everything about a lot."""

    lot: str
    simulated: bool
    recipe: str
    line: str
    software: str
    state: str
    sealed: bool
    started_utc: str
    line_seconds: float
    meters_collected: float
    meters_good: float
    results: list[Result]
    claims: list[dict[str, str | int]]
    materials: dict[str, str]
    hashes: dict[str, str]
    chain_head: str
    meters: MeterTable
    cd_map: CdMap
    zones: list[Trend]
    speeds: list[Trend]
    quality: list[Trend]
    events: list[EventRow]
    alarms: list[EventRow]
    gaps: list[GapRow]
    notes: list[str] = field(default_factory=list)
    rolls: list[RollFacts] = field(default_factory=list)


def _label(label: float) -> str:
    return "unknown" if math.isnan(label) else f"{label:.2f} m"
