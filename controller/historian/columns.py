"""Lossless coding of one column of a merged block: integers, stamps and values.

Each value column takes the first form that gives back every bit (NaN becomes the one quiet
NaN): constant, whole multiples of the tag's resolution, ranks in a dictionary of the values
that occur, or the plain float64. Integers are kept as differences or offsets in the
narrowest width, bytes of equal weight together, deflated where that makes them smaller.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_CONSTANT: Final = 0
_DIFFERENCES: Final = 1
_OFFSETS: Final = 2

_SAME: Final = 0
_MULTIPLES: Final = 1  # k * resolution
_QUOTIENTS: Final = 2  # k / (1 / resolution): what a driver gets that divides
_DICTIONARY: Final = 3
_PLAIN: Final = 4

_HEAD = struct.Struct("<BBqqq")  # mode and flags, width, first, lowest, unit
_CONST = struct.Struct("<Bq")
_DEFLATED: Final = 0x80
_WORTH_DEFLATING: Final = 48  # bytes; below this the header of zlib eats the gain
_LARGEST_EXACT: Final = 2.0**52
_NAN_BITS = np.array([np.nan]).view(np.int64)[0]


def _deflate(raw: bytes) -> tuple[bytes, bool]:
    if len(raw) < _WORTH_DEFLATING:
        return raw, False
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    small = packer.compress(raw) + packer.flush()
    return (small, True) if len(small) < 0.95 * len(raw) else (raw, False)


def _inflate(data: bytes) -> bytes:
    return zlib.decompress(data, -15)


def _shuffled(words: NDArray[Any]) -> bytes:
    width = words.dtype.itemsize
    if width == 1:
        return words.tobytes()
    return words.view(np.uint8).reshape(-1, width).T.tobytes()


def _unshuffled(raw: bytes, width: int) -> NDArray[Any]:
    planes = np.frombuffer(raw, np.uint8).reshape(width, -1)
    words: NDArray[Any] = np.ascontiguousarray(planes.T).view(f"<u{width}")
    return words.reshape(-1)


def _width(largest: int) -> int:
    return 1 if largest < 1 << 8 else 2 if largest < 1 << 16 else 4 if largest < 1 << 32 else 8


def encode_ints(column: Ints, unit: int = 1) -> bytes:
    """Code a column of int64; ``unit`` divides every difference between its values.

    Sums and differences wrap modulo 2**64, so any column comes back exactly.
    """
    first = int(column[0])
    steps = np.diff(column)
    if not steps.any():
        return _CONST.pack(_CONSTANT, first)
    from_middle = np.abs(column - column[len(column) // 2])
    mode = _DIFFERENCES if np.abs(steps).sum() <= from_middle.sum() else _OFFSETS
    moved = (steps if mode == _DIFFERENCES else column - first) // unit
    lowest = int(moved.min())
    words = (moved - lowest).view(np.uint64)
    width = _width(int(words.max()))
    body, deflated = _deflate(_shuffled(words.astype(f"<u{width}")))
    flags = mode | (_DEFLATED if deflated else 0)
    return _HEAD.pack(flags, width, first, lowest, unit) + body


def decode_ints(data: bytes, rows: int) -> Ints:
    """Give back what :func:`encode_ints` took."""
    column = np.empty(rows, np.int64)
    if data[0] == _CONSTANT:
        column[:] = _CONST.unpack_from(data)[1]
        return column
    flags, width, first, lowest, unit = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    words = _unshuffled(_inflate(body) if flags & _DEFLATED else body, width)
    moved: Ints = (words.astype(np.uint64).view(np.int64) + lowest) * unit
    if flags & ~_DEFLATED == _OFFSETS:
        column[:] = moved
    else:
        column[0] = 0
        np.cumsum(moved, out=column[1:])
    column += first
    return column


def encode_stamps(column: Ints) -> bytes:
    """Code stamps in ns; whole microseconds or milliseconds are kept as such."""
    since = column - column[0]
    for unit in (1_000_000, 1_000):
        if not (since % unit).any():
            return encode_ints(column, unit)
    return encode_ints(column)


def _multiples(finite: Floats, bits: Ints, resolution: float) -> bytes | None:
    """Whole multiples of the resolution, if every value is exactly one."""
    inverse = 1.0 / resolution
    with np.errstate(over="ignore"):
        counts = np.rint(finite * inverse) + 0.0  # integers have no negative zero
    if not np.abs(counts).max() < _LARGEST_EXACT:
        return None
    whole = np.rint(inverse)
    for form, value, factor in (
        (_MULTIPLES, counts * resolution, resolution),
        (_QUOTIENTS, counts / whole if whole else counts, whole),
    ):
        if np.array_equal(value.view(np.int64), bits):
            return struct.pack("<Bd", form, factor) + encode_ints(counts.astype(np.int64))
    return None


def _dictionary(bits: Ints) -> bytes | None:
    """Ranks in the sorted list of values, if few enough differ."""
    words, ranks = np.unique(bits, return_inverse=True)
    if 2 * len(words) > len(bits):
        return None
    table = encode_ints(words)
    return (
        struct.pack("<BII", _DICTIONARY, len(words), len(table))
        + table
        + encode_ints(ranks.astype(np.int64))
    )


def _plain(bits: Ints) -> bytes:
    body, deflated = _deflate(_shuffled(bits.view(np.uint64)))
    return struct.pack("<BB", _PLAIN, deflated) + body


def _filled(column: Floats, missing: NDArray[np.bool_]) -> Floats:
    """The column with each NaN replaced by the value before it, to keep differences small."""
    first = int(np.argmin(missing))
    source: Ints = np.maximum.accumulate(np.where(missing, first, np.arange(len(column))))
    return column[source]


def _encode_finite(column: Floats, resolution: float) -> bytes:
    bits = column.view(np.int64)
    return _multiples(column, bits, resolution) or _dictionary(bits) or _plain(bits)


def encode_floats(column: Floats, resolution: float) -> bytes:
    """Code one contiguous column of values; ``resolution`` is the tag's, in its unit."""
    missing = np.isnan(column)
    if not missing.any():
        bits = column.view(np.int64)
        if (bits == bits[0]).all():
            return struct.pack("<BBq", 0, _SAME, bits[0])
        return b"\x00" + _encode_finite(column, resolution)
    if missing.all():
        return struct.pack("<BBq", 0, _SAME, _NAN_BITS)
    holes, deflated = _deflate(np.packbits(missing).tobytes())
    head = struct.pack("<BBI", 1, deflated, len(holes))
    return head + holes + _encode_finite(_filled(column, missing), resolution)


