"""Builds the units of a procedure from a recipe; every fault is told at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.models import PhaseUse, UnitProcedure
from controller.procedure.context import CompileCondition, Context
from controller.procedure.execution import Hands
from controller.procedure.journal import Journal
from controller.procedure.phase import Phase, ProcedureError, build
from controller.procedure.unit import Slot, UnitRun


@dataclass(frozen=True)
class Assembly:
    """What every unit of a runner shares.

    Attributes:
        registry: phases by their ``use`` name.
        compile_condition: binds the ``until`` conditions of the recipe.
    """

    ctx: Context
    hands: Hands
    journal: Journal
    registry: dict[str, type[Phase]]
    compile_condition: CompileCondition
    is_done: Callable[[str], bool]

    def units(self, procedures: Sequence[UnitProcedure]) -> list[UnitRun]:
        """Make the units.

        Raises:
            ProcedureError: unknown phases, parameters or ``after`` names, all in one message.
        """
        faults: list[str] = []
        units = [self._unit(unit.name, unit.phase, faults) for unit in procedures]
        known = {f"{unit.name}.{slot.name}" for unit in units for slot in unit.slots}
        for unit in units:
            for slot in unit.slots:
                faults += [
                    f"{unit.name}.{slot.name}: after unknown phase {name!r}"
                    for name in slot.use.after
                    if name not in known
                ]
        if faults:
            raise ProcedureError("; ".join(faults))
        return units

    def _unit(self, name: str, uses: Sequence[PhaseUse], faults: list[str]) -> UnitRun:
        slots: list[Slot] = []
        unit = UnitRun(name, slots, self.ctx, self.hands, self.journal, self.is_done)
        for number, use in enumerate(uses):
            try:
                phase = build(use, self.registry)
            except ProcedureError as error:
                faults.append(f"unit {name}: {error}")
                continue
            phase.next_ready = _ready(unit, number + 1)
            until = self.compile_condition(use.until) if use.until is not None else None
            slots.append(Slot(use.name or use.use, use, phase, until))
        return unit


def _ready(unit: UnitRun, index: int) -> Callable[[], bool]:
    return lambda: unit.ready(index)
