"""Runs one generator of steps, a scan at a time: the runner's hands and nothing more.

Holding is simply not calling ``advance``; the generator and the step in hand keep their place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from controller.procedure.context import Context
from controller.procedure.outputs import Limits
from controller.procedure.phase import ProcedureError
from controller.procedure.steps import (
    Accumulate,
    Ask,
    Log,
    Move,
    Put,
    Ramp,
    Step,
    Steps,
    Stop,
    Switch,
    Text,
    Until,
    Wait,
)

_STEPS_PER_SCAN = 2000  # a generator that never waits is a bug, not a slow phase


@dataclass
class PendingAsk:
    """A question in front of a person; ``answer`` is None until somebody gives one.

    Attributes:
        ask_id: unique in the run. unit, phase: who asks. asked_ns: since when.
    """

    ask_id: int
    unit: str
    phase: str
    ask: Ask
    asked_ns: int
    answer: str | None = None
    actor: str = ""


class Hands(Protocol):
    """What an executor may do to the world."""

    def put(self, tag: str, value: float, reason: str) -> Sequence[str]:
        """Request a write; reasons of refusal, empty when accepted."""

    def switch(self, name: str, *, on: bool) -> None:
        """Put a loop on or off."""

    def log(self, text: str) -> None:
        """Write into the event record."""

    def ask(self, ask: Ask) -> PendingAsk:
        """Show a question."""

    def withdraw(self, pending: PendingAsk) -> None:
        """Take a question away."""

    def limits(self, tag: str) -> Limits:
        """What the line file lets through of writes to a tag."""

    def by_hand(self, tag: str) -> str:
        """Say who has the unit of a tag in manual; empty in automatic."""

    def trouble(self, reason: str) -> None:
        """Something is late or refused: hold (running) or escalate (stopping)."""

    def stop(self, reason: str) -> None:
        """Begin the controlled stop; it abandons the steps that asked for it."""


class Executor:
    """Drives a generator of steps.

    Args:
        steps: the generator.
        counters: where ``Accumulate`` keeps its totals (the phase's, so the journal sees them).

    Attributes:
        by_hand: who has what it wants to write in manual, so that it waits; else empty.
    """

    def __init__(
        self, steps: Steps, ctx: Context, hands: Hands, counters: dict[str, float]
    ) -> None:
        self._steps: Any = steps
        self._ctx = ctx
        self._hands = hands
        self._counters = counters
        self._item: Step | None = None
        self._result: str | None = None
        self._elapsed = 0.0
        self._held_s = 0.0
        self._guarded_s = 0.0
        self._ramp: list[float] = []
        self._due = 0.0
        self._why = ""
        self._pending: PendingAsk | None = None
        self.by_hand = ""

    @property
    def item(self) -> Step | None:
        """The step in hand."""
        return self._item

    def advance(self, dt: float) -> bool:
        """Work for one scan; True when the generator is finished."""
        for _ in range(_STEPS_PER_SCAN):
            if self._item is None and not self._next():
                return True
            item = self._item
            if item is None or not self._work[type(item)](self, item, dt):
                return False
            self._item = None
            dt = 0.0
        raise ProcedureError(f"{_STEPS_PER_SCAN} steps in one scan: the phase never waits")

    def rebase(self) -> None:
        """Go on after a hold: ramps from what was last accepted, time-outs from zero."""
        self._elapsed_reset()
        item = self._item
        if isinstance(item, Ramp) and self._ramp:
            self._ramp = [
                self._from_request(move, value)
                for move, value in zip(item.moves, self._ramp, strict=True)
            ]

    def close(self) -> None:
        """Abandon the generator and its question."""
        if self._pending is not None:
            self._hands.withdraw(self._pending)
            self._pending = None
        self._steps.close()

    def text(self) -> str:
        """What it waits for, with live values."""
        item = self._item
        if item is None:
            return "starting"
        if isinstance(item, Put):
            return f"request {item.tag} = {item.value:g}" + (f": {self._why}" if self._why else "")
        if isinstance(item, Ask):
            return f"a person ({item.role}): {item.question}"
        if isinstance(item, Switch | Log | Stop):
            return "working"
        text = self._show(item.text)
        if isinstance(item, Accumulate):
            return f"{text}: {_progress(item, self._counters.get(item.counter, 0.0))}"
        return f"{text}; waits: {self._why}" if self._why else text

    # --- one step ----------------------------------------------------------------------------

    def _next(self) -> bool:
        try:
            self._item = self._steps.send(self._result)
        except StopIteration:
            return False
        self._result = None
        self._elapsed = self._held_s = self._guarded_s = self._due = 0.0
        self._ramp = []
        self._why = ""
        return True

    def _elapsed_reset(self) -> None:
        if isinstance(self._item, Until | Accumulate | Ask):
            self._elapsed = 0.0
        self._held_s = self._guarded_s = 0.0

    def _show(self, text: Text) -> str:
        return text if isinstance(text, str) else text(self._ctx)

    def _late(self, item: Until | Accumulate | Ask, dt: float) -> None:
        self._elapsed += dt
        if self._elapsed >= item.timeout_s:
            self._elapsed = 0.0
            self._hands.trouble(f"not in {item.timeout_s:g} s: {self.text()}")

    def _waits_for_hand(self, tags: Iterable[str]) -> bool:
        """Whether a person has one of these in manual: the step waits, and is never late."""
        before = self.by_hand
        self.by_hand = next(filter(None, map(self._hands.by_hand, tags)), "")
        if self.by_hand:
            self._why = self.by_hand
        elif before:
            self._why = ""
            self.rebase()
        return bool(self.by_hand)

    def _put(self, item: Put, _dt: float) -> bool:
        if self._waits_for_hand((item.tag,)):
            return False
        reasons = self._hands.put(item.tag, item.value, item.reason)
        if not reasons:
            return True
        self._why = "; ".join(reasons)
        self._hands.trouble(f"{item.tag} = {item.value:g} refused: {self._why}")
        return False

    def _switch(self, item: Switch, _dt: float) -> bool:
        self._hands.switch(item.name, on=item.on)
        return True

    def _log(self, item: Log, _dt: float) -> bool:
        self._hands.log(item.text)
        return True

    def _stop(self, item: Stop, _dt: float) -> bool:
        self._hands.stop(item.reason)
        return False

    def _wait(self, item: Wait, dt: float) -> bool:
        self._elapsed += dt
        return self._elapsed >= item.seconds - 1e-9

    def _until(self, item: Until, dt: float) -> bool:
        if item.test(self._ctx):
            self._held_s += dt
            if self._held_s >= item.for_s - 1e-9:
                return True
        else:
            self._held_s = 0.0
        if item.guard is not None:
            self._watch(item.guard(self._ctx), item.guard_s, dt)
        self._late(item, dt)
        return False

    def _watch(self, why: str, limit_s: float, dt: float) -> None:
        self._guarded_s = self._guarded_s + dt if why else 0.0
        if self._guarded_s >= limit_s:
            self._guarded_s = 0.0
            self._hands.trouble(why)

    def _accumulate(self, item: Accumulate, dt: float) -> bool:
        rate = item.rate(self._ctx)
        total = self._counters.get(item.counter, 0.0)
        if rate is not None and not math.isnan(rate):
            total += rate * dt
        elif item.gap_resets:
            total = 0.0
        self._counters[item.counter] = total
        if total >= item.target - 1e-9:
            return True
        self._late(item, dt)
        return False

    def _ask(self, item: Ask, dt: float) -> bool:
        if self._pending is None:
            self._pending = self._hands.ask(item)
        answer = self._pending.answer
        if answer is None:
            self._late(item, dt)
            return False
        self._pending = None
        if answer != item.choices[0]:
            self._hands.trouble(f"{item.key} was answered {answer!r}")
            return False
        self._result = answer
        return True

    # --- ramps -------------------------------------------------------------------------------

    def _from_request(self, move: Move, fallback: float) -> float:
        """Last accepted request; before any, what the device reports; else ``fallback``."""
        present = self._ctx.set_point(move.tag)
        return fallback if math.isnan(present) else present

    def _start(self, move: Move) -> float:
        """Where a move begins; a device that stands outside its range goes to its edge first."""
        value = self._from_request(move, 0.0) if move.start is None else move.start
        limits = self._hands.limits(move.tag)
        inside = min(max(value, limits.low), limits.high)
        if inside != value:
            self._hands.put(move.tag, inside, "set-point into its range")
        return inside

    def _ramp_work(self, item: Ramp, dt: float) -> bool:
        if not self._ramp:
            self._ramp = [self._start(move) for move in item.moves]
        self._due -= dt
        if self._due > 1e-9:
            return False
        self._due += item.every_s
        if self._waits_for_hand(move.tag for move in item.moves):
            return False
        self._why = item.holdback(self._ctx) if item.holdback is not None else ""
        done = False
        if not self._why:
            self._elapsed += item.every_s
            done = self._move_all(item)
        self._count_blocked(item)
        return done and not self._why

    def _count_blocked(self, item: Ramp) -> None:
        if not self._why:
            self._held_s = 0.0
            return
        self._held_s += item.every_s
        if self._held_s >= item.timeout_s:
            self._held_s = 0.0
            self._hands.trouble(f"ramp stands for {item.timeout_s:g} s: {self._why}")

    def _move_all(self, item: Ramp) -> bool:
        done = True
        for number, move in enumerate(item.moves):
            if self._elapsed <= move.after_s:
                done = False
                continue
            now = self._ramp[number]
            value = self._toward(move, now, item.every_s)
            if value == now and self._ctx.request(move.tag) == value:
                continue
            reasons = self._hands.put(move.tag, value, self._show(item.text))
            if reasons:
                self._why = f"{move.tag} = {value:g} refused: {'; '.join(reasons)}"
                return False
            self._ramp[number] = value
            done = done and value == move.target
        return done

    def _toward(self, move: Move, now: float, seconds: float) -> float:
        per_min = move.per_min_above if now >= move.above else move.per_min
        if math.isinf(per_min):
            per_min = move.per_min
        step = min(per_min / 60.0, self._hands.limits(move.tag).per_s) * seconds
        gap = move.target - now
        return move.target if abs(gap) <= step + 1e-9 else now + math.copysign(step, gap)

    _work: ClassVar[dict[type, Callable[[Executor, Any, float], bool]]] = {
        Put: _put,
        Switch: _switch,
        Log: _log,
        Stop: _stop,
        Ramp: _ramp_work,
        Until: _until,
        Accumulate: _accumulate,
        Wait: _wait,
        Ask: _ask,
    }


def _progress(item: Accumulate, total: float) -> str:
    """Counter against its target; seconds as minutes."""
    if item.counter.endswith("_s"):
        return f"{total / 60.0:.1f} of {item.target / 60.0:g} min"
    return f"{total:.4g} of {item.target:.4g}"
