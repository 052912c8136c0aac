"""The desk: every verb a person has, as a pure function of a kernel between two scans.

No I/O and no clock here: the local socket and tests call ``handle`` and get a ``Reply``.
Commands say what they cost first (verb ``cost``), and carry what the person saw then: a
command on a line that has changed since is refused. One person at a time has control. Stop
and abort need neither a role, a look nor control: nothing may stand in their way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from config.models import Line
from controller.events import Actor
from controller.operating.alarm_desk import AlarmDesk
from controller.operating.audit import LOOKING, Audit
from controller.operating.authority import Authority
from controller.operating.control import Control
from controller.operating.cost import Cost, cost_of
from controller.operating.hand import Hand, needs_operator
from controller.operating.picture import picture, reading
from controller.operating.protection import Protection
from controller.operating.reply import Reply, done, refuse
from controller.operating.why_not import WhyNot
from controller.operating.words import Args, Refused, meant, named_texts, text, texts
from controller.outputs import Mode
from controller.procedure.execution import PendingAsk
from controller.procedure.states import Command
from controller.scan import ScanOutput

if TYPE_CHECKING:
    from controller.app import Kernel

Verb = Callable[[Args, Actor, int], Reply]

FREE = frozenset({"stop", "abort"})
"""Verbs that need no role and no look before: they may never be impeded."""
_AT_ONCE = FREE | {"hold"}
"""Verbs that are done whatever has changed since the person looked."""
_LOOKED = frozenset({"start", "restart", "reset", "do"})
"""Verbs that must say which state they were decided in."""
_CHANGES = frozenset({("procedure", "state"), ("interlock", "trip"), ("gate", "mode")})
_MOST_TAGS = 200


class Operations(Protocol):
    """Named operations beside the recipe, such as a roll change."""

    def names(self) -> dict[str, str]:
        """Every operation with its help."""

    def cost(self, name: str, args: dict[str, str]) -> str:
        """What it will cost, in words."""

    def against(self, name: str, args: dict[str, str]) -> list[str]:
        """Every reason against it now."""

    def do(
        self, name: str, args: dict[str, str], reason: str, actor: Actor, now_ns: int
    ) -> list[str]:
        """Begin it; returns every reason of refusal."""


class Desk:
    """Verbs over a kernel.

    Args:
        kernel: drivers, scan and record of the line.
        simulated: the plant is a simulator, and every picture says so.
        lot: name of the lot.

    Attributes:
        version: counts what a person must have seen: states, trips, modes.
        audit: the records of commands, for which their replies wait.
    """

    def __init__(self, kernel: Kernel, *, simulated: bool = False, lot: str = "") -> None:
        self.kernel = kernel
        self.line: Line = kernel.line
        self.simulated = simulated
        self.lot = lot
        self.version = 0
        self.hand = Hand(kernel)
        self.audit = Audit(kernel)
        self.authority = Authority()
        self._control = Control(self.authority)
        self._protection = Protection(kernel)
        self._why_not = WhyNot(kernel, self.hand, self.authority)
        alarm_desk = AlarmDesk(kernel)
        self._state = kernel.runner.state
        self._state_ns = 0
        self._verbs: dict[str, Verb] = {
            "status": self._status,
            "read": self._read,
            "cost": self._cost,
            "why-not": self._why_not.ask,
            "note": self._note,
            "answer": self._answer,
            "ack": self._protection.acknowledge,
            "alarms": alarm_desk.list,
            "silence": alarm_desk.silence,
            "shelve": alarm_desk.shelve,
            "unshelve": alarm_desk.unshelve,
            "out-of-service": alarm_desk.out_of_service,
            "bypass": self._protection.bypass,
            "set": self.hand.set,
            "manual": self.hand.manual,
            "auto": self.hand.auto,
            "rearm": self.hand.rearm,
            "do": self._do,
            "reset": self._reset,
            "take": self._control.take,
            "release": self._control.release,
            "keep": self._control.keep,
        }
        for command in Command:
            if command is not Command.RESET:
                self._verbs[str(command)] = self._commanding(command)
        kernel.listen(self.heard)

    def handle(self, verb: str, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Do one verb; called between scans.

        Args:
            verb: ``status``, ``start``, ``set``...
            args: its arguments, as they came over the wire: nothing about them is sure.
            actor: who asks.
            now_ns: UTC ns.
        """
        doing = self._verbs.get(verb)
        if doing is None:
            return refuse(f"there is no verb {verb!r}{meant(verb, self._verbs)}")
        try:
            self._check_control(verb, actor, now_ns)
            if verb not in _AT_ONCE:
                self._check_seen(verb, args)
            if verb not in FREE | LOOKING:
                self.audit.check(verb)
            reply = doing(args, actor, now_ns)
            self.authority.used(verb, actor, now_ns)
            if verb not in LOOKING:
                reply = self.audit.done(verb, args, reply, actor, now_ns)
        except Refused as error:
            self.audit.refused(verb, error, actor, now_ns)
            causes = self._why_not.of(error, verb, args, actor, now_ns)
            reply = refuse(*error.reasons, causes=[cause.row() for cause in causes], **error.data)
        self._tell_control(now_ns)
        return reply

    def heard(self, output: ScanOutput) -> None:
        """Follow the scans: what changed, and set points on their way."""
        for event in output.events:
            if (event.source, event.verb) in _CHANGES:
                self.version += 1
        state = self.kernel.runner.state
        if state is not self._state or not self._state_ns:
            self._state, self._state_ns = state, output.snapshot.now_ns
        self.authority.holder(output.snapshot.now_ns)
        self._tell_control(output.snapshot.now_ns)
        self.hand.step(output)

    def _check_control(self, verb: str, actor: Actor, now_ns: int) -> None:
        held_by_other = self.authority.against(verb, actor, now_ns)
        if held_by_other:
            needs_operator(verb, actor)  # who may not command hears that first
            raise Refused(held_by_other, control=self._control.shown(now_ns))

    def _tell_control(self, now_ns: int) -> None:
        """Keep what happened to the token in the record; a set point on its way ends with it."""
        events = self.authority.events()
        if not events:
            return
        self.kernel.record(events)
        for event in events:
            if event.verb == "take over":
                self.hand.end_moves(f"{event.actor} took control over", now_ns)

    # --- looking -----------------------------------------------------------------------------

    def _status(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        _ = args
        shown = picture(self.kernel, now_ns)
        shown |= {
            "title": self.line.line.title,
            "lot": self.lot,
            "simulated": self.simulated,
            "state_s": round((now_ns - self._state_ns) / 1e9, 1) if self._state_ns else 0.0,
            "seen": self._seen(),
            "you": actor.name,
            "role": str(actor.role),
            "control": self._control.shown(now_ns),
            "taken_over": self._control.taken_over(now_ns),
            "moving": self.hand.moving,
            "not_moved": dict(self.hand.ended),
        }
        return done(**shown)

    def _read(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        _ = actor
        tags = texts(args, "tags", _MOST_TAGS)
        known = set(self.kernel.table.names)
        wrong = [tag for tag in tags if tag not in known]
        if wrong:
            names = self.kernel.table.names
            raise Refused(*(f"the line has no tag {tag}{meant(tag, names)}" for tag in wrong))
        rows = [reading(self.kernel, tag, now_ns) for tag in tags]
        moving = self.hand.moving
        return done(
            now_ns=now_ns,
            tags=[row | {"moving": row["tag"] in moving} for row in rows],
            not_moved={tag: self.hand.ended[tag] for tag in tags if tag in self.hand.ended},
        )

    def _cost(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """What a verb would cost, and what was seen when it was said."""
        verb = text(args, "verb", needed="cost of what?")
        data: dict[str, object] = {"seen": self._seen()}
        if verb == "set":
            lines, seen = self.hand.set_cost(args, actor, now_ns)
            return done(*lines, **data, **seen)
        if verb in set(Command) and not args.get("trip"):
            price = self._price(Command(verb), now_ns)
            return done(*price.lines, **data, meters=price.meters, minutes=price.minutes)
        return done(*self._words_of(verb, args), **data)

    def _words_of(self, verb: str, args: Args) -> list[str]:
        """Cost, in words, of what does not touch the procedure's state."""
        if verb in set(Mode):
            return self.hand.mode_cost(args, Mode(verb))
        if verb == "do" and not text(args, "name"):
            return self._offers()
        if verb == "do":
            name, asked = self._operation(args), named_texts(args)
            against = self._operations().against(name, asked)
            if against:
                raise Refused(*against)
            return [self._operations().cost(name, asked)]
        if verb == "bypass":
            return self._protection.bypass_cost(args)
        return self._protection.reset_cost(args) if verb == "reset" else []

    def _price(self, command: Command, now_ns: int) -> Cost:
        against = self.kernel.runner.against(command)
        if against:
            raise Refused(*against, seen=self._seen())
        return cost_of(self.kernel, command, now_ns)

    def _seen(self) -> dict[str, object]:
        return {"state": self.kernel.runner.state.name, "version": self.version}

    def _check_seen(self, verb: str, args: Args) -> None:
        """Refuse a command that was decided on another picture of the line."""
        seen = args.get("seen")
        if seen is None and (verb not in _LOOKED or (verb == "reset" and args.get("trip"))):
            return
        runner = self.kernel.runner
        if seen is None:
            raise Refused(f"{verb} must say which state it was decided in", seen=self._seen())
        if seen != self._seen():
            told = f"{runner.state.name}: {runner.reason}" if runner.reason else runner.state.name
            raise Refused(f"the line has changed since you looked (now {told}); look again",
                          seen=self._seen())  # fmt: skip

    # --- procedure ---------------------------------------------------------------------------

    def _commanding(self, command: Command) -> Verb:
        def give(args: Args, actor: Actor, now_ns: int) -> Reply:
            _ = now_ns
            if command not in FREE:
                needs_operator(command, actor)
            return self._give(command, args, actor)

        return give

    def _give(self, command: Command, args: Args, actor: Actor) -> Reply:
        runner = self.kernel.runner
        before = runner.state
        against = runner.against(command)
        if against:
            raise Refused(*against)
        runner.command(command, _reason(args), actor)
        self.version += 1
        told = done(f"{before.name} -> {runner.state.name}", state=runner.state.name)
        return told.about("", before.name, runner.state.name)

    def _reset(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Reset the procedure, or the trip that is named."""
        if args.get("trip"):
            return self._protection.reset_trip(args, actor, now_ns)
        needs_operator("reset", actor)
        return self._give(Command.RESET, args, actor)

    def _answer(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Answer an open question by its number or key; the only one needs neither."""
        _ = now_ns
        pending = self._question(text(args, "ask"))
        value = text(args, "value")
        if not value:
            raise Refused(f"{pending.ask.question} Answers: {', '.join(pending.ask.choices)}")
        why = self.kernel.runner.answer(pending.ask_id, value, actor)
        if why:
            raise Refused(why)
        told = done(f"{pending.ask.key}: {value}", key=pending.ask.key)
        return told.about(pending.ask.key, None, value, pending.ask.question)

    def _question(self, name: str) -> PendingAsk:
        asks = self.kernel.runner.asks()
        if not asks:
            raise Refused("no question is open")
        if not name and len(asks) == 1:
            return asks[0]
        for pending in asks:
            if name in (str(pending.ask_id), pending.ask.key):
                return pending
        told = ", ".join(f"{p.ask_id} ({p.ask.key})" for p in asks)
        raise Refused(f"which question? open: {told}")

    def _note(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Write into the shift book."""
        needs_operator("note", actor)
        written = text(args, "text", needed="a note needs a text")
        _ = now_ns
        return done(f"noted by {actor.name}").about(why=written)

    def _do(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Begin a named operation."""
        needs_operator("do", actor)
        name = self._operation(args)
        reasons = self._operations().do(name, named_texts(args), _reason(args), actor, now_ns)
        if reasons:
            raise Refused(*reasons)
        asked = " ".join(f"{key}={value}" for key, value in named_texts(args).items())
        return done(f"{name} begins", name=name).about(name, None, asked or "begins")

    def _operations(self) -> Operations:
        found: Operations | None = getattr(self.kernel, "operations", None)
        if found is None:
            raise Refused("this line has no operations beside its recipe")
        return found

    def _operation(self, args: Args) -> str:
        names = self._operations().names()
        name = text(args, "name")
        if name in names:
            return name
        hint = meant(name, names) or "; there are:"
        raise Refused(f"there is no operation {name}{hint}", *self._offers())

    def _offers(self) -> list[str]:
        """Every operation and what it does."""
        return [f"{name:<16}{told}" for name, told in self._operations().names().items()]


def _reason(args: Args) -> str:
    return text(args, "reason") or "by hand"
