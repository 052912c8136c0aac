"""Tags, tests and small step sequences that several phases share."""

from __future__ import annotations

from math import isnan, nan

from config.models import Side, Zone
from controller.procedure.context import Context
from controller.procedure.steps import Move, Put, Ramp, Steps, Switch

BELT, NIP, RAILS, WINDER = "SIC-210", "SIC-211", "SIC-510", "SIC-701"
PUMP, COATER = "SIC-110", "SIC-310"
FANS = ("SIC-801", "SIC-802", "SIC-803")
DAMPERS = ("XV-801.CMD", "XV-802.CMD", "XV-803.CMD")
DIVERTER, TANK, MAIN = "XV-110.CMD", "XV-111.CMD", "XC-100.CMD"
HEADS = {Side.AIR: "A", Side.BELT: "B"}
LEAST_TEMPERATURE_C = 20.0
FLASH_POINT_SAFE_C = 60.0  # below the flash point of the solvent (safety 1.2)
RUN_OUT_FACTOR = 1.2
BELT_SHARES = (0.6, 0.8, 1.0, 1.0)  # of the belt offset, B1..B4 (process specification 1.2)
MOTION = (BELT, NIP, RAILS, WINDER, COATER)
WEB_RATIOS = ("ratio.nip", "ratio.coater", "ratio.rails", "ratio.winder")
PRODUCT_LOOPS = ("loh", "md", "cd", "coat_weight", "slowing")
SOLVENT_RATIOS = ("ratio.pump", "ratio.coat_air", "ratio.coat_belt")
START_M_MIN_PER_MIN = 2.0  # speed-up of an empty line


def station_m(ctx: Context, name: str) -> float:
    """Meters of a station from the die lip."""
    return next(station.at_m for station in ctx.line.station if station.name == name)


def travel_s(ctx: Context, meters: float, at_least_s: float) -> float:
    """Time-out for film to travel a way: half as long again as at the thread speed.

    Args:
        ctx: the run.
        meters: the way.
        at_least_s: a phase's own time-out, which a short way does not shorten.
    """
    slowest = min(ctx.settings.thread_speed_m_min, ctx.settings.run_speed_m_min)
    return max(at_least_s, 1.5 * meters / slowest * 60.0)


def set_points(ctx: Context, kinds: tuple[str, ...], offset_k: float) -> list[tuple[Zone, float]]:
    """Zones of these kinds with their recipe set points, degC, for a belt offset."""
    settings = ctx.settings
    values = {
        "belt": [
            base + share * offset_k
            for base, share in zip(settings.belt_c, BELT_SHARES, strict=True)
        ],
        "dryer": [settings.dryer_c],
        "tenter": list(settings.tenter_c),
        "cooler": [settings.cooler_c],
        "die": [settings.die_c],
    }
    found: list[tuple[Zone, float]] = []
    for kind in kinds:
        zones = sorted(ctx.zones(kind), key=lambda zone: zone.from_m)
        found += zip(zones, values[kind], strict=True)
    return found


def hottest(ctx: Context, zones: tuple[Zone, ...]) -> tuple[str, float]:
    """Name and temperature of the hottest zone; NaN temperature if any is not GOOD.

    A zone whose own thermocouple is bad has the temperature its second one shows.
    """
    name, highest = "", float("-inf")
    for zone in zones:
        value = ctx.value(f"{zone.loop}.PV")
        if isnan(value) and zone.independent is not None:
            value = ctx.value(zone.independent)
        if isnan(value):  # unknown is never cold
            return zone.name, value
        if value > highest:
            name, highest = zone.name, value
    return name, highest


def all_below(ctx: Context, zones: tuple[Zone, ...], limit_c: float) -> bool:
    """Whether every zone has a GOOD temperature below the limit."""
    return hottest(ctx, zones)[1] < limit_c


def vapor(ctx: Context) -> tuple[str, float]:
    """Analyzer with the highest reading, % of LFL; NaN when one is blind."""
    name, highest = "", float("-inf")
    for zone in ctx.line.zone:
        if zone.lfl is None:
            continue
        value = ctx.value(zone.lfl)
        if isnan(value) or (zone.lfl_sample is not None and not ctx.on(zone.lfl_sample)):
            return zone.lfl, nan
        if value > highest:
            name, highest = zone.lfl, value
    return name, highest


