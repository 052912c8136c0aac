"""Another recipe of the same chemistry on the running line, without cool-down.

The roll is closed, the set points go to the new recipe's, and the film that was on the line
meanwhile is marked ``transition``; a new roll begins when film of the new recipe, in its
targets, is at the winder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field

from config.models import Recipe
from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.casting import in_window, loh_text
from controller.procedure.phases.collecting import TURRET
from controller.procedure.phases.common import BELT, PRODUCT_LOOPS, set_points
from controller.procedure.steps import Log, Move, Put, Ramp, Steps, Switch, Until, Wait

_KINDS = ("belt", "dryer", "tenter", "cooler", "die")
_CD, _CORE = "QI-CD2S.SCAN", "QI-CORE.MEAN"


class ChangeRecipe(Phase):
    """From one recipe to another.

    Attributes:
        adopt: makes the new recipe the one in force; returns nothing.
        winding: counters of the phase that winds rolls, None while none is wound.
    """

    use: ClassVar[str] = "change_recipe"
    steps: ClassVar[tuple[str, ...]] = ("close", "ramp", "settle", "through", "collect")

    class Parameters(Params):
        """Rates, bands and time-outs of the change."""

        k_per_min: float = Field(default=5.0, gt=0.0, le=10.0)
        band_k: float = Field(default=4.0, gt=0.0)
        for_s: float = Field(default=120.0, ge=0.0)
        timeout_s: float = Field(default=10800.0, gt=0.0)

    params: Parameters
    adopt: Callable[[], None]
    winding: dict[str, float] | None = None

    def close(self, ctx: Context) -> Steps:
        """The roll ends, its film goes to another core; the loops rest; the recipe changes."""
        for name in PRODUCT_LOOPS:
            yield Switch(name, on=False)
        yield Switch("mark.transition", on=True)
        if self.winding is not None:
            yield Switch("roll.recipe", on=True)
            yield Switch("film.collect", on=False)
            yield from self._turret()
        self.adopt()
        yield Log(f"recipe {ctx.recipe.recipe.name} from label {ctx.text('film.DIE.S')} m on")

    def ramp(self, ctx: Context) -> Steps:
        """Temperatures and speed go to the new set points; drives, pump and coat follow."""
        settings, p = ctx.settings, self.params
        moves = [
            Move(f"{zone.loop}.SP", value, p.k_per_min)
            for zone, value in set_points(ctx, _KINDS, settings.belt_offset_run_k)
        ]
        speed = Move(f"{BELT}.SP", settings.run_speed_m_min, settings.speed_ramp_m_min_per_min)
        yield Ramp(
            (*moves, speed),
            lambda c: f"to {c.recipe.recipe.name}: speed {c.text(f'{BELT}.ACT', 2)} m/min",
            every_s=2.0,
        )

    def settle(self, ctx: Context) -> Steps:
        """Zones, speed and loss on heating are the new recipe's; film cast from now on counts."""
        zones = set_points(ctx, _KINDS, ctx.settings.belt_offset_run_k)
        target, band = ctx.settings.run_speed_m_min, self.params.band_k
        yield Until(
            lambda c: (
                abs(c.value(f"{BELT}.ACT") - target) <= 0.03
                and all(abs(c.value(f"{z.loop}.PV") - value) <= band for z, value in zones)
                and in_window(c)
            ),
            lambda c: (
                f"settled: speed {c.text(f'{BELT}.ACT', 2)}, {loh_text(c)}, away "
                + ", ".join(z.name for z, v in zones if abs(c.value(f"{z.loop}.PV") - v) > band)
            ),
            self.params.timeout_s,
            self.params.for_s,
        )
        self.counters["from_label"] = ctx.label("DIE")
        yield Switch("mark.transition", on=False)
        yield Switch("loh", on=True)
        yield Switch("coat_weight", on=True)

    def through(self, ctx: Context) -> Steps:
        """Film of the new recipe is at the scanner, in its targets, and then at the winder."""
        begun, goal = self.counters.get("from_label", ctx.label("DIE")), ctx.recipe.targets
        yield Until(
            lambda c: c.label("SCAN") >= begun,
            lambda c: f"new film at the scanner: {begun - c.label('SCAN'):.1f} m to go",
            self.params.timeout_s,
        )
        yield Switch("md", on=True)
        yield Switch("cd", on=True)
        yield Until(
            lambda c: (
                c.value(_CD) <= goal.core_cd_2sigma_pct
                and abs(c.value(_CORE) - goal.core_um) <= 0.5 * goal.core_tolerance_um
            ),
            lambda c: (
                f"profile 2 sigma {c.text(_CD, 2)} %, "
                f"core {c.text(_CORE, 2)} of {goal.core_um:g} µm"
            ),
            self.params.timeout_s,
            for_s=60.0,
        )

    def collect(self, ctx: Context) -> Steps:
        """A new roll of the new recipe."""
        if self.winding is None:
            return
        yield Put(TURRET, 1.0, "new recipe")
        yield Switch("film.collect", on=True)
        self.winding.update(before_m=0.0, roll_m=0.0)
        yield Log(f"collecting {ctx.recipe.recipe.name} from label {ctx.text('film.WIND.S')} m on")
        yield Wait(2.0, "turret indexes and cuts")
        yield Put(TURRET, 0.0, "turret at rest")

    def _turret(self) -> Steps:
        yield Put(TURRET, 1.0, "recipe changes")
        yield Wait(2.0, "turret indexes and cuts")
        yield Put(TURRET, 0.0, "turret at rest")


def differences(old: Recipe, new: Recipe) -> list[str]:
    """Why a recipe cannot follow another without cool-down and cleaning; empty when it can."""
    found = []
    for part, fields in (
        ("core", ("dianhydrides", "diamines", "solvent", "solids_wt_pct")),
        ("coating", ("dianhydrides", "diamines", "solvent", "precursor_wt_pct", "agent",
                     "agent_wt_pct")),
        ("settings", ("draw_md", "width_td")),
    ):  # fmt: skip
        for field in fields:
            now, then = getattr(getattr(old, part), field), getattr(getattr(new, part), field)
            if now != then:
                found.append(f"{part}.{field} is {_text(now)} on the line, {_text(then)} there")
    sides, others = ([str(c.side) for c in r.coated] for r in (old, new))
    if sorted(sides) != sorted(others):
        found.append(f"coated sides are {', '.join(sides)} on the line, {', '.join(others)} there")
    if old.recipe.line != new.recipe.line:
        found.append(f"it is for line {new.recipe.line}")
    return found


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " + ".join(f"{one.name} {one.mol_pct:g} mol%" for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
