"""Micro-Epsilon confocalDT 24x1 film thickness controller (hardware sheet 3.6).

It is set up over its command port and then pushes values over a second connection; both are
opened and lost together. No value for two seconds is a failed block.
"""

from __future__ import annotations

import math

from config.models import TagSpec
from drivers.base import BlockWriter, Quality
from drivers.confocal import ConfocalLink, StreamParser, ThicknessFrame
from drivers.errors import DriverError
from drivers.jobs import Job, Poll, Steps
from drivers.link import Request
from drivers.parts import Parts, PlainDevice
from drivers.profile import ProfileError, Query

SILENCE_S = 2.0
_ALIVE_S = 5.0  # the command port is asked this often whether it is still there
_NO_MEASUREMENT = 0x7F  # bits 0-6: peak missing, cut off, merged, before or behind the range
_OUT_OF_RANGE = 0x60  # bits 5, 6
_DEGRADED = (1 << 24) | (1 << 26)  # lamp at its end, lamp hot


def grade_thickness(errors: int, value_um: float, low: float, high: float) -> int:
    """Quality of a thickness from the error status bits and the range."""
    if errors & _OUT_OF_RANGE:
        return Quality.BAD_OUT_OF_RANGE
    if errors & _NO_MEASUREMENT:
        return Quality.BAD_SENSOR_FAILURE
    if not low <= value_um <= high:
        return Quality.BAD_OUT_OF_RANGE
    return Quality.UNCERTAIN_SENSOR_NOT_ACCURATE if errors & _DEGRADED else Quality.GOOD


class ThicknessStream(Job):
    """Stores pushed values; its turns on the bus only watch for silence."""

    def __init__(self, device: Confocal2400, query: Query, tags: list[TagSpec]) -> None:
        super().__init__(device, SILENCE_S / 2.0)
        by_point = {tag.point: i for i, tag in enumerate(tags)}
        if set(by_point) != {"pv", "status"}:
            raise ProfileError(f"{device.name}: needs tags for pv and status")
        self.parser = StreamParser()
        self._pv, self._status = by_point["pv"], by_point["status"]
        self._low, self._high = tags[self._pv].range
        self._scale, self._period_ns = query.scale, round(query.period_s * 1e9)
        self.writer: BlockWriter = device.parts.attach(query.name, tags, query.period_s)
        self._last = -math.inf
        self._taken_ns = 0

    def on_data(self, data: bytes) -> None:
        """Take bytes of the stream."""
        frames = self.parser.feed(data)
        if not frames:
            return
        now_ns = self.device.clock.utc_ns()
        if self.device.bus is not None:
            self._last = self.device.bus.now()
        behind = len(frames)
        for frame in frames:
            behind -= 1
            self._taken_ns = self._on_the_beat(now_ns - behind * self._period_ns)
            self._store(frame, self._taken_ns, now_ns)

    def _on_the_beat(self, arrived_ns: int) -> int:
        """When a value was taken: the scanner measures on a beat, the network delivers when it can.

        An early arrival is nearer to the truth than any before; a late one moves the beat by a
        sixteenth of its delay, so that a slow clock of the scanner is followed.
        """
        expected = self._taken_ns + self._period_ns
        late = arrived_ns - expected
        if late < 0 or late > self._period_ns:
            return arrived_ns
        return expected + late // 16

    def _store(self, frame: ThicknessFrame, taken_ns: int, now_ns: int) -> None:
        value = frame.thickness_nm * self._scale
        quality = grade_thickness(frame.errors, value, self._low, self._high)
        values, qualities = [0.0, 0.0], [0, 0]
        values[self._pv] = math.nan if quality >= Quality.BAD else value
        values[self._status] = float(frame.errors)
        qualities[self._pv] = quality
        self.writer.write(values, qualities if quality else Quality.GOOD, taken_ns, now_ns)

    def request(self, now: float) -> Request | None:
        """Nothing to ask; mark the values bad when none came for too long."""
        if now - self._last > SILENCE_S:
            now_ns = self.device.clock.utc_ns()
            self.writer.fail(Quality.BAD_TIMEOUT, "no value for 2 s", now_ns, now_ns)
        return None

    def done(self, payload: bytes, sent_ns: int, received_ns: int) -> None:
        """Never asks, so never gets."""

    def failed(self, error: DriverError, sent_ns: int, received_ns: int) -> None:
        """Never asks, so never fails."""


class Confocal2400(PlainDevice):
    """The controller."""

    def __init__(self, parts: Parts, link: ConfocalLink) -> None:
        super().__init__(parts)
        self.link = link
        query = parts.profile.query[0]
        self.stream = ThicknessStream(self, query, parts.tags_of(query.points))
        self.add_poll(Poll(self, _ALIVE_S, link.ask(parts.profile.probe), None, None))
        self.jobs.append(self.stream)

    def connect(self) -> None:
        """Both connections are new."""
        self.stream.parser.restart()
        super().connect()

    def lost(self, reason: str, now_ns: int) -> None:
        """The values are gone with the line."""
        self.stream.writer.fail(Quality.BAD_NO_COMMUNICATION, reason, now_ns, now_ns)
        super().lost(reason, now_ns)

    def canary(self) -> Steps:
        """Ask who it is."""
        yield self.link.ask(self.parts.profile.probe)

    def setup(self) -> Steps:
        """Canary, then the settings; a refused setting ends the set-up."""
        yield from self.canary()
        for setting in self.parts.profile.settings:
            yield self.link.ask(setting)
