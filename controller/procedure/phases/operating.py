"""Operations a person begins beside the recipe: coater pause and resume, cleaning.

They are phases like any other, but no recipe names them; :mod:`controller.operations` checks
first whether they are possible now and lets them run.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from controller.procedure.context import Context
from controller.procedure.phase import Phase
from controller.procedure.phases.common import HEADS, PUMP
from controller.procedure.phases.running import StartCoating
from controller.procedure.states import State
from controller.procedure.steps import Ask, Log, Put, Steps, Switch, Until

AT_REST = (State.IDLE, State.COMPLETE, State.STOPPED)
"""States in which nothing of the procedure moves anything."""
_NEVER_S = 86400.0


class PauseCoating(Phase):
    """Heads off the web and rinsed while casting goes on; the film from here on is uncoated."""

    use: ClassVar[str] = "pause_coating"
    steps: ClassVar[tuple[str, ...]] = ("retract", "feed_off", "rinse")

    def retract(self, ctx: Context) -> Steps:
        """Heads off the web; the film that passes them now is marked uncoated."""
        yield Switch("coat_weight", on=False)
        heads = []
        for coated in ctx.recipe.coated:
            head = f"XV-301{HEADS[coated.side]}.CMD"
            heads.append(head)
            yield Put(head, 0.0, "coater pause")
            yield Switch(f"mark.uncoated_{coated.side}", on=True)
        yield Until(lambda c: all(c.off(head) for head in heads), "heads retracted", 30.0)

    def feed_off(self, ctx: Context) -> Steps:
        """Feed stopped, then without power, so that nobody rinses a pump that may start."""
        tags = [f"FIC-301{HEADS[coated.side]}" for coated in ctx.recipe.coated]
        for coated, tag in zip(ctx.recipe.coated, tags, strict=True):
            yield Switch(f"ratio.coat_{coated.side}", on=False)
            yield Put(f"{tag}.RUN", 0.0, "coater pause")
            yield Put(f"{tag}.SP", 0.0, "coater pause")
        yield Until(
            lambda c: all(not c.value(f"{tag}.PV") > 0.05 for tag in tags),
            "feed flows at rest",
            60.0,
        )
        yield Put("XC-301.CMD", 0.0, "coater pause")

    def rinse(self, ctx: Context) -> Steps:
        """A person rinses the heads."""
        _ = ctx
        yield Ask(
            "rinse_coater",
            "Coater heads are off the web and the feed is without power: rinse them with solvent.",
            timeout_s=_NEVER_S,
        )
        yield Log("coater rinsed; resume_coating puts the heads back to the web")


class ResumeCoating(StartCoating):
    """Coating again: as at its start, with the gel in band for a shorter time."""

    use: ClassVar[str] = "resume_coating"
    steps: ClassVar[tuple[str, ...]] = ("gel_in_band", "feed", "engage", "coated")

    class Parameters(StartCoating.Parameters):
        """The gel was in band before the pause; a minute shows that it still is."""

        for_s: float = Field(default=60.0, ge=0.0)

    params: Parameters

    def coated(self, ctx: Context) -> Steps:
        """The marks end; the layer loop waits for film coated from now on."""
        for coated in ctx.recipe.coated:
            yield Switch(f"mark.uncoated_{coated.side}", on=False)
        yield Switch("coat_weight", on=True)
        yield Log("coating goes on")


class CleanDie(Phase):
    """End of day: the die lip is cleaned by hand; pump and motion are locked (Z23)."""

    use: ClassVar[str] = "clean_die"
    steps: ClassVar[tuple[str, ...]] = ("lock", "begin", "end")
    works_in: ClassVar[tuple[State, ...]] = AT_REST
    locks: ClassVar[float] = 1.0
    place: ClassVar[str] = "die lip"

    def lock(self, ctx: Context) -> Steps:
        """The lock acts and everything it locks is measured at rest."""
        drives = (PUMP, "SIC-210", "SIC-211", "SIC-310", "SIC-510", "SIC-701")
        yield Log(f"pump, feed and motion locked for cleaning of the {self.place}")
        yield Until(
            lambda c: (
                c.value("PROC.CLEAN") == self.locks
                and all(abs(c.value(f"{drive}.ACT")) < 0.1 for drive in drives)
            ),
            lambda c: "at rest: " + ", ".join(f"{d} {c.text(f'{d}.ACT', 2)}" for d in drives),
            _NEVER_S,
            for_s=2.0,
        )
        _ = ctx

    def begin(self, ctx: Context) -> Steps:
        """A person says that the work begins."""
        _ = ctx
        yield Ask(
            f"{self.use}_begin",
            f"Pump, feed and motion are locked and at rest. Do you begin to clean the "
            f"{self.place}?",
            choices=("begins",),
            timeout_s=_NEVER_S,
        )

    def end(self, ctx: Context) -> Steps:
        """The person says that hands and tools are away; the lock goes with the phase."""
        _ = ctx
        yield Ask(
            f"{self.use}_end",
            f"Is the {self.place} clean, and are hands and tools away from it?",
            choices=("ended",),
            timeout_s=_NEVER_S,
        )
        yield Log(f"{self.place} clean; pump, feed and motion are released")


class CleanCoater(CleanDie):
    """End of day: the coater heads are cleaned by hand; feed and motion are locked (Z23)."""

    use: ClassVar[str] = "clean_coater"
    locks: ClassVar[float] = 2.0
    place: ClassVar[str] = "coater heads"


OPERATING: dict[str, type[Phase]] = {
    phase.use: phase for phase in (PauseCoating, ResumeCoating, CleanDie, CleanCoater)
}
