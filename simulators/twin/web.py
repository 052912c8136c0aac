"""Web tension, drives, encoders and the wound roll (process specification 5).

A span between driven rolls: ``dT/dt = [EA (v2 - v1) + T1 v1 - T2 v2] / L``, advanced by the exact
solution for one step. In the gel the elastic draw also decays over a relaxation length, so that a
draw of half a percent leaves a tension near its set point. The nip, rails, pull roll and winder
trim their speeds a little to hold the tension set points, as the plant's drives do by themselves.
"""

from __future__ import annotations

import math

from simulators.twin.actuators import Actuators
from simulators.twin.faults import Faults
from simulators.twin.noise import DRIVES, Noise, generator
from simulators.twin.parameters import Parameters

SPANS = 4  # nip-coater, coater-rails, rails-pull roll, pull roll-winder
SPAN_ENDS_M = (16.0, 21.0, 42.0)  # where a span ends and the next begins
BREAKS_AT_M = (14.5, 20.9)  # where an overloaded gel parts
GEL_SPANS = 2
INTEGRAL = 4.0  # integral time of a trim in closed-loop times
IDLE_SHARE = 0.9  # a backing roll slower than this share of the nip turns with the web
STANDSTILL_M_S = 1.0e-4
PM_TO_MS = 1.0 / 60.0


def span_at(place_m: float) -> int:
    """Return the number of the span that loses its tension when the web parts at a place."""
    return sum(place_m > end for end in SPAN_ENDS_M)


class Tension:
    """Tension of one span and the trim of the drive that holds it.

    Attributes:
        value: N/m; 0 without film.
        trim: share of the speed the drive adds.
    """

    __slots__ = (
        *("_dt", "_ea", "_length", "_relax", "_slip", "_trim_max", "_trim_s"),
        *("film", "sum", "trim", "value"),
    )

    def __init__(self, length_m: float, ea_n_m: float, web: WebSettings) -> None:
        self._length = length_m
        self._ea = ea_n_m
        self._relax = 0.0
        self._slip = web.slip_n_m
        self._dt = web.dt_s
        self._trim_max = web.trim_max
        self._trim_s = web.trim_s
        self.value = 0.0
        self.trim = 0.0
        self.sum = 0.0
        self.film = False

    def set_film(self, present: bool, ea_n_m: float, relax_share: float, most_n_m: float) -> None:
        """Tell what lies in the span.

        Args:
            present: film over the whole span.
            ea_n_m: its stiffness.
            relax_share: span over relaxation length.
            most_n_m: tension above which it slips on its rolls.
        """
        self.film = present
        self._ea = ea_n_m
        self._relax = relax_share
        self._slip = most_n_m

    def advance(self, v1: float, v2: float, before: float, target: float) -> None:
        """Advance one step between roll speeds m/s, with the tension before and the set point."""
        if not self.film:
            self.value = 0.0
            self.trim = self.sum = 0.0
            return
        drain = v2 * (1.0 + self._relax)
        gain = self._ea / self._length
        if drain < STANDSTILL_M_S:
            self.value += gain * (v2 - v1) * self._dt
        else:
            goal = (self._ea * (v2 - v1) + before * v1) / drain
            self.value = goal + (self.value - goal) * math.exp(-drain * self._dt / self._length)
        self.value = min(max(self.value, 0.0), self._slip)
        if v2 > STANDSTILL_M_S:
            self._regulate(target, gain * v2)

    def _regulate(self, target: float, gain: float) -> None:
        error = (target - self.value) / (gain * self._trim_s)
        limit = self._trim_max
        self.sum = min(max(self.sum + error * self._dt / (INTEGRAL * self._trim_s), -limit), limit)
        self.trim = min(max(self.sum + error, -limit), limit)


