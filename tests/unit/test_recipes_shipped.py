"""The three shipped recipes: sound, inside the figures of the pilot line's recipe table."""

import json
from functools import cache
from pathlib import Path

import pytest

from config.loader import load_materials
from config.models import Monomer, Side
from config.physics import least_wet_um
from controller.check import check_files, check_recipe, predict_layers
from controller.film.conformance import Verdict
from controller.film.guide import LOH_PER_K, Guide, guide_for
from controller.film.prediction import path
from controller.film.timing import short_timeouts
from controller.solvent import REFERENCE_SHARES
from tests.fake_line import CONFIG, belt_side_only, core25, materials, pilot, shipped

NAMES = ("core25_layer030", "core12_both_sides", "core35_epoxysilane")
BELT_RANGE_C = (60.0, 160.0)
# Pilot line 3: loss on heating at peel and imidization there, at run speed.
EXPECTED = {
    "core25_layer030": ((36.8, 37.1), 6.95),
    "core12_both_sides": ((34.0, 37.0), 20.0),
    "core35_epoxysilane": ((37.0, 38.0), 13.0),
}
SETTINGS = {  # run speed, thread speed, coated sides, agent's family
    "core25_layer030": (2.0, 1.0, [Side.AIR], "aminosilane"),
    "core12_both_sides": (2.0, 2.0, [Side.AIR, Side.BELT], "aminosilane"),
    "core35_epoxysilane": (1.2, 1.0, [Side.AIR], "epoxysilane"),
}
CORE_UM = {"core25_layer030": 25.0, "core12_both_sides": 12.5, "core35_epoxysilane": 35.0}


@cache
def checked(name):
    return check_recipe(shipped(name), pilot(), materials())


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_those_of_the_pilot_line(name):
    recipe = shipped(name)
    run, thread, sides, family = SETTINGS[name]
    assert recipe.recipe.name == name
    assert recipe.settings.run_speed_m_min == run
    assert recipe.settings.thread_speed_m_min == thread
    assert [coat.side for coat in recipe.coated] == sides
    assert materials().agents[recipe.coating.agent].family == family
    assert recipe.targets.core_um == CORE_UM[name]


@pytest.mark.parametrize("name", NAMES)
def test_predictions_lie_inside_the_expected_figures(name):
    found = checked(name)
    (low, high), most = EXPECTED[name]
    assert found.run is not None
    assert found.thread is not None
    assert low <= found.run.loh_peel_pct <= high
    assert found.run.imidization_peel_pct <= most
    assert 33.0 <= found.thread.loh_peel_pct <= 40.0
    assert found.warnings == []
    assert not [claim for claim in found.claims if claim.verdict is Verdict.FAILED]


@pytest.mark.parametrize("name", NAMES)
def test_the_belt_stays_where_belts_may_be(name):
    settings = shipped(name).settings
    for offset in (settings.belt_offset_thread_k, settings.belt_offset_run_k):
        zones = [s.around.belt_k - 273.15 for s in path(pilot(), shipped(name), offset) if s.zone]
        belt = [celsius for celsius in zones[:4] if isinstance(celsius, float)]
        assert len(belt) == 4
        assert all(BELT_RANGE_C[0] <= celsius <= BELT_RANGE_C[1] for celsius in belt)


def test_the_thin_core_is_dried_on_a_belt_28_k_cooler():
    settings = shipped("core12_both_sides").settings
    assert settings.belt_offset_run_k == pytest.approx(-28.0, abs=2.0)
    assert settings.belt_c[0] + 0.6 * settings.belt_offset_run_k == pytest.approx(73.0, abs=1.0)


@pytest.mark.parametrize("name", NAMES)
def test_each_wet_coat_dries_to_its_layer_and_holds_as_a_bead(name):
    recipe = shipped(name)
    layers = predict_layers(recipe, materials())
    assert list(layers) == [coat.side.value for coat in recipe.coated]
    for layer in layers.values():
        assert layer.layer_um == pytest.approx(layer.target_um, rel=0.01)
        assert layer.wet_g_m2 > layer.least_wet_g_m2
    least_um = least_wet_um(recipe.settings.run_speed_m_min)
    assert next(iter(layers.values())).least_wet_g_m2 == pytest.approx(least_um * 0.937)


def test_the_agent_decides_how_much_solid_a_coat_leaves():
    coated = core25()
    wet = coated.coated[0].wet_g_m2

    def dry(agent):
        coating = coated.coating.model_copy(update={"agent": agent})
        changed = coated.model_copy(update={"coating": coating})
        return predict_layers(changed, materials())["air"].layer_um

    precursor = 0.04 * 366.33 / 402.36
    for agent, residue in (
        ("N-phenyl-g-aminopropyltriethoxysilane", 0.626),
        ("g-aminopropyltriethoxysilane", 0.498),
        ("g-glycidoxypropyltrimethoxysilane", 0.708),
        ("titanium diisopropoxide bis(acetylacetonate)", 0.219),
    ):
        assert dry(agent) == pytest.approx(wet * (precursor + 0.02 * residue) / 1.380, rel=1e-3)
        assert "pilot line 2" in load_materials().agents[agent].residue_kg_kg.source


