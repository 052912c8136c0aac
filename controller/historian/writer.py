"""The one writer of a record: each batch in one transaction, merging as it goes.

WAL with synchronous FULL: when :meth:`Writer.write` returns, the batch is on the disk. When
it raises, nothing of the batch is stored, and the same batch may be written again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final

import apsw

from controller.historian.ballast import Ballast
from controller.historian.chain import extend
from controller.historian.errors import (
    DiskError,
    DiskFull,
    RecordBusy,
    RecordCorrupt,
    RecordError,
    from_sqlite,
)
from controller.historian.merging import FreshRows, merge, most_overdue
from controller.historian.pending import Batch, Group
from controller.historian.schema import connect_writer, refuse_sealed
from controller.historian.startup import (
    fresh_rows,
    highest_ids,
    last_commit_ns,
    lock,
    lock_file,
    next_block,
    take_back,
)

MERGES_PER_COMMIT: Final = 4
_BALLAST_RETRY_NS: Final = 60_000_000_000
_LEAVE_WAL_TRIES: Final = 40
_LEAVE_WAL_PAUSE_S: Final = 0.05

_NOTES: Final = {
    "event": "INSERT INTO event VALUES(NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
    "journal": "INSERT INTO journal VALUES(NULL, ?, ?, ?)",
    "profile": "INSERT INTO profile VALUES(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
}


class Writer:
    """Owner of the writing connection; used by one thread at a time.

    Args:
        path: the record file; made when missing.
        ballast: room to free when the disk is full.

    Attributes:
        path: the record file.
        failing: whether the last batch could not be stored.
        problem: why a scan group is no longer merged; empty when all are.

    Raises:
        RecordError: the file cannot be written, is something else, is sealed or busy.
    """

    def __init__(self, path: Path, ballast: Ballast) -> None:
        self.path = path
        self.failing = False
        self.problem = ""
        self._ballast = ballast
        self._ballast_tried_ns = 0
        self._suspect = False
        self._lock = lock(path)
        try:
            self._connection = connect_writer(path)
        except RecordError:
            self._lock.close()
            raise
        try:
            refuse_sealed(self._connection, path)
            self._fresh = fresh_rows(self._connection)
            self._next_block = next_block(self._connection)
            self._highest = highest_ids(self._connection)
        except apsw.Error as error:
            self.close()
            raise from_sqlite(error, path) from error
        except RecordError:
            self.close()
            lock_file(path).unlink(missing_ok=True)
            raise

    @property
    def connection(self) -> apsw.Connection:
        """The writing connection; opened anew after a disk error."""
        if self._suspect:
            self._reconnect()
        return self._connection

    def _reconnect(self) -> None:
        """Trust nothing after a disk error: begin with a new WAL, without the doubtful batch.

        A failed sync is reported once only, and pages that never reached the disk may still
        be read from memory. So the batch that "failed" can be found whole in the WAL, and
        frames appended behind it would be lost with it in a power cut. Everything is moved
        into the main file with syncs of its own, and the batch, which stays queued, is taken
        back.

        Raises:
            RecordError: the disk still fails.
        """
        with suppress(apsw.Error):  # the same disk fails again; what counts is still queued
            self._connection.close()
        self._connection = connect_writer(self.path)
        try:
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy and busy[0]:
                raise RecordBusy(f"{self.path}: a reader holds the write-ahead log")
            self._connection.execute("BEGIN IMMEDIATE")
            take_back(self._connection, self._highest)
            self._connection.execute("COMMIT")
            self._fresh = fresh_rows(self._connection)
        except apsw.Error as error:
            raise from_sqlite(error, self.path) from error
        self._suspect = False

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """Run statements that hold together, and give disk errors their names.

        Raises:
            RecordError: nothing of it was stored.
        """
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            _roll_back(connection)
            if isinstance(error, apsw.Error):
                raise from_sqlite(error, self.path) from error
            raise

    def write(self, batch: Batch) -> None:
        """Store a batch; its return is the acknowledgement.

        Raises:
            RecordError: nothing was stored; the same batch may be written again.
        """
        try:
            try:
                self._write_once(batch)
            except DiskFull:
                self.failing = True
                if not self._ballast.drop():
                    raise
                self._ballast_tried_ns = batch.now_ns
                self._write_once(batch)
        except RecordError as error:
            self.failing = True
            self._suspect |= isinstance(error, DiskError)
            raise
        self.failing = False
        self._hold_ballast(batch.now_ns)

    def _write_once(self, batch: Batch) -> None:
        # While the disk is failing only what must be kept is written: merging needs room.
        due = [] if self.failing else most_overdue(self._fresh.values(), MERGES_PER_COMMIT)
        with self.transaction() as connection:
            self._highest = highest_ids(connection)
            _insert_groups(connection, batch.groups)
            if batch.gaps:
                _insert_gaps(connection, batch)
            for table, rows in batch.notes.items():
                if rows:
                    connection.executemany(_NOTES[table], rows)
            self._insert_blocks(connection, batch)
            merged = [fresh for fresh in due if self._merge(connection, fresh)]
            connection.execute("UPDATE progress SET commits = commits + 1, ns = ?", (batch.now_ns,))
            extend(connection, self._highest, batch.now_ns)
            highest = highest_ids(connection)
        self._highest = highest
        for fresh in merged:
            fresh.clear()
        self._note_blocks(batch)

    def _insert_blocks(self, connection: apsw.Connection, batch: Batch) -> None:
        connection.executemany(
            "INSERT INTO fresh VALUES(?, ?, ?, ?, ?, ?)",
            [
                (number, block.group_id, block.from_ns, block.to_ns, block.rows, block.data)
                for number, block in enumerate(batch.blocks, self._next_block)
            ],
        )

    def _note_blocks(self, batch: Batch) -> None:
        for group in batch.groups:
            resolutions = tuple(tag.resolution for tag in group.tags)
            self._fresh[group.id] = FreshRows(group.id, group.block.name, resolutions)
        for number, block in enumerate(batch.blocks, self._next_block):
            self._fresh[block.group_id].add(number, block.rows, block.from_ns, block.to_ns)
        self._next_block += len(batch.blocks)

    def _merge(self, connection: apsw.Connection, fresh: FreshRows) -> bool:
        """Merge one scan group; a damaged block leaves its group as it is, and is said."""
        try:
            merge(connection, fresh)
        except RecordCorrupt as error:
            self.problem = str(error)
            fresh.damaged = True
            return False
        return True

    def merge_all(self) -> None:
        """Merge every scan group that has fresh rows, one transaction each.

        Raises:
            RecordError: the disk failed; what was merged so far stays merged.
        """
        for fresh in [fresh for fresh in self._fresh.values() if fresh.mergeable]:
            with self.transaction() as connection:
                self._highest = highest_ids(connection)
                merged = self._merge(connection, fresh)
                extend(connection, self._highest, last_commit_ns(connection))
            if merged:
                fresh.clear()

    def compact(self) -> None:
        """Make the closed record one small file; what cannot be done leaves it as it is.

        Rewrites it without the free pages that merging left, and leaves WAL mode, so that it
        can be read from a medium that cannot be written.
        """
        with suppress(apsw.FullError, apsw.BusyError, apsw.LockedError, apsw.IOError):
            self._connection.execute("VACUUM")
        for _ in range(_LEAVE_WAL_TRIES):
            try:
                self._connection.execute("PRAGMA journal_mode = DELETE")
            except (apsw.BusyError, apsw.LockedError):
                Event().wait(_LEAVE_WAL_PAUSE_S)  # SQLite refuses at once while a reader is there
            except (apsw.FullError, apsw.IOError):
                return
            else:
                return

    def _hold_ballast(self, now_ns: int) -> None:
        if now_ns - self._ballast_tried_ns >= _BALLAST_RETRY_NS or not self._ballast_tried_ns:
            self._ballast_tried_ns = now_ns
            self._ballast.take()

    def close(self) -> None:
        """Close the file, give the ballast back and let another writer in."""
        self._connection.close()
        self._ballast.drop()
        self._lock.close()


def _roll_back(connection: apsw.Connection) -> None:
    """Leave no transaction open; SQLite may have rolled back by itself."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _insert_groups(connection: apsw.Connection, groups: tuple[Group, ...]) -> None:
    for group in groups:
        block = group.block
        connection.execute(
            "INSERT INTO scan_group VALUES(?, ?, ?)",
            (group.id, block.name, round(block.period_s * 1e9)),
        )
        connection.executemany(
            "INSERT INTO tag VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    group.id,
                    place,
                    tag.name,
                    tag.unit,
                    tag.low,
                    tag.high,
                    tag.resolution,
                    tag.kind,
                    tag.station,
                    tag.description,
                )
                for place, tag in enumerate(group.tags)
            ],
        )


def _insert_gaps(connection: apsw.Connection, batch: Batch) -> None:
    connection.executemany(
        "INSERT INTO gap VALUES(NULL, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                gap.group_id,
                gap.kind,
                gap.from_ns,
                gap.to_ns,
                gap.samples,
                gap.quality,
                gap.reason,
            )
            for gap in batch.gaps
        ],
    )
