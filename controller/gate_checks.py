"""The checks a request passes at the gate; each gives one refusal, or None.

All of them are made, so a person hears every reason at once. The safe value of an output
is never refused for its rate, its link or because the output was shed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite, isnan, nan

from config.models import Span
from controller.cross_limits import CrossLimits
from controller.events import Actor
from controller.outputs import Forced, Mode, Output
from controller.refusals import Cause, Refusal, Source
from controller.tags import TagTable
from drivers.base import Quality, is_good


@dataclass(slots=True)
class GateState:
    """What the checks look at besides the request."""

    table: TagTable
    cross: CrossLimits
    forced: Mapping[int, Forced] = field(default_factory=dict)
    blocks: Mapping[int, str] = field(default_factory=dict)
    left: Mapping[int, str] = field(default_factory=dict)  # nobody writes these
    manual: dict[str, str] = field(default_factory=dict)  # unit -> who holds it

    def mode(self, unit: str) -> Mode:
        """Who owns a unit."""
        return Mode.MANUAL if unit in self.manual else Mode.AUTO


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        present: last accepted request, else the live GOOD value, else NaN.
    """

    output: Output
    value: float
    source: Source
    now_ns: int
    actor: Actor | None
    present: float

    @property
    def to_safe(self) -> bool:
        """It asks for the output's safe value."""
        return self.value == self.output.write.safe

    def refuse(self, cause: Cause, detail: str, value: float, limit: float = nan) -> Refusal:
        """A reason against it."""
        return Refusal(self.output.name, cause, detail, value, limit)


Check = Callable[[Asked, GateState], Refusal | None]


def present_value(output: Output, table: TagTable, now_ns: int) -> float:
    """Last accepted request, else the live GOOD value, else NaN."""
    request = float(table.request[output.index])
    if not isnan(request):
        return request
    value, quality = table.read(output.index, now_ns)
    return value if is_good(quality) else nan


def check_range(asked: Asked, _state: GateState) -> Refusal | None:
    """Value is a number inside the writable range; outside is refused, never clamped."""
    low, high = asked.output.write.range
    unit = asked.output.spec.unit
    if not isfinite(asked.value):
        return asked.refuse(Cause.NOT_A_NUMBER, f"{asked.value} is not a number", asked.value)
    if low <= asked.value <= high:
        return None
    limit = _nearest((low, high), asked.value)
    detail = f"{asked.value:g} {unit} is outside {low:g} to {high:g} {unit}"
    return asked.refuse(Cause.RANGE, detail, asked.value, limit)


def check_role_range(asked: Asked, _state: GateState) -> Refusal | None:
    """Value is inside what the person's role may write by hand, or nearer to it than before.

    The recipe may have gone where this person may not: the way back is open to everybody.
    """
    write, value = asked.output.write, asked.value
    if asked.source is not Source.OPERATOR or asked.actor is None or asked.to_safe:
        return None
    whole, span = write.range, write.range_of(asked.actor.role)
    if not whole[0] <= value <= whole[1] or _beyond(span, value) == 0.0:
        return None
    if _beyond(span, value) < _beyond(span, asked.present):
        return None
    unit = asked.output.spec.unit
    detail = (
        f"{value:g} {unit} is outside {span[0]:g} to {span[1]:g} {unit} for the role "
        f"{asked.actor.role}; {write.least_role(value)} may"
    )
    return asked.refuse(Cause.RANGE, detail, value, _nearest(span, value))


def _nearest(span: Span, value: float) -> float:
    """Number of a range that is nearest to a value: the end it passed."""
    return min(max(value, span[0]), span[1])


def _beyond(span: Span, value: float) -> float:
    """How far a value lies outside a range; 0 inside, NaN for a value nobody knows."""
    return max(span[0] - value, value - span[1], 0.0)


def check_rate(asked: Asked, _state: GateState) -> Refusal | None:
    """Change fits the rate times the time since the last change (5 s at most).

    A change from a value that nobody knows is not a number, and passes.
    """
    output = asked.output
    if output.write.rate_per_s is None or asked.to_safe:
        return None
    change, allowed = abs(asked.value - asked.present), output.credit_at(asked.now_ns)
    if not change > allowed + 1e-9:
        return None
    rate, unit = output.write.rate_per_s, output.spec.unit
    step = f"a step of {change:g} {unit} from {asked.present:g}"
    detail = f"{step}; {rate:g} {unit}/s lets {allowed:g} pass"
    return asked.refuse(Cause.RATE, detail, change, allowed)


