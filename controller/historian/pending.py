"""What waits for the next commit: rows in their recorders, events, journal, profiles, gaps.

Everything stays here until the commit that holds it has returned. When the disk fails, rows
wait up to ``keep_s`` line seconds; beyond that the oldest are dropped, counted and declared
as a gap. Events and journal entries wait up to a number that no healthy line reaches.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from controller.historian.catalog import TagInfo
from controller.historian.recorder import BlockRecorder, FreshBlock, Gap
from drivers.base import Block

KEEP_S: Final = 600.0
_MOST_NOTES: Final = 100_000
_DECLARED: Final = "declared notes"

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A scan group as the catalog of the record holds it."""

    id: int
    block: Block
    tags: tuple[TagInfo, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """All that one commit writes in one transaction."""

    now_ns: int
    groups: tuple[Group, ...]
    blocks: tuple[FreshBlock, ...]
    failures: tuple[tuple[BlockRecorder, int], ...]
    gaps: tuple[Gap, ...]
    notes: dict[str, tuple[Row, ...]]

    @property
    def rows(self) -> int:
        """Rows of scan groups in the batch."""
        return sum(block.rows for block in self.blocks)


@dataclass(slots=True)
class Pending:
    """The queues in front of the disk; used by the recording thread only."""

    recorders: dict[int, BlockRecorder] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    notes: dict[str, list[Row]] = field(
        default_factory=lambda: {"event": [], "journal": [], "profile": []}
    )
    dropped: Counter[str] = field(default_factory=Counter)
    keep_s: float = KEEP_S

    @property
    def rows(self) -> int:
        """Rows not yet acknowledged."""
        return sum(recorder.rows for recorder in self.recorders.values())

    @property
    def lost(self) -> int:
        """Rows and notes dropped so far."""
        return sum(count for name, count in self.dropped.items() if name != _DECLARED)

    def add_group(self, group: Group) -> BlockRecorder:
        """Take a new scan group into the catalog and give its recorder."""
        self.groups.append(group)
        return self.add_recorder(group)

    def add_recorder(self, group: Group) -> BlockRecorder:
        """Give a recorder for a scan group that the catalog already holds."""
        recorder = BlockRecorder(group.block, group.id)
        self.recorders[group.id] = recorder
        return recorder

    def note(self, table: str, row: Row) -> None:
        """Queue a row of a table of notes; beyond the limit the row is counted and lost."""
        queue = self.notes[table]
        if len(queue) >= _MOST_NOTES:
            self.dropped[table] += 1
            return
        queue.append(row)

    def collect(self, now_ns: int) -> Batch:
        """Copy everything that waits into one batch."""
        taken = [recorder.take() for recorder in self.recorders.values()]
        failures = [
            (recorder, recorder.take_failures())
            for recorder in self.recorders.values()
            if recorder.failing
        ]
        return Batch(
            now_ns,
            tuple(self.groups),
            tuple(block for block in taken if block is not None),
            tuple((recorder, len(gaps)) for recorder, gaps in failures),
            (*self.gaps, *(gap for _, gaps in failures for gap in gaps)),
            {table: tuple(rows) for table, rows in self.notes.items()},
        )

    def release(self, batch: Batch) -> None:
        """Forget what a returned commit holds."""
        for block in batch.blocks:
            self.recorders[block.group_id].release(block.rows)
        for recorder, count in batch.failures:
            recorder.release_failures(count)
        del self.groups[: len(batch.groups)]
        own_gaps = len(batch.gaps) - sum(count for _, count in batch.failures)
        del self.gaps[:own_gaps]
        for table, rows in batch.notes.items():
            del self.notes[table][: len(rows)]

    def trim(self, in_flight: Batch | None, reason: str, now_ns: int) -> None:
        """Drop the oldest rows beyond the limit, and declare what was lost."""
        held = {block.group_id: block.rows for block in in_flight.blocks} if in_flight else {}
        for recorder in self.recorders.values():
            keep = max(2, math.ceil(self.keep_s / recorder.block.period_s))
            gap = recorder.trim(keep, held.get(recorder.group_id, 0), reason)
            if gap is not None:
                self.dropped["rows"] += gap.samples
                self.gaps.append(gap)
        lost_notes = sum(self.dropped[table] for table in self.notes)
        new = lost_notes - self.dropped[_DECLARED]
        if new:
            self.dropped[_DECLARED] = lost_notes
            self.gaps.append(Gap(None, "dropped", now_ns, now_ns, new, 0, reason))
