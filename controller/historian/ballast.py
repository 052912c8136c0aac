"""A file kept only to be deleted when the disk is full, so that a run can end on record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

BALLAST_BYTES: Final = 8 << 20
_ROOM_FACTOR: Final = 4
_ZEROS: Final = bytes(1 << 16)


class Ballast:
    """Room set aside beside the record.

    Args:
        record: the record file.
        size: bytes to set aside; 0 for none.
    """

    def __init__(self, record: Path, size: int = BALLAST_BYTES) -> None:
        self._path = record.with_name(record.name + "-ballast")
        self._size = size

    @property
    def held(self) -> bool:
        """Whether the room is set aside now."""
        return self._path.exists()

    def take(self) -> bool:
        """Set the room aside if the disk has plenty more; tell whether it is held."""
        if not self._size:
            return False
        if self.held:
            return True
        try:
            if self._free() < _ROOM_FACTOR * self._size:
                return False
            self._fill()
        except OSError:
            self.drop()
            return False
        return True

    def drop(self) -> bool:
        """Give the room back to the disk; tell whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def _free(self) -> int:
        state = os.statvfs(self._path.parent)
        return state.f_bavail * state.f_frsize

    def _fill(self) -> None:
        """Write zeros: a file with holes would set nothing aside."""
        with self._path.open("wb") as file:
            for _ in range(0, self._size, len(_ZEROS)):
                file.write(_ZEROS)
            file.flush()
            os.fsync(file.fileno())
