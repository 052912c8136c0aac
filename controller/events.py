"""Events: who did what to which tag, when, from what to what, and why; append only.

``EventHash`` condenses a run's events to one SHA-256, equal for equal runs: it holds line
time and values at the tag's resolution, and no wall time, path, person or version.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.words import Role

EventValue = float | str | None

_FIELD = "\x1f"
_RECORD = "\x1e"
_DEFAULT_RESOLUTION = 1e-6
_ROLES = tuple(Role)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; the audit and the batch record are made of these.

    Attributes:
        ns: UTC ns (line time on a simulated plant).
        source: part that speaks: ``gate``, ``interlock``, ``alarm``, ``procedure``...
        verb: what happened: ``write``, ``trip``, ``reset``, ``alarm``, ``return``...
        tag: tag, trip, alarm or phase it concerns; may be empty.
        old: value or state before.
        new: value or state after.
        cause: why, in words a person on shift understands.
        actor: person behind it, empty when none.
    """

    ns: int
    source: str
    verb: str
    tag: str
    old: EventValue
    new: EventValue
    cause: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, as the gate knows them, wherever they came in."""

    name: str
    role: Role

    def may(self, least: Role) -> bool:
        """Tell whether the person's role reaches ``least``."""
        return _ROLES.index(self.role) >= _ROLES.index(least)


class EventHash:
    """Incremental SHA-256 over events.

    Args:
        resolutions: tag -> smallest step worth keeping; values round to it.
        epoch_ns: UTC ns of the start of the run; times are hashed relative to it.
    """

    def __init__(self, resolutions: Mapping[str, float], epoch_ns: int = 0) -> None:
        self._resolutions = resolutions
        self._epoch_ns = epoch_ns
        self._digest = hashlib.sha256()

    def update(self, events: Iterable[Event]) -> None:
        """Add events in the order in which they happened."""
        for event in events:
            self._digest.update(self._encode(event).encode())

    def hexdigest(self) -> str:
        """Hash of all events so far, as 64 hex digits."""
        return self._digest.hexdigest()

    def _encode(self, event: Event) -> str:
        step = self._resolutions.get(event.tag, _DEFAULT_RESOLUTION)
        fields = (
            str(event.ns - self._epoch_ns),
            event.source,
            event.verb,
            event.tag,
            _canonical(event.old, step),
            _canonical(event.new, step),
            event.cause,
        )
        return _FIELD.join(fields) + _RECORD


def _canonical(value: EventValue, step: float) -> str:
    """Text of a value with its type, so that the text ``1`` and the number 1 differ."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return f"s{value}"
    if not math.isfinite(value):
        return f"f{value}"
    return f"f{round(value / step)}"
