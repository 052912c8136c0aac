"""Whether a live run followed its dry run: both records side by side, nothing else.

"Follows" means: the same sequence of states, zone temperatures within 3 K, core within 0.3 um,
meters within 1 %. People and timers make a live run a little later here and there, so the two
are laid over each other piece by piece, from one landmark of the procedure to the next, and a
ramp that waits for its slowest zone may be up to 30 s ahead or behind.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.models import Line
from controller.events import Event
from controller.historian.configuration import recorded_line
from controller.historian.query import Record

ZONE_K, CORE_UM, METERS_PCT = 3.0, 0.3, 1.0
STEP_S = 10.0
EARLY_LATE_S = 30.0
_NS = 1e9
_LANDMARKS = ("state", "ask", "answer", "switch", "log")
_CORE, _ROLL, _CAST = "QI-CORE.MEAN", "film.ROLL_M", "film.CAST_M"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """What two records came to, live first.

    Attributes:
        states: sequences. compared_s: line seconds laid over each other.
        zones_k: greatest difference of each zone, a shift of 30 s allowed.
        at_once_k: the same without a shift.
        core_um, roll_m, cast_m: of both; the core
            is the mean over the same stretch, NaN where it was never seen.
        shift_s: greatest delay between landmarks of the two.
    """

    states: tuple[list[str], list[str]]
    compared_s: float
    zones_k: dict[str, float]
    at_once_k: dict[str, float]
    core_um: tuple[float, float]
    roll_m: tuple[float, float]
    cast_m: tuple[float, float]
    shift_s: float

    @property
    def troubles(self) -> list[str]:
        """Where the live run does not follow; empty when it does."""
        found = []
        live, dry = self.states
        if live != dry:
            found.append(f"states: {' '.join(live)} against {' '.join(dry)}")
        found += [
            f"zone {zone}: {kelvin:.1f} K apart (bar {ZONE_K:g})"
            for zone, kelvin in self.zones_k.items()
            if not kelvin <= ZONE_K
        ]
        if abs(self.core_um[0] - self.core_um[1]) > CORE_UM:
            found.append(f"core: {self.core_um[0]:.2f} against {self.core_um[1]:.2f} um")
        for name, (here, there) in (("roll", self.roll_m), ("cast", self.cast_m)):
            if abs(here - there) > METERS_PCT / 100.0 * max(there, 1.0):
                found.append(f"{name}: {here:.2f} against {there:.2f} m")
        return found

    def to_json(self) -> str:
        """All figures."""
        return json.dumps(asdict(self) | {"troubles": self.troubles}, indent=1) + "\n"


def compare(live: Path, dry: Path, *, seconds: float | None = None) -> Comparison:
    """Lay a live record over a dry one.

    Args:
        live: folder of the live record.
        dry: folder of the dry run's record.
        seconds: only so many line seconds after the procedure began; None: all of it.
    """
    with Record(live) as here, Record(dry) as there:
        line = recorded_line(there.info()["line_text"])
        ours, theirs = _Story(here, seconds), _Story(there, seconds)
        at_live, at_dry, shift_s = _laid_over(ours, theirs)
        return Comparison(
            states=(ours.states, theirs.states),
            compared_s=len(at_dry) * STEP_S,
            zones_k=_zones(line, ours, theirs, at_live, at_dry, EARLY_LATE_S),
            at_once_k=_zones(line, ours, theirs, at_live, at_dry, 0.0),
            core_um=(_mean(ours.at(_CORE, at_live)), _mean(theirs.at(_CORE, at_dry))),
            roll_m=(_top(ours.at(_ROLL, at_live)), _top(theirs.at(_ROLL, at_dry))),
            cast_m=(_top(ours.at(_CAST, at_live)), _top(theirs.at(_CAST, at_dry))),
            shift_s=shift_s,
        )


class _Story:
    """One record since its procedure began to run.

    Attributes:
        states: in order. marks: landmarks and their seconds. end_s: how far it goes.
    """

    def __init__(self, record: Record, seconds: float | None) -> None:
        self._record = record
        self._read: dict[str, tuple[Floats, Floats]] = {}
        events = [e for e in record.events(source="procedure") if e.verb in _LANDMARKS]
        first = next((n for n, e in enumerate(events) if e.new in {"RUNNING", "RESTARTING"}), None)
        if first is None:
            raise ValueError(f"{record.path}: the procedure never began")
        events, begin = events[first:], events[first].ns
        self._begin_ns = begin
        self.end_s = (record.span()[1] - begin) / _NS
        if seconds is not None:
            self.end_s = min(self.end_s, seconds)
        told = [e for e in events if 0 <= (e.ns - begin) / _NS <= self.end_s]
        self.states = [str(e.new) for e in told if e.verb == "state"]
        self.marks = [(_key(e), (e.ns - begin) / _NS) for e in told]

    def at(self, tag: str, seconds: Floats) -> Floats:
        """Good values of a tag at seconds since the beginning; NaN without one for 5 s."""
        times, values = self._good(tag)
        if not len(times):
            return np.full(len(seconds), np.nan)
        place = np.clip(np.searchsorted(times, seconds, side="right") - 1, 0, None)
        near = np.abs(times[place] - seconds) <= 5.0
        return np.where(near, np.interp(seconds, times, values), np.nan)

    def _good(self, tag: str) -> tuple[Floats, Floats]:
        """Seconds and values of all good samples of a tag."""
        if tag not in self._read:
            found = self._record.raw(tag)
            good = found.quality == 0
            times = (found.sent_ns[good] - self._begin_ns) / _NS
            self._read[tag] = (times, found.value[good])
        return self._read[tag]


def _key(event: Event) -> str:
    """A landmark's name; texts carry figures, so only what happened to what counts."""
    return f"{event.verb} {event.tag} {event.new if event.verb != 'log' else ''}"


