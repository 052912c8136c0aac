"""The known materials: one file each in ``config/materials``, every number with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from config.models import Agent, Monomer, Polymer, Solvent
from config.problems import Category, suggestion
from config.source import Source
from config.units import canonical, convert, known
from config.vocabulary import DIAMINES, DIANHYDRIDES

MATERIAL_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "precursor_repeat_g_mol": "g/mol",
        "imide_repeat_g_mol": "g/mol",
        "molar_mass_g_mol": "g/mol",
        "precursor_density_kg_m3": "kg/m3",
        "imide_density_kg_m3": "kg/m3",
        "density_kg_m3": "kg/m3",
        "tg_c": "degC",
        "boiling_c": "degC",
        "flash_c": "degC",
        "autoignition_c": "degC",
        "lfl_vol_pct": "vol%",
        "residue_kg_kg": "kg/kg",
        "residue_burnt_kg_kg": "kg/kg",
    }
)
"""Unit the code computes in, per field that carries a number with its source."""


@dataclass(frozen=True)
class Materials:
    """All materials by name."""

    polymers: Mapping[str, Polymer]
    solvents: Mapping[str, Solvent]
    agents: Mapping[str, Agent]

    def polymer_of(
        self, dianhydrides: Sequence[Monomer], diamines: Sequence[Monomer]
    ) -> Polymer | None:
        """The polyimide of exactly these monomers, or None when nothing is known of it."""
        acid, amine = {m.name for m in dianhydrides}, {m.name for m in diamines}
        for polymer in self.polymers.values():
            if set(polymer.dianhydrides) == acid and set(polymer.diamines) == amine:
                return polymer
        return None


def convert_numbers(source: Source) -> None:
    """Turn every number of a material file into its canonical unit, or report its unit."""
    for name, wanted in MATERIAL_UNITS.items():
        entry = source.data.get(name)
        if not isinstance(entry, dict):
            continue
        unit, value = entry.get("unit"), entry.get("value")
        if not isinstance(unit, str) or isinstance(value, bool | str) or value is None:
            continue  # the typed model says what is wrong
        if not known(unit) or canonical(unit) != wanted:
            source.report(Category.UNIT, (name, "unit"), "does not measure this", f"use {wanted}")
            continue
        source.data[name] = entry | {"value": convert(value, unit, wanted), "unit": wanted}


def check_polymer(source: Source, polymer: Polymer) -> None:
    """Report what is wrong inside a polymer's file."""
    for key, known_names in (("dianhydrides", DIANHYDRIDES), ("diamines", DIAMINES)):
        for i, name in enumerate(getattr(polymer, key)):
            if name not in known_names:
                source.report(
                    Category.REFERENCE,
                    (key, i),
                    "no such monomer",
                    suggestion(name, known_names) or "one of " + ", ".join(known_names),
                )
    if polymer.imide_repeat_g_mol.value >= polymer.precursor_repeat_g_mol.value:
        source.report(
            Category.CONTRADICTION,
            ("imide_repeat_g_mol", "value"),
            "imidization must lose water",
            f"less than {polymer.precursor_repeat_g_mol.value:g} g/mol",
        )
    kinetics = polymer.kinetics
    if kinetics is None:
        return
    if len(kinetics.weight) != len(kinetics.activation_kj_mol):
        source.report(
            Category.CONTRADICTION,
            ("kinetics", "weight"),
            "one weight per activation energy",
            f"{len(kinetics.activation_kj_mol)} weights",
        )
    elif abs(sum(kinetics.weight) - 1.0) > 1e-6:
        source.report(
            Category.CONTRADICTION,
            ("kinetics", "weight"),
            f"weights add up to {sum(kinetics.weight):g}",
            "they must add up to 1",
        )
