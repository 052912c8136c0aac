"""Which film was under an instrument when it measured: for views by meter on a foreign server.

Each point of a scan group at one station gets two fields: ``film_s``, the label of the film
there (meters cast since run start, exact and never changed), and ``film_m``, the roll meter
which that film will be. The roll meter is a forecast made at the moment of the sample: the roll
meter at the winder plus the film between, without the draw still to come (at most 1 % of the
way). It is absent while no roll is collected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from controller.historian.position import ROLL_TAG, WINDER, label_tag

POSITION_GROUP: Final = "film.position"
_STILL_M: Final = 1e-6

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FilmTrack:
    """The film position over some minutes.

    Attributes:
        ns: stamps, growing.
        columns: GOOD values by tag (NaN elsewhere): labels under stations, roll meter.
    """

    ns: Stamps
    columns: Mapping[str, Floats]

    def label(self, station: str, ns: Stamps) -> Floats:
        """Label under a station at given times; NaN where it is not known."""
        return self._at(label_tag(station), ns)

    def roll_meter(self, label: Floats, ns: Stamps) -> Floats:
        """Roll meter expected for labels at given times; NaN while no roll is collected."""
        if not {ROLL_TAG, label_tag(WINDER)} <= self.columns.keys():
            return np.full(len(ns), np.nan)
        roll, winder = self._at(ROLL_TAG, ns), self._at(label_tag(WINDER), ns)
        meter = roll + label - winder
        meter[~((roll > 0.0) & (meter >= 0.0) & self._collecting(ns))] = np.nan
        return meter

    def _at(self, tag: str, ns: Stamps) -> Floats:
        column = self.columns.get(tag)
        if column is None or not len(self.ns):
            return np.full(len(ns), np.nan)
        origin = self.ns[0]
        known = np.interp(
            (ns - origin).astype(float),
            (self.ns - origin).astype(float),
            column,
            left=np.nan,
            right=np.nan,
        )
        return np.asarray(known, np.float64)

    def _collecting(self, ns: Stamps) -> NDArray[np.bool_]:
        """Whether what passes the winder goes on the roll (true while nothing passes)."""
        roll, winder = self.columns[ROLL_TAG], self.columns[label_tag(WINDER)]
        scrapped = (np.diff(roll) <= 0.0) & (np.diff(winder) > _STILL_M)
        place = np.clip(np.searchsorted(self.ns, ns, "right") - 1, 0, len(scrapped) - 1)
        return ~scrapped[place] if len(scrapped) else np.zeros(len(ns), np.bool_)
