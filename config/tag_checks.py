"""Checks of one tag: unit, limits in order and inside the range, terminals of a coupler."""

from __future__ import annotations

import re
from itertools import pairwise

from config.models import AlarmLimits, CalculatedTag, Instrument, Span, TagSpec
from config.positions import Path
from config.problems import Category, suggestion
from config.role_checks import check_role_ranges
from config.source import Source
from config.units import CANONICAL, advice
from config.vocabulary import POINT_UNITS

_TERMINAL = re.compile(r"^(ai|ai32|di|do|ao):(\d+)$")
_WORDS = {"ai": 1, "ai32": 2, "di": 1, "do": 1, "ao": 1}
_SIGNALS = {"ai": ("ma", "tc"), "ai32": ("count",), "di": (), "do": (), "ao": ("ma",)}
_ALARMS = ("low_low", "low", "high", "high_high")


def check_tag(
    source: Source, path: Path, tag: TagSpec | CalculatedTag, maximum: float | None
) -> None:
    """Report what is wrong inside one tag; ``maximum`` is the zone's highest set point."""
    if tag.unit not in CANONICAL:
        allowed = advice(tag.unit) or suggestion(tag.unit, CANONICAL) or _units()
        source.report(Category.UNIT, (*path, "unit"), "not a canonical unit", allowed)
    low, high = tag.range
    if low >= high:
        source.report(
            Category.CONTRADICTION,
            (*path, "range"),
            "the lower end is not below the upper",
        )
        return
    if tag.resolution > high - low:
        source.report(
            Category.CONTRADICTION,
            (*path, "resolution"),
            "coarser than the whole range",
            f"at most {high - low:g} {tag.unit}",
        )
    if isinstance(tag, TagSpec):
        if tag.fastest_per_s is not None and tag.kind != "float":
            source.report(
                Category.CONTRADICTION, (*path, "fastest_per_s"), f"a {tag.kind} has no rate"
            )
        _check_span(source, path, tag)
        _check_write(source, path, tag, maximum)
        if tag.alarm is not None:
            check_alarm(source, (*path, "alarm"), tag.alarm, tag.range)


def check_alarm(source: Source, path: Path, alarm: AlarmLimits, span: Span) -> None:
    """Report alarm limits out of order, or outside the range."""
    given = [(name, getattr(alarm, name)) for name in _ALARMS if getattr(alarm, name) is not None]
    for name, limit in given:
        if not span[0] <= limit <= span[1]:
            source.report(
                Category.RANGE,
                (*path, name),
                "outside the range of the tag",
                f"allowed {span[0]:g} to {span[1]:g}",
            )
            return
    for (below, lower), (above, upper) in pairwise(given):
        if lower >= upper:
            source.report(
                Category.CONTRADICTION,
                (*path, above),
                f"{above} is not above {below}",
                f"greater than {lower:g}",
            )


def check_points(source: Source, path: Path, instrument: Instrument) -> None:
    """Report points the family does not have, units they cannot carry, terminals used twice."""
    used: dict[tuple[str, int], str] = {}
    points: dict[str, str] = {}
    for j, tag in enumerate(instrument.tags):
        at: Path = (*path, "tags", j)
        if instrument.family == "ek9000":
            _check_terminal(source, at, tag, used)
            continue
        units = POINT_UNITS[instrument.family].get(tag.point)
        if units is None:
            known = POINT_UNITS[instrument.family]
            allowed = suggestion(tag.point, known) or "allowed: " + ", ".join(known)
            source.report(
                Category.REFERENCE,
                (*at, "point"),
                f"{instrument.family} has no such point",
                allowed,
            )
        elif tag.unit in CANONICAL and tag.unit not in units:
            source.report(
                Category.UNIT,
                (*at, "unit"),
                f"point '{tag.point}' does not measure this",
                "allowed: " + ", ".join(units),
            )
        if tag.point in points:
            source.report(
                Category.DUPLICATE, (*at, "point"), f"already used by {points[tag.point]}"
            )
        points.setdefault(tag.point, tag.name)


def _check_terminal(
    source: Source, path: Path, tag: TagSpec, used: dict[tuple[str, int], str]
) -> None:
    match = _TERMINAL.match(tag.point)
    if match is None:
        source.report(
            Category.REFERENCE,
            (*path, "point"),
            "not a terminal of a coupler",
            "ai:n, ai32:n, di:n, do:n or ao:n",
        )
        return
    kind, first = match.group(1), int(match.group(2))
    area = "ai" if kind == "ai32" else kind
    for word in range(first, first + _WORDS[kind]):
        if (area, word) in used:
            source.report(
                Category.DUPLICATE, (*path, "point"), f"already used by {used[area, word]}"
            )
            return
        used[area, word] = tag.name
    allowed = _SIGNALS[kind]
    if allowed and tag.signal not in allowed:
        source.report(
            Category.CONTRADICTION,
            (*path, "point"),
            f"terminal {tag.point} needs a signal",
            "signal = " + " or ".join(f'"{name}"' for name in allowed),
        )
    if not allowed and tag.signal is not None:
        source.report(Category.CONTRADICTION, (*path, "signal"), "a bit has no signal")
    wanted = {"tc": "degC"}.get(tag.signal or "", "1" if kind in {"di", "do"} else "")
    if wanted and tag.unit in CANONICAL and tag.unit != wanted:
        source.report(
            Category.UNIT,
            (*path, "unit"),
            f"terminal {tag.point} does not measure this",
            f"allowed: {wanted}",
        )


def _check_span(source: Source, path: Path, tag: TagSpec) -> None:
    if (tag.signal == "ma") != (tag.span is not None):
        verb = "needs" if tag.signal == "ma" else "has no"
        source.report(
            Category.CONTRADICTION, (*path, "signal"), f"this signal {verb} span", show=False
        )
    elif tag.span is not None and tag.span[0] >= tag.span[1]:
        source.report(
            Category.CONTRADICTION, (*path, "span"), "the value at 4 mA is not below that at 20 mA"
        )


def _check_write(source: Source, path: Path, tag: TagSpec, maximum: float | None) -> None:
    if tag.write is None:
        return
    at: Path = (*path, "write")
    low, high = tag.write.range
    if low >= high:
        source.report(
            Category.CONTRADICTION, (*at, "range"), "the lower end is not below the upper"
        )
        return
    if low < tag.range[0] or high > tag.range[1]:
        source.report(
            Category.RANGE,
            (*at, "range"),
            "wider than the range of the tag",
            f"within {tag.range[0]:g} to {tag.range[1]:g} {tag.unit}",
        )
    if maximum is not None and high > maximum:
        source.report(
            Category.CONTRADICTION,
            (*at, "range"),
            "above the zone's maximum_c",
            f"at most {maximum:g} degC",
        )
    if not low <= tag.write.safe <= high:
        source.report(
            Category.CONTRADICTION,
            (*at, "safe"),
            "the safe value cannot be written",
            f"allowed {low:g} to {high:g} {tag.unit}",
        )
        return
    check_role_ranges(source, at, tag.write, tag.unit)


def _units() -> str:
    return "allowed: " + ", ".join(CANONICAL)