def _laid_over(ours: _Story, theirs: _Story) -> tuple[Floats, Floats, float]:
    """Seconds of both stories that belong to each other, and the greatest delay."""
    here, there = [0.0], [0.0]
    for key, at_s in theirs.marks:
        match = next((t for k, t in ours.marks if k == key and t >= here[-1]), None)
        first = next(t for k, t in theirs.marks if k == key and t >= there[-1])
        if match is not None and first == at_s and at_s > there[-1]:
            here.append(match)
            there.append(at_s)
    delays = np.diff(here) - np.diff(there)
    live, dry = [], []
    for n, start in enumerate(there):
        stop = there[n + 1] if n + 1 < len(there) else theirs.end_s
        room = (here[n + 1] if n + 1 < len(here) else ours.end_s) - here[n]
        grid = np.arange(0.0, max(0.0, min(stop - start, room)), STEP_S)
        live.append(here[n] + grid)
        dry.append(start + grid)
    shift_s = float(np.abs(delays).max()) if len(delays) else 0.0
    return np.concatenate(live), np.concatenate(dry), shift_s


def _zones(
    line: Line, ours: _Story, theirs: _Story, at_live: Floats, at_dry: Floats, shift_s: float
) -> dict[str, float]:
    """Greatest difference of each zone from the nearest value of the other within a shift."""
    shifts = np.arange(-shift_s, shift_s + 1.0, 5.0)
    found = {}
    for zone in line.zone:
        tag = f"{zone.loop}.PV"
        here = ours.at(tag, at_live)
        apart = np.full(len(at_dry), np.inf)
        for shift in shifts:
            apart = np.fmin(apart, np.abs(here - theirs.at(tag, at_dry + shift)))
        known = apart[np.isfinite(apart)]
        found[zone.name] = round(float(known.max()), 2) if len(known) else float("nan")
    return found


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _top(values: Floats) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
