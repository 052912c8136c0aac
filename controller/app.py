"""The composition root: the only place where the kernel's objects are built and joined.

The kernel is drivers, scan and record. What differs between a plant and a dry run comes in
as arguments: the clock, the transports and the store.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from config.loader import Materials
from config.models import Line, Recipe
from controller.alarms import Alarms
from controller.conditions import compile_condition
from controller.events import Actor, Event, EventHash
from controller.exhaust import ExhaustRequired
from controller.film.gauges import FilmGauges
from controller.film.gel import gel_law
from controller.film.profile import POSITION_M, Pass
from controller.film.transport import FilmTransport
from controller.gate import Gate
from controller.historian.errors import RecordError
from controller.historian.store import Store
from controller.interlocks import Interlocks
from controller.loops.manager import Gauges, Loops
from controller.procedure.journal import JournalEntry
from controller.procedure.outputs import door
from controller.procedure.phases.registry import PHASES
from controller.procedure.phases.stopping import STOP_UNITS
from controller.procedure.runner import Doors, Runner
from controller.procedure.states import Command, State
from controller.procedure.switchboard import Switchboard
from controller.references import ZoneReferences
from controller.refusals import Decision, Source
from controller.scan import Scan, ScanOutput
from controller.stuck import StuckCheck
from controller.tags import TagTable
from drivers.base import Clock, LinkState, WriteOutcome, WriteResult
from drivers.build import Outputs, build_buses
from drivers.profile import load_profiles
from drivers.transport import TransportFactory

_LINK_LOOK_S = 1.0
_UNWINDING = frozenset({State.STOPPING, State.ABORTING})
DEVICES = Path(__file__).resolve().parent.parent / "config" / "devices"

Listener = Callable[[ScanOutput], None]
"""Hears of every scan: progress displays, operators, judges."""


@dataclass(frozen=True)
class Parts:
    """What the kernel is made of, from outside."""

    line: Line
    recipe: Recipe
    materials: Materials
    store: Store
    clock: Clock
    transports: TransportFactory
    epoch_ns: int
    commit_s: float = 1.0
    timer: Callable[[], float] | None = None


class StoreJournal:
    """The procedure's journal inside the record: durable when its commit has returned.

    Attributes:
        wanted: somebody waits for a commit.
        failing: the record cannot be written now. Going on waits for it; a stop does not.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = 0
        self._safe = 0
        self._stop_from: int | None = None
        self.wanted = False
        self.failing = False

    def write(self, entry: JournalEntry) -> int:
        """Queue an entry; its ticket becomes durable with the next commit."""
        text = json.dumps(asdict(entry), sort_keys=True)
        self._store.journal(entry.ns, entry.unit, text)
        self._written += 1
        stops = entry.state in _UNWINDING
        self._stop_from = (self._stop_from or self._written) if stops else None
        return self._written

    def durable(self, ticket: int) -> bool:
        """Tell whether an entry is on the disk; asking for one that is not hastens a commit."""
        stopping = self._stop_from is not None and ticket >= self._stop_from
        if ticket <= self._safe or (self.failing and stopping):
            return True
        self.wanted = True
        return False

    def committed(self) -> None:
        """Everything queued before the commit is on the disk now."""
        self._safe = self._written
        self.wanted = self.failing = False


class LinkEvents:
    """Turns changes of links and fates of writes into events for the record."""

    def __init__(self) -> None:
        self.pending: list[Event] = []
        self.silent: dict[str, str] = {}

    def link_changed(self, name: str, state: LinkState, reason: str, ns: int) -> None:
        """A bus or an instrument changed state."""
        old = self.silent.pop(name, "")
        if state is not LinkState.UP:
            self.silent[name] = str(state)
        self.pending.append(Event(ns, "link", "state", name, old or None, str(state), reason))

    def write_ended(self, result: WriteResult) -> None:
        """A write left the queue; only those that did not arrive are worth an event."""
        if result.outcome is not WriteOutcome.WRITTEN:
            self.pending.append(
                Event(result.ns, "link", result.outcome.value, result.tag, None, result.value,
                      result.reason)
            )  # fmt: skip


