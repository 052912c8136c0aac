"""The alarms a line file defines, each with its words: its own, or those of a shared text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from config.line_models import CalculatedTag, Line, TagSpec

KINDS = (("LL", "low_low", -1.0), ("L", "low", -1.0), ("H", "high", 1.0), ("HH", "high_high", 1.0))
"""Kind of a limit, its field, and the direction in which it is passed."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a person must know of an alarm (ISA-18.2 rationalization).

    Attributes:
        cause: what usually lies behind it.
        consequence: what follows when nobody acts.
        response: what to do.
        respond_min: minutes for it; None when nothing says.
    """

    cause: str
    consequence: str
    response: str
    respond_min: float | None


def alarm_names(spec: TagSpec | CalculatedTag) -> Iterator[tuple[str, float, float]]:
    """Name, limit and direction of each alarm of a tag."""
    for kind, field, sign in KINDS:
        limit = None if spec.alarm is None else getattr(spec.alarm, field)
        if limit is not None:
            yield f"{spec.name}/{kind}", limit, sign


def words_of(line: Line, name: str, spec: TagSpec | CalculatedTag) -> Words:
    """Words of an alarm; what it does not say itself is said by the first text that does."""
    texts = [text for text in line.alarm_text if matches(name, text.alarms)]
    sources = [source for source in (spec.alarm, *texts) if source is not None]

    def first(field: str) -> str:
        return next((found for s in sources if (found := getattr(s, field).strip())), "")

    minutes = next((s.respond_min for s in sources if s.respond_min is not None), None)
    return Words(first("cause"), first("consequence"), first("response"), minutes)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether an alarm is among those that patterns name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
