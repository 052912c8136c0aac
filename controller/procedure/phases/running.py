"""The production run: speed, coating, tuning, collecting, and the film's way out."""

from __future__ import annotations

from math import isnan
from typing import ClassVar

from pydantic import Field

from config.models import CoatedSide, Side
from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.casting import in_window, loh_text
from controller.procedure.phases.common import (
    BELT,
    HEADS,
    PRODUCT_LOOPS,
    RUN_OUT_FACTOR,
    film_out_m,
    off,
    set_points,
    station_m,
    travel_s,
)
from controller.procedure.steps import Log, Move, Put, Ramp, Steps, Switch, Until
from controller.procedure.tanks import COAT, wait_for_tanks

_CD, _CORE = "QI-CD2S.SCAN", "QI-CORE.MEAN"
_GEL_CORE = "QI-CORE.GEL"
_LAYER = {Side.AIR: "QI-LAYER.AIR", Side.BELT: "QI-LAYER.BELT"}


class RampSpeed(Phase):
    """To the run speed at 0.2 m/min per minute; every drive, pump and fan follows in its ratio.

    The belt's set points change first, by half the time the film stays on the belt, because
    its temperature follows late (process specification 11).
    """

    use: ClassVar[str] = "ramp_speed"
    steps: ClassVar[tuple[str, ...]] = ("ramp", "settle")

    class Parameters(Params):
        """How near the run speed counts as there."""

        tolerance_m_min: float = Field(default=0.03, gt=0.0)
        for_s: float = Field(default=60.0, ge=0.0)
        timeout_s: float = Field(default=3600.0, gt=0.0)

    params: Parameters

    def ramp(self, ctx: Context) -> Steps:
        """Belt set points, then speed."""
        settings = ctx.settings
        target = settings.run_speed_m_min
        now = _present(ctx, f"{BELT}.SP")
        minutes = max(abs(target - now) / settings.speed_ramp_m_min_per_min, 1.0)
        zones = set_points(ctx, ("belt",), settings.belt_offset_run_k)
        length = max(z.to_m for z, _ in zones) - min(z.from_m for z, _ in zones)
        lead_s = 0.5 * length / (0.5 * (target + now)) * 60.0 if target != now else 0.0
        moves = [
            Move(
                f"{zone.loop}.SP",
                value,
                max(abs(value - _present(ctx, f"{zone.loop}.SP")) / minutes, 0.1),
            )
            for zone, value in zones
        ]
        speed = Move(f"{BELT}.SP", target, settings.speed_ramp_m_min_per_min, after_s=lead_s)
        yield Ramp(
            (*moves, speed),
            lambda c: f"speed {c.text(f'{BELT}.ACT', 2)} of {target:g} m/min, {loh_text(c)}",
            timeout_s=self.params.timeout_s,
        )

    def settle(self, ctx: Context) -> Steps:
        """The measured speed is at the target; the belt loop begins."""
        target = ctx.settings.run_speed_m_min
        yield Until(
            lambda c: abs(c.value(f"{BELT}.ACT") - target) <= self.params.tolerance_m_min,
            lambda c: f"speed steady: {c.text(f'{BELT}.ACT', 2)} of {target:g} m/min",
            self.params.timeout_s,
            self.params.for_s,
        )
        yield Switch("loh", on=True)


class StartCoating(Phase):
    """Coating on, one head for each coated side, when the gel has been in band for 5 minutes."""

    use: ClassVar[str] = "start_coating"
    steps: ClassVar[tuple[str, ...]] = ("gel_in_band", "feed", "engage")

    class Parameters(Params):
        """Band of the gel gauge's predicted core, and for how long."""

        core_pct: float = Field(default=6.0, gt=0.0)
        for_s: float = Field(default=300.0, ge=0.0)
        timeout_s: float = Field(default=5400.0, gt=0.0)

    params: Parameters

    def gel_in_band(self, ctx: Context) -> Steps:
        """Loss on heating and predicted core thickness are in band without a gap."""
        _ = ctx
        p = self.params
        yield Until(
            self._in_band,
            lambda c: f"gel in band for {p.for_s / 60.0:g} min: {loh_text(c)}",
            p.timeout_s,
            p.for_s,
        )

    def feed(self, ctx: Context) -> Steps:
        """Feed pumps on power and in their ratio to the line speed."""
        yield from wait_for_tanks(*(COAT[coated.side] for coated in ctx.recipe.coated))
        yield Put("XC-301.CMD", 1.0, "coating feed on power")
        sides = [coated.side for coated in ctx.recipe.coated]
        tags = [f"FIC-301{HEADS[side]}" for side in sides]
        yield Until(
            lambda c: all(c.good(f"{t}.PV") and c.good(f"{t}.RUN") for t in tags),
            "feed pumps answer",
            60.0,
            for_s=5.0,  # a pump that was off is set up anew before it takes a command
        )
        for side, tag in zip(sides, tags, strict=True):
            yield Put(f"{tag}.RUN", 1.0, "coating feed")
            yield Switch(f"ratio.coat_{side}", on=True)
        yield Until(
            lambda c: all(
                c.on(f"{t}.RUN") and c.value(f"{t}.PV") >= 0.9 * c.request(f"{t}.SP") > 0.0
                for t in tags
            ),
            lambda c: "feed flows: " + ", ".join(f"{t} {c.text(f'{t}.PV', 2)}" for t in tags),
            120.0,
            for_s=5.0,
        )

    def engage(self, ctx: Context) -> Steps:
        """Heads to the web."""
        heads = [f"XV-301{HEADS[coated.side]}.CMD" for coated in ctx.recipe.coated]
        for head in heads:
            yield Put(head, 1.0, "coating")
        yield Until(lambda c: all(c.on(head) for head in heads), "heads at the web", 30.0)
        yield Log(f"coating starts at label {ctx.text('film.COAT_A.S')} m")

    def _in_band(self, ctx: Context) -> bool:
        if not in_window(ctx):
            return False
        if not ctx.has(_GEL_CORE):
            return True
        target = ctx.recipe.targets.core_um
        return abs(ctx.value(_GEL_CORE) - target) <= self.params.core_pct / 100.0 * target


