"""Figures, horn and beacon of the alarms as tags, once a second."""

from __future__ import annotations

from collections.abc import Sequence

from controller.alarm_figures import AlarmFigures
from controller.alarm_states import UNSEEN, AlarmState
from controller.alarms import Alarms
from controller.events import Event
from controller.tags import Snapshot, TagTable
from drivers.base import Block, Quality

_EVERY_NS = 1_000_000_000
TAGS = (
    "ALM.HORN", "ALM.BEACON", "ALM.ACTIVE", "ALM.UNACK", "ALM.SHELVED", "ALM.OUT", "ALM.R10",
    "ALM.R60", "ALM.FLOOD", "ALM.TOP10", "ALM.CHATTER", "ALM.FLEETING", "ALM.STALE",
)  # fmt: skip
"""Calculated tags of the alarm system, in the order in which they are written."""


class AlarmWatch:
    """Follows the alarms of a line.

    Attributes:
        figures: what ISA-18.2 wants to know of the alarm system.
    """

    def __init__(self, alarms: Alarms, table: TagTable) -> None:
        self._alarms = alarms
        self.figures = AlarmFigures({a.name: str(a.priority) for a in alarms.alarms})
        known = set(table.names)
        self._block = table.attach(Block("alarms", TAGS, 1.0)) if known.issuperset(TAGS) else None
        self._next_ns = 0

    def hear(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        """Follow one scan."""
        now_ns = snapshot.now_ns
        self.figures.hear(events)
        if self._block is None or now_ns < self._next_ns:
            return
        self._next_ns = now_ns + _EVERY_NS
        self.figures.begin(now_ns)
        self._block.write(self._values(now_ns), Quality.GOOD, now_ns, now_ns)

    def _values(self, now_ns: int) -> list[float]:
        alarms, found = self._alarms, self.figures.figures(now_ns)
        states = [alarm.state for alarm in alarms.alarms]
        return [
            float(alarms.horn),
            float(alarms.beacon()),
            float(len(alarms.active())),
            float(sum(state in UNSEEN for state in states)),
            float(states.count(AlarmState.SHELVED)),
            float(states.count(AlarmState.OUT_OF_SERVICE)),
            float(found.per_10_min),
            float(found.per_hour),
            found.flood_pct,
            found.top_10_pct,
            float(found.chattering),
            float(found.fleeting),
            float(found.stale),
        ]
