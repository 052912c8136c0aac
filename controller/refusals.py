"""Answers of the controller to a request: accepted, or refused with every reason, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Source(IntEnum):
    """Who asks for a write; the greater outranks the lesser."""

    LOOP = 0
    RECIPE = 1
    OPERATOR = 2
    INTERLOCK = 3


class Cause(StrEnum):
    """Why a request was refused."""

    UNKNOWN_TAG = "unknown tag"
    NOT_WRITABLE = "not writable"
    NOT_A_NUMBER = "not a number"
    RANGE = "out of range"
    RATE = "too fast"
    MODE = "mode"
    OUTRANKED = "outranked"
    ROLE = "role"
    REASON = "no reason"
    FORCED = "forced by interlock"
    BLOCKED = "increase blocked"
    LEFT_ALONE = "left alone"
    CROSS_LIMIT = "cross limit"
    NO_COMMUNICATION = "no communication"
    SHED = "shed"
    CONFIRM = "confirm"
    CAUSE_PRESENT = "cause present"
    NOT_TRIPPED = "not tripped"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason against a request.

    Attributes:
        tag: tag or trip asked for.
        cause: kind of reason.
        detail: the reason in words, with live values.
        value: live value or value asked for, whichever the reason is about; NaN when none.
        limit: number it was compared with; NaN when none.
    """

    tag: str
    cause: Cause
    detail: str
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{self.tag}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Fate of a request.

    Attributes:
        accepted: it was carried out.
        reasons: every reason against it; empty when accepted.
        nonce: repeat the request with this to confirm a large change; empty otherwise.
    """

    accepted: bool
    reasons: tuple[Refusal, ...] = ()
    nonce: str = ""

    def __bool__(self) -> bool:
        return self.accepted

    def __str__(self) -> str:
        return "accepted" if self.accepted else "; ".join(str(reason) for reason in self.reasons)


ACCEPTED = Decision(accepted=True)


def refused(*reasons: Refusal) -> Decision:
    """Refuse for the given reasons."""
    return Decision(False, reasons)
