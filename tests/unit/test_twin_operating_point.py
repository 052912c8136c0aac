"""The plant holds the recipe's liquids and starts where a line that runs the recipe stands."""

import numpy as np
import pytest

from config.models import Monomer
from simulators.options import BadOption
from simulators.tanks import operating_point, parameters_for, plant_for
from simulators.twin.actuators import AIR, BELT
from simulators.twin.operating_point import reference_point
from simulators.twin.parameters import load_parameters
from simulators.twin.plant import Plant
from tests.fake_line import belt_side_only, core25, materials, pilot, shipped


def running(recipe) -> Plant:
    plant = plant_for(pilot(), recipe, materials(), seed=3, start="running")
    for _ in range(300):
        plant.tick()
    return plant


def test_the_nominal_recipe_is_the_reference_state():
    ours = operating_point(pilot(), core25(), materials())
    reference = reference_point(load_parameters())
    assert ours.zone_c == pytest.approx(reference.zone_c)
    assert ours.speed_m_min == reference.speed_m_min
    assert ours.pump_rpm == pytest.approx(reference.pump_rpm, rel=0.01)
    assert ours.coat_ml_min == pytest.approx(reference.coat_ml_min, rel=0.005)
    assert (ours.solids, ours.draw_md) == (reference.solids, reference.draw_md)


@pytest.mark.parametrize(
    ("name", "core", "layers", "loh"),
    [
        ("core25_layer030", 25.0, (0.30, 0.0), 36.9),
        ("core12_both_sides", 12.5, (0.20, 0.20), 35.7),
        ("core35_epoxysilane", 35.0, (0.30, 0.0), 37.7),
    ],
)
def test_a_running_line_is_full_of_the_recipes_film(name, core, layers, loh):
    film = running(shipped(name)).truth.film
    assert float(film.core_um.mean()) == pytest.approx(core, rel=0.02)
    assert film.layer_um.mean(axis=1) == pytest.approx(layers, abs=0.006)
    assert film.peel_loh_pct == pytest.approx(loh, abs=0.8)


def test_a_line_may_be_coated_on_the_belt_side_only():
    plant = running(belt_side_only())
    assert plant.truth.coating_on == (False, True)
    layers = plant.truth.film.layer_um.mean(axis=1)
    assert layers[AIR] == 0.0
    assert layers[BELT] == pytest.approx(0.30, abs=0.006)
    seen = plant.sig.layer
    assert np.isnan(seen[:5]).all()
    assert seen[5:] == pytest.approx(0.30, abs=0.06)


def test_the_truth_of_a_layer_counts_what_its_own_agent_leaves():
    wet = {}
    for name in ("core12_both_sides", "core35_epoxysilane"):
        params = parameters_for(shipped(name), materials())
        wet[name] = params.coating.solids_paa * params.coating.paa_yield + (
            params.coating.solids_agent * params.coating.agent_residue
        )
    assert wet["core35_epoxysilane"] / wet["core12_both_sides"] == pytest.approx(
        (0.04 * 0.91045 + 0.02 * 0.708) / (0.04 * 0.91045 + 0.02 * 0.498), rel=1e-3
    )


def test_the_dope_in_the_tank_is_the_recipes_and_a_fault_changes_it():
    core = core25().core.model_copy(update={"solids_wt_pct": 16.0})
    recipe = core25().model_copy(update={"core": core})
    plant = running(recipe)
    assert plant.wet.casting.solids == pytest.approx(0.16)
    assert float(plant.truth.film.core_um.mean()) == pytest.approx(25.0, rel=0.02)
    plant.faults.solids_step = -0.003
    for _ in range(10):
        plant.tick()
    assert plant.wet.dope.solids == pytest.approx(0.157)


def test_a_core_the_twin_does_not_know_is_refused_not_run_on_another():
    core = core25().core.model_copy(update={"diamines": (Monomer(name="ODA", mol_pct=100.0),)})
    with pytest.raises(BadOption, match="s-BPDA/PPD in DMAc only, not s-BPDA/ODA"):
        parameters_for(core25().model_copy(update={"core": core}), materials())
