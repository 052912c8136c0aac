"""Terminals of an I/O coupler: how process values become input words, and words outputs.

Milliampere inputs count 1 uA, 4-20 mA over the span, held at the NE 43 measuring limits
3.8 and 20.5 mA; a value that is no number shows as 3.5 mA (failure). Thermocouple inputs
count 0.1 degC; an open circuit shows upscale, 1372.0. Counters are 32 bit, low word first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MA_LOW, MA_HIGH, MA_FAILED = 3800.0, 20500.0, 3500.0
LIVE_ZERO, MA_RANGE = 4000.0, 16000.0
BURNT_OUT_TENTHS = 13720.0
OUTPUT_DEAD_UA = 3600  # below this a positioner has no signal and holds


@dataclass(frozen=True, slots=True)
class AnalogChannel:
    """One analog input: how the terminal presents it, and the span of its transmitter."""

    signal: Literal["ma", "tc"]
    span: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a run of terminals takes its values: ``values()[start:stop]`` to ``at``..."""

    values: Callable[[], Floats]
    start: int
    stop: int
    at: int


class InputImage:
    """All input words of a coupler, encoded at most once a tick, when somebody asks.

    Args:
        channels: analog inputs in order.
        sources: where their values come from.
        counters: returns the counters, or None when there is none.
        counter_words: words the counters take, two each.
        digital: number of digital inputs, packed 16 a word behind the counters.
        bits: returns the digital inputs as one number, input 0 lowest.
    """

    __slots__ = (
        *("_bits", "_counters", "_failed", "_gain", "_high", "_low", "_offset", "_sampled_s"),
        *("_sources", "_tail_at", "_values", "_words", "analog_words", "digital", "image"),
        "words",
    )

    def __init__(
        self,
        channels: Sequence[AnalogChannel],
        sources: Sequence[Source],
        counters: Callable[[], Sequence[int]],
        counter_words: int,
        digital: int,
        bits: Callable[[], int],
    ) -> None:
        count = len(channels)
        self._sources = tuple(sources)
        self._counters = counters
        self._bits = bits
        self.digital = digital
        self.analog_words = count + counter_words
        self.words = self.analog_words + (digital + 15) // 16
        self.image = bytearray(2 * self.words)
        self._words = np.frombuffer(self.image, dtype=">i2", count=count)
        self._values: Floats = np.zeros(count)
        ma = np.array([channel.signal == "ma" for channel in channels], dtype=np.bool_)
        low = np.array([channel.span[0] for channel in channels])
        width = np.array([channel.span[1] - channel.span[0] for channel in channels])
        self._gain: Floats = np.where(ma, MA_RANGE / width, 10.0)
        self._offset: Floats = np.where(ma, LIVE_ZERO - low * MA_RANGE / width, 0.0)
        self._low: Floats = np.where(ma, MA_LOW, -2000.0)
        self._high: Floats = np.where(ma, MA_HIGH, BURNT_OUT_TENTHS)
        self._failed: Floats = np.where(ma, MA_FAILED, BURNT_OUT_TENTHS)
        self._tail_at = 2 * count
        self._sampled_s = -1.0

    def sample(self, now_s: float, *, stuck: bool = False) -> bytearray:
        """Return the image of this tick."""
        if now_s != self._sampled_s and not stuck:
            self._sampled_s = now_s
            self._encode()
        return self.image

    def bits(self) -> int:
        """Return the digital inputs."""
        return self._bits()

    def _encode(self) -> None:
        values = self._values
        for source in self._sources:
            values[source.at : source.at + source.stop - source.start] = source.values()[
                source.start : source.stop
            ]
        np.multiply(values, self._gain, out=values)
        np.add(values, self._offset, out=values)
        np.maximum(values, self._low, out=values)
        np.minimum(values, self._high, out=values)
        if not np.isfinite(values.dot(values)):
            np.copyto(values, self._failed, where=np.isnan(values))
        np.rint(values, out=values)
        self._words[...] = values
        at = self._tail_at
        for counter in self._counters():
            struct.pack_into(">HH", self.image, at, counter & 0xFFFF, (counter >> 16) & 0xFFFF)
            at += 4
        digital = self._bits() if self.digital else 0
        for n in range(at, 2 * self.words, 2):
            struct.pack_into(">H", self.image, n, digital & 0xFFFF)
            digital >>= 16


def bolt_targets(words: Sequence[int], span: tuple[float, float], held: Floats) -> None:
    """Convert output words (uA) to um in place; a dead signal leaves the position held."""
    low, width = span[0], span[1] - span[0]
    for n, word in enumerate(words):
        if word >= OUTPUT_DEAD_UA and word < 0x8000:
            held[n] = low + (word - LIVE_ZERO) / MA_RANGE * width
