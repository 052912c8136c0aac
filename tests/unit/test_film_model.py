"""The controller's film model: the same reference run as the twin, written a second time."""

import numpy as np
import pytest

from config.loader import load_materials
from controller.film.model import KELVIN, FilmModel, Surroundings
from controller.film.prediction import march, march_all, predict
from tests.fake_line import core25, pilot

# zone, seconds, belt, air, film temperature, solvent wt%, imidized %, LOH %, thickness um
TABLE = (
    ("B1", 90, 90, 100, 89.5, 74.6, 0.05, 76.9, 155.5),
    ("B2", 90, 115, 120, 114.9, 52.6, 0.6, 56.9, 76.7),
    ("B3", 120, 135, 140, 135.2, 34.5, 5.0, 40.1, 51.3),
    ("B4", 60, 135, 140, 135.2, 31.1, 6.9, 36.9, 47.9),
    ("CD", 90, None, 90, 89.7, 35.6, 6.9, 41.0, 52.2),
    ("T1", 60, None, 150, 149.4, 22.2, 11.3, 28.5, 40.6),
    ("T2", 60, None, 200, 199.5, 10.8, 49.0, 15.0, 31.9),
    ("T3", 60, None, 250, 249.8, 4.9, 85.6, 6.2, 27.6),
    ("T4", 60, None, 300, 300.0, 1.8, 95.1, 2.2, 25.9),
    ("T5", 60, None, 350, 350.0, 0.83, 98.3, 1.0, 25.4),
    ("T6", 60, None, 400, 400.0, 0.09, 99.6, 0.13, 25.05),
    ("T7", 60, None, 450, 450.0, 0.000, 99.88, 0.01, 25.00),
    ("T8", 60, None, 480, 480.0, 0.000, 99.999, 0.00, 25.00),
)


def model():
    library = load_materials()
    return FilmModel(library.polymers["s-BPDA/PPD"], library.solvents["DMAc"])


def around(zone, belt_c, air_c):
    air = air_c + KELVIN
    if belt_c is not None:
        h = 15.0 if zone == "B1" else 20.0
        return Surroundings(1, h, 300.0, air, belt_c + KELVIN, 0.002, radiation=False)
    tenter = zone.startswith("T")
    return Surroundings(2, 25.0, 0.0, air, 300.0, 0.0008 if tenter else 0.001, radiation=tenter)


def test_the_reference_run_of_the_process_specification():
    film = model()
    state = film.start(np.array([40.364e-3]), np.array([183.88e-3]), 303.0)
    for zone, seconds, belt_c, air_c, *expected in TABLE:
        if zone == "CD":
            state.temperature[:] = 313.0
            film.feed_solvent(state, 8.0e-3 * 0.94)
        for _ in range(seconds * 2):
            film.step(state, around(zone, belt_c, air_c), 0.5)
        found = (
            float(state.temperature[0]) - KELVIN,
            100 * float(film.solvent_fraction(state)[0]),
            100 * float(film.imidization(state)[0]),
            100 * float(film.loss_on_heating(state)[0]),
            1e6 * float(film.thickness(state)[0]),
        )
        for value, wanted in zip(found, expected, strict=True):
            assert value == pytest.approx(wanted, abs=0.06, rel=0.002), (zone, found)


def test_cells_do_not_see_each_other():
    film = model()
    precursor, solvent = np.array([0.04, 0.05, 0.03]), np.array([0.18, 0.2, 0.15])
    together = film.start(precursor, solvent, 303.0)
    alone = [film.start(precursor[k : k + 1], solvent[k : k + 1], 303.0) for k in range(3)]
    for _ in range(200):
        film.step(together, around("B2", 115, 120), 0.5)
        for one in alone:
            film.step(one, around("B2", 115, 120), 0.5)
    assert np.allclose(together.solvent, [float(one.solvent[0]) for one in alone], rtol=1e-12)


def test_a_polymer_without_kinetics_has_no_model():
    library = load_materials()
    unknown = next(p for p in library.polymers.values() if p.kinetics is None)
    with pytest.raises(ValueError, match="unavailable"):
        FilmModel(unknown, library.solvents["DMAc"])


def test_the_prediction_of_the_shipped_recipe():
    library = load_materials()
    run = predict(
        core25(), pilot(), library.polymers["s-BPDA/PPD"], library.solvents["DMAc"], 2.0, 0.0
    )
    assert run.loh_peel_pct == pytest.approx(36.9, abs=0.2)
    assert run.imidization_peel_pct == pytest.approx(6.9, abs=0.1)
    assert run.imidization_pct >= 99.0
    assert run.blister_index == pytest.approx(2.0, abs=0.05)
    assert max(run.lfl_pct.values()) <= 12.0 + 1e-6  # the line asks for that much exhaust


def test_more_belt_heat_dries_more():
    library = load_materials()
    cold, warm = (
        predict(
            core25(), pilot(), library.polymers["s-BPDA/PPD"], library.solvents["DMAc"], 2.0, offset
        )
        for offset in (-5.0, 5.0)
    )
    assert cold.loh_peel_pct > 38.0
    assert warm.loh_peel_pct < 35.6


def test_recipes_side_by_side_are_what_each_is_alone():
    recipe, line, film = core25(), pilot(), model()
    bare = recipe.model_copy(update={"coated": ()})
    settings = recipe.settings.model_copy(update={"belt_c": (90.0, 115.0, 138.0, 138.0)})
    hotter = recipe.model_copy(update={"settings": settings})
    coated, uncoated, moved = march_all((recipe, bare, hotter), line, film, 2.0, 3.0, step_s=2.0)
    for found, one in ((coated, recipe), (moved, hotter)):
        alone = march(one, line, film, 2.0, 3.0, step_s=2.0)
        assert found.loh_peel_pct == pytest.approx(alone.loh_peel_pct, rel=1e-12)
        assert found.evaporation_kg_h == pytest.approx(alone.evaporation_kg_h, rel=1e-9)
    assert moved.loh_peel_pct < coated.loh_peel_pct
    alone = march(bare, line, film, 2.0, 3.0, step_s=2.0)
    assert uncoated.loh_peel_pct == pytest.approx(alone.loh_peel_pct, rel=1e-9)
    assert sum(uncoated.evaporation_kg_h.values()) < sum(coated.evaporation_kg_h.values())
    for zone, kg_h in alone.evaporation_kg_h.items():  # its spans are cut at the head of the other
        assert uncoated.evaporation_kg_h[zone] == pytest.approx(kg_h, rel=1e-3, abs=1e-6)
