"""Reads a record onward from a cursor, in slices of line time.

The record may be written by another process meanwhile. It is opened for each slice, in one short
snapshot, and closed again: a mirror that hangs can never keep the writer from its log file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from controller.historian.blocks import Rows, read_block
from controller.historian.heads import head_to_keep
from controller.historian.notes import restored
from controller.historian.query import Record
from controller.historian.reading import LATEST, in_order
from controller.historian.rollups import good_values
from controller.historian.schema import record_file
from controller.historian.seal import HASH_KEY
from controller.outlets.content import GroupInfo, Noted, Origin, Piece, Slice, TagPlace, Traverse
from controller.outlets.cursor import Progress
from controller.outlets.film import POSITION_GROUP, FilmTrack
from controller.outlets.index import Index, read_index

NS: Final = 1_000_000_000
_LONGEST_NS: Final = 60 * NS
_SHORTEST_NS: Final = NS
_MANY_VALUES: Final = 200_000
_AROUND_NS: Final = 5 * NS
_PATIENCE: Final = 3
_MOST_NOTES: Final = 5_000

_GROUPS: Final = """
SELECT scan_group.id, scan_group.name, tag.name, tag.unit, tag.station, tag.resolution
FROM scan_group JOIN tag ON tag.group_id = scan_group.id ORDER BY scan_group.id, place
"""
_DATA: Final = {
    "merged": "SELECT data FROM merged WHERE id = ?",
    "fresh": "SELECT data FROM fresh WHERE id = ?",
}
_EVENTS: Final = """
SELECT id, ns, source, verb, tag, old, new, cause, actor,
  (SELECT count(*) FROM event AS before WHERE before.ns = event.ns AND before.id < event.id)
