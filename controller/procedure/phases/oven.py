"""Heat: ramp with holdback, guaranteed soak, hold, cool-down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import ClassVar, Literal

from pydantic import Field

from config.models import Zone
from controller.procedure.context import Context
from controller.procedure.phase import Params, Phase
from controller.procedure.phases.breaking import break_sequence, web_broken
from controller.procedure.phases.common import (
    FLASH_POINT_SAFE_C,
    MAIN,
    all_below,
    fans_to,
    heaters_off,
    hottest,
    lower_heat,
    set_points,
    stop_motion,
)
from controller.procedure.steps import Accumulate, Log, Move, Put, Ramp, Steps, Switch, Until

_KINDS = ("belt", "dryer", "tenter", "cooler", "die")
_ABOVE_C = 300.0
_RELEASE_K = 3.0
_SAFE_C = 20.0  # safe value of every zone's set point
_BACK_K_PER_MIN, _LEAD_K = 30.0, 15.0
_BACK_K = 5.0
_FASTER = 1.05


class RampOven(Phase):
    """All zones to their set points: 10 K/min, above 300 °C 6 K/min, holdback 15 K.

    Belt and dryer rise at half that: at 10 K/min their integral is so far up when the short
    ramp ends that they pass their set points by the warning's 15 K, and they wait for the
    tenter anyway.
    """

    use: ClassVar[str] = "ramp_oven"
    steps: ClassVar[tuple[str, ...]] = ("contactors", "catch_up", "ramp", "arrive")

    class Parameters(Params):
        """Rates and holdback; the belt goes to its set points for the thread speed."""

        k_per_min: float = Field(default=10.0, gt=0.0, le=15.0)
        k_per_min_above_300: float = Field(default=6.0, gt=0.0, le=15.0)
        k_per_min_belt_dryer: float = Field(default=5.0, gt=0.0, le=15.0)
        holdback_k: float = Field(default=15.0, gt=0.0)
        band_k: float = Field(default=10.0, gt=0.0)
        belt_for: Literal["thread", "run"] = "thread"
        timeout_s: float = Field(default=3600.0, gt=0.0)

    params: Parameters
    _held_back = False

    def contactors(self, ctx: Context) -> Steps:
        """Main and zone contactors close; their auxiliary contacts prove it."""
        yield Put(MAIN, 1.0, "heaters on")
        pairs = [
            (zone.contactor, zone.contactor.replace("XC-", "XS-").replace(".CMD", ".ON"))
            for zone in ctx.zones()
            if zone.contactor is not None
        ]
        for contactor, _proof in pairs:
            yield Put(contactor, 1.0, "heaters on")
        yield Until(
            lambda c: all(c.on(proof) for _, proof in pairs),
            lambda c: f"contactors closed: {', '.join(p for _, p in pairs if not c.on(p))}",
            60.0,
        )

    def catch_up(self, ctx: Context) -> Steps:
        """Set points of warm zones up to their temperature, so that heat goes on from there."""
        moves = [
            Move(f"{zone.loop}.SP", min(warm, target), 30.0)
            for zone, target in self._targets(ctx)
            if (warm := ctx.value(f"{zone.loop}.PV")) > 40.0
            and not ctx.request(f"{zone.loop}.SP") >= min(warm, target)
        ]
        if moves:
            yield Ramp(tuple(moves), "set points up to the temperature of warm zones")

    def ramp(self, ctx: Context) -> Steps:
        """Set points rise together and wait for the slowest zone."""
        p = self.params
        moves = tuple(
            Move(f"{zone.loop}.SP", target, self._rate(zone), above=_ABOVE_C,
                 per_min_above=p.k_per_min_above_300)
            for zone, target in self._targets(ctx)
        )  # fmt: skip
        yield Ramp(moves, self._text, self._holdback, every_s=2.0, timeout_s=p.timeout_s)

    def arrive(self, ctx: Context) -> Steps:
        """Every zone is near its set point."""
        targets = self._targets(ctx)
        band = self.params.band_k
        yield Until(
            lambda c: all(abs(c.value(f"{z.loop}.PV") - t) <= band for z, t in targets),
            lambda c: f"zones within {band:g} K: {', '.join(_outside(c, targets, band))}",
            self.params.timeout_s,
        )

    def restarting(self, ctx: Context) -> Steps:
        """Contactors that opened meanwhile close again; the ramp goes on from what is there."""
        if any(lost(ctx, self._targets(ctx))):
            yield from self.contactors(ctx)
            yield from self.catch_up(ctx)

    def _rate(self, zone: Zone) -> float:
        p = self.params
        slow = zone.kind in ("belt", "dryer")
        return min(p.k_per_min, p.k_per_min_belt_dryer) if slow else p.k_per_min

    def _targets(self, ctx: Context) -> list[tuple[Zone, float]]:
        settings = ctx.settings
        thread = self.params.belt_for == "thread"
        offset = settings.belt_offset_thread_k if thread else settings.belt_offset_run_k
        return set_points(ctx, _KINDS, offset)

    def _holdback(self, ctx: Context) -> str:
        """Wait beyond the holdback, go on when the slowest zone has come 3 K nearer."""
        limit = self.params.holdback_k - (_RELEASE_K if self._held_back else 0.0)
        why = self._behind(ctx, limit)
        self._held_back = bool(why)
        return why

    def _behind(self, ctx: Context, limit_k: float) -> str:
        for zone in ctx.zones(*_KINDS):
            lag = ctx.request(f"{zone.loop}.SP") - ctx.value(f"{zone.loop}.PV")
            if lag > limit_k:
                return f"{zone.name} {lag:.0f} K behind its set point"
            if isnan(lag) and not ctx.good(f"{zone.loop}.PV"):
                return f"{zone.loop}.PV is not GOOD"
        return ""

    def _text(self, ctx: Context) -> str:
        name, value = hottest(ctx, ctx.zones(*_KINDS))
        return f"ramp to set points, hottest zone {name} {value:.0f} °C"


class SoakOven(Phase):
    """Guaranteed soak: only GOOD time with every zone in its band counts."""

    use: ClassVar[str] = "soak_oven"
    steps: ClassVar[tuple[str, ...]] = ("soak",)

    class Parameters(Params):
        """How long, and how near the set point."""

        minutes: float = Field(default=20.0, gt=0.0)
        band_k: float = Field(default=5.0, gt=0.0)
        timeout_s: float = Field(default=7200.0, gt=0.0)

    params: Parameters

    def restarting(self, ctx: Context) -> Steps:
        """Zones that were put out of service meanwhile heat again."""
        yield from put_back(ctx)

    def soak(self, ctx: Context) -> Steps:
        """GOOD time in band adds up to the soak time; a gap pauses it."""
        loops = [(f"{z.loop}.PV", f"{z.loop}.SP") for z in ctx.zones("belt", "dryer", "tenter")]
        band = self.params.band_k
        yield Accumulate(
            "soak_s",
            lambda c: (
                1.0 if all(abs(c.value(pv) - c.request(sp)) <= band for pv, sp in loops) else None
            ),
            self.params.minutes * 60.0,
            lambda c: f"soak within {band:g} K, {_state(c, loops, band)}",
            self.params.timeout_s,
        )
        yield Log(f"soaked {self.params.minutes:g} min of good time")


class HoldOven(Phase):
    """Keep the oven at temperature until what follows may start."""

    use: ClassVar[str] = "hold_oven"
    steps: ClassVar[tuple[str, ...]] = ("hold",)

    class Parameters(Params):
        """Ends after ``until_phase``; when empty, as soon as the next phase may start.

        A zone that stays ``below_k`` under its set point for ``below_s`` holds the run.
        """

        until_phase: str = ""
        below_k: float = Field(default=20.0, gt=0.0)
        below_s: float = Field(default=60.0, ge=0.0)
        timeout_s: float = Field(default=86400.0, gt=0.0)

    params: Parameters

    def hold(self, ctx: Context) -> Steps:
        """Zones stay at their set points; loops and ramps of other units may trim them."""
        _ = ctx
        name = self.params.until_phase
        yield Until(
            lambda c: c.done(name) if name else self.next_ready(),
            lambda c: (
                f"oven held at temperature until {name or 'the next phase may start'} "
                f"({hottest(c, c.zones())[0]} {hottest(c, c.zones())[1]:.0f} °C)"
            ),
            self.params.timeout_s,
            guard=self._too_cold,
            guard_s=self.params.below_s,
        )

    def holding(self, ctx: Context) -> Steps:
        """A broken web needs its own sequence; any other hold keeps the oven as it is."""
        if web_broken(ctx):
            yield from break_sequence(ctx)

    def restarting(self, ctx: Context) -> Steps:
        """Zones that were put out of service meanwhile heat again."""
        yield from put_back(ctx)

    def holds_again(self, ctx: Context) -> str:
        """A web that breaks while the procedure is held needs its sequence all the same."""
        return "web broken" if web_broken(ctx) else ""

    def _too_cold(self, ctx: Context) -> str:
        for zone in ctx.zones("belt", "dryer", "tenter"):
            lag = ctx.request(f"{zone.loop}.SP") - ctx.value(f"{zone.loop}.PV")
            if lag > self.params.below_k:
                return f"zone {zone.name} is {lag:.0f} K below its set point"
        return ""


class CoolOven(Phase):
    """Set points down at 10 K/min at most, exhaust at full flow, then the heaters off."""

    use: ClassVar[str] = "cool_oven"
    steps: ClassVar[tuple[str, ...]] = ("full_flow", "lower", "off")

    class Parameters(Params):
        """Rate and flow."""

        k_per_min: float = Field(default=10.0, gt=0.0, le=10.0)
        fan_pct: float = Field(default=100.0, gt=0.0, le=100.0)

    params: Parameters

    def full_flow(self, ctx: Context) -> Steps:
        """Fans at full speed carry the heat away."""
        _ = ctx
        yield Switch("exhaust", on=False)
        yield from fans_to(self.params.fan_pct)

    def lower(self, ctx: Context) -> Steps:
        """Set points fall to room temperature."""
        yield from lower_heat(ctx, self.params.k_per_min)

    def off(self, ctx: Context) -> Steps:
        """Heater contactors open."""
        yield from heaters_off(ctx)


class CoolDown(Phase):
    """The belt moves until everything is below 60 °C, then the web rests."""

    use: ClassVar[str] = "cool_down"
    steps: ClassVar[tuple[str, ...]] = ("cool", "rest")

    class Parameters(Params):
        """When the web may rest."""

        below_c: float = Field(default=FLASH_POINT_SAFE_C, le=FLASH_POINT_SAFE_C)
        timeout_s: float = Field(default=43200.0, gt=0.0)

    params: Parameters

    def cool(self, ctx: Context) -> Steps:
        """Every zone is below the flash point."""
        _ = ctx
        limit = self.params.below_c
        yield Until(
            lambda c: all_below(c, c.zones(), limit),
            lambda c: (
                f"zones below {limit:g} °C: {hottest(c, c.zones())[0]} "
                f"{hottest(c, c.zones())[1]:.0f} °C"
            ),
            self.params.timeout_s,
            for_s=5.0,
        )

    def rest(self, ctx: Context) -> Steps:
        """Belt and web come to rest."""
        _ = ctx
        yield from stop_motion()


def lost(ctx: Context, targets: Sequence[tuple[Zone, float]]) -> Iterator[tuple[Zone, float]]:
    """Zones that a trip or a shed output left off: contactor open, or set point at its safe value.

    What was never asked for, or is only lower than in the recipe, is not lost.
    """
    for zone, target in targets:
        off = zone.contactor is not None and ctx.request(zone.contactor) < 0.5
        if off or ctx.request(f"{zone.loop}.SP") <= _SAFE_C < target:
            yield zone, target


def put_back(ctx: Context) -> Steps:
    """Zones that are lost heat again: a person has restarted the procedure.

    The set point rises from its safe value and never leads the zone by more than 15 K. Nothing
    is asked for unless a zone is lost; what still trips or is shed, the gate refuses.
    """
    fast = ctx.set_point("SIC-210.SP") > ctx.settings.thread_speed_m_min * _FASTER
    settings = ctx.settings
    offset = settings.belt_offset_run_k if fast else settings.belt_offset_thread_k
    zones = list(lost(ctx, set_points(ctx, _KINDS, offset)))
    if not zones:
        return
    if ctx.request(MAIN) < 0.5:  # a trip of the supply opens it too
        yield Put(MAIN, 1.0, "zones heat again")
    for zone, _ in zones:
        if zone.contactor is not None:
            yield Put(zone.contactor, 1.0, f"{zone.name} heats again")
    moves = tuple(Move(f"{zone.loop}.SP", target, _BACK_K_PER_MIN) for zone, target in zones)
    yield Ramp(
        moves,
        lambda c: f"zones heat again: {', '.join(_outside(c, zones, _BACK_K))}",
        lambda c: _ahead(c, [zone for zone, _ in zones]),
    )
    yield Until(
        lambda c: not _outside(c, zones, _BACK_K),
        lambda c: f"zones within {_BACK_K:g} K: {', '.join(_outside(c, zones, _BACK_K))}",
        3600.0,
    )


def _ahead(ctx: Context, zones: Sequence[Zone]) -> str:
    """Set points that lead their zones by so much that they wait for them."""
    lead = {z.name: ctx.request(f"{z.loop}.SP") - ctx.value(f"{z.loop}.PV") for z in zones}
    far = [name for name, kelvin in lead.items() if not kelvin <= _LEAD_K]
    return f"{', '.join(far)} behind its set point" if far else ""


def _outside(ctx: Context, targets: list[tuple[Zone, float]], band: float) -> list[str]:
    return [
        f"{zone.name} {ctx.text(f'{zone.loop}.PV', 0)} of {target:.0f}"
        for zone, target in targets
        if not abs(ctx.value(f"{zone.loop}.PV") - target) <= band
    ]


def _state(ctx: Context, loops: list[tuple[str, str]], band: float) -> str:
    away = [pv for pv, sp in loops if not abs(ctx.value(pv) - ctx.request(sp)) <= band]
    return f"out of band: {', '.join(away)}" if away else "all zones in band"
