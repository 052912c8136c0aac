"""The whole kernel on the simulated plant for some line seconds, with hooks: for scenarios."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from config.loader import Materials, load_line, load_materials, load_recipe
from config.models import Line, Recipe, Role
from controller.app import Kernel, Parts
from controller.clock import LoopClock
from controller.historian.health import Acknowledged
from controller.historian.identity import Identity
from controller.historian.query import Record
from controller.historian.store import Store
from controller.materials.keeper import BookKeeper
from controller.materials.simulated import make_simulated
from controller.procedure.states import Command
from controller.restart.recall import recall
from drivers.errors import LinkClosed
from simulators.dry_run import settle_exhaust
from simulators.hands import hands_of
from simulators.instruments.line_up import LineUp
from simulators.invariants import Judge
from simulators.operator import ScriptedOperator, person
from simulators.twin.plant import Plant, Start
from simulators.virtual_time import NS, Rank, VirtualLoop
from simulators.wire import MemoryWire

EPOCH_NS = 1_767_225_600 * NS
TICK_NS = NS // 10
CONFIG = Path(__file__).resolve().parent.parent / "config"


@cache
def files() -> tuple[Line, Materials, Recipe]:
    line = load_line(CONFIG / "lines" / "pilot.toml")
    materials = load_materials()
    recipe = load_recipe(CONFIG / "recipes" / "core25_layer030.toml", line, materials)
    return line, materials, recipe


class DryRig:
    """A dry run that can be stopped, poked and continued; use it as a context manager.

    Args:
        folder: for the record.
        start: of the plant.
        start_at_s: when the operator starts the procedure; None: never.
        commit_s: line seconds between commits.
    """

    def __init__(
        self,
        folder: Path,
        *,
        start: Start = "cold",
        seed: int = 1,
        start_at_s: float | None = 3.0,
        commit_s: float = 20.0,
    ) -> None:
        line, materials, recipe = files()
        self.folder, self._commit_s = folder, commit_s
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        loop = self._runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.plant = Plant(seed=seed, start=start)  # never a copy: its sensors hold views of arrays
        if start == "running":
            settle_exhaust(self.plant)
        self.line_up = LineUp(line, self.plant)
        self.wire = MemoryWire(loop, line, self.line_up, LinkClosed)
        self._identity = Identity(
            "RIG", "line", "recipe", "filmline 0.1.0", simulated=True, seed=seed
        )
        self.book = make_simulated(folder / "lots.sqlite", line, recipe, materials, EPOCH_NS)
        self._tasks: list[asyncio.Task[None]] = []
        self._open(0)
        self.start_at_s = start_at_s
        self.ticks = 0
        self.scanning = True  # False: the scan stands still, the buses go on
        self._hooks: dict[int, list[Callable[[], object]]] = defaultdict(list)

    def _open(self, now_ns: int) -> None:
        """Build the controller on the plant as it is, and on the record if there is one."""
        line, materials, recipe = files()
        self.store = Store.open(
            self.folder, line, self._identity, EPOCH_NS + now_ns, ballast_bytes=0, resume=True
        )
        self.kernel = Kernel(
            Parts(
                line,
                recipe,
                materials,
                self.store,
                LoopClock(self.loop, EPOCH_NS),
                lambda bus, stream: self.wire.transport(bus.name, stream),
                EPOCH_NS,
                self._commit_s,
                floor=self.book.floor(),
                run="RIG",
            )
        )
        if now_ns:
            with Record(self.folder) as record:
                self.kernel.come_back(recall(record), EPOCH_NS + now_ns)
        self.kernel.listen(ScriptedOperator(self.kernel.runner, hands_of(self.plant)))
        self.judge = Judge(line, recipe, self.plant, self.line_up, self.kernel.table)
        self.keeper = BookKeeper(self.book, self.kernel.tanks, "RIG")

    def crash(self, down_s: float) -> None:
        """Drop the controller as ``kill -9`` does, let the plant go on alone, build it anew."""
        self._runner.run(self._end_buses())
        self.store.abandon()
        self._runner.run(self._alone(round(down_s * 10)))
        self._open(self.ticks * TICK_NS)

    async def _alone(self, ticks: int) -> None:
        done = self.loop.create_future()
        last = self.ticks + ticks
        for number in range(self.ticks + 1, last + 1):
            self.loop.at(number * TICK_NS, Rank.TWIN, self._plant_tick, number)
        self.loop.at(last * TICK_NS, Rank.SCAN, done.set_result, None)
        await done

    async def _end_buses(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def keep_record_shut(self) -> None:
        """Answer commits and write nothing: two processes must not share an open record."""
        answered: Future[Acknowledged] = Future()
        answered.set_result(Acknowledged(0, 0, 0, 0))
        self.kernel.commits.by_thread = lambda _now_ns: answered

    @property
    def now_s(self) -> float:
        return self.ticks / 10

    def at(self, second: float, action: Callable[[], object]) -> None:
        """Do something just before the plant's tick of that line second."""
        self._hooks[round(second * 10)].append(action)

    def run(self, seconds: float) -> None:
        """Go on for some line seconds."""
        self._runner.run(self._run(round(seconds * 10)))

    def go_to(self, second: float) -> None:
        """Go on until a line second."""
        self.run(second - self.now_s)

    async def _run(self, ticks: int) -> None:
        if not self._tasks:
            self._tasks = self.kernel.start_buses()
        done = self.loop.create_future()
        last = self.ticks + ticks

        def scan(number: int) -> None:
            if self.scanning:
                self.kernel.scan_once(EPOCH_NS + number * TICK_NS, 0.1)
            if number % 10 == 0:
                self.keeper.exchange(EPOCH_NS + number * TICK_NS)
            if self.start_at_s is not None and number == round(self.start_at_s * 10):
                self.start()
            if number == last:
                done.set_result(None)

        for number in range(self.ticks + 1, last + 1):
            self.loop.at(number * TICK_NS, Rank.TWIN, self._tick, number)
            self.loop.at(number * TICK_NS, Rank.SCAN, scan, number)
        await done

    def start(self) -> None:
        """The operator's command."""
        self.judge.operator_commanded()
        self.kernel.runner.command(Command.START, "rig", person(Role.OPERATOR))

    def restart(self) -> None:
        """The operator lets a held procedure go on."""
        self.judge.operator_commanded()
        self.kernel.runner.command(Command.RESTART, "rig", person(Role.OPERATOR))

    def computer_dies(self) -> None:
        """As a kill would: no scan any more, every connection gone."""
        self.scanning = False
        for task in self._tasks:
            task.cancel()

    def _tick(self, number: int) -> None:
        for action in self._hooks.pop(number, ()):
            action()
        self._plant_tick(number)
        self.judge.check(number / 10)

    def _plant_tick(self, number: int) -> None:
        self.ticks = number
        self.plant.tick()
        self.line_up.step(number / 10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._end_buses())
        self.store.abandon()
        self.book.close()
        self._runner.close()
