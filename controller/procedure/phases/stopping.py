"""The controlled stop in the order of safety 1.2: each step command, proof, time-out.

Two units run side by side: ``stop`` cuts solvent, keeps the exhaust at purge speed, runs the
film out and brings the line to rest; ``heat`` lowers the set points. A proof that does not
come in time escalates to abort. The exhaust stays on: only the phase ``exhaust_off`` ends it.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from config.models import PhaseUse, UnitProcedure
from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.common import (
    BELT,
    PRODUCT_LOOPS,
    PUMP,
    RAILS,
    START_M_MIN_PER_MIN,
    TANK,
    all_below,
    blind,
    cut_feeds,
    fans_to,
    heaters_off,
    hottest,
    lower_heat,
    off,
    seeing_vapor,
    stop_motion,
    tenter_out_m,
)
from controller.procedure.steps import Log, Move, Put, Ramp, Steps, Switch, Until

_PUMP_AT_REST_RPM = 0.6  # 2 % of the nominal pump speed
_STANDSTILL_M_MIN = 0.1


class CutSolvent(Phase):
    """Solvent feed off, proven; exhaust to purge speed (safety 1.2, steps 2 and 4)."""

    use: ClassVar[str] = "stop_cut_solvent"
    steps: ClassVar[tuple[str, ...]] = ("cut", "prove", "exhaust")

    class Parameters(Params):
        """Proof time: 2 s for the plant and one poll of the drive."""

        proof_s: float = Field(default=3.0, gt=0.0)

    params: Parameters

    def cut(self, ctx: Context) -> Steps:
        """Pump and coating feed stop; loops and tension supervision off."""
        _ = ctx
        yield from cut_feeds("controlled stop")
        yield from off((*PRODUCT_LOOPS, "tension", "film.collect"))

    def prove(self, ctx: Context) -> Steps:
        """The pump is measured at rest."""
        _ = ctx
        yield Until(
            lambda c: abs(c.value(f"{PUMP}.ACT")) < _PUMP_AT_REST_RPM,
            lambda c: f"pump at rest, now {c.text(f'{PUMP}.ACT')} rpm",
            self.params.proof_s,
        )

    def exhaust(self, ctx: Context) -> Steps:
        """Exhaust to purge speed, where it stays."""
        _ = ctx
        yield Switch("exhaust", on=False)
        yield from fans_to(100.0)


class StopRunOut(Phase):
    """Film runs out; with the belt at fault it is skipped with an alarm, not waited for."""

    use: ClassVar[str] = "stop_run_out"
    steps: ClassVar[tuple[str, ...]] = ("speed", "run", "retract")

    class Parameters(Params):
        """Longest run-out: 1.2 x 44 m at the slowest speed, and half as much again."""

        timeout_s: float = Field(default=9600.0, gt=0.0)

    params: Parameters

    def speed(self, ctx: Context) -> Steps:
        """Belt to the thread speed; the web follows in its ratios."""
        speed = ctx.settings.thread_speed_m_min
        if ctx.value(f"{BELT}.ACT") > _STANDSTILL_M_MIN:
            move = Move(f"{BELT}.SP", speed, START_M_MIN_PER_MIN)
            yield Ramp((move,), f"belt to {speed:g} m/min for the run-out", timeout_s=60.0)

    def run(self, ctx: Context) -> Steps:
        """The film's tail is out of the oven by the margin, or nothing moves it any more."""
        _ = ctx
        yield Until(
            lambda c: _nothing_cast(c) or tenter_out_m(c) <= 0.0 or _stands(c),
            lambda c: f"film runs out: {tenter_out_m(c):.1f} m to go",
            self.params.timeout_s,
        )
        if tenter_out_m(ctx) > 0.0 and not _nothing_cast(ctx):
            yield Log(f"run-out skipped: web stands, {tenter_out_m(ctx):.1f} m still in the line")
        else:
            yield Switch("film.tenter_empty", on=True)

    def retract(self, ctx: Context) -> Steps:
        """Heads retracted, tank valve shut, gauges off the web."""
        _ = ctx
        for tag in ("XV-301A.CMD", "XV-301B.CMD", TANK, "ZC-231.RUN", "ZC-601.RUN"):
            yield Put(tag, 0.0, "controlled stop")
        yield Put("ZC-601.PARK", 1.0, "controlled stop")


