"""Lip bolts that do not answer: their temperature against what they were asked (fault F4).

A bolt moves by its own heat, 0.35 um per kelvin. When its target has rested for five time
constants at least 0.7 um (2 K) away from where it rested before, its temperature must have
followed; one that followed by less than 40 % is stuck.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan, nan

UM_PER_K = 0.35
REST_S = 450.0  # five time constants
LEAST_UM = 0.7
FOLLOWED = 0.4


@dataclass(slots=True)
class Bolt:
    """One bolt: where it rested last, and since when its target rests now."""

    target_um: float = nan
    rest_s: float = 0.0
    rested_um: float = nan
    rested_c: float = nan

    def step(self, target_um: float, actual_c: float, dt: float) -> bool:
        """Take target and temperature; True when it did not follow its last move."""
        if isnan(target_um) or isnan(actual_c):
            self.rest_s = 0.0
            return False
        self.rest_s = self.rest_s + dt if target_um == self.target_um else 0.0
        self.target_um = target_um
        if self.rest_s < REST_S:
            return False
        moved_um = target_um - self.rested_um
        if abs(moved_um) < LEAST_UM:  # small moves add up to one that can be judged
            return False
        stuck = (actual_c - self.rested_c) * UM_PER_K / moved_um < FOLLOWED
        self.rested_um, self.rested_c = target_um, actual_c
        return stuck


@dataclass(slots=True)
class BoltWatch:
    """All bolts of the lip."""

    count: int
    stuck: set[int] = field(default_factory=set)
    _bolts: list[Bolt] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the bolts."""
        self._bolts = [Bolt() for _ in range(self.count)]

    def step(self, targets_um: list[float], actual_c: list[float], dt: float) -> list[int]:
        """Take all targets and temperatures; returns bolts newly found stuck."""
        found = [
            k
            for k, bolt in enumerate(self._bolts)
            if bolt.step(targets_um[k], actual_c[k], dt) and k not in self.stuck
        ]
        self.stuck.update(found)
        return found
