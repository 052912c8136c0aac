"""The PID algorithms of all temperature controllers, stepped together as one vector.

Each controller instrument owns one index of the bank: it sets where the loop is going and
what it may do, and reads what the loop did. Positional PI with conditional integration and a
clamped integral, so that a saturated ramp does not wind up (pilot line 2: Kc 0.02 duty per
K, Ti 300 s).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GAIN_PER_K = 0.02
INTEGRAL_S = 300.0
BURNT_OUT_C = 1300.0  # above any type K reading of this line: upscale burn-out


class LoopBank:
    """PI controllers number 0 .. count-1; the owner of an index sets its entries directly.

    Args:
        count: number of loops.
        period_s: time between steps.

    Attributes:
        pv: process value of the last step, degC.
        target: set point the loop is heading for, degC.
        wsp: working set point, after the rate limit, degC.
        rate: greatest change of ``wsp`` a step, K; infinite is none. Set by ``set_rate``.
        gain: duty per K.
        reset: duty per K and step of the integral.
        high: greatest duty, 0..1; 0 is standby, stop or a tripped watchdog.
        manual: duty in manual; NaN in automatic. Set by ``set_manual``.
        integral: duty held by the integral.
        duty: output, 0..1.
    """

    __slots__ = (
        *("duty", "gain", "high", "integral", "manual", "period_s", "pv", "rate", "reset"),
        *("target", "wsp", "_any_manual", "_any_rate", "_error", "_free", "_ones"),
    )

    def __init__(self, count: int, period_s: float = 0.1) -> None:
        self.period_s = period_s
        self.pv: Floats = np.full(count, 20.0)
        self.target: Floats = np.full(count, 20.0)
        self.wsp: Floats = np.full(count, 20.0)
        self.rate: Floats = np.full(count, np.inf)
        self.gain: Floats = np.full(count, GAIN_PER_K)
        self.reset: Floats = np.full(count, GAIN_PER_K * period_s / INTEGRAL_S)
        self.high: Floats = np.ones(count)
        self.manual: Floats = np.full(count, np.nan)
        self.integral: Floats = np.zeros(count)
        self.duty: Floats = np.zeros(count)
        self._error: Floats = np.zeros(count)
        self._free = np.ones(count, dtype=np.bool_)
        self._ones: Floats = np.ones(count)
        self._any_manual = False
        self._any_rate = False

    def tune(self, index: int, band_k: float, integral_s: float) -> None:
        """Set proportional band (K for 100 % duty) and integral time (0: none)."""
        gain = 1.0 / max(band_k, 0.1)
        self.gain[index] = gain
        self.reset[index] = gain * self.period_s / integral_s if integral_s > 0.0 else 0.0

    def set_rate(self, index: int, kelvin_per_s: float) -> None:
        """Limit how fast the working set point moves; 0 is no limit."""
        self.rate[index] = kelvin_per_s * self.period_s if kelvin_per_s > 0.0 else np.inf
        self._any_rate = bool(np.isfinite(self.rate).any())

    def set_manual(self, index: int, duty: float | None) -> None:
        """Hold the output at ``duty``, or return to automatic without a bump (None)."""
        if duty is None and not np.isnan(self.manual[index]):
            error = self.wsp[index] - self.pv[index]
            held = self.duty[index] - self.gain[index] * error
            self.integral[index] = min(max(held, 0.0), 1.0)
        self.manual[index] = np.nan if duty is None else duty
        self._any_manual = not bool(np.isnan(self.manual).all())

    def preset(self, index: int, set_point_c: float, duty: float) -> None:
        """Start a loop in balance: at its set point with the duty that holds it there."""
        self.pv[index] = self.target[index] = self.wsp[index] = set_point_c
        self.integral[index] = self.duty[index] = duty

    def step(self, pv: Floats) -> Floats:
        """Run every loop once on the process values ``pv``; return the duties."""
        error, duty, integral = self._error, self.duty, self.integral
        np.copyto(self.pv, pv)
        if self._any_rate:
            np.subtract(self.target, self.wsp, out=error)
            np.maximum(error, -self.rate, out=error)
            np.minimum(error, self.rate, out=error)
            np.add(self.wsp, error, out=self.wsp)
        else:
            np.copyto(self.wsp, self.target)
        np.subtract(self.wsp, pv, out=error)
        if not -np.inf < error.dot(self._ones) < np.inf:
            self._mask_broken()
        np.multiply(error, self.gain, out=duty)
        np.add(duty, integral, out=duty)
        np.minimum(duty, self.high, out=error)
        np.maximum(error, 0.0, out=error)
        np.equal(duty, error, out=self._free)
        np.copyto(duty, error)
        np.subtract(self.wsp, self.pv, out=error)
        np.multiply(error, self.reset, out=error)
        np.multiply(error, self._free, out=error)
        np.add(integral, error, out=integral)
        np.minimum(integral, self.high, out=integral)
        np.maximum(integral, 0.0, out=integral)
        if self._any_manual:
            forced = np.minimum(self.manual, self.high)
            np.copyto(duty, forced, where=~np.isnan(forced))
        return duty

    def _mask_broken(self) -> None:
        """A process value that is no number counts as burnt out, upscale: no heat."""
        np.copyto(self.pv, 1372.0, where=~np.isfinite(self.pv))
        np.subtract(self.wsp, self.pv, out=self._error)
