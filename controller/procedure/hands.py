"""The runner's hands: what the executors of steps may do to the world, and the events of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from config.models import Line
from controller.events import Event
from controller.procedure.context import Context
from controller.procedure.execution import PendingAsk
from controller.procedure.outputs import Doors, Limits, write_limits
from controller.procedure.questions import Questions
from controller.procedure.states import State
from controller.procedure.steps import Ask
from controller.procedure.unit import UnitRun

__all__ = ["RunnerHands"]


class RunnerHands:
    """Requests, switches, questions and events in the procedure's name.

    Attributes:
        state: procedural state of the whole run.
    """

    def __init__(self, line: Line, doors: Doors, ctx: Context) -> None:
        self.state = State.IDLE
        self._doors = doors
        self._ctx = ctx
        self._limits = write_limits(line)
        self._questions = Questions()
        self._events: list[Event] = []
        self._noted: list[str] = []
        self._now_ns = 0
        self._current: UnitRun | None = None

    def put(self, tag: str, value: float, reason: str) -> Sequence[str]:
        """Request a write in the recipe's name.

        In the controlled stop a refusal is noted only, and what an interlock has already set
        so is not asked again: the proofs that follow judge the plant, not the request.
        """
        if self.state is State.STOPPING and self._ctx.request(tag) == value:
            return ()
        why = reason or self._where()
        reasons = self._doors.put(tag, value, why, self._now_ns)
        if reasons and (self.state is State.STOPPING or self._left_to_hand(tag)):
            if tag in self._noted:
                return ()
            self._noted.append(tag)
            self._event("refused", tag, None, value, "; ".join(reasons))
            return ()
        return reasons

    def switch(self, name: str, *, on: bool) -> None:
        """Put a loop on or off."""
        self._doors.switches.switch(name, on, self._now_ns)
        self._event("switch", name, None, "on" if on else "off", self._where())

    def log(self, text: str) -> None:
        """Write into the event record."""
        self._event("log", self._where(), None, None, text)

    def ask(self, ask: Ask) -> PendingAsk:
        """Show a question to people."""
        unit = self._current
        slot = unit.slot if unit is not None else None
        self._event("ask", ask.key, None, None, ask.question)
        return self._questions.put(
            ask,
            unit.name if unit is not None else "",
            slot.name if slot is not None else "",
            self._now_ns,
        )

    def withdraw(self, pending: PendingAsk) -> None:
        """Take a question away."""
        self._questions.withdraw(pending)

    def limits(self, tag: str) -> Limits:
        """What the line file lets through of writes to a tag."""
        return self._limits[tag]

    def by_hand(self, name: str) -> str:
        """Say who has a unit, or the unit of a tag, in manual; a hold does not wait for them."""
        return "" if self.state is State.HOLDING else self._doors.by_hand(name)

    def _left_to_hand(self, tag: str) -> bool:
        """Whether a hold leaves this to the person who has it in manual."""
        return self.state is State.HOLDING and bool(self._doors.by_hand(tag))

    def _where(self) -> str:
        unit = self._current
        if unit is None or unit.slot is None:
            return "procedure"
        return f"{unit.name}.{unit.slot.name}.{unit.step_name}".rstrip(".")

    def _event(self, verb: str, tag: str, old: Any, new: Any, cause: str, actor: str = "") -> None:
        self._events.append(Event(self._now_ns, "procedure", verb, tag, old, new, cause, actor))
