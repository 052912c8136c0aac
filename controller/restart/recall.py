"""Reads what a record that was not closed tells a restart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from config.loader import Materials
from controller.film.rolls import JOURNAL as ROLLS
from controller.film.rolls import RECIPE_JOURNAL, read_marks
from controller.historian.configuration import recorded_recipe
from controller.historian.query import Record
from controller.restart.memory import (
    FILM,
    OUTPUTS,
    PROTECTION,
    Past,
    Protection,
    open_marks,
    read_film,
    read_outputs,
    read_units,
)

if TYPE_CHECKING:
    from controller.app import Kernel


def recall(record: Record) -> Past:
    """Read the journal of a record; nothing of the plant is asked.

    Raises:
        RecordError: the record cannot be read.
    """
    latest = record.latest_journal()
    protection = latest.get(PROTECTION)
    return Past(
        last_ns=record.newest_ns(),
        units=read_units(latest),
        protection=Protection() if protection is None else Protection.read(protection[1]),
        outputs=read_outputs(record.journal(OUTPUTS)),
        film=read_film(record.journal(FILM)),
        rolls=tuple(text for _, text in record.journal(ROLLS)),
        marks=open_marks(read_marks(record.events(source="film", verb="mark"))),
        recipes=tuple(text for _, text in record.journal(RECIPE_JOURNAL)),
    )


def adopt_recipe(kernel: Kernel, past: Past, materials: Materials) -> None:
    """Go on with the recipe that was in force, if it had been changed.

    Raises:
        ConfigError: this software does not take its text any more.
    """
    if past.recipes:
        text = json.loads(past.recipes[-1])["text"]
        kernel.adopt(recorded_recipe(text, kernel.line, materials), None)
