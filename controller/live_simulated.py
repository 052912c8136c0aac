"""What ``filmline simulate`` tells about itself: line, speed, line time, seed, start.

One JSON object a line on the simulator's clock port (loopback). Asked before a run begins,
so these calls wait; nothing here is used on a plant.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

from config.models import Line
from controller.errors import ControllerError

HOST = "127.0.0.1"
PATIENCE_S = 5.0  # wall seconds for an answer
_LONGEST = 64 * 1024


class NoSimulator(ControllerError):
    """No simulator answers, or another one than this run needs; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator.

    Attributes:
        line: name of its line. speed: line seconds a wall second. seed: of its noise.
        start: ``cold``, ``hot`` or ``running``.
        epoch_ns: line time at its beginning, which names it.
        utc_ns: line time now. waiting: its clock stands until a controller says go.
    """

    line: str
    speed: float
    seed: int
    start: str
    epoch_ns: int
    utc_ns: int
    waiting: bool


def ask(line: Line, request: dict[str, str]) -> dict[str, Any]:
    """Send one request to the clock port of the line's simulator; returns its answer.

    Raises:
        NoSimulator: nobody answers, or the answer is a refusal.
    """
    port = line.line.simulated_clock_port
    try:
        with socket.create_connection((HOST, port), timeout=PATIENCE_S) as peer:
            peer.sendall(json.dumps(request).encode() + b"\n")
            with peer.makefile("rb") as lines:
                text = lines.readline(_LONGEST)
        answer = json.loads(text)
        refused = answer.get("error")
    except (OSError, ValueError, AttributeError) as error:
        raise NoSimulator(
            f"{HOST}:{port}: no simulator of line {line.line.name} answers ({error}); "
            f"start one with: filmline simulate LINE"
        ) from error
    if refused:
        raise NoSimulator(f"the simulator refuses: {refused}")
    return dict(answer)


def meet(line: Line, speed: float) -> Simulator:
    """Ask the simulator who it is, and refuse another line or another speed.

    Raises:
        NoSimulator: nobody answers, or line or speed differ.
    """
    found = read(ask(line, {"ask": "clock"}))
    if found.line != line.line.name:
        raise NoSimulator(
            f"the simulator on port {line.line.simulated_clock_port} is line {found.line}, "
            f"this run is for {line.line.name}: stop it, or change simulated_clock_port"
        )
    if found.speed != speed:
        raise NoSimulator(
            f"the simulator runs at speed {found.speed:g}, this run at {speed:g}: give both the "
            f"same, here with --speed {found.speed:g}"
        )
    return found


def go(line: Line) -> Simulator:
    """Let a waiting simulator begin; harmless for one that runs."""
    return read(ask(line, {"do": "go"}))


def read(answer: dict[str, Any]) -> Simulator:
    """Read a clock's answer.

    Raises:
        NoSimulator: it is no such answer.
    """
    try:
        return Simulator(
            line=str(answer["line"]),
            speed=float(answer["speed"]),
            seed=int(answer["seed"]),
            start=str(answer["start"]),
            epoch_ns=int(answer["epoch_ns"]),
            utc_ns=int(answer["utc_ns"]),
            waiting=bool(answer["waiting"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoSimulator(f"the clock port answers something else: {answer!r}") from error
