"""Runs a recipe's units side by side through the ISA-88 states.

Per scan: the acting state works. RUNNING advances every unit; HOLDING, RESTARTING and
STOPPING first run the phases' own steps of that name; STOPPING then runs the controlled stop
(safety 1.2); ABORTING writes every output's safe value through the gate. A step that is late
or refused holds the run with its reason; in the controlled stop it escalates to abort.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from config.models import Level, Line, PhaseUse, Recipe, Role, UnitProcedure
from controller.events import Actor, Event
from controller.procedure.assembly import Assembly
from controller.procedure.comeback import ComesBack
from controller.procedure.context import (
    CompileCondition,
    Context,
    SnapshotLike,
    TableLike,
)
from controller.procedure.execution import PendingAsk
from controller.procedure.journal import Journal
from controller.procedure.outputs import Doors, safe_values
from controller.procedure.phase import Phase
from controller.procedure.returning import RETHREAD, RETHREAD_ASK, rewind
from controller.procedure.side import Side
from controller.procedure.states import AUTOMATIC, FINAL, Command, State, after
from controller.procedure.steps import Ask
from controller.procedure.unit import UnitRun, Waiting
from drivers.base import Block, Quality

__all__ = ["HOLD_OFFER_S", "Doors", "Runner"]

HOLD_OFFER_S = 900.0  # after this long in HELD the run-out is offered
_ABORT_S = 2.0  # safe values are written for this long before ABORTED
_PUBLISH_S = 1.0
_TAGS = ("PROC.STATE", "PROC.SOAK", "PROC.CLEAN")
_JOURNAL_S = 10.0
_SYSTEM = Actor("procedure", Role.OPERATOR)
_PROTECTION = Actor("interlock", Role.OPERATOR)
_DEMANDS = {
    Level.HOLD: Command.HOLD,
    Level.CONTROLLED_STOP: Command.STOP,
    Level.OUTPUTS_SAFE: Command.ABORT,
}


class Runner(ComesBack):
    """The procedure of one batch.

    Args:
        registry: phases by their ``use`` name.
        compile_condition: binds the ``until`` conditions of the recipe.
        stop_units: phases of the controlled stop.

    Attributes:
        barred: says why a held run may not go on; empty when it may.
        leaving: hears of the state that follows HELD, before anything of it moves.

    Raises:
        ProcedureError: the recipe names phases or parameters that do not exist.
    """

    def __init__(
        self,
        line: Line,
        recipe: Recipe,
        table: TableLike,
        doors: Doors,
        journal: Journal,
        registry: dict[str, type[Phase]],
        compile_condition: CompileCondition,
        stop_units: Sequence[UnitProcedure] = (),
    ) -> None:
        super().__init__(line, doors, Context(line, recipe, table, self.done))
        self.line = line
        self.recipe = recipe
        self.reason = ""
        self._table = table
        self._journal = journal
        self._stop_uses = tuple(stop_units)
        self._assembly = Assembly(self._ctx, self, journal, registry, compile_condition, self.done)
        self._safe = safe_values(line)
        self.arming: Callable[[], Sequence[str]] = tuple  # every reason against a start
        self._state_s = 0.0
        self._since_publish = math.inf
        self._since_journal = 0.0
        self._sub_done = False
        self._offered = False
        self.side = Side(self._ctx, self, journal)
        self._writer = table.attach(Block("procedure", _TAGS, _PUBLISH_S))
        self._soak = 0.0
        self._stops: list[UnitRun] = []
        self.units: list[UnitRun] = self._assembly.units(recipe.unit)
        self._stops = self._assembly.units(self._stop_uses)
        self._acting: dict[State, Callable[[Any, float], bool]] = {
            State.RUNNING: self._run,
            State.HOLDING: self._own_steps,
            State.RESTARTING: self._restarting,
            State.STOPPING: self._stopping,
            State.ABORTING: self._aborting,
        }

    # --- commands ----------------------------------------------------------------------------

    def command(self, command: Command, reason: str, actor: Actor = _SYSTEM) -> str:
        """Give a command; returns why it is refused, empty when it is taken.

        Interlocks hold, stop or abort through this too; there is no second way.
        """
        following = after(self.state, command)
        against = self.against(command)
        if following is None or against:
            return "; ".join(against)
        self._go(following, f"{command}: {reason}", actor.name)
        return ""

    def against(self, command: Command) -> list[str]:
        """Every reason against a command now; empty when it may be given."""
        if after(self.state, command) is None:
            return [f"{command} is not possible in state {self.state.name}"]
        reasons: list[str] = []
        if command in (Command.START, Command.RESET) and self.side.name:
            reasons.append(f"{self.side.name} is going on")
        if command is Command.START:
            reasons += self.arming()
        if command is Command.RESTART:
            reasons += filter(None, [self.barred()])
        return reasons

    def demand(self, level: Level, cause: str, now_ns: int) -> None:
        """Hear what protection demands: hold, stop or abort; a state beyond it stays.

        What grew out of a hold names the cause of the hold first.
        """
        self._now_ns = now_ns
        command = _DEMANDS.get(level)
        if command is not None and after(self.state, command) is not None:
            if self.state in (State.HOLDING, State.HELD):
                cause = f"{self._held_by()}; then {cause}"
            self.command(command, cause, _PROTECTION)

    def answer(self, ask_id: int, value: str, actor: Actor) -> str:
        """Answer a question; returns why it is refused, empty when it is taken."""
        pending = self._questions.answer(ask_id, value, actor)
        if isinstance(pending, str):
            return pending
        ask = pending.ask
        self._event("answer", ask.key, None, value, ask.question, actor.name)
        if pending.unit:
            return ""
        self._state_s, self._offered = 0.0, False
        if ask.key == RETHREAD:
            return self._answered_rethread(value, ask.choices[0], actor)
        if value != ask.choices[0]:
            return ""
        return self.command(Command.STOP, "run-out chosen after a hold", actor)

    # --- questions ---------------------------------------------------------------------------

    def done(self, name: str) -> bool:
        """Whether ``unit.phase`` is complete."""
        unit, _, phase = name.partition(".")
        everywhere = (*self.units, *self._stops, *self._regain)
        return any(u.name == unit and phase in u.complete for u in everywhere)

    def asks(self) -> tuple[PendingAsk, ...]:
        """Questions that wait for a person."""
        return self._questions.all()

    def acting(self) -> tuple[UnitRun, ...]:
        """Units whose turn it is in the present state."""
        units = self._stops if self.state is State.STOPPING else self.units
        return (*self._regain, *units)

    def waiting_for(self) -> list[Waiting]:
        """What every unit does now and what it waits for, with live values."""
        return [unit.waiting() for unit in self.acting()]

    @property
    def view(self) -> Context:
        """What the phases look at: line, recipe and the last scan."""
        return self._ctx

    # --- one scan ----------------------------------------------------------------------------

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> list[Event]:
        """Work for one scan; returns what happened."""
        self._now_ns = now_ns
        self._ctx.take(snapshot, self._ctx.now_s + dt)
        self._state_s += dt
        acting = self._acting.get(self.state)
        if acting is not None:
            state = self.state
            if acting(snapshot, dt) and self.state is state:
                self._go(AUTOMATIC[state], "done", "")
        elif self.state is State.HELD:
            self._held()
        if self.side.unit is not None:
            self._current = self.side.unit
            self.side.run(snapshot, dt, self.state, self._now_ns)
        self._housekeeping(dt)
        events, self._events = self._events, []
        return events

    def _run(self, snapshot: SnapshotLike, dt: float) -> bool:
        return self._run_all(self.units, snapshot, dt)

    def _run_all(self, units: Sequence[UnitRun], snapshot: SnapshotLike, dt: float) -> bool:
        state = self.state
        finished = True
        for unit in units:
            if unit.finished:
                continue
            self._current = unit
            unit.now_ns = self._now_ns
            unit.run(snapshot, dt, state)
            finished = finished and unit.finished
            if self.state is not state:
                return False
        return finished

    def _own_steps(self, _snapshot: SnapshotLike, dt: float) -> bool:
        done = True
        for unit in self._working():
            self._current = unit
            done = unit.own_steps(dt) and done
        return done

    def _stopping(self, snapshot: SnapshotLike, dt: float) -> bool:
        if not self._sub_done:
            if not self._own_steps(snapshot, dt):
                return False
            self._sub_done = True
            self.side.drop()
            for unit in self.units:
                unit.abandon()
        return self._run_all(self._stops, snapshot, dt)

    def _aborting(self, _snapshot: SnapshotLike, _dt: float) -> bool:
        if not self._sub_done:
            self._sub_done = True
            for tag, value in self._safe:
                reasons = self._doors.force(tag, value, self.reason, self._now_ns)
                if reasons:
                    self._event("refused", tag, None, value, "; ".join(reasons))
        return self._state_s >= _ABORT_S

    def _held(self) -> None:
        """A web that breaks begins its sequence; else a return or the run-out is offered."""
        for unit in self.units:
            cause = unit.slot.phase.holds_again(self._ctx) if unit.slot and unit.entered else ""
            if cause:
                self._go(State.HOLDING, f"{Command.HOLD}: {self._held_by()}; then {cause}", "")
                return
        if RETHREAD in self._ctx.wishes:
            if not any(pending.ask.key == RETHREAD for pending in self.asks()):
                self._current = None
                self.ask(RETHREAD_ASK)
            return
        self._offer_run_out()

    def _answered_rethread(self, value: str, go: str, actor: Actor) -> str:
        self._ctx.wishes.remove(RETHREAD)
        if value != go:
            return self.command(Command.STOP, "no hot re-thread after the break", actor)
        self.log(f"hot re-thread: back to {', '.join(rewind(self.units))}")
        return self.command(Command.RESTART, "hot re-thread", actor)

    def _offer_run_out(self) -> None:
        if self._offered or self._state_s < HOLD_OFFER_S:
            return
        self._offered = True
        self._current = None
        self.ask(
            Ask("run_out", "Held for 15 minutes: stop the run and run the film out?",
                choices=("stop", "wait"))
        )  # fmt: skip

    def _housekeeping(self, dt: float) -> None:
        self._since_publish += dt
        if self._since_publish >= _PUBLISH_S - 1e-9:
            self._since_publish = 0.0
            self._publish()
        self._since_journal += dt
        if self._since_journal >= _JOURNAL_S:
            self._since_journal = 0.0
            for unit in self.units:
                if unit.entered and self.state is State.RUNNING:
                    unit.now_ns = self._now_ns
                    unit.record(self.state)

    def _publish(self) -> None:
        for unit in self.units:
            slot = unit.slot
            if slot is not None and "soak_s" in slot.phase.counters:
                self._soak = slot.phase.counters["soak_s"]
        now = self._now_ns
        phase = self.side.unit.slot.phase if self.side.unit and self.side.unit.slot else None
        cleaned = 0.0 if phase is None else phase.locks
        self._writer.write((float(self.state), self._soak, cleaned), Quality.GOOD, now, now)

    # --- what the executors may command ------------------------------------------------------

    def trouble(self, reason: str) -> None:
        """Hold with the reason; a controlled stop that does not get on escalates to abort."""
        command = Command.ABORT if self.state is State.STOPPING else Command.HOLD
        where = self._where()
        if after(self.state, command) is not None:
            self._go(after(self.state, command) or self.state, f"{command}: {where}: {reason}", "")

    def stop(self, reason: str) -> None:
        """Begin the controlled stop; why the run was held stays the first cause."""
        self.command(Command.STOP, f"{self._held_by()}; {reason}")

    # --- operations beside the recipe --------------------------------------------------------

    def begin_operation(self, phase: Phase, reason: str, actor: Actor) -> str:
        """Let a phase of its own run beside the recipe; returns why it is refused."""
        if self.side.name:
            return f"{self.side.name} is going on"
        if self.state not in phase.works_in:
            return f"{phase.use} is not possible in state {self.state.name}"
        self.side.begin(phase, PhaseUse(use=phase.use, timeout_s=phase.limit_s))
        self._event("operation", phase.use, None, "begins", reason, actor.name)
        return ""

    def adopt(self, recipe: Recipe) -> None:
        """Go on with another recipe's settings and targets; the phases stay as they are."""
        self.recipe = self._ctx.recipe = recipe

    def tell(self, name: str, what: str, reason: str, actor: Actor) -> None:
        """Record that a person has asked for something that a phase will do in its time."""
        self._event("operation", name, None, what, reason, actor.name)

    def wish(self, name: str, reason: str, actor: Actor) -> None:
        """Note what a person wants as soon as the procedure can do it."""
        if name not in self._ctx.wishes:
            self._ctx.wishes.append(name)
        self._event("operation", name, None, "begins", reason, actor.name)

    # --- inside ------------------------------------------------------------------------------

    def _go(self, following: State, reason: str, actor: str) -> None:
        old, self.state = self.state, following
        if old not in AUTOMATIC or AUTOMATIC[old] is not following or following is State.COMPLETE:
            self.reason = reason  # automatic changes keep it
        self._state_s = 0.0
        self._sub_done = self._offered = False
        self._noted.clear()
        self._event("state", self.recipe.recipe.name, old.name, following.name, reason, actor)
        self._questions.withdraw_general()
        if old is State.HELD:
            self.leaving(following)
        if following in (State.STOPPING, State.ABORTING):
            self._doors.take_back(reason, self._now_ns)
        if following is State.IDLE:
            self._fresh()
        elif following is State.RUNNING and old is State.RESTARTING:
            for unit in self._working():
                unit.rebase()
        elif following in (State.HOLDING, State.RESTARTING, State.STOPPING):
            self._begin(following.name.lower())
            self._begin_regaining(following)
        elif following is State.ABORTING or following in FINAL:
            self._abandon()
        for unit in self.units:
            unit.now_ns = self._now_ns
            unit.record(following)
        self._since_publish = math.inf

    def _held_by(self) -> str:
        return self.reason.removeprefix(f"{Command.HOLD}: ")

    def _begin(self, verb: str) -> None:
        for unit in self._working():
            unit.drop_own_steps()
            unit.begin(verb)

    def _working(self) -> tuple[UnitRun, ...]:
        """Every unit of the recipe, and what a person has begun beside it."""
        return (*self.units, self.side.unit) if self.side.unit is not None else tuple(self.units)

    def _abandon(self) -> None:
        self.side.drop()
        self._ctx.wishes.clear()
        for unit in (*self.units, *self._stops, *self._regain):
            unit.abandon()
        self._ctx.before, self._regain = {}, []

    def _fresh(self) -> None:
        self._abandon()
        self.units = self._assembly.units(self.recipe.unit)
        self._stops = self._assembly.units(self._stop_uses)
        self._soak = 0.0
