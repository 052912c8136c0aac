"""One alarm: a limit of a tag with its words, its state and how long it is in it."""

from __future__ import annotations

from dataclasses import dataclass

from config.alarm_texts import Words, alarm_names, words_of
from config.models import AlarmLimits, CalculatedTag, Line, Priority, TagSpec
from controller.alarm_states import AlarmState

_PRIORITIES = tuple(Priority)


@dataclass(slots=True)
class Alarm:
    """One limit of one tag.

    Attributes:
        name: tag and kind, ``PIT-110.PV/HH``.
        device: instrument it comes from, empty for a calculated tag.
        sign: 1 for high limits, -1 for low ones.
        words: cause, consequence, response, time to respond.
        since_ns: UTC ns of the last change of state.
        order: counts the rises of all alarms; the lowest rose first.
        called_ns: UTC ns of the last repeat.
        until_ns: UTC ns at which a shelved alarm comes back.
        reason: why a person hid it.
    """

    name: str
    device: str
    spec: TagSpec | CalculatedTag
    limits: AlarmLimits
    limit: float
    sign: float
    words: Words
    state: AlarmState = AlarmState.NORM
    since_ns: int = 0
    order: int = 0
    called_ns: int = 0
    until_ns: int = 0
    reason: str = ""

    @property
    def priority(self) -> Priority:
        """How soon a person must act."""
        return self.limits.priority

    @property
    def urgency(self) -> int:
        """Place of its priority, 0 the highest."""
        return _PRIORITIES.index(self.priority)

    @property
    def deadband(self) -> float:
        """Distance back from the limit at which it returns, in the tag's unit."""
        if self.limits.deadband is not None:
            return self.limits.deadband
        own = self.spec.deadband if isinstance(self.spec, TagSpec) else 0.0
        return max(own, self.spec.resolution)

    def told(self, value: float) -> str:
        """Value and limit in words."""
        unit = self.spec.unit
        return f"{value:.6g} {unit}, limit {self.limit:g} {unit}; {self.priority}"


def alarms_of(line: Line) -> tuple[Alarm, ...]:
    """Every alarm of a line, in the order of its file."""
    specs: list[tuple[str, TagSpec | CalculatedTag]] = [
        (instrument.name, tag) for instrument in line.instrument for tag in instrument.tags
    ]
    specs += [("", tag) for tag in line.calculated]
    return tuple(
        Alarm(name, device, spec, spec.alarm, limit, sign, words_of(line, name, spec))
        for device, spec in specs
        if spec.alarm is not None
        for name, limit, sign in alarm_names(spec)
    )
