"""Loss on heating at peel: gel gauge mean to the set points of belt zones B3 and B4.

One action in ten minutes, because the belt answers in 4-8 minutes; sensitivity -0.45 point
per kelvin, authority +-6 K (process specification 11).
"""

from __future__ import annotations

import math

from config.models import Line, Span
from controller.loops.parts import Request, Setter, SnapshotLike, TableLike, specs

SENSITIVITY = -0.45  # points per K
EVERY_S = 600.0
AUTHORITY_K = 6.0
SHARE = 0.6  # of the error taken out by one action
DEADBAND = 0.3  # points
_AVERAGE_S = 120.0
_RATE_K_S = 0.1
_ZONES = ("TIC-203.SP", "TIC-204.SP")


class BeltTrim:
    """The pure part: averages the loss on heating and decides one trim per ten minutes.

    Attributes:
        trim_k: present trim.
    """

    def __init__(self, target_pct: float) -> None:
        self.trim_k = 0.0
        self._target = target_pct
        self._average = math.nan
        self._seen_s = 0.0
        self._since_s = 0.0

    def step(self, loh_pct: float, dt: float) -> float:
        """Take one measurement (NaN: none); returns the trim, K."""
        self._since_s += dt
        if math.isnan(loh_pct):
            self._average, self._seen_s = math.nan, 0.0
            return self.trim_k
        if math.isnan(self._average):
            self._average = loh_pct
        self._average += (loh_pct - self._average) * -math.expm1(-dt / _AVERAGE_S)
        self._seen_s += dt
        if self._since_s >= EVERY_S and self._seen_s >= _AVERAGE_S:
            self._since_s = 0.0
            self._act()
        return self.trim_k

    def _act(self) -> None:
        error = self._average - self._target
        if abs(error) > DEADBAND:
            trim = self.trim_k - SHARE * error / SENSITIVITY
            self.trim_k = min(max(trim, -AUTHORITY_K), AUTHORITY_K)


class LossOnHeatingLoop:
    """Belt trim on B3 and B4 around the set points found when it was switched on."""

    name = "loh"

    def __init__(self, line: Line, table: TableLike, put: Request, window_pct: Span) -> None:
        known = specs(line)
        self.auto = False
        self.frozen = ""
        self.control = BeltTrim(0.5 * (window_pct[0] + window_pct[1]))
        self._setters = [Setter(tag, table, put, known[tag], _RATE_K_S) for tag in _ZONES]
        self._rows = [table.index(tag) for tag in _ZONES]
        self._base = [math.nan] * len(_ZONES)
        self._table = table
        self._loh, self._state = table.index("QI-LOH.PEEL"), table.index("PROC.STATE")

    def switch(self, *, on: bool) -> None:
        """Automatic around the present set points; manual leaves them."""
        if on and not self.auto:
            trim = self.control.trim_k
            self._base = [float(self._table.request[row]) - trim for row in self._rows]
        self.auto = on

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> None:
        """Average, act, move the set points."""
        if not self.auto:
            return
        loh = snapshot.known[self._loh]
        running = snapshot.known[self._state] == 1.0
        self.frozen = (
            "the procedure is not running"
            if not running
            else "loss on heating is not GOOD" if math.isnan(loh) else ""
        )  # fmt: skip
        trim = self.control.step(loh if running else math.nan, dt)
        if not running:
            return
        for setter, base in zip(self._setters, self._base, strict=True):
            if not math.isnan(base):
                setter.toward(round(base + trim, 1), "loss on heating", now_ns, dt)
