"""Gauges that travel across the web: gel gauge (beta and IR) and final scanner.

A frame runs forward over the product width while it measures, returns quickly without data,
and parks or standardizes off the web (process specification 8).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulators.twin.actuators import SCAN_BEHIND_RANGE, SCAN_NO_PEAK
from simulators.twin.faults import Faults
from simulators.twin.noise import GEL_GAUGE, SCANNER, Noise, generator
from simulators.twin.parameters import Parameters

Floats = NDArray[np.float64]
PARK_M = 0.28  # off the web on the operator's side
DAY_S = 86400.0


class Traverse:
    """Carriage of one gauge.

    Args:
        width_m: measured width; forward and reverse time to cross it, s.
        standardize_s: duration of a standardization.
        every_s: the gauge standardizes by itself when that long ago, 0 never.

    Attributes:
        x_m: position across the web, 0 at the center line.
        measuring: on the web, moving forward (or holding): the reading is valid.
        standardizing: off the web on its reference.
        parked: off the web, idle.
        standardized: number of standardizations completed.
    """

    __slots__ = (
        *("_back", "_dt", "_every", "_forward", "_half", "_pressed", "_since", "_std_s", "_until"),
        *("measuring", "parked", "reversing", "standardized", "standardizing", "x_m"),
    )

    def __init__(
        self,
        width_m: float,
        forward_s: float,
        reverse_s: float,
        standardize_s: float,
        every_s: float,
        dt_s: float,
    ) -> None:
        self._half = width_m / 2.0
        self._forward = width_m / forward_s * dt_s
        self._back = width_m / reverse_s * dt_s
        self._std_s = standardize_s
        self._every = every_s
        self._dt = dt_s
        self._since = 0.0
        self._until = 0.0
        self._pressed = False
        self.x_m = PARK_M
        self.parked = True
        self.measuring = False
        self.reversing = False
        self.standardizing = False
        self.standardized = 0

    def step(self, run: bool, park: bool, standardize: bool) -> None:
        """Advance one step: standardize acts on its rising edge, park wins over run."""
        self._since += self._dt
        wanted = standardize and not self._pressed
        self._pressed = standardize
        due = self._every > 0.0 and run and self._since >= self._every
        if self.standardizing:
            self._until -= self._dt
            if self._until > 1e-9:
                return
            self.standardizing = False
            self.standardized += 1
            self._since = 0.0
        elif wanted or due:
            self._begin()
            return
        if park or (self.parked and not run):
            self._off_web()
        elif run:
            self._move()

    def _begin(self) -> None:
        self._off_web()
        self.parked = False
        self.standardizing = True
        self._until = self._std_s

    def _off_web(self) -> None:
        self.x_m = PARK_M
        self.parked = True
        self.measuring = self.reversing = False

    def _move(self) -> None:
        if not (self.measuring or self.reversing):
            self.x_m = -self._half
            self.parked = False
            self.measuring = True
        elif self.measuring:
            self.x_m += self._forward
            if self.x_m >= self._half - 1e-9:
                self.measuring, self.reversing = False, True
        else:
            self.x_m -= self._back
            if self.x_m <= -self._half + 1e-9:
                self.x_m = -self._half
                self.measuring, self.reversing = True, False


class Profile:
    """Values over the lanes of the web, read at any position by linear interpolation."""

    __slots__ = ("_from", "_last", "_per_m", "values")

    def __init__(self, lane_x_m: Floats) -> None:
        self._from = float(lane_x_m[0])
        self._per_m = 1.0 / float(lane_x_m[1] - lane_x_m[0])
        self._last = len(lane_x_m) - 1
        self.values: list[float] = [math.nan] * len(lane_x_m)

    def at(self, x_m: float) -> float:
        """Return the value at a position; the edge lanes hold beyond the edges."""
        place = (x_m - self._from) * self._per_m
        if place <= 0.0:
            return self.values[0]
        if place >= self._last:
            return self.values[-1]
        low = int(place)
        left = self.values[low]
        return left + (place - low) * (self.values[low + 1] - left)


class GelGauge:
    """Beta gauge and IR head on one frame at the gel station.

    Attributes:
        weight_g_m2, solvent_wt_pct: present readings, held between spots of 0.5 s.
        frame: the carriage.
        gap_k: air-gap temperature above the one at the last standardization.
    """

    def __init__(self, params: Parameters, seed: int, lane_x_m: Floats, dt_s: float) -> None:
        s = params.sensors
        self.frame = Traverse(
            s.gel_traverse_m,
            s.gel_traverse_s,
            s.gel_reverse_s,
            s.standardize_s,
            s.standardize_every_s,
            dt_s,
        )
        self.weight = Profile(lane_x_m)
        self.solvent_wt_pct_true = math.nan
        self.weight_g_m2 = 0.0
        self.solvent_wt_pct = 0.0
        self.gap_k = 0.0
        self._noise = Noise(seed, GEL_GAUGE, 2)
        self._sigma = s.gel_sigma_g_m2
        self._gap = s.gel_gap_bias_g_m2_per_k
        self._ir_sigma = s.ir_sigma_wt_pct
        spread = float(generator(seed, GEL_GAUGE + 100).uniform(-1.0, 1.0))
        self._ir_drift_per_s = s.ir_drift_wt_pct_day * spread / DAY_S
        self._every = round(s.gel_spot_s / dt_s)
        self._wait = 0
        self._age_s = 0.0
        self._dt = dt_s

    def step(self, run: bool, standardize: bool, faults: Faults) -> None:
        """Advance one step; a new spot each 0.5 s."""
        frame = self.frame
        done = frame.standardized
        frame.step(run, not run, standardize)
        if frame.standardized != done:
            self.gap_k = 0.0
        self._age_s += self._dt
        self._wait -= 1
        if self._wait > 0:
            return
        self._wait = self._every
        noise = self._noise.values()
        weight = self.weight.at(frame.x_m) if frame.measuring else math.nan
        if math.isnan(weight):
            self.weight_g_m2 = abs(self._sigma * noise[0])
            self.solvent_wt_pct = 0.0
            return
        bias = self._gap * self.gap_k + faults.gel_bias_g_m2
        self.weight_g_m2 = weight + bias + self._sigma * noise[0]
        drift = self._ir_drift_per_s * self._age_s
        self.solvent_wt_pct = self.solvent_wt_pct_true + drift + self._ir_sigma * noise[1]


class FinalScanner:
    """Thickness gauge of the finished film on its traverse, ten values a second.

    Attributes:
        scan_um: reading, NaN without film, off the web or on the way back.
        error: error status bits that go with it.
        bias_um: calibration bias of the lot.
    """

    def __init__(self, params: Parameters, seed: int, lane_x_m: Floats, dt_s: float) -> None:
        s = params.sensors
        self.frame = Traverse(
            params.layout.width_product_m,
            s.scanner_traverse_s,
            s.scanner_reverse_s,
            s.standardize_s,
            0.0,
            dt_s,
        )
        self.thickness = Profile(lane_x_m)
        self.scan_um = math.nan
        self.error = SCAN_NO_PEAK
        self._noise = Noise(seed, SCANNER, 1)
        self._rel = s.scanner_bin_noise
        draw = generator(seed, SCANNER + 100)
        sign = 1.0 if draw.random() < 0.5 else -1.0
        self.bias_um = sign * s.scanner_bias_um * float(draw.uniform(0.5, 1.5))

    def step(self, run: bool, park: bool, standardize: bool, faults: Faults) -> None:
        """Advance one step; each step is one value."""
        frame = self.frame
        frame.step(run, park, standardize)
        noise = self._noise.values()[0]
        if faults.scan_stuck:
            return
        true = self.thickness.at(frame.x_m) if frame.measuring else math.nan
        if math.isnan(true):
            self.scan_um = math.nan
            self.error = SCAN_NO_PEAK
        elif faults.scan_dirty:
            self.scan_um = math.nan
            self.error = SCAN_BEHIND_RANGE
        else:
            bias = self.bias_um + faults.scan_bias_um
            self.scan_um = true * (1.0 + self._rel * noise) + bias
            self.error = 0
