"""``filmline check``: exit codes, JSON, and what a recipe falls under as written."""

import json
from pathlib import Path

import pytest

from config.loader import find_line
from config.models import Monomer
from controller.check import chain_limit, check_files
from controller.film.conformance import Verdict, judge_recipe
from tests.fake_line import CONFIG, core25, materials

RECIPE = CONFIG / "recipes" / "core25_layer030.toml"
LINE = CONFIG / "lines" / "pilot.toml"


def verdicts(recipe, claim):
    return [j.verdict for j in judge_recipe(recipe, materials()) if j.claim == claim]


def with_core(dianhydrides, diamines):
    core = core25().core.model_copy(
        update={
            "dianhydrides": tuple(Monomer(name=n, mol_pct=p) for n, p in dianhydrides),
            "diamines": tuple(Monomer(name=n, mol_pct=p) for n, p in diamines),
        }
    )
    return core25().model_copy(update={"core": core})


def with_layer(*dianhydrides, diamine="PPD"):
    share = 100.0 / len(dianhydrides)
    coating = core25().coating.model_copy(
        update={
            "dianhydrides": tuple(Monomer(name=n, mol_pct=share) for n in dianhydrides),
            "diamines": (Monomer(name=diamine, mol_pct=100.0),),
        }
    )
    return core25().model_copy(update={"coating": coating})


def test_the_shipped_files_are_sound(capsys):
    assert check_files([RECIPE, LINE], None, as_json=False) == 0
    text = capsys.readouterr().out
    assert "is sound" in text
    assert "loss on heating at peel" in text
    assert "LFL in B1" in text


def test_json_carries_the_same_and_a_broken_file_exits_2(tmp_path: Path, capsys):
    broken = tmp_path / "broken.toml"
    broken.write_text("[recipe\n", encoding="utf-8")
    assert check_files([RECIPE, broken], LINE, as_json=True) == 2
    data = json.loads(capsys.readouterr().out)
    assert data["checked"][0]["run"]["loh_peel_pct"] == pytest.approx(36.9, abs=0.2)
    assert len(data["problems"]) == 1
    assert str(broken) in data["problems"][0]


def test_a_missing_file_is_a_message(capsys):
    assert check_files([Path("no/such.toml")], LINE, as_json=False) == 2
    assert "no/such.toml" in capsys.readouterr().out.replace("\n", "")


def test_the_line_of_a_recipe_is_found_beside_it():
    assert find_line(RECIPE) == LINE


@pytest.mark.parametrize(
    ("core", "expected"),
    [
        (([("s-BPDA", 100)], [("PPD", 100)]), Verdict.PASSED),
        (([("s-BPDA", 100)], [("PPD", 60), ("ODA", 40)]), Verdict.PASSED),
        (([("s-BPDA", 50), ("PMDA", 50)], [("PPD", 100)]), Verdict.PASSED),
        (([("PMDA", 100)], [("PPD", 50), ("ODA", 50)]), Verdict.PASSED),
        (([("PMDA", 100)], [("PPD", 100)]), Verdict.FAILED),
        (([("s-BPDA", 100)], [("ODA", 100)]), Verdict.FAILED),
    ],
)
def test_claim_2_names_three_families(core, expected):
    assert verdicts(with_core(*core), 2) == [expected]


def test_claim_3_is_reported_in_both_readings():
    recipe = with_core([("s-BPDA", 40), ("PMDA", 60)], [("PPD", 100)])
    assert verdicts(recipe, 3) == [Verdict.PASSED, Verdict.FAILED]


def test_claim_4_strict_and_open():
    assert verdicts(with_layer("a-BPDA"), 4) == [Verdict.PASSED, Verdict.PASSED]
    assert verdicts(with_layer("a-BPDA", "PMDA"), 4) == [Verdict.FAILED, Verdict.PASSED]
    assert verdicts(with_layer("PMDA"), 4) == [Verdict.FAILED, Verdict.FAILED]


def test_claim_5_as_printed_and_on_claim_4():
    assert verdicts(with_layer("a-BPDA", diamine="m-PDA"), 5) == [Verdict.PASSED, Verdict.FAILED]


def test_no_recipe_passes_what_only_a_laboratory_shows():
    for claim in (1, 9, 12, 13):
        assert verdicts(core25(), claim) == [Verdict.NOT_DEMONSTRATED]


def test_chains_are_as_long_as_the_stoichiometry_lets_them():
    assert chain_limit(1.0) == float("inf")
    assert chain_limit(0.99) == pytest.approx(199.0)
    assert chain_limit(1.0 / 0.99) == pytest.approx(199.0)
