"""Scanner profiles across the film: value, position and validity of each point."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from controller.historian import columns
from controller.historian.errors import BadQuery, RecordCorrupt

_HEAD = struct.Struct("<BII")  # version, bytes of positions, bytes of values
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Profile:
    """One traverse of a scanner.

    Attributes:
        ns: UTC ns of the end of the traverse.
        scanner: tag of the gauge, ``GT-601.PV``.
        position: meters across the film from its center line, one per point.
        value: in the tag's unit, NaN where nothing was measured.
        valid: points that count.
        from_m: roll meter (or NaN) under the scanner when the traverse began.
        to_m: roll meter (or NaN) when it ended.
    """

    ns: int
    scanner: str
    position: NDArray[np.float64]
    value: NDArray[np.float64]
    valid: NDArray[np.bool_]
    from_m: float = math.nan
    to_m: float = math.nan


def make_profile(
    ns: int,
    scanner: str,
    values: ArrayLike,
    *,
    positions: ArrayLike,
    valid: ArrayLike | None = None,
    meters: tuple[float, float] = (math.nan, math.nan),
) -> Profile:
    """Check and copy the arrays of a profile.

    ``positions`` is one meter value per point, or the pair (x0, dx) of a regular grid.

    Raises:
        BadQuery: the arrays do not have the same length, or none.
    """
    value = np.array(values, np.float64)
    place = np.array(positions, np.float64)
    if place.shape == (2,) and value.shape != (2,):
        place = place[0] + place[1] * np.arange(value.size)
    good = np.isfinite(value) if valid is None else np.array(valid, bool)
    if value.ndim != 1 or not value.size or place.shape != value.shape or good.shape != value.shape:
        raise BadQuery(
            f"profile of {scanner}: {value.shape} values, {place.shape} positions, "
            f"{good.shape} validity flags"
        )
    return Profile(ns, scanner, place, value, good, *map(float, meters))


def to_row(profile: Profile, resolution: float) -> tuple[object, ...]:
    """The row of table ``profile`` after its id; statistics are of the valid points."""
    place = columns.encode_floats(profile.position, 0.001)
    value = columns.encode_floats(profile.value, resolution)
    flags = np.packbits(profile.valid).tobytes()
    data = _HEAD.pack(_VERSION, len(place), len(value)) + place + value + flags
    used = profile.value[profile.valid & np.isfinite(profile.value)]
    statistics = (
        (float(used.mean()), float(used.std()), float(used.min()), float(used.max()))
        if used.size
        else (None, None, None, None)
    )
    meters = (None if math.isnan(m) else m for m in (profile.from_m, profile.to_m))
    return (
        profile.ns,
        profile.scanner,
        profile.value.size,
        int(profile.valid.sum()),
        *meters,
        *statistics,
        data,
    )


def from_row(
    ns: int, scanner: str, points: int, from_m: float | None, to_m: float | None, data: bytes
) -> Profile:
    """Read a profile back.

    Raises:
        RecordCorrupt: the stored bytes are damaged.
    """
    try:
        version, place, value = _HEAD.unpack_from(data)
        at = _HEAD.size
        position = columns.decode_floats(data[at : at + place], points)
        values = columns.decode_floats(data[at + place : at + place + value], points)
        packed = np.frombuffer(data, np.uint8, offset=at + place + value)
        valid = np.unpackbits(packed, count=points).astype(bool)
    except (struct.error, ValueError, IndexError, zlib.error) as error:
        raise RecordCorrupt(f"profile of {scanner} at {ns} ns is damaged ({error})") from error
    if version != _VERSION:
        raise RecordCorrupt(f"profile of {scanner} at {ns} ns: unknown version {version}")
    return Profile(
        ns,
        scanner,
        position,
        values,
        valid,
        math.nan if from_m is None else from_m,
        math.nan if to_m is None else to_m,
    )