class StopRest(Phase):
    """Purged, clean and below 150 °C: then belt and web rest (safety 1.2, step 7)."""

    use: ClassVar[str] = "stop_rest"
    steps: ClassVar[tuple[str, ...]] = ("wait", "rest")

    class Parameters(Params):
        """Conditions of rest."""

        volumes: float = Field(default=5.0, ge=5.0)
        lfl_pct: float = Field(default=10.0, gt=0.0, le=10.0)
        for_s: float = Field(default=600.0, ge=600.0)
        blind_s: float = Field(default=1800.0, ge=1800.0)
        below_c: float = Field(default=150.0, le=150.0)
        timeout_s: float = Field(default=86400.0, gt=0.0)

    params: Parameters

    def wait(self, ctx: Context) -> Steps:
        """Purge volumes, vapor and temperature, together for ten minutes.

        An analyzer that is blind proves nothing; then proven exhaust must have gone on for
        half an hour with the feed off and the film out, and the record says so.
        """
        _ = ctx
        p = self.params
        yield Until(self._met, self._text, p.timeout_s, p.for_s)
        lost = blind(ctx)
        if lost:
            yield Until(self._met, self._text, p.timeout_s, p.blind_s)
            minutes = p.blind_s / 60.0
            yield Log(f"{', '.join(lost)} blind: rest after {minutes:g} min of proven exhaust")

    def _met(self, ctx: Context) -> bool:
        p = self.params
        return (
            ctx.value("PROC.PURGE") >= p.volumes
            and seeing_vapor(ctx) < p.lfl_pct
            and all_below(ctx, ctx.zones(), p.below_c)
        )

    def _text(self, ctx: Context) -> str:
        p = self.params
        name, value = hottest(ctx, ctx.zones())
        lost = blind(ctx)
        return (
            f"clean and below {p.below_c:g} °C for {p.for_s / 60.0:g} min: {name} {value:.0f} °C, "
            f"vapor {seeing_vapor(ctx):.1f} %, {ctx.text('PROC.PURGE')} volumes"
            + (f", {', '.join(lost)} blind" if lost else "")
        )

    def rest(self, ctx: Context) -> Steps:
        """Belt and web come to rest; the exhaust goes on."""
        _ = ctx
        yield from stop_motion()
        yield Log("stopped; the exhaust stays on until an engineer ends it")


class StopHeat(Phase):
    """Heat down: set points to room temperature, then the contactors open."""

    use: ClassVar[str] = "stop_heat"
    steps: ClassVar[tuple[str, ...]] = ("lower", "off")

    def lower(self, ctx: Context) -> Steps:
        """Set points fall at 10 K/min; what an interlock holds lower stays there."""
        yield from lower_heat(ctx, 10.0)

    def off(self, ctx: Context) -> Steps:
        """Contactors open."""
        yield from heaters_off(ctx)


def _nothing_cast(ctx: Context) -> bool:
    """Whether no film of a present casting is on the line (none yet, or it has run out)."""
    counted = ctx.value("film.CAST_M")
    return not counted > 0.0 or not ctx.good("film.DIE.S")


def _stands(ctx: Context) -> bool:
    """Whether neither belt nor rails move film (unknown counts as standing: do not wait)."""
    return not (
        ctx.value(f"{BELT}.ACT") > _STANDSTILL_M_MIN
        and ctx.value(f"{RAILS}.ACT") > _STANDSTILL_M_MIN
    )


STOP_UNITS = (
    UnitProcedure(
        name="stop",
        phase=(
            PhaseUse(use="stop_cut_solvent", timeout_s=120.0),
            PhaseUse(use="stop_run_out", timeout_s=14400.0),
            PhaseUse(use="stop_rest", timeout_s=172800.0),
        ),
    ),
    UnitProcedure(
        name="heat",
        phase=(PhaseUse(use="stop_heat", after=("stop.stop_cut_solvent",), timeout_s=14400.0),),
    ),
)
