"""Half-stops and returns: what a person may do to a running line beside its recipe.

Each operation says what it is, what it will cost and every reason against it, before anything
moves; taken, it runs as a phase of its own beside the recipe, is journaled, and waits where a
person's hands are needed. Nothing here writes an output: phases do, through the gate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.models import Level
from controller.events import Actor
from controller.procedure.phase import Phase
from controller.procedure.phases.collecting import FLYING, TAPE, TURRET, Collect
from controller.procedure.phases.common import HEADS
from controller.procedure.phases.operating import (
    AT_REST,
    CleanCoater,
    CleanDie,
    PauseCoating,
    ResumeCoating,
)
from controller.procedure.returning import RETHREAD, too_late
from controller.procedure.states import State
from controller.recipe_change import RecipeChange

if TYPE_CHECKING:
    from config.loader import Materials
    from controller.app import Kernel

__all__ = ["Operations"]

Args = Mapping[str, object]
_BREAK = "WB-"
_COAT_FEED = "FIC-301"
_HOW = {"flying": FLYING, "tape": TAPE}
_CLEANS: dict[str, type[Phase]] = {"die": CleanDie, "coater": CleanCoater}
_STOPPING = {Level.HOLD, Level.CONTROLLED_STOP, Level.OUTPUTS_SAFE}


@dataclass(frozen=True)
class Call:
    """One operation asked for: its arguments, why, by whom and when."""

    args: Args
    reason: str
    actor: Actor
    now_ns: int


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        help: one line for people, with its arguments.
        allowed: names of arguments.
        against: every reason against it now.
        cost: what it will cost now.
        run: does it; returns reasons that only doing it can find.
    """

    help: str
    allowed: tuple[str, ...]
    against: Callable[[Args], list[str]]
    cost: Callable[[Args], str]
    run: Callable[[Call], list[str]]


