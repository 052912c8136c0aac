"""What a command will cost, said before it is given: meters of film, minutes, what stands still.

Minutes are estimates from the recipe and the present temperatures, for people who decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.operating.picture import film_in_line, good, trips
from controller.procedure.runner import HOLD_OFFER_S
from controller.procedure.states import Command, State

if TYPE_CHECKING:
    from controller.app import Kernel

_COLD_C = 25.0
_STEEP_UNTIL_C = 300.0
_SETTLE_MIN = 5.0
_RUN_OUT = 1.2  # the run-out runs the line's length and a fifth more (safety rule 1.2)
_PREPARE_MIN = 3.0  # utilities, exhaust, analyzers


@dataclass(frozen=True, slots=True)
class Cost:
    """Price of a command.

    Attributes:
        lines: for the person.
        meters: film lost, m.
        minutes: until the line is where it is now, or at what was asked for.
    """

    lines: tuple[str, ...]
    meters: float = 0.0
    minutes: float = 0.0


def cost_of(kernel: Kernel, command: Command, now_ns: int) -> Cost:
    """Price of a command to the procedure in its present state."""
    return _PRICES[command](kernel, now_ns)


def heating_min(kernel: Kernel, now_ns: int, *, cold: bool = False) -> float:
    """Minutes until the slowest tenter zone is at the recipe's set point, at its ramp."""
    steep, flat = _ramp(kernel)
    zones = sorted((z for z in kernel.line.zone if z.kind == "tenter"), key=lambda z: z.from_m)
    longest = 0.0
    for zone, target in zip(zones, kernel.recipe.settings.tenter_c, strict=False):
        now = good(kernel, f"{zone.loop}.PV", now_ns)
        start = _COLD_C if cold or math.isnan(now) else now
        below = max(0.0, min(target, _STEEP_UNTIL_C) - start)
        above = max(0.0, target - max(start, _STEEP_UNTIL_C))
        longest = max(longest, below / steep + above / flat)
    return longest


def hottest_text(kernel: Kernel, now_ns: int) -> str:
    """Hottest zone in words."""
    found = {z.name: good(kernel, f"{z.loop}.PV", now_ns) for z in kernel.line.zone}
    seen = {name: value for name, value in found.items() if not math.isnan(value)}
    if not seen:
        return "no zone temperature is GOOD"
    name = max(seen, key=lambda zone: seen[zone])
    return f"hottest zone {name} {seen[name]:.0f} °C"


def minutes(value: float) -> str:
    """Minutes as people say them: ``45 min``, ``2 h 10 min``."""
    whole = round(value)
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02d} min"


def back_to_product_min(kernel: Kernel, now_ns: int, *, cold: bool) -> float:
    """Minutes from a start to film in the tenter: purge, heat, soak, thread."""
    settings = kernel.recipe.settings
    length = max((station.at_m for station in kernel.line.station), default=0.0)
    heat = heating_min(kernel, now_ns, cold=cold)
    return (
        _PREPARE_MIN
        + _purge_min(kernel)
        + heat
        + _soak_min(kernel)
        + (length / settings.thread_speed_m_min)
    )


def _stop(kernel: Kernel, now_ns: int) -> Cost:
    film = film_in_line(kernel, now_ns)
    length = max((station.at_m for station in kernel.line.station), default=0.0)
    back = back_to_product_min(kernel, now_ns, cold=True)
    lines = [_film_text(kernel, film)]
    run_out = 0.0
    if film > 0.0:
        thread = kernel.recipe.settings.thread_speed_m_min
        run_out = _RUN_OUT * length / thread
        lines.append(f"time: {minutes(run_out)} of run-out at {thread:g} m/min, then cooling")
    lines.append(f"back to product: about {minutes(back)} from a cold oven after the next start")
    return Cost(tuple(lines), film, run_out + back)


def _abort(kernel: Kernel, now_ns: int) -> Cost:
    film = film_in_line(kernel, now_ns)
    back = back_to_product_min(kernel, now_ns, cold=True)
    return Cost(
        (
            "every output goes to its safe value at once: solvent and heat off, exhaust on",
            _film_text(kernel, film),
            f"back to product: about {minutes(back)} from a cold oven after reset and start",
        ),
        film,
        back,
    )


