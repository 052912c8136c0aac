"""Begin a dry run on a line that already runs: the controller takes over what it finds.

As a person would before pressing start on a running line: every output is requested as it
stands, so that nothing moves; the loops are put on; the procedure stands where such a line
stands. Only a simulation may be told that its ovens are purged and its line is full of good
film: on a plant a restart knows neither (safety specification 2.14).
"""

from __future__ import annotations

from config.models import Recipe, Side
from controller.app import Kernel
from controller.procedure.journal import JournalEntry
from controller.procedure.states import State
from controller.refusals import Source
from drivers.base import is_good

CAST_BEFORE_M = 100.0  # label under the die when the controller takes over
PURGED = 10.0
_STANDING = {
    "oven": ("hold_oven", "hold"),
    "collecting": ("tune_profile", "loops"),
    "shutdown": ("stop_coating", ""),
}


def know_purged(kernel: Kernel, now_ns: int) -> None:
    """Tell the controller before its first scan that the ovens are purged."""
    kernel.loops.exhaust.take_purged(PURGED, now_ns)


def take_over(kernel: Kernel, recipe: Recipe, now_ns: int) -> list[str]:
    """Adopt outputs, loops, film and procedure; returns what was refused.

    The runner is HELD afterwards; a restart command lets it go on.
    """
    kernel.film.take_full(CAST_BEFORE_M)
    refused = _adopt_outputs(kernel, now_ns)
    for name in _switches(recipe):
        kernel.loops.switch(name, True, now_ns)
    kernel.runner.resume(_entries(recipe, now_ns))
    return refused


def _adopt_outputs(kernel: Kernel, now_ns: int) -> list[str]:
    """Request every writable tag as its device shows it."""
    refused = []
    for instrument in kernel.line.instrument:
        for tag in instrument.tags:
            if tag.write is None or tag.write.one_shot:
                continue
            value, quality = kernel.table.read(kernel.table.index(tag.name), now_ns)
            if not is_good(quality):
                continue
            decision = kernel.gate.request(
                tag.name, value, Source.RECIPE, "taken over as found", now_ns
            )
            refused += [str(reason) for reason in decision.reasons]
    return refused


def _switches(recipe: Recipe) -> list[str]:
    sides = [f"ratio.coat_{coat.side.value}" for coat in recipe.coated if coat.side in Side]
    ratios = [f"ratio.{name}" for name in ("nip", "coater", "rails", "winder", "pump")]
    return ["exhaust", "tension", *ratios, *sides, "loh", "md", "cd", "slowing"]


def _entries(recipe: Recipe, now_ns: int) -> dict[str, JournalEntry]:
    """Every unit behind its last phase, but for those that still have work."""
    entries = {}
    for unit in recipe.unit:
        phase, step = _STANDING.get(unit.name, ("", ""))
        names = [use.name or use.use for use in unit.phase]
        done = tuple(names[: names.index(phase)]) if phase in names else tuple(names)
        entries[unit.name] = JournalEntry(now_ns, State.RUNNING, unit.name, phase, step, {}, done)
    return entries
