"""The plant's truth as the judge needs it: flows required, purge done, reasons to keep the fans.

A second reading of the safety rules, from the physics alone: required flow from the true
evaporation (12 % of the flammable limit at the zone's highest temperature, process
specification 7.2 and pilot line 2), purge from the true flow, IL-OFF from true temperatures.
"""

from __future__ import annotations

import numpy as np

from config.models import Line, Zone
from simulators.twin.actuators import FT_201, ZONES, Floats
from simulators.twin.parameters import EXHAUST_COUNT
from simulators.twin.plant import Plant

PROVEN_SHARE = 0.70  # of the required flow
# Nobody can prove what the meters cannot resolve: 5 % for meter, noise and load estimate.
SLACK = 0.95
PREDICTED_LFL = 0.12
PURGE_VOLUMES = 5.0
SCALED_ABOVE_M_MIN = 2.5
PUMP_REST_RPM = 0.6  # 2 % of the nominal speed
GAP_S = 3.0  # a shorter dip cannot be told from the meters' lag

OFF_ZONE_C = 62.5  # 60 °C (below the flash point) and the thermocouples' tolerance
OFF_LFL_PCT = 5.5  # 5 % and the analyzers' tolerance
OFF_CLEAN_S, OFF_PUMP_S = 600.0, 900.0

_DMAC_KG_MOL = 0.08712
_NORMAL_M3_MOL = 0.02406


class PlantView:
    """Derived truth; ``second`` brings it up to date once a line second.

    Args:
        line: zones with table flows and highest temperatures.
        plant: the twin.

    Attributes:
        zones: the 13 exhausted zones in the order of the plant's arrays.
        least: flow below which the exhaust of a zone is not proven, Nm3/h [13].
        terminal: flows as the meters' terminals show them, Nm3/h [13].
        purged: volumes moved by proven true flow since the last gap [13].
        purge_done: every zone has had its five volumes.
        flow_low_s: seconds for which some zone's true flow has been below 70 % of its table.
    """

    def __init__(self, line: Line, plant: Plant) -> None:
        by_name = {zone.name: zone for zone in line.zone}
        self.plant = plant
        self.zones: tuple[Zone, ...] = tuple(by_name[name] for name in ZONES[:EXHAUST_COUNT])
        self.terminal: Floats = plant.sig.analog[FT_201 : FT_201 + EXHAUST_COUNT]
        self._table = np.array([zone.table_flow_nm3_h or 0.0 for zone in self.zones])
        self._proven = PROVEN_SHARE * SLACK * self._table
        lfl = [0.018 * (1.0 - 0.0015 * max(0.0, zone.maximum_c - 100.0)) for zone in self.zones]
        nm3_per_kg = _NORMAL_M3_MOL / _DMAC_KG_MOL
        self._per_kg_s = 3600.0 * nm3_per_kg / (PREDICTED_LFL * np.array(lfl))
        self._per_s = 1.0 / (3600.0 * np.array([zone.volume_m3 or 1.0 for zone in self.zones]))
        self.least: Floats = self._proven.copy()
        self.purged: Floats = plant.truth.purge_volumes.copy()  # a running start is purged
        self.purge_done = False
        self.flow_low_s = 0.0
        self._low_s = np.zeros(EXHAUST_COUNT)
        self._low_bytes = bytearray(EXHAUST_COUNT)  # searched much faster than the array
        self._low = np.frombuffer(self._low_bytes, dtype=np.bool_)
        self._clean_since_s = 0.0
        self._pump_rested_s = 0.0

    def second(self, now_s: float) -> None:
        """Take over one second of truth."""
        plant = self.plant
        scale = max(1.0, plant.act.belt / SCALED_ABOVE_M_MIN)
        np.multiply(plant.exhaust.evap_kg_s, self._per_kg_s, out=self.least)
        np.maximum(self.least, self._table if scale == 1.0 else self._table * scale, out=self.least)
        self.least *= PROVEN_SHARE * SLACK
        np.less(plant.truth.flow_nm3_h, self._proven, out=self._low)
        if not self.purge_done or self.flow_low_s or self._low_bytes.find(1) >= 0:
            self._purge()
        np.greater_equal(plant.truth.lfl_pct, OFF_LFL_PCT, out=self._low)
        if self._low_bytes.find(1) >= 0:
            self._clean_since_s = now_s
        if plant.act.pump_rpm > PUMP_REST_RPM:
            self._pump_rested_s = now_s

    def _purge(self) -> None:
        """Count volumes; once done they stand until a gap in the flow."""
        self._low_s += 1.0
        self._low_s *= self._low
        self.purged += self.plant.truth.flow_nm3_h * self._per_s
        self.purged[self._low_s > GAP_S] = 0.0
        self.flow_low_s = float(self._low_s.max())
        self.purge_done = float(self.purged.min()) >= PURGE_VOLUMES * SLACK

    def why_exhaust_stays(self, now_s: float) -> str:
        """Reason why the exhaust may not stop (IL-OFF of safety 1.2); empty when it may."""
        zone = self.plant.truth.zone_c
        hottest = int(zone.argmax())
        if zone[hottest] >= OFF_ZONE_C:
            return f"{ZONES[hottest]} has {zone[hottest]:.0f} °C"
        if now_s - self._clean_since_s < OFF_CLEAN_S:
            return f"vapor below 5 % for {now_s - self._clean_since_s:.0f} s only"
        if now_s - self._pump_rested_s < OFF_PUMP_S:
            return f"pump at rest for {now_s - self._pump_rested_s:.0f} s only"
        return ""
