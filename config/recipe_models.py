"""Models of the recipe file: formula, targets, settings, procedure."""

from __future__ import annotations

from pydantic import Field

from config.base import Condition, Model, Name, Span
from config.material_models import Monomer
from config.words import Side


class RecipeHeader(Model):
    """Identity of a recipe."""

    name: Name
    title: str
    version: str
    line: Name


class CorePolyimide(Model):
    """Polyimide (A) and its precursor solution, in the words of claims 2 and 3."""

    dianhydrides: tuple[Monomer, ...]
    diamines: tuple[Monomer, ...]
    stoichiometry: float = Field(gt=0.9, lt=1.1)  # dianhydride : diamine, mol/mol
    solvent: str
    solids_wt_pct: float = Field(ge=10.0, le=45.0)
    temperature_c: float = Field(ge=5.0, le=60.0)
    lot: str


class CoatingLiquid(Model):
    """One organic solvent solution holding the agent and the precursor of (B): claims 4-6."""

    dianhydrides: tuple[Monomer, ...]
    diamines: tuple[Monomer, ...]
    stoichiometry: float = Field(gt=0.9, lt=1.1)
    solvent: str
    precursor_wt_pct: float = Field(ge=0.1, le=10.0)
    agent: str
    agent_wt_pct: float = Field(ge=0.1, le=10.0)
    lot: str


class CoatedSide(Model):
    """One coated face."""

    side: Side
    wet_g_m2: float = Field(ge=1.0, le=40.0)
    layer_um: float = Field(gt=0.0)
    tolerance_um: float = Field(gt=0.0)


class FilmTargets(Model):
    """Targets in the words of claims 7-9 and of the product."""

    core_um: float = Field(gt=0.0)
    core_tolerance_um: float = Field(gt=0.0)
    core_cd_2sigma_pct: float = Field(gt=0.0)
    imidization_min_pct: float = Field(gt=0.0, le=100.0)
    residual_solvent_max_wt_pct: float = Field(gt=0.0)
    modulus_md_gpa: Span
    cte_ppm_per_c: Span
    loh_peel_pct: Span
    loh_reject_pct: Span


class Settings(Model):
    """Set points of the run."""

    run_speed_m_min: float = Field(ge=0.5, le=5.0)
    thread_speed_m_min: float = Field(ge=0.5, le=5.0)
    speed_ramp_m_min_per_min: float = Field(gt=0.0, le=1.0)
    belt_c: tuple[float, float, float, float]
    belt_offset_thread_k: float
    belt_offset_run_k: float
    dryer_c: float
    tenter_c: tuple[float, float, float, float, float, float, float, float]
    cooler_c: float
    die_c: float
    draw_md: float = Field(ge=0.97, le=1.08)
    width_td: float = Field(ge=0.94, le=1.08)
    tension_gel_n_m: float
    tension_cured_n_m: float
    roll_length_m: float = Field(gt=0.0, le=5000.0)
    rolls: int = Field(default=1, ge=1, le=100)


class PhaseUse(Model):
    """One phase of a unit: which class, its parameters, what it follows and its time-out.

    ``after`` names phases as ``unit.phase``; a phase follows the one above it anyway.
    """

    use: Name
    name: Name | None = None
    params: dict[str, float | str | bool] = Field(default_factory=dict)
    after: tuple[str, ...] = ()
    until: Condition | None = None
    timeout_s: float = Field(default=7200.0, gt=0.0)


class UnitProcedure(Model):
    """The phases of one unit, in order; units run side by side."""

    name: Name
    phase: tuple[PhaseUse, ...]


class Recipe(Model):
    """The whole recipe file."""

    recipe: RecipeHeader
    core: CorePolyimide
    coating: CoatingLiquid
    coated: tuple[CoatedSide, ...] = Field(min_length=1, max_length=2)
    targets: FilmTargets
    settings: Settings
    unit: tuple[UnitProcedure, ...] = Field(min_length=1)
