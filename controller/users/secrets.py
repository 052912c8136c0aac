"""Passwords from files: only from one that nobody else may read."""

from __future__ import annotations

from pathlib import Path

from controller.users.errors import BookError
from controller.users.owned import read_owned

_LARGEST = 1024


def read_secret(path: Path) -> str:
    """First line of a file that belongs to who runs this and that nobody else may read.

    Raises:
        BookError: it is missing, open to others, empty or too large; never with its contents.
    """
    return _first_line(path, read_owned(path, _LARGEST, follow=True))


def _first_line(path: Path, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BookError(f"{path}: not text") from None
    line = text.split("\n", 1)[0].removesuffix("\r")
    if not line or len(raw) > _LARGEST:
        raise BookError(f"{path}: its first line is the password; it is empty or too large")
    return line
