"""Casting, peel and pinning at the thread speed; and the end of casting."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.common import (
    DIVERTER,
    PUMP,
    TANK,
    off,
    set_points,
    station_m,
    travel_s,
)
from controller.procedure.steps import Ask, Log, Move, Put, Ramp, Steps, Switch, Until, Wait
from controller.procedure.tanks import DOPE, wait_for_tanks

_LOH = "QI-LOH.PEEL"


class Cast(Phase):
    """Dope to the die at the thread speed, the pump locked to the belt, until film is at peel."""

    use: ClassVar[str] = "cast"
    steps: ClassVar[tuple[str, ...]] = ("lock_pump", "to_die", "reach_peel")

    class Parameters(Params):
        """Die pressure that proves flow, below the window of normal running."""

        least_mpa: float = Field(default=0.3, gt=0.0)
        most_mpa: float = Field(default=4.5, gt=0.0)
        timeout_s: float = Field(default=1800.0, gt=0.0)

    params: Parameters

    def lock_pump(self, ctx: Context) -> Steps:
        """Pump speed follows the belt."""
        _ = ctx
        yield from wait_for_tanks(DOPE)
        yield Put(TANK, 1.0, "dope from the tank")
        yield Put(f"{PUMP}.RUN", 1.0, "casting")
        yield Switch("ratio.pump", on=True)
        yield Until(
            lambda c: abs(c.value(f"{PUMP}.ACT") - c.request(f"{PUMP}.SP")) < 0.5,
            lambda c: f"pump at its ratio to the belt, now {c.text(f'{PUMP}.ACT')} rpm",
            120.0,
            for_s=2.0,
        )

    def to_die(self, ctx: Context) -> Steps:
        """Diverter to the die; the die pressure proves flow."""
        _ = ctx
        p = self.params
        yield Put(DIVERTER, 1.0, "dope to the die")
        yield Until(
            lambda c: c.on(DIVERTER) and p.least_mpa < c.value("PIT-110.PV") < p.most_mpa,
            lambda c: (
                f"die pressure {c.text('PIT-110.PV', 2)} MPa between {p.least_mpa:g} "
                f"and {p.most_mpa:g}"
            ),
            300.0,
            for_s=20.0,
        )

    def reach_peel(self, ctx: Context) -> Steps:
        """The first film has reached the peel roll."""
        length = station_m(ctx, "PEEL")
        yield Until(
            lambda c: c.label("PEEL") > 0.0,
            lambda c: f"film at the peel roll: {c.text('film.CAST_M')} of {length:g} m cast",
            travel_s(ctx, length, self.params.timeout_s),
        )


class Peel(Phase):
    """Peel when the loss on heating is in its window, splice to the leader, see it at the gauge."""

    use: ClassVar[str] = "peel"
    steps: ClassVar[tuple[str, ...]] = ("ready", "splice", "at_gauge", "window")

    class Parameters(Params):
        """How near the belt must be to its set points, and how long the window must hold."""

        belt_band_k: float = Field(default=3.0, gt=0.0)
        for_s: float = Field(default=60.0, ge=0.0)
        timeout_s: float = Field(default=1800.0, gt=0.0)

    params: Parameters

    def ready(self, ctx: Context) -> Steps:
        """Measured loss on heating in its window, or, unmeasured, the belt as predicted for it."""
        zones = [(f"{z.loop}.PV", f"{z.loop}.SP") for z, _ in set_points(ctx, ("belt",), 0.0)]
        band = self.params.belt_band_k
        yield Until(
            lambda c: (
                in_window(c)
                if c.good(_LOH)
                else all(abs(c.value(pv) - c.request(sp)) <= band for pv, sp in zones)
            ),
            lambda c: f"film ready to peel: {loh_text(c)}, belt zones within {band:g} K",
            self.params.timeout_s,
            for_s=10.0,
        )

    def splice(self, ctx: Context) -> Steps:
        """A person peels the film and splices it to the leader; the gel gauge starts."""
        _ = ctx
        yield Ask("splice", "Peel the film from the belt and splice it to the leader.")
        yield Switch("film.spliced", on=True)
        yield Put("ZC-231.RUN", 1.0, "gel gauge traverses")

    def at_gauge(self, ctx: Context) -> Steps:
        """Film is under the gel gauge, which traverses."""
        _ = ctx
        yield Put("ZC-231.RUN", 1.0, "gel gauge traverses")
        yield Until(
            lambda c: c.label("GEL") > 0.0,
            lambda c: f"film at the gel gauge: {c.text('film.CAST_M')} m cast",
            self.params.timeout_s,
        )

    def window(self, ctx: Context) -> Steps:
        """Loss on heating at peel is in its window; the loops on the gel gauge begin."""
        _ = ctx
        yield Until(in_window, loh_text, self.params.timeout_s, self.params.for_s)
        yield Switch("cd", on=True)
        yield Switch("md", on=True)


class Pin(Phase):
    """Film on the pins and through the tenter to the winder."""

    use: ClassVar[str] = "pin"
    steps: ClassVar[tuple[str, ...]] = ("reach_pins", "pinned", "through")

    class Parameters(Params):
        """Rail torque and tension that prove the pins hold."""

        torque_pct: float = Field(default=120.0, gt=0.0, lt=150.0)
        tension_n_m: float = Field(default=8.0, gt=0.0)
        timeout_s: float = Field(default=3600.0, gt=0.0)

    params: Parameters

    def reach_pins(self, ctx: Context) -> Steps:
        """Film is at the pinning brush."""
        yield Until(
            lambda c: c.label("PIN") > 0.0,
            lambda c: f"film at the pins: {c.text('film.CAST_M')} m cast",
            travel_s(ctx, station_m(ctx, "PIN"), self.params.timeout_s),
        )

    def pinned(self, ctx: Context) -> Steps:
        """Rail torque and the tension before the tenter are in order."""
        _ = ctx
        p = self.params
        yield Until(
            lambda c: c.value("JT-510.PV") < p.torque_pct and c.value("NT-311.PV") > p.tension_n_m,
            lambda c: (
                f"pins hold: rail torque {c.text('JT-510.PV', 0)} %, "
                f"tension {c.text('NT-311.PV', 0)} N/m"
            ),
            p.timeout_s,
            for_s=15.0,
        )

    def through(self, ctx: Context) -> Steps:
        """Film has reached the winder; the scanner starts to traverse."""
        length = station_m(ctx, "WIND")
        yield Put("ZC-601.PARK", 0.0, "scanner on the web")
        yield Put("ZC-601.RUN", 1.0, "scanner traverses")
        yield Until(
            lambda c: c.label("WIND") > 0.0,
            lambda c: f"film at the winder: {c.text('film.CAST_M')} of {length:g} m cast",
            travel_s(ctx, length, self.params.timeout_s),
        )


class StopCasting(Phase):
    """Dope back to recirculation, then the pump to rest."""

    use: ClassVar[str] = "stop_casting"
    steps: ClassVar[tuple[str, ...]] = ("divert", "recirculate", "pump_off")

    class Parameters(Params):
        """Recirculation after casting."""

        rpm: float = Field(default=5.0, ge=0.0, le=30.0)
        seconds: float = Field(default=60.0, ge=0.0)

    params: Parameters

    def divert(self, ctx: Context) -> Steps:
        """Loops off, diverter to recirculation."""
        _ = ctx
        yield from off(("md", "cd", "loh"))
        yield Put(DIVERTER, 0.0, "casting ends")
        yield from off(("ratio.pump",))
        yield Until(lambda c: c.off(DIVERTER), "diverter at recirculation", 30.0)

    def recirculate(self, ctx: Context) -> Steps:
        """Pump slowly through filter and tank."""
        _ = ctx
        p = self.params
        yield Ramp((Move(f"{PUMP}.SP", p.rpm, 120.0),), f"pump to {p.rpm:g} rpm")
        yield Wait(p.seconds, "dope recirculates")

    def pump_off(self, ctx: Context) -> Steps:
        """Pump off, tank valve shut; the measured speed proves it."""
        _ = ctx
        yield Ramp((Move(f"{PUMP}.SP", 0.0, 120.0),), "pump to rest")
        yield Put(f"{PUMP}.RUN", 0.0, "casting ended")
        yield Put(TANK, 0.0, "casting ended")
        yield Until(lambda c: abs(c.value(f"{PUMP}.ACT")) < 0.1, "pump proven at rest", 30.0)
        yield Log(f"casting ended after {ctx.text('film.CAST_M')} m")


def in_window(ctx: Context) -> bool:
    """Whether the measured loss on heating is in the recipe's window."""
    low, high = ctx.recipe.targets.loh_peel_pct
    return low <= ctx.value(_LOH) <= high


def loh_text(ctx: Context) -> str:
    """Loss on heating against its window, in words."""
    low, high = ctx.recipe.targets.loh_peel_pct
    return f"loss on heating {ctx.text(_LOH)} % in {low:g}-{high:g} %"
