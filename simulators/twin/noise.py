"""Standard normal noise of one instrument, indexed by the instrument's own sample number.

Each instrument has its own counter-based generator, keyed by (seed, instrument number), and
draws in blocks; how often or in which order others draw cannot change its samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Instrument numbers: part of the definition of a seeded run, never renumber.
ANALOG, THERMOCOUPLES, DRIVES, GEL_GAUGE, SCANNER, LAYER, PYROMETERS, SLOW, BIASES = range(1, 10)


def generator(seed: int, instrument: int) -> np.random.Generator:
    """Return the generator of an instrument."""
    key = np.array([seed & 0xFFFF_FFFF_FFFF_FFFF, instrument], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


class Noise:
    """Rows of standard normal numbers, one row a sample.

    Args:
        seed: seed of the run.
        instrument: number of the instrument.
        width: numbers in a sample.
    """

    __slots__ = ("_block", "_generator", "_lists", "_next", "_size")

    def __init__(self, seed: int, instrument: int, width: int, size: int = 1000) -> None:
        self._generator = generator(seed, instrument)
        self._size = size
        self._block: Floats = np.empty((size, width))
        self._lists: list[list[float]] = []
        self._next = size

    def row(self) -> Floats:
        """Return the next sample as an array; it is overwritten after ``size`` samples."""
        if self._next == self._size:
            self._generator.standard_normal(out=self._block)
            self._next = 0
        row: Floats = self._block[self._next]
        self._next += 1
        return row

    def values(self) -> list[float]:
        """Return the next sample as plain floats; do not mix with ``row``."""
        if self._next == self._size or not self._lists:
            self._generator.standard_normal(out=self._block)
            self._lists = self._block.tolist()
            self._next = 0
        values = self._lists[self._next]
        self._next += 1
        return values
