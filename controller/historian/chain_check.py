"""Proving the chain of a record: which row was changed, removed, put in or moved.

Every break is found: a digest that does not follow from the digest before it and from what the
row says now. What was done is then told as well as it can be: the hypotheses of a removed,
inserted, swapped or renumbered link are tried, and what fits none was changed in place. Who can
write the file can also compute a whole new chain; the head that was kept elsewhere shows that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import apsw

from controller.historian.chain import CONTENT, GENESIS, GROWING, Link, content, link_digest

_SHIFTS: Final = 16  # renumbered links are recognized up to so many
_MOST_TRIED: Final = 200  # broken links among which a swap is looked for
_LINKS: Final = "SELECT seq, ns, kind, row, digest FROM chain ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written.

    Attributes:
        what: ``changed``, ``deleted``, ``inserted``, ``reordered``, ``truncated``, ``rewritten``,
            ``damaged``, ``unsealed`` or ``unguarded``.
        kind: class of the row: ``event``, ``journal``, ``merged``...; ``chain`` for links.
        row: number of the row in its class; 0 when it has none.
        seq: number of its link; 0 when it has none.
        ns: UTC ns of the commit that wrote it; 0 when not known.
        text: in words.
    """

    what: str
    kind: str
    row: int
    seq: int
    ns: int
    text: str


@dataclass(slots=True)
class _Broken:
    """A link that does not follow from the one before it."""

    link: Link
    before: bytes
    said: bytes | None
    damaged: bool


@dataclass(slots=True)
class _Walk:
    """The state of one pass over the chain."""

    connection: apsw.Connection
    links: list[Link] = field(default_factory=list)
    broken: list[_Broken] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    shift: int = 0


def check_chain(connection: apsw.Connection) -> tuple[list[Link], list[Finding]]:
    """Walk the whole chain; returns its links and everything that is wrong with it."""
    walk = _Walk(connection)
    walk.links = [Link(*row) for row in connection.execute(_LINKS)]
    _walk(walk)
    walk.findings += _explained(walk)
    walk.findings += _without_link(connection, walk.links)
    walk.findings.sort(key=lambda finding: (finding.seq, finding.kind, finding.row))
    return walk.links, walk.findings


def _walk(walk: _Walk) -> None:
    before, computed, expected = GENESIS, GENESIS, 1
    for link in walk.links:
        hole = link.seq > expected
        if hole:
            walk.findings.append(_missing(expected, link.seq - 1, link.ns))
        expected = link.seq + 1
        said, damaged = _said(walk.connection, link)
        broken = _Broken(link, before, said, damaged)
        now = _digest(broken, before, link.seq + walk.shift)
        if now != link.digest and not _told(walk, broken, computed, hole=hole):
            walk.broken.append(broken)
        before, computed = link.digest, now


def _told(walk: _Walk, broken: _Broken, computed: bytes, *, hole: bool) -> bool:
    """Whether what was done to the links before it explains that it does not follow."""
    if hole and broken.said is not None and not broken.damaged:
        return True  # nothing is left that could prove it, and that is told
    if _digest(broken, computed, broken.link.seq + walk.shift) == broken.link.digest:
        return True  # only the digest before it was changed
    return _shifted(walk, broken)


def _digest(broken: _Broken, before: bytes, seq: int, said: bytes | None = None) -> bytes:
    """Digest the link would have there, with its row's content or another one."""
    link = broken.link
    content_of = broken.said or b"" if said is None else said
    return link_digest(before, (seq, link.ns, link.kind, link.row), content_of)


def _said(connection: apsw.Connection, link: Link) -> tuple[bytes | None, bool]:
    """Content of a link's row, and whether a text in it is no text any more."""
    if link.kind not in CONTENT:
        return None, False
    try:
        return content(connection, link.kind, link.row), False
    except UnicodeDecodeError:
        return b"", True


