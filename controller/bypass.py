"""Bypass of an interlock: named, by an engineer, with a reason, at most 30 min, one at a time.

Rows of hazards Z1 to Z4 cannot be bypassed, whoever asks (safety rule 2.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from config.models import Role, Trip
from controller.events import Actor
from controller.refusals import Cause, Refusal

LONGEST_MIN = 30
LONGEST_NS = LONGEST_MIN * 60 * 1_000_000_000
NEVER = ("Z1", "Z2", "Z3", "Z4")


@dataclass(frozen=True, slots=True)
class Bypass:
    """A row ignored until ``until_ns``, by whom and why."""

    trip: str
    actor: Actor
    reason: str
    until_ns: int


def bypass_refusals(
    trip: Trip, asked: Bypass, present: Bypass | None, now_ns: int
) -> tuple[Refusal, ...]:
    """Every reason against a bypass; empty when it may be set."""
    reasons = []
    if trip.hazard in NEVER:
        reasons.append(f"hazard {trip.hazard} cannot be bypassed")
    elif not trip.bypass:
        reasons.append("the line file does not allow it")
    if not asked.actor.may(Role.ENGINEER):
        reasons.append(f"{asked.actor.name} is {asked.actor.role}; engineer is needed")
    if not asked.reason.strip():
        reasons.append("a bypass needs a reason")
    if not now_ns < asked.until_ns <= now_ns + LONGEST_NS:
        reasons.append("it must end within 30 min")
    if present is not None and now_ns < present.until_ns:
        reasons.append(f"{present.trip} is bypassed already; one at a time")
    return tuple(Refusal(trip.name, Cause.BYPASS, told, nan, nan) for told in reasons)
