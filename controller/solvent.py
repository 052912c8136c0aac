"""Solvent on its way to the ovens: what pump and coater feed, where it leaves the film.

Shares per zone are fractions of the reference run (process specification 4.4), raised to what a
recipe's own film gives off where that is more. The lower flammable limit is fixed from each
zone's highest set point (pilot line 4): 1.8 vol% x (1 - 0.0015 max(0, T - 100 degC)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PUMP = "SIC-110"
BELT = "SIC-210"
DIVERTER = "XV-110.CMD"  # 1 = die, 0 = recirculation
COATERS = ("FIC-301A", "FIC-301B")

_DMAC_KG_MOL = 0.08712
_DMAC_KG_M3 = 937.0
_SOLIDS_KG_M3 = 1400.0
_NORMAL_M3_MOL = 0.02406  # as in process specification 7.2
_FED_G_M2 = 183.88

# Evaporated g/m2 per zone in the reference run: belt zones from the dope alone, the later
# ones from what the peeled gel still holds and the coat.
_BELT_G_M2 = {"B1": 65.2, "B2": 73.9, "B3": 23.7, "B4": 3.1}
_OVEN_G_M2 = {
    "CD": 3.5,
    "T1": 10.7,
    "T2": 6.8,
    "T3": 2.7,
    "T4": 1.3,
    "T5": 0.35,
    "T6": 0.28,
    "T7": 0.03,
}  # fmt: skip


def _coat_shares() -> dict[str, float]:
    total = sum(_OVEN_G_M2.values())
    return {zone: mass / total for zone, mass in _OVEN_G_M2.items()}


def _dope_shares() -> dict[str, float]:
    shares = {zone: mass / _FED_G_M2 for zone, mass in _BELT_G_M2.items()}
    left = 1.0 - sum(shares.values())
    shares.update({zone: share * left for zone, share in COAT_SHARE.items()})
    return shares


COAT_SHARE: Mapping[str, float] = _coat_shares()
DOPE_SHARE: Mapping[str, float] = _dope_shares()


@dataclass(frozen=True)
class Shares:
    """Share of the solvent fed with dope and with coating that leaves the film in each zone."""

    dope: Mapping[str, float]
    coat: Mapping[str, float]


REFERENCE_SHARES = Shares(DOPE_SHARE, COAT_SHARE)


def dope_solvent_kg_h(pump_rpm: float, cc_per_rev: float, solids_wt_pct: float) -> float:
    """Solvent in the dope that a gear pump delivers, kg/h; ``cc_per_rev`` at nominal slip."""
    solids = solids_wt_pct / 100.0
    density = 1.0 / (solids / _SOLIDS_KG_M3 + (1.0 - solids) / _DMAC_KG_M3)
    m3_h = pump_rpm * cc_per_rev * 60.0 * 1e-6
    return m3_h * density * (1.0 - solids)


def coat_solvent_kg_h(flow_ml_min: float) -> float:
    """Solvent in the coating liquid, kg/h; all of it counts as solvent (it holds over 90 %)."""
    return flow_ml_min * 60.0 * 1e-6 * _DMAC_KG_M3


def lower_flammable_vol_pct(maximum_c: float) -> float:
    """Lower flammable limit of the vapor at a zone's highest set point, vol%."""
    return 1.8 * (1.0 - 0.0015 * max(0.0, maximum_c - 100.0))


def flow_for_nm3_h(evaporation_kg_h: float, lfl_fraction: float, maximum_c: float) -> float:
    """Exhaust flow that holds a zone at a fraction (0 to 1) of its flammable limit, Nm3/h."""
    vapor_nm3_h = evaporation_kg_h / _DMAC_KG_MOL * _NORMAL_M3_MOL
    return vapor_nm3_h / (lfl_fraction * lower_flammable_vol_pct(maximum_c) / 100.0)


def load_at_kg_h(flow_nm3_h: float, lfl_fraction: float, maximum_c: float) -> float:
    """Evaporation that an exhaust flow carries at a fraction of the flammable limit, kg/h."""
    vapor_nm3_h = flow_nm3_h * lfl_fraction * lower_flammable_vol_pct(maximum_c) / 100.0
    return vapor_nm3_h / _NORMAL_M3_MOL * _DMAC_KG_MOL


def zone_evaporation_kg_h(
    zone: str, dope_kg_h: float, coat_kg_h: float, shares: Shares = REFERENCE_SHARES
) -> float:
    """Solvent that leaves the film in a zone, kg/h."""
    return shares.dope.get(zone, 0.0) * dope_kg_h + shares.coat.get(zone, 0.0) * coat_kg_h
