"""The way back after a web break: the hot oven stays, the line is threaded and cast anew.

Nothing is done twice that the recipe does not know already: the units go back to the phases
that thread, cast, speed up, coat and tune, and those are re-entrant. The oven goes back to its
ramp, because the break sequence has lowered T4-T8, and soaks as before any threading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from controller.procedure.steps import Ask
from controller.procedure.unit import UnitRun

RETHREAD: Final = "rethread"
RETHREAD_ASK: Final = Ask(
    RETHREAD,
    "Is the line clear of the broken film, and the leader ready to be threaded through the hot "
    "oven?",
    choices=("thread", "stop"),
)
_FROM: Final = (
    *("ramp_oven", "soak_oven", "start_belt", "thread_leader", "recirculate_dope", "cast"),
    *("peel", "pin", "ramp_speed", "start_coating", "tune_profile", "collect"),
)
_TOO_LATE: Final = ("stop_coating", "stop_casting", "run_out")


def rewind(units: Sequence[UnitRun]) -> list[str]:
    """Stand every unit before its first phase that has to be done again; returns those phases."""
    stood = []
    for unit in units:
        names = [slot.name for slot in unit.slots if slot.use.use in _FROM]
        if names and names[0] in (*unit.complete, _present(unit)):
            unit.stand_at(names[0], "", {})
            stood.append(f"{unit.name}.{names[0]}")
    return stood


def too_late(units: Sequence[UnitRun]) -> str:
    """Phase of the recipe's end that has begun already; empty before it."""
    for unit in units:
        for slot in unit.slots:
            if slot.use.use in _TOO_LATE and slot.name in (*unit.complete, _present(unit)):
                return slot.name
    return ""


def _present(unit: UnitRun) -> str:
    return unit.slot.name if unit.entered and unit.slot is not None else ""
