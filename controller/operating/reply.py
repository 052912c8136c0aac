"""What the desk answers: done or refused, lines for people, data for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to one verb.

    Attributes:
        ok: it was done.
        lines: what happened, for the person.
        data: the same and more for programs; plain JSON values only.
        refused: every reason against it; empty when done.
    """

    ok: bool
    lines: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    refused: tuple[str, ...] = ()


def done(*lines: str, **data: object) -> Reply:
    """It was done."""
    return Reply(True, lines, data)


def refuse(*reasons: str, **data: object) -> Reply:
    """It was not done, for these reasons."""
    return Reply(False, (), data, reasons)
