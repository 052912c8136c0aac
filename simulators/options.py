"""What a dry run is asked to do, and its faults by name and time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from controller.errors import ControllerError
from simulators.twin.actuators import Signals
from simulators.twin.faults import Faults
from simulators.twin.injection import VARIANTS, Injection, inject
from simulators.twin.plant import Start

STARTS: dict[str, Start] = {"cold": "cold", "hot": "hot", "running": "running"}
FAULTS = tuple(f"F{number}" for number in range(1, 16))
_FAULT = re.compile(r"^(F\d+)(?:\((?P<where>[^)=]*)\))?@(?P<time>[0-9hms.]+)$")
_TIME = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$")


class BadOption(ControllerError):
    """An option that cannot be meant; the message says what is allowed."""


@dataclass(frozen=True)
class TimedFault:
    """A fault of the plant: name, place (None: the fault's own), line seconds, variant."""

    name: str
    where: str | None
    at_s: float
    how: str | None = None


@dataclass(frozen=True)
class Options:
    """One dry run.

    Attributes:
        recipe, line: files. out: folder of the run. lot: its name.
        seed: of every random number. start: state of the plant. faults: in order of time.
        limit_s: line seconds after which the run is ended whatever its state.
    """

    recipe: Path
    line: Path
    out: Path
    lot: str
    seed: int = 1
    start: Start = "cold"
    faults: tuple[TimedFault, ...] = field(default=())
    limit_s: float = 24 * 3600.0


def parse_start(text: str) -> Start:
    """Read a start.

    Raises:
        BadOption: with what is allowed.
    """
    if text not in STARTS:
        raise BadOption(f"--start {text}: one of {', '.join(STARTS)}")
    return STARTS[text]


def parse_fault(text: str) -> TimedFault:
    """Read ``F9@1h20m``, ``F5(T6)@3h``, ``F6(frozen)@3h`` or ``F6(T4 frozen)@3h``.

    Raises:
        BadOption: with what is allowed.
    """
    found = _FAULT.match(text)
    if not found or found[1] not in FAULTS:
        raise BadOption(
            f"fault {text!r}: write it as F1..F15@time, such as F9@1h20m or F5(T6)@3h; "
            f"known faults are {', '.join(FAULTS)}"
        )
    where, how = _place(found[1], (found["where"] or "").split())
    fault = TimedFault(found[1], where, seconds(found["time"]), how)
    try:
        inject(fault.name, Injection(Faults(), Signals(), where, how=how))
    except (ValueError, IndexError) as error:
        raise BadOption(f"fault {text!r}: no such place ({error})") from error
    return fault


def _place(name: str, words: list[str]) -> tuple[str | None, str | None]:
    """What stands in brackets: a variant is known by its name, the rest is the place."""
    variants = [word for word in words if word in VARIANTS.get(name, ())]
    place = " ".join(word for word in words if word not in variants)
    return place or None, " ".join(variants) or None


def seconds(text: str) -> float:
    """Read ``1h20m``, ``90s`` or ``2h``.

    Raises:
        BadOption: it is no time.
    """
    found = _TIME.match(text)
    if not found or not any(found.groups()):
        raise BadOption(f"time {text!r}: write it as 1h20m, 45m or 90s")
    hours, minutes, rest = (float(part) if part else 0.0 for part in found.groups())
    return hours * 3600.0 + minutes * 60.0 + rest
