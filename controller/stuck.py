"""Sensors that repeat themselves: what cannot be seen in one sample, checked once a scan.

Analyzers here; thermocouples in ``controller.frozen``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from config.models import Line
from controller.events import Event
from controller.frozen import FrozenThermocouples
from controller.tags import Snapshot, TagTable
from drivers.base import Quality

STUCK_S = 60.0


class StuckCheck:
    """Analyzers whose value has not moved at all for 60 s: blind, whatever they say.

    A live LFL analyzer always shows noise, so zero variance means a frozen instrument
    (hazard Z4). The snapshot's quality becomes ``BAD_SENSOR_FAILURE`` until it moves. Frozen
    thermocouples of the zones are marked with them.

    Args:
        line: its zones name the analyzers.
        table: the process image.
        stuck_s: how long a value may stand still.
    """

    def __init__(self, line: Line, table: TagTable, stuck_s: float = STUCK_S) -> None:
        names = dict.fromkeys(zone.lfl for zone in line.zone if zone.lfl is not None)
        self._names = tuple(names)
        self._index = tuple(table.index(name) for name in self._names)
        self._last = [math.nan] * len(self._index)
        self._since_ns = [0] * len(self._index)
        self._stuck = [False] * len(self._index)
        self._limit_ns = round(stuck_s * 1e9)
        self._thermocouples = FrozenThermocouples(line, table)

    def step(self, snapshot: Snapshot) -> Sequence[Event]:
        """Mark stuck sensors in the snapshot; events tell when one sticks or moves again."""
        events: list[Event] = list(self._thermocouples.step(snapshot))
        for k, index in enumerate(self._index):
            value = snapshot.known[index]
            if value != self._last[k]:
                self._last[k] = value
                self._since_ns[k] = snapshot.now_ns
            stuck = snapshot.now_ns - self._since_ns[k] >= self._limit_ns
            if stuck:
                snapshot.spoil(index, Quality.BAD_SENSOR_FAILURE)
            if stuck is not self._stuck[k]:
                self._stuck[k] = stuck
                events.append(self._event(k, snapshot.now_ns, value, stuck=stuck))
        return events

    def _event(self, k: int, now_ns: int, value: float, *, stuck: bool) -> Event:
        verb = "stuck" if stuck else "moves"
        seconds = self._limit_ns // 1_000_000_000
        cause = f"no change at all for {seconds} s" if stuck else "the value changes again"
        return Event(now_ns, "sensor", verb, self._names[k], None, value, cause)
