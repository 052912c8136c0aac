"""Cross-direction thickness: lip bolts from the filtered gel gauge profile.

    u <- u - K H e,  H = (G'G + lambda I)^-1 G',  lambda = 0.03 sigma_max^2,  K = 0.35

with the bolt response G of process specification 3.3 and a fixed lane map. One action, then
the film cast after the bolts have settled must reach the gauge before the next (section 11).
Features narrower than two bolt pitches are not corrected: a running median takes out streaks,
a cosine low-pass the rest. Neighboring bolts differ by at most 10 um.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from config.models import Line
from controller.events import Event
from controller.loops.bolts import BoltWatch
from controller.loops.parts import ProfileLike, Request, Setter, SnapshotLike, TableLike, specs

Array = NDArray[np.float64]

GAIN_PER_UM = 0.006  # 0.60 % per um of lip movement
PITCH_M = 0.030
SIGMA_PITCH = 1.0
NECK_IN, NECK_IN_EDGE = 0.97, 0.02
RANGE_UM = 25.0
NEIGHBOR_UM = 10.0
REGULARIZATION = 0.03
STEP = 0.35
SETTLE_S = 180.0  # two time constants of a bolt
_MEDIAN_BINS = 11  # 55 mm: a streak narrower than half of it disappears
_LEAST_PASSES = 5
_LEAST_SEEN = 0.9
_BOLT_RATE_UM_S = 1.0


def bolt_response(position_m: Array, bolts: int, width_m: float) -> Array:
    """Relative thickness change per um of each bolt, less its width mean; [bins, bolts]."""
    offsets = (np.arange(bolts) - (bolts - 1) / 2.0) * PITCH_M
    at = (NECK_IN - NECK_IN_EDGE * (2.0 * offsets / width_m) ** 2) * offsets
    apart = (position_m[:, None] - at[None, :]) / (SIGMA_PITCH * PITCH_M)
    response = GAIN_PER_UM * np.exp(-0.5 * apart**2)
    return np.asarray(response - response.mean(axis=0))


def correction(response: Array) -> Array:
    """Regularized inverse of a response; [bolts, bins]."""
    largest = float(np.linalg.norm(response, 2))
    normal = response.T @ response
    penalty = REGULARIZATION * largest**2 * np.eye(normal.shape[0])
    return np.asarray(np.linalg.solve(normal + penalty, response.T))


def wide_features(profile: Array, bin_m: float) -> Array:
    """Profile without features narrower than two bolt pitches; unseen bins by interpolation."""
    seen = np.isfinite(profile)
    if not seen.any():
        return np.zeros_like(profile)
    places = np.arange(profile.size)
    whole = np.interp(places, places[seen], profile[seen])
    padded = np.pad(whole, _MEDIAN_BINS // 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _MEDIAN_BINS)
    smooth = np.median(windows, axis=1)
    count = int(2.0 * profile.size * bin_m / (2.0 * PITCH_M)) + 1
    phase = np.pi * (places[:, None] + 0.5) * np.arange(count)[None, :] / profile.size
    basis = np.cos(phase)
    weights, *_ = np.linalg.lstsq(basis, smooth, rcond=None)
    return np.asarray(basis @ weights)


def limited(bolts_um: Array) -> Array:
    """Bolts inside their range, centered, neighbors at most 10 um apart."""
    bounded = np.clip(bolts_um - bolts_um.mean(), -RANGE_UM, RANGE_UM)
    for order in (range(1, bounded.size), range(bounded.size - 2, -1, -1)):
        for number in order:
            neighbor = bounded[number - 1 if order.step > 0 else number + 1]
            bounded[number] = np.clip(
                bounded[number], neighbor - NEIGHBOR_UM, neighbor + NEIGHBOR_UM
            )
    return np.asarray(bounded)


class ProfileController:
    """The pure part: error profile in, bolt targets out.

    Attributes:
        bolts_um: present targets.
        excluded: bolts that do not answer; their share goes to the others.
    """

    def __init__(self, position_m: Array, bolts: int, width_m: float) -> None:
        self.bolts_um = np.zeros(bolts)
        self.excluded: set[int] = set()
        self._bin_m = float(position_m[1] - position_m[0])
        self._response = bolt_response(position_m, bolts, width_m)
        self._inverse = correction(self._response)

    def exclude(self, bolt: int) -> None:
        """Take a stuck bolt out; the others take over what they can (fault F4)."""
        self.excluded.add(bolt)
        response = self._response.copy()
        for number in sorted(self.excluded):
            response[:, number] = 0.0
        self._inverse = correction(response)

    def act(self, error: Array) -> Array:
        """Take one step against a relative error profile; returns the new targets, um."""
        wanted = self.bolts_um - STEP * (self._inverse @ wide_features(error, self._bin_m))
        fixed = sorted(self.excluded)
        kept = self.bolts_um[fixed]
        self.bolts_um = limited(wanted)
        self.bolts_um[fixed] = kept
        return self.bolts_um


class CrossDirectionLoop:
    """Runs the controller on the gel gauge, once per film delay and bolt settling.

    Args:
        gauge: filtered relative profile of the gel gauge.
        position_m: position of its bins across the web, from the center line.
    """

    name = "cd"

    def __init__(
        self, line: Line, table: TableLike, put: Request, gauge: ProfileLike, position_m: Array
    ) -> None:
        count = line.line.bolts
        known = specs(line)
        tags = [f"TY-{121 + number}.OP" for number in range(count)]
        self.auto = False
        self.frozen = ""
        self.actions = 0
        self.controller = ProfileController(position_m, count, line.line.web_width_die_m)
        self._gauge = gauge
        self._setters = [Setter(tag, table, put, known[tag], _BOLT_RATE_UM_S) for tag in tags]
        self._request = [table.index(tag) for tag in tags]
        self._tags = tags
        self._bolt_c = [table.index(f"TT-{121 + number}.PV") for number in range(count)]
        self._bolts = BoltWatch(count)
        self.events: list[Event] = []
        self._table = table
        self._cast, self._seen, self._state, self._standardizing = (
            table.index(name) for name in ("film.DIE.S", "film.GEL.S", "PROC.STATE", "ZS-231.STD")
        )
        self._wait_m = -math.inf
        self._settle_s = 0.0
        self._passes = 0
        self._moving = False

    def switch(self, *, on: bool) -> None:
        """Automatic from the bolts' present targets; manual keeps them."""
        if on == self.auto:
            return
        self.auto = on
        if on:
            present = np.array([float(self._table.request[index]) for index in self._request])
            self.controller.bolts_um = np.nan_to_num(present)
            self._wait_m = -math.inf
            self._settle_s = SETTLE_S
            self._passes = self._gauge.passes

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> None:
        """Act when the film that shows the last action has been measured."""
        known = snapshot.known
        self._look_at_bolts(known, now_ns, dt)
        if self._moving:
            self._move(now_ns, dt)
        if not self.auto:
            return
        cast, seen = known[self._cast], known[self._seen]
        self.frozen = self._why_frozen(known, cast, seen)
        if self.frozen:
            return
        if self._settle_s < SETTLE_S:
            self._settle_s += dt
            self._wait_m = cast if self._settle_s < SETTLE_S else self._wait_m
            self._passes = self._gauge.passes
        elif seen < self._wait_m:
            self._passes = self._gauge.passes
        elif self._gauge.passes - self._passes >= _LEAST_PASSES:
            self._act()

    def _look_at_bolts(self, known: list[float], now_ns: int, dt: float) -> None:
        """Take bolts that do not answer out, and let their neighbors do their share."""
        shown = [known[row] for row in self._request]
        for bolt in self._bolts.step(shown, [known[row] for row in self._bolt_c], dt):
            self.controller.exclude(bolt)
            cause = f"lip bolt {bolt + 1} does not follow: excluded, its share goes to the others"
            tag = self._tags[bolt]
            self.events.append(Event(now_ns, "loop", "bolt stuck", tag, None, shown[bolt], cause))

    def _act(self) -> None:
        profile = np.asarray(self._gauge.filtered, dtype=float)
        if np.isfinite(profile).mean() < _LEAST_SEEN:
            return
        self.controller.act(profile)
        self.actions += 1
        self._settle_s = 0.0
        self._moving = True

    def _move(self, now_ns: int, dt: float) -> None:
        goals = self.controller.bolts_um.tolist()
        reached = [
            setter.toward(round(goal, 2), "profile", now_ns, dt)
            for setter, goal in zip(self._setters, goals, strict=True)
        ]
        self._moving = not all(reached)

    def _why_frozen(self, known: list[float], cast: float, seen: float) -> str:
        if known[self._state] != 1.0:
            return "the procedure is not running"
        if known[self._standardizing] > 0.5:
            return "the gel gauge standardizes"
        if math.isnan(cast) or math.isnan(seen):
            return "the film position is not GOOD"
        return ""
