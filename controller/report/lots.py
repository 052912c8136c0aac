"""Rows of the report's table of materials: the lots a roll is really made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller.historian.errors import RecordError
from controller.historian.query import Record
from controller.materials.genealogy import TRACE, Stretch, TankTrack, summary
from controller.materials.lots import Sheet
from controller.materials.watch import SOURCE
from controller.materials.wording import span, utc

_NS = 1e9


def lot_rows(record: Record) -> dict[str, str]:
    """What lay in each tank: lot, where it came from, its meters, amount drawn and age."""
    rows = {}
    for track, lot, stretches in summary(record):
        drawn = track.drawn()[lot]
        if stretches or drawn > 0.0:
            rows[f"tank {track.tank}, lot {lot}"] = _row(record, track, lot, stretches, drawn)
    for event in record.events(source=SOURCE, verb="take"):
        tank = event.tag.removeprefix("LOT-").removesuffix(".LEVEL")
        rows[f"{tank.lower()} lot"] = event.cause
    return rows


def _row(
    record: Record, track: TankTrack, lot: str, stretches: Sequence[Stretch], drawn: float
) -> str:
    sheet = track.sheets[lot]
    parts = [sheet.title(), *_origin(sheet), f"{drawn:.2f} {sheet.unit} drawn in this run"]
    for stretch in stretches:
        whole = stretch.low >= 1.0 - TRACE
        share = "" if whole else f" (mixed, {100 * stretch.low:.0f} to {100 * stretch.high:.0f} %)"
        age = _age_s(record, track, sheet, stretch.from_m)
        parts.append(f"roll {stretch.from_m:.1f} to {stretch.to_m:.1f} m{share}, age {span(age)}")
    return "; ".join(parts)


def _origin(sheet: Sheet) -> list[str]:
    if sheet.components:
        parts = ", ".join(f"{lot} {kg:.2f} kg" for lot, kg in sheet.components)
        return [f"mixed {utc(sheet.made_ns)} UTC of {parts}"]
    return [f"{sheet.supplier} {sheet.supplier_lot}".strip()] if sheet.supplier else []


def _age_s(record: Record, track: TankTrack, sheet: Sheet, meter: float) -> float:
    """Age of the lot when the first of these meters met it."""
    try:
        _, when = track.at_meters(np.array([meter]), record.position())
    except RecordError:
        return float("nan")
    return (float(when[0]) - sheet.made_ns) / _NS
