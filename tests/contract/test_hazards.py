"""Every hazard is declared, answered, proved by a test that is there, and on its page."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from config.loader import load_line
from tools import hazard_table

TESTS = Path(__file__).resolve().parents[1]
LINE = load_line(hazard_table.LINE_FILE)


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_hazards_of_the_analysis_are_all_there():
    assert [hazard.name for hazard in LINE.hazard] == [f"Z{number}" for number in range(1, 24)]
    assert set(hazard_table.PROOF) == {hazard.name for hazard in LINE.hazard}


@pytest.mark.parametrize("name", sorted(hazard_table.PROOF))
def test_what_proves_a_row_is_there(name):
    for test in hazard_table.PROOF[name]:
        file, _, function = test.partition("::")
        assert function in names_in(file), test


def test_the_page_is_current():
    assert hazard_table.PAGE.read_text("utf-8") == hazard_table.page(), (
        "run .venv/bin/python tools/hazard_table.py"
    )


def test_every_output_has_a_safe_value_on_the_page():
    text = hazard_table.page()
    for instrument in LINE.instrument:
        for tag in instrument.tags:
            assert tag.write is None or f"| {tag.name} |" in text
