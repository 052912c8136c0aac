"""One unit of a procedure: its phases in order, the step it stands in, its journal entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.models import PhaseUse
from controller.procedure.context import Context, Evaluator
from controller.procedure.execution import Executor, Hands
from controller.procedure.journal import Journal, JournalEntry
from controller.procedure.phase import Phase, ProcedureError
from controller.procedure.states import State
from controller.procedure.steps import Step, Steps


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one unit is doing and waits for, for the progress display."""

    unit: str
    phase: str
    step: str
    text: str


@dataclass
class Slot:
    """A phase at its place in a unit."""

    name: str
    use: PhaseUse
    phase: Phase
    until: Evaluator | None = None


class UnitRun:
    """Drives the phases of one unit, one after the other.

    Args:
        name: unit name; phases are known as ``name.phase``.
        slots: phases in order.
        hands: what its steps may do.
        journal: where entries go; a step starts only when its entry is durable.
        is_done: whether ``unit.phase`` is complete.
    """

    def __init__(
        self,
        name: str,
        slots: list[Slot],
        ctx: Context,
        hands: Hands,
        journal: Journal,
        is_done: Callable[[str], bool],
    ) -> None:
        self.name = name
        self.slots = slots
        self.complete: list[str] = []
        self.step_name = ""
        self.entered = False
        self.now_ns = 0
        self._ctx = ctx
        self._hands = hands
        self._journal = journal
        self._is_done = is_done
        self._index = 0
        self._step = 0
        self._phase_s = 0.0
        self._executor: Executor | None = None
        self._extra: Executor | None = None
        self._ticket = 0
        self._stood = False

    # --- questions ---------------------------------------------------------------------------

    @property
    def slot(self) -> Slot | None:
        """The phase whose turn it is, None when all are complete."""
        return self.slots[self._index] if self._index < len(self.slots) else None

    @property
    def finished(self) -> bool:
        """Whether every phase is complete."""
        return self._index >= len(self.slots)

    def ready(self, index: int) -> bool:
        """Whether everything the phase at ``index`` comes after is complete."""
        return index < len(self.slots) and all(
            self._is_done(name) for name in self.slots[index].use.after
        )

    def waiting(self) -> Waiting:
        """Where it stands and what it waits for."""
        slot = self.slot
        name = "" if slot is None else slot.name
        return Waiting(self.name, name, self.step_name, self.waiting_for())

    @property
    def item(self) -> Step | None:
        """The step in hand of what it does now, None before there is one."""
        executor = self._extra or self._executor
        return None if executor is None else executor.item

    def waiting_for(self) -> str:
        """What it waits for, in words with live values."""
        slot = self.slot
        if slot is None:
            return "complete"
        hand = self._hands.by_hand(self.name)
        if hand:
            return hand
        if not self.entered:
            missing = [name for name in slot.use.after if not self._is_done(name)]
            return f"after {', '.join(missing)}" if missing else "its start"
        if self._extra is not None:
            return self._extra.text()
        return "its journal entry" if self._executor is None else self._executor.text()

    # --- one scan ----------------------------------------------------------------------------

    def run(self, snapshot: Any, dt: float, state: State) -> None:
        """Advance the present phase."""
        if self._stands_by_hand():
            return
        slot = self.slot
        if slot is None or not (self.entered or self._enter(state)):
            return
        if self._executor is None or not self._executor.by_hand:
            self._phase_s += dt
        if slot.until is not None and slot.until.step(snapshot, dt):
            self._hands.log(f"{self.name}.{slot.name} ends: its condition is met")
            self._finish(slot, state)
            return
        if self._phase_s >= slot.use.timeout_s:
            self._phase_s = 0.0
            self._hands.trouble(
                f"phase {slot.name} not complete in {slot.use.timeout_s:g} s: {self.waiting_for()}"
            )
            return
        self._advance(slot, dt, state)

    def _stands_by_hand(self) -> bool:
        """Stand while a person has the equipment of this name; go on from what is there then."""
        stands = bool(self._hands.by_hand(self.name))
        if self._stood and not stands:
            self.rebase()
        self._stood = stands
        return stands

    def _advance(self, slot: Slot, dt: float, state: State) -> None:
        while True:
            if self._executor is None and not self._open(slot):
                return
            if self._executor is None or not self._executor.advance(dt):
                return
            self._executor = None
            self._step += 1
            dt = 0.0
            if self._step >= len(slot.phase.steps):
                self._finish(slot, state)
                return
            self._write(slot, state)

    def _enter(self, state: State) -> bool:
        if not self.ready(self._index):
            return False
        slot = self.slots[self._index]
        self.entered = True
        self._phase_s = 0.0
        self._hands.log(f"{self.name}.{slot.name} starts")
        self._write(slot, state)
        return True

    def _open(self, slot: Slot) -> bool:
        """Start the named step once its journal entry would survive a power loss."""
        if not self._journal.durable(self._ticket):
            return False
        steps = slot.phase.step(self.step_name, self._ctx)
        self._executor = Executor(steps, self._ctx, self._hands, slot.phase.counters)
        return True

    def _finish(self, slot: Slot, state: State) -> None:
        self.abandon()
        self.complete.append(slot.name)
        self._hands.log(f"{self.name}.{slot.name} complete")
        self._index += 1
        self._step = 0
        self.entered = False
        self.step_name = ""
        following = self.slot
        name = "" if following is None else following.name
        self._ticket = self._journal.write(self._entry(name, {}, state))

    # --- hold, restart, stop -----------------------------------------------------------------

    def begin(self, verb: str) -> None:
        """Start the phase's own ``holding``, ``restarting`` or ``stopping`` steps."""
        slot = self.slot
        if slot is None or not self.entered:
            return
        makers: dict[str, Callable[[Context], Steps]] = {
            "holding": slot.phase.holding,
            "restarting": slot.phase.restarting,
            "stopping": slot.phase.stopping,
        }
        self._extra = Executor(makers[verb](self._ctx), self._ctx, self._hands, {})

    def own_steps(self, dt: float) -> bool:
        """Advance those steps; True when there is nothing (more) to do."""
        if self._extra is None:
            return True
        if not self._extra.advance(dt):
            return False
        self._extra = None
        return True

    def drop_own_steps(self) -> None:
        """Give up those steps: a stronger command came."""
        if self._extra is not None:
            self._extra.close()
            self._extra = None

    def rebase(self) -> None:
        """Go on after a hold from what is there now."""
        self._phase_s = 0.0
        if self._executor is not None:
            self._executor.rebase()

    def abandon(self) -> None:
        """Close the generators; the unit stays where it is."""
        self.drop_own_steps()
        if self._executor is not None:
            self._executor.close()
            self._executor = None

    # --- journal -----------------------------------------------------------------------------

    def record(self, state: State) -> None:
        """Write where the unit stands, with its counters."""
        slot = self.slot
        if slot is not None and self.entered:
            self._ticket = self._journal.write(
                self._entry(slot.name, dict(slot.phase.counters), state)
            )

    def _write(self, slot: Slot, state: State) -> None:
        self.step_name = slot.phase.steps[self._step]
        self.record(state)

    def _entry(self, phase: str, counters: dict[str, float], state: State) -> JournalEntry:
        return JournalEntry(
            self.now_ns, state, self.name, phase, self.step_name, counters, tuple(self.complete)
        )

    def stand_at(
        self, phase: str, step: str, counters: dict[str, float], done: tuple[str, ...] | None = None
    ) -> None:
        """Stand at a named step of a phase, as after a restart; the step starts cold.

        An empty step stands before the phase, an empty phase behind the last one.

        Raises:
            ProcedureError: the unit has no such phase, or the phase no such step.
        """
        names = [slot.name for slot in self.slots]
        if phase == "":
            self._index, self.complete, self.entered = len(self.slots), list(names), False
            return
        if phase not in names:
            raise ProcedureError(f"unit {self.name} has no phase {phase!r}; phases: {names}")
        self._index = names.index(phase)
        slot = self.slots[self._index]
        if step and step not in slot.phase.steps:
            raise ProcedureError(f"phase {phase} has no step {step!r}; steps: {slot.phase.steps}")
        self.abandon()
        self._step = slot.phase.steps.index(step) if step else 0
        self.step_name = step
        self.complete = list(names[: self._index] if done is None else done)
        self.entered = bool(step)
        self._phase_s = 0.0
        kept = {k: v for k, v in counters.items() if k not in slot.phase.volatile}
        slot.phase.counters.clear()
        slot.phase.counters.update(kept)
