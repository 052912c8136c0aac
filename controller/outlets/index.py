"""Where the n-th row of each scan group lies in a record just now.

A record keeps rows in small fresh blocks and joins them into merged ones in the same order.
So the count of a row holds for ever while its place moves; the places are looked up anew for
each slice, inside one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from controller.historian.reading import Reader

_PLACES: Final = {
    "merged": "SELECT id, group_id, rows FROM merged ORDER BY id",
    "fresh": "SELECT id, group_id, rows FROM fresh ORDER BY id",
}
_NEWEST: Final = """
SELECT group_id, max(to_ns) FROM (
  SELECT group_id, to_ns FROM merged UNION ALL SELECT group_id, to_ns FROM fresh)
GROUP BY group_id
"""


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """A block and the number of its first row in its scan group."""

    table: str
    id: int
    first: int
    rows: int


@dataclass(frozen=True, slots=True)
class Index:
    """All blocks of a record.

    Attributes:
        blocks: of each scan group, in the order of their rows.
        totals: rows of each scan group.
        newest_ns: sending time of the last row of each scan group.
    """

    blocks: dict[int, list[BlockPlace]] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)
    newest_ns: dict[int, int] = field(default_factory=dict)

    def after(self, group: int, row: int) -> Iterator[BlockPlace]:
        """Blocks of a scan group that hold rows from this number on."""
        for place in self.blocks.get(group, ()):
            if place.first + place.rows > row:
                yield place


def read_index(record: Reader) -> Index:
    """Look all blocks up (within the caller's snapshot)."""
    index = Index()
    for table, statement in _PLACES.items():
        for number, group, rows in record.query(statement):
            first = index.totals.get(group, 0)
            index.blocks.setdefault(group, []).append(BlockPlace(table, number, first, rows))
            index.totals[group] = first + rows
    index.newest_ns.update(record.query(_NEWEST))
    return index
