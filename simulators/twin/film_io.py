"""What goes into and comes out of ``FilmGrid``: plain objects, rewritten in place each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from simulators.twin.parameters import EXHAUST_COUNT, ZONE_COUNT

Float = NDArray[np.float64]

STATIONS = (
    "PEEL",
    "GEL",
    "COAT_A",
    "COAT_B",
    "CD_EXIT",
    "PIN",
    "T2_EXIT",
    "T5_EXIT",
    "T8_EXIT",
    "SCAN",
    "LAYER",
    "WIND",
)
PEEL, GEL, COAT_A, COAT_B, CD_EXIT, PIN, T2_EXIT, T5_EXIT, T8_EXIT, SCAN, LAYER, WIND = range(12)


class CellFlag(IntFlag):
    """Marks of a cell; they stay with the film onto the roll."""

    LEADER = 1
    SCRAP = 2
    COATED_AIR = 4
    COATED_BELT = 8
    RIBS = 16  # wet coat below the low-flow limit of the bead
    WRINKLE = 32  # coated at LOH > 42 %: the liquid swells the gel
    POOR_BOND = 64  # coated at LOH < 30 %: poor interdiffusion
    STOOD = 128  # stood on the hot belt or above 400 degC longer than allowed


@dataclass(slots=True)
class Speeds:
    """Web speeds in m/min and the tenter's width ratio (process specification 5)."""

    belt: float = 0.0
    nip: float = 0.0
    rails: float = 0.0
    winder: float = 0.0
    width_td: float = 1.0


@dataclass(slots=True)
class ZoneState:
    """Zone conditions in the zone order (degC, degC, mole fraction)."""

    air_c: Float
    surface_c: Float
    vapor_y: Float

    @classmethod
    def at(cls, celsius: float) -> ZoneState:
        """All zones at one temperature, no vapor."""
        return cls(
            np.full(ZONE_COUNT, celsius), np.full(ZONE_COUNT, celsius), np.zeros(EXHAUST_COUNT)
        )


@dataclass(slots=True)
class Tally:
    """Running mass balance of the film, kg; a closed balance is self-check (a) and (b).

    In: ``paa_in``, ``solvent_in`` with dope that became film, ``coat_solvent_in`` with the
    coats, ``leader_in`` polymer of leader cells. Out: ``evaporated`` solvent, ``water`` of
    imidization, and ``polymer_out``/``solvent_out`` in film wound, trimmed or wasted, of which
    ``polymer_waste``/``solvent_waste`` went to waste. Dope too thin to be film counts as
    ``drip`` (solids and solvent) and never enters.
    """

    paa_in: float = 0.0
    solvent_in: float = 0.0
    coat_solvent_in: float = 0.0
    leader_in: float = 0.0
    evaporated: float = 0.0
    water: float = 0.0
    polymer_out: float = 0.0
    solvent_out: float = 0.0
    polymer_waste: float = 0.0
    solvent_waste: float = 0.0
    drip: float = 0.0


@dataclass(slots=True)
class FilmResult:
    """Result of one step; see ``simulators.twin.film``. NaN where there is no film."""

    lanes: int
    evap_kg_s: Float = field(init=False)
    evap_room_kg_s: float = 0.0
    water_kg_s: Float = field(init=False)
    heat_w: Float = field(init=False)
    present: NDArray[np.bool_] = field(init=False)
    gel_g_m2: Float = field(init=False)
    gel_solvent_wt_pct: float = np.nan
    gel_loh_pct: float = np.nan
    peel_loh_pct: float = np.nan
    peel_imid_pct: float = np.nan
    scan_um: Float = field(init=False)
    core_um: Float = field(init=False)
    scan_loh_pct: float = np.nan
    layer_um: Float = field(init=False)
    layer_film_c: float = np.nan
    layer_loh_pct: float = np.nan
    film_c: Float = field(init=False)
    film_between_pct: float = 0.0
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        """Allocate the arrays."""
        self.evap_kg_s = np.zeros(EXHAUST_COUNT)
        self.water_kg_s = np.zeros(EXHAUST_COUNT)
        self.heat_w = np.zeros(ZONE_COUNT)
        self.present = np.zeros(len(STATIONS), np.bool_)
        self.gel_g_m2 = np.full(self.lanes, np.nan)
        self.scan_um = np.full(self.lanes, np.nan)
        self.core_um = np.full(self.lanes, np.nan)
        self.layer_um = np.full((2, self.lanes), np.nan)
        self.film_c = np.full(4, np.nan)
