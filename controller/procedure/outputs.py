"""Outputs as the procedure sees them: the gate's door, rates of writes, safe values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.models import Line
from controller.procedure.context import Request, Switches
from controller.refusals import Decision, Source


def _nobody(_name: str) -> str:
    return ""


def _nothing(_reason: str, _now_ns: int) -> None:
    return None


@dataclass(frozen=True)
class Doors:
    """Where the runner's requests go.

    Attributes:
        put: request in the recipe's name.
        force: safe value in the interlocks' name (abort only).
        switches: loops and counters by name.
        by_hand: says who has a unit, or the unit of a tag, in manual; empty in automatic.
        take_back: gives every unit back to the procedure, with the reason.
    """

    put: Request
    force: Request
    switches: Switches
    by_hand: Callable[[str], str] = _nobody
    take_back: Callable[[str, int], None] = _nothing


class GateLike(Protocol):
    """The single door for every write."""

    def request(
        self,
        tag: str,
        value: float,
        source: Source,
        reason: str,
        now_ns: int,
    ) -> Decision:
        """Accept and carry out, or refuse with all reasons."""


def door(gate: GateLike, source: Source) -> Request:
    """Bind the gate to one source of requests."""

    def put(tag: str, value: float, reason: str, now_ns: int) -> Sequence[str]:
        decision = gate.request(tag, value, source, reason, now_ns)
        if decision.accepted:
            return ()
        return [str(refusal) for refusal in decision.reasons] or ["refused"]

    return put


@dataclass(frozen=True, slots=True)
class Limits:
    """Writable range of a tag and the greatest change per second (infinity: none)."""

    low: float
    high: float
    per_s: float


def write_limits(line: Line) -> dict[str, Limits]:
    """Limits of every writable tag."""
    return {
        tag.name: Limits(*tag.write.range, tag.write.rate_per_s or math.inf)
        for instrument in line.instrument
        for tag in instrument.tags
        if tag.write is not None
    }


def safe_values(line: Line) -> list[tuple[str, float]]:
    """Safe value of every output; solvent first, then heat, then the rest (safety 1.2)."""
    found = [
        (tag.name, tag.write.safe)
        for instrument in line.instrument
        for tag in instrument.tags
        if tag.write is not None and not tag.write.one_shot
    ]
    order = ("SIC-110", "XV-110", "XV-111", "FIC-301", "SIC-310", "XC-", "TIC-")
    return sorted(found, key=lambda item: _rank(item[0], order))


def _rank(tag: str, order: tuple[str, ...]) -> int:
    for number, prefix in enumerate(order):
        if tag.startswith(prefix):
            return number
    return len(order)
