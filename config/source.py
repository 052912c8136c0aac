"""Reading a TOML file into data and positions, with every way the bytes can be wrong."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Final

from config.positions import Path, Place, Positions
from config.problems import Category, ConfigError, Problem, dotted, quote

MAX_BYTES: Final = 1 << 20
_AT: Final = re.compile(r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|.*)\)$")


@dataclass
class Source:
    """One parsed file and the findings about it so far."""

    file: str
    data: dict[str, Any]
    text: str
    problems: list[Problem] = field(default_factory=list)

    @cached_property
    def positions(self) -> Positions:
        """Places of keys and values; a file without findings is never scanned for them."""
        return Positions(self.text)

    def report(
        self,
        category: Category,
        path: Path,
        message: str,
        allowed: str = "",
        *,
        at_key: bool = False,
        show: bool = True,
    ) -> None:
        """Add a finding at the value (or the key) of ``path``; ``show`` quotes the value."""
        place = self.positions.key(path) if at_key else self.positions.value(path)
        got = quote(self.get(path)) if show and path in self.positions and path else ""
        self.problems.append(
            Problem(self.file, *place, dotted(path), category, message, got, allowed)
        )

    def get(self, path: Path) -> object:
        """Value at a path, as far as it leads."""
        value: Any = self.data
        for part in path:
            value = value[part]
        return value

    def stop_on_problems(self) -> None:
        """Raise everything found so far.

        Raises:
            ConfigError: if there is anything.
        """
        if self.problems:
            raise ConfigError(sorted(self.problems, key=lambda p: (p.line, p.column)))


def read(path: FilePath | str) -> Source:
    """Read and parse one file.

    Raises:
        ConfigError: unreadable, too large, not UTF-8, with a byte order mark or a NUL, or not
            TOML; one finding with its place.
    """
    file = str(path)
    text = _decode(file, _bytes(file))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(file, text, str(error))]) from None
    except RecursionError:
        raise _fault(file, (1, 1), Category.SYNTAX, "nested too deeply") from None
    return Source(file, data, text)


def _fault(file: str, place: Place, category: Category, message: str) -> ConfigError:
    return ConfigError([Problem(file, *place, "", category, message)])


def _bytes(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - `file` is shown as the user gave it
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise _fault(file, (0, 0), Category.FILE, f"cannot be read: {reason}") from error
    if len(raw) > MAX_BYTES:
        raise _fault(file, (1, 1), Category.SIZE, "larger than 1 MiB (1048576 bytes)")
    return raw


def _decode(file: str, raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _fault(file, (1, 1), Category.ENCODING, "UTF-16; save the file as UTF-8")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise _fault(file, (1, 1), Category.ENCODING, "byte order mark; save as UTF-8 without it")
    bad: int | None = None
    message = "NUL byte; TOML is text"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        bad, message = error.start, f"byte 0x{raw[error.start]:02x} is not UTF-8"
    else:
        if "\0" not in text:
            return text
        bad = raw.index(b"\0")
    before = raw[:bad].decode("utf-8")
    place = before.count("\n") + 1, len(before) - before.rfind("\n")
    raise _fault(file, place, Category.ENCODING, message)


def _syntax(file: str, text: str, error: str) -> Problem:
    match = _AT.match(error)
    what = match.group("what") if match else error
    if match is None or match.group("line") is None:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        return Problem(file, line, column, "", Category.SYNTAX, what)
    line, column = int(match.group("line")), int(match.group("column"))
    if what.startswith(("Cannot overwrite", "Cannot declare", "Duplicate inline")):
        row = text.split("\n")[line - 1]
        column = len(row) - len(row.lstrip()) + 1 if not what.startswith("Dup") else column
        return Problem(file, line, column, "", Category.DUPLICATE, "key or table given twice")
    return Problem(file, line, column, "", Category.SYNTAX, what)
