"""Folders whose names a power cut cannot take: SQLite syncs files, not what their folder is in."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder, and see to it that its name is on the disk.

    Its own name is synced although it was there: whoever made it may not have done so. What may
    not be opened for reading (on Windows: any folder) is left to the file system.

    Raises:
        OSError: it cannot be made, or the disk fails.
    """
    missing = [place for place in folder.parents if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in (folder, *missing):
        _sync(made.parent)


def _sync(folder: Path) -> None:
    with suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
