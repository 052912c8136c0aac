"""Finds the lot of a line that was not closed: its controller failed while it was made."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from controller.errors import ControllerError
from controller.historian.errors import RecordBusy, RecordError
from controller.historian.query import Record
from controller.historian.schema import FILE_NAME
from controller.historian.startup import lock, lock_file


class CannotContinue(ControllerError):
    """A lot that cannot be continued as asked; the message says why."""


@dataclass(frozen=True)
class Unfinished:
    """A lot that can go on.

    Attributes:
        folder: of the lot. line_text, recipe_text: it was begun with. epoch: of its
            simulation, empty on a plant.
    """

    folder: Path
    line_text: str
    recipe_text: str
    epoch: str


def look(folder: Path, line: str, plant: str) -> Unfinished | None:
    """The lot in a folder if it was not closed; None when it was, or there is none.

    Raises:
        CannotContinue: it belongs to another line, or to a plant instead of a simulation.
        RecordError: its record cannot be read.
    """
    file = folder / FILE_NAME
    if not file.exists():
        return None
    with Record(folder) as record:
        meta = record.info()
    if "content_sha256" in meta:
        return None
    for key, wanted in (("line", line), ("plant", plant)):
        if meta[key] != wanted:
            raise CannotContinue(f"{folder}: its {key} is {meta[key]}, not {wanted}")
    return Unfinished(folder, meta["line_text"], meta["recipe_text"], meta.get("extra.epoch", ""))


def find(runs: Path, line: str, plant: str, epoch: str) -> Unfinished | None:
    """The newest lot of this line, and of this simulation, that was not closed.

    A lot that another service writes now is not found, nor is one that cannot be read.
    """
    files = sorted(runs.glob(f"*/{FILE_NAME}"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        if not lock_file(file).exists():
            continue  # closed: its lock went with the seal
        with suppress(CannotContinue, RecordError):
            found = look(file.parent, line, plant)
            if found is not None and found.epoch == epoch and not _busy(file):
                return found
    return None


def _busy(file: Path) -> bool:
    try:
        lock(file).close()
    except RecordBusy:
        return True
    return False
