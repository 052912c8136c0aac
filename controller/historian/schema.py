"""Tables of the record file, their version, and how such a file is opened.

The file is an ordinary SQLite database in WAL mode. ``fresh`` and ``merged`` hold the rows of
scan groups (:mod:`blocks`), ``rollup`` their aggregates; everything else is plain rows.
Tables that only grow refuse UPDATE and DELETE, and :mod:`chain` binds their rows: version 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

import apsw

from controller.historian.errors import (
    NotARecord,
    RecordError,
    RecordMissing,
    RecordSealed,
    from_sqlite,
)

APPLICATION_ID: Final = 0x464C4D31  # "FLM1"
SCHEMA_VERSION: Final = 2
READABLE: Final = (1, 2)  # records of version 1 have no chain
FILE_NAME: Final = "record.sqlite"
PAGE_BYTES: Final = 4096
CHECKPOINT_PAGES: Final = 2000
BUSY_MS: Final = 5000

TABLES: Final = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE session(
  id INTEGER PRIMARY KEY, opened_ns INTEGER NOT NULL, closed_ns INTEGER,
  software TEXT NOT NULL) STRICT;
CREATE TABLE station(name TEXT PRIMARY KEY, at_m REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE scan_group(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, period_ns INTEGER NOT NULL) STRICT;
CREATE TABLE tag(
  group_id INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL,
  low REAL NOT NULL, high REAL NOT NULL, resolution REAL NOT NULL, kind TEXT NOT NULL,
  station TEXT, description TEXT NOT NULL, PRIMARY KEY(group_id, place)) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_name ON tag(name);
CREATE TABLE fresh(
  id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL, from_ns INTEGER NOT NULL,
  to_ns INTEGER NOT NULL, rows INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE merged(
  id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL, from_ns INTEGER NOT NULL,
  to_ns INTEGER NOT NULL, rows INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE INDEX merged_by_time ON merged(group_id, from_ns, to_ns);
CREATE TABLE rollup(
  level_ns INTEGER NOT NULL, group_id INTEGER NOT NULL, merged_id INTEGER NOT NULL,
  from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL, buckets INTEGER NOT NULL,
  data BLOB NOT NULL, PRIMARY KEY(level_ns, group_id, merged_id)) STRICT, WITHOUT ROWID;
CREATE TABLE gap(
  id INTEGER PRIMARY KEY, group_id INTEGER, kind TEXT NOT NULL, from_ns INTEGER NOT NULL,
  to_ns INTEGER NOT NULL, samples INTEGER NOT NULL, quality INTEGER NOT NULL,
  reason TEXT NOT NULL) STRICT;
CREATE TABLE event(
  id INTEGER PRIMARY KEY, ns INTEGER NOT NULL, source TEXT NOT NULL, verb TEXT NOT NULL,
  tag TEXT, old ANY, new ANY, cause TEXT NOT NULL, actor TEXT) STRICT;
CREATE INDEX event_by_time ON event(ns);
CREATE TABLE journal(
  id INTEGER PRIMARY KEY, ns INTEGER NOT NULL, subject TEXT NOT NULL, entry TEXT NOT NULL) STRICT;
CREATE INDEX journal_by_subject ON journal(subject, id);
CREATE TABLE profile(
  id INTEGER PRIMARY KEY, ns INTEGER NOT NULL, scanner TEXT NOT NULL, points INTEGER NOT NULL,
  valid INTEGER NOT NULL, from_m REAL, to_m REAL, mean REAL, sigma REAL, least REAL,
  greatest REAL, data BLOB NOT NULL) STRICT;
CREATE INDEX profile_by_time ON profile(scanner, ns);
CREATE TABLE progress(
  id INTEGER PRIMARY KEY CHECK(id = 0), commits INTEGER NOT NULL, ns INTEGER NOT NULL,
  head INTEGER NOT NULL, digest BLOB NOT NULL) STRICT;
CREATE TABLE chain(
  seq INTEGER PRIMARY KEY, ns INTEGER NOT NULL, kind TEXT NOT NULL, row INTEGER NOT NULL,
  digest BLOB NOT NULL) STRICT;
"""