def check_mode(asked: Asked, state: GateState) -> Refusal | None:
    """Source owns the unit: recipe and loops in auto, an operator in manual."""
    unit = asked.output.unit
    mode = state.mode(unit)
    if (mode is Mode.MANUAL) == (asked.source is Source.OPERATOR):
        return None
    holder = f"manual by {state.manual[unit]}" if mode is Mode.MANUAL else "auto"
    return asked.refuse(Cause.MODE, f"{unit} is in {holder}", nan)


def check_rank(asked: Asked, _state: GateState) -> Refusal | None:
    """No source of a higher rank asked in the same scan."""
    output = asked.output
    if output.last_ns != asked.now_ns or output.last_source <= asked.source:
        return None
    detail = f"the {output.last_source.name.lower()} set it in this scan"
    return asked.refuse(Cause.OUTRANKED, detail, asked.present)


def check_role(asked: Asked, _state: GateState) -> Refusal | None:
    """Person is known and their role reaches the output's."""
    if asked.source is not Source.OPERATOR:
        return None
    least = asked.output.write.role
    if asked.actor is None:
        return asked.refuse(Cause.ROLE, "no person stands behind the request", nan)
    if asked.actor.may(least):
        return None
    detail = f"{asked.actor.name} is {asked.actor.role}; {least} is needed"
    return asked.refuse(Cause.ROLE, detail, nan)


def check_forced(asked: Asked, state: GateState) -> Refusal | None:
    """No interlock holds the output at another value."""
    held = state.forced.get(asked.output.index)
    if held is None or held.value == asked.value:
        return None
    detail = f"held at {held.value:g} by {held.trip} until it is reset"
    return asked.refuse(Cause.FORCED, detail, asked.value, held.value)


def check_left(asked: Asked, state: GateState) -> Refusal | None:
    """No row leaves the output to other protection, such as fans in a fire."""
    trip = state.left.get(asked.output.index)
    if trip is None:
        return None
    detail = f"nothing here writes it while {trip} acts: other protection has it"
    return asked.refuse(Cause.LEFT_ALONE, detail, asked.value)


def check_blocked(asked: Asked, state: GateState) -> Refusal | None:
    """No interlock blocks an increase."""
    trip = state.blocks.get(asked.output.index)
    if trip is None or asked.value <= asked.present:
        return None
    detail = f"no increase above {asked.present:g} while {trip} acts"
    return asked.refuse(Cause.BLOCKED, detail, asked.value, asked.present)


def check_cross(asked: Asked, state: GateState) -> Refusal | None:
    """Solvent fed fits the measured exhaust (IL5)."""
    return state.cross.check(asked.output.name, asked.value, asked.now_ns)


_UNREACHABLE = frozenset(
    {
        Quality.BAD,
        Quality.BAD_COMMUNICATION_ERROR,
        Quality.BAD_TIMEOUT,
        Quality.BAD_NO_COMMUNICATION,
        Quality.BAD_WAITING_FOR_INITIAL_DATA,
        Quality.BAD_NOT_CONNECTED,
    }
)


def check_link(asked: Asked, state: GateState) -> Refusal | None:
    """Device answers; a request to a silent one would be replayed later."""
    output = asked.output
    if asked.to_safe or output.write.one_shot or not state.table.attached(output.name):
        return None
    value, quality = state.table.read(output.index, asked.now_ns)
    if quality not in _UNREACHABLE:
        return None  # it answers; a read-back out of its span is cured by writing
    return asked.refuse(Cause.NO_COMMUNICATION, f"its quality is 0x{quality:08X}", value)


def check_shed(asked: Asked, _state: GateState) -> Refusal | None:
    """Output is in service."""
    if not asked.output.shed or asked.to_safe:
        return None
    return asked.refuse(Cause.SHED, f"shed: {asked.output.shed}; a person rearms it", asked.value)


CHECKS: tuple[Check, ...] = (
    check_range,
    check_role_range,
    check_rate,
    check_mode,
    check_rank,
    check_role,
    check_forced,
    check_left,
    check_blocked,
    check_cross,
    check_link,
    check_shed,
)


def reasons_against(asked: Asked, state: GateState) -> tuple[Refusal, ...]:
    """Every reason against a request.

    An abort writes in the interlocks' name: it only has to be in range, and what a trip
    holds, or leaves alone, stays as the trip wants it.
    """
    checks = (check_range, check_forced, check_left) if asked.source is Source.INTERLOCK else CHECKS
    found = (check(asked, state) for check in checks)
    return tuple(refusal for refusal in found if refusal is not None)
