"""How far a mirror has come: a small file beside the record, written after the server's yes.

Rows are counted, not timed: the n-th row of a scan group stays the n-th row when the record
merges its blocks, and when a clock is set back. What was sent but not yet noted is sent again
after a crash, with the same stamps, so that the server holds it once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

from controller.outlets.errors import CursorError

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """What a mirror has handed over.

    Attributes:
        rows: rows of each scan group, by its number in the record.
        event: number of the last event.
        profile: number of the last scanner profile.
        link: number of the last head of the chain.
    """

    rows: Mapping[int, int] = field(default_factory=dict)
    event: int = 0
    profile: int = 0
    link: int = 0


class Cursor:
    """The progress of one mirror of one record, safe against crashes and second copies.

    Args:
        record: the record file.
        kind: ``influx`` or ``mqtt``.
        destination: server and bucket or topic; another one has a cursor of its own.
        lot: lot and beginning of the record; a file of the same name is not the same record.

    Attributes:
        path: the file.
        progress: what was handed over so far.

    Raises:
        CursorError: it cannot be written here, is damaged, or is in use.
    """

    def __init__(self, record: Path, kind: str, destination: str, lot: str) -> None:
        short = hashlib.sha256(destination.encode()).hexdigest()[:8]
        self.path = record.with_name(f"mirror-{kind}-{short}.json")
        self._head = {"version": VERSION, "destination": destination, "record": lot}
        self._lock = _locked(self.path)
        try:
            self.progress = self._read()
            self.acknowledge(self.progress)
        except CursorError:
            self._lock.close()
            raise

    def _read(self) -> Progress:
        try:
            content = json.loads(self.path.read_text("utf-8"))
            stored = {key: content[key] for key in self._head}
            rows = {int(group): int(count) for group, count in content["rows"].items()}
            notes = int(content["event"]), int(content["profile"])
            progress = Progress(rows, *notes, int(content.get("link", 0)))
        except FileNotFoundError:
            return Progress()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CursorError(
                f"{self.path}: cannot be read as the cursor of a mirror ({error}); "
                "remove it to mirror the record from its beginning"
            ) from error
        if stored != self._head:
            raise CursorError(
                f"{self.path}: belongs to {stored['record']} on {stored['destination']}; "
                "remove it to mirror this record from its beginning"
            )
        return progress

    def acknowledge(self, progress: Progress) -> None:
        """Note what the server has accepted; on the disk when this returns.

        Raises:
            CursorError: the file cannot be written.
        """
        content: dict[str, Any] = self._head | {
            "event": progress.event,
            "profile": progress.profile,
            "link": progress.link,
            "rows": {str(group): count for group, count in sorted(progress.rows.items())},
        }
        part = self.path.with_name(self.path.name + ".part")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError as error:
            raise CursorError(
                f"{self.path}: the mirror cannot note how far it came ({error.strerror})"
            ) from error
        self.progress = progress

    def close(self) -> None:
        """Let another mirror use the cursor."""
        self._lock.close()


def _locked(path: Path) -> apsw.Connection:
    """Hold a lock that vanishes with the process (SQLite's work alike on every system)."""
    try:
        connection = apsw.Connection(str(path.with_suffix(".lock")))
        connection.pragma("journal_mode", "memory")
        connection.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError as error:
        raise CursorError(f"{path}: this mirror is running already") from error
    except apsw.Error as error:
        raise CursorError(
            f"{path}: the mirror keeps its cursor beside the record and cannot write there"
        ) from error
    return connection