_ONLY_GROW: Final = (
    "meta", "station", "scan_group", "tag", "merged", "rollup", "gap", "event", "journal",
    "profile", "chain",
)  # fmt: skip
GUARDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        f"{table}_{verb.lower()}": f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON "
        f"{table} BEGIN SELECT RAISE(ABORT, 'the record only grows'); END"
        for table in _ONLY_GROW
        for verb in ("UPDATE", "DELETE")
    }
    | {
        "session_update": "CREATE TRIGGER session_update BEFORE UPDATE OF id, opened_ns, software "
        "ON session BEGIN SELECT RAISE(ABORT, 'the record only grows'); END",
        "session_delete": "CREATE TRIGGER session_delete BEFORE DELETE "
        "ON session BEGIN SELECT RAISE(ABORT, 'the record only grows'); END",
    }
)
"""Triggers of a record by name: the first fence. The chain is the proof."""


def record_file(path: Path) -> Path:
    """Find the record file: the path itself, or ``record.sqlite`` in that folder."""
    return path / FILE_NAME if path.is_dir() else path


def connect_writer(path: Path) -> apsw.Connection:
    """Open a record for its one writer, making the tables when the file is new.

    Raises:
        RecordError: the file cannot be written, is something else, or is sealed.
    """
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_MS)
        if connection.pragma("page_count") == 0:
            _create(connection)
        _check_identity(connection, path, (SCHEMA_VERSION,))
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
    except apsw.Error as error:
        _close(connection)
        raise from_sqlite(error, path) from error
    except RecordError:
        _close(connection)
        raise
    return connection


def _close(connection: apsw.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _create(connection: apsw.Connection) -> None:
    connection.pragma("page_size", PAGE_BYTES)
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(TABLES)
    connection.execute("INSERT INTO progress VALUES(0, 0, 0, 0, ?)", (bytes(32),))
    _guard(connection)
    connection.pragma("user_version", SCHEMA_VERSION)
    connection.execute("COMMIT")


def _guard(connection: apsw.Connection) -> None:
    for trigger in GUARDS.values():
        connection.execute(trigger)


@contextmanager
def unguarded(connection: apsw.Connection) -> Iterator[None]:
    """Let a doubtful batch be taken back, inside the transaction that does so."""
    for name in GUARDS:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    yield
    _guard(connection)


def _check_identity(connection: apsw.Connection, path: Path, versions: tuple[int, ...]) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise NotARecord(f"{path}: it is an SQLite file, but not a filmline record")
    version = connection.pragma("user_version")
    if version not in versions:
        told = " and ".join(map(str, versions))
        raise NotARecord(
            f"{path}: record of version {version}; this software "
            f"{'writes' if versions == (SCHEMA_VERSION,) else 'reads'} version {told}"
        )


def refuse_sealed(connection: apsw.Connection, path: Path) -> None:
    """Raise RecordSealed when the record was closed with a content hash."""
    if connection.execute("SELECT 1 FROM meta WHERE key = 'content_sha256'").fetchone():
        raise RecordSealed(f"{path}: the record is sealed; nothing can be added")


def connect_reader(path: Path) -> apsw.Connection:
    """Open a record for reading beside its writer, or on a medium that cannot be written.

    Raises:
        RecordError: there is no such file, or it is not a record.
    """
    if not path.is_file():
        raise RecordMissing(f"{path}: there is no record here")
    connection: apsw.Connection | None = None
    try:
        connection = _reading(path)
        connection.set_busy_timeout(BUSY_MS)
        _check_identity(connection, path, READABLE)
    except apsw.Error as error:
        _close(connection)
        raise from_sqlite(error, path) from error
    except RecordError:
        _close(connection)
        raise
    return connection


def _reading(path: Path) -> apsw.Connection:
    """Open read-only; a WAL file on a read-only medium needs the word ``immutable``."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    uri = path.resolve().as_uri()
    connection = apsw.Connection(f"{uri}?mode=ro", flags=flags)
    try:
        connection.pragma("schema_version")
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        connection.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        return apsw.Connection(f"{uri}?mode=ro&immutable=1", flags=flags)
    return connection
