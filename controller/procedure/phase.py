"""Base of all phases: typed parameters and an ordered table of named, re-entrant steps.

A phase says *what*; the runner does it. Each named step must be enterable cold, from measured
values only, because a restart after a crash enters it without what came before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from config.models import PhaseUse
from controller.procedure.context import Context
from controller.procedure.states import State
from controller.procedure.steps import Steps


class ProcedureError(Exception):
    """A recipe names a phase, parameter or tag that does not exist; the message lists all."""


class Params(BaseModel):
    """Typed parameters of a phase: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Phase:
    """One phase of the process.

    Attributes:
        use: name in recipe files.
        steps: names of its step methods, in order.
        params: validated parameters.
        counters: what the journal keeps for it; steps of kind ``Accumulate`` write here.
        next_ready: whether the phase that follows in its unit may start (set by the runner).
        pointless: why a phase beside the recipe has nothing left to do, or an empty string.
    """

    use: ClassVar[str]
    steps: ClassVar[tuple[str, ...]]
    Parameters: ClassVar[type[Params]] = Params
    volatile: ClassVar[tuple[str, ...]] = ()
    """Counters that a restart after a crash must not restore (purge)."""
    works_in: ClassVar[tuple[State, ...]] = (State.RUNNING,)
    """States in which a phase begun beside the recipe works."""
    locks: ClassVar[float] = 0.0
    """Code of PROC.CLEAN while this phase goes on; not 0 locks pump, feed and motion (IL23)."""
    limit_s: ClassVar[float] = 86400.0
    """Time-out of a phase begun beside the recipe."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.counters: dict[str, float] = {}
        self.next_ready: Callable[[], bool] = lambda: True
        self.pointless: Callable[[], str] = lambda: ""

    def step(self, name: str, ctx: Context) -> Steps:
        """Start the generator of a named step."""
        if name not in self.steps:
            raise ProcedureError(f"phase {self.use} has no step {name!r}; steps: {self.steps}")
        method: Callable[[Context], Steps] = getattr(self, name)
        return method(ctx)

    def holding(self, ctx: Context) -> Steps:
        """Do what must be done once when the procedure is held; default nothing."""
        _ = ctx
        yield from ()

    def holds_again(self, ctx: Context) -> str:
        """Cause that makes a held procedure run its holding steps anew; default none."""
        _ = ctx
        return ""

    def restarting(self, ctx: Context) -> Steps:
        """Do what must be done before the phase goes on; default nothing."""
        _ = ctx
        yield from ()

    def stopping(self, ctx: Context) -> Steps:
        """Do what must be done for this phase before the controlled stop; default nothing."""
        _ = ctx
        yield from ()

    @classmethod
    def outline(cls) -> list[tuple[str, str]]:
        """Return each step with the first line of its description, for listing a recipe."""
        return [
            (name, (inspect.getdoc(getattr(cls, name)) or "").partition("\n")[0])
            for name in cls.steps
        ]


def build(use: PhaseUse, registry: dict[str, type[Phase]]) -> Phase:
    """Make a phase from its recipe entry.

    Raises:
        ProcedureError: unknown phase or parameter, with what is allowed.
    """
    kind = registry.get(use.use)
    if kind is None:
        raise ProcedureError(f"no phase {use.use!r}; phases: {', '.join(sorted(registry))}")
    try:
        return kind(kind.Parameters.model_validate(use.params))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        allowed = ", ".join(kind.Parameters.model_fields) or "none"
        raise ProcedureError(f"phase {use.use}: {faults} (parameters: {allowed})") from error
