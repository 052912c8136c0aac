"""Thermocouples that stand still: what nobody may drive on (hazard Z9, fault F6).

A live thermocouple shows noise. One whose value has not changed at all for two minutes, while
the zone's second thermocouple or the controller's duty moved, is frozen, and its quality
becomes ``BAD_SENSOR_FAILURE`` until it moves again. Looked at once a second, and only while
the zone's contactor is closed: without heat nobody drives on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isnan, nan

from config.models import Line
from controller.events import Event
from controller.tags import Snapshot, TagTable
from drivers.base import Quality

FROZEN_S = 120.0
SECOND_MOVED_K = 0.5  # spread of the second thermocouple: 3 sigma of its noise
DUTY_MOVED_PCT = 2.0
LOOK_S = 1.0


@dataclass(slots=True)
class Spread:
    """How far a value has moved since it was last forgotten; NaN does not count."""

    low: float = inf
    high: float = -inf

    def take(self, value: float) -> None:
        """Take one reading."""
        if not isnan(value):
            self.low, self.high = min(self.low, value), max(self.high, value)

    def above(self, limit: float) -> bool:
        """Tell whether it moved by more than ``limit``."""
        return self.high - self.low > limit

    def forget(self) -> None:
        """Start anew."""
        self.low, self.high = inf, -inf


@dataclass(slots=True)
class _Zone:
    """One zone's thermocouple, with the rows of what is looked at beside it."""

    name: str
    own: int
    second: int
    duty: int
    contactor: int
    last: float = nan
    still_s: float = 0.0
    frozen: bool = False
    by_second: Spread = field(default_factory=Spread)
    by_duty: Spread = field(default_factory=Spread)

    def moved(self) -> bool:
        """Tell whether anything shows that the zone did not stand still."""
        return self.by_second.above(SECOND_MOVED_K) or self.by_duty.above(DUTY_MOVED_PCT)

    def forget(self, value: float) -> None:
        """The thermocouple moved, or nothing is known of it."""
        self.last, self.still_s = value, 0.0
        self.by_second.forget()
        self.by_duty.forget()


class FrozenThermocouples:
    """Watches the thermocouple of every zone that has a second one.

    Args:
        line: its zones name contactors and second thermocouples.
        table: the process image.
    """

    def __init__(self, line: Line, table: TagTable) -> None:
        self._zones = [
            _Zone(
                f"{zone.loop}.PV",
                table.index(f"{zone.loop}.PV"),
                table.index(zone.independent),
                table.index(f"{zone.loop}.OP"),
                table.index(zone.contactor),
            )
            for zone in line.zone
            if zone.independent is not None and zone.contactor is not None
        ]
        self._waited_ns = 0

    def step(self, snapshot: Snapshot) -> Sequence[Event]:
        """Spoil frozen thermocouples in the snapshot; events tell when one freezes or moves."""
        events: Sequence[Event] = ()
        if snapshot.now_ns >= self._waited_ns:
            self._waited_ns = snapshot.now_ns + round(LOOK_S * 1e9)
            events = [event for zone in self._zones for event in self._look(zone, snapshot)]
        for zone in self._zones:
            if zone.frozen:
                snapshot.spoil(zone.own, Quality.BAD_SENSOR_FAILURE)
        return events

    def _look(self, zone: _Zone, snapshot: Snapshot) -> Sequence[Event]:
        known = snapshot.known
        value = known[zone.own]
        if value != zone.last:  # NaN too
            was, zone.frozen = zone.frozen, False
            zone.forget(value)
            moves = was and not isnan(value)
            return [_event(zone, snapshot.now_ns, value)] if moves else ()
        if not known[zone.contactor] > 0.5 and not zone.frozen:
            zone.forget(value)
            return ()
        zone.still_s += LOOK_S
        zone.by_second.take(known[zone.second])
        zone.by_duty.take(known[zone.duty])
        if zone.frozen or zone.still_s < FROZEN_S or not zone.moved():
            return ()
        zone.frozen = True
        return [_event(zone, snapshot.now_ns, value)]


def _event(zone: _Zone, now_ns: int, value: float) -> Event:
    if not zone.frozen:
        return Event(now_ns, "sensor", "moves", zone.name, None, value, "the value changes again")
    cause = f"no change at all for {zone.still_s:.0f} s while the zone moved"
    return Event(now_ns, "sensor", "frozen", zone.name, None, value, cause)
