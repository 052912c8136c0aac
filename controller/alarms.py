"""Alarms of the tags' limits: all compared at once each scan, Python only for transitions.

A limit is passed when the value has been beyond it for the whole delay, and returns once
the value is back by the deadband. A value that is not GOOD neither raises nor clears an
alarm. While an alarm's ``when`` does not hold it is not compared, and a raised one returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from config.models import AlarmLimits, CalculatedTag, Line, Priority, TagSpec
from controller.alarm_states import TABLE, AlarmState, Stimulus
from controller.conditions import CompiledCondition, compile_condition
from controller.events import Actor, Event
from controller.tags import Snapshot, TagTable
from drivers.base import Quality

_KINDS = (("LL", "low_low", -1.0), ("L", "low", -1.0), ("H", "high", 1.0), ("HH", "high_high", 1.0))
_EPS_S = 1e-6


@dataclass(slots=True)
class Alarm:
    """One limit of one tag.

    Attributes:
        name: tag and kind, ``PIT-110.PV/HH``.
        sign: 1 for high limits, -1 for low ones.
        since_ns: UTC ns of the last change of state.
    """

    name: str
    spec: TagSpec | CalculatedTag
    limits: AlarmLimits
    limit: float
    sign: float
    state: AlarmState = AlarmState.NORM
    since_ns: int = 0

    @property
    def priority(self) -> Priority:
        """How soon a person must act."""
        return self.limits.priority

    @property
    def deadband(self) -> float:
        """Distance back from the limit at which it returns, in the tag's unit."""
        if self.limits.deadband is not None:
            return self.limits.deadband
        own = self.spec.deadband if isinstance(self.spec, TagSpec) else 0.0
        return max(own, self.spec.resolution)


class Alarms:
    """Compares the alarm limits of all tags.

    Args:
        line: the line file.
        table: the process image.
    """

    def __init__(self, line: Line, table: TagTable) -> None:
        self.alarms = tuple(_alarms(line))
        self._by_name = {alarm.name: alarm for alarm in self.alarms}
        self._rows = np.array([table.index(alarm.spec.name) for alarm in self.alarms], np.intp)
        self._sign = np.array([alarm.sign for alarm in self.alarms])
        self._limit = np.array([alarm.sign * alarm.limit for alarm in self.alarms])
        deadbands = np.array([alarm.deadband for alarm in self.alarms])
        self._back = self._limit - deadbands
        self._delay = np.array([alarm.limits.delay_s - _EPS_S for alarm in self.alarms])
        self._beyond_s = np.full(len(self.alarms), -1.0)
        self._raised = np.zeros(len(self.alarms), bool)
        self._waiting = False
        self._conditional = self._compile(table)
        self._pending: list[Event] = []

    def step(self, snapshot: Snapshot, dt: float) -> Sequence[Event]:
        """Compare all limits once; events tell each transition."""
        value = snapshot.value[self._rows] * self._sign
        value[snapshot.quality[self._rows] >= Quality.UNCERTAIN] = nan
        beyond = value > self._limit
        back = value <= self._back
        for numbers, condition in self._conditional:
            if condition.step(snapshot, dt) is not True:
                beyond[numbers] = False
                back[numbers] = True
        self._count(beyond, dt)
        rise = beyond & ~self._raised & (self._beyond_s >= self._delay)
        fall = back & self._raised
        if rise.any() or fall.any():
            self._change(rise, fall, snapshot)
        events, self._pending = self._pending, []
        return events

    def acknowledge(self, name: str, actor: Actor, now_ns: int) -> bool:
        """Note that a person has seen an alarm; False when there is no such alarm."""
        alarm = self._by_name.get(name)
        if alarm is None:
            return False
        self._move(alarm, Stimulus.ACKNOWLEDGE, nan, now_ns, actor.name)
        return True

    def active(self) -> tuple[Alarm, ...]:
        """Alarms a person has to know of: all that are not normal."""
        return tuple(alarm for alarm in self.alarms if alarm.state is not AlarmState.NORM)

    def state(self, name: str) -> AlarmState:
        """State of one alarm.

        Raises:
            KeyError: there is no alarm of that name.
        """
        return self._by_name[name].state

    def states(self) -> dict[str, AlarmState]:
        """States that a restart must find again, for the journal."""
        return {alarm.name: alarm.state for alarm in self.active()}

    def restore(self, states: Mapping[str, AlarmState]) -> None:
        """Take over the states from before a restart; names the line lost are skipped."""
        for number, alarm in enumerate(self.alarms):
            alarm.state = states.get(alarm.name, AlarmState.NORM)
            self._raised[number] = alarm.state in {AlarmState.UNACK, AlarmState.ACK}

    def _count(self, beyond: NDArray[np.bool_], dt: float) -> None:
        """Advance the delays; time counts from the first scan beyond the limit."""
        if beyond.any():
            counting = np.where(self._beyond_s < 0.0, 0.0, self._beyond_s + dt)
            self._beyond_s = np.where(beyond, counting, -1.0)
            self._waiting = True
        elif self._waiting:
            self._beyond_s.fill(-1.0)
            self._waiting = False

    def _change(
        self,
        rise: NDArray[np.bool_],
        fall: NDArray[np.bool_],
        snapshot: Snapshot,
    ) -> None:
        for number in np.flatnonzero(rise | fall).tolist():
            alarm = self.alarms[number]
            stimulus = Stimulus.OCCUR if rise[number] else Stimulus.RETURN
            self._raised[number] = bool(rise[number])
            value = snapshot.known[int(self._rows[number])]
            self._move(alarm, stimulus, value, snapshot.now_ns)

    def _move(
        self, alarm: Alarm, stimulus: Stimulus, value: float, now_ns: int, actor: str = ""
    ) -> None:
        old = alarm.state
        alarm.state = TABLE[old, stimulus]
        if alarm.state is old:
            return
        alarm.since_ns = now_ns
        unit, limit = alarm.spec.unit, alarm.limit
        cause = f"{value:.6g} {unit}, limit {limit:g} {unit}; {alarm.priority}"
        if stimulus is Stimulus.ACKNOWLEDGE:
            cause = f"seen by {actor}"
        self._pending.append(
            Event(now_ns, "alarm", stimulus.value, alarm.name, old, alarm.state, cause, actor)
        )

    def _compile(self, table: TagTable) -> list[tuple[NDArray[np.intp], CompiledCondition]]:
        """One compiled ``when`` per tag, with the numbers of the tag's limits."""
        groups: dict[str, list[int]] = {}
        for number, alarm in enumerate(self.alarms):
            if alarm.limits.when is not None:
                groups.setdefault(alarm.spec.name, []).append(number)
        compiled = []
        for numbers in groups.values():
            when = self.alarms[numbers[0]].limits.when
            if when is not None:
                compiled.append((np.array(numbers, np.intp), compile_condition(when, table)))
        return compiled


def _alarms(line: Line) -> Iterator[Alarm]:
    specs: list[TagSpec | CalculatedTag] = [tag for i in line.instrument for tag in i.tags]
    specs += line.calculated
    for spec in specs:
        if spec.alarm is None:
            continue
        for kind, field, sign in _KINDS:
            limit = getattr(spec.alarm, field)
            if limit is not None:
                yield Alarm(f"{spec.name}/{kind}", spec, spec.alarm, limit, sign)
