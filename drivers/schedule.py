"""Whose turn it is on a bus: commands, then set-points, then polls. Pure.

Of the polls due, the one of the device that has answered longest ago goes first; a device that
lost two replies in a row gives way once a try, so a dead one starves nobody. Polls keep their
beat: one that comes late leaves out the turns it missed, it never stacks them. A device that is
left alone for a while holds up nobody: its jobs are put behind. A device with a guard (set-up,
canary) gets that exchange instead of the job whose turn it was.
"""

from __future__ import annotations

import heapq
import math
from collections import deque

from drivers.base import WriteOutcome
from drivers.errors import LinkClosed
from drivers.jobs import Job
from drivers.writes import Command, WriteQueue


def _urgency(job: Job) -> tuple[float, float, int]:
    return job.device.waiting_since(), job.due, job.order


class Schedule:
    """The jobs of one bus and the order of their turns.

    Attributes:
        skipped: turns left out because the bus was late.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._heap: list[tuple[float, int, Job]] = []
        self._commands: deque[Command] = deque()
        self._writes: deque[WriteQueue] = deque()

    def at(self, job: Job, when: float) -> None:
        """Give a job its next turn at a time, instead of any other."""
        job.due = when
        heapq.heappush(self._heap, (when, job.order, job))

    def start(self, job: Job, when: float) -> None:
        """Begin the beat of a job."""
        job.beat = when
        self.at(job, when)

    def again(self, job: Job) -> None:
        """Give a job the turn it has missed once more; its beat stays."""
        self.at(job, job.due)

    def urgent(self, job: WriteQueue) -> None:
        """Give a write a turn before all polls."""
        if job not in self._writes:
            self._writes.append(job)

    def command(self, command: Command) -> None:
        """Queue a one-shot before everything else."""
        self._commands.append(command)

    def waiting(self) -> bool:
        """Tell whether commands or writes wait."""
        return bool(self._commands or self._writes)

    def next_due(self) -> float | None:
        """Give the time of the next turn in the heap, None if there is none."""
        return self._heap[0][0] if self._heap else None

    def pick(self, now: float) -> Job | None:
        """Take the job whose turn it is, or the guard that must go before it."""
        if self._commands or self._writes:
            job = self._pick_write(now)
            if job is not None:
                return job
        return self._pick_due(now)

    def reschedule(self, job: Job, started: float, now: float) -> None:
        """Set the next turn of a job that had one: refreshes count from it, polls keep beat."""
        period = job.period
        if period <= 0.0:
            return
        if isinstance(job, WriteQueue):
            due = started + period
            if job.waits():  # asked for during the exchange
                due = min(due, max(job.due, now))
        else:
            if job.beat <= now:
                turns = math.floor((now - job.beat) / period) + 1
                self.skipped += turns - 1
                job.beat += turns * period
            due = job.beat
        self.at(job, due)

    def restart(self) -> None:
        """Forget all turns; what waits to be written stays until it expires."""
        self._heap.clear()

    def ended(self, command: Command) -> None:
        """Take a command off the queue once it is finished."""
        if command.finished and command in self._commands:
            self._commands.remove(command)

    def expire(self, now: float) -> None:
        """End what has waited too long."""
        for job in self._writes:
            job.expire(now)
        for command in list(self._commands):
            if now > command.expires and not command.started:
                self._commands.remove(command)
                command.report(WriteOutcome.EXPIRED, "not sent within 2 s")

    def break_off(self, reason: str, now_ns: int) -> None:
        """End commands that were under way when the line was lost; they are never resumed."""
        for command in [c for c in self._commands if c.started]:
            self._commands.remove(command)
            if not command.finished:
                command.failed(LinkClosed(reason), now_ns, now_ns)

    def _pick_due(self, now: float) -> Job | None:
        """Of the jobs due, take the one whose device has the first claim."""
        heap = self._heap
        while heap:
            when, _, job = heap[0]
            if when > now:
                return None
            if when == job.due and job.device.retry_at <= now:
                break
            heapq.heappop(heap)
            if when == job.due:
                self.at(job, job.device.retry_at)
            # else it was given another turn
        else:
            return None
        if any(entry[0] <= now for entry in heap[1:3]):  # children of the first: else it is alone
            job = self._first_claim(job, now)
        if job.device.guard is not None:
            return job.device.guard
        if job is heap[0][2]:
            heapq.heappop(heap)
        else:
            heap.remove((job.due, job.order, job))
            heapq.heapify(heap)
        return job

    def _first_claim(self, first: Job, now: float) -> Job:
        device = first.device
        for when, _, job in self._heap:
            other = job.device
            if when > now or when != job.due or other.retry_at > now:
                continue
            if other is device:
                earlier = (job.due, job.order) < (first.due, first.order)
            else:
                earlier = _urgency(job) < _urgency(first)
            if earlier:
                first, device = job, other
        return first

    def _pick_write(self, now: float) -> Job | None:
        self.expire(now)
        for command in self._commands:
            if command.device.retry_at <= now:
                command.started = command.started or command.device.guard is None
                return command.device.guard or command
        for write in self._writes:
            if write.device.retry_at <= now:
                if write.device.guard is not None:
                    return write.device.guard
                self._writes.remove(write)
                return write
        return None
