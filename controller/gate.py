"""The one door for writes: every request is judged here, and every output is watched here.

Sources rank interlock > operator > recipe > loop. Accepted set-points leave to the port,
where the latest per tag wins until it is written; one-shot commands leave once, in order.
Pure: time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan, nan
from types import MappingProxyType

from config.models import Line, Role
from controller.confirm import Confirmations
from controller.cross_limits import CrossLimits
from controller.events import Actor, Event
from controller.gate_checks import Asked, GateState, present_value, reasons_against
from controller.outputs import Forced, Mode, Output, collect_outputs
from controller.readback import ReadBack, Verdict
from controller.refusals import ACCEPTED, Cause, Decision, Refusal, Source, refused
from controller.shedding import InputWatch
from controller.tags import Snapshot, TagTable
from drivers.base import OutputPort

LOWEST_SOLIDS_WT_PCT = 16.0  # process specification 1.2; the most solvent
_STEP_GAP_NS = 2_500_000_000  # requests of one source closer than this are one move
_NONE: Mapping[int, str] = MappingProxyType({})
_MOVERS = (Source.RECIPE, Source.OPERATOR)


@dataclass(frozen=True, slots=True)
class GateResult:
    """What the gate found in a scan.

    Attributes:
        events: writes, refusals, forced outputs, retries, bad outputs since the last scan.
        hold: why the recipe must hold; empty when it need not.
    """

    events: tuple[Event, ...]
    hold: str


_QUIET = GateResult((), "")


class Gate:
    """Judges requests, forces outputs, supervises read-back and sheds.

    Args:
        line: the line file.
        table: the process image; all driver blocks are attached already.
        port: where accepted requests leave towards the wire.
        solids_wt_pct: solids of the dope, for the solvent cross limit.

    Raises:
        WiringError: an effect writes what cannot be written.
    """

    def __init__(
        self,
        line: Line,
        table: TagTable,
        port: OutputPort,
        solids_wt_pct: float = LOWEST_SOLIDS_WT_PCT,
    ) -> None:
        self._table = table
        self._port = port
        self._outputs = collect_outputs(line, table)
        self._by_name = {output.name: output for output in self._outputs.values()}
        self.cross = CrossLimits(line, table, solids_wt_pct)
        self._state = GateState(table, self.cross)
        self._confirmations = Confirmations()
        self._readback = ReadBack(table, self._outputs)
        self._inputs = InputWatch(line, table, self._outputs)
        self._events: list[Event] = []
        self._hold: list[str] = []
        self._moves: dict[int, float] = {}
        self._told: list[Callable[[str, Mode, int], None]] = []

    def request(
        self,
        tag: str,
        value: float,
        source: Source,
        reason: str,
        now_ns: int,
        actor: Actor | None = None,
        nonce: str = "",
    ) -> Decision:
        """Ask for a write; it is accepted, or refused with all reasons.

        A set-point that is moved step by step is logged when it begins to move and
        when it has come to rest; requests of loops are in the samples only.

        Args:
            tag: writable tag.
            value: in the tag's unit.
            source: who asks.
            reason: why, for the audit.
            now_ns: UTC ns.
            actor: person behind it; needed from an operator.
            nonce: answer to a confirmation asked for by the last decision.
        """
        output = self._by_name.get(tag)
        if output is None:
            return refused(self._unwritable(tag))
        present = present_value(output, self._table, now_ns)
        asked = Asked(output, value, source, now_ns, actor, present)
        reasons = reasons_against(asked, self._state)
        if reasons:
            self._tell_refused(asked, reason, reasons)
            return refused(*reasons)
        question = self._confirmations.ask(asked, nonce)
        if question is not None:
            return question
        self._log(asked, reason)
        self._spend(asked)
        self._send(output, value, now_ns)
        return ACCEPTED

    def ask_twice(
        self, tag: str, value: float, now_ns: int, actor: Actor, nonce: str
    ) -> Decision | None:
        """Question to put to a person before a large change by steps; None when none is due."""
        output = self._by_name[tag]
        present = present_value(output, self._table, now_ns)
        asked = Asked(output, value, Source.OPERATOR, now_ns, actor, present)
        return self._confirmations.ask(asked, nonce)

    def enforce(
        self,
        forced: Mapping[int, Forced],
        blocks: Mapping[int, str],
        now_ns: int,
        left: Mapping[int, str] = _NONE,
    ) -> None:
        """Take over the demands of the interlocks; forced outputs leave at once."""
        self._state.blocks = blocks
        self._state.left = left
        before = self._state.forced
        if forced is before:
            return
        self._state.forced = forced
        for index, held in forced.items():
            old = before.get(index)
            if old is None or old.value != held.value:
                self._force(self._outputs[index], held, now_ns)
        for index, held in before.items():
            if index not in forced:
                cause = f"{held.trip} does not hold it any more"
                self._event(now_ns, "release", held.tag, held.value, held.value, cause)

    def step(self, snapshot: Snapshot, dt: float) -> GateResult:
        """Supervise read-back and controlling inputs; hand over what happened."""
        now_ns = snapshot.now_ns
        for index, verdict in self._readback.step(snapshot):
            if index in self._state.left:
                continue  # what it shows is other protection's doing
            self._judge(self._outputs[index], verdict, snapshot)
        for index, name in self._inputs.step(snapshot, dt):
            output = self._outputs[index]
            if not output.shed and float(self._table.request[index]) != output.write.safe:
                self.shed(output.name, f"{name} is not GOOD", now_ns)
        if self._moves:
            self._settle(now_ns)
        if not self._events:  # a hold never comes without one
            return _QUIET
        result = GateResult(tuple(self._events), "; ".join(self._hold))
        self._events.clear()
        self._hold.clear()
        return result

    def set_mode(self, unit: str, mode: Mode, actor: Actor, reason: str, now_ns: int) -> Decision:
        """Take a unit to manual, or give it back to the recipe; nothing moves by it."""
        if all(output.unit != unit for output in self._outputs.values()):
            return refused(Refusal(unit, Cause.UNKNOWN_TAG, "no such unit", nan, nan))
        denied = self._rights(unit, actor, reason)
        if denied:
            return refused(*denied)
        self._change(unit, mode, actor.name, reason, now_ns)
        return ACCEPTED

    def take_back(self, reason: str, now_ns: int) -> None:
        """Give every unit back to the recipe: a stop or an abort needs all of them."""
        for unit in list(self._state.manual):
            self._change(unit, Mode.AUTO, "", reason, now_ns)

    def on_mode(self, told: Callable[[str, Mode, int], None]) -> None:
        """Tell somebody of each change of a unit's mode."""
        self._told.append(told)

    def units(self) -> dict[str, tuple[str, ...]]:
        """Writable tags of every unit."""
        found: dict[str, list[str]] = {}
        for output in self._outputs.values():
            found.setdefault(output.unit, []).append(output.name)
        return {unit: tuple(tags) for unit, tags in found.items()}

    def unit_of(self, tag: str) -> str:
        """Unit of a writable tag; empty for any other."""
        output = self._by_name.get(tag)
        return "" if output is None else output.unit

    def mode(self, unit: str) -> Mode:
        """Who owns a unit."""
        return self._state.mode(unit)

    def present(self, tag: str, now_ns: int) -> float:
        """Last accepted request of a writable tag, else its live GOOD value, else NaN."""
        return present_value(self._by_name[tag], self._table, now_ns)

    def by_hand(self, name: str) -> str:
        """Say who has a unit, or the unit of a tag, in manual; empty in automatic."""
        if not self._state.manual:
            return ""
        unit = self.unit_of(name) or name
        holder = self._state.manual.get(unit)
        return "" if holder is None else f"{unit} is in manual by {holder}"

    def shed(self, tag: str, cause: str, now_ns: int) -> None:
        """Take one output out of service at its safe value, and ask for a hold.

        Drivers' owners call it when a device restarted or lost its settings.
        """
        output = self._by_name[tag]
        if output.shed:
            return
        output.shed = cause
        self._readback.forget(output.index)
        safe, request = output.write.safe, float(self._table.request[output.index])
        old = None if isnan(request) else request
        if output.index not in self._state.forced and output.index not in self._state.left:
            self._table.request[output.index] = safe
            self._port.put(tag, safe)
        self._event(now_ns, "shed", tag, old, safe, cause)
        self._hold.append(f"{tag} shed: {cause}")

    def rearm(self, tag: str, actor: Actor, reason: str, now_ns: int) -> Decision:
        """Put a shed output back in service; it keeps its safe value until asked again."""
        output = self._by_name.get(tag)
        if output is None:
            return refused(self._unwritable(tag))
        denied = self._rights(tag, actor, reason)
        if denied:
            return refused(*denied)
        cause, output.shed = output.shed, ""
        self._events.append(Event(now_ns, "gate", "rearm", tag, cause, None, reason, actor.name))
        return ACCEPTED

    def shed_outputs(self) -> dict[str, str]:
        """Outputs out of service, with the cause."""
        return {output.name: output.shed for output in self._outputs.values() if output.shed}

    def why_not(
        self,
        tag: str,
        value: float,
        source: Source,
        now_ns: int,
        actor: Actor | None = None,
    ) -> tuple[Refusal, ...]:
        """Reasons that a request would meet now; asks for nothing and logs nothing."""
        output = self._by_name.get(tag)
        if output is None:
            return (self._unwritable(tag),)
        present = present_value(output, self._table, now_ns)
        return reasons_against(Asked(output, value, source, now_ns, actor, present), self._state)

    def _change(self, unit: str, mode: Mode, who: str, reason: str, now_ns: int) -> None:
        old = self._state.mode(unit)
        if mode is Mode.MANUAL:
            self._state.manual[unit] = who
        else:
            self._state.manual.pop(unit, None)
        self._events.append(Event(now_ns, "gate", "mode", unit, old, mode, reason, who))
        for told in self._told:
            told(unit, mode, now_ns)

    def _log(self, asked: Asked, reason: str) -> None:
        """Write the audit event of an accepted request, unless it is a step within a move."""
        output, source = asked.output, asked.source
        if source is Source.LOOP or (asked.value == asked.present and not output.write.one_shot):
            return
        gap_ns = asked.now_ns - output.last_ns
        follows = output.last_source is source and 0 < gap_ns <= _STEP_GAP_NS
        if follows and source in _MOVERS and output.write.rate_per_s is not None:
            self._moves.setdefault(output.index, asked.present)
            return
        self._note(asked.now_ns, "write", asked, f"{source.name.lower()}: {reason}")

    def _settle(self, now_ns: int) -> None:
        """Log the set-points that have come to rest after moving step by step."""
        for index, start in list(self._moves.items()):
            output = self._outputs[index]
            if now_ns - output.last_ns > _STEP_GAP_NS:
                del self._moves[index]
                value = float(self._table.request[index])
                self._event(now_ns, "settled", output.name, start, value, "came to rest")

    def _send(self, output: Output, value: float, now_ns: int) -> None:
        if output.write.one_shot:
            self._port.command(output.name, value)
            return
        self._table.request[output.index] = value
        self._port.put(output.name, value)
        if not output.shed:
            self._readback.expect(output.index, value, now_ns)

    def _spend(self, asked: Asked) -> None:
        """Book a change on the output's rate credit."""
        output = asked.output
        credit = output.credit_at(asked.now_ns)
        if not isnan(asked.present) and not asked.to_safe:
            credit -= abs(asked.value - asked.present)
        output.credit = max(credit, 0.0)
        output.last_ns = asked.now_ns
        output.last_source = asked.source
        output.refused = ()

    def _force(self, output: Output, held: Forced, now_ns: int) -> None:
        request = float(self._table.request[output.index])
        self._send(output, held.value, now_ns)
        output.last_ns, output.last_source = now_ns, Source.INTERLOCK
        old = None if isnan(request) else request
        self._event(now_ns, "force", output.name, old, held.value, f"held by {held.trip}")

    def _judge(self, output: Output, verdict: Verdict, snapshot: Snapshot) -> None:
        request = float(self._table.request[output.index])
        shown = snapshot.known[output.index]
        told = "nothing GOOD" if isnan(shown) else f"{shown:g}"
        cause = f"asked {request:g}, the device shows {told} after {output.write.read_back_s:g} s"
        if verdict is Verdict.RETRY:
            self._port.put(output.name, request)
            self._event(snapshot.now_ns, "retry", output.name, request, request, cause)
            return
        self._event(snapshot.now_ns, "bad output", output.name, request, None, cause)
        self.shed(output.name, f"not read back: {cause}", snapshot.now_ns)

    def _tell_refused(self, asked: Asked, reason: str, reasons: tuple[Refusal, ...]) -> None:
        """Log a refusal once; a loop that asks again every scan for the same causes is not news."""
        causes = (asked.source.name, *(refusal.cause.value for refusal in reasons))
        if causes == asked.output.refused:
            return
        asked.output.refused = causes
        words = "; ".join(refusal.detail for refusal in reasons)
        self._note(
            asked.now_ns, "refused", asked, f"{asked.source.name.lower()}: {reason}: {words}"
        )

    def _note(self, now_ns: int, verb: str, asked: Asked, cause: str) -> None:
        old = None if isnan(asked.present) else asked.present
        who = "" if asked.actor is None else asked.actor.name
        self._event(now_ns, verb, asked.output.name, old, asked.value, cause, who)

    def _event(
        self,
        now_ns: int,
        verb: str,
        tag: str,
        old: float | None,
        new: float | None,
        cause: str,
        actor: str = "",
    ) -> None:
        self._events.append(Event(now_ns, "gate", verb, tag, old, new, cause, actor))

    def _unwritable(self, tag: str) -> Refusal:
        known = tag in self._table.names
        cause = Cause.NOT_WRITABLE if known else Cause.UNKNOWN_TAG
        told = "the tag cannot be written" if known else "the line has no such tag"
        return Refusal(tag, cause, told, nan, nan)

    @staticmethod
    def _rights(name: str, actor: Actor, reason: str) -> tuple[Refusal, ...]:
        denied = []
        if not actor.may(Role.OPERATOR):
            told = f"{actor.name} is {actor.role}; operator is needed"
            denied.append(Refusal(name, Cause.ROLE, told, nan, nan))
        if not reason.strip():
            denied.append(Refusal(name, Cause.REASON, "a reason is needed", nan, nan))
        return tuple(denied)
