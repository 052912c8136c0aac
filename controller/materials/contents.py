"""Contents of one tank while a run draws from it, and what its hold-up lets through.

There is no level transmitter: the level is what was loaded less the integrated flow, and its
standard deviation grows with what was drawn. Between tank and film lies a stirred hold-up
(process specification 3.1): after a change the share of the new filling follows
1 - exp(-V/hold-up), V being the volume that flowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, hypot, isnan

from config.models import Tank
from controller.materials.lots import Charge

_WEIGHING = 0.002  # of what was loaded


@dataclass(slots=True)
class Contents:
    """Contents of one tank.

    Attributes:
        charge: present filling, None when nothing is loaded. drawn: of it, by this run.
        doubtful: part of ``drawn`` for which the flow was not GOOD.
        share: of the present filling in what reaches the film, 0..1.
        started: some filling has flowed. flowing: it does now, and reaches the film.
    """

    tank: Tank
    run: str
    charge: Charge | None = None
    drawn: float = 0.0
    doubtful: float = 0.0
    share: float = 1.0
    started: bool = False
    flowing: bool = False
    density_kg_cc: float = 0.0
    _last_cc_s: float = 0.0

    def change(self, charge: Charge | None, density_kg_cc: float) -> None:
        """Another filling lies in the tank from now on."""
        self.charge, self.density_kg_cc = charge, density_kg_cc
        self.drawn = charge.drawn.get(self.run, 0.0) if charge is not None else 0.0
        self.doubtful = 0.0
        self.share = 0.0 if self.started else 1.0

    def flow(self, reading: float, *, on: bool, film: bool, dt: float) -> None:
        """Take ``dt`` seconds of flow; NaN stands for the last GOOD one, and is doubted."""
        self.flowing = False
        if self.charge is None:
            return
        if isnan(reading):
            cc = self._last_cc_s * dt if on else 0.0
            self.doubtful += cc * self.density_kg_cc
        else:
            self._last_cc_s = max(0.0, reading) * self.tank.cc_per_unit / 60.0
            cc = self._last_cc_s * dt if on else 0.0
        if cc <= 0.0:
            return
        self.started, self.flowing = True, film
        self.drawn += cc * self.density_kg_cc
        if self.share < 1.0:
            hold_up = self.tank.hold_up_cc
            self.share = 1.0 - (1.0 - self.share) * exp(-cc / hold_up) if hold_up > 0.0 else 1.0

    def take(self, amount: float) -> None:
        """Take pieces or meters at once."""
        self.drawn += amount

    @property
    def level(self) -> float:
        """Computed contents, never below 0."""
        charge = self.charge
        if charge is None:
            return 0.0
        others = sum(total for run, total in charge.drawn.items() if run != self.run)
        return max(0.0, charge.loaded - others - self.drawn)

    @property
    def sigma(self) -> float:
        """Standard deviation of the level."""
        if self.charge is None:
            return 0.0
        all_drawn = self.charge.loaded - self.level
        flow = self.tank.sigma_pct / 100.0 * all_drawn + self.doubtful
        return hypot(_WEIGHING * self.charge.loaded, flow)
