"""Exhaust fans from the zones' required flows, and the purge counter that never stops.

Zone flow = table flow x 2.5 x fan speed (a fan at 40 % gives the table). The fan of a group
runs as fast as its neediest zone asks, with a margin; it rises at once and falls late.
"""

from __future__ import annotations

import math

from config.models import Line
from controller.loops.parts import Request, Setter, SnapshotLike, TableLike, specs
from drivers.base import Block, Quality

FAN_MAXIMUM = 2.5  # full speed moves this times the table flow
MARGIN = 1.05
LEAST_PCT = 40.0
_FALL_PCT = 3.0
PROVEN_SHARE = 0.7
GAP_S = 0.5  # as the exhaust interlock counts: shorter gaps pause, longer ones zero
_MOST_VOLUMES = 999.0


class PurgeCounter:
    """Oven volumes of the slowest zone moved by proven flow; a gap in the proof zeroes it (IL2).

    It runs in every state: proof lost later takes the heat permissive away again.

    Attributes:
        volumes: purged so far.
    """

    def __init__(self, line: Line, table: TableLike) -> None:
        self.volumes = 0.0
        self._gap_s = 0.0
        self._zones = [
            (
                table.index(zone.exhaust_flow),
                PROVEN_SHARE * (zone.table_flow_nm3_h or 0.0),
                1.0 / (3600.0 * zone.volume_m3),
            )
            for zone in line.zone
            if zone.exhaust_flow is not None and zone.volume_m3 is not None
        ]

    def step(self, known: list[float], dt: float) -> float:
        """Count one scan; returns the volumes."""
        slowest = math.inf
        for row, least, per_volume in self._zones:
            flow = known[row]
            if not flow >= least:  # NaN: not GOOD is not proven
                self._gap_s += dt
                if self._gap_s >= GAP_S - 1e-9:
                    self.volumes = 0.0
                return self.volumes
            rate = flow * per_volume
            slowest = min(slowest, rate)
        self._gap_s = 0.0
        self.volumes = min(self.volumes + slowest * dt, _MOST_VOLUMES)
        return self.volumes


class ExhaustLoop:
    """Fan speeds from ``FRQ-nnn.REQ``; publishes ``PROC.PURGE`` once a second."""

    name = "exhaust"

    def __init__(self, line: Line, table: TableLike, put: Request) -> None:
        known = specs(line)
        self.auto = False
        self.frozen = ""
        self.purge = PurgeCounter(line, table)
        self._writer = table.attach(Block("procedure.purge", ("PROC.PURGE",), 1.0))
        groups: dict[str, list[tuple[int, float]]] = {}
        for zone in line.zone:
            if zone.exhaust_flow is None or zone.fan is None:
                continue
            required = f"FRQ-{zone.exhaust_flow.removeprefix('FT-').removesuffix('.PV')}.REQ"
            full = FAN_MAXIMUM * (zone.table_flow_nm3_h or math.inf)
            groups.setdefault(zone.fan, []).append((table.index(required), 100.0 / full))
        self._fans = [
            (Setter(f"{fan}.SP", table, put, known[f"{fan}.SP"]), rows)
            for fan, rows in groups.items()
        ]
        self._goal = [math.nan] * len(self._fans)

    def switch(self, *, on: bool) -> None:
        """Automatic; manual leaves the fans as they are."""
        self.auto = on
        self._goal = [math.nan] * len(self._fans)

    def take_purged(self, volumes: float, now_ns: int) -> None:
        """Begin on a line known to be purged (a simulation's start; a restart never is)."""
        self.purge.volumes = volumes
        self._writer.write((volumes,), Quality.GOOD, now_ns, now_ns)

    def count(self, known: list[float], now_ns: int, dt: float) -> None:
        """Count purge volumes (every scan); a purge that is lost is told at once."""
        before = self.purge.volumes
        if self.purge.step(known, dt) < before:
            self._writer.write((self.purge.volumes,), Quality.GOOD, now_ns, now_ns)

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> None:
        """Publish the count, set the fans."""
        self._writer.write((self.purge.volumes,), Quality.GOOD, now_ns, now_ns)
        if not self.auto:
            return
        known = snapshot.known
        for number, (setter, rows) in enumerate(self._fans):
            needs = [known[row] * share for row, share in rows]
            need = 100.0 if any(math.isnan(n) for n in needs) else MARGIN * max(needs)
            need = math.ceil(min(max(need, LEAST_PCT), 100.0) * 2.0) / 2.0
            goal = self._goal[number]
            if math.isnan(goal) or need > goal or need < goal - _FALL_PCT:
                self._goal[number] = need
            setter.toward(self._goal[number], "exhaust demand", now_ns, dt)
