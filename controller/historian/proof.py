"""Whether a record is what was written: its chain, its head, its blocks, its seal.

Works on a copy of the file, without the service. A record that is still being written has no
seal; its head then says where it ended with the last commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from controller.historian.blocks import read_block
from controller.historian.chain import SEAL, Head, Link
from controller.historian.chain_check import Finding, check_chain
from controller.historian.errors import BadQuery, RecordCorrupt, from_sqlite
from controller.historian.schema import GUARDS, connect_reader, record_file
from controller.historian.seal import HASH_KEY, content_hash

_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """What the check of a record found.

    Attributes:
        lot, plant: whose record it is; empty when that cannot be read.
        chained: it has a chain (records of version 1 have none).
        links: links of its chain.
        head: number and digest of the last link.
        sealed: it is closed.
        findings: everything that is not as it was written; empty when it is whole.
    """

    lot: str
    plant: str
    chained: bool
    links: int
    head: str
    sealed: bool
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Nothing was found."""
        return not self.findings


def parse_head(text: str) -> Head:
    """Read ``NUMBER:DIGEST``, as the mirrors publish it.

    Raises:
        BadQuery: it is not one.
    """
    number, _, digest = text.partition(":")
    try:
        head = Head(int(number), bytes.fromhex(digest))
    except ValueError:
        head = Head(0, b"")
    if head.seq < 1 or len(head.digest) != _DIGEST_BYTES:
        raise BadQuery(
            f"head {text!r}: write it as NUMBER:SHA256, such as 17:9f86d0... (64 digits)"
        )
    return head


def prove(path: Path, kept: Head | None = None) -> Proof:
    """Check a record whole.

    Args:
        path: the record file, or the folder it is in.
        kept: a head that was kept elsewhere; the record must still hold it.

    Raises:
        RecordError: there is no record here, or it cannot be opened.
    """
    file = record_file(path)
    try:
        connection = connect_reader(file)
    except RecordCorrupt as error:
        return _damaged(error)
    try:
        connection.execute("BEGIN")
        return _prove(connection, kept)
    except (apsw.SQLError, UnicodeDecodeError) as error:  # the tables themselves are damaged
        return _damaged(error)
    except apsw.Error as error:
        named = from_sqlite(error, file)
        if isinstance(named, RecordCorrupt):
            return _damaged(named)
        raise named from error
    finally:
        connection.close()


def _damaged(error: Exception) -> Proof:
    text = f"the file is damaged so that it cannot be read whole ({error})"
    found = Finding("damaged", "file", 0, 0, 0, text)
    return Proof("", "", chained=True, links=0, head="", sealed=False, findings=(found,))


def _prove(connection: apsw.Connection, kept: Head | None) -> Proof:
    info = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('lot', 'plant')"))
    chained = bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'chain'").get)
    findings: list[Finding] = []
    links: list[Link] = []
    if chained:
        links, findings = check_chain(connection)
        findings += _head(connection, links)
        findings += _guards(connection)
    if kept is not None:
        findings += _kept(links, kept)
    findings += _blocks(connection)
    findings += _seal(connection, links, chained=chained)
    head = str(Head(links[-1].seq, links[-1].digest)) if links else ""
    sealed = _stored_hash(connection) is not None
    return Proof(info.get("lot", ""), info.get("plant", ""), chained, len(links), head, sealed,
                 tuple(findings))  # fmt: skip


def _head(connection: apsw.Connection, links: list[Link]) -> Iterator[Finding]:
    """The chain must end where the last commit said."""
    last = (links[-1].seq, links[-1].digest) if links else (0, b"")
    found = connection.execute("SELECT head, digest, ns FROM progress").fetchone()
    seq, digest, ns = found or (0, b"", 0)
    if (seq, digest) == last:
        return
    text = f"the chain ends at number {last[0]}; the last commit ended it at {seq}"
    what = "truncated" if last[0] < seq else "rewritten"
    if last[0] == seq:
        text = f"the last link, number {seq}, is not the one of the last commit"
    yield Finding(what, "chain", 0, last[0], int(ns), text)


def _kept(links: list[Link], kept: Head) -> Iterator[Finding]:
    """A head that was kept elsewhere must be in the chain."""
    found = next((link for link in links if link.seq == kept.seq), None)
    if found is None:
        text = f"the record ends before number {kept.seq}, of which a head was kept elsewhere"
        yield Finding("truncated", "chain", 0, kept.seq, 0, text)
    elif found.digest != kept.digest:
        text = f"link {kept.seq} is not the one whose head was kept elsewhere"
        yield Finding("rewritten", "chain", 0, kept.seq, found.ns, text)


def _guards(connection: apsw.Connection) -> Iterator[Finding]:
    """The triggers that refuse changes must all be there, and no others."""
    found = dict(
        connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 1")
    )
    for name in sorted(GUARDS.keys() | found.keys()):
        if GUARDS.get(name) != found.get(name):
            text = f"trigger {name} is not the one that this record was made with"
            yield Finding("unguarded", "schema", 0, 0, 0, text)


def _blocks(connection: apsw.Connection) -> Iterator[Finding]:
    """Every block of samples must read back; each carries a checksum."""
    for table in ("merged", "fresh"):
        query = f"SELECT id, from_ns, data FROM {table} ORDER BY id"  # noqa: S608 - names of ours
        for row, from_ns, data in connection.execute(query):
            try:
                read_block(data, f"block {row} of table {table}")
            except RecordCorrupt as error:
                yield Finding("damaged", table, row, 0, from_ns, str(error))


def _seal(connection: apsw.Connection, links: list[Link], *, chained: bool) -> Iterator[Finding]:
    stored = _stored_hash(connection)
    closed = bool(links) and links[-1].kind == SEAL
    if stored is None:
        if any(link.kind == SEAL for link in links):
            text = "the record was closed, and its seal was taken off"
            yield Finding("unsealed", "meta", 0, 0, links[-1].ns, text)
        return
    if chained and not closed:
        text = "the record has a seal, and its chain was not closed"
        yield Finding("rewritten", "chain", 0, 0, 0, text)
    now = content_hash(connection)
    if now != stored:
        text = f"the content is not the one that was sealed (sealed {stored}, now {now})"
        yield Finding("changed", "meta", 0, 0, 0, text)


def _stored_hash(connection: apsw.Connection) -> str | None:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (HASH_KEY,)).get
    return None if found is None else str(found)
