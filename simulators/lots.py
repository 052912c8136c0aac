"""The lot book of a dry run: fresh lots, or a copy of a book that was given."""

from __future__ import annotations

from pathlib import Path

from config.loader import Materials
from config.models import Line, Recipe
from controller.materials.book import FILE_NAME, Book
from controller.materials.simulated import copy_for_run, make_simulated


def check_book(given: Path | None) -> None:
    """See that a given book can be read before anything else is made.

    Raises:
        MaterialsError: the file is no lot book.
    """
    if given is not None:
        with Book.open(given) as book:
            book.floor()


def book_for(
    folder: Path,
    given: Path | None,
    line: Line,
    recipe: Recipe,
    materials: Materials,
    epoch_ns: int,
) -> Book:
    """Open the book of a run in its folder, marked SIMULATED; its times are line time.

    Raises:
        MaterialsError: the given file is no lot book, or the new one cannot be made.
    """
    path = folder / FILE_NAME
    if given is not None:
        return copy_for_run(given, path, epoch_ns)
    return make_simulated(path, line, recipe, materials, epoch_ns)
