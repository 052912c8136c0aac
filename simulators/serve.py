"""The simulated line on real ports: twin, instruments and servers in real or scaled time."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from config.loader import load_line
from config.models import Line
from simulators.instruments.line_up import LineUp
from simulators.twin.plant import Plant, Start
from simulators.wire_tcp import PortInUseError, TcpWire

TICK_S = 0.1
_LATE_S = 5.0  # behind by more than this, the plant's clock is set anew and it is said


def serve(line_file: Path, *, seed: int, start: Start, speed: float) -> int:
    """Serve until interrupted; returns the exit code (2 when a port is taken).

    Raises:
        ConfigError: the line file is not valid.
    """
    out = Console(highlight=False, soft_wrap=True)
    line = load_line(line_file)
    try:
        asyncio.run(_serve(line, out, seed=seed, start=start, speed=speed))
    except PortInUseError as error:
        out.print(str(error))
        return 2
    return 0


async def _serve(line: Line, out: Console, *, seed: int, start: Start, speed: float) -> None:
    plant = Plant(seed=seed, start=start)
    line_up = LineUp(line, plant)
    wire = TcpWire(line, line_up, speed=speed)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await wire.start()
    _announce(line, out, start, speed)
    try:
        await _tick(plant, line_up, out, speed, stop)
    finally:
        await wire.stop()
    out.print("stopped; all ports are free again")


async def _tick(
    plant: Plant, line_up: LineUp, out: Console, speed: float, stop: asyncio.Event
) -> None:
    """Step the plant every 0.1 line seconds; a stall is said, never made up by a burst."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while not stop.is_set():
        plant.tick()
        line_up.step(plant.t_s)
        due += TICK_S / speed
        behind = loop.time() - due
        if behind > _LATE_S:
            out.print(f"the computer was busy: the plant lost {behind * speed:.1f} s of line time")
            due = loop.time()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, due - loop.time()))


def _announce(line: Line, out: Console, start: Start, speed: float) -> None:
    out.print(f"SIMULATED line {line.line.name}, start {start}, speed {speed:g}x, on 127.0.0.1:")
    for bus in line.bus:
        names = ", ".join(f"{i.name} (unit {i.unit})" for i in line.instrument if i.bus == bus.name)
        kind = "Modbus RTU over TCP" if bus.kind == "modbus_rtu" else bus.kind.replace("_", " ")
        out.print(f"  {bus.simulated_port}  {bus.name:<9} {kind:<20} {names}")
        if bus.simulated_stream_port is not None:
            out.print(f"  {bus.simulated_stream_port}  {bus.name:<9} value stream")
    out.print("Ctrl-C stops it.")
