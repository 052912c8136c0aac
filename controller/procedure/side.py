"""An operation a person begins beside the recipe: one phase in a unit of its own."""

from __future__ import annotations

from typing import Any, Final

from config.models import PhaseUse
from controller.procedure.context import Context
from controller.procedure.execution import Hands
from controller.procedure.journal import Journal
from controller.procedure.phase import Phase
from controller.procedure.states import State
from controller.procedure.unit import Slot, UnitRun

OPERATION: Final = "operation"


class Side:
    """The place for one operation at a time.

    Attributes:
        unit: the operation going on, None without one.
    """

    def __init__(self, ctx: Context, hands: Hands, journal: Journal) -> None:
        self.unit: UnitRun | None = None
        self._ctx, self._hands, self._journal = ctx, hands, journal

    @property
    def name(self) -> str:
        """Name of the operation going on, empty without one."""
        slot = self.unit.slot if self.unit is not None else None
        return slot.name if slot is not None else ""

    def begin(self, phase: Phase, use: PhaseUse) -> None:
        """Take a phase; it starts with the next scan."""
        slots = [Slot(phase.use, use, phase)]
        self.unit = UnitRun(
            OPERATION, slots, self._ctx, self._hands, self._journal, lambda _name: True
        )

    def run(self, snapshot: Any, dt: float, state: State, now_ns: int) -> None:
        """Work for one scan, in the states in which the phase works."""
        unit = self.unit
        slot = unit.slot if unit is not None else None
        if unit is None or slot is None or state not in slot.phase.works_in:
            return
        why = slot.phase.pointless()
        if why:
            self._hands.log(f"{slot.name} ends: {why}")
            self.drop()
            return
        unit.now_ns = now_ns
        unit.run(snapshot, dt, state)
        if unit.finished:
            self.unit = None

    def drop(self) -> None:
        """Give the operation up."""
        if self.unit is not None:
            self.unit.abandon()
            self.unit = None
