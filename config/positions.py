"""Where each key and value of a TOML text stands: line and column for error messages.

The text was already accepted by ``tomllib``; this scanner only walks it again and notes
positions. A path is a tuple of keys and array indexes as ``tomllib`` would lead to the
value, for instance ``("zone", 0, "heater_kw")``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

Path = tuple[str | int, ...]
Place = tuple[int, int]
Part = tuple[str, int]  # a key and its offset in the text

_SPACE: Final = re.compile(r"[ \t]*")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE: Final = re.compile(r"[A-Za-z0-9_\-]+")
_SCALAR: Final = re.compile(r"[^,\]}#\n]*")
_BASIC: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_LITERAL: Final = re.compile(r"'[^']*'")
_LONG_BASIC: Final = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL)
_LONG_LITERAL: Final = re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPES: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


class Positions:
    """Positions of every key and value in one text.

    Args:
        text: a TOML text that ``tomllib.loads`` accepts.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self._keys: dict[Path, int] = {(): 0}
        self._values: dict[Path, int] = {(): 0}
        self._arrays: dict[Path, int] = {}
        self._at = 0
        self._statements()

    def __contains__(self, path: Path) -> bool:
        return path in self._values

    def value(self, path: Path) -> Place:
        """Line and column (from 1) of the value at ``path``, or of its nearest parent."""
        while path not in self._values:
            path = path[:-1]
        return self._place(self._values[path])

    def key(self, path: Path) -> Place:
        """Line and column (from 1) of the key at ``path``, or of its nearest parent."""
        while path not in self._keys:
            path = path[:-1]
        return self._place(self._keys[path])

    def line(self, number: int) -> str:
        """Text of a line, counted from 1."""
        start = self._starts[number - 1]
        end = self._text.find("\n", start)
        return self._text[start : end if end >= 0 else None].rstrip("\r")

    def _place(self, offset: int) -> Place:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    # --- statements ---

    def _statements(self) -> None:
        base: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                base = self._header()
            else:
                self._pair(base)
            self._skip(_BLANK)

    def _header(self) -> Path:
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        parts = self._key_parts()
        self._at += 2 if many else 1
        path: Path = ()
        for index, (name, offset) in enumerate(parts):
            path = (*path, name)
            self._note(path, offset, start)
            last = index == len(parts) - 1
            if last and many:
                self._arrays[path] = self._arrays.get(path, 0) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path] - 1)
                self._note(path, offset, start)
        self._values[path] = self._keys[path] = start if many else parts[-1][1]
        return path

    def _pair(self, base: Path) -> None:
        path = base
        for name, offset in self._key_parts():
            path = (*path, name)
            self._note(path, offset, offset)
        self._skip(_SPACE)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _note(self, path: Path, key: int, value: int) -> None:
        self._keys.setdefault(path, key)
        self._values.setdefault(path, value)

    # --- keys ---

    def _key_parts(self) -> list[Part]:
        parts: list[Part] = []
        while True:
            self._skip(_SPACE)
            parts.append((self._simple_key(), self._key_start))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _simple_key(self) -> str:
        self._key_start = self._at
        quote = self._text[self._at]
        if quote == '"':
            return _ESCAPE.sub(_unescape, self._take(_BASIC)[1:-1])
        if quote == "'":
            return self._take(_LITERAL)[1:-1]
        return self._take(_BARE)

    # --- values ---

    def _value(self, path: Path) -> None:
        self._values[path] = self._at
        first = self._text[self._at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        elif first in "\"'":
            self._string()
        else:
            self._take(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        self._skip(_BLANK)
        while self._text[self._at] != "]":
            self._keys[(*path, index)] = self._at
            self._value((*path, index))
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_BLANK)
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "}":
            self._pair(path)
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_BLANK)
        self._at += 1

    def _string(self) -> None:
        for opening, pattern in (
            ('"""', _LONG_BASIC),
            ("'''", _LONG_LITERAL),
            ('"', _BASIC),
            ("'", _LITERAL),
        ):
            if self._text.startswith(opening, self._at):
                self._take(pattern)
                return

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None or match.end() == self._at:
            raise ValueError(f"not TOML at offset {self._at}")
        self._at = match.end()
        return match.group()


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "uU" and len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)
