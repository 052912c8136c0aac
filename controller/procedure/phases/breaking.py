"""The break sequence: what a parted web needs beyond the interlock's own effects.

The interlock cuts dope and coat and stops the winder (trips WB-231 to WB-701); it leaves belt
and rails alone, because they must move now and must rest at the end. The feeds are cut here too,
should the tension return before the interlock has latched. Belt and rails go to run-out
speed, and the heat follows (process specification 11): T1-T3 hold, T4-T8 go down by 100 K after
two minutes. When the tail is out of the oven, the controlled stop ends the run after a quarter
of an hour, unless a person has asked for a hot re-thread: then the procedure stands held, ready
for a new leader.
"""

from __future__ import annotations

from math import inf

from controller.procedure.context import Context
from controller.procedure.phases.common import (
    BELT,
    LEAST_TEMPERATURE_C,
    PRODUCT_LOOPS,
    RAILS,
    RUN_OUT_FACTOR,
    START_M_MIN_PER_MIN,
    cut_feeds,
    fans_to,
    heaters_off,
    off,
    tenter_out_m,
)
from controller.procedure.returning import RETHREAD
from controller.procedure.steps import Log, Move, Put, Ramp, Steps, Stop, Switch, Until, Wait

SPANS = ("231", "311", "601", "701")
_AT_REST = ("ratio.coater", "ratio.winder")  # the interlock has stopped both drives
_BROKEN_SHARE = 0.2  # of the tension set point
_IN_FORCE_N_M = 5.0  # a smaller set point means that the span may be slack
_HOLDING_ZONES = 3  # T1-T3
_LOWER_K = 100.0
_LOWER_AFTER_S = 120.0
_FASTEST_K_PER_MIN = 1000.0  # a step: the tag's own rate is the limit
_STANDSTILL_M_MIN = 0.1
SEEN_S = 0.6
"""The interlock must have seen the break before the tension set points go: without them it is not
enabled, and the winder would run on. Twice its own time of 0.3 s."""
DECIDE_S = 900.0  # after the film is out: as long as any hold waits before it offers a run-out


def web_broken(ctx: Context) -> bool:
    """Whether a span that should carry tension has lost it."""
    return any(_slack(ctx, span) for span in SPANS)


def break_sequence(ctx: Context) -> Steps:
    """Dope and coat cut, the film out on the rails, heat down in the hot zones, then the stop.

    The interlock cuts the feeds too; whether it has latched, this does not depend on.
    """
    spans = ", ".join(f"NT-{span}" for span in SPANS if _slack(ctx, span))
    yield from cut_feeds("web broken")
    yield Wait(SEEN_S, "web broken: the interlock stops the winder")
    yield Switch("roll.broken", on=True)
    yield from off(("film.collect", "tension", *PRODUCT_LOOPS, *_AT_REST))
    yield Log(f"break sequence ({spans}): T1-T3 hold, T4-T8 down by {_LOWER_K:g} K in 2 min")
    limit_s = ctx.now_s + _longest_s(ctx)
    lower_at_s = ctx.now_s + _LOWER_AFTER_S
    yield Ramp((_run_out(ctx),), "web broken: belt to waste and rails at run-out speed")
    yield Until(
        lambda c: c.now_s >= lower_at_s,
        "web broken: film runs out, T4-T8 go down after 2 min",
        timeout_s=inf,
    )
    yield Ramp(_lowered(ctx), f"web broken: T4-T8 down by {_LOWER_K:g} K")
    yield Until(
        lambda c: tenter_out_m(c) <= 0.0 or c.now_s >= limit_s,
        lambda c: f"film runs out of the oven: {tenter_out_m(c):.1f} m to go",
        timeout_s=inf,
    )
    if tenter_out_m(ctx) <= 0.0:
        yield Switch("film.tenter_empty", on=True)
        yield Switch("film.line_empty", on=True)
        yield Put("ZC-231.RUN", 0.0, "line empty")  # it would measure a leader as gel
        yield Put("ZC-601.RUN", 0.0, "line empty")
        yield Put("ZC-601.PARK", 1.0, "line empty")
        decide_at_s = ctx.now_s + DECIDE_S
        yield Until(
            lambda c: RETHREAD in c.wishes or c.now_s >= decide_at_s,
            lambda c: (
                "the film has run out of the oven; the controlled stop follows in "
                f"{max(decide_at_s - c.now_s, 0.0):.0f} s unless a person asks for rethread"
            ),
            timeout_s=inf,
        )
        if RETHREAD not in ctx.wishes:
            yield Stop("the film has run out of the oven")
        return
    yield from heaters_off(ctx)
    yield Switch("exhaust", on=False)
    yield from fans_to(100.0)
    yield Stop(f"run-out not proven, {tenter_out_m(ctx):.1f} m still to go: heaters off")


def _run_out(ctx: Context) -> Move:
    """Belt to the thread speed; nip and rails follow in their ratios."""
    return Move(f"{BELT}.SP", ctx.settings.thread_speed_m_min, START_M_MIN_PER_MIN)


def _slack(ctx: Context, span: str) -> bool:
    target = ctx.value(f"NIC-{span}.SP")
    return target > _IN_FORCE_N_M and ctx.value(f"NT-{span}.PV") < _BROKEN_SHARE * target


def _longest_s(ctx: Context) -> float:
    """1.2 x length over speed; unknown length or rails at rest get the whole line at 1 m/min."""
    left, speed = tenter_out_m(ctx), ctx.value(f"{RAILS}.ACT")
    length = left if left > 0.0 else RUN_OUT_FACTOR * max(s.at_m for s in ctx.line.station)
    slow = min(speed, ctx.settings.thread_speed_m_min)
    speed = slow if slow > _STANDSTILL_M_MIN else ctx.settings.thread_speed_m_min
    return RUN_OUT_FACTOR * length / speed * 60.0


def _lowered(ctx: Context) -> tuple[Move, ...]:
    """Set points of the hot tenter zones, 100 K lower."""
    zones = sorted(ctx.zones("tenter"), key=lambda zone: zone.from_m)[_HOLDING_ZONES:]
    return tuple(
        Move(
            f"{zone.loop}.SP",
            max(ctx.set_point(f"{zone.loop}.SP") - _LOWER_K, LEAST_TEMPERATURE_C),
            _FASTEST_K_PER_MIN,
        )
        for zone in zones
    )
