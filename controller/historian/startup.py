"""What a writer needs to know of a record that already holds something, and its lock."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from controller.historian.chain import extend, head
from controller.historian.errors import RecordBusy, from_sqlite
from controller.historian.merging import FreshRows
from controller.historian.schema import unguarded

UNDO: Final = {
    "scan_group": "DELETE FROM scan_group WHERE id > ?",
    "tag": "DELETE FROM tag WHERE group_id > ?",
    "fresh": "DELETE FROM fresh WHERE id > ?",
    "gap": "DELETE FROM gap WHERE id > ?",
    "event": "DELETE FROM event WHERE id > ?",
    "journal": "DELETE FROM journal WHERE id > ?",
    "profile": "DELETE FROM profile WHERE id > ?",
    "chain": "DELETE FROM chain WHERE seq > ?",
}
_HIGHEST: Final = """
SELECT coalesce((SELECT max(id) FROM scan_group), 0),
  coalesce((SELECT max(group_id) FROM tag), 0), coalesce((SELECT max(id) FROM fresh), 0),
  coalesce((SELECT max(id) FROM gap), 0), coalesce((SELECT max(id) FROM event), 0),
  coalesce((SELECT max(id) FROM journal), 0), coalesce((SELECT max(id) FROM profile), 0),
  coalesce((SELECT max(seq) FROM chain), 0), coalesce((SELECT max(id) FROM merged), 0)
"""


def lock_file(path: Path) -> Path:
    """Name of the empty file whose lock the writer holds."""
    return path.with_name(path.name + "-writer")


def lock(path: Path) -> apsw.Connection:
    """Become the one writer until the connection is closed or the process dies.

    SQLite's own locks are used because they work alike on every system and vanish with the
    process; the record itself is never locked against readers.

    Raises:
        RecordBusy: another process, or another store of this one, writes the record.
        RecordError: the folder cannot be written.
    """
    name = lock_file(path)
    try:
        connection = apsw.Connection(str(name))
        connection.pragma("journal_mode", "memory")
        connection.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError as error:
        raise RecordBusy(f"{path}: another controller writes this record") from error
    except apsw.Error as error:
        raise from_sqlite(error, path) from error
    return connection


def fresh_rows(connection: apsw.Connection) -> dict[int, FreshRows]:
    """Fresh blocks that an earlier session left, by scan group."""
    waiting = {
        number: FreshRows(number, name, ())
        for number, name in connection.execute("SELECT id, name FROM scan_group")
    }
    tags = connection.execute("SELECT group_id, resolution FROM tag ORDER BY group_id, place")
    for number, resolution in tags:
        waiting[number].resolutions += (resolution,)
    blocks = connection.execute("SELECT group_id, id, rows, from_ns, to_ns FROM fresh ORDER BY id")
    for number, *block in blocks:
        waiting[number].add(*block)
    return waiting


def highest_ids(connection: apsw.Connection) -> dict[str, int]:
    """Highest row number of each table that a batch adds to, before it does."""
    row = connection.execute(_HIGHEST).fetchone()
    return dict(zip((*UNDO, "merged"), row, strict=True)) if row else {}


def take_back(connection: apsw.Connection, highest: dict[str, int]) -> None:
    """Remove what a batch added after :func:`highest_ids`; merged rows stay, with a new link."""
    with unguarded(connection):
        for table, statement in UNDO.items():
            connection.execute(statement, (highest[table],))
    last = head(connection)
    connection.execute("UPDATE progress SET head = ?, digest = ?", (last.seq, last.digest))
    extend(connection, highest, last_commit_ns(connection))


def last_commit_ns(connection: apsw.Connection) -> int:
    """Time of the last commit."""
    return int(connection.execute("SELECT ns FROM progress").get)


def next_block(connection: apsw.Connection) -> int:
    """First free number of a fresh block."""
    return int(connection.execute("SELECT coalesce(max(id), 0) + 1 FROM fresh").get)


def latest_rows(connection: apsw.Connection) -> dict[int, int]:
    """Sending time of the last stored row of each scan group."""
    return dict(
        connection.execute(
            "SELECT group_id, max(to_ns) FROM ("
            "SELECT group_id, to_ns FROM merged UNION ALL SELECT group_id, to_ns FROM fresh"
            ") GROUP BY group_id"
        )
    )
