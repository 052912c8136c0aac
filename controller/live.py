"""The live service of one lot: the kernel on real transports, beat by the clock.

Scans are due on an absolute schedule; one that is late is left out and counted. The disk has
a thread of its own, and so has the log: neither can make a scan wait. An error of ours ends
the run loudly: the scan stops, and the devices fall back to their own safe values.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.loader import Materials
from config.models import Line, Recipe, Role
from controller.app import Kernel, Parts
from controller.clock import SystemClock
from controller.events import Actor, Event
from controller.historian.errors import RecordError
from controller.historian.store import Store
from controller.historian.threaded import ThreadedStore
from controller.live_computer import clocks_s, free_pct, resident_bytes
from controller.live_ending import Ending
from controller.live_log import LineLog
from controller.live_memory import settle
from controller.live_notify import notify
from controller.live_time import Beat, LineClock
from controller.live_watchdog import PROBE_S, Acts, Probe, Watchdog
from controller.materials.book import Book
from controller.materials.errors import MaterialsError
from controller.materials.keeper import BookKeeper
from controller.operating.desk import Desk
from controller.operating.logins import Logins
from controller.operating.people import beside_the_book
from controller.operating.server import DeskServer, serve_desk
from controller.procedure.states import FINAL, State
from controller.restart.memory import Past
from controller.restart.recall import adopt_recipe
from controller.scan import ScanOutput
from controller.watch_rules import STOOD_STILL_S, SleepWatch, against_a_run, memory_pct
from drivers.base import Block, Quality
from drivers.transport import TransportFactory

_STATUS_S = 60.0  # line seconds between status lines
_LATE_EVENT_S = 60.0  # and between events about late scans
_LIFE_S = 1.0  # wall seconds between the service's own tags, and states told to systemd
_COMPUTER_S = 10.0  # wall seconds between looks at disk and memory
_FULL_PCT = 100.0  # of the memory budget


@dataclass(frozen=True)
class Setting:
    """What a live run is made of, apart from time.

    Attributes:
        lot: name. speed: line seconds a wall second. simulated: the plant is a simulator.
        socket: where people reach the service. once: end when the procedure has ended.
        book: of the lots in the tanks; None: no tank is ready.
        users: file of the user book; it may come later.
        prepare: done before the first scan; adopt: done ``adopt_s`` after it (taking over a
            simulated line that runs).
    """

    line: Line
    recipe: Recipe
    materials: Materials
    transports: TransportFactory
    lot: str
    socket: Path
    speed: float = 1.0
    simulated: bool = False
    once: bool = False
    book: Book | None = None
    users: Path | None = None
    adopt: Callable[[Kernel], None] | None = None
    prepare: Callable[[Kernel], None] | None = None


ADOPT_AFTER_S = 2.0


class LiveRun:
    """One lot while it is made.

    Args:
        setting: what it is made of.
        store: the record, just opened.
        clock: line time; begun by :meth:`run`.
        log: where the service says what happens.

    Attributes:
        kernel: the controller. beat: how the scans keep their time.
        closing_error: why the record could not be closed, empty when it could.
    """

    def __init__(self, setting: Setting, store: Store, clock: LineClock, log: LineLog) -> None:
        loop = asyncio.get_running_loop()
        self.setting, self.store, self.log = setting, store, log
        self._clock, self._loop = clock, loop
        self._threaded = ThreadedStore(store, loop.call_soon_threadsafe)
        self.kernel = Kernel(
            Parts(
                line=setting.line,
                recipe=setting.recipe,
                materials=setting.materials,
                store=store,
                clock=clock,
                transports=setting.transports,
                epoch_ns=clock.utc_ns(),
                commit_s=setting.speed,  # about a wall second
                timer=time.perf_counter,
                commits=self._threaded.commit,
                floor=None if setting.book is None else setting.book.floor(),
                run=setting.lot,
                wall_ns=None if setting.simulated else SystemClock().utc_ns,
            )
        )
        self._keeper = (
            None
            if setting.book is None
            else BookKeeper(setting.book, self.kernel.tanks, setting.lot)
        )
        if setting.prepare is not None:
            setting.prepare(self.kernel)
        self.kernel.listen(self._hear)
        self.desk = Desk(self.kernel, simulated=setting.simulated, lot=setting.lot)
        self.probe = Probe()
        self._watchdog = Watchdog(self.probe, Acts(self._hold_heartbeat))
        self._sleep = SleepWatch()
        tags = ("SYS.LAG", "SYS.DISK", "SYS.MEMORY")
        self._own = self.kernel.table.attach(Block("service", tags, setting.speed))
        self._free_pct = self._memory_pct = float("nan")
        self.beat = Beat(0.0, setting.line.line.scan_period_s)
        self.closing_error = ""
        self._ending = Ending(setting.once)
        self._ended: asyncio.Future[None] = loop.create_future()
        self._server: DeskServer | None = None
        self._logins: Logins | None = None
        self._told_late = 0
        self._told_back = False
        self._final: State | None = None  # how the lot ended, before it was reset
        self._moved = False  # somebody took outputs by hand since the service started
        self._next_status_s = _STATUS_S
        self._next_late_s = 0.0
        self._adopted = setting.adopt is None
        self._next_life_s = 0.0
        self._probing: asyncio.TimerHandle | None = None

    def come_back(self, past: Past, words: str) -> None:
        """Go on with a lot whose service failed; before :meth:`run`.

        Raises:
            ControllerError: the record does not fit.
        """
        adopt_recipe(self.kernel, past, self.setting.materials)
        self.kernel.come_back(past, self._clock.utc_ns())
        self._ending.begun = bool(past.units)
        self._say(words)

    # --- from start to end ---------------------------------------------------------------------

    async def run(self, begin: Callable[[], None]) -> State:
        """Serve until the run is over; returns the state in which the procedure ended.

        Args:
            begin: starts line time, when everything is ready.

        Raises:
            OperatingError: another service runs this line, or its socket cannot be.
        """
        setting = self.setting
        if setting.users is not None:
            self._logins = Logins(setting.users, self.kernel.record, SystemClock())
        self._server = await serve_desk(self.desk, setting.socket, self._clock, self._logins)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._signaled, number.name)
        np.median(np.zeros(3))  # numpy loads a module of its own at the first one: 30 ms
        settle()
        begin()
        tasks = self.kernel.start_buses()
        if self._keeper is not None:
            beside = self._keeper.run(self._clock, max(1.0, setting.speed))
            tasks.append(self._loop.create_task(beside, name="lot book"))
        tasks.append(self._loop.create_task(self._look_at_computer(), name="computer"))
        for task in tasks:
            task.add_done_callback(self._task_ended)
        self._look_alive()
        self._watchdog.start()
        self.beat.due_s = self._loop.time() + self.beat.period_s
        self._loop.call_at(self.beat.due_s, self._scan)
        self._say(f"waiting in {self.kernel.runner.state.name} at {setting.socket}")
        if outside := beside_the_book(setting.line, os.getuid(), setting.users or Path()):
            self._say(outside)
        notify("READY=1")
        try:
            await self._ended
        finally:
            notify("STOPPING=1")
            await self._stop(tasks)
        return self._final or self.kernel.runner.state

    async def _stop(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        self._watchdog.stop()
        if self._probing is not None:
            self._probing.cancel()
        for task in tasks:
            task.remove_done_callback(self._task_ended)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.close()
        if self._logins is not None:
            self._logins.close()
        self._close_record()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(number)

    def _close_record(self) -> None:
        """Close and seal; a disk that refuses is told, never hidden."""
        try:
            if self._keeper is not None:
                self._keeper.finish(self._clock.utc_ns())
            self._threaded.close(self._clock.utc_ns())
        except (RecordError, MaterialsError) as error:
            self.closing_error = str(error)
            self.store.abandon()

    # --- the beat --------------------------------------------------------------------------------

    def _scan(self) -> None:
        try:
            self._scan_once()
        except Exception as bug:  # noqa: BLE001 - whatever it is, the run ends with it, loudly
            self._fail(bug)
        if not self._ended.done():
            self._loop.call_at(self.beat.due_s, self._scan)

    def _scan_once(self) -> None:
        beat, kernel = self.beat, self.kernel
        missed = beat.take(self._loop.time())
        now_ns = self._clock.utc_ns()
        self._was_away(missed, now_ns)
        if missed:
            kernel.scan.skipped(missed)
        self.log.tell(*kernel.links.pending)
        kernel.scan_once(now_ns, (missed + 1) * beat.period_s)
        now_s = self._clock.monotonic()
        if not self._adopted and now_s >= ADOPT_AFTER_S and self.setting.adopt is not None:
            self._adopted = True
            if kernel.runner.state is State.IDLE:
                self.setting.adopt(kernel)
        self._tell_back()
        if missed or beat.left_out > self._told_late:
            self._tell_late(now_s, now_ns)
        self._tell(now_s)
        if kernel.runner.state in FINAL and self._ending.begun:
            self._final = kernel.runner.state
        if self._ending.over(kernel.runner.state, now_s) and not self._ended.done():
            self._ended.set_result(None)

    def _was_away(self, missed: int, now_ns: int) -> None:
        """Hold after a sleep, or after more than a second without a scan."""
        slept_s = self._sleep.slept_s(*clocks_s())
        stood_s = missed * self.beat.period_s / self.setting.speed
        if slept_s:
            self.kernel.stood_still(f"the computer slept for {slept_s:.1f} s", now_ns, slept=True)
        elif stood_s >= STOOD_STILL_S:
            self.kernel.stood_still(f"no scan for {stood_s:.1f} s", now_ns)
        self.kernel.heartbeat.held = ""  # the loop goes on; what it missed is held above

    def _hold_heartbeat(self, reason: str) -> None:
        self.kernel.heartbeat.held = reason

    def _look_alive(self) -> None:
        """Every 20 ms of the wall: the loop comes round."""
        self.probe.due()
        self._probing = self._loop.call_later(PROBE_S * self.setting.speed, self._look_alive)

    async def _look_at_computer(self) -> None:
        """Disk and memory, now and then; the disk is asked in a thread, it may take its time."""
        while True:
            free = await self._loop.run_in_executor(None, free_pct, self.store.path.parent)
            self._free_pct, self._memory_pct = free, memory_pct(resident_bytes())
            self.kernel.arming.more = against_a_run(free)
            self._leave_if_full()
            await asyncio.sleep(_COMPUTER_S * self.setting.speed)

    def _leave_if_full(self) -> None:
        """Out of its memory budget with nothing to do: end, so that a fresh one waits."""
        idle = self.kernel.runner.state is State.IDLE and not self._moved
        if self._memory_pct >= _FULL_PCT and idle and not self._ended.done():
            self._say(f"memory at {self._memory_pct:.0f} % of its budget: ending while idle")
            self._ended.set_result(None)

    def _hear(self, output: ScanOutput) -> None:
        for event in output.events:
            self._moved = self._moved or (event.source, event.verb) == ("gate", "mode")
        self.log.tell(*output.events)

    def _tell_back(self) -> None:
        """Once after a restart: what was found, and what may follow."""
        back = self.kernel.comeback
        if self._told_back or back is None or back.told is None:
            return
        self._told_back = True
        for line in back.told.lines():
            self._say(line)

    def _tell_late(self, now_s: float, now_ns: int) -> None:
        """An event about scans left out, at most one a minute."""
        if now_s < self._next_late_s:
            return
        self._next_late_s = now_s + _LATE_EVENT_S
        count = self.beat.left_out - self._told_late
        self._told_late = self.beat.left_out
        event = Event(
            now_ns, "scan", "late", "SYS.LATE", None, float(self.beat.left_out),
            f"{count} scans left out: the computer was busy",
        )  # fmt: skip
        self.kernel.record([event])
        self.log.tell(event)

    def _tell(self, now_s: float) -> None:
        """Signs of life: a line each minute, one for each change of state, and systemd's."""
        state = self.kernel.runner.state
        if now_s >= self._next_status_s:
            self._next_status_s = now_s + _STATUS_S
            self._say(self.status())
        wall_s = now_s / self.setting.speed
        if wall_s >= self._next_life_s:
            self._next_life_s = wall_s + _LIFE_S
            self._tell_own_tags()
            notify(f"STATUS={self.setting.lot}: {state.name}")

    def _tell_own_tags(self) -> None:
        """Lag of the loop, room on the disk, memory; what is not known yet is bad."""
        values = (self.probe.take(), self._free_pct, self._memory_pct)
        quality = [Quality.BAD if value != value else Quality.GOOD for value in values]  # noqa: PLR0124 - NaN
        now_ns = self._clock.utc_ns()
        self._own.write(values, quality, now_ns, now_ns)

    def status(self) -> str:
        """The line in one line."""
        kernel, beat = self.kernel, self.beat
        doing = ", ".join(f"{w.unit}.{w.phase}" for w in kernel.runner.waiting_for() if w.step)
        mark = "SIMULATED " if self.setting.simulated else ""
        return (
            f"{mark}{self.setting.lot} {kernel.runner.state.name} {doing or '-'}; cast "
            f"{kernel.film.cast_m:.1f} m, roll {kernel.film.roll_m:.1f} m; {beat.scans} scans, "
            f"{beat.left_out} left out, {beat.behind} behind, worst {beat.worst_s * 1e3:.0f} ms"
            + (f"; record: {kernel.commits.failure}" if kernel.commits.failure else "")
        )

    def _say(self, text: str) -> None:
        self.log.say(self._clock.utc_ns(), text)

    # --- what ends it --------------------------------------------------------------------------

    def _signaled(self, name: str) -> None:
        runner = self.kernel.runner
        answer = self._ending.heed(runner.state, moved=self._moved)
        self._say(f"{name}: {answer.words}")
        if answer.command is not None:
            refused = runner.command(answer.command, name, Actor(f"signal:{name}", Role.OPERATOR))
            if refused:
                self._say(f"{answer.command} refused: {refused}")

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """The owner of a bus or of the book ends only by an error of ours."""
        if not task.cancelled():
            self._fail(task.exception() or RuntimeError(f"{task.get_name()} ended"))

    def _fail(self, bug: BaseException) -> None:
        if not self._ended.done():
            self._ended.set_exception(bug)