def test_check_prints_and_exports_both_sides(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    file = CONFIG / "recipes" / "core12_both_sides.toml"
    assert check_files([file], None, as_json=False) == 0
    text = capsys.readouterr().out
    assert "Predicted thin layers" in text
    for side in ("air", "belt"):
        assert any(side in row and "0.200 µm" in row for row in text.splitlines())
    assert check_files([file], None, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)["checked"][0]
    assert set(found["layers"]) == {"air", "belt"}
    assert found["layers"]["belt"]["layer_um"] == pytest.approx(0.2, abs=0.001)


# --- what control takes from the recipe ---------------------------------------------------------


def guide(recipe):
    library = materials()
    return guide_for(recipe, pilot(), library.polymers["s-BPDA/PPD"], library.solvents["DMAc"])


def test_each_recipe_brings_its_own_numbers_to_control():
    thin, usual, thick = (guide(shipped(name)) for name in (NAMES[1], NAMES[0], NAMES[2]))
    assert usual.imidization_peel == pytest.approx(0.069, abs=0.002)
    assert thin.imidization_peel < 0.01
    assert 0.10 < thick.imidization_peel < 0.13
    assert usual.loh_per_k == pytest.approx(LOH_PER_K, abs=0.01)
    assert thin.loh_per_k < usual.loh_per_k < thick.loh_per_k < 0.0


def test_the_exhaust_counts_the_coat_where_a_thin_film_gives_it_off():
    """A thin gel coated on both sides gives the coat off in the coat dryer, not in the tenter."""
    own = guide(shipped("core12_both_sides"))
    run = checked("core12_both_sides").run
    assert run is not None
    dope, coat = 6.653, 0.803  # kg/h fed at 2 m/min

    def expected(shares, zone):
        return shares.dope.get(zone, 0.0) * dope + shares.coat.get(zone, 0.0) * coat

    assert expected(REFERENCE_SHARES, "CD") < 0.4 * run.evaporation_kg_h["CD"]
    for zone in ("B1", "B2", "B3", "B4", "CD", "T1", "T2", "T3"):
        assert expected(own.shares, zone) >= 0.98 * run.evaporation_kg_h[zone], zone
        assert own.shares.dope[zone] >= REFERENCE_SHARES.dope[zone]


def test_a_core_without_kinetics_is_unavailable_and_borrows_nothing(capsys, tmp_path: Path):
    text = (CONFIG / "recipes" / "core25_layer030.toml").read_text("utf-8")
    other = text.replace('diamines = [{ name = "PPD"', 'diamines = [{ name = "ODA"', 1)
    (tmp_path / "oda.toml").write_text(other, encoding="utf-8")
    line = CONFIG / "lines" / "pilot.toml"
    assert check_files([tmp_path / "oda.toml"], line, as_json=False) == 0
    shown = capsys.readouterr().out
    assert "unavailable" in shown
    assert "LFL in B1" not in shown
    library = materials()
    core = library.polymers["s-BPDA/ODA"]
    assert core.kinetics is None
    changed = core25().core.model_copy(update={"diamines": (Monomer(name="ODA", mol_pct=100.0),)})
    recipe = core25().model_copy(update={"core": changed})
    assert guide_for(recipe, pilot(), core, library.solvents["DMAc"]) == Guide()
    found = check_recipe(recipe, pilot(), library)
    assert found.run is None
    assert found.layers["air"].layer_um == pytest.approx(0.30, abs=0.005)


def test_a_recipe_coated_on_the_belt_side_only_is_predicted_there():
    found = check_recipe(belt_side_only(), pilot(), materials())
    assert list(found.layers) == ["belt"]
    fed = [s.from_m for s in path(pilot(), belt_side_only(), 0.0) if s.solvent_added]
    assert fed == [17.0]
    both = [s.from_m for s in path(pilot(), shipped("core12_both_sides"), -28.0) if s.solvent_added]
    assert both == [16.0, 17.0]


# --- warnings -----------------------------------------------------------------------------------


def with_settings(recipe, **changed):
    return recipe.model_copy(update={"settings": recipe.settings.model_copy(update=changed)})


def test_a_time_out_shorter_than_the_films_way_is_told_before_the_run():
    assert short_timeouts(shipped("core35_epoxysilane"), pilot()) == []
    long_roll = with_settings(shipped("core35_epoxysilane"), roll_length_m=1000.0)
    (told,) = short_timeouts(long_roll, pilot())
    assert told.startswith("collecting.collect takes 875 min")
    slow = with_settings(core25(), thread_speed_m_min=0.5)
    assert [text.split()[0] for text in short_timeouts(slow, pilot())] == ["casting.pin"]
    assert told in check_recipe(long_roll, pilot(), materials()).warnings


def test_an_epoxysilane_that_burns_off_is_told_when_the_layer_would_be_out_of_target():
    recipe = shipped("core35_epoxysilane")
    assert checked("core35_epoxysilane").warnings == []  # 0.242 um, just inside
    tight = recipe.coated[0].model_copy(update={"tolerance_um": 0.05})
    told = check_recipe(
        recipe.model_copy(update={"coated": (tight,)}), pilot(), materials()
    ).warnings
    assert told == [
        (
            "thin layer air side would be 0.242 µm if the organic part of "
            "g-glycidoxypropyltrimethoxysilane burns off (target 0.3 ± 0.05 µm)"
        )
    ]
