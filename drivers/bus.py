"""A bus: one owner, one outstanding request, commands before set-points before polls.

The owner is a task that opens the line and supervises it; between opening and loss each
exchange is carried by callbacks on the loop (a reply, a deadline, the next turn), so that an
exchange costs two timers and no task switch. Every failure is one of three things: the device
refused (its answer was whole), nothing came by the deadline, or something else came. After the
last two nothing is believed until the line is clean: TCP is closed and reopened; a serial line
is drained for the longest reply time, the device's canary read must pass, and the read that was
lost is asked again at once. Writes are not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.backoff import Backoff
from drivers.base import Clock, LinkObserver, LinkState
from drivers.device import LONGEST_GAP_S, Device
from drivers.errors import DeviceRefused, DriverError, LinkClosed, NoReply, ReplyError
from drivers.jobs import Job, Poll
from drivers.link import Link
from drivers.schedule import Schedule
from drivers.transport import Transport
from drivers.writes import LIFE_S, Command, WriteQueue

FIRST_RECONNECT_S, LONGEST_RECONNECT_S = 0.5, 10.0
SETTLED_S = 10.0  # a line open for so long is reopened without a wait
TIMER_STEP_S = 1e-6  # a loop's timers are rounded: what is due within this is due
_UNIT_IS_SILENT = frozenset({10, 11})  # exception codes of a gateway: no path, no answer


@dataclass(slots=True)
class BusStatistics:
    """Counters since the bus was built; times in seconds."""

    exchanges: int = 0  # answered well
    refused: int = 0
    timeouts: int = 0
    bad_replies: int = 0
    stray_bytes: int = 0  # came when nothing was asked
    connects: int = 0
    losses: int = 0
    latency_sum_s: float = 0.0
    latency_max_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BusTiming:
    """Times of a bus, in seconds.

    Attributes:
        deadline_s: from sending to the end of the reply.
        gap_s: silence between exchanges.
        drain_s: silence after a doubtful exchange: the longest reply time.
    """

    deadline_s: float
    gap_s: float = 0.0
    drain_s: float = 0.05


class Bus:
    """Owner of one line.

    Args:
        name: name of the bus in the line file.
        link: protocol rules.
        transport: the line.
        timing: deadline, gap, drain.
        clock: for stamps.
        observer: hears of states.
        jitter: gives 0..1, for reconnect waits.
        stream: second connection opened and lost together with the first, if any.
    """

    def __init__(
        self,
        name: str,
        link: Link,
        transport: Transport,
        timing: BusTiming,
        clock: Clock,
        observer: LinkObserver,
        jitter: Callable[[], float],
        stream: Transport | None = None,
    ) -> None:
        self.name = name
        self.devices: list[Device] = []
        self.statistics = BusStatistics()
        self.state = LinkState.CLOSED
        self._link, self._transport, self._stream = link, transport, stream
        self._timing, self._clock, self._observer = timing, clock, observer
        self._backoff = Backoff(FIRST_RECONNECT_S, LONGEST_RECONNECT_S, jitter)
        self._schedule = Schedule()
        self._jobs = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._open = False
        self._lost = asyncio.Event()
        self._job: Job | None = None
        self._sent_at, self._sent_ns = 0.0, 0
        self._quiet_until = 0.0
        self._prove_alive = False
        self._bug: Exception | None = None
        transport.on_data = self._on_data
        transport.on_lost = self._lose
        if stream is not None:
            stream.on_lost = self._lose

    def add(self, device: Device) -> None:
        """Take a device and its jobs on this bus."""
        device.bus = self
        self.devices.append(device)
        for job in [*device.jobs, *device.outputs]:
            job.order = self._jobs
            self._jobs += 1

    @property
    def skipped(self) -> int:
        """Polls left out because the bus was late."""
        return self._schedule.skipped

    def now(self) -> float:
        """Loop time."""
        return self._loop.time() if self._loop is not None else 0.0

    # --- supervision -------------------------------------------------------------------------

    async def run(self) -> None:
        """Open the line, keep it open, reconnect with growing waits; ends when canceled.

        A line that was good for ten seconds is reopened at once: one lost reply must not blind
        the interlocks for longer than they wait. An error of ours ends it.
        """
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._connect()
                settled = False
                if self._open:
                    opened_at = self.now()
                    await self._lost.wait()
                    settled = self.now() - opened_at >= SETTLED_S
                if self._bug is not None:
                    raise self._bug
                if not settled:
                    await asyncio.sleep(self._backoff.wait_s())
        finally:
            self._shut("stopped")

    async def _connect(self) -> None:
        self._set_state(LinkState.CONNECTING, "opening")
        self._lost.clear()
        try:
            await self._transport.open()
            if self._stream is not None:
                await self._stream.open()
        except (LinkClosed, OSError) as error:
            self._shut(str(error))
            return
        self._open = True
        self._prove_alive = True
        self._quiet_until = 0.0
        self.statistics.connects += 1
        self._start_jobs()
        self._set_state(LinkState.UP, "open")
        self._turn()

    def _start_jobs(self) -> None:
        """Make every device set up and every poll due now."""
        now = self.now()
        self._schedule.restart()
        for device in self.devices:
            device.connect()
            spread_s = 0.0 if self._link.reopens else device.spread_s()
            for k, job in enumerate([*device.jobs, *device.outputs]):
                if job.period > 0.0:
                    after_s = max(k - 0.5, 0.0) * spread_s
                    self._schedule.start(job, now + after_s % job.period)

    def _lose(self, reason: str) -> None:
        """The line is gone, or must be: close it and let the supervisor reopen it."""
        if self._open:
            self.statistics.losses += 1
            self._shut(reason)
            self._lost.set()

    def _shut(self, reason: str) -> None:
        self._open = False
        self._stop_timer()
        self._transport.close()
        if self._stream is not None:
            self._stream.close()
        now_ns = self._clock.utc_ns()
        job, self._job = self._job, None
        if job is not None:
            job.failed(LinkClosed(f"{self.name}: {reason}"), self._sent_ns, now_ns)
        self._schedule.break_off(f"{self.name}: {reason}", now_ns)
        for device in self.devices:
            device.lost(f"{self.name}: {reason}", now_ns)
        self._set_state(LinkState.CLOSED, reason)
        self._expire()
        self._expire_later()

    def _set_state(self, state: LinkState, reason: str) -> None:
        if state is not self.state:
            self.state = state
            self._observer.link_changed(self.name, state, reason, self._clock.utc_ns())

    def reopen(self, reason: str) -> None:
        """Trust nothing that is under way: close the line and open it anew."""
        self._lose(reason)

    # --- what others ask for -----------------------------------------------------------------

    def at(self, job: Job, when: float) -> None:
        """Give a job its next turn at a loop time, instead of any other."""
        self._schedule.at(job, when)
        self._wake()

    def soon(self, job: Job, delay_s: float) -> None:
        """Give a job a turn within a delay, if its next one is later."""
        when = self.now() + delay_s
        if when < job.due:
            self.at(job, when)

    def urgent(self, job: WriteQueue) -> None:
        """Give a write a turn before all polls."""
        self._schedule.urgent(job)
        self._hurry(job)

    def command(self, command: Command) -> None:
        """Queue a one-shot before everything else."""
        self._schedule.command(command)
        self._hurry(command)

    def _hurry(self, job: Job) -> None:
        self._wake()
        if not self._open or job.device.guard is not None:
            self._expire_later()

    def _expire_later(self) -> None:
        """See that what waits is told its end in time though the line is down."""
        if self._loop is not None and self._schedule.waiting():
            self._loop.call_later(LIFE_S + 0.001, self._expire)

    def _expire(self) -> None:
        self._schedule.expire(self.now())

    # --- turns -------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Think about the next turn once the caller has said everything it has to say."""
        if self._open and self._job is None and self._loop is not None:
            self._stop_timer()
            self._timer = self._loop.call_soon(self._turn)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        """Start the next exchange, or sleep until one is due."""
        try:
            self._take_turn()
        except Exception as bug:
            self._crash(bug)
            raise

    def _crash(self, bug: Exception) -> None:
        """End the owner: an error that is no failure of the line is ours."""
        self._bug = bug
        self._lost.set()

    def _take_turn(self) -> None:
        loop = self._loop
        if loop is None or self._job is not None or not self._open:
            return
        self._stop_timer()
        schedule, now = self._schedule, loop.time() + TIMER_STEP_S
        if now < self._quiet_until:
            self._timer = loop.call_at(self._quiet_until, self._turn)
            return
        while True:
            job = schedule.pick(now)
            if job is None:
                due = schedule.next_due()
                if due is not None:
                    self._timer = loop.call_at(due, self._turn)
                return
            request = job.request(now)
            if request is not None:
                break
            schedule.reschedule(job, now, now)
        self._job = job
        job.device.last_asked = now
        self._sent_at, self._sent_ns = now - TIMER_STEP_S, self._clock.utc_ns()
        self._timer = loop.call_at(now + self._timing.deadline_s, self._on_deadline)
        self._transport.write(self._link.begin(request))

    # --- ends of an exchange -----------------------------------------------------------------

    def _on_data(self, data: bytes) -> None:
        job, loop = self._job, self._loop
        if job is None or loop is None:
            self._stray(data)
            return
        device = job.device
        try:
            payload = self._link.feed(data)
            if payload is None:
                return
            now = loop.time()
            if now - device.last_good > LONGEST_GAP_S:
                device.returned(now)
            job.done(payload, self._sent_ns, self._clock.utc_ns())
        except DriverError as error:
            self._end_badly(error)
            return
        except Exception as bug:
            self._crash(bug)
            raise
        device.answered(now)
        self._count_good(now - self._sent_at)
        self._end(job, now, self._timing.gap_s)

    def _count_good(self, latency_s: float) -> None:
        counters = self.statistics
        counters.exchanges += 1
        counters.latency_sum_s += latency_s
        counters.latency_max_s = max(counters.latency_max_s, latency_s)
        if self._prove_alive:
            self._prove_alive = False
            self._backoff.reset()

    def _end(self, job: Job, now: float, quiet_s: float, *, again: bool = False) -> None:
        """Free the line, give the job its next turn, or this one again, and go on."""
        self._job = None
        self._quiet_until = now + quiet_s
        if isinstance(job, Command):
            self._schedule.ended(job)
        elif again:
            self._schedule.again(job)
        else:
            self._schedule.reschedule(job, self._sent_at, now)
        self._turn()

    def _on_deadline(self) -> None:
        self._timer = None
        waited = self._timing.deadline_s * 1000.0
        self._end_badly(NoReply(f"{self.name}: no reply within {waited:.0f} ms"))

    def _end_badly(self, error: DriverError) -> None:
        """Tell the job, then make sure that nothing of this exchange can reach a later one."""
        job = self._job
        if job is None:
            return
        now, now_ns = self.now(), self._clock.utc_ns()
        device = job.device
        guard = device.guard
        job.failed(error, self._sent_ns, now_ns)
        guarding = job is guard
        if isinstance(error, DeviceRefused):
            self.statistics.refused += 1
            if error.code not in _UNIT_IS_SILENT:
                device.answered(now)
            elif not guarding:
                device.missed(error, now, now_ns)
            self._end(job, now, self._timing.gap_s)
            return
        self.statistics.timeouts += isinstance(error, NoReply)
        self.statistics.bad_replies += isinstance(error, ReplyError)
        if not guarding:
            device.missed(error, now, now_ns)
        device.doubt()
        if self._link.reopens:
            self._job = None
            self._lose(str(error))
        else:
            self._end(job, now, self._timing.drain_s, again=isinstance(job, Poll))

    def _stray(self, data: bytes) -> None:
        """Bytes nobody asked for: on TCP a broken device, on serial perhaps a late reply."""
        self.statistics.stray_bytes += len(data)
        if self._link.reopens:
            self._lose(f"{len(data)} bytes nobody asked for")
        else:
            self._quiet_until = max(self._quiet_until, self.now() + self._timing.drain_s)