class Kernel:
    """Drivers, scan and record of one line, joined.

    Attributes:
        runner, gate, interlocks, alarms, scan, film, loops, table, buses, store: the parts.
        event_hash: condenses every event of the run.
        failure: what the record's last commit failed with, empty while it works.
    """

    def __init__(self, parts: Parts) -> None:
        line, recipe, store = parts.line, parts.recipe, parts.store
        core = parts.materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
        if core is None:
            raise ValueError(f"recipe {recipe.recipe.name}: nothing is known of its core")
        self.line, self.recipe, self.store, self.clock = line, recipe, store, parts.clock
        self.table = TagTable(line, store)
        self.links = LinkEvents()
        self.buses = build_buses(
            line, load_profiles(DEVICES), self.table, self.links, parts.clock, parts.transports
        )
        self.outputs = Outputs(line, self.buses, self.links, parts.clock)
        solids = recipe.core.solids_wt_pct
        self.film = FilmTransport(line, self.table, recipe.settings.draw_md, empty=True)
        self.gauges = FilmGauges(line, self.table, gel_law(recipe, core), self._keep_pass)
        self.required = ExhaustRequired(line, self.table, solids)
        references = ZoneReferences(line, self.table)
        self.gate = Gate(line, self.table, self.outputs, solids)
        self.loops = Loops(
            line, recipe, self.table, door(self.gate, Source.LOOP),
            Gauges(self.gauges.gel, self.gauges.scanner, POSITION_M), core,
            parts.materials.solvents[recipe.core.solvent],
        )  # fmt: skip
        self.journal = StoreJournal(store)
        self.runner = Runner(
            line,
            recipe,
            self.table,
            Doors(
                door(self.gate, Source.RECIPE),
                door(self.gate, Source.INTERLOCK),
                Switchboard({"film": self.film, "": self.loops}),
            ),
            self.journal,
            PHASES,
            lambda condition: compile_condition(condition, self.table),
            STOP_UNITS,
        )
        self.interlocks = Interlocks(line, self.table)
        self.alarms = Alarms(line, self.table)
        self.scan = Scan(
            self.table,
            StuckCheck(line, self.table),
            (self.film, self.gauges, self.required, references),
            self.interlocks,
            self.alarms,
            self.gate,
            self.runner,
            (self.loops,),
            parts.timer,
        )
        self.event_hash = EventHash(self.table.resolutions(), parts.epoch_ns)
        self.failure = ""
        self._listeners: list[Listener] = []
        self._shed: dict[str, str] = {}
        self._writable = {
            instrument.name: [tag.name for tag in instrument.tags if tag.write is not None]
            for instrument in line.instrument
        }
        self._since_links = 0.0
        self._commit_s = parts.commit_s
        self._since_commit = 0.0

    def listen(self, listener: Listener) -> None:
        """Tell somebody of every scan."""
        self._listeners.append(listener)

    def scan_once(self, now_ns: int, dt: float) -> ScanOutput:
        """One scan and what follows from it: events to the record, commit, listeners."""
        output = self.scan.step(now_ns, dt)
        self._since_links += dt
        if self._since_links >= _LINK_LOOK_S - 1e-9:
            self._since_links = 0.0
            self._follow_drivers(now_ns)
        if self.links.pending:
            self.record(self.links.pending)
            self.links.pending.clear()
        if output.events:
            self.record(output.events)
        self._since_commit += dt
        hasten = self.journal.wanted and not self.failure  # a disk that fails is not pressed
        if hasten or self._since_commit >= self._commit_s - 1e-9:
            self._commit(now_ns)
        for listener in self._listeners:
            listener(output)
        return output

    def record(self, events: Sequence[Event]) -> None:
        """Put events into the record and the hash of the run."""
        self.store.events(events)
        self.event_hash.update(events)

    def start_buses(self) -> list[asyncio.Task[None]]:
        """Start one owner task per bus, in the order of the line file."""
        return [asyncio.create_task(bus.run(), name=f"bus {bus.name}") for bus in self.buses]

    def rearm(self, tag: str, actor: Actor, reason: str, now_ns: int) -> Decision:
        """A person puts a shed output back in service: at the gate, and in its driver."""
        decision = self.gate.rearm(tag, actor, reason, now_ns)
        if decision.accepted:
            self.outputs.rearm(self.outputs.instrument_of(tag))
        return decision

    def _follow_drivers(self, now_ns: int) -> None:
        """Outputs that a driver took out of service (device restarted) are shed at the gate."""
        shed = self.outputs.shed()
        for name in [name for name in shed if name not in self._shed]:
            for tag in self._writable[name]:
                self.gate.shed(tag, f"{name}: {shed[name]}", now_ns)
        self._shed = shed

    def _commit(self, now_ns: int) -> None:
        """Commit; a disk that refuses holds the run, and the rows wait for the next try."""
        self._since_commit = 0.0
        try:
            self.store.commit(now_ns)
        except RecordError as error:
            if self.runner.state is State.RUNNING:
                self.runner.command(Command.HOLD, f"the record cannot be written: {error}")
            self.failure, self.journal.failing = str(error), True
            return
        self.failure = ""
        self.journal.committed()

    def _keep_pass(self, taken: Pass) -> None:
        self.store.profile(
            taken.end_ns, taken.gauge, taken.value, positions=POSITION_M,
            valid=np.isfinite(taken.value), meters=(taken.start_m, taken.end_m),
        )  # fmt: skip
