"""One stream of bytes for values, so that no two contents have the same: for hashes.

Each value has its type and its length in front.
"""

from __future__ import annotations

from collections.abc import Iterable


def canonical(value: object) -> bytes:
    """Bytes of one value: None, int, float, text or bytes."""
    if isinstance(value, bytes):
        return b"b%d:%b" % (len(value), value)
    text = repr(value) if value is None or isinstance(value, (int, float)) else str(value)
    raw = text.encode()
    return b"%c%d:%b" % (type(value).__name__[0].encode(), len(raw), raw)


def canonical_row(values: Iterable[object]) -> bytes:
    """Bytes of the values of a row, with their number in front."""
    parts = [canonical(value) for value in values]
    return b"r%d:%b" % (len(parts), b"".join(parts))
