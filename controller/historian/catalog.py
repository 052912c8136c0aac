"""What the record knows of each tag: unit, range, resolution, station, scan group."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from config.models import CalculatedTag, Line, TagSpec
from drivers.base import Quality

_STATUS_NAMES = {int(quality): quality.name for quality in Quality}


@dataclass(frozen=True, slots=True)
class TagInfo:
    """One tag of the record.

    Attributes:
        name: as in the line file.
        unit: canonical unit of its values.
        low: lower end of its range.
        high: upper end of its range.
        resolution: smallest step worth keeping, in ``unit``.
        kind: ``float``, ``bool``, ``code`` or ``counter``.
        station: where along the film it measures, or None.
        description: for people.
        group: scan group it is read in; empty while it is in none.
        period_s: nominal time between its samples, line seconds.
    """

    name: str
    unit: str
    low: float
    high: float
    resolution: float
    kind: str
    station: str | None
    description: str
    group: str = ""
    period_s: float = 0.0


def line_tags(line: Line) -> dict[str, TagInfo]:
    """Every tag a line can record, read or calculated, by name."""
    specs: list[TagSpec | CalculatedTag] = [
        spec for instrument in line.instrument for spec in instrument.tags
    ]
    return {spec.name: _info(spec) for spec in (*specs, *line.calculated)}


def _info(spec: TagSpec | CalculatedTag) -> TagInfo:
    low, high = spec.range
    return TagInfo(
        spec.name,
        spec.unit,
        low,
        high,
        spec.resolution,
        spec.kind,
        spec.station,
        spec.description,
    )


def station_meters(line: Line) -> dict[str, float]:
    """Meters from the die lip of each station, and of the middle of each zone without one."""
    places = {zone.name: (zone.from_m + zone.to_m) / 2 for zone in line.zone}
    return places | {station.name: station.at_m for station in line.station}


def status_name(code: int) -> str:
    """Name of an OPC UA status, or its number when it has none here."""
    return _STATUS_NAMES.get(code) or f"0x{code:08X}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest known names, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {', '.join(near)}?" if near else ""
