"""Models of material files: polymers, solvents, agents; every number with its source."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.base import Model


class Sourced(Model):
    """A number with its unit and where it comes from."""

    value: float
    unit: str
    source: str


class Monomer(Model):
    """A monomer of a polyimide with its share among dianhydrides, or among diamines."""

    name: str
    mol_pct: float = Field(gt=0.0, le=100.0)


class Kinetics(Model):
    """Distributed first-order imidization (process specification 4.2)."""

    prefactor_per_s: float
    activation_kj_mol: tuple[float, ...]
    weight: tuple[float, ...]
    plasticized_wt: float
    unplasticized_factor: float
    source: str


class Polymer(Model):
    """A polyimide and its precursor."""

    kind: Literal["polymer"]
    name: str
    dianhydrides: tuple[str, ...]
    diamines: tuple[str, ...]
    precursor_repeat_g_mol: Sourced
    imide_repeat_g_mol: Sourced
    precursor_density_kg_m3: Sourced
    imide_density_kg_m3: Sourced
    tg_c: Sourced | None = None
    amorphous: bool
    kinetics: Kinetics | None = None


class Solvent(Model):
    """An organic solvent."""

    kind: Literal["solvent"]
    name: str
    molar_mass_g_mol: Sourced
    density_kg_m3: Sourced
    boiling_c: Sourced
    flash_c: Sourced
    autoignition_c: Sourced
    lfl_vol_pct: Sourced
    antoine: tuple[float, float, float]  # ln P[Pa] = A - B/(T[K] - C)
    antoine_source: str


class Agent(Model):
    """A heat-resistant surface treatment agent."""

    kind: Literal["agent"]
    name: str
    family: Literal["aminosilane", "epoxysilane", "titanate"]
    molar_mass_g_mol: Sourced
    residue_kg_kg: Sourced
    residue_burnt_kg_kg: Sourced | None = None  # if the organic part burns off
