"""Why not: every cause against a command, a write, a row or a step, as data. Pure.

The same causes go out with each refusal. Asking does nothing and needs no rights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from config.models import Level, Role, TagSpec
from controller.bypass import LONGEST_MIN
from controller.events import Actor
from controller.operating.authority import Authority
from controller.operating.causes import Blocking, Kind, of_refusal, of_trip
from controller.operating.hand import Hand
from controller.operating.protection import bypass_asked, trip_named
from controller.operating.reply import Reply, done
from controller.operating.waiting_causes import of_line, of_question, of_shed, of_trips, of_unit
from controller.operating.words import Args, Refused, meant, named_texts, number, text
from controller.outputs import Mode
from controller.procedure.states import Command, State, after
from controller.refusals import Cause, Refusal, Source

if TYPE_CHECKING:
    from controller.app import Kernel

Causes = list[Blocking]
_FREE = frozenset({Command.STOP, Command.ABORT})  # nothing is ever against the person
_ASKED = "asked"  # stands for the reason that who only asks has not given
_HOLDING = frozenset({Level.HOLD, Level.CONTROLLED_STOP, Level.OUTPUTS_SAFE})


class WhyNot:
    """Finds what stands in the way.

    Args:
        kernel: the line.
        hand: writes by hand.
        authority: the control token.
    """

    def __init__(self, kernel: Kernel, hand: Hand, authority: Authority) -> None:
        self._kernel = kernel
        self._hand = hand
        self._authority = authority
        self._verbs: dict[str, Callable[[Args, Actor, int], Causes]] = {
            "set": self._set,
            "manual": self._mode(Mode.MANUAL),
            "auto": self._mode(Mode.AUTO),
            "rearm": self._rearm,
            "bypass": self._bypass,
            "do": self._do,
            "answer": self._answer,
        }
        for command in Command:
            self._verbs[str(command)] = self._command(command)

    def ask(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Answer ``why-not``: about a verb, a trip, a unit or a tag; without one, the line.

        Args:
            args: ``about`` names it; a verb takes its own arguments beside that.
            actor: who asks; the answer is for them.
            now_ns: UTC ns.
        """
        about = text(args, "about")
        if "value" in args and about != "set" and about not in self._kernel.table.names:
            raise Refused(f"{about or 'the line'} takes no value")
        causes = [cause.row() for cause in self._about(about, args, actor, now_ns)]
        return done(about=about, causes=causes)  # its lines are made by who shows them

    def against(self, verb: str, args: Args, actor: Actor, now_ns: int) -> Causes:
        """Every cause against a verb with these arguments; empty when nothing is known."""
        found = self._person(verb, actor, now_ns)
        if verb in self._verbs:
            found += self._verbs[verb](args, actor, now_ns)
        return found

    def of(self, error: Refused, verb: str, args: Args, actor: Actor, now_ns: int) -> Causes:
        """Causes of a refusal that was given: what was said, and all that was not."""
        try:
            if verb == "cost":
                verb = text(args, "verb")
            found = self.against(verb, args, actor, now_ns)
        except Refused:
            found = self._person(verb, actor, now_ns)  # the arguments are what is wrong
        more = [why for why in error.reasons if not any(_tells(cause, why) for cause in found)]
        return [*(Blocking(Kind.REQUEST, verb, why) for why in more), *found]

    # --- what is asked about ---------------------------------------------------------------------

    def _about(self, about: str, args: Args, actor: Actor, now_ns: int) -> Causes:
        kernel = self._kernel
        if not about:
            return self._line(actor, now_ns)
        if about in self._verbs:
            return self.against(about, args, actor, now_ns)
        if about in {trip.name for trip in kernel.line.trip}:
            return [of_trip(kernel, about, actor, now_ns)]
        for unit in kernel.runner.acting():
            if unit.name == about:
                return of_unit(kernel, unit, actor, now_ns)
        if about in kernel.table.names:
            return self._tag(about, args, actor, now_ns)
        names = [*self._verbs, *(trip.name for trip in kernel.line.trip),
                 *(unit.name for unit in kernel.runner.acting()), *kernel.table.names]  # fmt: skip
        raise Refused(f"there is no command, trip, unit or tag {about}{meant(about, names)}")

    def _line(self, actor: Actor, now_ns: int) -> Causes:
        """The line as a whole; what stands against its start too while it waits for that."""
        found = of_line(self._kernel, actor, now_ns)
        if self._kernel.runner.state is State.IDLE:
            found += self.against("start", {}, actor, now_ns)
        return found

    def _tag(self, tag: str, args: Args, actor: Actor, now_ns: int) -> Causes:
        """A write of a tag by the recipe, to the upper end of its range unless a value is given."""
        kernel = self._kernel
        spec = kernel.table.spec(tag)
        if not isinstance(spec, TagSpec) or spec.write is None:
            return [Blocking(Kind.REQUEST, tag, f"{tag} is measured or calculated; "
                             "it cannot be written")]  # fmt: skip
        value = number(args, "value") if "value" in args else spec.write.range[1]
        refusals = kernel.gate.why_not(tag, value, Source.RECIPE, now_ns)
        return self._refusals(refusals, actor, now_ns)

    # --- person, control, record -----------------------------------------------------------------

    def _person(self, verb: str, actor: Actor, now_ns: int) -> Causes:
        """What is against the person and the moment, whatever the command."""
        found: Causes = []
        if verb in _FREE or verb not in self._verbs:
            return found
        if not actor.may(Role.OPERATOR):
            told = f"{verb} needs the role operator; {actor.name} is {actor.role}"
            found.append(Blocking(Kind.PERSON, actor.name, told))
        told = self._authority.against(verb, actor, now_ns)
        held = self._authority.holder(now_ns)
        if told and held is not None:
            left_s = round((held.until_ns - now_ns) / 1e9, 1)
            more = {"by": held.name, "role": str(held.role), "left_s": left_s}
            found.append(Blocking(Kind.CONTROL, held.name, told, more=more))
        unwritten = self._kernel.commits.against(now_ns)
        if unwritten:
            found.append(Blocking(Kind.RECORD, "record", f"{verb} cannot be recorded: {unwritten}"))
        return found

    # --- procedure -------------------------------------------------------------------------------

    def _command(self, command: Command) -> Callable[[Args, Actor, int], Causes]:
        def find(args: Args, actor: Actor, now_ns: int) -> Causes:
            if command is Command.RESET and args.get("trip"):
                return self._reset(args, actor, now_ns)
            found = [self._procedure(command, why) for why in self._kernel.runner.against(command)]
            if command is Command.RESTART and not found:
                found = self._after_restart(actor, now_ns)
            return found

        return find

    def _procedure(self, command: Command, why: str) -> Blocking:
        """A reason of the runner: its state, a device before arming, or what a restart found."""
        state = self._kernel.runner.state
        if after(state, command) is None:
            possible = [str(each) for each in Command if after(state, each) is not None]
            return Blocking(Kind.STATE, state.name, why, more={"possible": possible})
        if command is Command.RESTART:
            return Blocking(Kind.RESTART, "restart", why)
        if command is not Command.START:
            return Blocking(Kind.STATE, state.name, why)
        name = why.partition(":")[0]
        known = name in {each.name for each in self._kernel.line.instrument}
        return Blocking(Kind.ARMING, name if known else "", why)

    def _after_restart(self, actor: Actor, now_ns: int) -> Causes:
        """What would hold the line again at once: it may be restarted, to no purpose."""
        trips = of_trips(self._kernel, actor, now_ns)
        return [*(trip for trip in trips if trip.more["level"] in _HOLDING),
                *of_shed(self._kernel, now_ns)]  # fmt: skip

    def _reset(self, args: Args, actor: Actor, now_ns: int) -> Causes:
        name = trip_named(self._kernel, args)
        reason = text(args, "reason") or _ASKED
        against = self._kernel.interlocks.against_reset(name, actor, reason)
        return [*self._said(against), of_trip(self._kernel, name, actor, now_ns)] if against else []

    def _answer(self, args: Args, actor: Actor, now_ns: int) -> Causes:
        _ = args, now_ns
        asks = self._kernel.runner.asks()
        if not asks:
            return [Blocking(Kind.QUESTION, "", "no question is open")]
        return [of_question(pending) for pending in asks if not actor.may(pending.ask.role)]

    def _do(self, args: Args, actor: Actor, now_ns: int) -> Causes:
        _ = actor, now_ns
        name, operations = text(args, "name", needed="which operation?"), self._kernel.operations
        if name not in operations.names():
            told = f"there is no operation {name}{meant(name, operations.names())}"
            return [Blocking(Kind.REQUEST, name, told)]
        against = operations.against(name, named_texts(args))
        return [Blocking(Kind.REQUEST, name, why) for why in against]

    # --- by hand ---------------------------------------------------------------------------------

    def _set(self, args: Args, actor: Actor, now_ns: int) -> Causes:
        spec, value = self._hand.writable(args), number(args, "value")
        refusals = self._kernel.gate.why_not(spec.name, value, Source.OPERATOR, now_ns, actor)
        return self._refusals(refusals, actor, now_ns)

    def _mode(self, mode: Mode) -> Callable[[Args, Actor, int], Causes]:
        def find(args: Args, actor: Actor, now_ns: int) -> Causes:
            _ = actor, now_ns
            unit = self._hand.unit(args)
            if self._kernel.gate.mode(unit) is not mode:
                return []
            told = self._kernel.gate.by_hand(unit) or f"{unit} is in automatic already"
            return [Blocking(Kind.OUTPUT, unit, told)]

        return find

    def _rearm(self, args: Args, actor: Actor, now_ns: int) -> Causes:
        _ = actor, now_ns
        spec, shed = self._hand.writable(args), self._kernel.gate.shed_outputs()
        if spec.name in shed:
            return []
        told = f"{spec.name} is in service; shed: {', '.join(shed) or 'none'}"
        return [Blocking(Kind.OUTPUT, spec.name, told)]

    def _bypass(self, args: Args, actor: Actor, now_ns: int) -> Causes:
        given = {"minutes": LONGEST_MIN, **args, "reason": text(args, "reason") or _ASKED}
        asked = bypass_asked(self._kernel, given, actor, now_ns)
        against = self._kernel.interlocks.against_bypass(asked, now_ns)
        trip = of_trip(self._kernel, asked.trip, actor, now_ns)
        return [*self._said(against), trip] if against else []

    # --- inside ----------------------------------------------------------------------------------

    def _refusals(self, refusals: tuple[Refusal, ...], actor: Actor, now_ns: int) -> Causes:
        """Causes of the gate's reasons but its rate: people and recipes go there by steps."""
        return [
            cause
            for each in refusals
            if each.cause is not Cause.RATE
            for cause in of_refusal(self._kernel, each, actor, now_ns)
        ]

    @staticmethod
    def _said(refusals: tuple[Refusal, ...]) -> Causes:
        return [
            Blocking(Kind.PERSON if refusal.cause is Cause.ROLE else Kind.REQUEST, refusal.tag,
                     str(refusal), more={"cause": str(refusal.cause)})
            for refusal in refusals
        ]  # fmt: skip


def _tells(cause: Blocking, why: str) -> bool:
    """Whether a cause says a reason, or the reason says it and what to do about it."""
    return cause.says in why or why in cause.says
