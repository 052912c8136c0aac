"""Questions the procedure has put to people, until somebody who may answers them."""

from __future__ import annotations

from controller.events import Actor
from controller.procedure.execution import PendingAsk
from controller.procedure.steps import Ask


class Questions:
    """Open questions in the order in which they were asked."""

    def __init__(self) -> None:
        self._open: list[PendingAsk] = []
        self._number = 0

    def put(self, ask: Ask, unit: str, phase: str, now_ns: int) -> PendingAsk:
        """Open a question; an empty unit asks for the whole procedure."""
        self._number += 1
        pending = PendingAsk(self._number, unit, phase, ask, now_ns)
        self._open.append(pending)
        return pending

    def withdraw(self, pending: PendingAsk) -> None:
        """Take a question away."""
        if pending in self._open:
            self._open.remove(pending)

    def withdraw_general(self) -> None:
        """Take away the questions of the whole procedure."""
        self._open = [pending for pending in self._open if pending.unit]

    def all(self) -> tuple[PendingAsk, ...]:
        """Every open question."""
        return tuple(self._open)

    def answer(self, ask_id: int, value: str, actor: Actor) -> PendingAsk | str:
        """Close a question with its answer, or say why the answer is refused."""
        pending = next((p for p in self._open if p.ask_id == ask_id), None)
        if pending is None:
            return f"there is no open question {ask_id}"
        ask = pending.ask
        if not actor.may(ask.role):
            return f"{ask.key} needs the role {ask.role}; {actor.name} is {actor.role}"
        if value not in ask.choices:
            return f"{value!r} is not an answer to {ask.key}: {', '.join(ask.choices)}"
        pending.answer, pending.actor = value, actor.name
        self._open.remove(pending)
        return pending