def _decode_finite(data: bytes, rows: int) -> Floats:
    form = data[0]
    if form == _SAME:
        return np.full(rows, struct.unpack_from("<q", data, 1)[0], np.int64).view(np.float64)
    if form in {_MULTIPLES, _QUOTIENTS}:
        factor = float(struct.unpack_from("<d", data, 1)[0])
        counts = decode_ints(data[9:], rows).astype(np.float64)
        return counts * factor if form == _MULTIPLES else counts / factor
    if form == _DICTIONARY:
        words, table = struct.unpack_from("<II", data, 1)
        values = decode_ints(data[9 : 9 + table], words).view(np.float64)
        return values[decode_ints(data[9 + table :], rows)]
    body = data[2:]
    return _unshuffled(_inflate(body) if data[1] else body, 8).view(np.float64)


def decode_floats(data: bytes, rows: int) -> Floats:
    """Give back what :func:`encode_floats` took."""
    if data[0] == 0:
        return _decode_finite(data[1:], rows)
    _, deflated, size = struct.unpack_from("<BBI", data)
    holes = data[6 : 6 + size]
    packed = np.frombuffer(_inflate(holes) if deflated else holes, np.uint8)
    column = _decode_finite(data[6 + size :], rows).copy()
    column[np.unpackbits(packed, count=rows).astype(bool)] = np.nan
    return column
