"""What a dry run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from simulators.faults import FAULTS, LINKS, BadOption, TimedFault, parse_fault, seconds
from simulators.orders import Order, parse_command
from simulators.twin.plant import Start

__all__ = (
    "FAULTS",
    "LINKS",
    "STARTS",
    "BadOption",
    "Options",
    "TimedFault",
    "parse_command",
    "parse_fault",
    "parse_start",
    "seconds",
)

STARTS: dict[str, Start] = {"cold": "cold", "hot": "hot", "running": "running"}


@dataclass(frozen=True)
class Options:
    """One dry run.

    Attributes:
        recipe, line: files. out: folder of the run. lot: its name.
        seed: of every random number. start: state of the plant. faults: in order of time.
        limit_s: line seconds after which the run is ended whatever its state.
        orders: what the scripted operator does by the clock.
        book: lot book to copy; None makes fresh lots.
    """

    recipe: Path
    line: Path
    out: Path
    lot: str
    seed: int = 1
    start: Start = "cold"
    faults: tuple[TimedFault, ...] = field(default=())
    limit_s: float = 24 * 3600.0
    book: Path | None = None
    orders: tuple[Order, ...] = field(default=())


def parse_start(text: str) -> Start:
    """Read a start.

    Raises:
        BadOption: with what is allowed.
    """
    if text not in STARTS:
        raise BadOption(f"--start {text}: one of {', '.join(STARTS)}")
    return STARTS[text]
