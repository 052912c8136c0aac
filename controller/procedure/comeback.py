"""How a procedure comes back after the controller was restarted: HELD, and then by a person.

Nothing is restored that acts by itself. A restart command first runs the phase that regains
what the crash let go of, then every unit enters its named step from measured values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from config.models import Line
from controller.procedure.assembly import Assembly
from controller.procedure.context import Context
from controller.procedure.hands import RunnerHands
from controller.procedure.journal import JournalEntry
from controller.procedure.outputs import Doors
from controller.procedure.phase import ProcedureError
from controller.procedure.phases.regaining import REGAIN_UNITS
from controller.procedure.side import OPERATION
from controller.procedure.states import State
from controller.procedure.unit import UnitRun


def _free() -> str:
    return ""


def _stay(_following: State) -> None:
    return None


class ComesBack(RunnerHands):
    """The part of a runner that comes back after a restart of the controller."""

    units: list[UnitRun]
    _stops: list[UnitRun]
    _assembly: Assembly
    _go: Callable[[State, str, str], None]
    _run_all: Callable[[Sequence[UnitRun], Any, float], bool]
    _own_steps: Callable[[Any, float], bool]

    def __init__(self, line: Line, doors: Doors, ctx: Context) -> None:
        super().__init__(line, doors, ctx)
        self.barred: Callable[[], str] = _free
        self.leaving: Callable[[State], None] = _stay
        self._regain: list[UnitRun] = []

    @property
    def regains(self) -> bool:
        """Whether what a restart of the controller let go of is still to be regained."""
        return bool(self._ctx.before)

    def resume(
        self,
        entries: Mapping[str, JournalEntry],
        reason: str = "restart of the controller",
        state: State = State.HELD,
    ) -> None:
        """Come back HELD where the journal says; a person decides what then.

        Args:
            entries: newest entry of each unit.
            reason: why it stands there.
            state: HELD, or the final state in which the run had ended.

        Raises:
            ProcedureError: the entries do not fit this recipe.
        """
        if self.state is not State.IDLE:
            raise ProcedureError(f"resume is only possible in IDLE, not {self.state.name}")
        units = {unit.name: unit for unit in self.units}
        anew = {OPERATION, *(unit.name for unit in self._stops), *_NAMES}  # a person begins these
        for name, entry in entries.items():
            if name in anew:
                continue
            if name not in units:
                raise ProcedureError(f"the journal knows unit {name!r}, the recipe does not")
            units[name].stand_at(entry.phase, entry.step, entry.counters, entry.done)
            self._assembly.journal.write(entry)  # units that are complete write nothing anew
        self._go(state, reason, "")

    def resume_at(
        self, unit: str, phase: str, step: str, counters: Mapping[str, float] | None = None
    ) -> None:
        """Stand one unit at a named step, cold; the other units stay where they are."""
        for candidate in self.units:
            if candidate.name == unit:
                candidate.stand_at(phase, step, dict(counters or {}))
                return
        raise ProcedureError(f"the recipe has no unit {unit!r}")

    def regain(self, before: Mapping[str, float], on: Sequence[str]) -> None:
        """Before going on, get back what a restart of the controller let go of.

        Args:
            before: requests in force before it.
            on: loops and ratio slaves that were on.
        """
        self._ctx.before, self._ctx.on_before = dict(before), tuple(on)

    def _begin_regaining(self, following: State) -> None:
        """A restart regains; a stop has no use for what was before."""
        for unit in self._regain:
            unit.abandon()
        self._regain = []
        if following is State.STOPPING:
            self._ctx.before = {}
        if following is State.RESTARTING and self._ctx.before:
            self._regain = self._assembly.units(REGAIN_UNITS)

    def _restarting(self, snapshot: Any, dt: float) -> bool:
        if self._regain:
            if not self._run_all(self._regain, snapshot, dt):
                return False
            self._ctx.before, self._regain = {}, []
        return self._own_steps(snapshot, dt)


_NAMES = tuple(unit.name for unit in REGAIN_UNITS)
