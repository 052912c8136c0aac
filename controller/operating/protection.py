"""Alarms and interlocks by hand: acknowledge, reset a latched trip, bypass a row for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.alarm_states import AlarmState
from controller.bypass import LONGEST_MIN, Bypass
from controller.events import Actor
from controller.operating.hand import needs_operator
from controller.operating.reply import Reply, done
from controller.operating.words import Args, Refused, meant, number, text, texts

if TYPE_CHECKING:
    from controller.app import Kernel

_UNSEEN = (AlarmState.UNACK, AlarmState.RTN_UNACK)
_MINUTE_NS = 60_000_000_000


class Protection:
    """What a person does about alarms and trips."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def acknowledge(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Note that a person has seen alarms: those named, by alarm or by tag, or all."""
        needs_operator("ack", actor)
        alarms = self._kernel.alarms
        names = texts(args, "names")
        unseen = [alarm.name for alarm in alarms.active() if alarm.state in _UNSEEN]
        chosen = [name for name in unseen if not names or _named(name, names)]
        known = [alarm.name for alarm in alarms.alarms]
        wrong = [name for name in names if not any(_named(alarm, [name]) for alarm in known)]
        if wrong:
            raise Refused(*(f"there is no alarm {name}{meant(name, known)}" for name in wrong))
        for name in chosen:
            alarms.acknowledge(name, actor, now_ns)
        told = f"acknowledged: {', '.join(chosen)}" if chosen else "nothing to acknowledge"
        return done(told, acknowledged=chosen).about(" ".join(names), None, " ".join(chosen))

    def reset_trip(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Release a latched trip; nothing starts by it."""
        name, reason = trip_named(self._kernel, args), text(args, "reason")
        holds = [f.tag for f in self._kernel.interlocks.result.forced.values() if f.trip == name]
        decision = self._kernel.interlocks.reset(name, actor, reason, now_ns)
        if not decision.accepted:
            raise Refused(*map(str, decision.reasons))
        freed = f"; released: {', '.join(holds)}" if holds else ""
        told = done(f"{name} is reset{freed}; nothing starts by it", trip=name)
        return told.about(name, "tripped", "reset")

    def reset_cost(self, args: Args) -> list[str]:
        """What a reset of a trip means."""
        name = trip_named(self._kernel, args)
        forced = self._kernel.interlocks.result.forced.values()
        holds = [f"{f.tag} = {f.value:g}" for f in forced if f.trip == name]
        why = self._kernel.interlocks.why(name) or "it is not tripped"
        lines = [f"{name}: {why}", "a reset restarts nothing"]
        return [*lines, f"it releases {', '.join(holds)}"] if holds else lines

    def bypass(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Ignore one row for some minutes."""
        asked = bypass_asked(self._kernel, args, actor, now_ns)
        name, minutes = asked.trip, (asked.until_ns - now_ns) / _MINUTE_NS
        decision = self._kernel.interlocks.bypass(asked, now_ns)
        if not decision.accepted:
            raise Refused(*map(str, decision.reasons))
        told = done(f"{name} is bypassed for {minutes:g} min", trip=name)
        return told.about(name, "in service", f"bypassed for {minutes:g} min")

    def bypass_cost(self, args: Args) -> list[str]:
        """What a bypass means."""
        name = trip_named(self._kernel, args)
        trip = next(trip for trip in self._kernel.line.trip if trip.name == name)
        return [f"{name} does not protect meanwhile: {trip.consequence or trip.title}"]


def trip_named(kernel: Kernel, args: Args) -> str:
    """Row of the interlock matrix that is asked for."""
    name = text(args, "trip", needed="which trip?")
    names = [trip.name for trip in kernel.line.trip]
    if name not in names:
        raise Refused(f"the line has no trip {name}{meant(name, names)}")
    return name


def bypass_asked(kernel: Kernel, args: Args, actor: Actor, now_ns: int) -> Bypass:
    """The bypass that is asked for."""
    name, minutes = trip_named(kernel, args), number(args, "minutes")
    if not 0.0 < minutes <= LONGEST_MIN:
        raise Refused(f"a bypass lasts up to {LONGEST_MIN} min")
    return Bypass(name, actor, text(args, "reason"), now_ns + round(minutes * _MINUTE_NS))


def _named(alarm: str, names: list[str]) -> bool:
    return any(alarm == name or alarm.startswith(f"{name}/") for name in names)
