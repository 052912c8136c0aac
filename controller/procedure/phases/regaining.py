"""Regain what a restart of the controller let go of: exhaust and purge, heat, web, loops.

The devices have fallen back to their own safe settings meanwhile: heat, dope and coating off,
fans, belt and rails at their safe speeds. Requests before the restart are what is wanted;
every set point rises from the measured value. Solvent is not regained: casting begins anew.
"""

from __future__ import annotations

from math import isnan
from typing import ClassVar

from pydantic import Field

from config.models import PhaseUse, UnitProcedure, Zone
from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.common import (
    BELT,
    DAMPERS,
    FANS,
    LEAST_TEMPERATURE_C,
    MAIN,
    MOTION,
    START_M_MIN_PER_MIN,
    WEB_RATIOS,
)
from controller.procedure.steps import Log, Move, Put, Ramp, Steps, Switch, Until

_NOT_BELOW = 1.0  # K above room temperature from which a set point is regained
_FASTEST_K_PER_MIN = 600.0
_LOOPS = ("exhaust", "tension")


class Regain(Phase):
    """What was wanted before the restart, in the order of a start."""

    use: ClassVar[str] = "regain"
    steps: ClassVar[tuple[str, ...]] = ("exhaust", "purge", "contactors", "heat", "web", "loops")

    class Parameters(Params):
        """Purge, and the rates and band of the heat."""

        volumes: float = Field(default=5.0, ge=5.0)
        k_per_min: float = Field(default=10.0, gt=0.0, le=15.0)
        k_per_min_above_300: float = Field(default=6.0, gt=0.0, le=15.0)
        k_per_min_belt_dryer: float = Field(default=5.0, gt=0.0, le=15.0)
        holdback_k: float = Field(default=15.0, gt=0.0)
        band_k: float = Field(default=10.0, gt=0.0)
        timeout_s: float = Field(default=7200.0, gt=0.0)

    params: Parameters

    def exhaust(self, ctx: Context) -> Steps:
        """Fans to full speed, which is their safe one, if any was wanted."""
        if not any(_wanted_on(ctx, f"{fan}.RUN") for fan in FANS):
            return
        for damper in DAMPERS:
            yield Put(damper, 0.0, "dampers open")
        for fan in FANS:
            yield Put(f"{fan}.SP", 100.0, "exhaust regained")
            yield Put(f"{fan}.RUN", 1.0, "exhaust regained")

    def purge(self, ctx: Context) -> Steps:
        """The purge is not restored: it is done again before any heat."""
        volumes = self.params.volumes
        if _contactors(ctx):
            yield Until(
                lambda c: c.value("PROC.PURGE") >= volumes,
                lambda c: f"ovens purged anew: {c.text('PROC.PURGE')} of {volumes:g} volumes",
                self.params.timeout_s,
            )

    def contactors(self, ctx: Context) -> Steps:
        """Set points to what is measured, then the contactors that were closed."""
        wanted = _contactors(ctx)
        if not wanted:
            return
        zones = _heated(ctx)
        moves = tuple(
            Move(f"{zone.loop}.SP", _warm(ctx, zone), _FASTEST_K_PER_MIN) for zone in zones
        )
        yield Ramp(moves, "set points to the measured temperatures")
        yield Put(MAIN, 1.0, "heat regained")
        proofs = []
        for contactor in wanted:
            yield Put(contactor, 1.0, "heat regained")
            proofs.append(contactor.replace("XC-", "XS-").replace(".CMD", ".ON"))
        yield Until(
            lambda c: all(c.on(proof) for proof in proofs),
            lambda c: f"contactors closed: {', '.join(p for p in proofs if not c.on(p))}",
            60.0,
        )

    def heat(self, ctx: Context) -> Steps:
        """Set points rise from the measured temperatures to what was wanted."""
        p, zones = self.params, _heated(ctx) if _contactors(ctx) else []
        if not zones:
            return
        moves = tuple(
            Move(f"{z.loop}.SP", ctx.before[f"{z.loop}.SP"], self._rate(z), above=300.0,
                 per_min_above=p.k_per_min_above_300)
            for z in zones
        )  # fmt: skip
        yield Ramp(
            moves, "heat regained", lambda c: _behind(c, zones, p.holdback_k),
            every_s=2.0, timeout_s=p.timeout_s,
        )  # fmt: skip
        yield Until(
            lambda c: not _behind(c, zones, p.band_k),
            lambda c: f"zones within {p.band_k:g} K: {_behind(c, zones, p.band_k)}",
            p.timeout_s,
        )

    def web(self, ctx: Context) -> Steps:
        """Drives that were wanted run at the speed they have, then go to the one wanted."""
        drives = [drive for drive in MOTION if _wanted_on(ctx, f"{drive}.RUN")]
        for drive in drives:
            yield from _as_found(ctx, drive)
        for name in WEB_RATIOS:
            if name in ctx.on_before:
                yield Switch(name, on=True)
        speed = ctx.before.get(f"{BELT}.SP", 0.0)
        if BELT in drives and speed > 0.0:
            yield Ramp(
                (Move(f"{BELT}.SP", speed, START_M_MIN_PER_MIN),),
                lambda c: f"belt back to {speed:g} m/min, now {c.text(f'{BELT}.ACT', 2)}",
            )

    def loops(self, ctx: Context) -> Steps:
        """Loops that were on and hold no film's place."""
        for name in _LOOPS:
            if name in ctx.on_before:
                yield Switch(name, on=True)
        yield Log("regained: the units go on at their steps")

    def _rate(self, zone: Zone) -> float:
        p = self.params
        slow = zone.kind in ("belt", "dryer")
        return min(p.k_per_min, p.k_per_min_belt_dryer) if slow else p.k_per_min


