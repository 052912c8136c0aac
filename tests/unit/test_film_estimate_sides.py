"""The cure estimate of film coated on two sides: each head's solvent once, at its own place."""

import numpy as np

from controller.film.estimate import Cells, Passage, estimate
from controller.film.model import FilmModel
from controller.film.prediction import fresh_film, path, predict, set_points
from tests.fake_line import materials, pilot, shipped

RECIPE = shipped("core12_both_sides")
LINE = pilot()
ZONES = {zone.name: zone for zone in LINE.zone}
SPEED, OFFSET = RECIPE.settings.run_speed_m_min, RECIPE.settings.belt_offset_run_k


def wet_solvent(share=1.0):
    """kg/m2 of solvent at each head's position."""
    return {
        at: np.array([share * 5.96e-3 * 0.94]) for at in (16.0, 17.0)
    }  # 94 % of the liquid is solvent


def estimated(coat_solvent):
    library = materials()
    model = FilmModel(library.polymers["s-BPDA/PPD"], library.solvents["DMAc"])
    fresh = fresh_film(RECIPE, model)
    at = np.array([0.0, 44.0])
    at_zone = set_points(LINE, RECIPE.settings, OFFSET)
    return estimate(
        model,
        path(LINE, RECIPE, OFFSET),
        13.0,
        Cells(fresh.precursor, fresh.solvent, 303.15, coat_solvent, RECIPE.settings.draw_md),
        Passage(at, np.array([[0.0], [44.0 / SPEED * 60.0]])),
        lambda zone, seconds: np.full_like(seconds, at_zone[zone]),
        ZONES,
    )


def test_the_estimate_on_set_points_is_the_prediction():
    library = materials()
    found = estimated(wet_solvent())
    said = predict(
        RECIPE, LINE, library.polymers["s-BPDA/PPD"], library.solvents["DMAc"], SPEED, OFFSET
    )
    assert abs(float(found.loh_peel_pct[0]) - said.loh_peel_pct) < 0.1
    assert abs(float(found.imidization_pct[0]) - said.imidization_pct) < 0.01


def test_solvent_of_one_head_does_not_count_for_the_other():
    """Film wet by both heads leaves the tenter wetter than film wet by one, by head A or B."""
    both, only_a, only_b = wet_solvent(40.0), wet_solvent(40.0), wet_solvent(40.0)
    only_a[17.0][:] = 0.0
    only_b[16.0][:] = 0.0
    wet = [float(estimated(coat).imidization_pct[0]) for coat in (both, only_a, only_b)]
    assert wet[0] != wet[1]
    assert abs(wet[1] - wet[2]) < abs(wet[0] - wet[1])
    assert float(estimated({}).imidization_pct[0]) != wet[1]
