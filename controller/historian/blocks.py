"""The two forms in which the rows of a scan group lie in the record.

*Fresh*: what the hot path wrote, byte for byte: per row sent and received ns (int64) and the
values (float64), then a sparse list (row, column, status) of what was not GOOD.
*Merged*: some minutes of rows, column by column, each coded by :mod:`columns`, then the runs
of status codes. Both carry a version and a CRC-32, so a damaged block is refused, never read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.historian import columns
from controller.historian.errors import RecordCorrupt

VERSION: Final = 1
FRESH: Final = 1
MERGED: Final = 2
ALL_COLUMNS: Final = 0xFFFF

_HEAD = struct.Struct("<BBHII")  # version, form, tags, rows, number of exceptions
_CRC = struct.Struct("<I")  # of head and payload
_PAYLOAD_AT: Final = _HEAD.size + _CRC.size
BAD_ENTRY = struct.Struct("<IHI")  # row, column or ALL_COLUMNS, OPC UA status
_ENTRY_TYPE = np.dtype([("row", "<u4"), ("column", "<u2"), ("code", "<u4")])

Stamps = NDArray[np.int64]
Values = NDArray[np.float64]
Codes = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one scan group.

    Attributes:
        sent: UTC ns when each request left.
        received: UTC ns when each reply was complete or found missing.
        values: rows x tags, engineering units, NaN where missing.
        quality: rows x tags OPC UA status codes, or None when all are GOOD.
    """

    sent: Stamps
    received: Stamps
    values: Values
    quality: Codes | None

    def codes(self) -> Codes:
        """Quality as a full array."""
        if self.quality is None:
            return np.zeros(self.values.shape, np.uint32)
        return self.quality


def fresh_block(
    tags: int, rows: int, body: bytes | memoryview, exceptions: Sequence[bytes]
) -> bytes:
    """Frame rows as the hot path packed them (``<qq`` then one ``d`` for each tag)."""
    return _framed(FRESH, tags, rows, len(exceptions), (body, *exceptions))


def _framed(
    form: int, tags: int, rows: int, exceptions: int, parts: Sequence[bytes | memoryview]
) -> bytes:
    head = _HEAD.pack(VERSION, form, tags, rows, exceptions)
    crc = zlib.crc32(head)
    for part in parts:
        crc = zlib.crc32(part, crc)
    return b"".join((head, _CRC.pack(crc), *parts))