class Operations:
    """The operations of one kernel, by name."""

    def __init__(self, kernel: Kernel, materials: Materials) -> None:
        self._kernel = kernel
        self._recipe = RecipeChange(kernel, materials)
        self._known = {
            "pause_coating": Operation(
                "heads off the web, feed off, rinse; casting goes on uncoated",
                (), self._against_pause, self._pause_cost,
                lambda call: self._side(PauseCoating, call),
            ),
            "resume_coating": Operation(
                "coating again once the gel is in band",
                (), self._against_resume, self._resume_cost,
                lambda call: self._side(ResumeCoating, call),
            ),
            "change_roll": Operation(
                "close the roll and begin the next: at_m=METER (now when left out), "
                "how=flying|tape",
                ("at_m", "how"), self._against_change, self._change_cost, self._change,
            ),
            "rethread": Operation(
                "after a web break: thread the leader through the hot oven and cast again",
                (), self._against_rethread, self._rethread_cost, self._rethread,
            ),
            "change_recipe": Operation(
                "another recipe of the same chemistry without cool-down: file=FILE",
                ("file",), self._against_recipe, self._recipe.cost, self._change_recipe,
            ),
            "clean": Operation(
                "end of day, line at rest: clean what=die|coater with pump and motion locked",
                ("what",), self._against_clean, self._clean_cost,
                lambda call: self._side(_CLEANS[str(call.args["what"])], call),
            ),
        }  # fmt: skip

    def names(self) -> dict[str, str]:
        """Every operation with one line of help."""
        return {name: operation.help for name, operation in self._known.items()}

    def cost(self, name: str, args: Args) -> str:
        """What an operation would cost now, or why it is not possible."""
        against = self._against(name, args)
        return f"not possible: {'; '.join(against)}" if against else self._known[name].cost(args)

    def against(self, name: str, args: Args) -> list[str]:
        """Every reason against an operation now; asks for nothing."""
        return self._against(name, args)

    def do(self, name: str, args: Args, reason: str, actor: Actor, now_ns: int) -> list[str]:
        """Begin an operation; returns every reason against it, empty when it is taken."""
        against = self._against(name, args)
        if not reason.strip():
            against.append("a reason is needed")
        return against or self._known[name].run(Call(args, reason, actor, now_ns))

    def _against(self, name: str, args: Args) -> list[str]:
        operation = self._known.get(name)
        if operation is None:
            return [f"no operation {name!r}: {', '.join(self._known)}"]
        unknown = [key for key in args if key not in operation.allowed]
        if unknown:
            allowed = ", ".join(operation.allowed) or "none"
            return [f"{name} has no argument {', '.join(unknown)} (arguments: {allowed})"]
        return operation.against(args)

    def _side(self, kind: type[Phase], call: Call) -> list[str]:
        phase = kind(kind.Parameters())
        phase.pointless = self._coating_over if kind in (PauseCoating, ResumeCoating) else _never
        why = self._kernel.runner.begin_operation(phase, call.reason, call.actor)
        return [why] if why else []

    # --- coating -----------------------------------------------------------------------------

    def _heads(self) -> list[bool]:
        """Whether each head is asked to be at the web."""
        table = self._kernel.table
        tags = [f"XV-301{HEADS[coated.side]}.CMD" for coated in self._kernel.recipe.coated]
        return [float(table.request[table.index(tag)]) > 0.5 for tag in tags]

    def _coating_over(self) -> str:
        ended = self._begun("stop_coating")
        return "the recipe has ended coating" if ended else ""

    def _against_pause(self, _args: Args) -> list[str]:
        against = self._against_side(State.RUNNING)
        if not self._complete("start_coating") or self._begun("stop_coating"):
            against.append("the recipe is not coating now")
        elif not all(self._heads()):
            against.append("coating is paused already")
        return against

    def _against_resume(self, _args: Args) -> list[str]:
        against = self._against_side(State.RUNNING)
        if not self._complete("start_coating") or self._begun("stop_coating"):
            against.append("the recipe is not coating now")
        elif any(self._heads()):
            against.append("coating is not paused")
        return against

    def _pause_cost(self, _args: Args) -> str:
        speed = self._speed()
        minutes = self._between("COAT_A", "WIND") / speed
        return (
            f"every meter from now until resume_coating is uncoated and not good: {speed:.1f} m "
            f"a minute, at least 10 m with rinsing; they reach the winder in {minutes:.0f} min"
        )

    def _resume_cost(self, _args: Args) -> str:
        speed = self._speed()
        return (
            f"about 2 min until the heads are at the web ({2.0 * speed:.0f} m more uncoated), 15 s "
            f"until the bead is full; good film at the winder in "
            f"{self._between('COAT_A', 'WIND') / speed + 2.0:.0f} min"
        )

    # --- rolls -------------------------------------------------------------------------------

    def _collect(self) -> Collect | None:
        """The phase that winds now."""
        for unit in self._kernel.runner.units:
            slot = unit.slot
            if slot is not None and unit.entered and isinstance(slot.phase, Collect):
                return slot.phase
        return None

    def _against_change(self, args: Args) -> list[str]:
        against = [] if self._kernel.runner.state is State.RUNNING else [self._not_in("RUNNING")]
        how = str(args.get("how", "flying"))
        if how not in _HOW:
            against.append(f"how={how}: one of {', '.join(_HOW)}")
        elif how == "flying" and TURRET not in self._kernel.table.names:
            against.append(f"this line has no turret ({TURRET}): how=tape")
        at_m = _number(args.get("at_m"))
        roll_m = self._kernel.film.roll_m
        if self._collect() is None or self._kernel.rolls.roll is None:
            against.append("no roll is being wound")
        elif "at_m" in args and at_m is None:
            against.append(f"at_m={args['at_m']}: not a number of meters")
        elif at_m is not None and at_m < roll_m:
            against.append(f"the roll is at {roll_m:.1f} m already, beyond {at_m:g} m")
        return against

    def _change_cost(self, args: Args) -> str:
        at_m = _number(args.get("at_m"))
        roll = self._kernel.rolls.roll
        name = roll.name if roll is not None else "the roll"
        when = "as soon as the core is there" if at_m is None else f"at {at_m:g} m"
        if str(args.get("how", "flying")) == "flying":
            return f"{name} ends {when}; flying on the turret: no meter is lost"
        settings = self._kernel.recipe.settings
        gap = settings.run_speed_m_min - settings.thread_speed_m_min
        minutes = 2.0 * gap / settings.speed_ramp_m_min_per_min + 2.0
        return (
            f"{name} ends {when}; by tape the line slows to {settings.thread_speed_m_min:g} m/min "
            f"and comes back: about {minutes:.0f} min; film cast meanwhile is judged as measured"
        )

    def _change(self, call: Call) -> list[str]:
        phase = self._collect()
        if phase is None:
            return ["no roll is being wound"]
        at_m = _number(call.args.get("at_m"))
        how = str(call.args.get("how", "flying"))
        phase.counters["change_at_m"] = self._kernel.film.roll_m if at_m is None else at_m
        phase.counters["change_how"] = _HOW[how]
        where = "now" if at_m is None else f"at {at_m:g} m"
        self._kernel.runner.tell("change_roll", f"{where}, {how}", call.reason, call.actor)
        return []

    # --- another recipe ----------------------------------------------------------------------

    def _against_recipe(self, args: Args) -> list[str]:
        against = self._against_side(State.RUNNING)
        if not self._complete("start_coating") or self._begun("stop_coating"):
            against.append("possible between the start and the end of coating only")
        elif not all(self._heads()):
            against.append("coating is paused: resume_coating first")
        return [*against, *self._recipe.against(args)]

    def _change_recipe(self, call: Call) -> list[str]:
        phase = self._recipe.phase(call.args, self._collect())
        if phase is None:
            return self._recipe.against(call.args)
        why = self._kernel.runner.begin_operation(phase, call.reason, call.actor)
        return [why] if why else []

    # --- return after a break ----------------------------------------------------------------

    def _against_rethread(self, _args: Args) -> list[str]:
        runner, interlocks = self._kernel.runner, self._kernel.interlocks
        against = []
        if runner.state not in (State.HOLDING, State.HELD):
            against.append(self._not_in("HOLDING or HELD"))
        latched = interlocks.latched()
        back = self._kernel.comeback
        anew = back is not None and back.anew
        broken = any(name.startswith(_BREAK) for name in latched) or "eb break" in runner.reason
        if anew and self._kernel.film.on_line_m() > 0.0:
            left_m = self._kernel.film.on_line_m()
            against.append(f"the film must run out first: {left_m:.1f} m are on the line")
        if not broken and not anew:
            against.append("no web break stands: nothing to thread anew")
        for name in latched:
            level, text = interlocks.demand(name)
            if not name.startswith(_BREAK) and level in _STOPPING:
                against.append(f"reset {text} first")
        late = too_late(runner.units)
        if late:
            against.append(f"{late} has begun: the recipe winds no more film")
        return against

    def _rethread_cost(self, _args: Args) -> str:
        settings = self._kernel.recipe.settings
        length = max(station.at_m for station in self._kernel.line.station)
        out = max(0.0, self._kernel.film.label_at_die() - (self._kernel.film.label("T8") or 0.0))
        out_min = 0.0 if math.isnan(out) else 1.2 * out / settings.thread_speed_m_min
        cast_min = length / settings.thread_speed_m_min
        return (
            f"the film in the line is lost ({length:.0f} m); about {out_min:.0f} min until it has "
            f"run out, 40 min for oven and soak, {cast_min:.0f} min to cast through at the thread "
            "speed, then speed, coating and profile; instead of a whole stop and a cold start"
        )

    def _rethread(self, call: Call) -> list[str]:
        kernel = self._kernel
        for name in kernel.interlocks.latched():
            if name.startswith(_BREAK):
                decision = kernel.interlocks.reset(name, call.actor, call.reason, call.now_ns)
                if not decision.accepted:
                    return [str(reason) for reason in decision.reasons]
        for tag in kernel.gate.shed_outputs():
            if tag.startswith(_COAT_FEED):  # shed because the break took their power
                kernel.rearm(tag, call.actor, call.reason, call.now_ns)
        if kernel.comeback is not None and kernel.comeback.anew:
            kernel.comeback.rethreads = True
            kernel.rolls.end_of_film(call.now_ns)
        kernel.runner.wish(RETHREAD, call.reason, call.actor)
        return []

    # --- cleaning ----------------------------------------------------------------------------

    def _against_clean(self, args: Args) -> list[str]:
        what = str(args.get("what", ""))
        against = [] if what in _CLEANS else [f"what={what}: one of {', '.join(_CLEANS)}"]
        against += self._against_side(*AT_REST)
        table = self._kernel.table
        for drive in ("SIC-110", "SIC-210", "SIC-211", "SIC-310", "SIC-510", "SIC-701"):
            if float(table.request[table.index(f"{drive}.RUN")]) > 0.5:
                against.append(f"{drive} is asked to run: stop it first")
        return against

    def _clean_cost(self, args: Args) -> str:
        what = args.get("what")
        return (
            f"no film; pump, feed and motion are locked until a person confirms that the {what} is "
            "clean, and start is refused as long"
        )

    # --- what all of them ask ----------------------------------------------------------------

    def _against_side(self, *states: State) -> list[str]:
        runner = self._kernel.runner
        against = []
        if runner.state not in states:
            against.append(self._not_in(" or ".join(state.name for state in states)))
        if runner.side.name:
            against.append(f"{runner.side.name} is going on")
        return against

    def _not_in(self, states: str) -> str:
        return f"possible in {states} only; the state is {self._kernel.runner.state.name}"

    def _begun(self, use: str) -> bool:
        return any(
            slot.use.use == use
            and (slot.name in unit.complete or (unit.slot is slot and unit.entered))
            for unit in self._kernel.runner.units
            for slot in unit.slots
        )

    def _complete(self, use: str) -> bool:
        return any(
            slot.use.use == use and slot.name in unit.complete
            for unit in self._kernel.runner.units
            for slot in unit.slots
        )

    def _speed(self) -> float:
        return self._kernel.recipe.settings.run_speed_m_min

    def _between(self, first: str, last: str) -> float:
        at = {station.name: station.at_m for station in self._kernel.line.station}
        return at[last] - at[first]


def _number(value: object) -> float | None:
    """Meters of an argument; None when it is none."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _never() -> str:
    return ""
