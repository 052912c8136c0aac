"""The truth about the film on the roll: one record per wound cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]

CHUNK = 1024


def record_type(lanes: int) -> np.dtype[np.void]:
    """Fields of a wound cell.

    label_m: label at the die (NaN leader); cast_s, wound_s: plant time; length_m along the roll;
    core_um [lanes] core thickness; layer_um [2, lanes] dry layers (air, belt); imid 0..1 lane
    mean, imid_min; solvent 0..1 mass fraction; loh; loh_peel, imid_peel at the peel roll;
    max_c; blister; rise_k_s mean heating rate 150-300 degC; draw_md, draw_td; wet_g_m2 and
    agent_mg_m2 per side; speed_m_min winder speed; flags ``CellFlag``; lots.
    """
    fields: list[tuple[Any, ...]] = [
        ("label_m", "f8"),
        ("cast_s", "f8"),
        ("wound_s", "f8"),
        ("length_m", "f8"),
        ("core_um", "f4", (lanes,)),
        ("layer_um", "f4", (2, lanes)),
        ("imid", "f4"),
        ("imid_min", "f4"),
        ("solvent", "f4"),
        ("loh", "f4"),
        ("loh_peel", "f4"),
        ("imid_peel", "f4"),
        ("max_c", "f4"),
        ("blister", "f4"),
        ("rise_k_s", "f4"),
        ("draw_md", "f4"),
        ("draw_td", "f4"),
        ("wet_g_m2", "f4", (2,)),
        ("agent_mg_m2", "f4", (2,)),
        ("speed_m_min", "f4"),
        ("flags", "i4"),
        ("dope_lot", "i4"),
        ("coat_lot", "i4"),
    ]
    return np.dtype(fields)


class WoundLog:
    """Records in chunks: appending costs the same after eight hours as at the start."""

    def __init__(self, lanes: int) -> None:
        self._type = record_type(lanes)
        self._chunks: list[Records] = []
        self._used = CHUNK
        self.meters = 0.0

    def __len__(self) -> int:
        return len(self._chunks) * CHUNK - (CHUNK - self._used) if self._chunks else 0

    def next(self) -> Records:
        """A fresh record (0-d array view) to fill in."""
        if self._used == CHUNK:
            self._chunks.append(np.zeros(CHUNK, self._type))
            self._used = 0
        self._used += 1
        return self._chunks[-1][self._used - 1 : self._used]

    def records(self, first: int = 0) -> Records:
        """A copy of the records from number ``first`` on, in winding order."""
        if not self._chunks:
            return np.zeros(0, self._type)
        start = first // CHUNK
        parts = [*self._chunks[start:-1], self._chunks[-1][: self._used]]
        joined: Records = np.concatenate(parts)[first - start * CHUNK :]
        return joined
