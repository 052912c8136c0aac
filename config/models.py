"""Typed models of the line, recipe and material files: data only, frozen, unknown keys refused.

Units are canonical inside the code: degC, K, m, m/min (line speed), s, MPa, N/m, um, g/m2,
Nm3/h, mL/min, rpm, % ... and each field says its own in its name or description. The models
live in one module per file kind; this one gathers their names.
"""

from __future__ import annotations

from config.alarm_models import AlarmLimits, AlarmRules, AlarmText, Suppression
from config.base import Condition, Model, Name, Span
from config.line_models import (
    Bus,
    CalculatedTag,
    Effect,
    Equipment,
    Hazard,
    Instrument,
    Line,
    LineHeader,
    RoleRanges,
    Station,
    TagSpec,
    Tank,
    Trip,
    WriteSpec,
    Zone,
)
from config.material_models import Agent, Kinetics, Monomer, Polymer, Solvent, Sourced
from config.recipe_models import (
    CoatedSide,
    CoatingLiquid,
    CorePolyimide,
    FilmTargets,
    PhaseUse,
    Recipe,
    RecipeHeader,
    Settings,
    UnitProcedure,
)
from config.words import Level, Priority, Role, Side

__all__ = [
    "Agent",
    "AlarmLimits",
    "AlarmRules",
    "AlarmText",
    "Bus",
    "CalculatedTag",
    "CoatedSide",
    "CoatingLiquid",
    "Condition",
    "CorePolyimide",
    "Effect",
    "Equipment",
    "FilmTargets",
    "Hazard",
    "Instrument",
    "Kinetics",
    "Level",
    "Line",
    "LineHeader",
    "Model",
    "Monomer",
    "Name",
    "PhaseUse",
    "Polymer",
    "Priority",
    "Recipe",
    "RecipeHeader",
    "Role",
    "RoleRanges",
    "Settings",
    "Side",
    "Solvent",
    "Sourced",
    "Span",
    "Station",
    "Suppression",
    "TagSpec",
    "Tank",
    "Trip",
    "UnitProcedure",
    "WriteSpec",
    "Zone",
]