def _as_found(ctx: Context, drive: str) -> Steps:
    """Ask for the speed a drive has, so that taking it over moves nothing."""
    if not isnan(ctx.request(f"{drive}.RUN")):
        return
    actual = ctx.value(f"{drive}.ACT")
    yield Put(f"{drive}.SP", 0.0 if isnan(actual) else max(0.0, actual), "taken over as found")
    yield Put(f"{drive}.RUN", 1.0, "taken over as found")


def _wanted_on(ctx: Context, tag: str) -> bool:
    return ctx.before.get(tag, 0.0) > 0.5


def _contactors(ctx: Context) -> list[str]:
    """Zone contactors that were closed, behind a main contactor that was."""
    if not _wanted_on(ctx, MAIN):
        return []
    return [z.contactor for z in ctx.zones() if z.contactor and _wanted_on(ctx, z.contactor)]


def _heated(ctx: Context) -> list[Zone]:
    """Zones with a set point to regain."""
    least = LEAST_TEMPERATURE_C + _NOT_BELOW
    return [z for z in ctx.zones() if ctx.before.get(f"{z.loop}.SP", 0.0) >= least]


def _warm(ctx: Context, zone: Zone) -> float:
    """Measured temperature, not above what was wanted; room temperature when unknown."""
    measured, wanted = ctx.value(f"{zone.loop}.PV"), ctx.before[f"{zone.loop}.SP"]
    return LEAST_TEMPERATURE_C if isnan(measured) else min(measured, wanted)


def _behind(ctx: Context, zones: list[Zone], limit_k: float) -> str:
    for zone in zones:
        lag = ctx.request(f"{zone.loop}.SP") - ctx.value(f"{zone.loop}.PV")
        if not lag <= limit_k:
            return f"{zone.name} {ctx.text(f'{zone.loop}.PV', 0)} °C"
    return ""


REGAIN_UNITS = (UnitProcedure(name="regain", phase=(PhaseUse(use="regain", timeout_s=14400.0),)),)
