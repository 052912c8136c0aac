"""What the desk answers: done or refused, lines for people, data for programs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from controller.events import EventValue


@dataclass(frozen=True, slots=True)
class Change:
    """What a command changed, for the audit.

    Attributes:
        tag: what it is about: a tag, unit, trip, question or operation.
        old, new: before and after.
        why: in place of the reason that was given, where the command has none.
    """

    tag: str = ""
    old: EventValue = None
    new: EventValue = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to one verb.

    Attributes:
        ok: it was done.
        lines: what happened, for the person.
        data: the same and more for programs; plain JSON values only.
        refused: every reason against it; empty when done.
        change: what a command changed; it stays here.
        ticket: of the record that must be on the disk before the reply goes out; 0: none.
    """

    ok: bool
    lines: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    change: Change = Change()
    ticket: int = 0

    def about(
        self, tag: str = "", old: EventValue = None, new: EventValue = None, why: str = ""
    ) -> Self:
        """The same with what was changed, for the audit."""
        return replace(self, change=Change(tag, old, new, why))


def done(*lines: str, **data: object) -> Reply:
    """It was done."""
    return Reply(True, lines, data)


def refuse(*reasons: str, **data: object) -> Reply:
    """It was not done, for these reasons."""
    return Reply(False, (), data, reasons)
