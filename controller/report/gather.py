"""From a record to the facts of its lot. Reads the record only: it never sees the plant."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.loader import Materials, load_materials
from config.models import Line, Recipe, Side
from controller.events import Event
from controller.film.conformance import judge_recipe
from controller.film.meters import PASS_MAX_S, MeterValues, Passes, judge, scan_meters
from controller.film.rolls import read_marks
from controller.historian.configuration import recorded_line, recorded_recipe
from controller.historian.errors import NoPosition, RecordError
from controller.historian.heads import head_to_keep
from controller.historian.query import Record
from controller.report.cure import Cure, cure_by_meter
from controller.report.facts import (
    CdMap,
    EventRow,
    Floats,
    GapRow,
    LotFacts,
    MeterTable,
    RollFacts,
    Trend,
)
from controller.report.lots import lot_rows
from controller.report.recipes import made_with, pick, pick_cure, recorded_recipes, results_of
from controller.report.rolls import mark_flags, roll_facts

NS = 1_000_000_000
_BUCKETS = 400
_FEW = 3
_SCANNER = "GT-601.PV"
_LAYERS = {Side.AIR: range(651, 656), Side.BELT: range(656, 661)}
_SPEEDS = ("SIC-210.ACT", "SIC-510.ACT", "SIC-701.ACT")
_QUALITY = ("QI-LOH.PEEL",)

NOTES = (
    (
        "Imidization and residual solvent are soft sensors: a film model driven by measured "
        "temperatures, times and doses. Their parameters are engineering estimates until a "
        "laboratory recalibrates them; sigma covers temperature, dose and drying, not the model."
    ),
    (
        "Core thickness is the scanner's total less the thin layer. The scanner's calibration bias "
        "(0.1 to 0.3 µm a lot) is inside its sigma and cannot be seen from the record alone."
    ),
    "The outermost 2.5 mm of each side lie under the turn of the scanner and are not measured.",
    "Modulus, thermal expansion, amorphousness and adhesion need a laboratory: not demonstrated.",
)


def gather(path: Path) -> LotFacts:
    """Facts of the lot recorded at ``path``.

    Raises:
        RecordError: there is no record, or it cannot be read.
        ConfigError: the line or recipe text in it is not valid.
    """
    with Record(path) as record:
        return _Lot(record).facts()


class _Lot:
    """One record being read."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.info = record.info()
        self.line: Line = recorded_line(self.info["line_text"])
        self.materials: Materials = load_materials()
        self.recipe: Recipe = recorded_recipe(self.info["recipe_text"])
        self.made = recorded_recipes(record, self.recipe)
        self.which: NDArray[np.intp] = np.empty(0, np.intp)
        self.first_ns, self.last_ns = record.span()
        self.events = record.events()

    def facts(self) -> LotFacts:
        meters, cd_map, cure = self._meters()
        state = _ended(self.events)
        good = float(meters.good.sum()) * self._meter_step(meters.meter)
        return LotFacts(
            lot=self.info["lot"],
            simulated=self.info.get("plant") == "SIMULATED",
            recipe=f"{self.recipe.recipe.name} {self.recipe.recipe.version}",
            line=self.info["line"],
            software=self.info["software"],
            state=state,
            sealed="sealed_ns" in self.info,
            started_utc=_utc(int(self.info["opened_ns"])),
            line_seconds=(self.last_ns - self.first_ns) / NS,
            meters_collected=self._collected(),
            meters_good=good,
            results=results_of(self.made, self.which, meters, cure),
            claims=[
                {"claim": j.claim, "reading": j.reading, "verdict": j.verdict.value,
                 "reason": j.reason}
                for j in judge_recipe(self.recipe, self.materials)
            ],
            materials=self._materials() | lot_rows(self.record),
            hashes=self._hashes(),
            chain_head=str(head_to_keep(self.record) or ""),
            meters=meters,
            cd_map=cd_map,
            zones=self._trends(tuple(f"{zone.loop}.PV" for zone in self.line.zone)),
            speeds=self._trends(_SPEEDS),
            quality=self._trends(_QUALITY),
            events=[self._row(e) for e in self.events if e.source != "alarm"],
            alarms=[self._row(e) for e in self.events if e.source == "alarm"],
            gaps=self._gaps(),
            notes=list(NOTES),
            rolls=self._rolls(meters),
        )  # fmt: skip

    # --- by meter ------------------------------------------------------------------------------

    def _collected(self) -> float:
        try:
            return self.record.position().meters
        except NoPosition:
            return 0.0

    def _meters(self) -> tuple[MeterTable, CdMap, Cure | None]:
        try:
            position = self.record.position()
        except NoPosition:
            return _no_meters(), _no_map(), None
        length = position.meters
        if length < 0.5:
            return _no_meters(), _no_map(), None
        meters = np.arange(0.5, length, 1.0)
        passes, cd_map = self._passes(length)
        speed = self._by_meter("SIC-210.ACT", meters)
        scanned = scan_meters(meters, passes, np.nan_to_num(speed, nan=2.0) / 60.0)
        layers = {side: self._layer(side, meters) for side in Side}
        labels = self._labels(meters)
        self.which = made_with(self.made, labels)
        cores = [
            scanned.total_um - sum(np.nan_to_num(layers[coat.side]) for coat in recipe.coated)
            for _, recipe in self.made
        ]
        core = pick(self.which, cores)
        cures = [
            cure_by_meter(self.record, self.line, recipe, self.materials, meters)
            for _, recipe in self.made
        ]
        cure = pick_cure(self.which, cures)
        values = MeterValues(
            core_um=core,
            cd_2sigma_pct=scanned.cd_2sigma_pct,
            layer_um=layers,
            imidization_pct=cure.imidization_pct,
            solvent_wt_pct=cure.solvent_wt_pct,
            loh_peel_pct=cure.loh_peel_pct,
            made_in_hold=self._made_in_hold(meters),
            marks=mark_flags(self.events, labels),
        )
        judged = [judge(recipe, values, scanned) for _, recipe in self.made]
        good = pick(self.which, [one.astype(float) for one, _ in judged]) > 0.0
        reason = [judged[number][1][at] for at, number in enumerate(self.which)]
        table = MeterTable(
            meters, good, reason, scanned.total_um, core, scanned.cd_2sigma_pct,
            layers[Side.AIR], layers[Side.BELT], cure.imidization_pct, cure.solvent_wt_pct,
            cure.loh_peel_pct, speed,
        )  # fmt: skip
        return table, cd_map, cure

    def _passes(self, length: float) -> tuple[Passes, CdMap]:
        """Scanner passes that lie on the roll, by roll meter."""
        position = self.record.position()
        profiles = self.record.profiles(scanner=_SCANNER)
        if not profiles:
            return Passes(np.empty(0), np.empty(0), np.empty(0), np.empty((0, 0))), _no_map()
        ends = np.array([p.ns for p in profiles], np.int64)
        # A pass answers for the time since the one before it, at most for its own cycle.
        starts = np.maximum(np.concatenate(([0], ends[:-1])), ends - round(PASS_MAX_S * NS))
        seconds = (ends - starts) / NS
        from_m = position.meter_of(position.label_at("SCAN", starts))
        to_m = position.meter_of(position.label_at("SCAN", ends))
        rows = np.array([np.where(p.valid, p.value, np.nan) for p in profiles])
        on_roll = np.isfinite(to_m) & (to_m > 0) & (to_m <= length)
        from_m = np.where(np.isfinite(from_m), from_m, 0.0)
        on_roll &= to_m > from_m  # film between two rolls has no meters
        passes = Passes(from_m[on_roll], to_m[on_roll], seconds[on_roll], rows[on_roll])
        middle = (passes.from_m + passes.to_m) / 2
        return passes, CdMap(middle, profiles[0].position, passes.thickness_um)

    def _layer(self, side: Side, meters: Floats) -> Floats:
        lanes = [self._by_meter(f"GT-{number}.PV", meters) for number in _LAYERS[side]]
        return _mean_of_known(lanes)

    def _by_meter(self, tag: str, meters: Floats) -> Floats:
        """Mean of the GOOD values around each meter, at the tag's own station."""
        count = len(meters)
        try:
            found = self.record.buckets_by_meter(tag, 0.0, float(count), count)
        except RecordError:
            return np.full(count, math.nan)
        return found.mean

    def _made_in_hold(self, meters: Floats) -> np.ndarray:
        """Meters that were anywhere on the line while the run was held, by the states alone.

        Newer records hold marks of their film, which say the same by label.
        """
        flags = np.zeros(len(meters), bool)
        if any(mark.kind == "made_in_hold" for mark in read_marks(self.events)):
            return flags
        position, labels = self.record.position(), self._labels(meters)
        for start, end in _held_spans(self.events, self.last_ns):
            stamps = np.array([start, end], np.int64)
            oldest, newest = (
                position.label_at("WIND", stamps)[0],
                position.label_at("DIE", stamps)[1],
            )
            if math.isnan(newest):
                continue  # nothing was cast yet
            flags |= (labels >= (-math.inf if math.isnan(oldest) else oldest)) & (labels <= newest)
        return flags

    def _labels(self, meters: Floats) -> Floats:
        position = self.record.position()
        return np.array([position.label_of(float(meter)) for meter in meters])

    def _rolls(self, meters: MeterTable) -> list[RollFacts]:
        try:
            return roll_facts(self.record, self.record.position(), meters)
        except NoPosition:
            return []

    @staticmethod
    def _meter_step(meters: Floats) -> float:
        return float(meters[1] - meters[0]) if len(meters) > 1 else 1.0

    # --- by time -------------------------------------------------------------------------------

    def _trends(self, tags: Sequence[str]) -> list[Trend]:
        found = []
        for tag in tags:
            try:
                b = self.record.buckets(tag, self.first_ns, self.last_ns + 1, _BUCKETS)
            except RecordError:
                continue
            hours = (b.start - self.first_ns) / NS / 3600.0
            found.append(Trend(tag, b.tag.unit, hours, b.mean, b.minimum, b.maximum))
        return found

    def _row(self, event: Event) -> EventRow:
        return EventRow(
            (event.ns - self.first_ns) / NS / 3600.0, str(event.source), str(event.verb), event.tag,
            _text(event.old), _text(event.new), event.cause, event.actor,
        )  # fmt: skip

    def _gaps(self) -> list[GapRow]:
        """Gaps by reason; a reason shared by many scan groups is one row."""
        found: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for group, gap in self.record.gaps():
            reason = gap.reason.rpartition(": ")[2]
            found[reason].append((group, (gap.to_ns - gap.from_ns) / NS))
        rows = []
        for reason, gaps in sorted(found.items()):
            groups = sorted({group for group, _ in gaps})
            name = ", ".join(groups) if len(groups) <= _FEW else f"{len(groups)} scan groups"
            rows.append(GapRow(name, reason, len(gaps), sum(seconds for _, seconds in gaps)))
        return rows

    # --- identity ------------------------------------------------------------------------------

    def _materials(self) -> dict[str, str]:
        core, coat = self.recipe.core, self.recipe.coating
        polymer = self.materials.polymer_of(core.dianhydrides, core.diamines)
        layer = self.materials.polymer_of(coat.dianhydrides, coat.diamines)
        sides = ", ".join(
            f"{c.side.value} side {c.wet_g_m2:g} g/m² wet" for c in self.recipe.coated
        )
        return {
            "polyimide (A)": f"{polymer.name if polymer else 'unknown'} precursor, "
            f"{core.solids_wt_pct:g} wt% in {core.solvent}, lot {core.lot}",
            "polyimide (B)": f"{layer.name if layer else 'unknown'} precursor, "
            f"{coat.precursor_wt_pct:g} wt%",
            "surface treatment agent": f"{coat.agent}, {coat.agent_wt_pct:g} wt%, same solution "
            f"in {coat.solvent}, lot {coat.lot}",
            "coated": sides,
        }

    def _hashes(self) -> dict[str, str]:
        keys = {"record": "content_sha256", "line": "line_sha256", "recipe": "recipe_text_sha256"}
        return {name: self.info[key] for name, key in keys.items() if key in self.info}


