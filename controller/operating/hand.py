"""Operating by hand: set points of a unit in manual, units to manual and back, rearming.

A set point with a limited rate is moved there step by step, one step a scan, through the gate
each time, so every interlock and limit acts while it moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.models import CalculatedTag, Role, TagSpec
from controller.events import Actor, Event
from controller.operating.picture import digits
from controller.operating.reply import Reply, done
from controller.operating.words import Args, Refused, meant, number, text
from controller.outputs import Mode
from controller.refusals import Cause, Refusal, Source
from controller.scan import ScanOutput

if TYPE_CHECKING:
    from controller.app import Kernel

_SHARE = 0.9  # of the tag's rate, so that a late scan is not refused
_LONGEST_STEP_S = 1.0
_KEPT = 20


@dataclass(slots=True)
class _Move:
    """A set point on its way."""

    tag: str
    target: float
    rate_per_s: float
    actor: Actor
    reason: str
    last_ns: int


class Hand:
    """What a person writes.

    Attributes:
        moving: targets of the set points on their way.
        ended: why moves ended early, by tag.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._moves: dict[str, _Move] = {}
        self._taken: dict[str, dict[str, float]] = {}
        self.ended: dict[str, str] = {}
        kernel.gate.on_mode(self._mode_changed)

    @property
    def moving(self) -> dict[str, float]:
        """Targets of the set points on their way."""
        return {tag: move.target for tag, move in self._moves.items()}

    # --- verbs -------------------------------------------------------------------------------

    def set(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Set a tag: at once, or at its rate; refused with every reason."""
        spec = self.writable(args)
        tag, value = spec.name, number(args, "value")
        reason = text(args, "reason", needed="a set point by hand needs a reason (--reason)")
        gate, present = self._kernel.gate, self._kernel.gate.present(spec.name, now_ns)
        self._unchanged(args, spec, present)
        refusals = gate.why_not(tag, value, Source.OPERATOR, now_ns, actor)
        if any(refusal.cause is not Cause.RATE for refusal in refusals):
            gate.request(tag, value, Source.OPERATOR, reason, now_ns, actor)  # for the audit
            raise Refused(*(self._told(refusal) for refusal in refusals if not _rate(refusal)))
        self.ended.pop(tag, None)
        nonce = text(args, "confirm")
        if self._steps(spec, value, present):
            self._begin(spec, value, _Asking(actor, reason, nonce), now_ns)
        else:
            self._moves.pop(tag, None)
            decision = gate.request(tag, value, Source.OPERATOR, reason, now_ns, actor, nonce)
            if not decision.accepted:
                told = [self._told(refusal) for refusal in decision.reasons]
                raise Refused(*told, confirm=decision.nonce)
        old = _show(present, spec)
        return done(
            f"{tag}: {old} -> {_show(value, spec)}{_unit(spec)}",
            tag=tag,
            value=value,
            tolerance=_tolerance(spec),
            wait_s=self._seconds(spec, value, present) + (spec.write.read_back_s if spec.write
                                                          else 0.0),
            one_shot=bool(spec.write and spec.write.one_shot),
        ).about(tag, _number(present), value)  # fmt: skip

    def manual(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Take a unit to manual; nothing moves by it."""
        unit = self.unit(args)
        reason = text(args, "reason") or "by hand"
        table = self._kernel.table
        asked = {tag: float(table.request[table.index(tag)]) for tag in self._tags(unit)}
        self._mode(unit, Mode.MANUAL, actor, reason, now_ns)
        self._taken[unit] = asked
        told = done(f"{unit} is in manual by {actor.name}; the recipe waits for it", unit=unit)
        return told.about(unit, str(Mode.AUTO), str(Mode.MANUAL))

    def auto(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Give a unit back to recipe and loops, which go on from what is there."""
        unit = self.unit(args)
        self._mode(unit, Mode.AUTO, actor, text(args, "reason") or "by hand", now_ns)
        told = done(f"{unit} is in automatic", unit=unit)
        return told.about(unit, str(Mode.MANUAL), str(Mode.AUTO))

    def rearm(self, args: Args, actor: Actor, now_ns: int) -> Reply:
        """Put a shed output back in service."""
        spec = self.writable(args)
        reason = text(args, "reason", needed="rearming needs a reason (--reason)")
        shed = self._kernel.gate.shed_outputs()
        if spec.name not in shed:
            raise Refused(f"{spec.name} is in service; shed: {', '.join(shed) or 'none'}")
        decision = self._kernel.rearm(spec.name, actor, reason, now_ns)
        if not decision.accepted:
            raise Refused(*map(str, decision.reasons))
        told = f"{spec.name} is in service again at its safe value; it was {shed[spec.name]}"
        return done(told).about(spec.name, shed[spec.name], "in service")

    # --- costs -------------------------------------------------------------------------------

    def set_cost(
        self, args: Args, actor: Actor, now_ns: int
    ) -> tuple[list[str], dict[str, object]]:
        """What a set point by hand means, and what was seen."""
        spec = self.writable(args)
        value, gate = number(args, "value"), self._kernel.gate
        present = gate.present(spec.name, now_ns)
        seconds = self._seconds(spec, value, present)
        line = f"{spec.name} ({spec.description}): {_show(present, spec)} -> "
        line += f"{_show(value, spec)}{_unit(spec)}"
        if seconds > 0.0:
            line += f", {seconds:.0f} s at its rate"
        lines = [line]
        if self._kernel.film.collecting:
            lines.append("a roll is being collected: what this changes is in its meters")
        refusals = gate.why_not(spec.name, value, Source.OPERATOR, now_ns, actor)
        against = [self._told(refusal) for refusal in refusals if not _rate(refusal)]
        return lines, {"old": _number(present), "against": against}

    def mode_cost(self, args: Args, mode: Mode) -> list[str]:
        """What taking a unit, or giving it back, means."""
        unit = self.unit(args)
        loops = self._kernel.handover.loops_of(unit)
        if mode is Mode.MANUAL:
            lines = [f"the recipe waits at {unit}; all interlocks stay on; nothing moves by it"]
            if loops:
                lines.append(f"loops put off: {', '.join(loops)}")
            return lines
        lines = [f"the recipe goes on at {unit} from what is there; set points stay as left"]
        if loops:
            lines.append(f"loops on again from measured values: {', '.join(loops)}")
        return lines + self._differences(unit)

    # --- one scan ----------------------------------------------------------------------------

    def step(self, output: ScanOutput) -> None:
        """Move what is on its way by one step."""
        now_ns = output.snapshot.now_ns
        for move in list(self._moves.values()):
            self._advance(move, now_ns)

    def end_moves(self, why: str, now_ns: int) -> None:
        """Let every set point on its way rest where it is."""
        for move in list(self._moves.values()):
            self._end(move, why, now_ns)

    def _advance(self, move: _Move, now_ns: int) -> None:
        gate = self._kernel.gate
        present = gate.present(move.tag, now_ns)
        if math.isnan(present):
            self._end(move, "its present value is not known", now_ns)
            return
        seconds = min((now_ns - move.last_ns) / 1e9, _LONGEST_STEP_S)
        most = _SHARE * move.rate_per_s * seconds
        gap = move.target - present
        value = move.target if abs(gap) <= most else present + math.copysign(most, gap)
        decision = gate.request(move.tag, value, Source.OPERATOR, move.reason, now_ns, move.actor)
        move.last_ns = now_ns
        if not decision.accepted:
            self._end(move, "; ".join(self._told(r) for r in decision.reasons), now_ns)
        elif value == move.target:
            del self._moves[move.tag]

    def _end(self, move: _Move, why: str, now_ns: int) -> None:
        del self._moves[move.tag]
        self.ended[move.tag] = why
        for tag in list(self.ended)[:-_KEPT]:
            del self.ended[tag]
        self._kernel.record(
            [Event(now_ns, "operator", "move ended", move.tag, None, move.target, why,
                   move.actor.name)]
        )  # fmt: skip

    # --- inside ------------------------------------------------------------------------------

    def writable(self, args: Args) -> TagSpec:
        """Specification of the tag asked for."""
        tag = text(args, "tag", needed="which tag?")
        names = [name for tags in self._kernel.gate.units().values() for name in tags]
        if tag in names:
            spec = self._kernel.table.spec(tag)
            if isinstance(spec, TagSpec):
                return spec
        if tag in self._kernel.table.names:
            raise Refused(f"{tag} is measured or calculated; it cannot be written")
        raise Refused(f"the line has no writable tag {tag}{meant(tag, names)}")

    def unit(self, args: Args) -> str:
        """Unit asked for, by its name, one of its tags or loops."""
        name = text(args, "unit", needed="which unit?")
        units = self._kernel.gate.units()
        if name in units:
            return name
        for unit, tags in units.items():
            if name in tags or any(tag.startswith(f"{name}.") for tag in tags):
                return unit
        hint = meant(name, units)
        raise Refused(f"the line has no unit {name}{hint} Units: {', '.join(units)}")

    def _tags(self, unit: str) -> tuple[str, ...]:
        return self._kernel.gate.units()[unit]

    def _mode(self, unit: str, mode: Mode, actor: Actor, reason: str, now_ns: int) -> None:
        gate = self._kernel.gate
        if gate.mode(unit) is mode:
            raise Refused(gate.by_hand(unit) or f"{unit} is in automatic already")
        decision = gate.set_mode(unit, mode, actor, reason, now_ns)
        if not decision.accepted:
            raise Refused(*map(str, decision.reasons))

    def _mode_changed(self, unit: str, mode: Mode, now_ns: int) -> None:
        if mode is Mode.AUTO:
            self._taken.pop(unit, None)
            for move in list(self._moves.values()):
                if self._kernel.gate.unit_of(move.tag) == unit:
                    self._end(move, f"{unit} went to automatic", now_ns)

    def _differences(self, unit: str) -> list[str]:
        """Set points that differ from what recipe or loops had last asked for."""
        told = []
        table = self._kernel.table
        for tag, before in self._taken.get(unit, {}).items():
            now = float(table.request[table.index(tag)])
            if not math.isnan(now) and now != before:
                spec = table.spec(tag)
                shown = digits(spec.resolution)
                was = "nothing" if math.isnan(before) else f"{before:.{shown}f}"
                told.append(f"{tag} stays at {now:.{shown}f}{_unit(spec)} (recipe: {was})")
        return told

    def _begin(self, spec: TagSpec, value: float, asking: _Asking, now_ns: int) -> None:
        question = self._kernel.gate.ask_twice(
            spec.name, value, now_ns, asking.actor, asking.confirm
        )
        if question is not None:
            raise Refused(*map(str, question.reasons), confirm=question.nonce)
        rate = (spec.write.rate_per_s if spec.write else None) or math.inf
        self._moves[spec.name] = _Move(spec.name, value, rate, asking.actor, asking.reason, now_ns)

    def _unchanged(self, args: Args, spec: TagSpec, present: float) -> None:
        """Refuse when the tag is not any more what the person saw."""
        seen = args.get("old")
        if isinstance(seen, int | float) and not abs(present - seen) <= spec.resolution:
            raise Refused(f"{spec.name} has changed meanwhile: {_show(present, spec)}, you saw "
                          f"{_show(float(seen), spec)}; look again")  # fmt: skip

    def _steps(self, spec: TagSpec, value: float, present: float) -> bool:
        """Whether it is moved there step by step."""
        write = spec.write
        if write is None or write.rate_per_s is None or math.isnan(present):
            return False
        return value != write.safe and not write.one_shot

    def _seconds(self, spec: TagSpec, value: float, present: float) -> float:
        write = spec.write
        if write is None or write.rate_per_s is None or not self._steps(spec, value, present):
            return 0.0
        return abs(value - present) / (_SHARE * write.rate_per_s)

    def _told(self, refusal: Refusal) -> str:
        """A refusal with what a person can do about it."""
        told = str(refusal)
        kernel = self._kernel
        if refusal.cause is Cause.MODE:
            unit = kernel.gate.unit_of(refusal.tag)
            return f"{told}; take it with 'filmline manual {unit} --reason ...'"
        index = kernel.table.index(refusal.tag)
        result = kernel.interlocks.result
        trip = ""
        if refusal.cause is Cause.FORCED and index in result.forced:
            trip = result.forced[index].trip
        elif refusal.cause is Cause.BLOCKED:
            trip = result.blocks.get(index, "")
        return f"{told} ({kernel.interlocks.says(trip)})" if trip else told


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who sets, why, and the answer to a question about a large change."""

    actor: Actor
    reason: str
    confirm: str


def needs_operator(verb: str, actor: Actor) -> None:
    """Refuse who is not at least an operator."""
    if not actor.may(Role.OPERATOR):
        raise Refused(f"{verb} needs the role operator; {actor.name} is {actor.role}")


def _rate(refusal: Refusal) -> bool:
    return refusal.cause is Cause.RATE


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _unit(spec: TagSpec | CalculatedTag) -> str:
    """Unit after a value; bits, codes and counts have none."""
    return "" if spec.unit == "1" else f" {spec.unit}"


def _tolerance(spec: TagSpec) -> float:
    """How near the device must read; a bit or a code is read exactly."""
    if spec.kind != "float":
        return 0.0
    return max(spec.resolution, spec.write.tolerance if spec.write else 0.0)


def _show(value: float, spec: TagSpec) -> str:
    return "unknown" if math.isnan(value) else f"{value:.{digits(spec.resolution)}f}"
