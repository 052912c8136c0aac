"""Ismatec Reglo ICC peristaltic pump (hardware sheet 3.5): two channels in flow mode.

Points: ``ch1.sp``, ``ch1.run``, ``ch1.pv``, ``ch1.running`` and so on. It has no watchdog; the
guard is its supply relay, so it is silent whenever the relay is off.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from config.models import TagSpec
from drivers.ascii_line import RegloLink, format_flow, parse_flow
from drivers.base import Quality, WriteOutcome
from drivers.codec import Decoded
from drivers.errors import DeviceRefused, ReplyError
from drivers.jobs import Poll, Steps
from drivers.link import Request
from drivers.parts import Parts, PlainDevice
from drivers.profile import Query
from drivers.writes import Pending, Writable, WriteQueue

_DONE, _YES, _NO = b"*", b"+", b"-"
_FLOW_RESOLUTION = 1e-3  # four digits


def decode_flow(tags: list[TagSpec]) -> Callable[[bytes], Decoded]:
    """Decoder of a flow reply for its tags."""
    low, high = tags[0].range

    def decode(line: bytes) -> Decoded:
        flow = parse_flow(line)
        if low <= flow <= high:
            return [flow] * len(tags), Quality.GOOD
        return [math.nan] * len(tags), Quality.BAD_OUT_OF_RANGE

    return decode


def decode_running(tags: list[TagSpec]) -> Callable[[bytes], Decoded]:
    """Decoder of ``E`` for its tags."""

    def decode(status: bytes) -> Decoded:
        if status not in {_YES, _NO}:
            raise ReplyError(f"E answered {status!r}")
        return [1.0 if status == _YES else 0.0] * len(tags), Quality.GOOD

    return decode


class PumpWrites(WriteQueue):
    """Set flows, starts and stops; one command a turn, stops first."""

    def __init__(self, device: RegloIcc, points: tuple[Writable, ...]) -> None:
        super().__init__(device, points, 0.0)
        self._pump = device
        self.running: dict[str, bool] = {}
        self._held: dict[str, float] = {}

    def request(self, now: float) -> Request | None:
        """Give the next command."""
        self.expire(now)
        while self._pending and not self.locked:
            point = self._first()
            pending = self._pending.pop(point)
            channel, _, what = point.removeprefix("ch").partition(".")
            if what == "run" and self.running.get(channel) == bool(pending.value):
                self.end(point, pending.value, WriteOutcome.WRITTEN, "so already")
                self._held[point] = pending.value
                continue
            self._sending = {point: pending}
            return self._pump.command_request(channel, what, pending.value)
        return None

    def done(self, payload: bytes, _sent_ns: int, _received_ns: int) -> None:
        """Check the answer to the command."""
        point, pending = next(iter(self._sending.items()))
        self._check_answer(point, pending, payload)
        if self._pending:
            self._hurry("", 0.0)

    def gap(self, seconds: float) -> None:
        """The pump was away, perhaps without power."""
        unsafe = [p for p, value in self._held.items() if value != self.points[p].safe]
        self._held.clear()
        self.running.clear()
        if unsafe:
            self.shed = f"no answer for {seconds:.1f} s"
            self.drop(f"outputs shed: {self.shed}")
            self.device.report(f"outputs shed: {self.shed}; needs a person")

    def _first(self) -> str:
        for point, pending in self._pending.items():
            if point.endswith(".run") and not pending.value:
                return point
        return next(iter(self._pending))

    def _check_answer(self, point: str, pending: Pending, payload: bytes) -> None:
        if payload == _NO:
            self._sending = {}
            self.end(point, pending.value, WriteOutcome.REFUSED, "the pump cannot do it (see xe)")
            return
        if payload != _DONE:
            echo = parse_flow(payload)
            if abs(echo - pending.value) > _FLOW_RESOLUTION * max(pending.value, 0.001):
                raise ReplyError(f"{point}: flow echoed as {echo:g}, sent {pending.value:g}")
        self._held[point] = pending.value
        self._written()
        self._pump.read_back_soon(point)


class RegloIcc(PlainDevice):
    """The pump with its channels."""

    def __init__(self, parts: Parts, link: RegloLink) -> None:
        super().__init__(parts)
        self.link = link
        points = tuple(_writable(tag) for tag in parts.instrument.tags if tag.write is not None)
        self._writes = PumpWrites(self, points)
        self.outputs.append(self._writes)
        self._read_backs: dict[str, Poll] = {}
        for query in parts.profile.query:
            for channel in parts.profile.channels:
                self._add_query(query, channel)

    def command_request(self, channel: str, what: str, value: float) -> Request:
        """Build a command: flow, start or stop."""
        if what == "sp":
            return self.link.ask(self.unit, f"{channel}f{format_flow(value)}", "either")
        return self.link.ask(self.unit, f"{channel}{'H' if value else 'I'}", "status")

    def read_back_soon(self, point: str) -> None:
        """Poll the query that shows a point early."""
        if self.bus is not None and point in self._read_backs:
            self.bus.soon(self._read_backs[point], 0.2)

    def canary(self) -> Steps:
        """Ask for the type: a text line no other reply looks like."""
        line = yield self.link.ask(self.unit, self.parts.profile.probe, "line")
        if not any(chr(byte).isalpha() and chr(byte) not in "eE" for byte in line):
            raise ReplyError(f"{self.name}: {line!r} is no pump type")

    def setup(self) -> Steps:
        """Canary, then the settings; a running channel refuses its mode: it has one."""
        yield from self.canary()
        for setting in self.parts.profile.settings:
            channels = self.parts.profile.channels if "{channel}" in setting else (0,)
            for channel in channels:
                command = setting.format(channel=channel)
                try:
                    yield self.link.ask(self.unit, command, "status")
                except DeviceRefused as error:
                    self.report(f"setting {command}: {error}")

    def _add_query(self, query: Query, channel: int) -> None:
        points = [f"ch{channel}.{point}" for point in query.points]
        tags = self.parts.tags_of(points)
        if not tags:
            return
        reply: Literal["status", "line"] = "status" if query.reply == "status" else "line"
        request = self.link.ask(self.unit, query.request.format(channel=channel), reply)
        decode = decode_running(tags) if reply == "status" else decode_flow(tags)
        writer = self.parts.attach(f"{query.name}{channel}", tags, query.period_s)

        def running_shown(status: bytes) -> None:
            self._writes.running[str(channel)] = status == _YES

        hook = running_shown if reply == "status" else None
        poll = self.add_poll(Poll(self, query.period_s, request, decode, writer, hook))
        self._read_backs.update(dict.fromkeys(points, poll))


def _writable(tag: TagSpec) -> Writable:
    spec = tag.write
    if spec is None:
        raise ReplyError(f"{tag.name}: not writable")
    return Writable(tag.name, tag.point, *spec.range, spec.safe)
