"""Alarms of the tags' limits: all compared at once each scan, Python only for transitions.

A limit is passed when the value has been beyond it for the whole delay, and returns once
the value is back by the deadband for the off delay. A value that is not GOOD neither raises
nor clears an alarm. While an alarm's ``when`` does not hold it is not compared, and a raised
one returns. What a person does to an alarm, and how it is hidden: ``alarm_handling``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from config.models import Line, Priority
from controller.alarm_handling import AlarmHandling, Saved
from controller.alarm_points import Alarm, alarms_of
from controller.alarm_states import HIDDEN, STANDING, UNSEEN, AlarmState, Stimulus
from controller.alarm_suppression import Suppressions
from controller.conditions import CompiledCondition, compile_condition
from controller.events import Event
from controller.tags import Snapshot, TagTable
from drivers.base import Quality

__all__ = ["Alarm", "Alarms"]

_EPS_S = 1e-6
_LOOK_NS = 1_000_000_000  # how often repeats are due
_BURST_NS = 60_000_000_000  # an alarm after so long a silence is a first-out again
_MINUTE_NS = 60_000_000_000
_URGENT = (Priority.CRITICAL, Priority.HIGH)


class Alarms(AlarmHandling):
    """Compares the alarm limits of all tags.

    Args:
        line: the line file.
        table: the process image.

    Attributes:
        alarms: all of them, in the order of the line file.
        first_out: the alarm that began the latest burst; empty before the first.
        horn: somebody is called, and has not silenced the horn.
    """

    def __init__(self, line: Line, table: TagTable) -> None:
        super().__init__(alarms_of(line), line.alarms)
        self._rows = np.array([table.index(alarm.spec.name) for alarm in self.alarms], np.intp)
        self._sign = np.array([alarm.sign for alarm in self.alarms])
        self._limit = np.array([alarm.sign * alarm.limit for alarm in self.alarms])
        deadbands = np.array([alarm.deadband for alarm in self.alarms])
        self._back = self._limit - deadbands
        self._delay = np.array([alarm.limits.delay_s - _EPS_S for alarm in self.alarms])
        self._beyond_s = np.full(len(self.alarms), -1.0)
        self._raised = np.zeros(len(self.alarms), bool)
        self._open = np.ones(len(self.alarms), bool)  # not hidden
        self._waiting = False
        self._returning: dict[int, float] = {}
        self._conditional = self._compile(table)
        self._suppressions = Suppressions(line, table, self.alarms)
        self._repeat_ns = round(line.alarms.repeat_min * _MINUTE_NS)
        self._next_look_ns = 0
        self._risen = 0
        self._last_rise_ns = 0
        self.first_out = ""

    def step(self, snapshot: Snapshot, dt: float) -> Sequence[Event]:
        """Compare all limits once; events tell each transition."""
        self._end_shelves(snapshot.now_ns)
        for number, held, kind in self._suppressions.step(snapshot, dt):
            self._suppress(number, snapshot.now_ns, held=held, kind=kind)
        value = snapshot.value[self._rows] * self._sign
        value[snapshot.quality[self._rows] >= Quality.UNCERTAIN] = nan
        beyond = value > self._limit
        back = value <= self._back
        for numbers, condition in self._conditional:
            if condition.step(snapshot, dt) is not True:
                beyond[numbers] = False
                back[numbers] = True
        self._count(beyond, dt)
        rise = beyond & ~self._raised & self._open & (self._beyond_s >= self._delay)
        fall = back & self._raised
        if rise.any() or fall.any() or self._returning:
            self._change(rise, fall, snapshot, dt)
        if snapshot.now_ns >= self._next_look_ns:
            self._next_look_ns = snapshot.now_ns + _LOOK_NS
            self._repeat(snapshot)
        events, self._pending = self._pending, []
        return events

    def active(self) -> tuple[Alarm, ...]:
        """Alarms a person has to know of: neither normal nor hidden."""
        return tuple(a for a in self.alarms if a.state in STANDING or a.state in UNSEEN)

    def hidden(self) -> tuple[Alarm, ...]:
        """Alarms that are shelved, suppressed or out of service."""
        return tuple(alarm for alarm in self.alarms if alarm.state in HIDDEN)

    def beacon(self) -> int:
        """Light at the line: 0 off, 1 steady (all acknowledged), 2 flashing."""
        states = {alarm.state for alarm in self.alarms}
        return 2 if states & UNSEEN else int(AlarmState.ACK in states)

    def states(self) -> dict[str, AlarmState]:
        """State of every alarm that is not normal."""
        return {a.name: a.state for a in self.alarms if a.state is not AlarmState.NORM}

    def save(self) -> dict[str, Saved]:
        """What a restart must find again, as plain data; see ``restore``."""
        return {a.name: self._saved(a) for a in self.alarms if a.state is not AlarmState.NORM}

    def restore(self, saved: Mapping[str, Saved]) -> None:
        """Take over the states from before a restart.

        A shelf keeps its end: one that ended meanwhile ends with the first scan. Suppression
        is found anew from its condition. Names the line lost are skipped.
        """
        for number, alarm in enumerate(self.alarms):
            self._restored(number, saved.get(alarm.name, {"state": AlarmState.NORM}))
            self._raised[number] = alarm.state in STANDING
            self._open[number] = alarm.state not in HIDDEN
            self._risen = max(self._risen, alarm.order)
        self._suppressions.reset()

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
        dt: float,
    ) -> None:
        self._returning = {n: s for n, s in self._returning.items() if fall[n]}
        for number in np.flatnonzero(fall).tolist():
            self._fall(number, snapshot, dt)
        rising = np.flatnonzero(rise).tolist()
        for number in sorted(rising, key=self._crossed_first):
            self._rise(number, snapshot)

    def _crossed_first(self, number: int) -> tuple[float, int]:
        """Of alarms in one scan the one whose limit was passed first, then the most urgent."""
        return -float(self._beyond_s[number]), self.alarms[number].urgency

    def _fall(self, number: int, snapshot: Snapshot, dt: float) -> None:
        alarm = self.alarms[number]
        back_s = self._returning[number] + dt if number in self._returning else 0.0
        if back_s < alarm.limits.off_delay_s - _EPS_S:
            self._returning[number] = back_s
            return
        self._returning.pop(number, None)
        self._raised[number] = False
        value = snapshot.known[int(self._rows[number])]
        self._move(number, Stimulus.RETURN, alarm.told(value), snapshot.now_ns)

    def _rise(self, number: int, snapshot: Snapshot) -> None:
        alarm = self.alarms[number]
        self._raised[number] = True
        self._risen += 1
        alarm.order = self._risen
        told = alarm.told(snapshot.known[int(self._rows[number])])
        if not self.first_out or snapshot.now_ns - self._last_rise_ns > _BURST_NS:
            self.first_out = alarm.name
            told += " (first out)"
        self._last_rise_ns = snapshot.now_ns
        self._move(number, Stimulus.OCCUR, told, snapshot.now_ns)
        self._call(alarm)

    def _repeat(self, snapshot: Snapshot) -> None:
        """Call again for urgent alarms that stand for long."""
        for number in np.flatnonzero(self._raised).tolist():
            alarm = self.alarms[number]
            alarm.since_ns = alarm.since_ns or snapshot.now_ns  # restored without its time
            stands_ns = snapshot.now_ns - max(alarm.since_ns, alarm.called_ns)
            if alarm.priority in _URGENT and stands_ns >= self._repeat_ns:
                told = alarm.told(snapshot.known[int(self._rows[number])])
                self._move(number, Stimulus.REPEAT, f"still standing: {told}", snapshot.now_ns)
                alarm.called_ns = snapshot.now_ns
                self._call(alarm)

    def _suppress(self, number: int, now_ns: int, *, held: bool, kind: str) -> None:
        alarm, why = self.alarms[number], self._suppressions.why(number)
        if held and not (kind == "consequence" and alarm.state in STANDING):
            self._move(number, Stimulus.SUPPRESS, why, now_ns)
        elif not held and not self._suppressions.suppressed(number):
            self._beyond_s[number] = -1.0  # the plant gets the delay to come back
            self._move(number, Stimulus.UNSUPPRESS, "its reason is gone", now_ns)

    def _hide(self, number: int, *, hidden: bool) -> None:
        self._open[number] = not hidden
        if hidden:
            self._raised[number] = False
            self._returning.pop(number, None)
        elif self._suppressions.suppressed(number):
            self._move(number, Stimulus.SUPPRESS, self._suppressions.why(number), self._now_ns)

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
