"""What a phase may ask for: a step describes, the runner acts.

Steps are data, so a recipe can be listed and checked before there is heat. Texts may be a
function of the context: the progress display then shows live values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from config.models import Role
from controller.procedure.context import Context

Text = str | Callable[[Context], str]
Test = Callable[[Context], bool]


@dataclass(frozen=True, slots=True)
class Put:
    """Ask the gate for one set-point or command; refused means hold, with the gate's reasons."""

    tag: str
    value: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """Put a loop (or a counter of the film position) on or off by name."""

    name: str
    on: bool


@dataclass(frozen=True, slots=True)
class Log:
    """Write a line into the event record."""

    text: str


@dataclass(frozen=True, slots=True)
class Move:
    """One set-point on its way.

    Attributes:
        tag: what moves.
        target: where to, EU.
        per_min: how fast, EU per minute; the tag's own write rate caps it.
        start: where from, EU; None = the last accepted request, or 0 before any.
        after_s: running seconds from the start of the ramp before this one begins.
        above: beyond this value ``per_min_above`` is the rate (oven ramp in two speeds).
    """

    tag: str
    target: float
    per_min: float
    start: float | None = None
    after_s: float = 0.0
    above: float = float("inf")
    per_min_above: float = float("inf")


@dataclass(frozen=True, slots=True)
class Ramp:
    """Move several set-points together; all stand still while ``holdback`` gives a reason.

    Attributes:
        holdback: reason to wait, or an empty string to go on.
        every_s: line seconds between requests.
        timeout_s: without progress (held back or refused) this long means hold.
    """

    moves: tuple[Move, ...]
    text: Text
    holdback: Callable[[Context], str] | None = None
    every_s: float = 1.0
    timeout_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until ``test`` has held ``for_s`` seconds without a gap; late means hold.

    Attributes:
        guard: reason why waiting on is wrong, or an empty string; one that lasts ``guard_s``
            holds at once.
    """

    test: Test
    text: Text
    timeout_s: float
    for_s: float = 0.0
    guard: Callable[[Context], str] | None = None
    guard_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Accumulate:
    """Integrate ``rate`` (per second) into a journaled counter until it reaches ``target``.

    Attributes:
        rate: contribution per second, None while it does not count (quality not GOOD, out
            of band).
        gap_resets: a gap zeroes the counter (purge) instead of pausing it (soak).
    """

    counter: str
    rate: Callable[[Context], float | None]
    target: float
    text: Text
    timeout_s: float
    gap_resets: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Let running time pass."""

    seconds: float
    text: Text


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a person; the answer becomes the value of the ``yield``.

    Attributes:
        key: stable name of the question, ``thread_leader``.
        question: full sentence for the person.
        role: least role that may answer.
        choices: accepted answers; the first one goes on, any other means hold.
        timeout_s: an unanswered question becomes a hold.
    """

    key: str
    question: str
    role: Role = Role.OPERATOR
    choices: tuple[str, ...] = ("done",)
    timeout_s: float = 7200.0


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run by the controlled stop; the cause of the present state stays in the reason."""

    reason: str


Step = Put | Switch | Log | Ramp | Until | Accumulate | Wait | Ask | Stop
Steps = Iterator[Step]
"""What a named step of a phase returns: a generator of steps."""
