"""Reading a file that nobody else may read or write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from controller.users.errors import BookError


def read_owned(path: Path, largest: int, *, follow: bool) -> bytes:
    """Bytes of a file that belongs to who runs this, one more than ``largest`` at most.

    Args:
        path: the file.
        largest: bytes the caller takes; a longer result says that it is too large.
        follow: a link may stand for the file, as where a system hands out secrets.

    Raises:
        BookError: it is missing, no file, somebody else's, or open to others.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        raise BookError(f"{path}: {error.strerror or error}") from None
    try:
        _check_alone(path, os.fstat(handle))
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(largest + 1)
    except OSError as error:
        raise BookError(f"{path}: {error.strerror or error}") from None
    finally:
        os.close(handle)


def _check_alone(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise BookError(f"{path}: not a file")
    if found.st_uid not in {os.getuid(), 0}:
        raise BookError(f"{path}: belongs to another user than the one who runs this")
    if found.st_mode & 0o077:
        raise BookError(f"{path}: others may read or write it; chmod 600 it")
