"""Passwords from files: only from one that nobody else may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from controller.users.errors import BookError

_LARGEST = 1024


def read_secret(path: Path) -> str:
    """First line of a file that belongs to who runs this and that nobody else may read.

    Raises:
        BookError: it is missing, open to others, empty or too large; never with its contents.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BookError(f"{path}: {error.strerror or error}") from None
    try:
        _check_alone(path, os.fstat(handle))
        with os.fdopen(handle, "rb", closefd=False) as file:
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        raise BookError(f"{path}: {error.strerror or error}") from None
    finally:
        os.close(handle)
    return _first_line(path, raw)


def _check_alone(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_uid not in {os.getuid(), 0}:
        raise BookError(f"{path}: not a file of who runs this")
    if found.st_mode & 0o077:
        raise BookError(f"{path}: others may read it; chmod 600 it")


def _first_line(path: Path, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BookError(f"{path}: not text") from None
    line = text.split("\n", 1)[0].removesuffix("\r")
    if not line or len(raw) > _LARGEST:
        raise BookError(f"{path}: its first line is the password; it is empty or too large")
    return line
