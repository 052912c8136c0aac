"""Cross limit IL5: solvent fed must fit the exhaust that is measured, zone by zone.

A set-point that raises the feed is refused when some zone's evaporation would exceed 25 %
of the flammable limit, fixed from the zone's highest set point, at its measured exhaust
flow (hazard Z5, pilot line 4). An exhaust flow that is not GOOD carries nothing.
"""

from __future__ import annotations

from math import inf, isnan, nan

from config.models import Line, Zone
from controller.refusals import Cause, Refusal
from controller.solvent import (
    COATERS,
    DIVERTER,
    PUMP,
    REFERENCE_SHARES,
    Shares,
    coat_solvent_kg_h,
    dope_solvent_kg_h,
    load_at_kg_h,
    zone_evaporation_kg_h,
)
from controller.tags import TagTable
from drivers.base import is_good

RATED_LFL = 0.25


class CrossLimits:
    """Judges set-points that feed solvent.

    Args:
        line: zones with exhaust flows and highest set points; pump displacement.
        table: the process image.
        solids_wt_pct: solids of the dope; the lowest allowed when not known yet.
    """

    def __init__(self, line: Line, table: TagTable, solids_wt_pct: float) -> None:
        self.solids_wt_pct = solids_wt_pct
        self.shares: Shares = REFERENCE_SHARES
        self._table = table
        self._cc_per_rev = line.line.pump_cc_per_rev
        names = table.names
        self._pump = [name for name in (f"{PUMP}.SP",) if name in names]
        self._coat = [name for name in (f"{tag}.SP" for tag in COATERS) if name in names]
        starters = [f"{PUMP}.RUN", *(f"{tag}.RUN" for tag in COATERS), DIVERTER]
        self._feeds = frozenset({*self._pump, *self._coat, *starters})
        self._zones: list[tuple[Zone, int]] = [
            (zone, table.index(zone.exhaust_flow))
            for zone in line.zone
            if zone.exhaust_flow is not None
        ]

    def check(self, tag: str, value: float, now_ns: int) -> Refusal | None:
        """Judge one request; None when it may pass or feeds nothing."""
        if tag not in self._feeds or not value > self._asked(tag):
            return None
        rpm = sum(value if name == tag else self._asked(name) for name in self._pump)
        flow = sum(value if name == tag else self._asked(name) for name in self._coat)
        dope = dope_solvent_kg_h(rpm, self._cc_per_rev, self.solids_wt_pct)
        coat = coat_solvent_kg_h(flow)
        worst = max(self._judge(dope, coat, now_ns), default=(0.0, 0))
        if worst[0] <= 1.0:
            return None
        return self._refusal(tag, worst[1], dope, coat, now_ns)

    def _judge(self, dope: float, coat: float, now_ns: int) -> list[tuple[float, int]]:
        """Load over capacity per zone, with the zone's number; infinite without a flow."""
        ratios = []
        for k, (zone, _) in enumerate(self._zones):
            load = zone_evaporation_kg_h(zone.name, dope, coat, self.shares)
            allowed = self._allowed(k, now_ns)
            if load > 0.0:
                ratios.append((load / allowed if allowed > 0.0 else inf, k))
        return ratios

    def _asked(self, tag: str) -> float:
        """Last accepted request, else the live value, else 0."""
        index = self._table.index(tag)
        asked = float(self._table.request[index])
        live = asked if not isnan(asked) else float(self._table.value[index])
        return 0.0 if isnan(live) else live

    def _allowed(self, k: int, now_ns: int) -> float:
        """Evaporation a zone's measured exhaust carries, kg/h; NaN when it is not GOOD."""
        zone, index = self._zones[k]
        flow, quality = self._table.read(index, now_ns)
        return load_at_kg_h(flow, RATED_LFL, zone.maximum_c) if is_good(quality) else nan

    def _refusal(self, tag: str, k: int, dope: float, coat: float, now_ns: int) -> Refusal:
        zone, _ = self._zones[k]
        load = zone_evaporation_kg_h(zone.name, dope, coat, self.shares)
        allowed = self._allowed(k, now_ns)
        if isnan(allowed):
            detail = f"exhaust flow {zone.exhaust_flow} of zone {zone.name} is not GOOD"
        else:
            detail = (
                f"zone {zone.name} would get {load:.2f} kg/h of solvent; its measured exhaust "
                f"carries {allowed:.2f} kg/h at 25 % of the flammable limit"
            )
        return Refusal(tag, Cause.CROSS_LIMIT, detail, load, allowed)
