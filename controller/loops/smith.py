"""Machine-direction thickness to pump ratio through a Smith predictor on film length.

The dead time is a length of film, not a time: the model's answer to a trim is stored with the
label of the film cast with it and looked up again when that label is under a gauge, so the
predictor is exact through ramps and stops. Tuning in meters of film: closed-loop length half
the dead length (process specification 11: a 3 % step within 0.5 % in 1.9 dead times).

Two gauges share the one predictor: the final scanner decides; until it sees film, the core
thickness predicted from the gel gauge stands in, so the film is nearly right when it arrives.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque

from controller.loops.parts import ProfileLike, SnapshotLike, TableLike
from controller.loops.ratio import Trims

MODEL_S = 20.0  # pump and die hold-up, process specification 3.1
AUTHORITY = 0.08
_SPACING_M = 0.05
_KEPT_M = 80.0
_QUIET_S = 60.0  # after a speed change
_RUNNING = 1.0  # code of PROC.STATE
_SPEED_STEP_M_MIN = 1e-4
_PASS_M = 0.5  # film that passes the gauge in one traverse
_CHANGES = 8  # speed changes remembered


class SmithPredictor:
    """Relative controller of a unit-gain process with a dead length.

    Args:
        model_s: time constant of the process without its delay.
        authority: greatest correction, relative.

    Attributes:
        output: relative correction asked for.
    """

    def __init__(self, model_s: float = MODEL_S, authority: float = AUTHORITY) -> None:
        self.output = 0.0
        self._model_s = model_s
        self._authority = authority
        self._model = 0.0
        self._integral = 0.0
        self._labels: list[float] = []
        self._answers: list[float] = []

    def predict(self, cast_m: float, dt: float) -> None:
        """Advance the model: film with label ``cast_m`` is being cast with the present output."""
        self._model += (self.output - self._model) * -math.expm1(-dt / self._model_s)
        labels = self._labels
        if not labels or cast_m - labels[-1] >= _SPACING_M:
            labels.append(cast_m)
            self._answers.append(self._model)
            if cast_m - labels[0] > 2.0 * _KEPT_M:
                old = bisect_right(labels, cast_m - _KEPT_M)
                del labels[:old], self._answers[:old]

    def delayed(self, seen_m: float) -> float:
        """Model's answer for the film with label ``seen_m`` (cast before the first: none)."""
        later = bisect_right(self._labels, seen_m)
        if later == 0:
            return 0.0
        low = self._answers[later - 1]
        if later == len(self._labels):
            return low
        start = self._labels[later - 1]
        share = (seen_m - start) / (self._labels[later] - start)
        return low + share * (self._answers[later] - low)

    def correct(
        self, deviation: float, seen_m: float, moved_m: float, dt: float, closed_loop_m: float
    ) -> float:
        """Update the output from a measurement.

        Args:
            deviation: measured over target, less 1.
            seen_m: label of the film it was measured on.
            moved_m: meters cast since the last correction.
            dt: seconds since then.
            closed_loop_m: film length after which two thirds of an error are corrected.
        """
        error = -(deviation - self.delayed(seen_m)) - self._model
        integral = self._integral + error * moved_m / closed_loop_m
        speed = moved_m / dt if dt > 0.0 else 0.0
        limit = self._authority
        self._integral = min(max(integral, -limit), limit)
        output = self._integral + error * self._model_s * speed / closed_loop_m
        self.output = min(max(output, -limit), limit)
        return self.output

    def take(self, output: float) -> float:
        """Begin from a correction that is there; beyond the authority the last one stays."""
        if abs(output) <= self._authority:
            self.output = output
        self._integral = self.output
        return self.output

    def rest(self) -> None:
        """Keep the output while nothing can be learned."""
        self._integral = self.output


class Source:
    """One gauge the loop may correct from.

    Args:
        dead_m: film between die and gauge; the closed loop takes half of it.
        share: closed-loop length over dead length.
    """

    def __init__(
        self, table: TableLike, gauge: ProfileLike, tags: tuple[str, str, str], dead_m: float,
        share: float = 0.5,
    ) -> None:  # fmt: skip
        self.closed_loop_m = share * dead_m
        self._gauge = gauge
        self._rows = [table.index(tag) for tag in tags]
        self._passes = gauge.passes

    def read(self, known: list[float]) -> tuple[float, float, float]:
        """Core thickness, label of its film, and whether the gauge standardizes."""
        thickness, label, standardizing = (known[row] for row in self._rows)
        return thickness, label, standardizing

    def fresh(self) -> bool:
        """Whether a pass was completed since the last question."""
        fresh = self._gauge.passes != self._passes
        self._passes = self._gauge.passes
        return fresh