def _shifted(walk: _Walk, broken: _Broken) -> bool:
    """Whether the link is genuine under another number: links before it were renumbered."""
    link = broken.link
    for by in (by for step in range(1, _SHIFTS + 1) for by in (step, -step)):
        if _digest(broken, broken.before, link.seq + walk.shift + by) != link.digest:
            continue
        walk.shift += by
        if walk.broken and walk.broken[-1].link.seq == link.seq - 1:
            walk.broken.pop()  # the first one after the cut: nothing else is wrong with it
        what, verb = ("deleted", "removed") if by > 0 else ("inserted", "put in")
        text = f"{abs(by)} links {verb} shortly before number {link.seq}, the rest renumbered"
        walk.findings.append(Finding(what, "chain", 0, link.seq, link.ns, text))
        return True
    return False


def _missing(first: int, last: int, ns: int) -> Finding:
    numbers = f"{first}" if first == last else f"{first} to {last}"
    text = f"links {numbers} of the chain are gone; the one after them cannot be proven"
    return Finding("deleted", "chain", 0, first, ns, text)


def _explained(walk: _Walk) -> Iterator[Finding]:
    """What was done to each broken link."""
    tried = walk.broken[:_MOST_TRIED]
    for broken in walk.broken:
        link = broken.link
        if _follows_moved(broken, tried):
            continue
        what, text = _explain(broken, tried)
        yield Finding(what, link.kind, link.row, link.seq, link.ns, text)


def _explain(broken: _Broken, others: list[_Broken]) -> tuple[str, str]:
    name = f"{broken.link.kind} {broken.link.row}"
    if broken.damaged:
        return "changed", f"{name} holds a text that is none"
    if broken.said is None:
        return "deleted", f"{name} is gone"
    for other in others:
        if other is broken or other.said is None:
            continue
        if _holds(broken, other.said):
            return "reordered", f"{name} holds what belongs to {other.link.kind} {other.link.row}"
        if _stood(broken, other, others):
            return "reordered", f"{name} was linked at number {other.link.seq}"
    return "changed", f"{name} or its link is not what was written"


def _follows_moved(broken: _Broken, others: list[_Broken]) -> bool:
    """Whether only the link before it was moved, which is told of that one."""
    link = broken.link
    befores = (other.link.digest for other in others if other is not broken)
    return any(_digest(broken, before, link.seq) == link.digest for before in befores)


def _holds(broken: _Broken, said: bytes) -> bool:
    """Whether the content of another row makes the link right: the two were swapped."""
    return _digest(broken, broken.before, broken.link.seq, said) == broken.link.digest


def _stood(broken: _Broken, other: _Broken, others: list[_Broken]) -> bool:
    """Whether the link is right at the place of another one: links were swapped."""
    befores = [other.before, *(one.link.digest for one in others)]
    digests = (_digest(broken, before, other.link.seq) for before in befores)
    return any(digest == broken.link.digest for digest in digests)


def _without_link(connection: apsw.Connection, links: list[Link]) -> Iterator[Finding]:
    """Rows that no link binds."""
    linked: dict[str, set[int]] = {}
    for link in links:
        linked.setdefault(link.kind, set()).add(link.row)
    for kind in ("session", *GROWING):
        for (row,) in connection.execute(f"SELECT id FROM {kind} ORDER BY id"):  # noqa: S608
            if row not in linked.get(kind, ()):
                yield Finding("inserted", kind, row, 0, 0, f"{kind} {row} has no link in the chain")
    loose = (
        ("tag", "SELECT count(*) FROM tag WHERE group_id NOT IN (SELECT id FROM scan_group)"),
        ("rollup", _LOOSE_ROLLUPS),
    )
    for kind, query in loose:
        count = connection.execute(query).get
        if count:
            yield Finding("inserted", kind, 0, 0, 0, f"{count} rows of {kind} belong to nothing")


_LOOSE_ROLLUPS: Final = """
SELECT count(*) FROM rollup WHERE level_ns NOT IN (60000000000, 3600000000000)
OR NOT EXISTS (
  SELECT 1 FROM merged WHERE merged.id = merged_id AND merged.group_id = rollup.group_id)
"""
