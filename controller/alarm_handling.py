"""What a person does to alarms: acknowledge, silence, shelve for a time, take out of service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.models import AlarmRules, Priority, Role
from controller.alarm_points import Alarm
from controller.alarm_states import HIDDEN, TABLE, UNSEEN, AlarmState, Stimulus
from controller.events import Actor, Event

Saved = Mapping[str, str | int]
"""One alarm as plain data: ``state``, ``since_ns``, ``order``, ``until_ns``, ``reason``."""

_MINUTE_NS = 60_000_000_000
_QUIET = Priority.LOW  # such an alarm lights the beacon and leaves the horn


class AlarmHandling:
    """States of all alarms and what moves them from outside; the comparing is in ``Alarms``."""

    def __init__(self, alarms: tuple[Alarm, ...], rules: AlarmRules) -> None:
        self.alarms = alarms
        self.rules = rules
        self.horn = False
        self._number = {alarm.name: number for number, alarm in enumerate(alarms)}
        self._pending: list[Event] = []
        self._shelved: set[int] = set()
        self._now_ns = 0

    def find(self, name: str) -> Alarm | None:
        """The alarm of that name."""
        number = self._number.get(name)
        return None if number is None else self.alarms[number]

    def state(self, name: str) -> AlarmState:
        """State of one alarm.

        Raises:
            KeyError: there is no alarm of that name.
        """
        return self.alarms[self._number[name]].state

    def acknowledge(self, name: str, actor: Actor, now_ns: int) -> bool:
        """Note that a person has seen an alarm; False when there is no such alarm."""
        number = self._number.get(name)
        if number is None:
            return False
        self._move(number, Stimulus.ACKNOWLEDGE, f"seen by {actor.name}", now_ns, actor.name)
        self.horn = self.horn and any(alarm.state in UNSEEN for alarm in self.alarms)
        return True

    def silence(self, actor: Actor, now_ns: int) -> bool:
        """Silence the horn until the next alarm; False when it was quiet."""
        if not self.horn:
            return False
        self.horn = False
        told = f"horn silenced by {actor.name}"
        self._pending.append(Event(now_ns, "alarm", "silence", "", 1.0, 0.0, told, actor.name))
        return True

    def shelve(
        self, name: str, minutes: float, reason: str, actor: Actor, now_ns: int
    ) -> Sequence[str]:
        """Hide an alarm for a time; every reason against it, none when done."""
        alarm = self.find(name)
        against = self._against(name, alarm, reason, actor, self._shelving_role(alarm))
        longest = self.rules.longest_shelve_min
        if not 0.0 < minutes <= longest:
            against.append(f"an alarm is shelved for up to {longest:g} min")
        if alarm is not None and alarm.state is AlarmState.OUT_OF_SERVICE:
            against.append(f"{name} is out of service")
        if alarm is None or against:
            return against
        alarm.until_ns, alarm.reason = now_ns + round(minutes * _MINUTE_NS), reason
        told = f"{minutes:g} min by {actor.name}: {reason}"
        number = self._number[name]
        self._shelved.add(number)
        self._move(number, Stimulus.SHELVE, told, now_ns, actor.name)
        return against

    def unshelve(self, name: str, actor: Actor, now_ns: int) -> Sequence[str]:
        """Bring a shelved alarm back before its time; every reason against it."""
        alarm = self.find(name)
        against = self._against(name, alarm, "early", actor, Role.OPERATOR)
        if alarm is not None and alarm.state is not AlarmState.SHELVED:
            against.append(f"{name} is not shelved: {alarm.state}")
        if not against:
            self._unshelve(self._number[name], f"by {actor.name}", now_ns, actor.name)
        return against

    def remove(self, name: str, reason: str, actor: Actor, now_ns: int) -> Sequence[str]:
        """Take an alarm out of service until it is restored; every reason against it."""
        alarm = self.find(name)
        against = self._against(name, alarm, reason, actor, Role.ENGINEER)
        if alarm is None or against:
            return against
        alarm.reason = reason
        number = self._number[name]
        self._shelved.discard(number)
        self._move(number, Stimulus.REMOVE, f"by {actor.name}: {reason}", now_ns, actor.name)
        return against

    def return_to_service(self, name: str, reason: str, actor: Actor, now_ns: int) -> Sequence[str]:
        """Put an alarm back in service, in its true state; every reason against it."""
        alarm = self.find(name)
        against = self._against(name, alarm, reason, actor, Role.ENGINEER)
        if alarm is not None and alarm.state is not AlarmState.OUT_OF_SERVICE:
            against.append(f"{name} is in service: {alarm.state}")
        if not against:
            told = f"by {actor.name}: {reason}"
            self._move(self._number[name], Stimulus.RESTORE, told, now_ns, actor.name)
        return against

    def _shelving_role(self, alarm: Alarm | None) -> Role:
        critical = alarm is not None and alarm.priority is Priority.CRITICAL
        return Role.ENGINEER if critical else Role.OPERATOR

    def _against(
        self, name: str, alarm: Alarm | None, reason: str, actor: Actor, least: Role
    ) -> list[str]:
        found = []
        if alarm is None:
            found.append(f"there is no alarm {name}")
        if not actor.may(least):
            found.append(f"{actor.name} is {actor.role}; {name} needs {least}")
        if not reason.strip():
            found.append("a reason is needed")
        return found

    def _end_shelves(self, now_ns: int) -> None:
        self._now_ns = now_ns
        if self._shelved:
            for number in sorted(self._shelved):
                if now_ns >= self.alarms[number].until_ns:
                    self._unshelve(number, "its time is up", now_ns)

    def _unshelve(self, number: int, why: str, now_ns: int, actor: str = "") -> None:
        self._shelved.discard(number)
        self._move(number, Stimulus.UNSHELVE, why, now_ns, actor)

    def _call(self, alarm: Alarm) -> None:
        self.horn = self.horn or alarm.priority is not _QUIET

    def _move(
        self, number: int, stimulus: Stimulus, cause: str, now_ns: int, actor: str = ""
    ) -> None:
        """Move one alarm by the table; a repeat and a longer shelf are told in the same state."""
        alarm = self.alarms[number]
        old, new = alarm.state, TABLE[alarm.state, stimulus]
        if new is old and stimulus not in {Stimulus.REPEAT, Stimulus.SHELVE}:
            return
        if new is not old:
            alarm.state, alarm.since_ns = new, now_ns
        self._pending.append(
            Event(now_ns, "alarm", stimulus.value, alarm.name, old, new, cause, actor)
        )
        if new in HIDDEN and old not in HIDDEN:
            self._hide(number, hidden=True)
        elif old in HIDDEN and new not in HIDDEN:
            alarm.reason, alarm.until_ns = "", 0
            self._hide(number, hidden=False)

    def _hide(self, number: int, *, hidden: bool) -> None:
        """The comparing follows what is hidden."""

    def _saved(self, alarm: Alarm) -> Saved:
        return {
            "state": str(alarm.state),
            "since_ns": alarm.since_ns,
            "order": alarm.order,
            "until_ns": alarm.until_ns,
            "reason": alarm.reason,
        }

    def _restored(self, number: int, saved: Saved) -> None:
        alarm, state = self.alarms[number], AlarmState(str(saved["state"]))
        alarm.state = AlarmState.NORM if state is AlarmState.SUPPRESSED else state
        alarm.since_ns, alarm.order = int(saved.get("since_ns", 0)), int(saved.get("order", 0))
        alarm.until_ns, alarm.reason = int(saved.get("until_ns", 0)), str(saved.get("reason", ""))
        if alarm.state is AlarmState.SHELVED:
            self._shelved.add(number)
        else:
            self._shelved.discard(number)
