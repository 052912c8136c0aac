"""Loading of line, recipe and material files: typed models, or every finding at once.

A file is read, parsed, put into its typed model and cross-checked; the first of these stages
that finds anything raises one ConfigError with all its findings. Nothing in a file is ever
executed or expanded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from config.library import Materials, check_polymer, convert_numbers
from config.line_checks import check_line
from config.models import Agent, Line, Polymer, Recipe, Solvent
from config.problems import Category, ConfigError, Problem
from config.recipe_checks import check_recipe
from config.source import Source, read
from config.validation import validate

__all__ = ["ConfigError", "Materials", "find_line", "load_line", "load_materials", "load_recipe"]

CONFIG: Final = Path(__file__).resolve().parent
MATERIALS: Final = CONFIG / "materials"
_KINDS: Final[dict[str, type[Polymer | Solvent | Agent]]] = {
    "polymer": Polymer,
    "solvent": Solvent,
    "agent": Agent,
}


def load_line(path: Path | str) -> Line:
    """Load a line file.

    Raises:
        ConfigError: with every finding of the first stage that found any.
    """
    source = read(path)
    line = validate(source, Line)
    check_line(source, line)
    source.stop_on_problems()
    return line


def load_recipe(
    path: Path | str, line: Line | None = None, materials: Materials | None = None
) -> Recipe:
    """Load a recipe; with ``line`` and ``materials`` also check it against them.

    Raises:
        ConfigError: with every finding of the first stage that found any.
    """
    source = read(path)
    recipe = validate(source, Recipe)
    check_recipe(source, recipe, line, materials)
    source.stop_on_problems()
    return recipe


def load_materials(directory: Path | str = MATERIALS) -> Materials:
    """Load every material file of a folder.

    Raises:
        ConfigError: with the findings of all files.
    """
    found: dict[str, tuple[str, Polymer | Solvent | Agent]] = {}
    problems: list[Problem] = []
    for path in sorted(Path(directory).glob("*.toml")):
        try:
            source = read(path)
            material = _material(source)
            if material.name in found:
                first = found[material.name][0]
                source.report(Category.DUPLICATE, ("name",), "material known", f"first in {first}")
                source.stop_on_problems()
            found[material.name] = (source.file, material)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    items = [material for _, material in found.values()]
    return Materials(
        polymers={m.name: m for m in items if isinstance(m, Polymer)},
        solvents={m.name: m for m in items if isinstance(m, Solvent)},
        agents={m.name: m for m in items if isinstance(m, Agent)},
    )


def find_line(recipe_file: Path) -> Path:
    """The line file beside a recipe: ``../lines/<recipe.line>.toml``, else the shipped one."""
    name = _line_name(recipe_file)
    beside = recipe_file.resolve().parent.parent / "lines" / f"{name}.toml"
    return beside if beside.exists() else CONFIG / "lines" / f"{name}.toml"


def _line_name(recipe_file: Path) -> str:
    for row in recipe_file.read_text("utf-8", errors="replace").splitlines():
        key, _, value = row.partition("=")
        if key.strip() == "line":
            return value.strip().strip("\"'")
    return "pilot"


def _material(source: Source) -> Polymer | Solvent | Agent:
    convert_numbers(source)
    material = validate(source, _model(source))
    if isinstance(material, Polymer):
        check_polymer(source, material)
    source.stop_on_problems()
    return material


def _model(source: Source) -> type[Polymer | Solvent | Agent]:
    kind = source.data.get("kind")
    if isinstance(kind, str) and kind in _KINDS:
        return _KINDS[kind]
    allowed = "one of " + ", ".join(_KINDS)
    source.report(Category.TYPE, ("kind",), "not a known kind of material", allowed)
    raise ConfigError(source.problems)
