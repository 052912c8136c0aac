"""Algebra of a recipe: numbers of the process specification come out again."""

from __future__ import annotations

import pytest

from config.loader import CONFIG, load_line, load_materials, load_recipe
from config.physics import (
    die_pressure_mpa,
    layer_um,
    least_wet_um,
    physics_problems,
    water_fraction,
)

LINE = load_line(CONFIG / "lines" / "pilot.toml")
MATERIALS = load_materials()
RECIPE = load_recipe(CONFIG / "recipes" / "core25_layer030.toml", LINE, MATERIALS)


def changed(part, **values):
    return RECIPE.model_copy(update={part: getattr(RECIPE, part).model_copy(update=values)})


def test_numbers_of_the_process_specification():
    assert water_fraction(MATERIALS.polymers["s-BPDA/PPD"]) == pytest.approx(0.08955, abs=1e-5)
    assert water_fraction(MATERIALS.polymers["PMDA/ODA"]) == pytest.approx(0.08612, abs=1e-5)
    assert layer_um(RECIPE, 8.45, MATERIALS.polymers["a-BPDA/PPD"], 0.626) == pytest.approx(
        0.30, abs=0.001
    )
    assert least_wet_um(2.0) == pytest.approx(4.5, abs=0.05)
    # 2.9 MPa without shear thinning, 9 % less with it
    assert die_pressure_mpa(RECIPE, 270.0, 0.63) == pytest.approx(2.6, abs=0.1)


def test_the_shipped_recipe_is_within_reach():
    assert physics_problems(RECIPE, LINE, MATERIALS) == []


def test_dryers_that_cannot_carry_the_vapor_away_refuse_the_speed():
    zones = tuple(
        zone.model_copy(update={"table_flow_nm3_h": 40.0}) if zone.name == "B2" else zone
        for zone in LINE.zone
    )
    weak = LINE.model_copy(update={"zone": zones})
    (finding,) = physics_problems(RECIPE, weak, MATERIALS)
    assert finding.path == ("settings", "run_speed_m_min")
    assert finding.message.startswith("B2 would stand at")


def test_a_coat_beyond_the_feed_pump_is_refused():
    instruments = tuple(
        i.model_copy(
            update={
                "tags": tuple(
                    t.model_copy(update={"write": t.write.model_copy(update={"range": (0.0, 5.0)})})
                    if t.write and t.name == "FIC-301A.SP"
                    else t
                    for t in i.tags
                )
            }
        )
        for i in LINE.instrument
    )
    small = LINE.model_copy(update={"instrument": instruments})
    (finding,) = physics_problems(RECIPE, small, MATERIALS)
    assert finding.allowed == "the feed gives at most 5 mL/min"


def test_peel_window_drier_than_dry_precursor_is_refused():
    (finding,) = physics_problems(changed("targets", loh_peel_pct=(5.0, 8.0)), LINE, MATERIALS)
    assert "9.0 % (dry precursor)" in finding.allowed


def test_a_lower_imidization_target_needs_no_full_heat():
    cool = changed("settings", tenter_c=(150.0, 200.0, 250.0, 300.0, 320.0, 320.0, 320.0, 320.0))
    assert len(physics_problems(cool, LINE, MATERIALS)) == 1
    relaxed = cool.model_copy(
        update={"targets": RECIPE.targets.model_copy(update={"imidization_min_pct": 95.0})}
    )
    assert physics_problems(relaxed, LINE, MATERIALS) == []


def test_unknown_materials_are_not_judged():
    assert physics_problems(changed("coating", agent="none"), LINE, MATERIALS) == []