def _hold(kernel: Kernel, now_ns: int) -> Cost:
    if kernel.runner.state is not State.RUNNING:
        return Cost(())
    speed = good(kernel, "SIC-701.ACT", now_ns)
    lines = ["heat, speed and casting stay as they are; no step goes on"]
    if kernel.film.collecting and speed > 0.0:
        lines.append(f"meters: {speed:.1f} m a minute are wound and marked made_in_hold")
    else:
        lines.append("meters: none of the roll, nothing is collected now")
    lines.append(f"after {HOLD_OFFER_S / 60.0:g} min you are asked whether to run the film out")
    return Cost(tuple(lines))


def _restart(kernel: Kernel, now_ns: int) -> Cost:
    units = [w for w in kernel.runner.waiting_for() if w.phase and w.text != "complete"]
    stands = ", ".join(f"{w.unit}.{w.phase}" for w in units if w.step) or "the beginning"
    lines = [f"goes on from measured values at {stands}"]
    if kernel.comeback is not None and kernel.comeback.row() is not None:
        minutes_ = _purge_min(kernel) + heating_min(kernel, now_ns)
        lines.append(
            "first what the restart let go of: exhaust, purge, heat from the measured "
            f"temperatures, web, loops: about {minutes(minutes_)}"
        )
    return Cost((*lines, *_held_lines(kernel)))


def _start(kernel: Kernel, now_ns: int) -> Cost:
    heat = heating_min(kernel, now_ns)
    whole = back_to_product_min(kernel, now_ns, cold=False)
    parts = f"purge {minutes(_purge_min(kernel))}, heat {minutes(heat)}, soak "
    parts += f"{minutes(_soak_min(kernel))}"
    return Cost(
        (
            f"time: about {minutes(whole)} until film leaves the tenter ({parts})",
            f"{hottest_text(kernel, now_ns)}; a start always purges first",
            *_held_lines(kernel),
        ),
        0.0,
        whole,
    )


def _reset(kernel: Kernel, now_ns: int) -> Cost:
    whole = back_to_product_min(kernel, now_ns, cold=False)
    return Cost(
        (
            "the run cannot go on after this: the next start begins with utilities and purge",
            f"back to product: about {minutes(whole)} later ({hottest_text(kernel, now_ns)})",
        ),
        0.0,
        whole,
    )


def _film_text(kernel: Kernel, film: float) -> str:
    if not film > 0.0:
        return "meters: none, nothing was cast"
    roll = kernel.film.roll_m
    ends = f"; the roll ends at {roll:.1f} of {kernel.recipe.settings.roll_length_m:g} m"
    return f"meters: {film:.1f} m of film in the line are lost" + (ends if roll > 0.0 else "")


def _held_lines(kernel: Kernel) -> list[str]:
    """What would stand in the way: trips that act and outputs out of service."""
    told = [
        f"trip {row['name']} still acts: {row['title']}"
        if row["latched"]
        else f"{row['name']} will clear when its cause has gone: {row['title']}"
        for row in trips(kernel)
    ]
    told += [f"{tag} is shed: {cause}" for tag, cause in kernel.gate.shed_outputs().items()]
    return told


def _param(kernel: Kernel, use: str, name: str, default: float) -> float:
    for unit in kernel.recipe.unit:
        for phase in unit.phase:
            if phase.use == use and name in phase.params:
                return float(phase.params[name])
    return default


def _ramp(kernel: Kernel) -> tuple[float, float]:
    return (
        _param(kernel, "ramp_oven", "k_per_min", 10.0),
        _param(kernel, "ramp_oven", "k_per_min_above_300", 6.0),
    )


def _soak_min(kernel: Kernel) -> float:
    return _param(kernel, "soak_oven", "minutes", 20.0) + _SETTLE_MIN


def _purge_min(kernel: Kernel) -> float:
    """Minutes of the purge at full fan speed, by the slowest zone."""
    volumes = _param(kernel, "purge", "volumes", 5.0)
    slowest = max(
        (
            zone.volume_m3 / zone.table_flow_nm3_h
            for zone in kernel.line.zone
            if zone.volume_m3 is not None and zone.table_flow_nm3_h is not None
        ),
        default=0.0,
    )
    return volumes * slowest * 60.0 / 2.5  # full speed gives 2.5 times the table flow


_PRICES = {
    Command.START: _start,
    Command.HOLD: _hold,
    Command.RESTART: _restart,
    Command.STOP: _stop,
    Command.ABORT: _abort,
    Command.RESET: _reset,
}
