"""The simulated line on real ports: twin, instruments and servers in real or scaled time."""

from __future__ import annotations

import asyncio
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from config.loader import load_line, load_materials, load_recipe
from config.models import Line
from controller.live_memory import settle
from simulators.clock_port import ClockPort
from simulators.dry_run import settle_exhaust
from simulators.faults import TimedFault
from simulators.faults_link import Bench
from simulators.faults_schedule import FaultSchedule
from simulators.hands import hands_of
from simulators.instruments.line_up import LineUp
from simulators.instruments.pnozmulti import PnozMulti
from simulators.tanks import plant_for
from simulators.twin.plant import Plant, Start
from simulators.wire_tcp import PortInUseError, TcpWire

TICK_S = 0.1
TICKS_PER_S = 10
_LATE_S = 5.0  # behind by more than this, the plant's clock is set anew and it is said
_NS = 1_000_000_000


def serve(
    line_file: Path,
    *,
    seed: int,
    start: Start,
    speed: float,
    faults: Sequence[TimedFault] = (),
    recipe_file: Path | None = None,
) -> int:
    """Serve until interrupted; returns the exit code (2 when a port is taken).

    Raises:
        ConfigError: the line file is not valid.
        BadOption: a fault names what the line does not have.
    """
    out = Console(highlight=False, soft_wrap=True)
    line = load_line(line_file)
    plant = _plant(line, recipe_file, seed, start)
    if start == "running":
        settle_exhaust(plant)
    serving = Serving(line, plant, out, start=start, speed=speed, faults=faults)
    try:
        with asyncio.Runner(loop_factory=_precise_loop) as runner:
            runner.run(serving.run())
    except PortInUseError as error:
        out.print(str(error))
        return 2
    return 0


def _plant(line: Line, recipe_file: Path | None, seed: int, start: Start) -> Plant:
    """The reference plant, or one with a recipe's liquids and operating point."""
    if recipe_file is None:
        return Plant(seed=seed, start=start)
    materials = load_materials()
    recipe = load_recipe(recipe_file, line, materials)
    return plant_for(line, recipe, materials, seed=seed, start=start)


def _precise_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers are good to microseconds: ``epoll`` rounds waits up to 1 ms."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


class Serving:
    """A plant, its instruments and its ports while they are served.

    A line that starts ``running`` stands still until somebody connects: its drives and
    controllers would fall back to their own safe values within seconds if nobody talked.

    Args:
        epoch_ns: UTC ns at which the plant's clock starts; None takes the computer's time.
        faults: at line seconds of the plant's clock.
    """

    def __init__(
        self,
        line: Line,
        plant: Plant,
        out: Console,
        *,
        start: Start,
        speed: float,
        epoch_ns: int | None = None,
        faults: Sequence[TimedFault] = (),
    ) -> None:
        self._line, self._plant, self._out = line, plant, out
        self._start, self._speed = start, speed
        self.line_up = LineUp(line, plant)
        for device in self.line_up.instruments.values():
            if isinstance(device, PnozMulti):
                device.patience = max(1.0, speed)
        self.wire = TcpWire(line, self.line_up, speed=speed)
        bench = Bench(line, plant, self.line_up, self.wire)
        self.faults = FaultSchedule(faults, bench, self._say_fault)
        self._port = ClockPort(
            line.line.simulated_clock_port,
            line.line.name,
            {"clock": self._clock, "go": self._go, "hands": self._hands},
        )
        self._epoch_ns = time.time_ns() if epoch_ns is None else epoch_ns  # noqa: TID251 - the plant's own clock
        self._ticks = 0
        self._zero_s: float | None = None  # loop time of line time 0; None while it stands
        self._due_s = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Serve until interrupted.

        Raises:
            PortInUseError: a port is taken; nothing is left open then.
        """
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._end)
        settle()
        try:
            await self.wire.start()
            await self._port.start()
            self._announce()
            if self._start == "running":
                self._loop.call_later(TICK_S, self._wait_for_somebody)
            else:
                self.begin()
            await self._ended
        finally:
            await self.wire.stop()
            await self._port.stop()
        self._out.print("stopped; all ports are free again")

    def begin(self) -> None:
        """Start the plant's clock."""
        if self._zero_s is None and self._loop is not None:
            self._zero_s = self._due_s = self._loop.time()
            self._tick()

    @property
    def line_s(self) -> float:
        """Line seconds since the plant's clock began."""
        if self._zero_s is None or self._loop is None:
            return 0.0
        return (self._loop.time() - self._zero_s) * self._speed

    def _say_fault(self, what: str) -> None:
        self._out.print(f"fault at {self._ticks / TICKS_PER_S:.1f} s: {what}")

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _wait_for_somebody(self) -> None:
        if self._loop is None or self._zero_s is not None:
            return
        if self.wire.connections:
            self.begin()
        else:
            self._loop.call_later(TICK_S / self._speed, self._wait_for_somebody)

    def _tick(self) -> None:
        """Step the plant every 0.1 line seconds; a stall is said, never made up by a burst."""
        if self._loop is None or self._ended is None or self._ended.done():
            return
        self._ticks += 1
        if self._ticks >= self.faults.next_s * TICKS_PER_S:
            self.faults.step(self._ticks / TICKS_PER_S)
        self._plant.tick()
        self.line_up.step(self._ticks / TICKS_PER_S)
        self._due_s += TICK_S / self._speed
        behind = self._loop.time() - self._due_s
        if behind > _LATE_S and self._zero_s is not None:
            self._out.print(
                f"the computer was busy: the plant lost {behind * self._speed:.1f} s of line time"
            )
            self._zero_s += behind
            self._due_s += behind
        self._loop.call_at(self._due_s, self._tick)

    # --- the clock port ------------------------------------------------------------------------

    def _clock(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {
            "line": self._line.line.name,
            "speed": self._speed,
            "seed": self._plant.seed,
            "start": self._start,
            "epoch_ns": self._epoch_ns,
            "utc_ns": self._epoch_ns + round(self.line_s * _NS),
            "waiting": self._zero_s is None,
        }

    def _go(self, request: dict[str, Any]) -> dict[str, Any]:
        self.begin()
        return self._clock(request)

    def _hands(self, request: dict[str, Any]) -> dict[str, Any]:
        work: dict[str, Callable[[], None]] = hands_of(self._plant)
        if "ask" in request:
            return {"hands": sorted(work)}
        what = str(request.get("what", ""))
        if what not in work:
            raise ValueError(f"hands cannot {what!r}; they can {', '.join(sorted(work))}")
        work[what]()
        self._out.print(f"hands at {self.line_s:.1f} s: {what}")
        return {"done": what}

    def _announce(self) -> None:
        line, out = self._line, self._out
        out.print(
            f"SIMULATED line {line.line.name}, start {self._start}, speed {self._speed:g}x, "
            f"seed {self._plant.seed}, on 127.0.0.1:"
        )
        for bus in line.bus:
            there = [one for one in line.instrument if one.bus == bus.name]
            names = ", ".join(f"{one.name} (unit {one.unit})" for one in there)
            kind = "Modbus RTU over TCP" if bus.kind == "modbus_rtu" else bus.kind.replace("_", " ")
            out.print(f"  {bus.simulated_port}  {bus.name:<9} {kind:<20} {names}")
            if bus.simulated_stream_port is not None:
                out.print(f"  {bus.simulated_stream_port}  {bus.name:<9} value stream")
        out.print(f"  {line.line.simulated_clock_port}  {'clock':<9} line time, hands")
        if self._start == "running":
            out.print("The plant stands still until a controller connects.")
        out.print("Ctrl-C stops it.")
