"""Exhaust flow that each zone needs now, published as ``FRQ-nnn.REQ`` once a second.

Required = the most of: the table flow, scaled with belt speed above 2.5 m/min (process
specification 7.2); the flow that gives a predicted 12 % of the flammable limit at the
zone's computed evaporation (pilot line 2); and the zone's minimum. An unknown pump, coater
or belt counts as its last set-point, and the load falls with the time the film takes
to leave the belt, so the requirement errs high and is always GOOD.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isnan

from config.models import Line, Zone
from controller.events import Event
from controller.solvent import (
    BELT,
    COATERS,
    DIVERTER,
    PUMP,
    coat_solvent_kg_h,
    dope_solvent_kg_h,
    flow_for_nm3_h,
    zone_evaporation_kg_h,
)
from controller.tags import Snapshot, TagTable
from drivers.base import Block, Quality

PREDICTED_LFL = 0.12

_SCALED_ABOVE_M_MIN = 2.5
_EMPTYING_S = 180.0  # belt residence at the slowest thread speed, as a time constant


def requirement_tag(flow_tag: str) -> str:
    """Tag of the flow required where ``FT-201.PV`` measures: ``FRQ-201.REQ``."""
    return f"FRQ-{flow_tag.removeprefix('FT-').removesuffix('.PV')}.REQ"


class ExhaustRequired:
    """Computes the exhaust requirement of every zone that has an exhaust flow.

    Args:
        line: zones with their table flows and highest set points.
        table: the process image; gets the requirement as one block.
        solids_wt_pct: solids of the dope; fewer solids carry more solvent.
        period_s: time between computations.
    """

    def __init__(
        self, line: Line, table: TagTable, solids_wt_pct: float, period_s: float = 1.0
    ) -> None:
        self._table = table
        self._zones = tuple(zone for zone in line.zone if zone.exhaust_flow is not None)
        names = tuple(requirement_tag(zone.exhaust_flow or "") for zone in self._zones)
        self._writer = table.attach(Block("exhaust.required", names, period_s)) if names else None
        self._solids = solids_wt_pct
        self._cc_per_rev = line.line.pump_cc_per_rev
        self._period_s = period_s
        self._due_s = 0.0
        self._dope = 0.0
        self._coat = 0.0
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
        self._load(snapshot)
        speed = self._live(snapshot, self._belt)
        flows = [self.required(zone, speed) for zone in self._zones]
        self._writer.write(flows, Quality.GOOD, now_ns, now_ns)
        return ()

    def required(self, zone: Zone, speed_m_min: float) -> float:
        """Flow one zone needs at the present load, Nm3/h."""
        scale = max(1.0, speed_m_min / _SCALED_ABOVE_M_MIN)
        evaporation = zone_evaporation_kg_h(zone.name, self._dope, self._coat)
        return max(
            (zone.table_flow_nm3_h or 0.0) * scale,
            flow_for_nm3_h(evaporation, PREDICTED_LFL, zone.maximum_c),
            zone.minimum_flow_nm3_h or 0.0,
        )

    def _load(self, snapshot: Snapshot) -> None:
        """Follow a rising load at once, a falling one as the film leaves."""
        recirculating = snapshot.known[self._diverter] == 0.0
        rpm = 0.0 if recirculating else self._live(snapshot, self._pump)
        dope = dope_solvent_kg_h(rpm, self._cc_per_rev, self._solids)
        coat = coat_solvent_kg_h(sum(self._live(snapshot, pair) for pair in self._coaters))
        keep = exp(-self._period_s / _EMPTYING_S)
        self._dope = max(dope, dope + (self._dope - dope) * keep)
        self._coat = max(coat, coat + (self._coat - coat) * keep)

    def _live(self, snapshot: Snapshot, pair: tuple[int, int]) -> float:
        """Measured value, else the last set-point, else 0."""
        measured = snapshot.known[pair[0]]
        if isnan(measured):
            measured = float(self._table.request[pair[1]])
        return 0.0 if isnan(measured) else max(0.0, measured)
