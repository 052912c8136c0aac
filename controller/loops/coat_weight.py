"""Thin layer: reflectance gauge to the coat flow ratio of its side, +-10 %.

The delay is the film between head and gauge, so one correction per such length, on the mean
of the layer since it arrived (process specification 11).
"""

from __future__ import annotations

import math

from config.models import CoatedSide, Side
from controller.loops.parts import SnapshotLike, TableLike
from controller.loops.ratio import Trims

AUTHORITY = 0.10
SHARE = 0.6
BEGIN_M = 2.0  # the first coated film is not judged: the bead was building up
_AVERAGE_S = 60.0
_HEADS = {Side.AIR: ("COAT_A", "AIR"), Side.BELT: ("COAT_B", "BELT")}


class LayerTrim:
    """The pure part for one side: averages, waits for the film, corrects.

    Attributes:
        trim: flow factor, 1 is none.
    """

    def __init__(self, target_um: float) -> None:
        self.trim = 1.0
        self._target = target_um
        self._wait_m = -math.inf
        self._sum = 0.0
        self._seen_s = 0.0

    def adopt(self, target_um: float) -> None:
        """Go on with the target of another recipe."""
        self._target = target_um

    def wait_for(self, head_m: float) -> None:
        """Judge only film coated from the label at the head on."""
        self._wait_m = head_m
        self._sum = self._seen_s = 0.0

    def step(self, layer_um: float, head_m: float, gauge_m: float, dt: float) -> float:
        """Take one measurement of the film with label ``gauge_m``; returns the trim."""
        if math.isnan(layer_um) or math.isnan(head_m):
            return self.trim
        if math.isinf(self._wait_m):
            self._wait_m = gauge_m + BEGIN_M
        if not gauge_m >= self._wait_m:
            return self.trim
        self._sum += layer_um * dt
        self._seen_s += dt
        if self._seen_s >= _AVERAGE_S:
            error = 1.0 - self._sum / self._seen_s / self._target
            trim = self.trim * (1.0 + SHARE * error)
            self.trim = min(max(trim, 1.0 - AUTHORITY), 1.0 + AUTHORITY)
            self.wait_for(head_m)
        return self.trim


class CoatWeightLoop:
    """Layer trims of all coated sides."""

    name = "coat_weight"

    def __init__(self, table: TableLike, coated: tuple[CoatedSide, ...], trims: Trims) -> None:
        self.auto = False
        self.frozen = ""
        self._was_on = self._again = False
        self._trims = trims
        self._state = table.index("PROC.STATE")
        self._gauge = table.index("film.LAYER.S")
        self._sides = [
            (
                one.side,
                LayerTrim(one.layer_um),
                table.index(f"QI-LAYER.{_HEADS[one.side][1]}"),
                table.index(f"film.{_HEADS[one.side][0]}.S"),
            )
            for one in coated
        ]

    def switch(self, *, on: bool) -> None:
        """Automatic from the present trims; manual keeps them.

        On again, it waits for film coated from then on: what is on its way may be uncoated.
        """
        self._again = on and not self.auto and self._was_on
        self._was_on = self._was_on or on
        self.auto = on

    def adopt(self, coated: tuple[CoatedSide, ...]) -> None:
        """Go on with the layers of another recipe that coats the same sides."""
        targets = {one.side: one.layer_um for one in coated}
        for side, control, _, _ in self._sides:
            control.adopt(targets[side])

    def take(self, side: Side, trim: float) -> None:
        """Begin one side from the trim that is there, unless it is beyond the authority."""
        self._again = False
        for own, control, _, _ in self._sides:
            if own is side:
                if abs(trim - 1.0) <= AUTHORITY:
                    control.trim = trim
                control.wait_for(-math.inf)  # judge later film than what the gauge sees now
                self._put(side, control.trim)

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> None:
        """Correct each side on its own."""
        _ = now_ns
        if not self.auto:
            return
        known = snapshot.known
        self.frozen = "" if known[self._state] == 1.0 else "the procedure is not running"
        if self.frozen:
            return
        for side, control, layer, head in self._sides:
            if self._again and not math.isnan(known[head]):
                control.wait_for(known[head] + BEGIN_M)
            trim = control.step(known[layer], known[head], known[self._gauge], dt)
            self._put(side, trim)
        self._again = False

    def _put(self, side: Side, trim: float) -> None:
        if side is Side.AIR:
            self._trims.coat_air = trim
        else:
            self._trims.coat_belt = trim
