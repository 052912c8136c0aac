"""Loading: all findings at once, each at its place, and what materials bring."""

from __future__ import annotations

import shutil

import pytest

from config.library import MATERIAL_UNITS
from config.loader import CONFIG, MATERIALS, ConfigError, load_line, load_materials, load_recipe
from config.models import Side

LINE_FILE = CONFIG / "lines" / "pilot.toml"
RECIPE_FILE = CONFIG / "recipes" / "core25_layer030.toml"


def problems_of(loader, path, *more):
    with pytest.raises(ConfigError) as caught:
        loader(path, *more)
    return caught.value.problems


def edited(tmp_path, file, *edits):
    text = file.read_text("utf-8")
    for find, plant in edits:
        assert find in text
        text = text.replace(find, plant, 1)
    path = tmp_path / file.name
    path.write_text(text, "utf-8")
    return path


def test_the_shipped_files_load():
    line = load_line(LINE_FILE)
    recipe = load_recipe(RECIPE_FILE, line, load_materials())
    assert line.line.name == recipe.recipe.line == "pilot"
    assert recipe.coated[0].side is Side.AIR
    assert recipe.settings.tenter_c[-1] == 480.0


def test_all_findings_of_a_stage_come_together_in_the_order_of_the_file(tmp_path):
    path = edited(
        tmp_path,
        RECIPE_FILE,
        ("cooler_c = 60.0", 'cooler_c = "cold"'),
        ("solids_wt_pct = 18.0", "solids_wt_pct = 80.0"),
        ('side = "air"', 'side = "left"'),
        ("draw_md", "drow_md"),
        ("core_um = 25.0\n", ""),
    )
    found = problems_of(load_recipe, path)
    assert [problem.field for problem in found] == [
        "core.solids_wt_pct",
        "coated[0].side",
        "targets.core_um",
        "settings.cooler_c",
        "settings.drow_md",
    ]
    assert [problem.category.value for problem in found] == [
        "range", "type", "missing key", "type", "unknown key",
    ]  # fmt: skip


def test_a_message_has_place_field_value_and_what_is_allowed(tmp_path):
    path = edited(tmp_path, RECIPE_FILE, ("run_speed_m_min = 2.0", "run_speed_m_min = 9.5"))
    (problem,) = problems_of(load_recipe, path)
    line = path.read_text("utf-8").split("\n").index("run_speed_m_min = 9.5") + 1
    assert str(problem) == (
        f"{path}:{line}:19: settings.run_speed_m_min: range: out of range; got 9.5; "
        "allowed at most 5"
    )


def test_a_parameter_of_a_wrong_type_is_one_finding(tmp_path):
    path = edited(tmp_path, RECIPE_FILE, ("{ minutes = 20.0 }", "{ minutes = [20] }"))
    (problem,) = problems_of(load_recipe, path)
    assert problem.field.endswith("params.minutes")
    assert problem.allowed == "expected a number or a text in quotes or true or false"


@pytest.mark.parametrize(
    ("find", "plant", "allowed"),
    [
        ("450.0, 480.0]", "450.0, 480.0, 490.0]", "at most 8"),
        ("[33.0, 40.0]", "[33.0]", "at least 2"),
        ('after = ["casting.pin"]', 'after = "casting.pin"', "expected an array"),
        ('name = "core25_layer030"', 'name = "25 um"', "a letter, then letters"),
    ],
)
def test_shapes_are_said_in_the_words_of_the_file(tmp_path, find, plant, allowed):
    (problem,) = problems_of(load_recipe, edited(tmp_path, RECIPE_FILE, (find, plant)))
    assert problem.category.value == "type"
    assert problem.allowed.startswith(allowed)


def test_a_date_is_a_wrong_type_not_a_crash(tmp_path):
    path = edited(tmp_path, RECIPE_FILE, ("cooler_c = 60.0", "cooler_c = 2026-01-01"))
    (problem,) = problems_of(load_recipe, path)
    assert problem.field == "settings.cooler_c"
    assert problem.got == "2026-01-01"


@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
def test_numbers_must_be_finite(tmp_path, value):
    path = edited(tmp_path, RECIPE_FILE, ("cooler_c = 60.0", f"cooler_c = {value}"))
    (problem,) = problems_of(load_recipe, path)
    assert problem.message == "not a finite number"


