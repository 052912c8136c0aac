"""JSON schemas of the file kinds, for completion and checks in editors.

``python -m config.schema`` writes them to ``config/schema``; the first line of each shipped
file names its schema.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from config.models import Agent, Line, Polymer, Recipe, Solvent
from config.units import CANONICAL
from config.vocabulary import PHASES

FOLDER: Final = Path(__file__).resolve().parent / "schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Schema of each file kind by file name."""
    line = TypeAdapter(Line).json_schema()
    for tag in ("TagSpec", "CalculatedTag"):
        line["$defs"][tag]["properties"]["unit"]["enum"] = list(CANONICAL)
    recipe = TypeAdapter(Recipe).json_schema()
    recipe["$defs"]["PhaseUse"]["properties"]["use"]["enum"] = list(PHASES)
    material = TypeAdapter(Polymer | Solvent | Agent).json_schema()
    return {"line.json": line, "recipe.json": recipe, "material.json": material}


def render(schema: dict[str, Any]) -> str:
    """Text of a schema file."""
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write all schema files."""
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(render(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
