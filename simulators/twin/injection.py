"""Faults by number: what F1 to F15 set when a scenario injects them (process specification 10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulators.twin.actuators import AIR, AT_201, BELT, DI_SAMPLE_FLOW, LFL_ZONES, ZONES, Signals
from simulators.twin.faults import Faults

Where = str | int | None
BREAK_PLACES_M = {"peel": 13.0, "entry": 20.9, "exit": 40.0}
BURNOUT_C = 1372.0
SHORTED_K = 24.0  # lower through a second junction nearer to the head: below what pairs tell
VARIANTS = {
    "F1": ("pulsation", "wear"),
    "F2": ("viscosity", "solids"),
    "F6": ("burnt", "frozen", "jump"),
    "F8": ("sample", "stuck"),
    "F11": ("bias", "dirty", "stuck"),
    "F15": ("estop", "guard", "fire"),
}
"""Variants of a fault; the first is its default."""

SIZES = {
    "F1": (0.0, 50.0),
    "F2": (-0.9, 0.9),
    "F3": (-0.9, 0.9),
    "F5": (0.0, 1.0),
    "F7": (0.0, 1.0),
    "F11": (-20.0, 20.0),
    "F13": (-30.0, 30.0),
    "F14": (0.1, 20.0),
}
"""Least and greatest size of the faults that have one (times, per hour, share, um, K)."""


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault to inject.

    Attributes:
        faults, sig: the plant's; a frozen sensor shows its present signal.
        where: zone name or number, bolt number, side, or place of a break; None the default.
        size: strength in the fault's own unit; None the default.
        how: variant, such as ``frozen`` of F6; None the default.
    """

    faults: Faults
    sig: Signals
    where: Where = None
    size: float | None = None
    how: str | None = None

    def zone(self, default: str, count: int = 15) -> int:
        """Return the zone number.

        Raises:
            ValueError: there is no such zone among the first ``count``.
        """
        name = default if self.where is None else self.where
        number = ZONES.index(name) if name in ZONES else name
        if not isinstance(number, int) or not 0 <= number < count:
            raise ValueError(f"no zone {name!r}: one of {', '.join(ZONES[:count])}")
        return number

    def amount(self, default: float) -> float:
        """Return the size."""
        return default if self.size is None else self.size

    def no_place(self) -> None:
        """Refuse a place.

        Raises:
            ValueError: one was given.
        """
        if self.where is not None:
            raise ValueError(f"{self.where!r} means nothing here: it happens at one place only")

    def variant(self, fault: str) -> str:
        """Return the variant, the fault's first by default.

        Raises:
            ValueError: the fault has no such variant.
        """
        known = VARIANTS[fault]
        how = known[0] if self.how is None else self.how
        if how not in known:
            raise ValueError(f"no variant {how!r}: one of {', '.join(known)}")
        return how


def _f1(to: Injection) -> None:
    to.no_place()
    if to.variant("F1") == "wear":
        to.faults.pump_wear_per_h = to.amount(0.03)
    else:
        to.faults.pump_shaft_factor = to.amount(5.0)


def _f2(to: Injection) -> None:
    to.no_place()
    if to.variant("F2") == "solids":
        to.faults.solids_step = to.amount(-0.003)
    else:
        to.faults.viscosity_per_h = to.amount(-0.20)


def _f3(to: Injection) -> None:
    to.no_place()
    to.faults.streak = (0.05, 0.008, to.amount(-0.06))


def _f4(to: Injection) -> None:
    bolts, name = to.faults.bolt_stuck, "7" if to.where is None else str(to.where)
    if not name.isdecimal() or int(name) >= len(bolts):
        raise ValueError(f"no bolt {name!r}: one of 0 to {len(bolts) - 1} (0 is TY-121)")
    bolts[int(name)] = True


def _f5(to: Injection) -> None:
    to.faults.heater[to.zone("T6")] = to.amount(0.0)


def _f6(to: Injection) -> None:
    zone = to.zone("T6")
    shown = float(to.sig.tc[zone])
    readings = {"burnt": BURNOUT_C, "frozen": shown, "jump": shown - SHORTED_K}
    to.faults.tc[zone] = readings[to.variant("F6")]


def _f7(to: Injection) -> None:
    to.faults.exhaust[to.zone("B2", 13)] = to.amount(0.5)


def _f8(to: Injection) -> None:
    zone = to.zone("B1", 13)
    if zone not in LFL_ZONES:
        raise ValueError(
            f"zone {ZONES[zone]} has no analyzer: one of {', '.join(ZONES[n] for n in LFL_ZONES)}"
        )
    analyzer = LFL_ZONES.index(zone)
    if to.variant("F8") == "sample":
        to.faults.sample_flow |= 1 << (DI_SAMPLE_FLOW + analyzer)
    to.faults.analog[AT_201 + analyzer] = float(to.sig.analog[AT_201 + analyzer])


def _f9(to: Injection) -> None:
    place = "entry" if to.where is None else to.where
    if place not in BREAK_PLACES_M:
        raise ValueError(f"no place {place!r}: one of {', '.join(BREAK_PLACES_M)}")
    to.faults.break_at_m = BREAK_PLACES_M[str(place)]


def _f10(to: Injection) -> None:
    to.no_place()
    to.faults.pins_lost = True


def _f11(to: Injection) -> None:
    to.no_place()
    how = to.variant("F11")
    if how == "dirty":
        to.faults.scan_dirty = True
    elif how == "stuck":
        to.faults.scan_stuck = True
    else:
        to.faults.scan_bias_um = to.amount(2.0)


def _f12(to: Injection) -> None:
    sides = {None: AIR, "air": AIR, "belt": BELT}
    if to.where not in sides:
        raise ValueError(f"no side {to.where!r}: one of air, belt")
    to.faults.starved[sides[to.where]] = True


def _f13(to: Injection) -> None:
    to.no_place()
    to.faults.belt_offset_k[:] = to.amount(8.0)


def _f14(to: Injection) -> None:
    to.no_place()
    to.faults.peel_factor = to.amount(3.0)


def _f15(to: Injection) -> None:
    to.no_place()
    how = to.variant("F15")
    to.faults.estop |= how == "estop"
    to.faults.guard_open |= how == "guard"
    to.faults.fire |= how == "fire"


FAULTS: dict[str, Callable[[Injection], None]] = {
    f"F{number}": act
    for number, act in enumerate(
        (_f1, _f2, _f3, _f4, _f5, _f6, _f7, _f8, _f9, _f10, _f11, _f12, _f13, _f14, _f15), start=1
    )
}


def inject(name: str, to: Injection) -> None:
    """Inject a fault by its number, "F1" to "F15".

    Raises:
        ValueError: the fault, place, variant or size does not exist.
    """
    if name not in FAULTS:
        raise ValueError(f"no fault {name!r}: one of {', '.join(FAULTS)}")
    if to.size is not None:
        if name not in SIZES:
            raise ValueError(f"{name} has no size")
        low, high = SIZES[name]
        if not low <= to.size <= high:
            raise ValueError(f"size {to.size:g} of {name}: {low:g} to {high:g}")
    FAULTS[name](to)
