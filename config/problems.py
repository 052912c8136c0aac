"""Findings in configuration files: each says where, which field, what was given, what is allowed.

ConfigError carries all findings of one load; nothing is reported one at a time.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from config.positions import Path

_LONGEST_VALUE = 60


class Category(StrEnum):
    """Kinds of findings, as written in the message."""

    FILE = "file"
    SIZE = "size"
    ENCODING = "encoding"
    SYNTAX = "syntax"
    TYPE = "type"
    MISSING = "missing key"
    UNKNOWN_KEY = "unknown key"
    UNIT = "unit"
    RANGE = "range"
    REFERENCE = "reference"
    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"
    PHYSICS = "physics"


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
        file: path as the user gave it.
        line, column: from 1; 0 when the file could not be read at all.
        field: dotted, ``unit[2].phase[0].use``; empty for the whole file.
        got: the value as text, empty when there is none.
        allowed: what may stand there, with a suggestion where one is near.
    """

    file: str
    line: int
    column: int
    field: str
    category: Category
    message: str
    got: str = ""
    allowed: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        field = f"{self.field}: " if self.field else ""
        got = f"; got {self.got}" if self.got else ""
        allowed = f"; {self.allowed}" if self.allowed else ""
        return f"{where}: {field}{self.category}: {self.message}{got}{allowed}"


class ConfigError(Exception):
    """A file cannot be used.

    Attributes:
        problems: every finding, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def dotted(path: Path) -> str:
    """Write a path as people do: ``zone[0].heater_kw``; odd keys in quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part.replace("-", "").replace("_", "").isalnum()
            text += ("." if text else "") + (part if plain else f'"{part}"')
    return text


def quote(value: object) -> str:
    """Show a value shortly, the way it would stand in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, if any is like it."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return near[0] if near else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` for the nearest known word, or empty."""
    near = nearest(word, known)
    return f"did you mean '{near}'?" if near else ""
