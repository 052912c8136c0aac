"""All closed loops of the line as one part of the scan, put on and off by name.

The ratio lock looks every scan, the slower loops once a second, each at its own tick, so that
no scan carries them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.models import Line, Polymer, Recipe, Settings, Side, Solvent
from controller.events import Event
from controller.loops.coat_weight import CoatWeightLoop
from controller.loops.cross_direction import CrossDirectionLoop
from controller.loops.exhaust import ExhaustLoop
from controller.loops.loh import SENSITIVITY, LossOnHeatingLoop
from controller.loops.parts import (
    Loop,
    ProfileLike,
    Request,
    SnapshotLike,
    TableLike,
    station_m,
)
from controller.loops.ratio import RatioLock, Trims, ratios
from controller.loops.slowing import SlowingLoop
from controller.loops.smith import ThicknessLoop
from drivers.base import Block, Quality

_PERIOD_S = 1.0  # between two looks of a slow loop
_STAGGER_S = 0.1
_SPANS = ("NIC-231.SP", "NIC-311.SP", "NIC-601.SP", "NIC-701.SP")


@dataclass(frozen=True)
class Gauges:
    """Profiles the loops look at.

    Attributes:
        gel, scanner: profiles of the two traversing gauges.
        position_m: bins across the web, m from the center line.
    """

    gel: ProfileLike
    scanner: ProfileLike
    position_m: NDArray[np.float64]


class TensionSetPoints:
    """Publishes the tension set points in force; 0 while the web may be slack."""

    name = "tension"

    def __init__(self, table: TableLike, settings: Settings) -> None:
        self.auto = False
        self.frozen = ""
        gel, cured = settings.tension_gel_n_m, settings.tension_cured_n_m
        self._values = (gel, gel, cured, cured)
        self._writer = table.attach(Block("web.tension", _SPANS, 1.0))

    def adopt(self, settings: Settings) -> None:
        """Go on with the tensions of another recipe."""
        gel, cured = settings.tension_gel_n_m, settings.tension_cured_n_m
        self._values = (gel, gel, cured, cured)

    def switch(self, *, on: bool) -> None:
        """In force or slack."""
        self.auto = on

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> None:
        """Publish."""
        _ = snapshot, dt
        values = self._values if self.auto else (0.0,) * len(_SPANS)
        self._writer.write(values, Quality.GOOD, now_ns, now_ns)


class Loops:
    """Every loop of the line.

    Args:
        put: the gate's door for loops.
        core: polymer of the core. solvent: of dope and coating liquid.
        loh_per_k: points of loss on heating per kelvin of the late belt zones.
    """

    def __init__(
        self,
        line: Line,
        recipe: Recipe,
        table: TableLike,
        put: Request,
        gauges: Gauges,
        core: Polymer,
        solvent: Solvent,
        loh_per_k: float = SENSITIVITY,
    ) -> None:
        self.trims = Trims()
        self.ratio = RatioLock(line, table, put, ratios(line, recipe, core, solvent), self.trims)
        self.exhaust = ExhaustLoop(line, table, put)
        self.md = ThicknessLoop(
            table,
            (gauges.scanner, station_m(line, "SCAN")),
            (gauges.gel, station_m(line, "GEL")),
            self.trims,
            recipe.targets.core_um,
        )
        self.cd = CrossDirectionLoop(line, table, put, gauges.gel, gauges.position_m)
        self.loh = LossOnHeatingLoop(
            line, table, put, recipe.targets.loh_peel_pct, recipe.settings.run_speed_m_min,
            loh_per_k,
        )  # fmt: skip
        self.slowing = SlowingLoop(line, table, put, recipe.settings)
        self.coat_weight = CoatWeightLoop(table, recipe.coated, self.trims)
        self.tension = TensionSetPoints(table, recipe.settings)
        self.all: tuple[Loop, ...] = (
            self.exhaust,
            self.tension,
            self.loh,
            self.md,
            self.cd,
            self.coat_weight,
            self.slowing,
        )
        self._by_name = {loop.name: loop for loop in self.all}
        self._waited = [_PERIOD_S - number * _STAGGER_S for number in range(len(self.all))]

    def switch(self, name: str, on: bool, now_ns: int) -> None:
        """Put a loop, or one slave of the ratio lock (``ratio.pump``), on or off.

        Raises:
            KeyError: there is no such loop.
        """
        _ = now_ns
        if name.startswith("ratio."):
            self.ratio.switch(name.removeprefix("ratio."), on=on)
        else:
            self._by_name[name].switch(on=on)

    def is_on(self, name: str) -> bool:
        """Whether a loop, or a slave of the ratio lock, is in automatic."""
        if name.startswith("ratio."):
            return name.removeprefix("ratio.") in self.ratio.on
        return self._by_name[name].auto

    def take_present(self, names: Sequence[str]) -> None:
        """Let loops that were by hand begin from the set points that are there now."""
        if "ratio.pump" in names:
            self.trims.pump = self.md.take(self.ratio.share("pump"))
        for side in (Side.AIR, Side.BELT):
            if f"ratio.coat_{side}" in names:
                self.coat_weight.take(side, self.ratio.share(f"coat_{side}"))

    def adopt(
        self, line: Line, recipe: Recipe, core: Polymer, solvent: Solvent, loh_per_k: float
    ) -> None:
        """Go on with the targets and ratios of another recipe of the same chemistry."""
        self.ratio.adopt(ratios(line, recipe, core, solvent))
        self.md.adopt(recipe.targets.core_um)
        speed = recipe.settings.run_speed_m_min
        self.loh.adopt(line, recipe.targets.loh_peel_pct, speed, loh_per_k)
        self.coat_weight.adopt(recipe.coated)
        self.slowing.adopt(recipe.settings)
        self.tension.adopt(recipe.settings)

    def states(self) -> dict[str, str]:
        """State of every loop in words: on, off, or why it stands still."""
        told = {loop.name: (loop.frozen or "on") if loop.auto else "off" for loop in self.all}
        told["ratio"] = ", ".join(self.ratio.on) or "off"
        return told

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> Sequence[Event]:
        """Work for one scan; tells stuck bolts and relief (refusals are told by the gate, once)."""
        self.exhaust.count(snapshot.known, now_ns, dt)
        waited = self._waited
        for number, loop in enumerate(self.all):
            waited[number] += dt
            if waited[number] >= _PERIOD_S - 1e-6:
                loop.step(snapshot, now_ns, waited[number])
                waited[number] = 0.0
        self.loh.shift_k = self.slowing.shift_k
        self.ratio.step(now_ns, dt)
        if not self.cd.events and not self.slowing.events:
            return ()
        events = [*self.cd.events, *self.slowing.events]
        self.cd.events, self.slowing.events = [], []
        return events
