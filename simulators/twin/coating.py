"""The two slot coating heads: A on the air side at 16.0 m, B on the belt side at 17.0 m.

Process specification 6, slot mode. The order of sides everywhere is air, belt.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulators.twin.parameters import Parameters

Float = NDArray[np.float64]

AIR, BELT = 0, 1


def low_flow_limit_m(params: Parameters, speed_m_s: float) -> float:
    """Least wet thickness a slot bead can hold at a web speed, meters."""
    law = params.coating
    capillary = law.viscosity_pa_s * speed_m_s / law.surface_tension_n_m
    film = law.bead_coefficient * math.pow(capillary, 2.0 / 3.0)
    return law.bead_gap_m * film / (1.0 + film)


def layer_m(
    params: Parameters, wet_kg_m2: float, paa: float, agent: float, residue: float
) -> float:
    """Dry thickness of the layer a wet coat leaves, meters.

    Args:
        params: the parameters.
        wet_kg_m2: wet coat weight.
        paa: mass fraction of polyamic acid in the liquid.
        agent: mass fraction of the surface treatment agent.
        residue: kg of solid a kg of agent leaves.
    """
    solids = paa * params.coating.paa_yield + agent * residue
    return wet_kg_m2 * solids / params.material.layer_density_kg_m3


class Coater:
    """Both heads: feed pump 3 s, bead 5 s, fixed lane variation.

    Attributes:
        flow_cm3_s: flow into each head; bead_cm3_s: flow laid on the web.
        supply: share of the feed that arrives, 1 unless starved; ``starve`` ramps it.
        paa, agent, residue: composition of the liquid and yield of its agent.
        lane_factor: relative coat weight [2, lanes].
    """

    def __init__(self, params: Parameters, lanes: int, seed: int) -> None:
        law = params.coating
        self.params = params
        self.flow_cm3_s: Float = np.zeros(2)
        self.bead_cm3_s: Float = np.zeros(2)
        self.supply: Float = np.ones(2)
        self.starved = [False, False]
        self.paa = law.solids_paa
        self.agent = law.solids_agent
        self.residue = law.agent_residue
        rng = np.random.Generator(np.random.Philox(key=[seed, 310]))
        coarse = rng.normal(0.0, law.lane_sd, (2, law.lanes))
        place, at = np.linspace(0.0, 1.0, lanes), np.linspace(0.0, 1.0, law.lanes)
        factor = np.stack([np.interp(place, at, coarse[side]) for side in (AIR, BELT)])
        self.lane_factor: Float = 1.0 + factor - factor.mean(axis=1, keepdims=True)

    def step(self, dt: float, flow_ml_min: tuple[float, float], engaged: tuple[bool, bool]) -> None:
        """Advance pumps and beads by ``dt`` seconds; a retracted head lays nothing down."""
        law = self.params.coating
        pump, bead = math.exp(-dt / law.pump_tau_s), math.exp(-dt / law.bead_tau_s)
        for side in (AIR, BELT):
            ramp = -dt / law.starvation_s if self.starved[side] else dt / law.starvation_s
            self.supply[side] = min(1.0, max(0.0, self.supply[side] + ramp))
            target = flow_ml_min[side] / 60.0 * self.supply[side]
            flow = target + (self.flow_cm3_s[side] - target) * pump
            self.flow_cm3_s[side] = flow
            laid = self.bead_cm3_s[side] - flow
            self.bead_cm3_s[side] = flow + laid * bead if engaged[side] else 0.0

    def settle(self, flow_ml_min: tuple[float, float], engaged: tuple[bool, bool]) -> None:
        """Jump to the steady state of the inputs (start "running")."""
        for side in (AIR, BELT):
            self.flow_cm3_s[side] = flow_ml_min[side] / 60.0
            self.bead_cm3_s[side] = self.flow_cm3_s[side] if engaged[side] else 0.0

    def wet_m(self, side: int, speed_m_s: float) -> float:
        """Mean wet thickness laid on a side at a web speed, meters; 0 on a standing web."""
        if speed_m_s <= 0.0:
            return 0.0
        width = self.params.layout.width_coat_m
        return float(self.bead_cm3_s[side]) * 1e-6 / (width * speed_m_s)

    def wet_kg_m2(self, side: int, speed_m_s: float) -> float:
        """Mean wet coat weight laid on a side at a web speed, kg/m2."""
        return self.wet_m(side, speed_m_s) * self.params.coating.liquid_density_kg_m3

    def coverage(self, side: int, speed_m_s: float) -> float:
        """Share of the web covered, 0..1: below the low-flow limit the bead ribs and voids."""
        if speed_m_s <= 0.0:
            return 0.0
        return min(1.0, self.wet_m(side, speed_m_s) / low_flow_limit_m(self.params, speed_m_s))

    def dry_um(self, wet_kg_m2: float) -> float:
        """Dry layer thickness of a wet coat weight of this liquid, um."""
        return layer_m(self.params, wet_kg_m2, self.paa, self.agent, self.residue) * 1e6

    def agent_mg_m2(self, wet_kg_m2: float) -> float:
        """Agent laid down with a wet coat weight, mg/m2."""
        return wet_kg_m2 * self.agent * 1e6
