"""Registers to values with quality, a block at a time, and values to registers. Pure.

A decoder is compiled once from the points of a block and then turns the bytes of a reply into
``(values, quality)``: one float per point, NaN where bad, and one status for all (the usual
case) or one per point. Two decoders cover all register instruments: ``PointDecoder`` for the
few mixed points of a device profile, ``TerminalDecoder`` for the many like terminals of an
I/O coupler.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

import numpy as np
import numpy.typing as npt

from drivers.base import Quality

NAN = math.nan
Floats = npt.NDArray[np.float64]
Decoded = tuple[Sequence[float], Sequence[int] | int]
NumberType = Literal["u16", "s16", "u32", "s32", "u64", "f32", "bits16", "bits32", "bits64"]
WordOrder = Literal["high_first", "low_first"]

_FORMATS = {
    "u16": "H",
    "s16": "h",
    "bits16": "H",
    "u32": "I",
    "s32": "i",
    "bits32": "I",
    "f32": "f",
    "u64": "Q",
    "bits64": "Q",
}
WORDS = {name: struct.calcsize(">" + code) // 2 for name, code in _FORMATS.items()}

# NE 43 in microampere: at or beyond the failure limits the sensor is bad, between them and
# 4..20 mA the value is usable but out of range.
MA_FAIL_LOW, MA_ZERO, MA_FULL, MA_FAIL_HIGH = 3600, 4000, 20000, 21000
BURN_OUT = 13720  # 1372.0 degC: a broken thermocouple is driven upscale


class NotEncodable(ValueError):
    """A value that may not be put on the wire: not finite, or outside its limits."""


@dataclass(frozen=True, slots=True)
class Point:
    """How one value lies in a block of registers.

    Attributes:
        register: offset from the first register of the block.
        type: number type; ``bits*`` give 1.0 where ``raw & mask == equals``.
        word_order: which register of a multi-register number comes first.
        scale, offset: value = raw * scale + offset.
        low, high: instrument range in the unit of the value; outside is bad.
        sentinels: raw values that mean something else, with the quality they mean.
    """

    register: int
    type: NumberType
    word_order: WordOrder = "high_first"
    scale: float = 1.0
    offset: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    mask: int = 0
    equals: int = 0
    sentinels: tuple[tuple[int, Quality], ...] = ()

    def byte_order(self) -> list[int]:
        """Positions of this point's bytes in the payload, most significant first."""
        words = list(range(self.register, self.register + WORDS[self.type]))
        if self.word_order == "low_first":
            words.reverse()
        return [2 * word + half for word in words for half in (0, 1)]


class PointDecoder:
    """Decodes the points of one block.

    Gathers the bytes of all points in one step (so word order, overlaps and holes cost
    nothing), unpacks them in another, scales, then compares with ranges and sentinels.

    Args:
        points: what to decode; the order of the values.
        registers: length of the block.
    """

    __slots__ = ("_bits", "_gather", "_points", "_rows", "_sentinels", "_straight", "_unpack")

    def __init__(self, points: Sequence[Point], registers: int) -> None:
        self._points = tuple(points)
        order = [position for point in points for position in point.byte_order()]
        if not order or max(order) >= 2 * registers:
            raise ValueError(f"a point lies outside the {registers} registers of its block")
        self._straight = order == list(range(2 * registers))
        self._gather: Callable[[bytes], tuple[int, ...]] = itemgetter(*order)
        self._unpack = struct.Struct(">" + "".join(_FORMATS[p.type] for p in points)).unpack
        self._bits = tuple(
            (i, p.mask, p.equals) for i, p in enumerate(points) if p.type.startswith("bits")
        )
        self._rows = tuple(_row(p) for p in points)
        self._sentinels = any(p.sentinels for p in points)

    def decode(self, payload: bytes) -> Decoded:
        """Turn the register bytes of a reply into values and quality."""
        raws = self._unpack(payload if self._straight else bytes(self._gather(payload)))
        values: list[float] = []
        good = not self._sentinels
        for raw, (scale, offset, low, high) in zip(raws, self._rows, strict=True):
            value = raw * scale + offset
            values.append(value)
            if not low <= value <= high:
                good = False
        for i, mask, equals in self._bits:
            values[i] = 1.0 if raws[i] & mask == equals else 0.0
        return (values, Quality.GOOD) if good else self._grade(raws, values)

    def _grade(self, raws: Sequence[float], values: list[float]) -> Decoded:
        """Find which values are bad and why."""
        quality: list[int] = [Quality.GOOD] * len(values)
        for i, point in enumerate(self._points):
            quality[i] = grade(point, raws[i], values[i])
            if quality[i] != Quality.GOOD:
                values[i] = NAN
        return (values, quality) if any(quality) else (values, Quality.GOOD)


