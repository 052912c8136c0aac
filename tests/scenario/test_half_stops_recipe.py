"""Another recipe on the running line without cool-down: marks, rolls, texts, and what is made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from controller.film.rolls import RECIPE_JOURNAL
from controller.procedure.states import State
from tests.dry_rig import CONFIG
from tests.running_line import RunningLine

SHIPPED = CONFIG / "recipes" / "core25_layer030.toml"


def variant(folder: Path, *changes: tuple[str, str]) -> Path:
    text = SHIPPED.read_text("utf-8").replace('name = "core25_layer030"', 'name = "core245"')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / "core245.toml"
    file.write_text(text, "utf-8")
    return file


@pytest.fixture
def line(winding):
    return winding


def noted(line: RunningLine) -> list[tuple[str, str]]:
    """What the book of rolls writes into the journal from now on."""
    notes: list[tuple[str, str]] = []
    keep = line.store.journal

    def journal(ns: int, subject: str, text: str) -> None:
        notes.append((subject, text))
        keep(ns, subject, text)

    line.kernel.rolls._note = journal
    return notes


@pytest.mark.parametrize(
    ("change", "against"),
    [
        (('solvent = "DMAc"', 'solvent = "NMP"'), "core.solvent is DMAc on the line, NMP there"),
        (("solids_wt_pct = 18.0", "solids_wt_pct = 17.0"), "core.solids_wt_pct is 18 on the line"),
        (("agent_wt_pct = 2.0", "agent_wt_pct = 1.5"), "coating.agent_wt_pct is 2 on the line"),
        (('side = "air"', 'side = "belt"'), "coated sides are air on the line, belt there"),
        (("core_um = 25.0", "core_um = -1.0"), ""),
    ],
)
def test_another_chemistry_is_refused_whole(line, tmp_path, change, against):
    before = line.kernel.table.request.copy()
    file = variant(tmp_path, change)
    refused = line.do("change_recipe", file=str(file))
    assert any(against in reason for reason in refused), refused
    assert line.kernel.runner.side.name == ""
    assert line.kernel.recipe.recipe.name == "core25_layer030"
    assert np.array_equal(before, line.kernel.table.request, equal_nan=True)


def test_a_file_that_is_none_is_refused(line, tmp_path):
    assert line.do("change_recipe", file=str(tmp_path / "none.toml"))
    assert line.do("change_recipe") == ["file=FILE is needed"]


def test_the_film_of_the_change_is_marked_and_the_new_film_is_the_new_recipes(line, tmp_path):
    file = variant(
        tmp_path,
        ("core_um = 25.0", "core_um = 24.5"),
        ("run_speed_m_min = 2.0", "run_speed_m_min = 1.9"),
        ("480.0]", "475.0]"),
    )
    runner, book, notes = line.kernel.runner, line.kernel.rolls, noted(line)
    line.run(60.0)
    oldest = line.cells()[0].min()
    assert "transition" in line.kernel.operations.cost("change_recipe", {"file": str(file)})
    assert line.do("change_recipe", file=str(file)) == []
    line.run(10.0)
    assert [roll.why for roll in book.closed] == ["recipe changed"]
    assert line.kernel.recipe.targets.core_um == 24.5
    line.until(lambda: "transition" not in book.marked(), 1800.0)
    newest = line.kernel.film.label_at_die()
    line.run(1.0)  # the end of the mark is told with the scan that follows it
    [mark] = [mark for mark in line.marks() if mark.kind == "transition"]
    assert mark.from_label == pytest.approx(oldest, abs=1.0)
    assert mark.to_label == pytest.approx(newest, abs=0.3)
    assert line.plant.truth.speeds_m_min[0] == pytest.approx(1.9, abs=0.01)
    assert float(line.plant.truth.zone_c[12]) == pytest.approx(475.0, abs=4.0)
    line.until(lambda: not runner.side.name, 3600.0)
    assert runner.state is State.RUNNING
    assert (book.roll.name, book.roll.recipe) == ("R02", "core245")
    assert book.roll.core_label > mark.to_label - 45.0
    assert float(line.plant.wet.film.result.core_um.mean()) == pytest.approx(24.5, abs=0.3)
    [entry] = [json.loads(text) for subject, text in notes if subject == RECIPE_JOURNAL]
    assert entry["text"] == file.read_text("utf-8")
    assert mark.from_label < entry["label"] < mark.to_label
    assert not line.judge.violations