class TuneProfile(Phase):
    """Loops in automatic until the profile, the core and the layer are in their targets."""

    use: ClassVar[str] = "tune_profile"
    steps: ClassVar[tuple[str, ...]] = ("loops", "arrive", "targets")

    class Parameters(Params):
        """Limits for collecting; 0 takes the recipe's target."""

        cd_2sigma_pct: float = Field(default=0.0, ge=0.0)
        core_share: float = Field(default=0.5, gt=0.0, le=1.0)
        layer_share: float = Field(default=0.9, gt=0.0, le=1.0)
        for_s: float = Field(default=60.0, ge=0.0)
        timeout_s: float = Field(default=18000.0, gt=0.0)

    params: Parameters

    def loops(self, ctx: Context) -> Steps:
        """Belt, thickness, profile and coat loops on."""
        _ = ctx
        for name in PRODUCT_LOOPS:
            yield Switch(name, on=True)

    def arrive(self, ctx: Context) -> Steps:
        """Film coated since the start of coating is under the gauges."""
        for coated in ctx.recipe.coated:
            yield self._layer_there(coated)

    def targets(self, ctx: Context) -> Steps:
        """Profile and mean core are within the targets."""
        goal = ctx.recipe.targets
        limit = self.params.cd_2sigma_pct or goal.core_cd_2sigma_pct
        within = self.params.core_share * goal.core_tolerance_um
        yield Until(
            lambda c: c.value(_CD) <= limit and abs(c.value(_CORE) - goal.core_um) <= within,
            lambda c: (
                f"profile 2 sigma {c.text(_CD, 2)} of {limit:g} %, "
                f"core {c.text(_CORE, 2)} of {goal.core_um:g} ± {within:g} µm"
            ),
            self.params.timeout_s,
            self.params.for_s,
        )

    def _layer_there(self, coated: CoatedSide) -> Until:
        tag = _LAYER[coated.side]
        within = self.params.layer_share * coated.tolerance_um
        return Until(
            lambda c: abs(c.value(tag) - coated.layer_um) <= within,
            lambda c: f"thin layer ({coated.side}) {c.text(tag, 3)} of {coated.layer_um:g} µm",
            self.params.timeout_s,
            for_s=30.0,
        )


class StopCoating(Phase):
    """Coating ends: heads off the web, feed stopped and without power."""

    use: ClassVar[str] = "stop_coating"
    steps: ClassVar[tuple[str, ...]] = ("retract", "feed_off")

    def retract(self, ctx: Context) -> Steps:
        """Loops off, heads retracted."""
        yield from off(("coat_weight", "ratio.coat_air", "ratio.coat_belt"))
        for coated in ctx.recipe.coated:
            yield Put(f"XV-301{HEADS[coated.side]}.CMD", 0.0, "coating ends")

    def feed_off(self, ctx: Context) -> Steps:
        """Feed pumps off, then their power."""
        tags = [f"FIC-301{HEADS[coated.side]}" for coated in ctx.recipe.coated]
        for tag in tags:
            yield Put(f"{tag}.RUN", 0.0, "coating ends")
            yield Put(f"{tag}.SP", 0.0, "coating ends")
        yield Until(
            lambda c: all(not c.value(f"{tag}.PV") > 0.05 for tag in tags),
            "feed flows at rest",
            60.0,
        )
        yield Put("XC-301.CMD", 0.0, "coating ended")


class RunOut(Phase):
    """The film runs out of the line: its whole length and a fifth more."""

    use: ClassVar[str] = "run_out"
    steps: ClassVar[tuple[str, ...]] = ("slack", "run", "empty")

    class Parameters(Params):
        """How long it may take."""

        timeout_s: float = Field(default=7200.0, gt=0.0)

    params: Parameters

    def slack(self, ctx: Context) -> Steps:
        """The tail will slacken span after span: loss of tension is no break any more."""
        _ = ctx
        yield Switch("tension", on=False)
        yield Switch("film.collect", on=False)

    def run(self, ctx: Context) -> Steps:
        """The tail has passed the winder by the margin."""
        yield Until(
            lambda c: film_out_m(c) <= 0.0,
            lambda c: f"film runs out: {film_out_m(c):.1f} m to go",
            travel_s(ctx, RUN_OUT_FACTOR * station_m(ctx, "WIND"), self.params.timeout_s),
        )

    def empty(self, ctx: Context) -> Steps:
        """The tenter is empty; gauges leave the web."""
        yield Switch("film.tenter_empty", on=True)
        yield Put("ZC-231.RUN", 0.0, "line empty")
        yield Put("ZC-601.RUN", 0.0, "line empty")
        yield Put("ZC-601.PARK", 1.0, "line empty")
        yield Log(f"film has run out over {station_m(ctx, 'WIND'):g} m")


def _present(ctx: Context, tag: str) -> float:
    """Present set-point; 0 when nothing is known of it."""
    present = ctx.set_point(tag)
    return 0.0 if isnan(present) else present
