"""Which lot a live run makes, and the files it is made from: a new one, or one not finished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.loader import Materials, load_line, load_materials, load_recipe
from config.models import Line, Recipe
from controller.errors import ControllerError
from controller.historian.configuration import recorded_line, recorded_recipe
from controller.historian.identity import PLANT, SIMULATED
from controller.historian.schema import FILE_NAME
from controller.live_simulated import Simulator
from controller.restart.unfinished import CannotContinue, Unfinished, find, look


class BadRun(ControllerError):
    """A run that cannot be started as asked; the message says what to change."""


@dataclass(frozen=True)
class Files:
    """The files of a run, read and checked, and their texts for the record."""

    line_text: str
    recipe_text: str
    line: Line
    recipe: Recipe
    materials: Materials

    @classmethod
    def read(cls, recipe_file: Path, line_file: Path) -> Self:
        """Read and check.

        Raises:
            ConfigError: with every finding.
        """
        line, materials = load_line(line_file), load_materials()
        recipe = load_recipe(recipe_file, line, materials)
        texts = line_file.read_text("utf-8"), recipe_file.read_text("utf-8")
        return cls(*texts, line, recipe, materials)

    @classmethod
    def of_record(cls, line_text: str, recipe_text: str) -> Self:
        """Read the texts a record was begun with.

        Raises:
            ConfigError: this software does not take them any more.
        """
        line, materials = recorded_line(line_text), load_materials()
        recipe = recorded_recipe(recipe_text, line, materials)
        return cls(line_text, recipe_text, line, recipe, materials)

    def differ(self, line_text: str, recipe_text: str) -> list[str]:
        """Which of the files of a record are not these."""
        pairs = (("line", self.line_text, line_text), ("recipe", self.recipe_text, recipe_text))
        return [name for name, mine, other in pairs if mine != other]


@dataclass(frozen=True)
class Lot:
    """The lot a service makes.

    Attributes:
        folder: of the record. files: it is made from.
        continued: its controller failed; words for the log: how it was found.
    """

    folder: Path
    files: Files
    continued: bool = False
    words: str = ""


def choose(
    files: Files, simulator: Simulator | None, runs: Path, stem: str, out: Path | None,
    lot: str | None,
) -> Lot:  # fmt: skip
    """The lot to make: the one named, the one of this line that was not closed, or a new one.

    Args:
        files: as given on the command line.
        simulator: the simulation, None on a plant.
        runs: folder of the lots.
        stem: of the names of new lots.
        out: folder that was asked for.
        lot: to be continued: its name or its folder.

    Raises:
        BadRun, CannotContinue: it cannot be as asked.
        ConfigError: the files of an unfinished lot are not taken any more.
    """
    plant = PLANT if simulator is None else SIMULATED
    line, epoch = files.line.line.name, epoch_of(simulator)
    if lot is not None:
        folder = Path(lot) if Path(lot).is_dir() else runs / lot
        found = look(folder, line, plant)
        if found is None:
            why = "it is closed" if (folder / FILE_NAME).exists() else "there is no record"
            raise BadRun(f"--continue {lot}: nothing to continue in {folder}: {why}")
    elif out is not None:
        found = look(out, line, plant)
    else:
        found = find(runs, line, plant, epoch)
    if found is None:
        return Lot(out if out is not None else runs / next_lot(runs, stem), files)
    if found.epoch != epoch:
        raise CannotContinue(
            f"{found.folder}: it was made on another simulation, which is gone; give another --out"
        )
    return _continued(found, files)


def _continued(found: Unfinished, files: Files) -> Lot:
    """A lot goes on with the files it was begun with, whatever lies there now."""
    words = f"{found.folder} was not closed: going on with it"
    other = files.differ(found.line_text, found.recipe_text)
    if other:
        files = Files.of_record(found.line_text, found.recipe_text)
        words += f", with its own {' and '.join(other)} (the files given differ)"
    return Lot(found.folder, files, continued=True, words=words)


def epoch_of(simulator: Simulator | None) -> str:
    """What names a simulation in a record; empty for a plant."""
    return "" if simulator is None else str(simulator.epoch_ns)


def next_lot(folder: Path, stem: str) -> str:
    """The first free lot name of a recipe."""
    number = 1
    while (folder / f"{stem}-{number:03d}").exists():
        number += 1
    return f"{stem}-{number:03d}"
