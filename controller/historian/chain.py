"""The chain: every row that the record keeps for ever is bound to the one before it.

Table ``chain`` has one link per row of what is never changed: identity, stations, sessions,
scan groups with their tags, gaps, events, journal entries, profiles, merged blocks with their
rollups, and the seal. A link's digest is SHA-256 over the digest before it, its own number,
time, class and row, and the row's content as SQLite holds it. It is written in the transaction
that writes the row. The number and digest of the last link, the *head*, stand in ``progress``
with each commit; a copy of them kept elsewhere shows a chain that was written anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import apsw

from controller.historian.canonical import canonical_row

GENESIS: Final = bytes(32)
ONLY: Final = 0  # row of a class that has one content
SEAL: Final = "seal"

_META: Final = """
SELECT key, value FROM meta
WHERE key NOT IN ('content_sha256', 'sealed_ns') AND ?1 = 0 ORDER BY key
"""
_TAGS: Final = """
SELECT place, name, unit, low, high, resolution, kind, station, description
FROM tag WHERE group_id = ?1 ORDER BY place
"""
_GAP: Final = """
SELECT group_id, kind, from_ns, to_ns, samples, quality, reason FROM gap WHERE id = ?1
"""
_EVENT: Final = """
SELECT ns, source, verb, tag, old, new, cause, actor FROM event WHERE id = ?1
"""
_PROFILE: Final = """
SELECT ns, scanner, points, valid, from_m, to_m, mean, sigma, least, greatest, data
FROM profile WHERE id = ?1
"""
_ROLLUPS: Final = """
SELECT level_ns, from_ns, to_ns, buckets, data FROM rollup
WHERE level_ns IN (60000000000, 3600000000000) AND merged_id = ?1
  AND group_id = (SELECT group_id FROM merged WHERE id = ?1) ORDER BY level_ns
"""
CONTENT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "meta": (_META,),
        "station": ("SELECT name, at_m FROM station WHERE ?1 = 0 ORDER BY name",),
        "session": ("SELECT opened_ns, software FROM session WHERE id = ?1",),
        "scan_group": ("SELECT name, period_ns FROM scan_group WHERE id = ?1", _TAGS),
        "gap": (_GAP,),
        "event": (_EVENT,),
        "journal": ("SELECT ns, subject, entry FROM journal WHERE id = ?1",),
        "profile": (_PROFILE,),
        "merged": (
            "SELECT group_id, from_ns, to_ns, rows, data FROM merged WHERE id = ?1",
            _ROLLUPS,
        ),
        SEAL: (
            "SELECT value FROM meta WHERE key = 'sealed_ns' AND ?1 = 0",
            "SELECT id, closed_ns FROM session WHERE ?1 = 0 ORDER BY id",
        ),
    }
)
"""Queries that give the content of one row, without its number; a class may need several."""

GROWING: Final = ("scan_group", "gap", "event", "journal", "profile", "merged")
"""Classes whose rows have numbers and come with commits."""

_HEAD: Final = "SELECT seq, digest FROM chain ORDER BY seq DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Head:
    """End of a chain: number and digest of its last link. ``0`` and zeros before the first."""

    seq: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class Link:
    """One row of table ``chain``.

    Attributes:
        seq: number, from 1 without holes.
        ns: time of the commit that wrote it.
        kind: class of the row it binds.
        row: number of that row in its class.
        digest: SHA-256 that binds it and all before it.
    """

    seq: int
    ns: int
    kind: str
    row: int
    digest: bytes


def content(connection: apsw.Connection, kind: str, row: int) -> bytes | None:
    """What a row says, as bytes; None where there is no such row.

    Raises:
        UnicodeDecodeError: a text in it is damaged.
    """
    first, *more = ([*connection.execute(query, (row,))] for query in CONTENT[kind])
    if not first:
        return None
    return b"".join(canonical_row(found) for rows in (first, *more) for found in rows)


def link_digest(before: bytes, place: tuple[int, int, str, int], said: bytes) -> bytes:
    """Digest of a link.

    Args:
        before: digest of the link before it.
        place: its number, its time, class and number of the row.
        said: content of the row.
    """
    return hashlib.sha256(before + canonical_row(place) + said).digest()


def head(connection: apsw.Connection) -> Head:
    """The last link of a record that is being written."""
    found = connection.execute(_HEAD).fetchone()
    return Head(*found) if found else Head(0, GENESIS)


def extend(connection: apsw.Connection, after: Mapping[str, int], now_ns: int) -> None:
    """Link every row of the growing classes beyond those numbers, and note the new head.

    Args:
        connection: the writer's, inside its transaction.
        after: highest row number of each class before this commit. Rows that something else
            put there in between stay without a link, and so are found.
        now_ns: time of the commit.
    """
    rows = [
        (kind, row)
        for kind in GROWING
        for (row,) in connection.execute(
            f"SELECT id FROM {kind} WHERE id > ? ORDER BY id",  # noqa: S608 - names of ours
            (after[kind],),
        )
    ]
    append(connection, rows, now_ns)


def append(connection: apsw.Connection, rows: list[tuple[str, int]], now_ns: int) -> None:
    """Link rows of any class, in this order, and note the new head."""
    last = head(connection)
    seq, digest = last.seq, last.digest
    links = []
    for kind, row in rows:
        said = content(connection, kind, row)
        if said is None:
            raise LookupError(f"{kind} {row} is to be linked and is not there")
        seq += 1
        digest = link_digest(digest, (seq, now_ns, kind, row), said)
        links.append((seq, now_ns, kind, row, digest))
    if links:
        connection.executemany("INSERT INTO chain VALUES(?, ?, ?, ?, ?)", links)
        connection.execute("UPDATE progress SET head = ?, digest = ?", (seq, digest))