class WebSettings:
    """Constants shared by the spans."""

    __slots__ = ("dt_s", "slip_n_m", "trim_max", "trim_s")

    def __init__(self, params: Parameters, dt_s: float) -> None:
        self.dt_s = dt_s
        self.trim_max = params.web.trim_max
        self.trim_s = params.web.trim_s
        self.slip_n_m = params.web.slip_n_m


class Web:
    """Drives, four spans, encoders and roll.

    Attributes:
        belt, nip, coater, rails, pull, winder: true surface speeds, m/s.
        tension: the four spans, N/m by ``tension[k].value``.
        peel_n_m: force at the peel line.
        shake_n_m: what its spikes, faster than any drive, add to the first load cell.
        torque_pct: torque of the tenter rails.
        roll_m: outer diameter of the wound roll; wound_m: length on it; rolls_m: lengths of
            the rolls taken off before it.
        counts: encoder counts of belt, rails, winder, 0.1 mm each.
        broke_at_m: where the web broke by itself in this step, else None.
    """

    def __init__(self, params: Parameters, seed: int, dt_s: float) -> None:
        web = params.web
        settings = WebSettings(params, dt_s)
        self._web = web
        self._dt = dt_s
        self._lag = -math.expm1(-dt_s / web.drive_tau_s)
        self._coast = -math.expm1(-dt_s / web.coast_s)
        self._noise = Noise(seed, DRIVES, 6)
        modulus = (web.gel_ea_n_m, web.gel_ea_n_m, web.cured_ea_n_m, web.cured_ea_n_m)
        self.tension = [Tension(web.span_m[k], modulus[k], settings) for k in range(SPANS)]
        self._idle_share = web.span_m[0] / (web.span_m[0] + web.span_m[1])
        slips = generator(seed, DRIVES + 100).random(3) * web.slip_max
        self._counts_per_m = [1e4 * (1.0 - float(slip)) for slip in slips]
        self.counts = [0.0, 0.0, 0.0]
        self._speeds = [0.0] * 5
        self.belt = self.nip = self.coater = self.rails = self.pull = self.winder = 0.0
        self.peel_n_m = self.shake_n_m = 0.0
        self._stick = 1.0
        self.torque_pct = 0.0
        self.roll_m = web.core_diameter_m
        self.wound_m = 0.0
        self._wound_area = 0.0
        self.wind_um = 0.0
        self.rolls_m: list[float] = []
        self.broke_at_m: float | None = None

    def start_at(self, belt: float, nip: float, coater: float, rails: float, winder: float) -> None:
        """Put the drives at these speeds, m/min, and the tensions at their set points."""
        self._speeds = [v * PM_TO_MS for v in (belt, nip, coater, rails, winder)]
        for span, target in zip(self.tension, self._targets(), strict=True):
            span.value = target

    def set_film(self, present: tuple[bool, bool, bool, bool], gel: bool, loh: float) -> None:
        """Tell which spans hold film, whether the gel (not the leader) is in the first two.

        Args:
            present: film over the whole of each span.
            gel: wet film in the first two spans.
            loh: loss on heating at the peel line, 0..1; NaN without film.
        """
        web = self._web
        for k in range(SPANS):
            if gel and k < GEL_SPANS:
                relax = web.span_m[k] / web.relax_length_m
                self.tension[k].set_film(present[k], web.gel_ea_n_m, relax, math.inf)
            else:
                self.tension[k].set_film(present[k], web.cured_ea_n_m, 0.0, web.slip_n_m)
        self._stick = web.peel_stick_factor if loh < web.peel_stick_loh else 1.0
        low, high = web.peel_force_n_m
        wet, dry = web.peel_loh
        share = 0.0 if math.isnan(loh) else min(max((wet - loh) / (wet - dry), 0.0), 1.0)
        self.peel_n_m = (low + (high - low) * share) * self._stick if gel else 0.0

    def break_at(self, place_m: float) -> None:
        """Part the web: the span there loses its tension at once."""
        span = self.tension[span_at(place_m)]
        span.film = False
        span.value = 0.0

    def step(self, act: Actuators, released: bool, faults: Faults) -> None:
        """Advance one step; without ``released`` (safety circuit open) the drives coast down."""
        noise = self._noise.values()
        self._drive(act, released, noise)
        self._spans(faults, noise[5])
        dt = self._dt
        counts, per_m = self.counts, self._counts_per_m
        counts[0] += self.belt * dt * per_m[0]
        counts[1] += self.rails * dt * per_m[1]
        counts[2] += self.winder * dt * per_m[2]
        self._wind()

    def _drive(self, act: Actuators, released: bool, noise: list[float]) -> None:
        speeds = self._speeds
        if released:
            lag = self._lag
            goals = (act.belt, act.nip, act.coater_m_min, act.rails, act.winder)
            for k in range(5):
                speeds[k] += lag * (goals[k] * PM_TO_MS - speeds[k])
        else:
            for k in range(5):
                speeds[k] -= self._coast * speeds[k]
        spread = self._web.drive_noise
        spans = self.tension
        self.belt = speeds[0] * (1.0 + spread * noise[0])
        # A slower nip tightens the span behind it; the other drives sit at their span's end.
        self.nip = speeds[1] * (1.0 + spread * noise[1] - spans[0].trim)
        self.rails = speeds[3] * (1.0 + spread * noise[3] + spans[1].trim)
        self.pull = speeds[3] * (1.0 + spans[1].trim + spans[2].trim)
        self.winder = speeds[4] * (1.0 + spread * noise[4] + spans[3].trim)
        if speeds[2] > IDLE_SHARE * speeds[1]:
            self.coater = speeds[2] * (1.0 + spread * noise[2])
        else:
            self.coater = self.nip + (self.rails - self.nip) * self._idle_share

    def _targets(self) -> tuple[float, float, float, float]:
        web = self._web
        taper = 1.0 - web.wind_taper * (1.0 - web.core_diameter_m / self.roll_m)
        return (
            web.tension_peel_n_m,
            web.tension_coater_n_m,
            web.tension_cured_n_m,
            web.tension_wind_n_m * taper,
        )

    def _spans(self, faults: Faults, spike: float) -> None:
        web = self._web
        targets = self._targets()
        factor = faults.peel_factor
        peel = self.peel_n_m * factor
        self.shake_n_m = 0.0
        if factor * self._stick > 1.0:
            rate = self.belt / PM_TO_MS / web.peel_rate_ref_m_min
            peel *= max(rate, 0.0) ** web.peel_rate_power
            self.shake_n_m = web.peel_through * web.peel_spike * spike * peel
            peel *= 1.0 + web.peel_spike * spike
        one, two, three, four = self.tension
        one.advance(self.nip, self.coater, peel, targets[0])
        two.advance(self.coater, self.rails, one.value, targets[1])
        three.advance(self.rails, self.pull, 0.0, targets[2])
        four.advance(self.pull, self.winder, three.value, targets[3])
        self.broke_at_m = None
        if max(one.value, two.value) > web.gel_strength_n_m:
            self.broke_at_m = BREAKS_AT_M[0 if one.value > two.value else 1]
        moving = 1.0 if self.rails > STANDSTILL_M_S else 0.0
        load = 0.7 + 0.3 * two.value / web.tension_coater_n_m
        extra = web.lost_pin_torque if faults.pins_lost else 0.0
        self.torque_pct = moving * web.rail_torque_pct * (load + extra)

    def _wind(self) -> None:
        if not self.tension[3].film:
            return
        length = self.winder * self._dt
        self.wound_m += length
        self._wound_area += length * self.wind_um * 1e-6
        core = self._web.core_diameter_m
        self.roll_m = math.sqrt(core * core + 4.0 / math.pi * self._wound_area)

    def new_roll(self) -> None:
        """Put an empty core on the winder."""
        self.rolls_m.append(self.wound_m)
        self.roll_m = self._web.core_diameter_m
        self.wound_m = self._wound_area = 0.0
