"""Every phase by the name recipes use for it; instruments of the procedure in one table."""

from __future__ import annotations

from controller.procedure.phase import Phase
from controller.procedure.phases.casting import Cast, Peel, Pin, StopCasting
from controller.procedure.phases.collecting import Collect
from controller.procedure.phases.oven import CoolDown, CoolOven, HoldOven, RampOven, SoakOven
from controller.procedure.phases.regaining import Regain
from controller.procedure.phases.running import (
    RampSpeed,
    RunOut,
    StartCoating,
    StopCoating,
    TuneProfile,
)
from controller.procedure.phases.starting import RecirculateDope, StartBelt, ThreadLeader
from controller.procedure.phases.stopping import CutSolvent, StopHeat, StopRest, StopRunOut
from controller.procedure.phases.utilities import (
    ExhaustOff,
    ProveExhaust,
    ProveUtilities,
    Purge,
    ZeroAnalyzers,
)

_ALL: tuple[type[Phase], ...] = (
    ProveUtilities,
    ProveExhaust,
    Purge,
    ZeroAnalyzers,
    RampOven,
    SoakOven,
    HoldOven,
    StartBelt,
    ThreadLeader,
    RecirculateDope,
    Cast,
    Peel,
    Pin,
    RampSpeed,
    StartCoating,
    TuneProfile,
    Collect,
    StopCoating,
    StopCasting,
    RunOut,
    CoolOven,
    CoolDown,
    ExhaustOff,
    CutSolvent,
    StopRunOut,
    StopRest,
    StopHeat,
    Regain,
)

PHASES: dict[str, type[Phase]] = {phase.use: phase for phase in _ALL}
