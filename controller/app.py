"""The composition root: the only place where the kernel's objects are built and joined.

The kernel is drivers, scan and record. What differs between a plant and a dry run comes in
as arguments: the clock, the transports and the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.loader import Materials
from config.models import Level, Line, Recipe
from controller.alarm_signals import AlarmSignals
from controller.alarm_watch import AlarmWatch
from controller.alarms import Alarms
from controller.arming import Arming
from controller.clock import WallWatch
from controller.committing import Commits, Committer
from controller.conditions import compile_condition
from controller.device_power import DevicePower
from controller.events import Actor, Event, EventHash
from controller.exhaust import ExhaustRequired
from controller.film.gauges import FilmGauges
from controller.film.gel import gel_law
from controller.film.guide import guide_for
from controller.film.peeling import PeelWatch
from controller.film.profile import POSITION_M, Pass
from controller.film.rolls import RollBook
from controller.film.spots import Spots
from controller.film.transport import FilmTransport
from controller.gate import Gate
from controller.handover import HandOver
from controller.heartbeat import Heartbeat
from controller.historian.store import Store
from controller.interlocks import Interlocks
from controller.link_events import LinkEvents
from controller.loops.manager import Gauges, Loops
from controller.loops.ratio import ratios
from controller.materials.lots import Floor
from controller.materials.watch import TankWatch
from controller.operations import Operations
from controller.procedure.outputs import door
from controller.procedure.phases.registry import PHASES
from controller.procedure.phases.stopping import STOP_UNITS
from controller.procedure.runner import Doors, Runner
from controller.procedure.states import Command, State
from controller.procedure.switchboard import Switchboard
from controller.references import ZoneReferences
from controller.refusals import Decision, Source
from controller.restart.comeback import Comeback, come_back
from controller.restart.memory import Past
from controller.restart.remember import Remember
from controller.scan import Scan, ScanOutput
from controller.second import SecondDrive, SecondThermocouples
from controller.store_journal import StoreJournal
from controller.stuck import StuckCheck
from controller.tags import TagTable
from drivers.base import Block, Clock, Quality
from drivers.build import Outputs, build_buses
from drivers.profile import load_profiles
from drivers.transport import TransportFactory

_LINK_LOOK_S = 1.0
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
    commits: Commits | None = None  # None: commit inline
    floor: Floor | None = None  # lot book as it stands; None: no tank is ready
    run: str = "run"  # name under which material is booked
    wall_ns: Callable[[], int] | None = None  # the computer's UTC, watched for steps


class Kernel:
    """Drivers, scan and record of one line, joined.

    Attributes:
        runner, gate, interlocks, alarms, scan, film, loops, table, buses, store: the parts.
        event_hash: condenses every event of the run.
        commits: when the record is committed, and how that goes.
        power: devices as they stand behind the gate.
        comeback: how it came back after it had failed, None when it began anew.
    """

    def __init__(self, parts: Parts) -> None:
        line, recipe, store = parts.line, parts.recipe, parts.store
        core = parts.materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
        if core is None:
            raise ValueError(f"recipe {recipe.recipe.name}: nothing is known of its core")
        self.line, self.recipe, self.store, self.clock = line, recipe, store, parts.clock
        self._materials = parts.materials
        self.table = TagTable(line, store)
        self.links = LinkEvents()
        self.buses = build_buses(
            line, load_profiles(DEVICES), self.table, self.links, parts.clock, parts.transports
        )
        self.outputs = Outputs(line, self.buses, self.links, parts.clock)
        solids = recipe.core.solids_wt_pct
        self.film = FilmTransport(line, self.table, recipe.settings.draw_md, empty=True)
        solvent = parts.materials.solvents[recipe.core.solvent]
        guide = guide_for(recipe, line, core, solvent)
        law = gel_law(recipe, core, guide.imidization_peel)
        pump_um = recipe.targets.core_um / ratios(line, recipe, core, solvent).pump
        self.gauges = FilmGauges(
            line, self.table, law, self._keep_pass, pump_um,
            Spots(self.table.keep("GT-601.PV"), self.table.keep("ZT-601.PV")),
        )  # fmt: skip
        self.required = ExhaustRequired(line, self.table, solids)
        self.required.shares = guide.shares
        references = ZoneReferences(line, self.table)
        self.gate = Gate(line, self.table, self.outputs, solids)
        self.gate.cross.shares = guide.shares
        self.loops = Loops(
            line, recipe, self.table, door(self.gate, Source.LOOP),
            Gauges(self.gauges.gel, self.gauges.scanner, POSITION_M), core, solvent,
            guide.loh_per_k,
        )  # fmt: skip
        self.handover = HandOver(self.gate, self.loops)
        self.journal = StoreJournal(store)
        self.rolls = RollBook(self.film, self.table, recipe.recipe.name, store.journal)
        self.runner = Runner(
            line,
            recipe,
            self.table,
            Doors(
                door(self.gate, Source.RECIPE),
                door(self.gate, Source.INTERLOCK),
                Switchboard(
                    {"film": self.rolls, "roll": self.rolls, "mark": self.rolls, "": self.handover}
                ),
                self.gate.by_hand,
                self.gate.take_back,
            ),
            self.journal,
            PHASES,
            lambda condition: compile_condition(condition, self.table),
            STOP_UNITS,
        )
        self.interlocks = Interlocks(line, self.table)
        seconds = SecondThermocouples(line, self.table, self.interlocks.acts)
        self.loops.loh.sticking = lambda: self.interlocks.acts("PS-231W")
        self.loops.slowing.sticking = lambda: (
            self.interlocks.cause("PS-231W") is True,
            self.interlocks.acts("PS-231W"),
        )
        drive = SecondDrive(seconds, self.table, door(self.gate, Source.LOOP))
        self.alarms = Alarms(line, self.table)
        self.alarm_watch = AlarmWatch(self.alarms, self.table)
        self.alarm_signals = AlarmSignals(
            line, self.alarms, self.table, door(self.gate, Source.LOOP)
        )
        self.tanks = TankWatch(
            line, self.table, recipe, parts.materials, parts.floor, parts.run, store.journal
        )
        self.arming = Arming(self.outputs.with_settings())
        self.runner.arming = self.arming.against
        self.heartbeat = Heartbeat(self.outputs.beat)
        self.scan = Scan(
            self.table,
            StuckCheck(line, self.table),
            (
                self.film,
                self.rolls,
                self.gauges,
                self.required,
                references,
                seconds,
                self.tanks,
                PeelWatch(self.table),
            ),
            self.interlocks,
            self.alarms,
            self.gate,
            self.runner,
            (self.loops, drive),
            parts.timer,
            self.heartbeat,
        )
        self.operations = Operations(self, parts.materials)
        self.event_hash = EventHash(self.table.resolutions(), parts.epoch_ns)
        self.commits = Committer(
            store, self.journal, parts.commit_s, parts.commits, parts.timer, self._unwritten
        )
        self.power = DevicePower(line, self.table, self.outputs, self.gate)
        self.remember = Remember(self)
        self.comeback: Comeback | None = None
        self._listeners: list[Listener] = [self.tanks.hear, self.remember.hear]
        self._since_links = 0.0
        self._wall = WallWatch(parts.wall_ns or parts.clock.utc_ns, parts.clock.utc_ns)
        self._health = self.table.attach(
            Block("kernel", ("SYS.LATE", "SYS.SCAN", "SYS.RECORD"), _LINK_LOOK_S)
        )

    def adopt(self, recipe: Recipe, text: str | None) -> None:
        """Go on with another recipe of the same chemistry; the record keeps its text and label.

        Without a text the record knows of it already: a restart goes on with it.
        """
        line, materials = self.line, self._materials
        core = materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
        if core is None:
            raise ValueError(f"recipe {recipe.recipe.name}: nothing is known of its core")
        solvent = materials.solvents[recipe.core.solvent]
        guide = guide_for(recipe, line, core, solvent)
        self.recipe = recipe
        self.gauges.adopt(gel_law(recipe, core, guide.imidization_peel))
        self.required.shares = self.gate.cross.shares = guide.shares
        self.loops.adopt(line, recipe, core, solvent, guide.loh_per_k)
        self.runner.adopt(recipe)
        self.tanks.use_recipe(recipe)
        if text is None:
            self.rolls.recipe = recipe.recipe.name
        else:
            self.rolls.adopt(recipe.recipe.name, text, self.clock.utc_ns())

    def come_back(self, past: Past, now_ns: int) -> None:
        """Go on with a record that was not closed; before the first scan.

        Raises:
            ProcedureError: the journal does not fit the recipe.
        """
        self.comeback = come_back(self, past, now_ns)

    def listen(self, listener: Listener) -> None:
        """Tell somebody of every scan."""
        self._listeners.append(listener)

    def scan_once(self, now_ns: int, dt: float) -> ScanOutput:
        """One scan and what follows from it: events to the record, commit, listeners."""
        output = self.scan.step(now_ns, dt)
        self.arming.step(dt, idle=self.runner.state is State.IDLE)
        self._since_links += dt
        if self._since_links >= _LINK_LOOK_S - 1e-9:
            self._since_links = 0.0
            self.power.follow(now_ns)
            self._tell_health(now_ns)
            self._look_at_wall(now_ns)
        if self.links.pending:
            self.record(self.links.pending)
            self.links.pending.clear()
        if output.events:
            self.record(output.events)
        self.commits.step(now_ns, dt)
        self.alarm_watch.hear(output.events, output.snapshot)
        self.alarm_signals.step(output.snapshot)
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

    def stood_still(self, cause: str, now_ns: int, *, slept: bool = False) -> None:
        """The computer stood still for longer than the line may be left alone: hold.

        Args:
            cause: in words.
            now_ns: UTC ns.
            slept: it slept, so that not even the age of the inputs tells how old they are: all
                are bad until they are read on new connections.
        """
        if slept:
            self.table.distrust()
            for bus in self.buses:
                bus.reopen(cause)
        self.record([Event(now_ns, "computer", "stood", "", None, None, cause)])
        self.runner.demand(Level.HOLD, cause, now_ns)

    def _tell_health(self, now_ns: int) -> None:
        """How the scan keeps its time, as tags."""
        counters = self.scan.counters
        values = (float(counters.late), counters.longest_s, self.commits.late_s(now_ns))
        self._health.write(values, Quality.GOOD, now_ns, now_ns)
        counters.longest_s = 0.0

    def _look_at_wall(self, now_ns: int) -> None:
        """Tell when the computer's clock was set; the stamps of the record do not follow it."""
        stepped_s = self._wall.stepped_s()
        if stepped_s:
            cause = (
                f"the computer's clock was set by {stepped_s:+.1f} s; line time goes on as it was"
            )
            self.record([Event(now_ns, "clock", "jump", "", None, stepped_s, cause)])

    def _unwritten(self, why: str) -> None:
        if self.runner.state is State.RUNNING:
            self.runner.command(Command.HOLD, f"the record cannot be written: {why}")

    def _keep_pass(self, taken: Pass) -> None:
        self.store.profile(
            taken.end_ns, taken.gauge, taken.value, positions=POSITION_M,
            valid=np.isfinite(taken.value) & taken.trusted, meters=(taken.start_m, taken.end_m),
        )  # fmt: skip
