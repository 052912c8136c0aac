"""Reading rows and aggregates from a record file, beside its writer or after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import apsw
import numpy as np

from controller.historian.blocks import Rows, read_block
from controller.historian.catalog import TagInfo, did_you_mean
from controller.historian.errors import UnknownTag, from_sqlite
from controller.historian.rollups import Aggregates, joined, rollup, unpack
from controller.historian.schema import connect_reader, record_file

EARLIEST: Final = -(2**63)
LATEST: Final = 2**63 - 1

_TAGS: Final = """
SELECT tag.group_id, tag.place, tag.name, unit, low, high, resolution, kind, station,
  description, scan_group.name, scan_group.period_ns / 1e9
FROM tag JOIN scan_group ON scan_group.id = tag.group_id ORDER BY tag.name, tag.group_id
"""
_BLOCKS: Final = """
SELECT data FROM merged WHERE group_id = ?1 AND from_ns < ?3 AND to_ns >= ?2
UNION ALL SELECT data FROM fresh WHERE group_id = ?1 AND from_ns < ?3 AND to_ns >= ?2
"""
_FRESH: Final = "SELECT data FROM fresh WHERE group_id = ?1 AND from_ns < ?3 AND to_ns >= ?2"
_ROLLUPS: Final = """
SELECT buckets, data FROM rollup
WHERE level_ns = ?4 AND group_id = ?1 AND from_ns < ?3 AND to_ns >= ?2
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tag lies: scan group and column. A tag has several after a change of blocks."""

    group_id: int
    column: int
    info: TagInfo


class Reader:
    """A record opened for reading.

    Args:
        path: the record file, or the folder it is in.

    Raises:
        RecordError: there is no record, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = record_file(path)
        self._connection = connect_reader(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See one state of the record throughout, whatever its writer does meanwhile.

        Raises:
            RecordError: SQLite could not read the file.
        """
        outermost = not self._connection.in_transaction
        try:
            if outermost:
                self._connection.execute("BEGIN")
            yield
        except apsw.Error as error:
            raise from_sqlite(error, self.path) from error
        finally:
            if outermost and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def query(self, statement: str, bindings: Sequence[Any] = ()) -> list[Any]:
        """Run a query and give its rows.

        Raises:
            RecordError: SQLite could not read the file.
        """
        try:
            return list(self._connection.execute(statement, tuple(bindings)))
        except apsw.Error as error:
            raise from_sqlite(error, self.path) from error

    # --- catalog ---------------------------------------------------------------------------

    def places(self) -> dict[str, list[Place]]:
        """Every tag of the record and where it lies, by name."""
        found: dict[str, list[Place]] = {}
        for group_id, column, *spec in self.query(_TAGS):
            info = TagInfo(*spec)
            found.setdefault(info.name, []).append(Place(group_id, column, info))
        return found

    def places_of(self, tag: str) -> list[Place]:
        """Where one tag lies.

        Raises:
            UnknownTag: the record does not hold it.
        """
        known = self.places()
        if tag not in known:
            raise UnknownTag(f"{self.path}: no tag {tag}{did_you_mean(tag, known)}")
        return known[tag]

    # --- rows ------------------------------------------------------------------------------

    def rows(self, group_id: int, columns: Sequence[int], from_ns: int, to_ns: int) -> Rows:
        """Some columns of a scan group, ``from_ns <= sent < to_ns``, in order of sending.

        Raises:
            RecordCorrupt: a block is damaged.
        """
        with self.snapshot():
            blocks = self.query(_BLOCKS, (group_id, from_ns, to_ns))
        return self._decoded(group_id, [data for (data,) in blocks], columns, from_ns, to_ns)

    def _decoded(
        self, group_id: int, blocks: list[bytes], columns: Sequence[int], from_ns: int, to_ns: int
    ) -> Rows:
        where = f"{self.path}: scan group {group_id}"
        return in_order(
            [read_block(data, where, columns) for data in blocks], len(columns), from_ns, to_ns
        )

    def aggregates(
        self, group_id: int, column: int, level_ns: int, from_ns: int, to_ns: int
    ) -> Aggregates | None:
        """Stored aggregates of one column, and those of rows not merged yet; None without any.

        Args:
            group_id: scan group.
            column: place of the tag in it.
            level_ns: one of ``rollups.LEVELS``.
            from_ns: first bucket start.
            to_ns: buckets start before this.
        """
        bounds = (group_id, from_ns, to_ns)
        with self.snapshot():
            stored = self.query(_ROLLUPS, (*bounds, level_ns))
            fresh = self.query(_FRESH, bounds)
            tags = self.query("SELECT count(*) FROM tag WHERE group_id = ?", (group_id,))[0][0]
        where = f"{self.path}: scan group {group_id}"
        parts = [unpack(data, buckets, tags, where).columns([column]) for buckets, data in stored]
        rows = self._decoded(group_id, [data for (data,) in fresh], [column], from_ns, to_ns)
        if len(rows.sent):
            parts.append(rollup(rows, level_ns))
        return joined(parts) if parts else None


def in_order(parts: list[Rows], columns: int, from_ns: int, to_ns: int) -> Rows:
    """Join blocks of rows, cut to a range of time, in order of sending."""
    if not parts:
        none = np.empty(0, np.int64)
        return Rows(none, none.copy(), np.empty((0, columns)), None)
    sent = np.concatenate([part.sent for part in parts])
    inside = np.flatnonzero((sent >= from_ns) & (sent < to_ns))
    chosen = inside[np.argsort(sent[inside], kind="stable")]
    all_good = all(part.quality is None for part in parts)
    return Rows(
        sent[chosen],
        np.concatenate([part.received for part in parts])[chosen],
        np.concatenate([part.values for part in parts])[chosen],
        None if all_good else np.concatenate([part.codes() for part in parts])[chosen],
    )
