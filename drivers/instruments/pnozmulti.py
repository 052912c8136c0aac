"""Pilz PNOZmulti 2 safety controller (hardware sheet 3.11): its status, and our heartbeat.

Nothing is commanded here. The heartbeat tells it that the interlock scan goes on: only a new
count, given by a complete scan, is sent, and only then its watchdog is triggered again. Its
program echoes the count; where the echo stands although counts are sent, it is the program
that stands, and what it shows is bad although the device answers.
"""

from __future__ import annotations

import struct

from drivers.base import Quality
from drivers.codec import Decoded
from drivers.errors import DriverError
from drivers.jobs import Job
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.parts import Parts, RegisterDevice
from drivers.profile import HeartbeatRule, ProfileError

STATUS = "status"
_RUNS, _ALIVE, _COUNT_SHIFT, _COUNT_MASK = 1, 1, 8, 0xFF
_WORD = struct.Struct(">H")


class HeartbeatOut(Job):
    """Sends each new count, then triggers the device's watchdog.

    Attributes:
        count: last count given by a complete interlock scan; 0 before the first.
        sent_at: loop time at which the oldest count without echo was taken, None: none waits.
    """

    __slots__ = ("_link", "_rule", "_sending", "_sent", "_trigger", "count", "sent_at")

    def __init__(self, device: RegisterDevice, link: ModbusLink, rule: HeartbeatRule) -> None:
        super().__init__(device, rule.period_s / 2.0)  # a count and a trigger by turns
        self._link, self._rule = link, rule
        self._trigger = link.write_one(device.unit, rule.trigger, rule.trigger_value)
        self.count = 0
        self.sent_at: float | None = None
        self._sent = 0
        self._sending = False  # the next turn is the trigger's

    def request(self, now: float) -> Request | None:
        """Give the new count or the trigger after it; None while the scan stands."""
        if self._sending:
            return self._trigger
        if self.count == self._sent:
            return None
        self._sent = self.count
        if self.sent_at is None:
            self.sent_at = now
        word = _ALIVE | self._sent << _COUNT_SHIFT
        return self._link.write_one(self.device.unit, self._rule.alive, word)

    def done(self, _payload: bytes, _sent_ns: int, _received_ns: int) -> None:
        """Go on to the trigger, or to the next count."""
        self._sending = not self._sending

    def failed(self, _error: DriverError, _sent_ns: int, _received_ns: int) -> None:
        """Never blindly again: the next count tells anew."""
        self._sending = False

    def echoed(self, count: int) -> None:
        """The program has taken a count of ours."""
        if count == self._sent:
            self.sent_at = None

    def unanswered_s(self, now: float) -> float:
        """Seconds for which counts have been sent without an echo."""
        return 0.0 if self.sent_at is None else now - self.sent_at


class PnozMulti(RegisterDevice):
    """One safety controller."""

    def __init__(self, parts: Parts, link: ModbusLink) -> None:
        super().__init__(parts, link, {})
        rule, poll = parts.profile.heartbeat, self.block_polls.get(STATUS)
        if rule is None or poll is None:
            raise ProfileError(f"{self.name}: profile or line file without heartbeat and status")
        self.heartbeat = HeartbeatOut(self, link, rule)
        self._silent_s = rule.silent_s
        self.jobs.append(self.heartbeat)
        self._frozen = False
        poll.judge = self._judge

    def beat(self, count: int) -> None:
        """Take a count; nothing is sent until its turn."""
        self.heartbeat.count = count & _COUNT_MASK

    def connect(self) -> None:
        """A new connection: what was sent on the old one is not waited for."""
        self.heartbeat.sent_at = None
        super().connect()

    def _judge(self, payload: bytes, decoded: Decoded) -> Decoded:
        """Values of a program that does not run, or stands, are bad."""
        heartbeat = self.heartbeat
        word = _WORD.unpack_from(payload)[0]
        heartbeat.echoed(word >> _COUNT_SHIFT)
        now = self.bus.now() if self.bus is not None else 0.0
        frozen = heartbeat.unanswered_s(now) > self._silent_s
        if frozen != self._frozen:
            self._frozen = frozen
            told = "does not echo the heartbeat" if frozen else "echoes the heartbeat again"
            self.report(f"its program {told}")
        if frozen or not word & _RUNS:
            return decoded[0], Quality.BAD_DEVICE_FAILURE
        return decoded
