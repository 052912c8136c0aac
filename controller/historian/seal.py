"""Closing a record for ever, and proving later that it still says the same.

The content hash is SHA-256 over every row of every table in a fixed order, each field with
its type and length in front, so that no two contents have the same stream of bytes. It is
kept in the record beside the content, and a report binds to it by quoting it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from controller.historian.canonical import canonical
from controller.historian.errors import RecordCorrupt, RecordError, from_sqlite
from controller.historian.schema import connect_reader, record_file

HASH_KEY: Final = "content_sha256"

# Tables in the order of the hash; a column order in a table without row id is its key. Records of
# version 1 have no chain, and their hash does not hold how their tables were made.
_SINCE_2: Final = frozenset({"sqlite_schema", "chain"})
_QUERIES: Final = (
    ("sqlite_schema", "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"),
    ("meta", "SELECT key, value FROM meta WHERE key <> 'content_sha256' ORDER BY key"),
    ("session", "SELECT * FROM session ORDER BY id"),
    ("station", "SELECT * FROM station ORDER BY name"),
    ("scan_group", "SELECT * FROM scan_group ORDER BY id"),
    ("tag", "SELECT * FROM tag ORDER BY group_id, place"),
    ("merged", "SELECT * FROM merged ORDER BY id"),
    ("fresh", "SELECT * FROM fresh ORDER BY id"),
    ("rollup", "SELECT * FROM rollup ORDER BY level_ns, group_id, merged_id"),
    ("gap", "SELECT * FROM gap ORDER BY id"),
    ("event", "SELECT * FROM event ORDER BY id"),
    ("journal", "SELECT * FROM journal ORDER BY id"),
    ("profile", "SELECT * FROM profile ORDER BY id"),
    ("progress", "SELECT * FROM progress ORDER BY id"),
    ("chain", "SELECT * FROM chain ORDER BY seq"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a record is what was sealed.

    Attributes:
        sealed: the record holds a content hash.
        stored: the hash it holds, empty without one.
        computed: the hash of what it says now.
    """

    sealed: bool
    stored: str
    computed: str

    @property
    def intact(self) -> bool:
        """Sealed, and unchanged since."""
        return self.sealed and self.stored == self.computed


def content_hash(connection: apsw.Connection) -> str:
    """SHA-256 of everything the record says, as 64 hex digits."""
    digest = hashlib.sha256()
    old = int(connection.pragma("user_version")) < 2
    for table, query in _QUERIES:
        if old and table in _SINCE_2:
            continue
        digest.update(f"[{table}]".encode())
        for row in connection.execute(query):
            for value in row:
                digest.update(canonical(value))
    return digest.hexdigest()


def verify(path: Path) -> Verdict:
    """Compute the hash of a record anew and compare it with the one it holds.

    Raises:
        RecordCorrupt: the file is damaged so that it cannot be read whole.
        RecordError: there is no record here.
    """
    file = record_file(path)
    connection = connect_reader(file)
    try:
        stored = connection.execute("SELECT value FROM meta WHERE key = ?", (HASH_KEY,)).get
        return Verdict(stored is not None, stored or "", content_hash(connection))
    except apsw.SQLError as error:
        raise RecordCorrupt(f"{file}: its tables are not those of a record ({error})") from error
    except apsw.Error as error:
        named = from_sqlite(error, file)
        raise (named if isinstance(named, RecordCorrupt) else RecordError(str(named))) from error
    except UnicodeDecodeError as error:
        raise RecordCorrupt(f"{file}: a text in it is damaged") from error
    finally:
        connection.close()
