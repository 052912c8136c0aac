"""Export of a record to files that any tool opens: CSV and Parquet, one file per scan group.

CSV follows RFC 4180 with a row of units under the header and a quality column beside each
tag; text that a spreadsheet would run as a formula gets an apostrophe in front. Parquet keeps
unit, range and station in the field's metadata, and a quality column only for tags that were
not GOOD throughout. A file appears under its name only when it is complete.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np

from controller.historian.blocks import Rows
from controller.historian.catalog import TagInfo, status_name
from controller.historian.errors import DiskFull, WriteFailed
from controller.historian.query import Record
from controller.historian.rollups import HOUR_NS

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_SPACE: Final = 28  # errno.ENOSPC

_EVENT_HEADER: Final = (
    "utc", "ns", "source", "verb", "tag", "old", "new", "cause", "actor",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExportGroup:
    """The tags of one scan group to export, and where they lie.

    Attributes:
        group_id: scan group.
        name: its name.
        file_name: name of its file without the ending; differs between versions of a group.
        columns: places of the tags in it.
        tags: what the record knows of them.
    """

    group_id: int
    name: str
    file_name: str
    columns: tuple[int, ...]
    tags: tuple[TagInfo, ...]


Progress = Callable[[str], object]


def export_groups(record: Record, tags: Sequence[str] = ()) -> list[ExportGroup]:
    """Scan groups of a record with the asked tags (all when empty), in a fixed order.

    Raises:
        UnknownTag: the record does not hold one of the tags.
    """
    places = record.places()
    for tag in tags:
        if tag not in places:
            record.places_of(tag)  # raises with a hint
    chosen = [place for name in (tags or places) for place in places[name]]
    by_group: dict[int, list[tuple[int, TagInfo]]] = {}
    for place in chosen:
        by_group.setdefault(place.group_id, []).append((place.column, place.info))
    groups: dict[str, ExportGroup] = {}
    for number, members in sorted(by_group.items()):
        columns, infos = zip(*sorted(members, key=lambda member: member[0]), strict=True)
        name = infos[0].group
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        stem = f"{stem}-{number}" if stem in groups else stem
        groups[stem] = ExportGroup(number, name, stem, columns, infos)
    return list(groups.values())


def windows(record: Record, group: ExportGroup, from_ns: int, to_ns: int) -> Iterator[Rows]:
    """Rows of a scan group, an hour at a time, so that memory stays bounded."""
    first, last = record.span()
    start, end = max(from_ns, first), min(to_ns, last + 1)
    while start < end:
        stop = min(start + HOUR_NS, end)
        rows = record.rows(group.group_id, group.columns, start, stop)
        if len(rows.sent):
            yield rows
        start = stop


def export_csv(
    record: Record,
    folder: Path,
    from_ns: int,
    to_ns: int,
    tags: Sequence[str] = (),
    progress: Progress = str,
) -> list[Path]:
    """Write one CSV file per scan group, and ``events.csv``.

    Returns:
        The files written.

    Raises:
        UnknownTag: the record does not hold one of the tags.
        WriteFailed: the folder cannot be written.
    """
    written = []
    with record.snapshot():
        for group in export_groups(record, tags):
            path = folder / f"{group.file_name}.csv"
            progress(path.name)
            with _new_text(path) as file:
                _write_group(record, group, csv.writer(file), from_ns, to_ns)
            written.append(path)
        if not tags:
            written.append(_export_events(record, folder / "events.csv", from_ns, to_ns))
    return written


def _write_group(record: Record, group: ExportGroup, out: Any, from_ns: int, to_ns: int) -> None:
    header = ["sent", "sent_ns", "received_ns"]
    units = ["UTC", "ns", "ns"]
    for tag in group.tags:
        header += [safe_text(tag.name), safe_text(f"{tag.name} quality")]
        units += [safe_text(tag.unit), "OPC UA status"]
    out.writerow(header)
    out.writerow(units)
    for rows in windows(record, group, from_ns, to_ns):
        columns: list[list[Any]] = [
            [utc_text(ns) for ns in rows.sent.tolist()],
            rows.sent.tolist(),
            rows.received.tolist(),
        ]
        codes = rows.codes()
        for place in range(len(group.tags)):
            columns += [_numbers(rows.values[:, place]), _names(codes[:, place])]
        out.writerows(zip(*columns, strict=True))


def _numbers(column: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | str]:
    """Values that read back exactly; an empty cell where there is none."""
    return ["" if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN


def _names(column: np.ndarray[Any, np.dtype[np.uint32]]) -> list[str]:
    known, place = np.unique(column, return_inverse=True)
    names = [status_name(int(code)) for code in known]
    return [names[number] for number in place.tolist()]


def _export_events(record: Record, path: Path, from_ns: int, to_ns: int) -> Path:
    with _new_text(path) as file:
        out = csv.writer(file)
        out.writerow(_EVENT_HEADER)
        for event in record.events(from_ns, to_ns):
            texts = (event.source, event.verb, event.tag, event.old, event.new, event.cause)
            cells = [safe_text(cell) if isinstance(cell, str) else cell for cell in texts]
            out.writerow([utc_text(event.ns), event.ns, *cells, safe_text(event.actor)])
    return path


def safe_text(text: str) -> str:
    """A text cell that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def utc_text(ns: int) -> str:
    """ISO 8601 with microseconds; the exact ns stand beside it."""
    return (_EPOCH + timedelta(microseconds=ns // 1000)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """Give a temporary path that gets its name only when the block ends without error.

    Raises:
        WriteFailed: the disk or folder cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        kind = DiskFull if error.errno == _NO_SPACE else WriteFailed
        raise kind(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with suppress(OSError):  # already renamed, or its folder was never there
            part.unlink()


@contextmanager
def _new_text(path: Path) -> Iterator[TextIO]:
    with complete_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        yield file
