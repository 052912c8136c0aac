"""One scan: a PLC's cycle on one consistent picture of the line.

Order: staleness and sensor checks, film position and other calculated tags, interlocks,
alarms, procedure, loops, gate. Forced outputs leave before anything is told about them.
A plain function of the time it is given; the loop that calls it skips late scans and says
how many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.models import Level
from controller.alarms import Alarms
from controller.events import Event
from controller.gate import Gate
from controller.heartbeat import Heartbeat
from controller.interlocks import InterlockResult, Interlocks
from controller.stuck import StuckCheck
from controller.tags import Snapshot, TagTable


class Stepper(Protocol):
    """A part of the scan that acts through the table or the gate."""

    def step(self, snapshot: Snapshot, now_ns: int, dt: float) -> Sequence[Event]:
        """Do one scan of ``dt`` seconds; returns what happened."""


class Procedure(Stepper, Protocol):
    """The procedure, which also hears what protection demands."""

    def demand(self, level: Level, cause: str, now_ns: int) -> None:
        """Hold, stop or abort: called in each scan in which a level is newly reached.

        Args:
            level: warn, hold, controlled stop or outputs safe.
            cause: first cause in words.
            now_ns: UTC ns of the scan.
        """


@dataclass(slots=True)
class ScanCounters:
    """How the scan keeps its time.

    Attributes:
        scans: scans done.
        late: periods skipped because a scan was not in time.
        last_s: time the last scan took, 0 without a timer.
        longest_s: greatest of them.
    """

    scans: int = 0
    late: int = 0
    last_s: float = 0.0
    longest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ScanOutput:
    """What one scan decided.

    Attributes:
        events: in the order in which they happened.
        interlocks: demands of the interlocks.
        snapshot: the picture the scan worked on.
    """

    events: tuple[Event, ...]
    interlocks: InterlockResult
    snapshot: Snapshot


class Scan:
    """Runs the parts in their order.

    Args:
        table: the process image.
        stuck: sensor checks on the snapshot.
        calculated: film position, exhaust requirement, references..., in order.
        interlocks: the trips.
        alarms: the limits.
        gate: the door for writes.
        procedure: the recipe's engine, or None while there is none.
        loops: closed loops, in order.
        timer: seconds for measuring the scan itself; None measures nothing.
        heartbeat: told at the end of each complete scan; None: nobody listens.
    """

    def __init__(
        self,
        table: TagTable,
        stuck: StuckCheck,
        calculated: Sequence[Stepper],
        interlocks: Interlocks,
        alarms: Alarms,
        gate: Gate,
        procedure: Procedure | None = None,
        loops: Sequence[Stepper] = (),
        timer: Callable[[], float] | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._table = table
        self._stuck = stuck
        self._calculated = tuple(calculated)
        self._interlocks = interlocks
        self._alarms = alarms
        self._gate = gate
        self._procedure = procedure
        self._loops = tuple(loops)
        self._timer = timer
        self._heartbeat = heartbeat
        self.counters = ScanCounters()

    def step(self, now_ns: int, dt: float) -> ScanOutput:
        """Run one scan.

        Args:
            now_ns: UTC ns of this scan.
            dt: seconds since the last one; more than the period when scans were skipped.
        """
        started = self._timer() if self._timer is not None else 0.0
        output = self._run(now_ns, dt)
        if self._heartbeat is not None:
            self._heartbeat.complete(self._interlocks.passes)
        self.counters.scans += 1
        if self._timer is not None:
            self.counters.last_s = self._timer() - started
            self.counters.longest_s = max(self.counters.longest_s, self.counters.last_s)
        return output

    def skipped(self, scans: int) -> None:
        """Count periods that passed without a scan."""
        self.counters.late += scans

    def _run(self, now_ns: int, dt: float) -> ScanOutput:
        snapshot = self._table.snapshot(now_ns)
        events: list[Event] = list(self._stuck.step(snapshot))
        for part in self._calculated:
            events.extend(part.step(snapshot, now_ns, dt))
        trips = self._interlocks.step(snapshot, dt)
        self._gate.enforce(trips.forced, trips.blocks, now_ns, trips.left)
        events.extend(trips.events)
        events.extend(self._alarms.step(snapshot, dt))
        if self._procedure is not None:
            self._demand(trips, now_ns)
            events.extend(self._procedure.step(snapshot, now_ns, dt))
        for loop in self._loops:
            events.extend(loop.step(snapshot, now_ns, dt))
        gate = self._gate.step(snapshot, dt)
        events.extend(gate.events)
        if gate.hold and self._procedure is not None:
            self._procedure.demand(Level.HOLD, gate.hold, now_ns)
        return ScanOutput(tuple(events), trips, snapshot)

    def _demand(self, trips: InterlockResult, now_ns: int) -> None:
        """Tell the procedure of new trips, each at its own level, the first cause first."""
        if self._procedure is not None:
            for name in trips.new_trips:
                level, cause = self._interlocks.demand(name)
                self._procedure.demand(level, cause, now_ns)
