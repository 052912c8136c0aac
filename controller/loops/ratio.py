"""Ratio lock: every slave of the line speed follows the belt's accepted request, each scan.

The master is the request the gate accepted for the belt (not its read-back, which is up to a
second old), so in a ramp all drives, the dope pump and the coating feed step together:

    nip, coater roll, rails, winder = belt x ratio
    pump rpm = belt x wet thickness x belt film width / cm3 per revolution
    coat mL/min = line speed x wet weight x coat width / density

Wet thickness from the imide target through composition (process specification 3.1). The line
file's cm3 per revolution is what the pump delivers at its nominal slip, so slip counts once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from config.models import Line, Polymer, Recipe, Side, Solvent
from controller.loops.parts import Request, Setter, TableLike, specs

_COATER_SHARE = (
    0.45  # of the draw is taken before the backing roll: spans of 3 and 5 m, 30 and 40 N/m
)


@dataclass(frozen=True, slots=True)
class Ratios:
    """Set-point of each slave per m/min of belt speed.

    Attributes:
        nip, coater, rails, winder: m/min per m/min.
        pump: rpm per m/min.
        coat: mL/min per m/min, per coated side.
    """

    nip: float
    coater: float
    rails: float
    winder: float
    pump: float
    coat: dict[Side, float]


@dataclass
class Trims:
    """Relative corrections of the quality loops; 1 is none."""

    pump: float = 1.0
    coat_air: float = 1.0
    coat_belt: float = 1.0

    def coat(self, side: Side) -> float:
        """Correction of one side."""
        return self.coat_air if side is Side.AIR else self.coat_belt


def wet_thickness_m(recipe: Recipe, core: Polymer, solvent: Solvent) -> float:
    """Thickness of the cast dope that gives the target core after draw, m."""
    solids = recipe.core.solids_wt_pct / 100.0
    keeps = core.imide_repeat_g_mol.value / core.precursor_repeat_g_mol.value
    stretch = recipe.settings.draw_md * recipe.settings.width_td
    imide = recipe.targets.core_um * 1e-6 * core.imide_density_kg_m3.value * stretch
    density = 1.0 / (
        solids / core.precursor_density_kg_m3.value + (1.0 - solids) / solvent.density_kg_m3.value
    )
    return imide / keeps / solids / density


def ratios(line: Line, recipe: Recipe, core: Polymer, solvent: Solvent) -> Ratios:
    """Ratios of a recipe on a line; the coating liquid counts with its solvent's density."""
    header, draw = line.line, recipe.settings.draw_md
    coater = 1.0 + _COATER_SHARE * (draw - 1.0)
    wet = wet_thickness_m(recipe, core, solvent)
    cm3_per_m = wet * header.web_width_belt_m * 1e6
    ml_per_g = 1e3 / solvent.density_kg_m3.value
    return Ratios(
        nip=1.0,
        coater=coater,
        rails=draw,
        winder=draw,
        pump=cm3_per_m / header.pump_cc_per_rev,
        coat={
            coated.side: coated.wet_g_m2 * header.coat_width_m * ml_per_g * coater
            for coated in recipe.coated
        },
    )


class RatioLock:
    """Keeps the slaves that are switched on at their ratio to the belt.

    Args:
        trims: corrections written by the thickness and coat loops.
    """

    MASTER = "SIC-210.SP"

    def __init__(
        self, line: Line, table: TableLike, put: Request, values: Ratios, trims: Trims
    ) -> None:
        known = specs(line)
        self._table = table
        self._master = table.index(self.MASTER)
        self._trims = trims
        self._values = values
        tags = {
            "nip": "SIC-211.SP",
            "coater": "SIC-310.SP",
            "rails": "SIC-510.SP",
            "winder": "SIC-701.SP",
            "pump": "SIC-110.SP",
            "coat_air": "FIC-301A.SP",
            "coat_belt": "FIC-301B.SP",
        }
        self._setters = {name: Setter(tag, table, put, known[tag]) for name, tag in tags.items()}
        self.on: list[str] = []
        self._last = (math.nan, 0.0, 0.0, 0.0)
        self._settled = False

    def adopt(self, values: Ratios) -> None:
        """Go on with the ratios of another recipe."""
        self._values = values
        self._settled = False

    def switch(self, name: str, *, on: bool) -> None:
        """Lock or release one slave; it goes to its ratio at its tag's rate.

        Raises:
            KeyError: there is no such slave.
        """
        if name not in self._setters:
            raise KeyError(name)
        if on and name not in self.on:
            self.on.append(name)
        elif not on and name in self.on:
            self.on.remove(name)
        self._settled = False

    def refusals(self) -> dict[str, list[str]]:
        """Slaves whose last request was refused, with the reasons."""
        return {n: list(self._setters[n].refused) for n in self.on if self._setters[n].refused}

    def goal(self, name: str, speed_m_min: float) -> float:
        """Set-point of a slave at a belt speed, with its trim."""
        values, trims = self._values, self._trims
        if name == "pump":
            return speed_m_min * values.pump * trims.pump
        if name.startswith("coat_"):
            side = Side(name.removeprefix("coat_"))
            return speed_m_min * values.coat.get(side, 0.0) * trims.coat(side)
        factors = {
            "nip": values.nip, "coater": values.coater,
            "rails": values.rails, "winder": values.winder,
        }  # fmt: skip
        return speed_m_min * factors[name]

    def share(self, name: str) -> float:
        """Present set-point of a slave over its ratio without a trim; 1 when neither is known."""
        speed = float(self._table.request[self._master])
        present = float(self._table.request[self._table.index(self._setters[name].tag)])
        if math.isnan(speed) or math.isnan(present):
            return 1.0
        goal = self.goal(name, speed) / self._trim(name)
        return present / goal if goal > 0.0 else 1.0

    def _trim(self, name: str) -> float:
        if name == "pump":
            return self._trims.pump
        return self._trims.coat(Side(name.removeprefix("coat_")))

    def step(self, now_ns: int, dt: float) -> None:
        """Bring the slaves to their ratio; costs nothing while nothing changes."""
        trims = self._trims
        speed = float(self._table.request[self._master])
        now = (speed, trims.pump, trims.coat_air, trims.coat_belt)
        if (self._settled and now == self._last) or math.isnan(speed):
            return
        self._last = now
        settled = True
        for name in self.on:
            there = self._setters[name].toward(self.goal(name, speed), "ratio", now_ns, dt)
            settled = settled and there
        self._settled = settled
