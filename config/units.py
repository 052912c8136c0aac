"""Units: the canonical one of each quantity, and the few others files may use.

The code computes in canonical units only. Material files may state a number in any unit
known here; it is converted at load. Tags are declared in canonical units, because their
limits, logs and displays must read alike everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit: canonical value = value * factor + offset."""

    canonical: str
    factor: float = 1.0
    offset: float = 0.0


CANONICAL = {
    "1": "boolean, code or ratio",
    "%": "percent",
    "wt%": "mass fraction, percent",
    "mol%": "mole fraction, percent",
    "vol%": "volume fraction, percent",
    "%LFL": "percent of the lower flammability limit",
    "ppm": "volume fraction, 1e-6",
    "degC": "temperature",
    "K": "temperature difference",
    "m": "length along or across the line",
    "um": "thickness",
    "m/min": "line speed",
    "rpm": "rotation",
    "s": "time",
    "MPa": "die pressure",
    "kPa": "coating pressure",
    "N/m": "web tension",
    "g/m2": "basis weight",
    "Nm3/h": "exhaust flow at 0 degC, 101.325 kPa",
    "mL/min": "coating flow",
    "L/min": "water flow",
    "A": "current",
    "g/mol": "molar mass",
    "kg": "mass",
    "kg/m3": "density",
    "kg/kg": "mass ratio",
    "kJ/mol": "activation energy",
    "GPa": "modulus",
    "ppm/K": "linear expansion",
}
"""Canonical units and what each is used for."""

OTHERS = {
    "K_abs": Unit("degC", 1.0, -273.15),
    "degF": Unit("degC", 5.0 / 9.0, -160.0 / 9.0),
    "mm": Unit("m", 1e-3),
    "cm": Unit("m", 1e-2),
    "nm": Unit("um", 1e-3),
    "m/s": Unit("m/min", 60.0),
    "min": Unit("s", 60.0),
    "h": Unit("s", 3600.0),
    "bar": Unit("MPa", 0.1),
    "Pa": Unit("kPa", 1e-3),
    "mbar": Unit("kPa", 0.1),
    "N/cm": Unit("N/m", 100.0),
    "g/cm3": Unit("kg/m3", 1000.0),
    "kg/mol": Unit("g/mol", 1000.0),
    "g/kg": Unit("kg/kg", 1e-3),
    "kcal/mol": Unit("kJ/mol", 4.184),
    "L/h": Unit("L/min", 1.0 / 60.0),
    "cm3/min": Unit("mL/min", 1.0),
}
"""Other units, each with its way to the canonical one (K_abs is an absolute temperature)."""


def known(unit: str) -> bool:
    """Tell whether the unit is canonical or can be converted."""
    return unit in CANONICAL or unit in OTHERS


def canonical(unit: str) -> str:
    """Canonical unit of the same quantity.

    Raises:
        KeyError: the unit is not known.
    """
    return unit if unit in CANONICAL else OTHERS[unit].canonical


def convert(value: float, unit: str, wanted: str) -> float:
    """Convert ``value`` from ``unit`` to the canonical unit ``wanted``.

    Raises:
        KeyError: ``unit`` is not known.
        ValueError: the two measure different quantities.
    """
    if unit == wanted:
        return value
    if canonical(unit) != wanted:
        raise ValueError(f"{unit} is not a unit of {CANONICAL.get(wanted, wanted)}")
    other = OTHERS[unit]
    return value * other.factor + other.offset


def advice(unit: str) -> str:
    """What to write instead of a unit that is not canonical; empty when nothing is known."""
    other = OTHERS.get(unit)
    if other is None:
        return ""
    offset = f" {other.offset:+g}" if other.offset else ""
    return f"write {other.canonical}: 1 {unit} = {other.factor:g}{offset} {other.canonical}"
