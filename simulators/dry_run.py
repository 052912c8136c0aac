"""A dry run: the kernel and the simulated plant joined on one virtual clock.

The kernel is the one of the live service; it talks to byte-level instruments through wires
in memory. Here clock, plant, operator and judge meet.
"""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from config.loader import Materials, load_line, load_materials, load_recipe
from config.models import Line, Recipe, Role
from controller.app import Kernel, Parts
from controller.clock import LoopClock
from controller.historian.errors import RecordError
from controller.historian.identity import Identity
from controller.historian.store import Store
from controller.materials.keeper import BookKeeper
from controller.procedure.states import FINAL, Command, State
from controller.scan import ScanOutput
from drivers.errors import LinkClosed
from simulators.faults import check
from simulators.faults_clock import JumpingClock
from simulators.faults_link import Bench
from simulators.faults_schedule import FaultSchedule
from simulators.hands import hands_of
from simulators.instruments.line_up import LineUp
from simulators.invariants import Judge
from simulators.lots import book_for, check_book
from simulators.operator import ScriptedOperator, person
from simulators.options import Options
from simulators.orders import Orders
from simulators.take_over import PURGED, know_purged, take_over
from simulators.tanks import parameters_for, plant_for
from simulators.twin.plant import Plant
from simulators.virtual_time import NS, Rank, VirtualLoop
from simulators.wire import MemoryWire

TICK_NS = NS // 10
TICKS_PER_S = 10
EPOCH_NS = 1_767_225_600 * NS  # 2026-01-01 UTC: line time starts here in every dry run
START_AFTER_S = 2  # before a remote set point of a running line goes stale
COMMIT_S = 20.0  # line seconds; at full speed about as often as a live line commits
HELD_ENDS_S = 300.0
RUNNING_FANS = (0.64, 0.42, 0.42)  # of full speed, at the reference state
AFTER_END_S = 5.0
SOFTWARE = "filmline 0.1.0"

Progress = Callable[["DryRun"], None]


@dataclass(frozen=True)
class Files:
    """The files of a run, read and checked."""

    line: Line
    recipe: Recipe
    materials: Materials


def load(options: Options) -> Files:
    """Read and check what the run needs.

    Raises:
        ConfigError: with every finding.
        BadOption: a fault names what the line does not have.
    """
    line = load_line(options.line)
    check(options.faults, line)
    check_book(options.book)
    materials = load_materials()
    files = Files(line, load_recipe(options.recipe, line, materials), materials)
    parameters_for(files.recipe, materials)  # the plant must know these materials
    return files


