"""One instrument at run time: its polls, its outputs, how it is set up, whether it answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers.backoff import Backoff
from drivers.base import Clock, LinkObserver, LinkState, Quality
from drivers.errors import DriverError, NoReply, ReplyError
from drivers.jobs import Job, Poll, Script, Steps

if TYPE_CHECKING:
    from drivers.bus import Bus
    from drivers.writes import WriteQueue

MISSES_TO_SILENT = 3
PATIENT_MISSES = 2  # from so many in a row on, others go first
FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 5.0
LONGEST_GAP_S = 2.0  # without a good exchange before outputs are shed


class Device:
    """State of one instrument on its bus.

    Families subclass it with their polls, their ``setup`` and their outputs.

    Attributes:
        name: name of the instrument in the line file.
        unit: address on the bus.
        state: UP once set up and answering, SILENT after three misses in a row.
        guard: exchanges that must succeed before anything else is asked: set-up after
            (re)connecting, or the canary after a doubtful exchange. None when ready.
        retry_at: loop time before which the device is left alone.
        last_asked: loop time of the last request, -inf before the first.
        last_good: loop time of the last good exchange, -inf before the first.
    """

    def __init__(
        self,
        name: str,
        unit: int,
        clock: Clock,
        observer: LinkObserver,
        jitter: Callable[[], float],
    ) -> None:
        self.name, self.unit = name, unit
        self.clock, self.observer = clock, observer
        self.state = LinkState.CLOSED
        self.polls: list[Poll] = []
        self.outputs: list[WriteQueue] = []
        self.jobs: list[Job] = []
        self.guard: Script | None = None
        self.retry_at = 0.0
        self.last_asked = self.last_good = -math.inf
        self.bus: Bus | None = None
        self._misses = 0
        self._backoff = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S, jitter)

    # --- what families provide ---

    def setup(self) -> Steps:
        """Exchanges after (re)connecting: canary, settings, read-back. Raises DriverError."""
        yield from self.canary()

    def canary(self) -> Steps:
        """Exchange whose right reply no other request of this device could get."""
        yield from ()

    def command_steps(self, point: str, value: float) -> Steps:
        """Exchanges of a one-shot command; raises NotImplementedError if it has none."""
        raise NotImplementedError(f"{self.name}: no command {point}={value}")

    # --- what the bus tells it ---

    def connect(self) -> None:
        """The bus is open: set up before anything else."""
        self._misses = 0
        self.retry_at = 0.0
        self._backoff.reset()
        self.require_setup()

    def require_setup(self) -> None:
        """Run the whole set-up before the next exchange."""
        self.guard = Script(self, self.setup, self._guarded)

    def doubt(self) -> None:
        """Something was odd on the wire: run the canary before the next exchange."""
        if self.guard is None:
            self.guard = Script(self, self.recheck, self._guarded)

    def returned(self, now: float) -> None:
        """A good exchange after a long gap: its outputs may not be what they were."""
        for output in self.outputs:
            output.gap(now - self.last_good)

    def investigate(self, steps: Callable[[], Steps]) -> None:
        """Run exchanges that find something out, unless a guard is pending."""
        if self.guard is None:
            self.guard = Script(self, steps, self._investigated)

    def spread_s(self) -> float:
        """Shortest period of its jobs: on a shared line the slower reads go between the beats.

        So it is heard more evenly, and a lost reply finds less of the 2 s spent.
        """
        return min((job.period for job in self.jobs if job.period > 0.0), default=0.0)

    def waiting_since(self) -> float:
        """Loop time that says how urgent its next turn is; the least goes first.

        One lost reply keeps its claim; after two it gives way to all others once a try.
        """
        return self.last_good if self._misses < PATIENT_MISSES else self.last_asked

    def answered(self, now: float) -> None:
        """A good exchange ended."""
        self.last_good = now
        self._misses = 0

    def missed(self, error: DriverError, now: float, now_ns: int) -> None:
        """An exchange failed on the wire; after three in a row the device is silent.

        Lost replies are asked again at once, so three of them pass quickly: a device that lost
        them is given up only when its outputs are lost too. While it is not UP nothing is read,
        so each further miss marks all its values.
        """
        self._misses += 1
        if self.state is LinkState.UP:
            lost = isinstance(error, (NoReply, ReplyError))
            if self._misses < MISSES_TO_SILENT or (lost and now - self.last_good <= LONGEST_GAP_S):
                return
        for poll in self.polls:
            poll.store_failure(Quality.BAD_NO_COMMUNICATION, str(error), now_ns, now_ns)
        self.retry_at = now + self._backoff.wait_s()
        self.require_setup()
        self.set_state(LinkState.SILENT, str(error))

    def lost(self, reason: str, now_ns: int) -> None:
        """The bus is gone."""
        for poll in self.polls:
            poll.store_failure(Quality.BAD_NO_COMMUNICATION, reason, now_ns, now_ns)
        self.set_state(LinkState.SILENT, reason)

    def set_state(self, state: LinkState, reason: str) -> None:
        """Change state, telling the observer once."""
        if state is not self.state:
            self.state = state
            self.observer.link_changed(self.name, state, reason, self.clock.utc_ns())

    def report(self, reason: str) -> None:
        """Tell the observer something about this device that is no change of state."""
        self.observer.link_changed(self.name, self.state, reason, self.clock.utc_ns())

    def recheck(self) -> Steps:
        """Canary, then what the device holds: after a doubtful exchange."""
        yield from self.canary()
        for output in self.outputs:
            yield from output.recheck()

    def _investigated(self, _error: DriverError | None) -> None:
        self.guard = None

    def _guarded(self, error: DriverError | None) -> None:
        """The guard ended; failing it in any way counts as a miss."""
        if error is not None:
            if self.bus is not None:
                self.missed(error, self.bus.now(), self.clock.utc_ns())
            return
        self._backoff.reset()
        self.guard = None
        for poll in self.polls:
            poll.resume()
        self.set_state(LinkState.UP, "set up and answering")
