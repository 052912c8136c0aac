"""A run with more than one recipe: which meters were made with which, each judged by its own."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.models import Recipe
from controller.film.rolls import RECIPE_JOURNAL
from controller.historian.configuration import recorded_recipe
from controller.historian.query import Record
from controller.report.cure import Cure
from controller.report.facts import Flags, Floats, MeterTable, Result
from controller.report.results import results

Made = list[tuple[float, Recipe]]
"""Label from which film was made with a recipe, oldest first."""


def recorded_recipes(record: Record, first: Recipe) -> Made:
    """The recipes of a run in the order in which they came into force.

    Raises:
        ConfigError: a recorded text is not a valid recipe.
    """
    found: Made = [(-math.inf, first)]
    for _, text in record.journal(RECIPE_JOURNAL):
        entry = json.loads(text)
        label = entry["label"]
        found.append((-math.inf if label is None else label, recorded_recipe(entry["text"])))
    return found


def made_with(made: Made, labels: Floats) -> NDArray[np.intp]:
    """Number of the recipe each label was made with."""
    begun = np.array([label for label, _ in made])
    return np.maximum(np.searchsorted(begun, labels, "right") - 1, 0)


def pick(which: NDArray[np.intp], rows: Sequence[Floats]) -> Floats:
    """Of several rows the value of the recipe each meter was made with."""
    return np.choose(which, rows) if len(rows) > 1 else rows[0]


def pick_cure(which: NDArray[np.intp], cures: Sequence[Cure]) -> Cure:
    """Of several estimates the one of the recipe each meter was made with."""
    names = [field.name for field in fields(Cure)]
    return Cure(*(pick(which, [getattr(cure, name) for cure in cures]) for name in names))


def results_of(
    made: Made, which: NDArray[np.intp], meters: MeterTable, cure: Cure | None
) -> list[Result]:
    """Results of each recipe over its own meters; later ones carry the recipe in key and label."""
    if len(made) == 1:
        return results(made[0][1], meters, cure)
    found: list[Result] = []
    for number, (_, recipe) in enumerate(made):
        own = which == number
        rows = results(recipe, _only(meters, own), None if cure is None else _only(cure, own))
        name = recipe.recipe.name
        if number:
            rows = [replace(r, key=f"{r.key}@{name}") for r in rows]
        found += [replace(row, label=f"{row.label} ({name})") for row in rows]
    return found


def _only(table: Any, own: Flags) -> Any:
    """A table of arrays over meters, some of the meters only."""
    kept: dict[str, Any] = {}
    for field in fields(table):
        values = getattr(table, field.name)
        if isinstance(values, list):
            kept[field.name] = [v for v, on in zip(values, own, strict=True) if on]
        else:
            kept[field.name] = values[own] if len(values) == len(own) else values
    return replace(table, **kept)
