"""Imidization and solvent of film that was made: the film model driven by measured inputs.

Each cell is marched through the temperatures its zones really had while it was in them, at
the times the measured position says. The result is an estimate, with a sigma from the stated
uncertainty of temperature, dose and drying; it is never a measurement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from config.models import Zone
from controller.film.model import KELVIN, Array, DryingLaw, FilmModel, FilmState
from controller.film.prediction import Segment, surroundings

_STEP_S = 2.0
_TEMPERATURE_SIGMA_K = 2.0  # thermocouple class and placement
_DOSE_SIGMA = 0.015  # pump efficiency and solids
_DRYING_SIGMA = 0.30  # diffusion coefficient (vapor pressure is +-30 % at 20-100 degC)

ZoneTemperature = Callable[[str, Array], Array]


@dataclass(frozen=True)
class Cells:
    """Film cells by what was measured when they were made; one value per cell.

    Attributes:
        precursor, solvent: kg/m2 of belt film at the die.
        start_k: temperature at the die.
        coat_solvent: kg/m2 taken up at each coating head, by the head's position, m.
        draw: area ratio of finished film to belt film.
    """

    precursor: Array
    solvent: Array
    start_k: float
    coat_solvent: Mapping[float, Array]
    draw: float


@dataclass(frozen=True)
class Passage:
    """When each cell was where: seconds per cell (columns) at positions (rows, increasing)."""

    at_m: Array
    seconds: Array

    def when(self, position_m: float) -> Array:
        """Time at which each cell was at a position; linear between stations."""
        row = int(
            np.clip(np.searchsorted(self.at_m, position_m, "right") - 1, 0, len(self.at_m) - 2)
        )
        start, end = self.at_m[row], self.at_m[row + 1]
        share = (position_m - start) / (end - start)
        return np.asarray(self.seconds[row] + share * (self.seconds[row + 1] - self.seconds[row]))


@dataclass(frozen=True)
class Estimate:
    """Estimates per cell with one sigma each; percent."""

    loh_peel_pct: Array
    imidization_peel_pct: Array
    imidization_pct: Array
    imidization_sigma: Array
    solvent_wt_pct: Array
    solvent_sigma: Array


def estimate(
    model: FilmModel, path: Sequence[Segment], peel_m: float, cells: Cells, passage: Passage,
    zone_c: ZoneTemperature, zones: Mapping[str, Zone],
) -> Estimate:  # fmt: skip
    """March the cells and the same cells with each uncertain input moved by one sigma.

    Args:
        model: film model of the core's chemistry.
        peel_m: position of the peel roll.
        cells: what was measured when they were made.
        passage: when they were where.
        path: zones and free spans in order (``prediction.path``); their temperatures are
            replaced by measured ones.
        zone_c: measured temperature of a zone at given seconds, degC, NaN where not GOOD.
        zones: zones by name.
    """

    def run(law: DryingLaw, kelvin: float, dose: float) -> tuple[Array, Array, Array, Array]:
        return _march(
            model.with_law(law), path, peel_m, cells, passage, zone_c, zones, kelvin, dose
        )

    loh, p_peel, p_exit, w_exit = run(model.law, 0.0, 1.0)
    softer = replace(
        model.law, diffusion_reference=model.law.diffusion_reference * (1 - _DRYING_SIGMA)
    )
    moved = [
        run(model.law, -_TEMPERATURE_SIGMA_K, 1.0),
        run(model.law, 0.0, 1.0 + _DOSE_SIGMA),
        run(softer, 0.0, 1.0),
    ]
    p_sigma = np.sqrt(sum((other[2] - p_exit) ** 2 for other in moved))
    w_sigma = np.sqrt(sum((other[3] - w_exit) ** 2 for other in moved))
    return Estimate(loh, p_peel, p_exit, p_sigma, w_exit, w_sigma)


def _march(
    model: FilmModel, path: Sequence[Segment], peel_m: float, cells: Cells, passage: Passage,
    zone_c: ZoneTemperature, zones: Mapping[str, Zone], kelvin: float, dose: float,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    state = model.start(cells.precursor * dose, cells.solvent * dose, cells.start_k)
    loh = p_peel = p_exit = w_exit = np.full(cells.precursor.shape, math.nan)
    peeled = False
    for segment in path:
        if not peeled and segment.to_m >= peel_m:
            loh = 100.0 * model.loss_on_heating(state)
            p_peel = 100.0 * model.imidization(state)
            _draw(state, cells.draw)
            peeled = True
        if segment.solvent_added and segment.from_m in cells.coat_solvent:
            model.feed_solvent(state, cells.coat_solvent[segment.from_m])
        _through(model, state, segment, passage, zone_c, zones, kelvin)
        if segment.zone:
            p_exit = 100.0 * model.imidization(state)
            w_exit = 100.0 * model.solvent_fraction(state)
    return loh, p_peel, p_exit, w_exit


def _through(
    model: FilmModel, state: FilmState, segment: Segment, passage: Passage,
    zone_c: ZoneTemperature, zones: Mapping[str, Zone], kelvin: float,
) -> None:  # fmt: skip
    entered, left = passage.when(segment.from_m), passage.when(segment.to_m)
    longest = float(np.nanmax(left - entered)) if np.isfinite(left - entered).any() else _STEP_S
    steps = max(1, math.ceil(longest / _STEP_S))
    dt = (left - entered) / steps
    for number in range(steps):
        around = segment.around
        if segment.zone:
            celsius = zone_c(segment.zone, entered + (number + 0.5) * dt)
            around = surroundings(zones[segment.zone], celsius + KELVIN + kelvin)
        model.step(state, around, dt)


def _draw(state: FilmState, ratio: float) -> None:
    state.precursor = state.precursor / ratio
    state.solvent = state.solvent / ratio
    state.trapped = state.trapped / ratio
