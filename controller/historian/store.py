"""The record being written: what the controller calls.

Queue with :class:`BlockRecorder`, :meth:`Store.event`, :meth:`Store.profile` and
:meth:`Store.journal`; :meth:`Store.commit` writes all of it in one transaction, and its
return is the acknowledgement. Nothing here knows the time or a thread: a dry run commits
inline, a live line puts the store behind :class:`threaded.ThreadedStore`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

import apsw
from numpy.typing import ArrayLike

from config.models import Line
from controller.events import Event
from controller.historian import profiles
from controller.historian.ballast import BALLAST_BYTES, Ballast
from controller.historian.catalog import (
    TagInfo,
    did_you_mean,
    line_tags,
    station_meters,
    status_name,
)
from controller.historian.chain import ONLY, SEAL, append
from controller.historian.errors import DiskReadOnly, RecordError, RecordMismatch, UnknownTag
from controller.historian.folders import make_folder
from controller.historian.health import Acknowledged, Health
from controller.historian.identity import Identity, refuse_other
from controller.historian.notes import event_row
from controller.historian.pending import KEEP_S, Batch, Group, Pending
from controller.historian.recorder import BlockRecorder, Gap
from controller.historian.schema import FILE_NAME
from controller.historian.seal import HASH_KEY, content_hash
from controller.historian.startup import latest_rows, lock_file
from controller.historian.writer import Writer
from drivers.base import Block, is_bad

_SET_META: Final = "INSERT INTO meta VALUES(?, ?)"


class Store:
    """A record being written. Make it with :meth:`open`.

    Attributes:
        path: the record file.
    """

    def __init__(self, line: Line, writer: Writer, ballast: Ballast, keep_s: float) -> None:
        self.path = writer.path
        self._tags = line_tags(line)
        self._writer = writer
        self._ballast = ballast
        self._pending = Pending(keep_s=keep_s)
        self._known: dict[tuple[str, tuple[str, ...]], int] = {}
        self._latest: dict[int, int] = {}
        self._by_name: dict[str, BlockRecorder] = {}
        self._next_group = 1
        self._session = 0
        self._opened_ns = 0
        self._acknowledged_ns = 0
        self._failure = ""

    @classmethod
    def open(
        cls,
        path: Path,
        line: Line,
        identity: Identity,
        now_ns: int,
        *,
        resume: bool = False,
        ballast_bytes: int = BALLAST_BYTES,
        keep_s: float = KEEP_S,
    ) -> Self:
        """Begin a record, or go on with one that was not sealed.

        Args:
            path: folder of the run (the file will be ``record.sqlite``) or the file itself.
            line: the line whose tags are recorded.
            identity: lot, texts, seed, software.
            now_ns: UTC ns (line time on a simulated plant).
            resume: go on with an existing record instead of refusing it.
            ballast_bytes: room kept for a full disk; 0 for none.
            keep_s: line seconds of rows to keep while the disk fails.

        Raises:
            RecordError: the folder cannot be written, the record exists (without
                ``resume``), is sealed, busy, or was begun with another line or recipe.
        """
        file = path if path.suffix == ".sqlite" else path / FILE_NAME
        try:
            make_folder(file.parent.absolute())
        except OSError as error:
            raise DiskReadOnly(f"{file.parent}: cannot be made ({error.strerror})") from error
        if file.exists() and not resume:
            raise RecordMismatch(f"{file}: there is a record here already")
        ballast = Ballast(file, ballast_bytes)
        store = cls(line, Writer(file, ballast), ballast, keep_s)
        try:
            store._begin(line, identity, now_ns)
        except RecordError:
            store._writer.close()
            raise
        return store

    def _begin(self, line: Line, identity: Identity, now_ns: int) -> None:
        """Write or compare the identity, note the session, learn the catalog."""
        wanted = identity.meta(line, now_ns)
        links: list[tuple[str, int]] = []
        with self._writer.transaction() as connection:
            stored = dict(connection.execute("SELECT key, value FROM meta"))
            if stored:
                refuse_other(stored, wanted)
                self._learn(connection)
            else:
                connection.executemany("INSERT INTO meta VALUES(?, ?)", list(wanted.items()))
                stations = list(station_meters(line).items())
                connection.executemany("INSERT INTO station VALUES(?, ?)", stations)
                links += [("meta", ONLY), ("station", ONLY)] if stations else [("meta", ONLY)]
            connection.execute(
                "INSERT INTO session VALUES(NULL, ?, NULL, ?)", (now_ns, identity.software)
            )
            self._session = connection.last_insert_rowid()
            append(connection, [*links, ("session", self._session)], now_ns)
        self._opened_ns = now_ns
        self._ballast.take()

    def _learn(self, connection: apsw.Connection) -> None:
        """Take over the scan groups of earlier sessions, and where each one ended."""
        names = dict(connection.execute("SELECT id, name FROM scan_group"))
        places: dict[int, list[str]] = {number: [] for number in names}
        for number, tag in connection.execute("SELECT group_id, name FROM tag ORDER BY 1, place"):
            places[number].append(tag)
        self._known = {(names[number], tuple(tags)): number for number, tags in places.items()}
        self._next_group = max(names, default=0) + 1
        self._latest = latest_rows(connection)

    # --- what the controller gives ---------------------------------------------------------

    def attach(self, block: Block) -> BlockRecorder:
        """Declare a scan group and get its recorder; the catalog follows with the next commit.

        Raises:
            UnknownTag: a tag of the block is not in the line.
        """
        known = self._known.get((block.name, block.tags))
        number = self._next_group if known is None else known
        group = Group(number, block, tuple(self._tag(name, block) for name in block.tags))
        if known is None:
            self._known[block.name, block.tags] = number
            self._next_group += 1
            return self._pending.add_group(group)
        if number in self._latest:
            self._declare_stop(number)
        return self._pending.recorders.get(number) or self._pending.add_recorder(group)

    def append(
        self,
        block: Block,
        values: Sequence[float],
        quality: Sequence[int] | int,
        sent_ns: int,
        received_ns: int,
    ) -> None:
        """Keep a row of any block, attaching it when it is new: the tag table's way in.

        A block that is bad as a whole is a failed poll; its reason is the name of the status.
        """
        recorder = self._by_name.get(block.name)
        if recorder is None:
            recorder = self._by_name[block.name] = self.attach(block)
        if isinstance(quality, int) and is_bad(quality):
            recorder.append_failed(quality, status_name(quality), sent_ns, received_ns)
        else:
            recorder.append(values, quality, sent_ns, received_ns)

    def _tag(self, name: str, block: Block) -> TagInfo:
        if name not in self._tags:
            hint = did_you_mean(name, self._tags)
            raise UnknownTag(f"scan group {block.name}: the line has no tag {name}{hint}")
        return replace(self._tags[name], group=block.name, period_s=block.period_s)

    def _declare_stop(self, number: int) -> None:
        self._pending.gaps.append(
            Gap(
                number,
                "stopped",
                self._latest.pop(number),
                self._opened_ns,
                0,
                0,
                "service down",
            )
        )

    def event(self, event: Event) -> None:
        """Queue an event; events with an actor are the audit trail."""
        self._pending.note("event", event_row(event))

    def events(self, events: Sequence[Event]) -> None:
        """Queue several events in the order in which they happened."""
        for event in events:
            self.event(event)

    def journal(self, ns: int, subject: str, entry: str) -> None:
        """Queue an entry of the procedure's journal; commit before an output moves.

        Args:
            ns: time of the entry.
            subject: what it is about, such as a unit; the latest per subject counts.
            entry: text that only its writer reads, usually JSON.
        """
        self._pending.note("journal", (ns, subject, entry))

    def profile(
        self,
        ns: int,
        scanner: str,
        values: ArrayLike,
        *,
        positions: ArrayLike,
        valid: ArrayLike | None = None,
        meters: tuple[float, float] = (math.nan, math.nan),
    ) -> None:
        """Queue a scanner profile.

        Args:
            ns: end of the traverse.
            scanner: tag of the gauge; its unit and resolution hold for the values.
            values: one per point, NaN where nothing was measured.
            positions: meters across the film, one per point, or the pair (x0, dx).
            valid: points that count; finite values when None.
            meters: roll meter under the scanner at the beginning and end of the traverse.

        Raises:
            UnknownTag: the line has no such scanner.
            BadQuery: the arrays do not match.
        """
        tag = self._tags.get(scanner)
        if tag is None:
            raise UnknownTag(f"profile: the line has no tag {scanner}")
        profile = profiles.make_profile(
            ns, scanner, values, positions=positions, valid=valid, meters=meters
        )
        self._pending.note("profile", profiles.to_row(profile, tag.resolution))

    # --- commits ---------------------------------------------------------------------------

    def commit(self, now_ns: int) -> Acknowledged:
        """Write everything that waits; the return is the acknowledgement.

        Raises:
            RecordError: nothing was stored, and everything still waits for the next commit
                (rows beyond ``keep_s`` are dropped, counted and declared as a gap).
        """
        batch = self.collect(now_ns)
        try:
            self._writer.write(batch)
        except RecordError as error:
            self.failed(error, now_ns)
            raise
        return self.settle(batch)

    def collect(self, now_ns: int) -> Batch:
        """Copy what waits; for a thread that writes it (recording thread only)."""
        return self._pending.collect(now_ns)

    def write(self, batch: Batch) -> None:
        """Write a batch (writing thread only).

        Raises:
            RecordError: nothing was stored.
        """
        self._writer.write(batch)

    def settle(self, batch: Batch) -> Acknowledged:
        """Forget what a written batch holds (recording thread only)."""
        self._pending.release(batch)
        self._acknowledged_ns = batch.now_ns
        self._failure = ""
        values = sum(
            block.rows * len(self._pending.recorders[block.group_id].block.tags)
            for block in batch.blocks
        )
        notes = sum(len(rows) for rows in batch.notes.values())
        return Acknowledged(batch.now_ns, batch.rows, values, notes)

    def failed(self, error: RecordError, now_ns: int) -> None:
        """Note that a commit failed, and keep the queues bounded (recording thread only)."""
        self._failure = str(error)
        self._pending.trim(None, self._failure, now_ns)

    def late(self, in_flight: Batch, now_ns: int) -> None:
        """Keep the queues bounded while a batch is being written (recording thread only)."""
        self._pending.trim(in_flight, "the disk is too slow", now_ns)

    @property
    def health(self) -> Health:
        """How the record does now."""
        return Health(
            self._acknowledged_ns,
            self._pending.rows,
            self._pending.lost,
            self._failure,
            self._writer.problem,
            self._ballast.held,
        )

    def close(self, now_ns: int, *, seal: bool = True) -> str:
        """Commit what waits and close; sealed, the record can never be added to.

        Returns:
            The content hash, or an empty text without ``seal``.

        Raises:
            RecordError: the last commit or the seal failed; the store stays open.
        """
        self.commit(now_ns)
        digest = self._seal(now_ns) if seal else ""
        self._writer.close()
        if seal:
            lock_file(self.path).unlink(missing_ok=True)
        return digest

    def _seal(self, now_ns: int) -> str:
        """Merge all rows, then bind the content with its hash in one last transaction."""
        self._writer.merge_all()
        with self._writer.transaction() as connection:
            connection.execute(
                "UPDATE session SET closed_ns = ? WHERE id = ?", (now_ns, self._session)
            )
            connection.execute(_SET_META, ("sealed_ns", str(now_ns)))
            append(connection, [(SEAL, ONLY)], now_ns)
            digest = content_hash(connection)
            connection.execute(_SET_META, (HASH_KEY, digest))
        self._writer.compact()
        return digest

    def abandon(self) -> None:
        """Close without committing, as a crash would; what waits is lost."""
        self._writer.close()
