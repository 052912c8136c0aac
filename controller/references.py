"""Over-temperature references of the zones, published as ``TIC-nnn.TRACK`` once a second.

A zone is compared with its working set point; when the set point is lowered the reference
follows only as the zone cools: max(working set point, min(last reference, temperature)).
So a ramp down trips nothing, and a zone that heats up again under a low set point does.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan

from config.models import Line
from controller.events import Event
from controller.tags import Snapshot, TagTable
from drivers.base import Block, Quality


class ZoneReferences:
    """Computes the reference of every zone whose loop has a ``TRACK`` tag.

    Args:
        line: zones with their loops.
        table: the process image; gets the references as one block.
        period_s: time between computations.
    """

    def __init__(self, line: Line, table: TagTable, period_s: float = 1.0) -> None:
        calculated = {tag.name for tag in line.calculated}
        loops = [zone.loop for zone in line.zone if f"{zone.loop}.TRACK" in calculated]
        names = tuple(f"{loop}.TRACK" for loop in loops)
        self._writer = table.attach(Block("zone.reference", names, period_s)) if names else None
        self._pairs = [(table.index(f"{loop}.PV"), table.index(f"{loop}.WSP")) for loop in loops]
        self._last = [nan] * len(loops)
        self._period_s = period_s
        self._due_s = 0.0

    def step(self, snapshot: Snapshot, now_ns: int, dt: float) -> Sequence[Event]:
        """Publish the references when a period has passed; makes no events.

        A reference is bad while the temperature or the working set point is unknown; it
        goes on from its last value, so a gap excuses nothing.
        """
        self._due_s -= dt
        if self._due_s > 1e-6 or self._writer is None:
            return ()
        self._due_s = self._period_s
        values, quality = [], []
        for k, (actual, working) in enumerate(self._pairs):
            value = self._follow(k, snapshot.known[actual], snapshot.known[working])
            values.append(value)
            quality.append(int(Quality.BAD if isnan(value) else Quality.GOOD))
        self._writer.write(values, quality, now_ns, now_ns)
        return ()

    def _follow(self, k: int, actual: float, working: float) -> float:
        if isnan(actual) or isnan(working):
            return nan
        last = actual if isnan(self._last[k]) else self._last[k]
        self._last[k] = max(working, min(last, actual))
        return self._last[k]
