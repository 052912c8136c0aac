"""Storage of the film cells: one contiguous run in big arrays, oldest film at the high end.

New film enters at the low end (the die), so positions ascend with the index and stations are
found by bisection. When the low end reaches the start of the arrays the run is moved back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulators.twin.kinetics import FilmState

Float = NDArray[np.float64]

# Rows of ``CellStore.meta``
META = (
    "x_m",  # position of the middle of the cell
    "label_m",  # meters of belt film cast when it was cast; NaN in a leader
    "area_m2",  # area of the web in the cell, all lanes
    "draw_md",  # MD draw it has seen
    "draw_td",  # TD draw it has seen
    "wet_air",  # wet coat, kg/m2
    "wet_belt",
    "max_k",  # hottest so far
    "loh_peel",  # 0..1 at the peel roll
    "imid_peel",  # 0..1 at the peel roll
    "blister",  # greatest blister index
    "rise_s",  # seconds between 150 and 300 degC
    "cast_s",  # plant time at the die
    "agent_air",  # agent laid down, kg/m2
    "agent_belt",
)
X, LABEL, AREA, DRAW_MD, DRAW_TD, WET_AIR, WET_BELT, MAX_K, LOH_PEEL = range(9)
IMID_PEEL, BLISTER, RISE_S, CAST_S, AGENT_AIR, AGENT_BELT = range(9, 15)


class CellStore:
    """All cells on the line.

    Attributes:
        film: state arrays of the whole capacity.
        layer: dry layer thickness in um [2, lanes, capacity] (air, belt).
        meta: one row per name of ``META`` [rows, capacity].
        codes: integers per slot, also as ``flags`` (``CellFlag`` bits), ``dope_lot``, ``coat_lot``.
        low, high: the occupied run.
    """

    def __init__(self, lanes: int, capacity: int, populations: int, dtype: DTypeLike) -> None:
        self.capacity = capacity
        self.film = FilmState.empty(lanes, capacity, populations, dtype)
        self.layer = np.zeros((2, lanes, capacity), dtype)
        self.meta: Float = np.zeros((len(META), capacity))
        self.codes: NDArray[np.int32] = np.zeros((3, capacity), np.int32)
        self.flags, self.dope_lot, self.coat_lot = self.codes
        self.low = self.high = capacity
        self._refresh()

    def __len__(self) -> int:
        return self.high - self.low

    def arrays(self) -> list[NDArray[np.generic]]:
        """Every array, its last axis being the slot."""
        return [*self.film.grids(), self.film.open_, self.layer, self.meta, self.codes]

    def insert(self, at: int) -> int:
        """Open one slot in front of slot ``at`` (``low`` for new film); returns the slot.

        Slots below ``at`` move down by one, so indices held elsewhere are void afterwards.
        """
        if self.low == 0:
            at += self._move_back()
        low = self.low - 1
        if at > self.low:
            for array in self.arrays():
                array[..., low : at - 1] = array[..., self.low : at].copy()
        for array in self.arrays():
            array[..., at - 1] = 0
        self.low = low
        self._refresh()
        return at - 1

    def remove(self, first: int, last: int) -> None:
        """Take out slots first..last-1; film on the die side closes up in the arrays."""
        count = last - first
        if count <= 0:
            return
        if last == self.high:
            self.high = first
        else:
            for array in self.arrays():
                array[..., self.low + count : last] = array[..., self.low : first].copy()
            self.low += count
        if self.low == self.high:
            self.low = self.high = self.capacity
        self._refresh()

    def place(self, positions: Float | tuple[float, ...]) -> NDArray[np.intp]:
        """First slot at or beyond each position."""
        return self.x.searchsorted(positions) + self.low

    def _move_back(self) -> int:
        """Shift the run to the end of the arrays; returns by how many slots."""
        shift = self.capacity - self.high
        if shift == 0:
            raise OverflowError(f"more than {self.capacity} film cells on the line")
        for array in self.arrays():
            array[..., shift:] = array[..., : self.high].copy()
        self.low, self.high = shift, self.capacity
        return shift

    def _refresh(self) -> None:
        self.view = self.film.view(self.low, self.high)
        self.x: Float = self.meta[X, self.low : self.high]
