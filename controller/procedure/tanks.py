"""What the phases ask of the tanks: whether a lot may be used now, and why not.

The scan publishes it as tags (``LOT-<tank>.OK`` and ``.CODE``); a line file without such
tags has no lot book, and nothing is asked of it.
"""

from __future__ import annotations

from enum import IntEnum

from config.models import Side
from controller.procedure.context import Context
from controller.procedure.steps import Steps, Until

DOPE, LEADER, CORE = "DOPE", "LEADER", "CORE"
COAT = {Side.AIR: "COAT_A", Side.BELT: "COAT_B"}


class TankFault(IntEnum):
    """Why the lot of a tank may not be used; the code of ``LOT-<tank>.CODE``."""

    NONE = 0
    NO_BOOK = 1
    NOT_LOADED = 2
    WRONG = 3
    EXPIRED = 4
    POT_LIFE = 5
    EMPTY = 6


WORDS = {
    TankFault.NONE: "ready",
    TankFault.NO_BOOK: "no lot book is open",
    TankFault.NOT_LOADED: "no lot is loaded",
    TankFault.WRONG: "its lot is not what the recipe wants",
    TankFault.EXPIRED: "its lot has expired",
    TankFault.POT_LIFE: "its lot is beyond its pot life",
    TankFault.EMPTY: "it is empty by the book",
}


def tank_tag(tank: str, part: str) -> str:
    """Tag of a tank: ``LOT-DOPE.LEVEL``."""
    return f"LOT-{tank}.{part}"


def tank_ready(ctx: Context, tank: str) -> bool:
    """Whether the tank's lot may be used now."""
    tag = tank_tag(tank, "OK")
    return not ctx.has(tag) or ctx.on(tag)


def tank_text(ctx: Context, tank: str) -> str:
    """Why a tank is not ready, in words, and what to do."""
    if tank_ready(ctx, tank):
        return f"tank {tank} ready"
    code = ctx.value(tank_tag(tank, "CODE"))
    fault = TankFault(int(code)) if code in list(TankFault) else TankFault.NO_BOOK
    return f"tank {tank}: {WORDS[fault]} (filmline lot list, filmline lot load LOT --tank {tank})"


def wait_for_tanks(*tanks: str, timeout_s: float = 7200.0) -> Steps:
    """Wait until the lots of these tanks may be used; late means hold."""
    yield Until(
        lambda c: all(tank_ready(c, tank) for tank in tanks),
        lambda c: "; ".join(tank_text(c, t) for t in tanks if not tank_ready(c, t)) or "lots ready",
        timeout_s,
    )