def merged_block(rows: Rows, resolutions: Sequence[float]) -> bytes:
    """Code rows column by column."""
    table = np.ascontiguousarray(rows.values.T)
    sections = [
        columns.encode_stamps(rows.sent),
        columns.encode_ints(rows.received - rows.sent),
        *map(columns.encode_floats, table, resolutions),
    ]
    runs = _runs(rows.quality)
    lengths = np.array([len(section) for section in sections], "<u4").tobytes()
    count, tags = rows.values.shape
    return _framed(MERGED, tags, count, len(runs) // 8, (lengths, runs, *sections))


def read_block(data: bytes, where: str, wanted: Sequence[int] | None = None) -> Rows:
    """Read a block of either form.

    Args:
        data: the block.
        where: what to name in an error.
        wanted: columns to read, in this order; all of them when None.

    Raises:
        RecordCorrupt: the block is of another version, cut or damaged.
    """
    form, tags, rows, exceptions, payload = _opened(data, where)
    chosen = list(range(tags)) if wanted is None else list(wanted)
    if form == MERGED:
        return _read_merged(payload, tags, rows, exceptions, chosen)
    table = np.frombuffer(payload, _row_type(tags), rows)
    entries = np.frombuffer(payload, _ENTRY_TYPE, exceptions, table.nbytes)
    return _from_fresh(table, entries, chosen)


def join_fresh(blocks: Sequence[bytes], where: str) -> Rows:
    """Read fresh blocks of one scan group, oldest first, as one.

    Raises:
        RecordCorrupt: a block is of another version, cut or damaged.
    """
    bodies: list[memoryview] = []
    entries: list[NDArray[np.void]] = []
    before = tags = 0
    for data in blocks:
        _, tags, rows, exceptions, payload = _opened(data, where)
        body = rows * (16 + 8 * tags)
        bodies.append(payload[:body])
        if exceptions:
            noted = np.frombuffer(payload, _ENTRY_TYPE, exceptions, body).copy()
            noted["row"] += before
            entries.append(noted)
        before += rows
    table = np.frombuffer(b"".join(bodies), _row_type(tags))
    noted = np.concatenate(entries) if entries else np.empty(0, _ENTRY_TYPE)
    return _from_fresh(table, noted, list(range(tags)))


def _opened(data: bytes, where: str) -> tuple[int, int, int, int, memoryview]:
    """Check a block's frame; give form, tags, rows, exceptions and payload."""
    if len(data) < _PAYLOAD_AT:
        raise RecordCorrupt(f"{where}: block cut to {len(data)} bytes")
    version, form, tags, rows, exceptions = _HEAD.unpack_from(data)
    whole = memoryview(data)
    payload = whole[_PAYLOAD_AT:]
    if version != VERSION or form not in {FRESH, MERGED}:
        raise RecordCorrupt(f"{where}: block of unknown version {version}, form {form}")
    crc = zlib.crc32(payload, zlib.crc32(whole[: _HEAD.size]))
    if crc != _CRC.unpack_from(data, _HEAD.size)[0]:
        raise RecordCorrupt(f"{where}: block fails its checksum")
    return form, tags, rows, exceptions, payload


def _row_type(tags: int) -> np.dtype[np.void]:
    return np.dtype([("sent", "<i8"), ("received", "<i8"), ("values", "<f8", (tags,))])


def _from_fresh(table: NDArray[np.void], entries: NDArray[np.void], chosen: list[int]) -> Rows:
    values = table["values"]
    rows, tags = values.shape
    return Rows(
        table["sent"].copy(),
        table["received"].copy(),
        values[:, chosen],
        _codes_of_entries(entries, rows, tags, chosen),
    )


def _codes_of_entries(
    entries: NDArray[np.void], rows: int, tags: int, chosen: list[int]
) -> Codes | None:
    if not len(entries):
        return None
    codes = np.zeros((rows, tags), np.uint32)
    whole = entries["column"] == ALL_COLUMNS
    codes[entries["row"][whole]] = entries["code"][whole][:, None]
    single = entries[~whole]
    codes[single["row"], single["column"]] = single["code"]
    return codes[:, chosen]


def _runs(quality: Codes | None) -> bytes:
    """Starts and codes of equal stretches, column after column; empty when all are GOOD."""
    if quality is None or not quality.any():
        return b""
    flat = np.ascontiguousarray(quality.T).reshape(-1)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(flat)) + 1)).astype("<u4")
    return b"".join((starts.tobytes(), flat[starts].astype("<u4").tobytes()))


def _read_merged(
    payload: memoryview, tags: int, rows: int, exceptions: int, chosen: list[int]
) -> Rows:
    lengths = np.frombuffer(payload, "<u4", tags + 2)
    runs_at = lengths.nbytes
    ends = np.cumsum(lengths, dtype=np.int64) + runs_at + 8 * exceptions

    def section(number: int) -> bytes:
        return bytes(payload[ends[number] - lengths[number] : ends[number]])

    sent = columns.decode_ints(section(0), rows)
    received = sent + columns.decode_ints(section(1), rows)
    values = np.empty((rows, len(chosen)))
    for place, column in enumerate(chosen):
        values[:, place] = columns.decode_floats(section(column + 2), rows)
    starts = np.frombuffer(payload, "<u4", exceptions, runs_at)
    codes = np.frombuffer(payload, "<u4", exceptions, runs_at + 4 * exceptions)
    return Rows(sent, received, values, _codes_of_runs(starts, codes, rows, tags, chosen))


def _codes_of_runs(
    starts: Codes, codes: Codes, rows: int, tags: int, chosen: list[int]
) -> Codes | None:
    if not len(starts):
        return None
    ends = np.append(starts[1:], rows * tags).astype(np.int64)
    lengths = ends - starts.astype(np.int64)
    flat = np.repeat(codes, lengths).reshape(tags, rows)
    return flat[chosen].T
