"""Exhaust flow that each zone needs now, published as ``FRQ-nnn.REQ`` once a second.

Required = the most of: the table flow, scaled with belt speed above 2.5 m/min (process
specification 7.2); the flow that gives a predicted 12 % of the flammable limit at the
zone's computed evaporation (pilot line 2); and the zone's minimum. An unknown pump, coater
or belt counts as its last set-point, and the load stays until the film that carries it has
left the zones, so the requirement errs high and is always GOOD.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import exp, isnan

from config.models import Line, Zone
from controller.events import Event
from controller.solvent import (
    BELT,
    COATERS,
    DIVERTER,
    PUMP,
    REFERENCE_SHARES,
    Shares,
    coat_solvent_kg_h,
    dope_solvent_kg_h,
    flow_for_nm3_h,
    zone_evaporation_kg_h,
)
from controller.tags import Snapshot, TagTable
from drivers.base import Block, Quality

PREDICTED_LFL = 0.12

_SCALED_ABOVE_M_MIN = 2.5
_CARRIES_M = 26.0  # from the die to where the film has given off all but a trace (zone T2)
_DRIES_S = 900.0  # film that stands in hot zones is dry by then
_EMPTYING_S = 180.0  # time constant of the rest


def requirement_tag(flow_tag: str) -> str:
    """Tag of the flow required where ``FT-201.PV`` measures: ``FRQ-201.REQ``."""
    return f"FRQ-{flow_tag.removeprefix('FT-').removesuffix('.PV')}.REQ"


class _Load:
    """Solvent on the film: the greatest feed of the film that is still in the zones.

    Follows a rising feed at once, a falling one when the film that carries more has left.
    """

    def __init__(self) -> None:
        self.kg_h = 0.0
        self._moved_m = 0.0
        self._time_s = 0.0
        # Feeds of the film in the zones, each with when it was fed last: falling loads only.
        self._film: deque[tuple[float, float, float]] = deque()

    def follow(self, fed_kg_h: float, speed_m_min: float, dt: float) -> None:
        """Take over what is fed now; ``speed_m_min`` carries the film away."""
        self._moved_m += speed_m_min * dt / 60.0
        self._time_s += dt
        film = self._film
        while film and film[-1][0] <= fed_kg_h:
            film.pop()
        film.append((fed_kg_h, self._moved_m, self._time_s))
        while self._has_left(*film[0][1:]):
            film.popleft()
        most = film[0][0]
        self.kg_h = max(most, most + (self.kg_h - most) * exp(-dt / _EMPTYING_S))

    def _has_left(self, moved_m: float, time_s: float) -> bool:
        return self._moved_m - moved_m >= _CARRIES_M or self._time_s - time_s >= _DRIES_S


class ExhaustRequired:
    """Computes the exhaust requirement of every zone that has an exhaust flow.

    Args:
        line: zones with their table flows and highest set points.
        table: the process image; gets the requirement as one block.
        solids_wt_pct: solids of the dope; fewer solids carry more solvent.
        period_s: time between computations.

    Attributes:
        shares: of the solvent fed that leave in each zone.
    """

    def __init__(
        self, line: Line, table: TagTable, solids_wt_pct: float, period_s: float = 1.0
    ) -> None:
        self.shares: Shares = REFERENCE_SHARES
        self._table = table
        self._zones = tuple(zone for zone in line.zone if zone.exhaust_flow is not None)
        names = tuple(requirement_tag(zone.exhaust_flow or "") for zone in self._zones)
        self._writer = table.attach(Block("exhaust.required", names, period_s)) if names else None
        self._solids = solids_wt_pct
        self._cc_per_rev = line.line.pump_cc_per_rev
        self._period_s = period_s
        self._due_s = 0.0
        self._dope = _Load()
        self._coat = _Load()
        self._diverter = table.index(DIVERTER)
        self._pump = (table.index(f"{PUMP}.ACT"), table.index(f"{PUMP}.SP"))
        self._belt = (table.index(f"{BELT}.ACT"), table.index(f"{BELT}.SP"))
        self._coaters = [(table.index(f"{tag}.PV"), table.index(f"{tag}.SP")) for tag in COATERS]

    def step(self, snapshot: Snapshot, now_ns: int, dt: float) -> Sequence[Event]:
        """Publish the requirement when a period has passed; makes no events."""
        self._due_s -= dt
        if self._due_s > 1e-6 or self._writer is None:
            return ()
        self._due_s = self._period_s
        speed = self._live(snapshot, self._belt)
        self._load(snapshot, speed)
        flows = [self.required(zone, speed) for zone in self._zones]
        self._writer.write(flows, Quality.GOOD, now_ns, now_ns)
        return ()

    def required(self, zone: Zone, speed_m_min: float) -> float:
        """Flow one zone needs at the present load, Nm3/h."""
        scale = max(1.0, speed_m_min / _SCALED_ABOVE_M_MIN)
        evaporation = zone_evaporation_kg_h(
            zone.name, self._dope.kg_h, self._coat.kg_h, self.shares
        )
        return max(
            (zone.table_flow_nm3_h or 0.0) * scale,
            flow_for_nm3_h(evaporation, PREDICTED_LFL, zone.maximum_c),
            zone.minimum_flow_nm3_h or 0.0,
        )

    def _load(self, snapshot: Snapshot, speed_m_min: float) -> None:
        recirculating = snapshot.known[self._diverter] == 0.0
        rpm = 0.0 if recirculating else self._live(snapshot, self._pump)
        dope = dope_solvent_kg_h(rpm, self._cc_per_rev, self._solids)
        coat = coat_solvent_kg_h(sum(self._live(snapshot, pair) for pair in self._coaters))
        self._dope.follow(dope, speed_m_min, self._period_s)
        self._coat.follow(coat, speed_m_min, self._period_s)

    def _live(self, snapshot: Snapshot, pair: tuple[int, int]) -> float:
        """Measured value, else the last set-point, else 0."""
        measured = snapshot.known[pair[0]]
        if isnan(measured):
            measured = float(self._table.request[pair[1]])
        return 0.0 if isnan(measured) else max(0.0, measured)
