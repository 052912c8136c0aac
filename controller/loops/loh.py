"""Loss on heating at peel: gel gauge mean to the set points of belt zones B3 and B4.

One action per answer: the belt's thermal lag of 4-8 minutes and the film's way from these zones
to the gauge, ten minutes at 2 m/min. Sensitivity from the recipe's predicted film, authority
+-6 K (process specification 11).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from config.models import Line, Span
from controller.loops.parts import Request, Setter, SnapshotLike, TableLike, specs, station_m

SENSITIVITY = -0.35  # points per K of both zones, in the reference run
LAG_S = 465.0  # until most of a set point's step is on the belt
AUTHORITY_K = 6.0
SHARE = 0.6  # of the error taken out by one action
DEADBAND = 0.3  # points
STICKING_PCT = 2.0  # higher, and the belt cooler, while the gel sticks (fault F14)
_AVERAGE_S = 120.0
_RATE_K_S = 0.1
_ZONES = ("TIC-203.SP", "TIC-204.SP")


def answer_s(line: Line, speed_m_min: float) -> float:
    """Time from a new set point to its answer at the gel gauge, s."""
    loops = {tag.removesuffix(".SP") for tag in _ZONES}
    zones = [zone for zone in line.zone if zone.loop in loops]
    middle = 0.5 * (min(zone.from_m for zone in zones) + max(zone.to_m for zone in zones))
    return LAG_S + (station_m(line, "GEL") - middle) / speed_m_min * 60.0


def _never() -> bool:
    """Nothing sticks."""
    return False


class BeltTrim:
    """The pure part: averages the loss on heating and decides one trim per answer.

    Args:
        target_pct: loss on heating wanted.
        per_k: points per kelvin of trim, negative.
        every_s: time between actions.

    Attributes:
        trim_k: present trim.
        raised_pct: points wanted above the target.
    """

    def __init__(self, target_pct: float, per_k: float, every_s: float) -> None:
        self.trim_k = 0.0
        self._target = target_pct
        self.raised_pct = 0.0
        self._per_k = per_k
        self._every_s = every_s
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
        if self._since_s >= self._every_s and self._seen_s >= _AVERAGE_S:
            self._since_s = 0.0
            self._act()
        return self.trim_k

    def _act(self) -> None:
        error = self._average - self._target - self.raised_pct
        if abs(error) > DEADBAND:
            trim = self.trim_k - SHARE * error / self._per_k
            self.trim_k = min(max(trim, -AUTHORITY_K), AUTHORITY_K)


class LossOnHeatingLoop:
    """Belt trim on B3 and B4 around the set points found when it was switched on.

    Args:
        window_pct: loss on heating allowed; its middle is the target.
        speed_m_min: of the run, for the film's way to the gauge.
        per_k: points per kelvin of both zones.

    Attributes:
        sticking: tells whether the gel sticks to the belt and must peel wetter.
        shift_k: added to both zones for a slower line, outside the trim's authority.
    """

    name = "loh"

    def __init__(
        self, line: Line, table: TableLike, put: Request, window_pct: Span,
        speed_m_min: float, per_k: float = SENSITIVITY,
    ) -> None:  # fmt: skip
        known = specs(line)
        self.auto = False
        self.frozen = ""
        self.sticking: Callable[[], bool] = _never
        self.shift_k = 0.0
        target = 0.5 * (window_pct[0] + window_pct[1])
        self.control = BeltTrim(target, per_k, answer_s(line, speed_m_min))
        self._setters = [Setter(tag, table, put, known[tag], _RATE_K_S) for tag in _ZONES]
        self._rows = [table.index(tag) for tag in _ZONES]
        self._base = [math.nan] * len(_ZONES)
        self._table = table
        self._loh, self._state = table.index("QI-LOH.PEEL"), table.index("PROC.STATE")

    def adopt(self, line: Line, window_pct: Span, speed_m_min: float, per_k: float) -> None:
        """Go on with the window and the speed of another recipe, without a trim."""
        target = 0.5 * (window_pct[0] + window_pct[1])
        self.control = BeltTrim(target, per_k, answer_s(line, speed_m_min))

    def switch(self, *, on: bool) -> None:
        """Automatic around the present set points; manual leaves them."""
        if on and not self.auto:
            trim = self.control.trim_k + self.shift_k
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
        self.control.raised_pct = STICKING_PCT if self.sticking() else 0.0
        trim = self.control.step(loh if running else math.nan, dt)
        if not running:
            return
        for setter, base in zip(self._setters, self._base, strict=True):
            if not math.isnan(base):
                setter.toward(round(base + trim + self.shift_k, 1), "loss on heating", now_ns, dt)