class ThicknessLoop:
    """Trim of the pump ratio from the scanner's mean core, before that from the gel gauge.

    Frozen while the speed changes and a minute after, while film cast in that time is under the
    gauge, while the gauge standardizes or is not GOOD, and while the procedure is not running (a
    web break holds it).
    """

    name = "md"

    def __init__(
        self,
        table: TableLike,
        scanner: tuple[ProfileLike, float],
        gel: tuple[ProfileLike, float],
        trims: Trims,
        target_um: float,
    ) -> None:
        self.auto = False
        self.frozen = ""
        self.predictor = SmithPredictor()
        self._trims = trims
        self._target = target_um
        self._scanner = Source(
            table, scanner[0], ("QI-CORE.MEAN", "film.SCAN.S", "ZS-601.STD"), scanner[1]
        )
        self._gel = Source(table, gel[0], ("QI-CORE.GEL", "film.GEL.S", "ZS-231.STD"), gel[1])
        self._seen_by_scanner = False
        self._cast, self._state = table.index("film.DIE.S"), table.index("PROC.STATE")
        self._request = table.index("SIC-210.SP")
        self._table = table
        self._speed = math.nan
        self._quiet_s = 0.0
        self._changes: deque[tuple[float, float]] = deque(maxlen=_CHANGES)
        self._last_m = math.nan
        self._since_s = 0.0

    def adopt(self, target_um: float) -> None:
        """Go on with the target of another recipe."""
        self._target = target_um

    def switch(self, *, on: bool) -> None:
        """Automatic from the present trim; manual keeps it."""
        if on == self.auto:
            return
        self.auto = on
        self._last_m = math.nan
        self._seen_by_scanner = False

    def take(self, trim: float) -> float:
        """Begin from the trim that is there, unless it is beyond the authority; returns it."""
        return 1.0 + self.predictor.take(trim - 1.0)

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> None:
        """Advance the model always, correct once a pass while on."""
        _ = now_ns
        known = snapshot.known
        cast = known[self._cast]
        self._watch_speed(cast, dt)
        if math.isnan(cast):
            return
        self.predictor.predict(cast, dt)
        self._since_s += dt
        if not self.auto:
            return
        source = self._source(known)
        thickness, seen, standardizing = source.read(known)
        self.frozen = self._why_frozen(thickness, seen, known[self._state], standardizing)
        if self.frozen:
            self.predictor.rest()
            self._last_m, self._since_s = cast, 0.0
        elif source.fresh():
            moved = 0.0 if math.isnan(self._last_m) else max(0.0, cast - self._last_m)
            self._trims.pump = 1.0 + self.predictor.correct(
                thickness / self._target - 1.0, seen, moved, self._since_s, source.closed_loop_m
            )
            self._last_m, self._since_s = cast, 0.0

    def _source(self, known: list[float]) -> Source:
        """The scanner from the first film it has seen on; the gel gauge never comes back."""
        if not self._seen_by_scanner:
            self._seen_by_scanner = not math.isnan(self._scanner.read(known)[0])
        return self._scanner if self._seen_by_scanner else self._gel

    def _watch_speed(self, cast: float, dt: float) -> None:
        speed = float(self._table.request[self._request])
        if abs(speed - self._speed) > _SPEED_STEP_M_MIN or math.isnan(self._speed):
            self._quiet_s = 0.0
        else:
            self._quiet_s += dt
        self._speed = speed
        if self._quiet_s >= _QUIET_S or math.isnan(cast):
            return
        if self._changes and cast - self._changes[-1][1] < _PASS_M:
            self._changes[-1] = (self._changes[-1][0], cast)
        else:
            self._changes.append((cast, cast))

    def _why_frozen(self, thickness: float, seen: float, state: float, standardizing: float) -> str:
        if state != _RUNNING:
            return "the procedure is not running"
        if self._quiet_s < _QUIET_S:
            return "the speed changes"
        if standardizing > 0.5:
            return "the gauge standardizes"
        if math.isnan(thickness) or math.isnan(seen):
            return "the mean of the gauge is not GOOD"
        if any(start - _PASS_M <= seen <= end + _PASS_M for start, end in self._changes):
            return "film cast while the speed changed is under the gauge"
        return ""