def _row(point: Point) -> tuple[float, float, float, float]:
    """Scale, offset and range as ``decode`` uses them; bits have no range."""
    if point.type.startswith("bits"):
        return 1.0, 0.0, -math.inf, math.inf
    return point.scale, point.offset, point.low, point.high


def grade(point: Point, raw: float, value: float) -> int:
    """Quality of one decoded value."""
    for sentinel, quality in point.sentinels:
        if raw == sentinel:
            return quality
    if point.type.startswith("bits"):
        return Quality.GOOD
    if not math.isfinite(value):
        return Quality.BAD_DEVICE_FAILURE
    return Quality.GOOD if point.low <= value <= point.high else Quality.BAD_OUT_OF_RANGE


@dataclass(frozen=True, slots=True)
class Terminal:
    """One terminal of an I/O coupler.

    Attributes:
        kind: ``ma`` int16 microampere, ``tc`` int16 0.1 degC, ``count`` u32 low word first,
            ``bit`` one bit of a packed word.
        register: offset from the first register of the block.
        bit: position in the word, for ``bit``.
        low, high: values at 4 and 20 mA (``ma``), or instrument range (``tc``).
        scale: EU per count (``count``).
    """

    kind: Literal["ma", "tc", "count", "bit"]
    register: int
    bit: int = 0
    low: float = 0.0
    high: float = 1.0
    scale: float = 1.0


class TerminalDecoder:
    """Decodes a coupler's block with numpy; values come in the order of the terminals.

    Args:
        terminals: analog ones first, then counters, then bits.
        registers: length of the block.
    """

    def __init__(self, terminals: Sequence[Terminal], registers: int) -> None:
        analog = [t for t in terminals if t.kind in {"ma", "tc"}]
        counters = [t for t in terminals if t.kind == "count"]
        bits = [t for t in terminals if t.kind == "bit"]
        if [*analog, *counters, *bits] != list(terminals):
            raise ValueError("terminals must be ordered: analog, counters, bits")
        if any(t.register + (t.kind == "count") >= registers for t in terminals):
            raise ValueError(f"a terminal lies outside the {registers} registers of its block")
        self._words = registers
        self._n, self._n_analog = len(terminals), len(analog)
        self._n_numbers = len(analog) + len(counters)
        self._analog = np.array([t.register for t in analog], dtype=np.intp)
        self._compile_analog(analog)
        self._counters = np.array([t.register for t in counters], dtype=np.intp)
        self._count_scale = np.array([t.scale for t in counters], dtype=np.float64)
        self._bit_word = np.array([t.register for t in bits], dtype=np.intp)
        self._bit_shift = np.array([t.bit for t in bits], dtype=np.uint16)

    def _compile_analog(self, analog: Sequence[Terminal]) -> None:
        """Lay scale, offset and limits (in raw counts) of the analog terminals in columns."""
        rows = [_analog_row(t) for t in analog]
        table = np.array(rows, dtype=np.float64).reshape(len(rows), 7)
        self._scale, self._offset = table[:, 0].copy(), table[:, 1].copy()
        self._fail_low, self._fail_high = table[:, 2].copy(), table[:, 3].copy()
        self._sure_low, self._sure_high = table[:, 4].copy(), table[:, 5].copy()
        self._outside = table[:, 6].astype(np.uint32)

    def decode(self, payload: bytes) -> tuple[Floats, npt.NDArray[np.uint32] | int]:
        """Turn the register bytes of a reply into values and quality."""
        words = np.frombuffer(payload, dtype=">u2", count=self._words)
        values = np.empty(self._n, dtype=np.float64)
        quality: npt.NDArray[np.uint32] | int = Quality.GOOD
        if self._n_analog:
            quality = self._decode_analog(words, values)
        if self._n_numbers > self._n_analog:
            low = words[self._counters].astype(np.float64)
            high = words[self._counters + 1].astype(np.float64)
            values[self._n_analog : self._n_numbers] = (low + 65536.0 * high) * self._count_scale
        if self._n > self._n_numbers:
            values[self._n_numbers :] = (words[self._bit_word] >> self._bit_shift) & 1
        return values, quality

    def _decode_analog(
        self, words: npt.NDArray[np.uint16], values: Floats
    ) -> npt.NDArray[np.uint32] | int:
        raw = words.view(">i2")[self._analog].astype(np.float64)
        analog = values[: self._n_analog]
        np.multiply(raw, self._scale, out=analog)
        analog += self._offset
        doubtful = (raw < self._sure_low) | (raw > self._sure_high)
        if not doubtful.any():
            return Quality.GOOD
        quality = np.zeros(self._n, dtype=np.uint32)
        graded = quality[: self._n_analog]
        graded[doubtful] = self._outside[doubtful]
        failed = (raw <= self._fail_low) | (raw >= self._fail_high)
        graded[failed] = Quality.BAD_SENSOR_FAILURE
        analog[graded >= Quality.BAD] = NAN
        return quality


