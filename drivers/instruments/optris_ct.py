"""Optris CT pyrometer (hardware sheet 3.7): one temperature, one address of a shared line."""

from __future__ import annotations

import math

from drivers.base import Quality
from drivers.binary_line import OptrisLink
from drivers.codec import Decoded
from drivers.errors import ReplyError
from drivers.jobs import Poll, Steps
from drivers.parts import Parts, PlainDevice
from drivers.profile import ProfileError, Query


class OptrisCt(PlainDevice):
    """One pyrometer."""

    def __init__(self, parts: Parts, link: OptrisLink) -> None:
        super().__init__(parts)
        self.link = link
        self._serial = b""
        for query in parts.profile.query:
            self._add_query(query)

    def canary(self) -> Steps:
        """Serial number: the only reply of three bytes, and always the same."""
        profile = self.parts.profile
        serial = yield self.link.ask(self.unit, bytes.fromhex(profile.probe), profile.probe_size)
        if self._serial and serial != self._serial:
            raise ReplyError(f"{self.name}: serial {serial.hex()} was {self._serial.hex()}")
        self._serial = serial

    def _add_query(self, query: Query) -> None:
        tags = self.parts.tags_of(query.points)
        if len(tags) != 1:
            raise ProfileError(f"{self.name}: needs one tag for {query.points}")
        low, high = tags[0].range

        def decode(payload: bytes) -> Decoded:
            value = int.from_bytes(payload, "big") * query.scale + query.offset
            if low <= value <= high:
                return [value], Quality.GOOD
            return [math.nan], Quality.BAD_OUT_OF_RANGE

        request = self.link.ask(self.unit, bytes.fromhex(query.request), query.size)
        writer = self.parts.attach(query.name, tags, query.period_s)
        self.add_poll(Poll(self, query.period_s, request, decode, writer))
