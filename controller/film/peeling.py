"""Gel that sticks to the belt: spikes in the tension behind the peel line (fault F14).

Sticking lets go in jerks, faster than any drive takes up. What is published once a second as
``QI-PEEL.SHAKE`` is the mean step between two readings of the first load cell, over half a
minute: a slow change of tension, or one jump, leaves it where it was. A sound line shows the
hum of the load cell, 1.13 times its standard deviation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from controller.events import Event
from controller.film.transport import SnapshotLike, TableLike
from drivers.base import Block, Quality

TENSION, SET_POINT, FIGURE = "NT-231.PV", "NIC-231.SP", "QI-PEEL.SHAKE"
AVERAGE_S = 30.0
MOST_N_M = 10.0  # of one step: a break is no sticking
_PERIOD_S = 1.0


class PeelWatch:
    """Publishes how much the web shakes behind the peel line; bad while the web may be slack."""

    def __init__(self, table: TableLike) -> None:
        self._writer = table.attach(Block("film.peel", (FIGURE,), _PERIOD_S))
        self._rows = (table.index(TENSION), table.index(SET_POINT))
        self._last = math.nan
        self._shake = math.nan
        self._seen_s = 0.0
        self._due_s = 0.0

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> Sequence[Event]:
        """Take one scan; publish once a second; makes no events."""
        tension, set_point = (snapshot.known[row] for row in self._rows)
        step = abs(tension - self._last)
        self._last = tension
        if math.isnan(step) or not set_point > 0.0:
            self._shake, self._seen_s = 0.0, 0.0
        else:
            self._seen_s += dt
            share = dt / min(self._seen_s, AVERAGE_S)
            self._shake += (min(step, MOST_N_M) - self._shake) * min(1.0, share)
        self._due_s -= dt
        if self._due_s <= 1e-6:
            self._due_s = _PERIOD_S
            known = self._seen_s >= AVERAGE_S
            quality = Quality.GOOD if known else Quality.BAD
            self._writer.write((self._shake if known else math.nan,), quality, now_ns, now_ns)
        return ()
