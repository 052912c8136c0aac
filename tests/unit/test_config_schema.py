"""The committed schemas are those of the models, and every shipped file names its schema."""

from __future__ import annotations

import pytest

from config.loader import CONFIG
from config.models import Line, Recipe
from config.schema import FOLDER, main, render, schemas
from config.validation import known_fields


@pytest.mark.parametrize("name", list(schemas()))
def test_committed_schema_is_current(name):
    committed = (FOLDER / name).read_text("utf-8")
    assert committed == render(schemas()[name]), "run: python -m config.schema"


def test_writing_them_again_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("config.schema.FOLDER", tmp_path)
    main()
    assert {path.name for path in tmp_path.iterdir()} == set(schemas())


@pytest.mark.parametrize(
    ("folder", "schema"), [("lines", "line"), ("recipes", "recipe"), ("materials", "material")]
)
def test_every_shipped_file_names_its_schema(folder, schema):
    files = sorted((CONFIG / folder).glob("*.toml"))
    assert files
    for file in files:
        assert file.read_text("utf-8").startswith(f"#:schema ../schema/{schema}.json\n")


def test_known_fields_follow_arrays_optionals_and_aliases():
    assert "heater_kw" in known_fields(Line, ("zone", 3))
    assert "rate_per_s" in known_fields(Line, ("instrument", 0, "tags", 1, "write"))
    condition = known_fields(Line, ("trip", 0, "when", "any", 0, "not"))
    assert "not" in condition
    assert "not_" not in condition
    assert "timeout_s" in known_fields(Recipe, ("unit", 0, "phase", 2))
