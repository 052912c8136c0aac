"""Why the procedure does not go on: state, steps and questions as causes with live values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.events import Actor
from controller.operating.causes import Blocking, Kind, live, of_refusal, of_trip
from controller.procedure.execution import PendingAsk
from controller.procedure.looking import looked_at
from controller.procedure.states import State
from controller.procedure.steps import Ask, Put, Ramp
from controller.procedure.unit import UnitRun
from controller.refusals import Cause, Refusal, Source

if TYPE_CHECKING:
    from controller.app import Kernel

_WAITING = (State.IDLE, State.HELD, State.COMPLETE, State.STOPPED, State.ABORTED)


def of_line(kernel: Kernel, actor: Actor, now_ns: int) -> list[Blocking]:
    """Everything that stands in the way of the line now, the first cause first."""
    return [
        *of_state(kernel),
        *of_trips(kernel, actor, now_ns),
        *of_shed(kernel, now_ns),
        *(of_question(pending) for pending in kernel.runner.asks()),
        *of_steps(kernel, actor, now_ns),
    ]


def of_state(kernel: Kernel) -> list[Blocking]:
    """A state in which nothing goes on without a person, with what led to it."""
    runner = kernel.runner
    if runner.state not in _WAITING:
        return []
    why = f": {runner.reason}" if runner.reason else ""
    return [Blocking(Kind.STATE, runner.state.name, f"{runner.state.name}{why}")]


def of_trips(kernel: Kernel, actor: Actor, now_ns: int) -> list[Blocking]:
    """Every row that acts, the first cause first."""
    result = kernel.interlocks.result
    names = sorted(result.active, key=lambda name: name != result.first_out)
    return [of_trip(kernel, name, actor, now_ns) for name in names]


def of_shed(kernel: Kernel, now_ns: int) -> list[Blocking]:
    """Outputs out of service, until a person rearms them."""
    return [
        Blocking(Kind.OUTPUT, tag, f"{tag} is shed: {cause}; a person rearms it",
                 live(kernel, [tag], now_ns), {"cause": str(Cause.SHED)})
        for tag, cause in kernel.gate.shed_outputs().items()
    ]  # fmt: skip


def of_steps(kernel: Kernel, actor: Actor, now_ns: int) -> list[Blocking]:
    """What the units wait for, in a state in which they work."""
    runner = kernel.runner
    if runner.state in _WAITING:
        return []
    return [found for unit in runner.acting() for found in of_unit(kernel, unit, actor, now_ns)]


def of_question(pending: PendingAsk) -> Blocking:
    """An open question."""
    ask = pending.ask
    more: dict[str, object] = {
        "id": pending.ask_id, "choices": list(ask.choices), "role": str(ask.role),
    }  # fmt: skip
    return Blocking(Kind.QUESTION, ask.key, f"a person ({ask.role}) answers: {ask.question}",
                    more=more)  # fmt: skip


def of_unit(kernel: Kernel, unit: UnitRun, actor: Actor, now_ns: int) -> list[Blocking]:
    """What the present step of a unit waits for; empty when the unit is complete."""
    if unit.slot is None:
        return []
    where = ".".join(filter(None, (unit.name, unit.slot.name, unit.step_name)))
    item = unit.item
    if isinstance(item, Ask):
        return []  # told as a question
    tags = () if item is None else looked_at(item, kernel.runner.view)
    inputs = live(kernel, tags, now_ns)
    waits = Blocking(Kind.STEP, where, f"{where} waits: {unit.waiting_for()}", inputs)
    refusals = _refused(kernel, item, now_ns)
    return [waits, *(c for one in refusals for c in of_refusal(kernel, one, actor, now_ns))]


def _refused(kernel: Kernel, item: object, now_ns: int) -> tuple[Refusal, ...]:
    """What the gate has against the write that a step wants."""
    if isinstance(item, Put):
        return kernel.gate.why_not(item.tag, item.value, Source.RECIPE, now_ns)
    if not isinstance(item, Ramp):
        return ()
    return tuple(
        refusal
        for move in item.moves
        for refusal in kernel.gate.why_not(move.tag, move.target, Source.RECIPE, now_ns)
        if refusal.cause is not Cause.RATE
    )