FROM event WHERE id > ? ORDER BY id LIMIT ?
"""
_PROFILES: Final = """
SELECT id, ns, scanner, valid, from_m, to_m, mean, sigma, least, greatest
FROM profile WHERE id > ? ORDER BY id LIMIT ?
"""


class Feed:
    """A record as a stream of slices.

    Args:
        path: the record file, or the folder it is in.

    Raises:
        RecordError: there is no record, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = record_file(path)
        with Record(self.path) as record:
            info = record.info()
        self.origin = Origin(info["line"], info["lot"], info["plant"], int(info["opened_ns"]))
        self._span_ns = _LONGEST_NS
        self._decoded: dict[int, tuple[int, Rows]] = {}
        self._seen: tuple[dict[int, int], int] = ({}, 0)

    def next(self, progress: Progress) -> Slice:
        """What follows a cursor; empty when the mirror has caught up.

        Raises:
            RecordError: the record cannot be read just now.
        """
        with Record(self.path) as record, record.snapshot():
            return self._slice(record, progress)

    def latest(self, progress: Progress) -> Slice:
        """The last row of each scan group before a cursor, and the head of the chain.

        Raises:
            RecordError: the record cannot be read just now.
        """
        with Record(self.path) as record, record.snapshot():
            index, groups = read_index(record), _groups(record)
            pieces = [
                Piece(
                    groups[number],
                    row - 1,
                    _cut(self._from(record, index, number, row - 1), 0, 1),
                    None,
                    None,
                )
                for number, row in progress.rows.items()
                if 0 < row <= index.totals.get(number, 0)
            ]
            head = head_to_keep(record)
        return Slice(tuple(pieces), (), (), progress, 0, 0.0, sealed=False, head=head)

    def _slice(self, record: Record, progress: Progress) -> Slice:
        index = read_index(record)
        groups = _groups(record)
        sealed = bool(record.query("SELECT 1 FROM meta WHERE key = ?", (HASH_KEY,)))
        # A block that the writer took back after a disk error is given again.
        done = {group: min(progress.rows.get(group, 0), index.totals[group]) for group in groups}
        waiting = {group: self._from(record, index, group, row) for group, row in done.items()}
        begin = min((int(rows.sent[0]) for rows in waiting.values() if len(rows.sent)), default=0)
        some = any(len(rows.sent) for rows in waiting.values())
        horizon = begin + self._span_ns if some else LATEST
        limits = self._limits(index, groups, horizon, sealed=sealed)
        film = _film(record, groups, begin - _AROUND_NS, horizon + _AROUND_NS) if some else None
        pieces = [
            _piece(groups[group], done[group], cut, film)
            for group, rows in waiting.items()
            if len(
                (cut := self._until(record, index, group, done[group], rows, limits[group])).sent
            )
        ]
        taken = done | {piece.group.id: piece.first + len(piece.rows.sent) for piece in pieces}
        events = _events(record, progress.event, horizon)
        profiles = _profiles(record, progress.profile, horizon)
        behind = sum(index.totals[group] - row for group, row in taken.items())
        newest = max(index.newest_ns.values(), default=0)
        head = head_to_keep(record)
        link = progress.link if head is None else head.seq
        found = Slice(
            tuple(pieces),
            events,
            profiles,
            Progress(
                taken,
                events[-1].id if events else progress.event,
                profiles[-1].id if profiles else progress.profile,
                link,
            ),
            behind,
            max(0.0, (newest - horizon) / NS) if behind and some else 0.0,
            sealed,
            None if link == progress.link else head,
        )
        self._adapt(found.values)
        return found

    def _adapt(self, values: int) -> None:
        """Take less at once on a line of thousands of tags."""
        if values > _MANY_VALUES:
            self._span_ns = max(_SHORTEST_NS, self._span_ns // 2)
        elif values < _MANY_VALUES // 4:
            self._span_ns = min(_LONGEST_NS, self._span_ns * 2)

    def _limits(
        self, index: Index, groups: dict[int, GroupInfo], horizon: int, *, sealed: bool
    ) -> dict[int, int]:
        """Time up to which each group goes: at a station, not beyond the film's position.

        The position comes once a second; rows after its last stamp wait for the next one. When
        it no longer comes, nothing waits.
        """
        totals, same = self._seen
        self._seen = (index.totals, same + 1 if totals == index.totals else 0)
        position = [
            index.newest_ns[number]
            for number, group in groups.items()
            if group.name == POSITION_GROUP and number in index.newest_ns
        ]
        newest = max(index.newest_ns.values(), default=0)
        held = horizon
        if position and not sealed and same < _PATIENCE and newest - max(position) < _AROUND_NS:
            held = min(horizon, max(position) + 1)
        return {number: held if group.station else horizon for number, group in groups.items()}

    def _from(self, record: Record, index: Index, group: int, row: int) -> Rows:
        """Rows of a group from a number on, to the end of that row's block."""
        for place in index.after(group, row):
            return _cut(self._block(record, place.table, place.id, group), row - place.first)
        return in_order([], 0, 0, 0)

    def _until(
        self, record: Record, index: Index, group: int, row: int, rows: Rows, limit: int
    ) -> Rows:
        """Those rows and the ones of further blocks, up to the first at or after ``limit``."""
        parts: list[Rows] = []
        blocks = list(index.after(group, row))[1:]
        while len(rows.sent):
            late = np.flatnonzero(rows.sent >= limit)
            if len(late):
                parts.append(_cut(rows, 0, int(late[0])))
                break
            parts.append(rows)
            if not blocks:
                break
            place = blocks.pop(0)
            rows = self._block(record, place.table, place.id, group)
        return _joined(parts)

    def _block(self, record: Record, table: str, number: int, group: int) -> Rows:
        """Decode a block; the last merged one of each group is kept."""
        kept = self._decoded.get(group)
        if kept is not None and table == "merged" and kept[0] == number:
            return kept[1]
        ((data,),) = record.query(_DATA[table], (number,))
        rows = read_block(data, f"{self.path}: scan group {group}")
        if table == "merged":
            self._decoded[group] = (number, rows)
        return rows


def _groups(record: Record) -> dict[int, GroupInfo]:
    """Scan groups that hold rows or may come to."""
    found: dict[int, tuple[str, list[TagPlace]]] = {}
    for number, name, *tag in record.query(_GROUPS):
        found.setdefault(number, (name, []))[1].append(TagPlace(*tag))
    return {number: GroupInfo(number, name, tuple(tags)) for number, (name, tags) in found.items()}


def _cut(rows: Rows, first: int, end: int | None = None) -> Rows:
    part = slice(first, end)
    quality = None if rows.quality is None else rows.quality[part]
    return Rows(rows.sent[part], rows.received[part], rows.values[part], quality)


def _joined(parts: Sequence[Rows]) -> Rows:
    """Rows of several blocks as they lie, whatever their stamps."""
    if not parts:
        return in_order([], 0, 0, 0)
    if len(parts) == 1:
        return parts[0]
    good = all(part.quality is None for part in parts)
    return Rows(
        np.concatenate([part.sent for part in parts]),
        np.concatenate([part.received for part in parts]),
        np.concatenate([part.values for part in parts]),
        None if good else np.concatenate([part.codes() for part in parts]),
    )


def _piece(group: GroupInfo, first: int, rows: Rows, film: FilmTrack | None) -> Piece:
    if film is None or group.station is None:
        return Piece(group, first, rows, None, None)
    label = film.label(group.station, rows.sent)
    return Piece(group, first, rows, label, film.roll_meter(label, rows.sent))


def _film(
    record: Record, groups: dict[int, GroupInfo], from_ns: int, to_ns: int
) -> FilmTrack | None:
    """The film position around a slice; None where it was not recorded."""
    position = [group for group in groups.values() if group.name == POSITION_GROUP]
    if not position:
        return None
    group = position[-1]
    columns = range(len(group.tags))
    rows = record.rows(group.id, columns, from_ns, to_ns)
    values = good_values(rows)
    return FilmTrack(rows.sent, {group.tags[place].name: values[:, place] for place in columns})


def _events(record: Record, after: int, horizon: int) -> tuple[Noted, ...]:
    found: list[Noted] = []
    for number, ns, source, verb, tag, old, new, cause, actor, place in record.query(
        _EVENTS, (after, _MOST_NOTES)
    ):
        if ns >= horizon:
            break
        found.append(
            Noted(
                number,
                ns,
                source,
                verb,
                tag or "",
                restored(old),
                restored(new),
                cause,
                actor or "",
                place,
            )
        )
    return tuple(found)


def _profiles(record: Record, after: int, horizon: int) -> tuple[Traverse, ...]:
    found: list[Traverse] = []
    for row in record.query(_PROFILES, (after, _MOST_NOTES)):
        traverse = Traverse(*row)
        if traverse.ns >= horizon:
            break
        found.append(traverse)
    return tuple(found)