class DryRun:
    """One run while it goes on.

    Attributes:
        kernel, plant, judge: the two sides, and who compares them.
        now_s: line seconds. interrupts: how often the user pressed Ctrl-C.
        collecting_s, collected_s: plant seconds at which the roll began and ended; inf before.
        collected: plant seconds from and to, of all times film went to rolls.
        closing_error: why the record could not be closed, empty when it could.
    """

    def __init__(self, options: Options, files: Files, loop: VirtualLoop, store: Store) -> None:
        self.options, self.files, self.store = options, files, store
        self.plant = plant_for(
            files.line, files.recipe, files.materials, seed=options.seed, start=options.start
        )
        if options.start == "running":
            settle_exhaust(self.plant)
        self.line_up = LineUp(files.line, self.plant)
        self.wire = MemoryWire(loop, files.line, self.line_up, LinkClosed)
        clock = LoopClock(loop, EPOCH_NS)
        wall = JumpingClock(clock)
        bench = Bench(files.line, self.plant, self.line_up, self.wire, wall.jump)
        self.faults = FaultSchedule(options.faults, bench)
        book = book_for(
            options.out, options.book, files.line, files.recipe, files.materials, EPOCH_NS
        )
        self.kernel = Kernel(
            Parts(
                line=files.line,
                recipe=files.recipe,
                materials=files.materials,
                store=store,
                clock=clock,
                transports=lambda bus, stream: self.wire.transport(bus.name, stream),
                epoch_ns=EPOCH_NS,
                commit_s=COMMIT_S,
                floor=book.floor(),
                run=options.lot,
                wall_ns=wall.utc_ns,
            )
        )
        if options.start == "running":
            know_purged(self.kernel, EPOCH_NS)
        self.judge = Judge(files.line, files.recipe, self.plant, self.line_up, self.kernel.table)
        hands = hands_of(self.plant) | {"rethread": self.judge.operator_commanded}
        self.kernel.listen(ScriptedOperator(self.kernel.runner, hands))
        self.keeper = BookKeeper(book, self.kernel.tanks, options.lot)
        self.orders = Orders(self.kernel, options.orders)
        self.now_s = 0.0
        self.interrupts = 0
        self.collecting_s = self.collected_s = math.inf
        self.collected: list[tuple[float, float]] = []
        self._collecting = False
        self.closing_error = ""
        self._loop = loop
        self._heeded = 0
        self._begin_at: float = START_AFTER_S * TICKS_PER_S
        self._end_at = options.limit_s
        self._ended = loop.create_future()
        self._progress: Progress = lambda _: None

    async def run(self, progress: Progress) -> None:
        """Run until the procedure ends, stands held, or the time is over."""
        self._progress = progress
        tasks = self.kernel.start_buses()
        for task in tasks:
            task.add_done_callback(self._bus_ended)
        self._loop.at(TICK_NS, Rank.TWIN, self._tick, 1)
        self._loop.at(TICK_NS, Rank.SCAN, self._scan, 1)
        try:
            await self._ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """Close and seal the record; a disk that refuses is told, never hidden."""
        self.keeper.finish(EPOCH_NS + round(self.now_s * NS))
        try:
            self.store.close(EPOCH_NS + round(self.now_s * NS))
        except RecordError as error:
            self.closing_error = str(error)
            self.store.abandon()

    def _bus_ended(self, task: asyncio.Task[None]) -> None:
        """A bus never ends by itself: an error in it is an error of ours, and ends the run."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._ended.done():
            self._ended.set_exception(error)

    def _tick(self, number: int) -> None:
        now_s = number / TICKS_PER_S
        if now_s >= self.faults.next_s:
            self.faults.step(now_s)
        self.plant.tick()
        self.line_up.step(now_s)
        self.judge.check(now_s)
        self._loop.at((number + 1) * TICK_NS, Rank.TWIN, self._tick, number + 1)

    def _scan(self, number: int) -> None:
        self.now_s = number / TICKS_PER_S
        output = self.kernel.scan_once(EPOCH_NS + number * TICK_NS, 1.0 / TICKS_PER_S)
        if number >= self._begin_at:
            self._begin(number)
        if output.events:
            self._note_collecting(output)
        if self.orders.due_s <= self.now_s:
            self.judge.operator_commanded()
            self.orders.step(self.now_s, EPOCH_NS + number * TICK_NS)
        if self.interrupts > self._heeded:
            self._heed()
        if number % TICKS_PER_S == 0:
            self._progress(self)
            self.keeper.exchange(EPOCH_NS + number * TICK_NS)
        if self._ended.done():
            return
        if self._over():
            self._ended.set_result(None)
        else:
            self._loop.at((number + 1) * TICK_NS, Rank.SCAN, self._scan, number + 1)

    def _begin(self, number: int) -> None:
        """The operator's first command: start, or go on with a line that runs already.

        A start that is refused (devices are still being looked at) is tried again.
        """
        self._begin_at = math.inf
        if self.options.start != "running" and self.kernel.arming.against():
            self._begin_at = number + 1
            return
        self.judge.operator_commanded()
        runner, operator = self.kernel.runner, person(Role.OPERATOR)
        if self.options.start == "running":
            take_over(self.kernel, self.files.recipe, self.kernel.clock.utc_ns())
            runner.command(Command.RESTART, "the line was found running", operator)
        else:
            runner.command(Command.START, "dry run", operator)

    def _note_collecting(self, output: ScanOutput) -> None:
        for event in output.events:
            if event.verb == "switch" and event.tag == "film.collect":
                if event.new == "off":
                    self.collected_s = self.plant.t_s
                    if self._collecting:
                        self.collected[-1] = (self.collected[-1][0], self.plant.t_s)
                elif math.isinf(self.collecting_s):
                    self.collecting_s = self.plant.t_s
                if event.new == "on" and not self._collecting:
                    self.collected.append((self.plant.t_s, math.inf))
                self._collecting = event.new == "on"

    def _heed(self) -> None:
        """First Ctrl-C: controlled stop. Second: outputs safe at once."""
        self._heeded = self.interrupts
        runner = self.kernel.runner
        command = Command.STOP if self.interrupts == 1 else Command.ABORT
        refused = runner.command(command, "Ctrl-C", person(Role.OPERATOR))
        if refused and runner.state is State.IDLE:
            self._end_at = self.now_s

    def _over(self) -> bool:
        state = self.kernel.runner.state
        if self.orders.waiting and (state in FINAL or state is State.HELD):
            self._end_at = self.options.limit_s
        elif state in FINAL:
            self._end_at = min(self._end_at, self.now_s + AFTER_END_S)
        elif state is State.HELD:
            self._end_at = min(self._end_at, self.now_s + HELD_ENDS_S)
        else:
            self._end_at = self.options.limit_s
        return self.now_s >= self._end_at


def settle_exhaust(plant: Plant) -> None:
    """A line that runs has its fans where 12 % of LFL needs them, and has had them for long."""
    plant.act.fan[:] = RUNNING_FANS
    plant.exhaust.purge_volumes[:] = PURGED
    for _ in range(30 * TICKS_PER_S):
        plant.tick()


def run_dry(options: Options, progress: Progress) -> tuple[DryRun, float]:
    """Run on virtual time; returns the finished run and the wall seconds it took.

    Raises:
        ConfigError, RecordError, BadOption: bad input; nothing was started.
    """
    started = time.perf_counter()
    files = load(options)
    identity = Identity(
        lot=options.lot,
        line_text=options.line.read_text("utf-8"),
        recipe_text=options.recipe.read_text("utf-8"),
        software=SOFTWARE,
        simulated=True,
        seed=options.seed,
        extra={"start": options.start},
    )
    store = Store.open(options.out, files.line, identity, EPOCH_NS)

    async def main() -> DryRun:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError("a dry run needs the virtual loop")
        run = DryRun(options, files, loop, store)
        with _counting_interrupts(run):
            await run.run(progress)
            run.close()
        return run

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        run = runner.run(main())
    return run, time.perf_counter() - started


@contextmanager
def _counting_interrupts(run: DryRun) -> Iterator[None]:
    """Ctrl-C and terminate become commands; the run itself ends by its own rules."""

    def count(_number: int, _frame: FrameType | None) -> None:
        run.interrupts += 1

    before = [(number, signal.signal(number, count)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
