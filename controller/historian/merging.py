"""Joining the small blocks of many commits into one compact block with its rollups.

Runs inside the writer's transaction: fresh rows vanish and merged ones appear together, so a
reader sees each row once, and a crash between leaves the one or the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import apsw
import numpy as np

from controller.historian.blocks import Rows, join_fresh, merged_block
from controller.historian.rollups import LEVELS, pack, rollup

SPAN_NS: Final = 600_000_000_000
MOST_ROWS: Final = 8_000
MOST_BLOCKS: Final = 1_500


@dataclass(slots=True)
class FreshRows:
    """Fresh blocks of one scan group that wait to be merged."""

    group_id: int
    name: str
    resolutions: tuple[float, ...]
    ids: list[int] = field(default_factory=list)
    rows: int = 0
    from_ns: int = 0
    to_ns: int = 0
    damaged: bool = False

    def add(self, block_id: int, rows: int, from_ns: int, to_ns: int) -> None:
        """Note one more fresh block."""
        if not self.ids:
            self.from_ns = from_ns
        self.ids.append(block_id)
        self.rows += rows
        self.to_ns = to_ns

    @property
    def due(self) -> bool:
        """Whether there is enough for a good block."""
        return self.mergeable and (
            self.to_ns - self.from_ns >= SPAN_NS
            or self.rows >= MOST_ROWS
            or len(self.ids) >= MOST_BLOCKS
        )

    @property
    def mergeable(self) -> bool:
        """Whether there is anything to merge; damaged blocks stay as they are."""
        return bool(self.ids) and not self.damaged

    def clear(self) -> None:
        """Forget the blocks: they are merged."""
        self.ids.clear()
        self.rows = 0


def merge(connection: apsw.Connection, fresh: FreshRows) -> None:
    """Replace the fresh blocks of a scan group by one merged block and its rollups.

    Raises:
        RecordCorrupt: a fresh block does not read back.
        apsw.Error: the disk failed; the caller rolls back.
    """
    keys = [(number,) for number in fresh.ids]
    found = connection.executemany("SELECT data FROM fresh WHERE id = ?", keys)
    rows = join_fresh([data for (data,) in found], fresh.name)
    connection.executemany("DELETE FROM fresh WHERE id = ?", keys)
    number = _insert_merged(connection, fresh, rows)
    for level in LEVELS:
        aggregates = rollup(rows, level)
        connection.execute(
            "INSERT INTO rollup VALUES(?, ?, ?, ?, ?, ?, ?)",
            (
                level,
                fresh.group_id,
                number,
                int(aggregates.start.min()),
                int(aggregates.start.max()),
                len(aggregates.start),
                pack(aggregates),
            ),
        )


def _insert_merged(connection: apsw.Connection, fresh: FreshRows, rows: Rows) -> int:
    connection.execute(
        "INSERT INTO merged VALUES(NULL, ?, ?, ?, ?, ?)",
        (
            fresh.group_id,
            int(np.min(rows.sent)),
            int(np.max(rows.sent)),
            len(rows.sent),
            merged_block(rows, fresh.resolutions),
        ),
    )
    return connection.last_insert_rowid()


def most_overdue(waiting: Iterable[FreshRows], most: int) -> list[FreshRows]:
    """The due scan groups that wait longest, at most so many."""
    due = [fresh for fresh in waiting if fresh.due]
    return sorted(due, key=lambda fresh: (fresh.from_ns, fresh.group_id))[:most]
