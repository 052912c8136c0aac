"""Gel film from its weight and its solvent: loss on heating and the core it will become.

With w the solvent fraction, p the degree of imidization and a the mass fraction lost by
complete imidization (0.0896 for s-BPDA/PPD), process specification 4:

    LOH = w + (1 - w) a (1 - p) / (1 - a p)
    core = weight (1 - LOH) / (imide density x draw)

p at the gel gauge is not measured; the recipe's predicted value is taken (a change of p by
0.05 moves LOH by 0.3 point). Without kinetics none can be predicted, and p counts as 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.models import Polymer, Recipe


@dataclass(frozen=True, slots=True)
class GelLaw:
    """Constants of one recipe.

    Attributes:
        water: mass fraction of the precursor lost by complete imidization.
        imide_kg_m3: density of the finished core.
        draw: area ratio of finished film to belt film.
        imidization: taken at the gauge, 0..1.
    """

    water: float
    imide_kg_m3: float
    draw: float
    imidization: float = 0.0

    def loss_on_heating(self, solvent_wt_pct: float) -> float:
        """Loss on heating, %, of gel with this solvent content."""
        w = solvent_wt_pct / 100.0
        p = self.imidization
        return 100.0 * (w + (1.0 - w) * self.water * (1.0 - p) / (1.0 - self.water * p))

    def core_um(self, weight_g_m2: float, loh_pct: float) -> float:
        """Core thickness that gel of this weight gives, um."""
        return weight_g_m2 * (1.0 - loh_pct / 100.0) / self.imide_kg_m3 * 1e3 / self.draw


def gel_law(recipe: Recipe, core: Polymer, imidization: float) -> GelLaw:
    """Constants from recipe and material, with the imidization predicted at peel (0..1)."""
    keeps = core.imide_repeat_g_mol.value / core.precursor_repeat_g_mol.value
    return GelLaw(
        water=1.0 - keeps,
        imide_kg_m3=core.imide_density_kg_m3.value,
        draw=recipe.settings.draw_md * recipe.settings.width_td,
        imidization=imidization,
    )