def fans_to(percent: float) -> Steps:
    """Run all exhaust fans and bring them to a speed."""
    for damper in DAMPERS:
        yield Put(damper, 0.0, "dampers open")
    for fan in FANS:
        yield Put(f"{fan}.RUN", 1.0, "exhaust")
    moves = tuple(Move(f"{fan}.SP", percent, 600.0) for fan in FANS)
    yield Ramp(moves, f"exhaust fans to {percent:g} %")


def lower_heat(ctx: Context, k_per_min: float) -> Steps:
    """Bring every set point down to room temperature."""
    moves = tuple(Move(f"{zone.loop}.SP", LEAST_TEMPERATURE_C, k_per_min) for zone in ctx.zones())
    yield Ramp(moves, lambda c: f"set points down at {k_per_min:g} K/min ({_hot(c)})")


def heaters_off(ctx: Context) -> Steps:
    """Open all heater contactors, the main one last."""
    for zone in ctx.zones():
        if zone.contactor is not None:
            yield Put(zone.contactor, 0.0, "heaters off")
    yield Put(MAIN, 0.0, "heaters off")


def stop_motion() -> Steps:
    """Bring belt and web to rest and switch the drives off."""
    yield Ramp((Move(f"{BELT}.SP", 0.0, START_M_MIN_PER_MIN),), "belt and web to rest")
    for name in WEB_RATIOS:
        yield Switch(name, on=False)
    for drive in MOTION:
        yield Put(f"{drive}.SP", 0.0, "web stopped")
        yield Put(f"{drive}.RUN", 0.0, "web stopped")


def cut_feeds(why: str) -> Steps:
    """Stop dope and coat: their ratios first, which would ask for them again."""
    yield from off(SOLVENT_RATIOS)
    yield Put(f"{PUMP}.RUN", 0.0, why)
    yield Put(f"{PUMP}.SP", 0.0, why)
    yield Put(DIVERTER, 0.0, why)
    for head in HEADS.values():
        yield Put(f"FIC-301{head}.RUN", 0.0, why)
        yield Put(f"FIC-301{head}.SP", 0.0, why)
    yield Put("XC-301.CMD", 0.0, why)


def off(names: tuple[str, ...]) -> Steps:
    """Put loops off."""
    for name in names:
        yield Switch(name, on=False)


def film_out_m(ctx: Context) -> float:
    """Meters still to run until the film's tail has passed the winder by the margin of safety."""
    length = station_m(ctx, "WIND")
    return ctx.value("film.CAST_M") + (RUN_OUT_FACTOR - 1.0) * length - ctx.label("WIND")


def tenter_out_m(ctx: Context) -> float:
    """Meters still to run until the tail is out of the oven by the margin, on the rails alone."""
    end = max(zone.to_m for zone in ctx.zones())
    after_t8 = end - station_m(ctx, "T8")
    return ctx.value("film.CAST_M") + (RUN_OUT_FACTOR - 1.0) * end + after_t8 - ctx.label("T8")


def blind(ctx: Context) -> list[str]:
    """Vapor analyzers that cannot be believed: not GOOD, or without sample flow."""
    return [
        zone.lfl
        for zone in ctx.line.zone
        if zone.lfl is not None
        and (
            not ctx.good(zone.lfl) or (zone.lfl_sample is not None and not ctx.on(zone.lfl_sample))
        )
    ]


def seeing_vapor(ctx: Context) -> float:
    """Highest reading of the analyzers that can be believed, % of LFL; 0 when none can."""
    lost = blind(ctx)
    seen = [ctx.value(z.lfl) for z in ctx.line.zone if z.lfl is not None and z.lfl not in lost]
    return max(seen, default=0.0)


def _hot(ctx: Context) -> str:
    name, value = hottest(ctx, ctx.zones())
    return f"hottest {name} {value:.0f} °C"
