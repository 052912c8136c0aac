"""What stands in the way of something, as data: each cause with its live values and ways out.

Made for programs and people alike: a refusal, a permissive or a step that waits is answered
with these, all of them at once, so that nobody finds the second cause after curing the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Any

from config.models import Role, Trip
from controller.bypass import LONGEST_MIN, LONGEST_NS, Bypass
from controller.condition_nodes import Finding
from controller.events import Actor
from controller.operating.picture import bypass_in_force, reading
from controller.refusals import Cause, Refusal

if TYPE_CHECKING:
    from controller.app import Kernel

Row = dict[str, Any]

_BY_TRIP = {Cause.FORCED, Cause.BLOCKED, Cause.LEFT_ALONE}
_WITH_VALUE = {Cause.NO_COMMUNICATION, Cause.SHED, Cause.CROSS_LIMIT}


class Kind(StrEnum):
    """What sort of thing stands in the way."""

    STATE = "state"  # of the procedure
    PERSON = "person"  # role of who asks
    CONTROL = "control"  # somebody else has it
    RECORD = "record"  # it cannot be written
    ARMING = "arming"  # a device is not known to be safe on its own
    INTERLOCK = "interlock"  # a row that acts until a person resets it
    PERMISSIVE = "permissive"  # a row that acts until its condition is fulfilled
    OUTPUT = "output"  # the gate: range, rate, mode, rank, link, shed
    STEP = "step"  # a step of the procedure waits
    QUESTION = "question"  # a person has to answer
    RESTART = "restart"  # what was found after the service had failed
    REQUEST = "request"  # what was asked for cannot be, as it was asked


@dataclass(frozen=True, slots=True)
class Blocking:
    """One cause.

    Attributes:
        kind: see ``Kind``.
        name: trip, tag, instrument, ``unit.phase.step``, question or person it is about.
        says: the cause in words.
        inputs: live values it rests on, each with unit, quality, age, and its test if it has one.
        more: what only this kind has; a trip: ``title``, ``level``, ``hazard``, ``first_out``,
            ``since_s``, ``cause`` (present, gone, unknown), ``when_tripped``, ``reset``,
            ``bypass``; a question: ``choices``, ``role``; control: ``by``, ``left_s``.
    """

    kind: Kind
    name: str
    says: str
    inputs: tuple[Row, ...] = ()
    more: Row = field(default_factory=dict)

    def row(self) -> Row:
        """As plain data."""
        return {
            "kind": str(self.kind), "name": self.name, "says": self.says,
            "inputs": list(self.inputs), **self.more,
        }  # fmt: skip


def of_trip(kernel: Kernel, name: str, actor: Actor, now_ns: int) -> Blocking:
    """A row of the matrix: what it sees now, whether it was first, who gets past it and how."""
    rows, trip = kernel.interlocks, _trip(kernel, name)
    cause = {True: "present", False: "gone", None: "unknown"}[rows.cause(name)]
    kind = Kind.INTERLOCK if trip.latched else Kind.PERMISSIVE
    return Blocking(
        kind,
        name,
        rows.says(name),
        tuple(_found(kernel, finding, now_ns) for finding in rows.findings(name)),
        {
            "title": trip.title,
            "level": str(trip.level),
            "hazard": trip.hazard,
            "first_out": rows.result.first_out == name,
            "since_s": round((now_ns - rows.since_ns(name)) / 1e9, 1) if rows.acts(name) else None,
            "cause": cause if rows.watched(name) else "not watched",
            "when_tripped": rows.why(name),
            "response": trip.response,
            "reset": _reset(kernel, trip, actor),
            "bypass": _bypass(kernel, trip, actor, now_ns),
        },
    )


def of_refusal(kernel: Kernel, refusal: Refusal, actor: Actor, now_ns: int) -> list[Blocking]:
    """A refusal of the gate, and the row of the matrix behind it if there is one."""
    tag = refusal.tag
    known = refusal.cause in _WITH_VALUE and tag in kernel.table.names
    inputs = (reading(kernel, tag, now_ns),) if known else ()
    more: Row = {"cause": str(refusal.cause)}
    more |= {
        key: value
        for key, value in (("value", refusal.value), ("limit", refusal.limit))
        if isfinite(value)
    }
    found = [Blocking(Kind.OUTPUT, tag, str(refusal), inputs, more)]
    trip = _behind(kernel, refusal)
    return [*found, of_trip(kernel, trip, actor, now_ns)] if trip else found


def live(kernel: Kernel, tags: Sequence[str], now_ns: int) -> tuple[Row, ...]:
    """Live values of tags."""
    return tuple(reading(kernel, tag, now_ns) for tag in tags)


# --- inside ----------------------------------------------------------------------------------


def _trip(kernel: Kernel, name: str) -> Trip:
    return next(trip for trip in kernel.line.trip if trip.name == name)


def _found(kernel: Kernel, finding: Finding, now_ns: int) -> Row:
    """A leaf of a condition with its tag's reading."""
    limit = finding.limit if isfinite(finding.limit) else None
    return reading(kernel, finding.tag, now_ns) | {"test": finding.test, "limit": limit}


def _reset(kernel: Kernel, trip: Trip, actor: Actor) -> Row | None:
    """Whether this person may reset a row now; None where it ends by itself."""
    if not trip.latched:
        return None
    against = kernel.interlocks.against_reset(trip.name, actor, "asked")
    return {"possible": not against, "against": [refusal.detail for refusal in against]}


def _bypass(kernel: Kernel, trip: Trip, actor: Actor, now_ns: int) -> Row:
    """Who may bypass a row until when, and the bypass in force."""
    until_ns = now_ns + LONGEST_NS
    asked = Bypass(trip.name, Actor(actor.name, Role.ENGINEER), "asked", until_ns)
    against = kernel.interlocks.against_bypass(asked, now_ns)
    return {
        "role": None if against else str(Role.ENGINEER),
        "you": not against and actor.may(Role.ENGINEER),
        "until_ns": None if against else until_ns,
        "longest_min": LONGEST_MIN,
        "against": [refusal.detail for refusal in against],
        "in_force": bypass_in_force(kernel, now_ns),
    }


def _behind(kernel: Kernel, refusal: Refusal) -> str:
    """Row of the matrix behind a refusal, empty when there is none."""
    if refusal.cause not in _BY_TRIP:
        return ""
    index, result = kernel.table.index(refusal.tag), kernel.interlocks.result
    if refusal.cause is Cause.FORCED:
        return result.forced[index].trip if index in result.forced else ""
    return (result.blocks if refusal.cause is Cause.BLOCKED else result.left).get(index, "")
