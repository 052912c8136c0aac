"""Line and recipe as the record holds them: the texts that ran, not what the files say today."""

from __future__ import annotations

import tempfile
from pathlib import Path

from config.loader import Materials, load_line, load_recipe
from config.models import Line, Recipe


def recorded_line(text: str) -> Line:
    """The line model of a recorded text.

    Raises:
        ConfigError: the text is not a valid line.
    """
    with tempfile.TemporaryDirectory() as folder:
        return load_line(_written(folder, "line.toml", text))


def recorded_recipe(
    text: str, line: Line | None = None, materials: Materials | None = None
) -> Recipe:
    """The recipe model of a recorded text; with ``line`` and ``materials`` checked against them.

    Raises:
        ConfigError: the text is not a valid recipe.
    """
    with tempfile.TemporaryDirectory() as folder:
        return load_recipe(_written(folder, "recipe.toml", text), line, materials)


def _written(folder: str, name: str, text: str) -> Path:
    path = Path(folder) / name
    path.write_text(text, encoding="utf-8")
    return path
