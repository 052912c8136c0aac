"""The alarm list and what a person does to it: silence, shelve, unshelve, out of service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from controller.alarm_groups import grouped
from controller.alarm_points import Alarm
from controller.alarm_states import UNSEEN, AlarmState
from controller.events import Actor
from controller.operating.hand import needs_operator
from controller.operating.reply import Reply, done
from controller.operating.words import Args, Refused, meant, number, text

if TYPE_CHECKING:
    from controller.app import Kernel

_NS = 1e9
_HOLDS_FOR = 500  # alarms in one reply


class AlarmDesk:
    """Verbs over the alarms of a kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._alarms = kernel.alarms

    def list(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Alarms by lines a person can read, each alarm with its words, and the figures."""
        _ = args, actor
        alarms = self._alarms
        active = sorted(alarms.active(), key=lambda alarm: alarm.order)
        groups = grouped(active, alarms.first_out)
        return done(
            first_out=alarms.first_out,
            horn=alarms.horn,
            beacon=alarms.beacon(),
            active=len(active),
            groups=[
                {
                    "name": group.name,
                    "count": len(group.alarms),
                    "unseen": group.unseen,
                    "priority": group.priority,
                    "first": group.alarms[0].name,
                }
                for group in groups
            ],
            alarms=[self._row(alarm, now_ns) for alarm in active[:_HOLDS_FOR]],
            hidden=[self._row(alarm, now_ns) for alarm in alarms.hidden()[:_HOLDS_FOR]],
            figures=self._kernel.alarm_watch.figures.figures(now_ns).as_data(),
        )

    def silence(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Silence the horn; the beacon and the alarms stay."""
        _ = args
        needs_operator("silence", actor)
        silenced = self._alarms.silence(actor, now_ns)
        told = "the horn is silenced" if silenced else "the horn is quiet"
        return done(told).about("ALM.HORN")

    def shelve(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Hide an alarm for some minutes."""
        name, reason, minutes = self._named(args), text(args, "reason"), number(args, "minutes")
        old = self._state(name)
        _refuse(self._alarms.shelve(name, minutes, reason, actor, now_ns))
        told = f"{name} is shelved for {minutes:g} min and comes back by itself"
        return done(told).about(name, old, self._state(name))

    def unshelve(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Bring a shelved alarm back."""
        name = self._named(args)
        old = self._state(name)
        _refuse(self._alarms.unshelve(name, actor, now_ns))
        return done(f"{name} is back").about(name, old, self._state(name))

    def out_of_service(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Take an alarm out of service, or with ``back`` put it in service."""
        name, reason = self._named(args), text(args, "reason")
        old = self._state(name)
        if args.get("back"):
            _refuse(self._alarms.return_to_service(name, reason, actor, now_ns))
            return done(f"{name} is in service").about(name, old, self._state(name))
        _refuse(self._alarms.remove(name, reason, actor, now_ns))
        told = f"{name} is out of service until an engineer puts it back"
        return done(told).about(name, old, self._state(name))

    def _state(self, name: str) -> str:
        return str(self._alarms.states().get(name, AlarmState.NORM))

    def _named(self, args: Args) -> str:
        """The alarm that is meant; a tag with one alarm names it."""
        name = text(args, "name", needed="which alarm?")
        known = [alarm.name for alarm in self._alarms.alarms]
        of_tag = [each for each in known if each == name or each.startswith(f"{name}/")]
        if len(of_tag) == 1:
            return of_tag[0]
        if of_tag:
            raise Refused(f"{name} has several alarms: {', '.join(of_tag)}")
        raise Refused(f"there is no alarm {name}{meant(name, known)}")

    def _row(self, alarm: Alarm, now_ns: int) -> dict[str, Any]:
        return {
            "name": alarm.name,
            "device": alarm.device,
            "state": str(alarm.state),
            "seen": alarm.state not in UNSEEN,
            "priority": str(alarm.priority),
            "first_out": alarm.name == self._alarms.first_out,
            "since_s": round((now_ns - alarm.since_ns) / _NS, 1),
            "left_s": round((alarm.until_ns - now_ns) / _NS, 1) if alarm.until_ns else None,
            "reason": alarm.reason,
            "description": alarm.spec.description,
            "cause": alarm.words.cause,
            "consequence": alarm.words.consequence,
            "response": alarm.words.response,
            "respond_min": alarm.words.respond_min,
        }


def _refuse(against: Sequence[str]) -> None:
    if against:
        raise Refused(*against)
