"""Work a bus carries out one exchange at a time: polls, scripts of several exchanges.

A job gives a request when its turn comes and hears how the exchange ended. It never waits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from drivers.base import BlockWriter, Quality
from drivers.codec import Decoded
from drivers.errors import DeviceRefused, DriverError, LinkClosed, NoReply
from drivers.link import Request

if TYPE_CHECKING:
    from drivers.device import Device

Steps = Generator[Request, bytes, None]

_REFUSAL_QUALITY = {
    1: Quality.BAD_CONFIGURATION_ERROR,
    2: Quality.BAD_CONFIGURATION_ERROR,
    4: Quality.BAD_DEVICE_FAILURE,
    10: Quality.BAD_NO_COMMUNICATION,
    11: Quality.BAD_NO_COMMUNICATION,
}
_NEVER_DEFINED = frozenset({1, 2})  # illegal function, illegal address


def quality_of(error: DriverError) -> Quality:
    """Quality of values that an error kept from coming."""
    if isinstance(error, NoReply):
        return Quality.BAD_TIMEOUT
    if isinstance(error, LinkClosed):
        return Quality.BAD_NO_COMMUNICATION
    if isinstance(error, DeviceRefused):
        return _REFUSAL_QUALITY.get(error.code, Quality.BAD_COMMUNICATION_ERROR)
    return Quality.BAD_COMMUNICATION_ERROR


class Job(ABC):
    """One thing to exchange with one device.

    Attributes:
        device: whom it concerns.
        period: seconds between turns; 0 means only on demand.
        due: loop time of the next turn.
        beat: loop time of the next regular turn; an early or late turn does not move it.
        order: breaks ties of equal due times; set by the bus.
    """

    __slots__ = ("beat", "device", "due", "order", "period")

    def __init__(self, device: Device, period: float) -> None:
        self.device = device
        self.period = period
        self.due = self.beat = 0.0
        self.order = 0

    def __lt__(self, other: Job) -> bool:
        return self.order < other.order

    @abstractmethod
    def request(self, now: float) -> Request | None:
        """Give what to send at this turn; None to pass."""

    @abstractmethod
    def done(self, payload: bytes, sent_ns: int, received_ns: int) -> None:
        """Take the checked reply."""

    @abstractmethod
    def failed(self, error: DriverError, sent_ns: int, received_ns: int) -> None:
        """Hear that the exchange failed."""


class Poll(Job):
    """Reads one block and stores it.

    Args:
        device: whom to ask.
        period: seconds between reads.
        request: the request, built once.
        decode: payload to values and quality; None where no tag of the block is used.
        writer: where they go.
        hook: also shown each payload (read-back of outputs, boot flags).

    Attributes:
        explain: exchanges that find out why the device knows no such address, once.
        judge: has the last word on values and quality of each payload.
    """

    __slots__ = ("_decode", "_hook", "_request", "_stopped", "_writer", "explain", "judge")

    def __init__(
        self,
        device: Device,
        period: float,
        request: Request,
        decode: Callable[[bytes], Decoded] | None,
        writer: BlockWriter | None,
        hook: Callable[[bytes], None] | None = None,
    ) -> None:
        super().__init__(device, period)
        self._request = request
        self._decode = decode
        self._writer = writer
        self._hook = hook
        self._stopped = False
        self.explain: Callable[[], Steps] | None = None
        self.judge: Callable[[bytes, Decoded], Decoded] | None = None

    def request(self, _now: float) -> Request | None:
        """Give the read, unless the device said that it can never answer it."""
        return None if self._stopped else self._request

    def done(self, payload: bytes, sent_ns: int, received_ns: int) -> None:
        """Decode and store."""
        if self._writer is not None and self._decode is not None:
            decoded = self._decode(payload)
            if self.judge is not None:
                decoded = self.judge(payload, decoded)
            values, quality = decoded
            self._writer.write(values, quality, sent_ns, received_ns)
        if self._hook is not None:
            self._hook(payload)

    def failed(self, error: DriverError, sent_ns: int, received_ns: int) -> None:
        """Store bad samples; an illegal function or address will not heal: stop asking."""
        self.store_failure(quality_of(error), str(error), sent_ns, received_ns)
        if isinstance(error, DeviceRefused) and error.code in _NEVER_DEFINED:
            self._stopped = True
            self.device.report(f"block not polled any more: {error}")
            if self.explain is not None:
                self.device.investigate(self.explain)

    def store_failure(self, quality: int, reason: str, sent_ns: int, received_ns: int) -> None:
        """Store bad samples with a reason."""
        if self._writer is not None:
            self._writer.fail(quality, reason, sent_ns, received_ns)

    def resume(self) -> None:
        """Ask again after a new set-up: the device may have been changed."""
        self._stopped = False


class Script(Job):
    """Exchanges in sequence, written as a generator that yields requests and gets payloads.

    A refusal by the device is thrown into the generator; any other failure ends the script,
    which starts from its first step when it gets another turn.

    Args:
        device: whom it concerns.
        steps: makes a fresh generator.
        ended: told None when all steps are done, or the error that ended it.
    """

    __slots__ = ("_ended", "_next", "_running", "_steps")

    def __init__(
        self,
        device: Device,
        steps: Callable[[], Steps],
        ended: Callable[[DriverError | None], None],
    ) -> None:
        super().__init__(device, 0.0)
        self._steps = steps
        self._ended = ended
        self._running: Steps | None = None
        self._next: Request | None = None

    def request(self, _now: float) -> Request | None:
        """Give the request of the current step."""
        if self._running is None:
            self._running = steps = self._steps()
            self._advance(lambda: next(steps))
        return self._next

    def done(self, payload: bytes, _sent_ns: int, _received_ns: int) -> None:
        """Go on to the next step."""
        steps = self._running
        if steps is not None:
            self._advance(lambda: steps.send(payload))

    def failed(self, error: DriverError, _sent_ns: int, _received_ns: int) -> None:
        """Let the generator judge a refusal; anything else ends the script."""
        steps = self._running
        if steps is not None and isinstance(error, DeviceRefused):
            self._advance(lambda: steps.throw(error))
        else:
            self._end(error)

    def _advance(self, step: Callable[[], Request]) -> None:
        try:
            self._next = step()
        except StopIteration:
            self._end(None)
        except DriverError as error:
            self._end(error)

    def _end(self, error: DriverError | None) -> None:
        if self._running is not None:
            self._running.close()
        self._running = self._next = None
        self._ended(error)