def test_a_missing_file_and_a_folder_are_said_plainly(tmp_path):
    (problem,) = problems_of(load_line, tmp_path / "none.toml")
    assert (
        str(problem) == f"{tmp_path / 'none.toml'}: file: cannot be read: No such file or directory"
    )
    (problem,) = problems_of(load_line, tmp_path)
    assert "cannot be read: Is a directory" in str(problem)


def test_an_empty_file_names_every_missing_table(tmp_path):
    path = tmp_path / "empty.toml"
    path.write_bytes(b"")
    missing = {problem.field for problem in problems_of(load_line, path)}
    assert {"line", "station", "zone", "bus", "instrument", "trip"} <= missing


def test_nesting_without_end_is_a_syntax_finding(tmp_path):
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 20000 + "]" * 20000, "utf-8")
    (problem,) = problems_of(load_line, path)
    assert problem.message == "nested too deeply"


def test_a_recipe_for_another_line_is_refused(tmp_path):
    path = edited(tmp_path, RECIPE_FILE, ('line = "pilot"', 'line = "other"'))
    (problem,) = problems_of(load_recipe, path, load_line(LINE_FILE))
    assert problem.field == "recipe.line"
    assert load_recipe(path).recipe.line == "other"  # nothing to compare with


def test_carriage_returns_and_umlauts_do_not_shift_places(tmp_path):
    path = edited(tmp_path, RECIPE_FILE, ("cooler_c = 60.0", "cooler_c = true"))
    (before,) = problems_of(load_recipe, path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (after,) = problems_of(load_recipe, path)
    assert (before.line, before.column) == (after.line, after.column)


# --- materials -------------------------------------------------------------------------------


def test_the_shipped_materials_carry_their_numbers_and_sources():
    materials = load_materials()
    core = materials.polymers["s-BPDA/PPD"]
    assert core.precursor_repeat_g_mol.value == 402.36
    assert core.kinetics is not None
    assert materials.polymers["a-BPDA/PPD"].kinetics is None
    assert materials.polymers["a-BPDA/PPD"].amorphous
    assert {agent.family for agent in materials.agents.values()} == {
        "aminosilane", "epoxysilane", "titanate",
    }  # fmt: skip
    for material in (
        *materials.polymers.values(), *materials.solvents.values(), *materials.agents.values()
    ):  # fmt: skip
        for name, unit in MATERIAL_UNITS.items():
            number = getattr(material, name, None)
            if number is not None:
                assert number.unit == unit
                assert len(number.source) > 10


def test_a_number_in_another_unit_is_converted(tmp_path):
    edited(
        tmp_path,
        MATERIALS / "s-bpda_ppd.toml",
        ('value = 1470.0, unit = "kg/m3"', 'value = 1.47, unit = "g/cm3"'),
    )
    polymer = load_materials(tmp_path).polymers["s-BPDA/PPD"]
    assert polymer.imide_density_kg_m3.value == pytest.approx(1470.0)
    assert polymer.imide_density_kg_m3.unit == "kg/m3"


def test_the_same_material_in_two_files_is_a_duplicate(tmp_path):
    for name in ("a.toml", "b.toml"):
        shutil.copy(MATERIALS / "dmac.toml", tmp_path / name)
    (problem,) = problems_of(load_materials, tmp_path)
    assert problem.file.endswith("b.toml")
    assert "first in" in problem.allowed


def test_findings_of_all_material_files_come_together(tmp_path):
    edited(tmp_path, MATERIALS / "dmac.toml", ('unit = "vol%"', 'unit = "%LFL"'))
    edited(tmp_path, MATERIALS / "nmp.toml", ('kind = "solvent"', 'kind = "liquid"'))
    found = problems_of(load_materials, tmp_path)
    assert [problem.field for problem in found] == ["lfl_vol_pct.unit", "kind"]


@pytest.mark.parametrize(
    ("find", "plant", "field"),
    [
        ('["PPD"]', '["PPDD"]', "diamines[0]"),
        ("value = 366.33", "value = 402.36", "imide_repeat_g_mol.value"),
        ("0.045, 0.005]", "0.045]", "kinetics.weight"),
    ],
)
def test_a_polymer_must_make_sense(tmp_path, find, plant, field):
    edited(tmp_path, MATERIALS / "s-bpda_ppd.toml", (find, plant))
    (problem,) = problems_of(load_materials, tmp_path)
    assert problem.field == field