def to_json(facts: LotFacts) -> str:
    """The same facts as JSON; unknown numbers are null."""
    return json.dumps(plain(facts), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: object) -> object:
    """A value as JSON can hold it: unknown numbers are null."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def _ended(events: Sequence[Event]) -> str:
    """State the procedure ended in; a reset to IDLE afterwards only closes the lot."""
    states = [str(e.new) for e in events if e.source == "procedure" and e.verb == "state"]
    ran = [state for state in states if state != "IDLE"]
    return (ran or states or ["unknown"])[-1]


def _held_spans(events: Sequence[Event], end_ns: int) -> list[tuple[int, int]]:
    """Times from leaving RUNNING by a hold until RUNNING again."""
    spans: list[tuple[int, int]] = []
    start: int | None = None
    for event in events:
        if event.verb != "state":
            continue
        if event.new in {"HOLDING", "HELD"} and start is None:
            start = event.ns
        elif event.new not in {"HOLDING", "HELD", "RESTARTING"} and start is not None:
            spans.append((start, event.ns))
            start = None
    if start is not None:
        spans.append((start, end_ns))
    return spans


def _mean_of_known(rows: Sequence[Floats]) -> Floats:
    stack = np.array(rows)
    known = np.isfinite(stack)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, stack, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _no_meters() -> MeterTable:
    nothing = np.empty(0)
    return MeterTable(nothing, np.empty(0, bool), [], *(nothing for _ in range(9)))


def _no_map() -> CdMap:
    return CdMap(np.empty(0), np.empty(0), np.empty((0, 0)))


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _utc(ns: int) -> str:
    return datetime.fromtimestamp(ns / NS, UTC).strftime("%Y-%m-%d %H:%M:%S")
