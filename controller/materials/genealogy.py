"""Which lots every meter is made of, from the record alone: no lot book is needed.

The record holds, each second, which filling lay in each tank and its share in what reached
the film; its journal holds the lots of each filling. At the tank's own station that second
belongs to a label of the film, and the label to a meter of the roll. After a change the share
of the new filling grows as the hold-up is washed out, and what is left of the old composition
keeps its proportions; so the composition follows exactly, also through several changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.historian.errors import BadQuery, RecordError, UnknownTag
from controller.historian.position import FilmPosition
from controller.historian.query import Record
from controller.materials.lots import Sheet, sheet_of
from controller.materials.watch import JOURNAL
from controller.procedure.tanks import tank_tag

Floats = NDArray[np.float64]

TRACE = 0.02
"""Share below which a lot counts as washed out; between this and 1 - this a meter is mixed."""
EDGE_M = 0.2
"""Film cast within this of the first or last sample counts with it; beyond, nothing is known."""
_NS = 1e9


@dataclass(frozen=True)
class Part:
    """One lot in one meter.

    Attributes:
        share: 0..1 of what came from the tank. age_s: of the lot when it met the film.
    """

    tank: str
    lot: str
    share: float
    age_s: float

    @property
    def mixed(self) -> bool:
        """Whether the meter lies in the mixing zone of a change."""
        return self.share < 1.0 - TRACE


@dataclass(frozen=True)
class Stretch:
    """Roll meters that hold a lot.

    Attributes:
        low, high: least and greatest share over it, 0..1.
    """

    tank: str
    from_m: float
    to_m: float
    low: float
    high: float


@dataclass(frozen=True)
class TankTrack:
    """What one tank gave to the film, sample by sample.

    Attributes:
        tank, station: which, and where it meets the film.
        sheets: every lot that was in it, by name.
        ns: time of each sample. shares: in what reached the film, one row a sample, one
            column a lot in that order; 0 while nothing did. inside: in the tank itself.
        level: contents at each sample; NaN where not known.
    """

    tank: str
    station: str
    sheets: Mapping[str, Sheet]
    ns: NDArray[np.int64]
    shares: Floats
    inside: Floats
    level: Floats

    def at_meters(self, meters: Floats, position: FilmPosition) -> tuple[Floats, Floats]:
        """Shares and times (ns as float) for roll meters; NaN beyond the record."""
        rolled = position.meter_of(position.label_at(self.station, self.ns))
        known = np.isfinite(rolled)
        if known.sum() < 2:
            none = np.full((len(meters), self.shares.shape[1]), np.nan)
            return none, np.full(len(meters), np.nan)
        where = rolled[known]
        near = np.clip(meters, where[0], where[-1])
        asked = np.where(np.abs(near - meters) <= EDGE_M, near, np.nan)
        columns = [np.interp(asked, where, row) for row in self.shares[known].T]
        origin = int(self.ns[0])
        when = np.interp(asked, where, (self.ns[known] - origin).astype(float)) + float(origin)
        return np.array(columns).T.reshape(len(meters), -1), when

    def drawn(self) -> dict[str, float]:
        """Amount drawn of each lot over the whole record, by the fall of the level."""
        fall = -np.diff(self.level)
        real = (fall > 0.0) & np.isfinite(fall)
        weights = np.where(real, fall, 0.0)
        # A change of filling is no drawing: there the level jumps by far more than in a second.
        weights[weights > _MOST_A_SECOND] = 0.0
        totals = (weights[:, None] * self.inside[1:]).sum(axis=0)
        return dict(zip(self.sheets, totals.tolist(), strict=True))


_MOST_A_SECOND = 0.1


def tracks(record: Record) -> list[TankTrack]:
    """One track for each tank the record knows, in the order of their first filling."""
    charges = _charges(record)
    found = []
    for tank in dict.fromkeys(str(body["tank"]) for body in charges.values()):
        own = {n: body for n, body in charges.items() if body["tank"] == tank}
        track = _track(record, tank, own)
        if track is not None:
            found.append(track)
    return found


def lots_at(record: Record, meter: float) -> list[Part]:
    """The lots of one roll meter.

    Raises:
        RecordError: no roll was collected, or it has no such meter.
    """
    position = record.position()
    if not 0.0 <= meter <= position.meters:
        raise BadQuery(f"meter {meter:g}: the roll has {position.meters:.1f} m")
    parts = []
    for track in tracks(record):
        shares, when = track.at_meters(np.array([meter]), position)
        for (lot, sheet), share in zip(track.sheets.items(), shares[0].tolist(), strict=True):
            if share > TRACE:
                age_s = (float(when[0]) - sheet.made_ns) / _NS
                parts.append(Part(track.tank, lot, share, age_s))
    return parts


def meters_of(record: Record, lot: str, step_m: float = 0.1) -> list[Stretch]:
    """Roll meters that hold a lot, as stretches, for each tank it lay in.

    Raises:
        RecordError: no roll was collected.
        UnknownTag: the record knows no such lot.
    """
    position = record.position()
    known = tracks(record)
    names = [name for track in known for name in track.sheets]
    if lot not in names:
        listed = ", ".join(dict.fromkeys(names)) or "none"
        raise UnknownTag(f"the record knows no lot {lot}; lots in it: {listed}")
    meters = np.arange(0.0, position.meters + step_m / 2, step_m)
    return [s for t in known if lot in t.sheets for s in _stretches(t, lot, meters, position)]


def summary(record: Record) -> list[tuple[TankTrack, str, list[Stretch]]]:
    """Every lot of every tank with the roll meters that hold it; none without a roll."""
    known = tracks(record)
    try:
        position = record.position()
    except RecordError:
        return [(track, lot, []) for track in known for lot in track.sheets]
    meters = np.arange(0.0, position.meters + 0.05, 0.1)
    return [(t, lot, _stretches(t, lot, meters, position)) for t in known for lot in t.sheets]


def _stretches(track: TankTrack, lot: str, meters: Floats, position: FilmPosition) -> list[Stretch]:
    shares, _ = track.at_meters(meters, position)
    share = np.nan_to_num(shares[:, list(track.sheets).index(lot)])
    kind = np.where(share <= TRACE, 0, np.where(share >= 1.0 - TRACE, 2, 1))
    edges = np.flatnonzero(np.diff(kind)) + 1
    found = []
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(meters)], strict=True):
        if kind[start] == 0:
            continue
        last = meters[min(end, len(meters) - 1)]
        piece = share[start:end]
        found.append(
            Stretch(track.tank, float(meters[start]), float(last), float(piece.min()),
                    float(piece.max()))
        )  # fmt: skip
    return found


def _charges(record: Record) -> dict[int, dict[str, Any]]:
    """The fillings of the record by number, as its journal tells them."""
    bodies = [json.loads(text) for _, text in record.journal(JOURNAL)]
    return {int(body["charge"]): body for body in bodies}


def _track(record: Record, tank: str, charges: Mapping[int, dict[str, Any]]) -> TankTrack | None:
    sheets: dict[str, Sheet] = {}
    for body in charges.values():
        for row in body["lots"]:
            fields = {key: value for key, value in row.items() if key != "share"}
            sheets[str(row["lot"])] = sheet_of(fields)
    try:
        charge = record.raw(tank_tag(tank, "CHARGE"))
    except UnknownTag:
        return None
    numbers = charge.value
    if charge.tag.station is None or not len(numbers):
        return None
    try:
        share = record.raw(tank_tag(tank, "SHARE"))
        level = record.raw(tank_tag(tank, "LEVEL"))
    except UnknownTag:
        return None  # leader and core meet the film at one place, not meter by meter
    mixed, inside = _composition(numbers, share.value / 100.0, charges, list(sheets))
    reaching = np.isfinite(share.good())
    return TankTrack(
        tank, charge.tag.station, sheets, charge.sent_ns,
        np.where(reaching[:, None], mixed, 0.0), inside, level.value,
    )  # fmt: skip


def _composition(
    numbers: Floats, share: Floats, charges: Mapping[int, dict[str, Any]], lots: Sequence[str]
) -> tuple[Floats, Floats]:
    """Share of each lot in what leaves for the film, and in the tank, sample by sample."""
    out, inside = np.zeros((2, len(numbers), len(lots)))
    before = np.zeros(len(lots))
    for start, end in _runs(numbers):
        fresh = np.zeros(len(lots))
        body = charges.get(int(np.nan_to_num(numbers[start])))
        for row in body["lots"] if body is not None else ():
            fresh[lots.index(str(row["lot"]))] = float(row["share"])
        part = np.nan_to_num(share[start:end, None], nan=1.0)
        inside[start:end] = fresh
        out[start:end] = part * fresh + (1.0 - part) * before
        before = out[end - 1]
    return out, inside


def _runs(numbers: Floats) -> Iterator[tuple[int, int]]:
    """Stretches of equal numbers."""
    edges = (np.flatnonzero(np.diff(np.nan_to_num(numbers))) + 1).tolist()
    yield from zip([0, *edges], [*edges, len(numbers)], strict=True)
