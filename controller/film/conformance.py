"""Which of the thirteen claims a recipe as written falls under.

Only what a recipe states is judged here: materials (claims 1-6), targets (7-9) and the order
of the process (10, 11). Three answers: pass, fail, not demonstrated. What only a lot, a
laboratory or a downstream step can show is never passed by a recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.loader import Materials
from config.models import Agent, Monomer, Recipe

_CORE_FAMILIES = (
    ({"s-BPDA"}, ({"PPD"}, {"PPD", "ODA"})),
    ({"s-BPDA", "PMDA"}, ({"PPD"}, {"PPD", "ODA"})),
    ({"PMDA"}, ({"PPD", "ODA"},)),
)
_LAYER_DIANHYDRIDES = {"a-BPDA", "i-BPDA", "ODPA", "a-ODPA", "NTDA"}
_AROMATIC_DIAMINES = {"PPD", "ODA", "m-PDA", "3,4-ODA", "TPE-R", "TPE-Q", "BAPP"}
_CLAIM_5_DIAMINES = {"PPD", "ODA"}
_PROCESS_ORDER = ("cast", "peel", "start_coating", "collect")


class Verdict(StrEnum):
    """Answer to one limitation."""

    PASSED = "pass"
    FAILED = "fail"
    NOT_DEMONSTRATED = "not demonstrated"


@dataclass(frozen=True)
class Judgement:
    """One claim judged in one reading; ``reason`` names the evidence or what is missing."""

    claim: int
    reading: str
    verdict: Verdict
    reason: str


def judge_recipe(recipe: Recipe, materials: Materials) -> list[Judgement]:
    """Judge claims 1 to 13 for the recipe as written, in claim order."""
    return [
        _claim_1(recipe, materials),
        _claim_2(recipe),
        *_claim_3(recipe),
        *_claim_4(recipe),
        *_claim_5(recipe),
        _claim_6(recipe, materials.agents),
        _within(7, "target core thickness", (recipe.targets.core_um,), (10.0, 35.0), "um"),
        _within(8, "target layer per side", [c.layer_um for c in recipe.coated], (0.05, 1.0), "um"),
        _claim_9(recipe),
        *_claims_10_11(recipe),
        *(
            Judgement(claim, "", Verdict.NOT_DEMONSTRATED, "a metal layer is laminated downstream")
            for claim in (12, 13)
        ),
    ]


def names(monomers: Sequence[Monomer]) -> set[str]:
    """Names of monomers."""
    return {monomer.name for monomer in monomers}


def _claim_1(recipe: Recipe, materials: Materials) -> Judgement:
    layer = materials.polymer_of(recipe.coating.dianhydrides, recipe.coating.diamines)
    if recipe.coating.agent not in materials.agents:
        return Judgement(1, "", Verdict.FAILED, f"agent {recipe.coating.agent} is not known")
    if layer is not None and not layer.amorphous:
        return Judgement(1, "", Verdict.FAILED, f"{layer.name} is not amorphous")
    sides = " and ".join(coat.side.value for coat in recipe.coated)
    return Judgement(
        1, "", Verdict.NOT_DEMONSTRATED,
        f"coated on the {sides} side; 'rigid', 'low expansion', 'highly heat-resistant' and "
        "'amorphous' need laboratory values",
    )  # fmt: skip


def _claim_2(recipe: Recipe) -> Judgement:
    acid, amine = names(recipe.core.dianhydrides), names(recipe.core.diamines)
    for dianhydrides, diamine_sets in _CORE_FAMILIES:
        if acid == dianhydrides and amine in diamine_sets:
            return Judgement(2, "", Verdict.PASSED, f"{_set(acid)} with {_set(amine)}")
    return Judgement(
        2, "", Verdict.FAILED, f"{_set(acid)} with {_set(amine)} is none of the three families"
    )


def _claim_3(recipe: Recipe) -> list[Judgement]:
    acid = _share(recipe.core.dianhydrides, {"s-BPDA"})
    amine = _share(recipe.core.diamines, {"PPD"})
    ratio = recipe.core.stoichiometry
    total = (acid * ratio + amine) / (ratio + 1.0)
    both = min(acid, amine)
    return [
        Judgement(
            3, "of all monomers", _verdict(total >= 50.0), f"s-BPDA + PPD {total:.1f} mol%"
        ),
        Judgement(
            3, "each of its kind", _verdict(both >= 50.0),
            f"s-BPDA {acid:.1f} % of dianhydrides, PPD {amine:.1f} % of diamines",
        ),
    ]  # fmt: skip


def _claim_4(recipe: Recipe) -> list[Judgement]:
    acid, amine = names(recipe.coating.dianhydrides), names(recipe.coating.diamines)
    aromatic = bool(amine) and amine <= _AROMATIC_DIAMINES
    text = f"{_set(acid)} with {_set(amine)}"
    return [
        Judgement(
            4,
            "strict: no other dianhydride",
            _verdict(acid <= _LAYER_DIANHYDRIDES and aromatic),
            text,
        ),
        Judgement(
            4, "open: at least one", _verdict(bool(acid & _LAYER_DIANHYDRIDES) and aromatic), text
        ),
    ]


def _claim_5(recipe: Recipe) -> list[Judgement]:
    core, layer = names(recipe.core.diamines), names(recipe.coating.diamines)
    return [
        Judgement(
            5, "as printed, on claim 3 (A)", _verdict(bool(core & _CLAIM_5_DIAMINES)), _set(core)
        ),
        Judgement(5, "on claim 4 (B)", _verdict(bool(layer & _CLAIM_5_DIAMINES)), _set(layer)),
    ]


def _claim_6(recipe: Recipe, agents: Mapping[str, Agent]) -> Judgement:
    agent = agents.get(recipe.coating.agent)
    if agent is None:
        return Judgement(6, "", Verdict.FAILED, f"agent {recipe.coating.agent} is not known")
    return Judgement(6, "", Verdict.PASSED, f"{agent.name} is an {agent.family}")


def _claim_9(recipe: Recipe) -> Judgement:
    modulus, expansion = recipe.targets.modulus_md_gpa, recipe.targets.cte_ppm_per_c
    text = f"targets {modulus[0]:g}-{modulus[1]:g} GPa, {expansion[0]:g}-{expansion[1]:g} ppm/°C"
    inside = 6.0 <= modulus[0] <= modulus[1] <= 12.0 and 5.0 <= expansion[0] <= expansion[1] <= 30.0
    if not inside:
        return Judgement(9, "", Verdict.FAILED, f"{text}: outside 6-12 GPa or 5-30 ppm/°C")
    return Judgement(
        9, "", Verdict.NOT_DEMONSTRATED, f"{text}; tensile and TMA values show it, a recipe cannot"
    )


def _claims_10_11(recipe: Recipe) -> list[Judgement]:
    used = {phase.use for unit in recipe.unit for phase in unit.phase}
    missing = [name for name in _PROCESS_ORDER if name not in used]
    if missing:
        verdict, reason = Verdict.FAILED, f"the procedure lacks {', '.join(missing)}"
    else:
        verdict = Verdict.PASSED
        reason = (
            "cast, peeled self-supporting, coated with one solution holding agent and precursor, "
            "heated in stages; the run must show it per meter"
        )
    return [Judgement(claim, "as written", verdict, reason) for claim in (10, 11)]


def _within(
    claim: int, what: str, values: Sequence[float], allowed: tuple[float, float], unit: str
) -> Judgement:
    inside = all(allowed[0] <= value <= allowed[1] for value in values)
    text = ", ".join(f"{value:g}" for value in values)
    reason = f"{what} {text} {unit} (claimed {allowed[0]:g}-{allowed[1]:g} {unit})"
    return Judgement(claim, "as target", _verdict(inside), reason)


def _share(monomers: Sequence[Monomer], wanted: set[str]) -> float:
    return sum(monomer.mol_pct for monomer in monomers if monomer.name in wanted)


def _set(items: set[str]) -> str:
    return " + ".join(sorted(items))


def _verdict(passed: bool) -> Verdict:
    return Verdict.PASSED if passed else Verdict.FAILED
