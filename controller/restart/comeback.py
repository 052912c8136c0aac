"""Comes back after the controller failed: HELD, reads, says what differs, and waits for a person.

Restored: steps and counters, latched trips, alarm states, rolls, marks, and the labels of the
film as far as its counters went on. Not restored: heat, solvent, purge, manual mode, bypasses,
confirmations (safety rule 2.14). What heats or feeds and is found on is switched off at once
(IL16); fans, belt and rails are left as they are until a person decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from controller.events import Event
from controller.procedure.phases.common import FANS, MOTION, WEB_RATIOS
from controller.procedure.returning import too_late
from controller.procedure.states import FINAL, State
from controller.refusals import Source
from controller.restart.compare import Difference, actual_speeds, compare
from controller.restart.memory import Past
from controller.restart.policy import Situation, Verdict, Way, decide
from drivers.base import Quality, is_good

if TYPE_CHECKING:
    from controller.app import Kernel
    from controller.scan import ScanOutput

READ_WITHIN_S: Final = 3.0  # a device that has not answered by then is told as silent
_SOURCE: Final = "restart"
_OFF: Final = ("SIC-110.", "XV-110.", "XV-111.", "FIC-301", "XV-301", "XC-")
"""Solvent and heat: what begins so is off after a restart until a person goes on."""
_RUNS_M_MIN: Final = 0.05
_WORDS: Final = {
    Way.RESUME: "restart goes on at these steps, stop ends the run",
    Way.ANEW: "do rethread casts anew once it has run out, stop ends the run",
    Way.STOP: "only stop is possible",
}
_DECISIONS: Final = (State.RESTARTING, State.STOPPING, State.ABORTING)


@dataclass(frozen=True)
class Told:
    """What was found, for people.

    Attributes:
        down_s: how long nobody controlled. verdict: what may follow.
        differences: between journal and plant. lost_m: film that is lost by it.
        unwatched_m: meters wound meanwhile. stands: where the units stand.
    """

    down_s: float
    verdict: Verdict
    differences: tuple[Difference, ...]
    lost_m: float
    unwatched_m: float
    stands: str

    def lines(self) -> list[str]:
        """For people, the most important first."""
        way = _WORDS[self.verdict.way]
        return [
            f"the service was down for {self.down_s:.1f} s; stands at {self.stands or 'no step'}",
            f"{self.verdict.why}: {way}",
            f"{self.lost_m:.1f} m of film lost, {self.unwatched_m:.1f} m wound unwatched",
            *(one.text() for one in self.differences),
        ]

    def row(self) -> dict[str, object]:
        """As plain data."""
        return {
            "down_s": round(self.down_s, 1),
            "way": str(self.verdict.way),
            "why": self.verdict.why,
            "lost_m": round(self.lost_m, 2),
            "unwatched_m": round(self.unwatched_m, 2),
            "stands": self.stands,
            "differences": [one.row() | {"text": one.text()} for one in self.differences],
        }


def come_back(kernel: Kernel, past: Past, now_ns: int) -> Comeback | None:
    """Restore a kernel that has not scanned yet; None when there is nothing to decide.

    Raises:
        ProcedureError: the journal does not fit the recipe.
    """
    state = past.protection.state
    kernel.interlocks.restore(past.protection.trips, now_ns)
    kernel.alarms.restore(past.protection.alarms)
    kernel.rolls.restore(past.rolls, past.marks)
    if past.film:
        away_s = now_ns * 1e-9 - past.film[-1]["s"]
        kernel.film.come_back(past.film, max(0.0, away_s))
    if state is State.IDLE and not past.units:
        return None
    down_s = (now_ns - past.since_ns) * 1e-9
    if state in FINAL:
        kernel.runner.resume(past.units, past.protection.reason, state)
        return None
    kernel.runner.resume(past.units, f"restart: the service was down for {down_s:.1f} s")
    return Comeback(kernel, past, now_ns)


class Comeback:
    """One return, from the first scan until a person decides.

    Attributes:
        told: what was found, None while the plant is being read.
        decided: a person, or protection, has ended it.
        rethreads: a person has asked for the line to be threaded and cast anew.
    """

    def __init__(self, kernel: Kernel, past: Past, now_ns: int) -> None:
        self.told: Told | None = None
        self.decided = self.rethreads = False
        self._kernel, self._past, self._began_ns = kernel, past, now_ns
        table = kernel.table
        self._writable = [
            (tag.name, table.index(tag.name), tag.write.safe)
            for instrument in kernel.line.instrument
            for tag in instrument.tags
            if tag.write is not None and not tag.write.one_shot and table.attached(tag.name)
        ]
        self._found: dict[str, float] = {}
        kernel.remember.since_ns = past.since_ns
        kernel.runner.barred, kernel.runner.leaving = self.against, self._leaving
        kernel.runner.regain(past.outputs.requests, past.outputs.on)
        kernel.listen(self._hear)

    def against(self) -> str:
        """Why the run may not go on by ``restart``; empty when it may."""
        if self.decided:
            return ""
        if self.told is None:
            return "the plant is being read after the restart"
        way, why = self.told.verdict.way, self.told.verdict.why
        if way is Way.ANEW and not self.rethreads:
            return f"{why}; do rethread once it has run out, or stop"
        return f"{why}; stop it" if way is Way.STOP else ""

    @property
    def anew(self) -> bool:
        """Whether the line may be threaded and cast anew."""
        told = self.told
        return told is not None and not self.decided and told.verdict.way is Way.ANEW

    def row(self) -> dict[str, object] | None:
        """What a person must see; None once it is decided."""
        if self.decided:
            return None
        if self.told is None:
            return {"way": str(Way.READING), "why": "the plant is being read", "differences": []}
        return self.told.row()

    # --- each scan -----------------------------------------------------------------------------

    def _hear(self, output: ScanOutput) -> None:
        if self.told is not None or self.decided:
            return
        now_ns = output.snapshot.now_ns
        whole = True
        for tag, index, safe in self._writable:
            if tag in self._found:
                continue
            quality = int(output.snapshot.quality[index])
            whole = whole and quality != Quality.BAD_WAITING_FOR_INITIAL_DATA
            if is_good(quality):
                value = self._found[tag] = float(output.snapshot.value[index])
                if value != safe and tag.startswith(_OFF):
                    self._switch_off(tag, value, safe, now_ns)
        if whole or now_ns - self._began_ns >= READ_WITHIN_S * 1e9:
            self._tell(now_ns)

    def _switch_off(self, tag: str, value: float, safe: float, now_ns: int) -> None:
        """Heat or solvent found on: nobody has asked for it since the restart (IL16)."""
        reason = "IL16: found on after a restart"
        self._kernel.gate.request(tag, safe, Source.INTERLOCK, reason, now_ns)
        self._event(now_ns, "off", tag, value, safe, reason)

    def _tell(self, now_ns: int) -> None:
        kernel, past = self._kernel, self._past
        differences = [
            *compare(kernel.line, past.outputs, lambda tag: self._found.get(tag, math.nan)),
            *actual_speeds(kernel.line, past.outputs, lambda tag: self._good(tag, now_ns)),
        ]
        verdict = decide(self._situation(now_ns))
        film_m = kernel.film.on_line_m()
        told = self.told = Told(
            (self._began_ns - past.since_ns) * 1e-9,
            verdict,
            tuple(differences),
            0.0 if verdict.way is Way.RESUME else film_m,
            kernel.film.winder.meters,
            ", ".join(
                f"{w.unit}.{w.phase}.{w.step}" for w in kernel.runner.waiting_for() if w.step
            ),
        )
        self._event(
            now_ns, "back", past.protection.state.name, round(told.down_s, 3), str(verdict.way),
            f"{verdict.why}; {len(differences)} differences between journal and plant; stands at "
            f"{told.stands or 'its beginning'}; {told.lost_m:.1f} m of film lost",
        )  # fmt: skip
        for one in differences:
            self._event(now_ns, "differs", one.tag, _known(one.wanted), _known(one.found), one.note)

    def _situation(self, now_ns: int) -> Situation:
        kernel, past = self._kernel, self._past
        film, state = kernel.film, past.protection.state
        seconds = now_ns * 1e-9 - past.film[-1]["s"] if past.film else math.nan
        mean = film.rails.meters / seconds * 60.0 if seconds > 0.0 else math.nan
        now = self._good("SIC-510.ACT", now_ns)
        zones = [
            self._good(f"{zone.loop}.PV", now_ns)
            for zone in kernel.line.zone
            if zone.kind == "tenter"
        ]
        return Situation(
            state=state,
            outage_s=(self._began_ns - past.since_ns) * 1e-9,
            film_m=film.on_line_m(),
            casting=not too_late(kernel.runner.units),
            believed=film.believed,
            in_tenter=film.in_tenter,
            rails_m_min=math.nan if math.isnan(mean + now) else min(mean, now),
            hottest_c=math.nan if any(map(math.isnan, zones)) else max(zones, default=math.nan),
        )

    # --- the decision --------------------------------------------------------------------------

    def _leaving(self, following: State) -> None:
        """HELD ends: by the run-out the web is taken over at the speed it has."""
        if self.decided or following not in _DECISIONS:
            return
        self.decided = True
        self._kernel.remember.since_ns = 0
        if following is State.STOPPING:
            now_ns = self._kernel.clock.utc_ns()
            take_over_motion(self._kernel, (*FANS, *MOTION), now_ns)

    def _good(self, tag: str, now_ns: int) -> float:
        table = self._kernel.table
        value, quality = table.read(table.index(tag), now_ns)
        return value if is_good(quality) else math.nan

    def _event(
        self, now_ns: int, verb: str, tag: str,
        old: float | None, new: float | str | None, cause: str,
    ) -> None:  # fmt: skip
        self._kernel.record([Event(now_ns, _SOURCE, verb, tag, old, new, cause)])


def take_over_motion(kernel: Kernel, drives: Sequence[str], now_ns: int) -> None:
    """Ask of every drive that runs for the speed it has, and lock the web to the belt."""
    running = []
    for drive in drives:
        actual, quality = kernel.table.read(kernel.table.index(f"{drive}.ACT"), now_ns)
        asked = float(kernel.table.request[kernel.table.index(f"{drive}.RUN")])
        if not is_good(quality) or actual <= _RUNS_M_MIN or not math.isnan(asked):
            continue
        for tag, value in ((f"{drive}.SP", actual), (f"{drive}.RUN", 1.0)):
            kernel.gate.request(tag, value, Source.RECIPE, "taken over as found", now_ns)
        running.append(drive)
    if "SIC-210" in running:
        for name in WEB_RATIOS:
            kernel.handover.switch(name, True, now_ns)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