def _analog_row(terminal: Terminal) -> tuple[float, ...]:
    """Scale, offset, failure limits, sure limits (raw), and the quality between them."""
    if terminal.kind == "ma":
        scale = (terminal.high - terminal.low) / (MA_FULL - MA_ZERO)
        limits = (MA_FAIL_LOW, MA_FAIL_HIGH, MA_ZERO, MA_FULL, Quality.UNCERTAIN_OUT_OF_RANGE)
        return scale, terminal.low - MA_ZERO * scale, *limits
    low, high = terminal.low * 10.0, terminal.high * 10.0
    return 0.1, 0.0, -math.inf, BURN_OUT, low, min(high, BURN_OUT - 1), Quality.BAD_OUT_OF_RANGE


# --- values to registers -----------------------------------------------------------------------

_INTEGER_LIMITS = {
    "u16": (0, 0xFFFF),
    "s16": (-0x8000, 0x7FFF),
    "u32": (0, 0xFFFF_FFFF),
    "s32": (-0x8000_0000, 0x7FFF_FFFF),
}


def check_range(value: float, low: float, high: float) -> None:
    """Refuse a value that is not finite or not within its limits; never clamp."""
    if not math.isfinite(value):
        raise NotEncodable(f"{value} is not a number")
    if not low <= value <= high:
        raise NotEncodable(f"{value:g} is outside {low:g}..{high:g}")


def encode_number(
    value: float, kind: NumberType, scale: float, word_order: WordOrder = "high_first"
) -> list[int]:
    """Turn a value into registers; raises NotEncodable when it does not fit its type."""
    if not math.isfinite(value):
        raise NotEncodable(f"{value} is not a number")
    if kind == "f32":
        packed = _pack_f32(value / scale)
    else:
        limits = _INTEGER_LIMITS.get(kind)
        raw = round(value / scale)
        if limits is None or not limits[0] <= raw <= limits[1]:
            raise NotEncodable(f"{value:g} does not fit {kind} of {scale:g} a count")
        packed = struct.pack(">" + _FORMATS[kind], raw)
    words = [int.from_bytes(packed[i : i + 2], "big") for i in range(0, len(packed), 2)]
    return words if word_order == "high_first" else words[::-1]


def _pack_f32(value: float) -> bytes:
    try:
        return struct.pack(">f", value)
    except OverflowError as error:
        raise NotEncodable(f"{value:g} does not fit f32") from error


def encode_ma(value: float, low: float, high: float) -> int:
    """Turn a value into microampere of a 4-20 mA output; raises NotEncodable outside it."""
    check_range(value, min(low, high), max(low, high))
    return round(MA_ZERO + (value - low) / (high - low) * (MA_FULL - MA_ZERO))
