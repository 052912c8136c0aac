"""Writes on their way to one device, and outputs a device is to hold.

Latest set-point per point wins until it is written; what waits longer than 2 s (a line that is
down) expires and is never replayed. A write without a checked answer ends UNKNOWN and is not
repeated: the next read-back tells what the device holds. Refreshing stops when the read-back
differs from what was written; a device that was away for more than 2 s, or shows the values it
has after a restart, sheds its outputs: only their safe values are taken until a person re-arms.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.base import WriteOutcome, WriteResult
from drivers.codec import NotEncodable, check_range
from drivers.errors import DeviceRefused, DriverError
from drivers.jobs import Job, Script, Steps
from drivers.link import Request

if TYPE_CHECKING:
    from drivers.device import Device

LIFE_S = 2.0  # of a write that waits
BUSY_CODES = frozenset({5, 6})  # acknowledge, busy: asked again a little later
BUSY_RETRIES, BUSY_WAIT_S = 3, 0.1

Words = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Writable:
    """A point that may be written.

    Attributes:
        tag: its name in the line.
        point: its name in the family.
        low, high: limits; outside is refused, never clamped.
        safe: value taken even while the outputs are shed.
    """

    tag: str
    point: str
    low: float
    high: float
    safe: float


@dataclass(frozen=True, slots=True)
class Pending:
    """A write that waits."""

    value: float
    since: float


class WriteQueue(Job):
    """Set-points waiting for one device.

    Attributes:
        shed: why only safe values are taken ("" = not shed).
        locked: a setting that keeps the line safe is wrong ("" = fine): nothing is taken, or
            only safe values where the device holds values of ours already.
    """

    def __init__(self, device: Device, points: tuple[Writable, ...], period: float) -> None:
        super().__init__(device, period)
        self.points = {point.point: point for point in points}
        self.shed = ""
        self.locked = ""
        self._pending: dict[str, Pending] = {}
        self._sending: dict[str, Pending] = {}
        self._busy = 0

    def put(self, point: str, value: float, now: float) -> None:
        """Take a set-point, or refuse it with the reason."""
        try:
            self._check(point, value)
        except NotEncodable as error:
            self.end(point, value, WriteOutcome.REFUSED, str(error))
            return
        self._pending[point] = Pending(value, now)
        self._hurry(point, now)

    def rearm(self) -> None:
        """A person looked: outputs may be written again."""
        self.shed = ""

    def lock(self, reason: str) -> None:
        """Refuse writes (see ``locked``) until a set-up passes; ``""`` unlocks."""
        if reason and reason != self.locked:
            self.device.report(f"outputs locked: {reason}")
        self.locked = reason

    def expire(self, now: float) -> None:
        """End what has waited too long."""
        for point, pending in list(self._pending.items()):
            if now - pending.since > LIFE_S:
                del self._pending[point]
                self.end(point, pending.value, WriteOutcome.EXPIRED, "not sent within 2 s")

    def holds(self) -> bool:
        """Tell whether the device holds values of ours."""
        return False

    def waits(self) -> bool:
        """Tell whether anything waits to be written."""
        return bool(self._pending)

    def drop(self, reason: str) -> None:
        """End everything that waits."""
        for point, pending in self._pending.items():
            self.end(point, pending.value, WriteOutcome.EXPIRED, reason)
        self._pending.clear()

    def recheck(self) -> Steps:
        """Exchanges that show what the device holds now."""
        yield from ()

    def gap(self, seconds: float) -> None:
        """Hear that the device was away for so long."""

    def end(self, point: str, value: float, outcome: WriteOutcome, reason: str) -> None:
        """Report the fate of a write."""
        tag = self.points[point].tag
        now_ns = self.device.clock.utc_ns()
        self.device.observer.write_ended(WriteResult(tag, value, outcome, reason, now_ns))

    def failed(self, error: DriverError, _sent_ns: int, _received_ns: int) -> None:
        """Tell how the writes of this exchange ended; busy ones are asked again."""
        sent, self._sending = self._sending, {}
        code = error.code if isinstance(error, DeviceRefused) else 0
        if code in BUSY_CODES and self._busy < BUSY_RETRIES and sent:
            self._busy += 1
            self._pending = {**sent, **self._pending}
            self._again(BUSY_WAIT_S)
            return
        self._busy = 0
        outcome = WriteOutcome.REFUSED if code else WriteOutcome.UNKNOWN
        for point, pending in sent.items():
            self.end(point, pending.value, outcome, str(error))

    def _written(self) -> None:
        """All of this exchange reached the device."""
        sent, self._sending = self._sending, {}
        self._busy = 0
        for point, pending in sent.items():
            self.end(point, pending.value, WriteOutcome.WRITTEN, "")

    def _check(self, point: str, value: float) -> None:
        spec = self.points[point]
        check_range(value, spec.low, spec.high)
        if self.locked and not (self.holds() and value == spec.safe):
            raise NotEncodable(f"outputs locked: {self.locked}")
        if self.shed and value != spec.safe:
            raise NotEncodable(f"outputs shed, needs a person: {self.shed}")

    def _hurry(self, _point: str, _now: float) -> None:
        """Get a turn as soon as possible."""
        if self.device.bus is not None:
            self.device.bus.urgent(self)

    def _again(self, delay_s: float) -> None:
        if self.device.bus is not None:
            self.device.bus.at(self, self.device.bus.now() + delay_s)


class HeldOutputs(WriteQueue):
    """Registers written together, refreshed, and compared with what the device shows.

    Attributes:
        values: what was requested and written, by point.
        confirmed: words the device acknowledged; None while nothing is held.

    Args:
        device: whose outputs.
        points: what may be written.
        refresh_s: 0 where the device needs no refresh.
        min_interval_s: least time between writes of points not in ``at_once``; safe values do
            not wait for it.
        at_once: points whose change never waits.
    """

    restart_shows_zeros = True  # False where other signs tell a restart

    def __init__(
        self,
        device: Device,
        points: tuple[Writable, ...],
        refresh_s: float,
        min_interval_s: float = 0.0,
        at_once: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(device, points, refresh_s)
        self.values: dict[str, float] = {}
        self.confirmed: Words | None = None
        self._min_interval_s, self._at_once = min_interval_s, at_once
        self._attempt: tuple[Words, dict[str, float]] | None = None
        self._doubtful = False  # an attempt ended unknown: wait for a read-back
        self._last_write = -math.inf
        self._cached: tuple[Words | None, Request | None] = (None, None)

    # --- what families provide ---

    @abstractmethod
    def words(self, values: dict[str, float]) -> Words:
        """Encode all outputs; raises NotEncodable."""

    @abstractmethod
    def frame(self, words: Words) -> Request:
        """Build the write."""

    def is_restart(self, words: Words) -> bool:
        """Tell whether a read-back shows the values of a device that has restarted."""
        return self.restart_shows_zeros and not any(words)

    def after_change(self) -> None:
        """Values changed on the wire: ask for an early read-back."""

    # --- turns ---

    def request(self, now: float) -> Request | None:
        """Give a write if something waits or a refresh is due."""
        if self._pending:
            self.expire(now)
        if self._doubtful or (self.confirmed is None and not self._pending):
            return None
        values = self.values
        if self._pending:
            values = {**values, **{point: p.value for point, p in self._pending.items()}}
        try:
            words = self.words(values)
        except NotEncodable as error:
            self._refuse_all(str(error))
            return None
        self._sending, self._pending = self._pending, {}
        self._attempt = (words, values)
        if words != self._cached[0]:
            self._cached = (words, self.frame(words))
        return self._cached[1]

    def done(self, _payload: bytes, _sent_ns: int, _received_ns: int) -> None:
        """Take the acknowledgement."""
        if self._attempt is None:
            return
        words, values = self._attempt
        changed = words != self.confirmed
        self.confirmed, self.values, self._attempt = words, values, None
        if self._sending:
            self._written()
        if changed:
            self._last_write = self.device.bus.now() if self.device.bus is not None else 0.0
            self.after_change()

    def failed(self, error: DriverError, sent_ns: int, received_ns: int) -> None:
        """Without an answer nobody knows what the device holds until the next read-back."""
        if isinstance(error, DeviceRefused):
            self._attempt = None
        else:
            self._doubtful = True
        super().failed(error, sent_ns, received_ns)

    def holds(self) -> bool:
        """Tell whether the device holds values of ours."""
        return self.confirmed is not None

    def read_back(self, words: Words) -> None:
        """Compare what the device shows with what was written."""
        if self._doubtful and self._attempt is not None and words == self._attempt[0]:
            self.confirmed, self.values = self._attempt
        self._doubtful = False
        self._attempt = None
        if self.confirmed is None or words == self.confirmed:
            return
        if self.is_restart(words):
            self.shed_outputs("the device has restarted")
        else:
            self.confirmed = None
            self.device.report(f"read-back {words} is not what was written; refresh stopped")

    def gap(self, seconds: float) -> None:
        """The device was away; what it did meanwhile is unknown."""
        if self.confirmed is None:
            return
        if all(self.points[point].safe == value for point, value in self.values.items()):
            self._let_go()
        else:
            self.shed_outputs(f"no answer for {seconds:.1f} s")

    def shed_outputs(self, reason: str) -> None:
        """Stop refreshing, drop what waits, take only safe values until re-armed."""
        self._let_go()
        self.shed = reason
        self.drop(f"outputs shed: {reason}")
        self.device.report(f"outputs shed: {reason}; needs a person")

    def _let_go(self) -> None:
        self.values = {}
        self.confirmed = self._attempt = None
        self._doubtful = False

    def put(self, point: str, value: float, now: float) -> None:
        """Take a set-point; one already held is written at once without traffic."""
        held = self.confirmed is not None and self.values.get(point) == value
        if held and point not in self._pending and point not in self._sending:
            self.end(point, value, WriteOutcome.WRITTEN, "already held")
            return
        super().put(point, value, now)

    def _hurry(self, point: str, now: float) -> None:
        bus = self.device.bus
        if bus is None:
            return
        at = self._last_write + self._min_interval_s
        safe = self._pending[point].value == self.points[point].safe
        if safe or point in self._at_once or at <= now:
            bus.urgent(self)
        else:
            bus.at(self, at)

    def _refuse_all(self, reason: str) -> None:
        for point, pending in self._pending.items():
            self.end(point, pending.value, WriteOutcome.REFUSED, reason)
        self._pending.clear()


class Command(Script):
    """A one-shot: sent once, in order, within 2 s, never merged, retried or replayed.

    Args:
        device: whom it concerns.
        steps: its exchanges.
        report: told how it ended and why.
        expires: loop time after which it is not sent any more.
    """

    __slots__ = ("expires", "finished", "report", "started")

    def __init__(
        self,
        device: Device,
        steps: Callable[[], Steps],
        report: Callable[[WriteOutcome, str], None],
        expires: float,
    ) -> None:
        super().__init__(device, steps, self._finished)
        self.report, self.expires = report, expires
        self.started = self.finished = False

    def _finished(self, error: DriverError | None) -> None:
        self.finished = True
        if error is None:
            self.report(WriteOutcome.WRITTEN, "")
        elif isinstance(error, DeviceRefused):
            self.report(WriteOutcome.REFUSED, str(error))
        else:
            self.report(WriteOutcome.UNKNOWN, str(error))
