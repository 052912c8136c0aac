"""Soft sensors by roll meter: when each meter was where, and what its zones really were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from config.loader import Materials
from config.models import Line, Recipe, Zone
from controller.film.estimate import Cells, Estimate, Passage, estimate
from controller.film.model import KELVIN, FilmModel
from controller.film.prediction import path
from controller.historian.errors import RecordError
from controller.historian.position import label_tag
from controller.historian.query import Record
from controller.report.facts import Floats

NS = 1_000_000_000
_FLOWS = {"air": "FIC-301A.PV", "belt": "FIC-301B.PV"}


@dataclass(frozen=True)
class Cure:
    """Estimates per roll meter with one sigma each; NaN where an input was not GOOD."""

    loh_peel_pct: Floats
    imidization_peel_pct: Floats
    imidization_pct: Floats
    imidization_sigma: Floats
    solvent_wt_pct: Floats
    solvent_sigma: Floats


class NoCure(Cure):
    """Of a core without kinetics: NaN everywhere, because nothing can be estimated."""


def cure_by_meter(
    record: Record, line: Line, recipe: Recipe, materials: Materials, meters: Floats
) -> Cure:
    """Estimate peel loss on heating, imidization and solvent of each roll meter.

    A core without kinetics gives NaN everywhere: unavailable, never another chemistry's value.
    """
    polymer = materials.polymer_of(recipe.core.dianhydrides, recipe.core.diamines)
    if polymer is None or polymer.kinetics is None:
        return NoCure(*(np.full(len(meters), np.nan) for _ in range(6)))
    model = FilmModel(polymer, materials.solvents[recipe.core.solvent])
    position = record.position()
    labels = np.array([position.label_of(float(meter)) for meter in meters])
    passage = _passage(record, line, labels)
    found = estimate(
        model,
        path(line, recipe, recipe.settings.belt_offset_run_k),
        next(s.at_m for s in line.station if s.name == "PEEL"),
        _cells(record, line, recipe, model, passage),
        passage,
        _zone_temperatures(record, line),
        {zone.name: zone for zone in line.zone},
    )
    return _as_cure(found)


def _as_cure(found: Estimate) -> Cure:
    return Cure(
        found.loh_peel_pct,
        found.imidization_peel_pct,
        found.imidization_pct,
        found.imidization_sigma,
        found.solvent_wt_pct,
        found.solvent_sigma,
    )


def _passage(record: Record, line: Line, labels: Floats) -> Passage:
    """Seconds (UTC) at which each label passed the stations that have a label of their own."""
    rows: list[tuple[float, Floats]] = []
    for station in sorted(line.station, key=lambda s: s.at_m):
        try:
            samples = record.raw(label_tag(station.name))
        except RecordError:
            continue
        value = samples.good()
        known = np.isfinite(value)
        track = np.maximum.accumulate(value[known])
        seconds = samples.sent_ns[known] / NS
        rows.append((station.at_m, np.interp(labels, track, seconds, left=np.nan, right=np.nan)))
    return Passage(np.array([at for at, _ in rows]), np.array([row for _, row in rows]))


def _cells(record: Record, line: Line, recipe: Recipe, model: FilmModel, passage: Passage) -> Cells:
    """What went into each cell, from pump, belt and coater as they really ran."""
    header, solids = line.line, recipe.core.solids_wt_pct / 100.0
    cast = passage.seconds[0]
    density = 1.0 / (
        solids / model.polymer.precursor_density_kg_m3.value
        + (1.0 - solids) / model.solvent.density_kg_m3.value
    )
    rpm = _when(record, "SIC-110.ACT")(cast)
    speed = _when(record, "SIC-210.ACT")(cast)
    volume = rpm * header.pump_cc_per_rev * 1e-6  # m3/min
    dope = volume * density / (header.web_width_belt_m * speed)
    coat_total = (recipe.coating.precursor_wt_pct + recipe.coating.agent_wt_pct) / 100.0
    heads = {"air": "COAT_A", "belt": "COAT_B"}
    solvent: dict[float, Floats] = {}
    for coat in recipe.coated:
        at = next(s.at_m for s in line.station if s.name == heads[coat.side.value])
        when = passage.when(at)
        flow = np.nan_to_num(_when(record, _FLOWS[coat.side.value])(when)) * 1e-6
        web = _when(record, "SIC-310.ACT")(when)
        wet = flow * model.solvent.density_kg_m3.value / (header.coat_width_m * web)
        solvent[at] = wet * (1.0 - coat_total)
    draw = recipe.settings.draw_md * recipe.settings.width_td
    start_k = recipe.core.temperature_c + KELVIN
    return Cells(dope * solids, dope * (1.0 - solids), start_k, solvent, draw)


def _zone_temperatures(record: Record, line: Line) -> Callable[[str, Floats], Floats]:
    """Measured zone temperature at any time, NaN where it was not GOOD."""
    tracks = {zone.name: _track(record, zone) for zone in line.zone}
    return lambda zone, seconds: tracks[zone](seconds)


def _track(record: Record, zone: Zone) -> Callable[[Floats], Floats]:
    """Temperature of one zone by the thermocouple it ran on."""
    own = _when(record, f"{zone.loop}.PV")
    try:
        changed = bool((record.raw(f"{zone.loop}.SECOND").good() > 0.5).any())
    except RecordError:
        return own
    if not changed or zone.independent is None:
        return own
    second, runs = _when(record, zone.independent), _when(record, f"{zone.loop}.SECOND")
    return lambda wanted: np.where(runs(wanted) > 0.5, second(wanted), own(wanted))


def _when(record: Record, tag: str) -> Callable[[Floats], Floats]:
    """A tag as a function of UTC seconds: linear between GOOD samples, NaN near any other."""
    samples = record.raw(tag)
    seconds, value = samples.sent_ns / NS, samples.good()
    return lambda wanted: np.asarray(np.interp(wanted, seconds, value, left=np.nan, right=np.nan))
