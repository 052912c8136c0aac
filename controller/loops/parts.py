"""What every loop is made of: its place in the scan, its door, rate-limited requests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

from config.models import Line, TagSpec
from drivers.base import Block, BlockWriter


class SnapshotLike(Protocol):
    """One consistent picture of the plant."""

    now_ns: int
    known: list[float]
    """Values as plain floats by tag index, NaN where the quality is not GOOD."""


class TableLike(Protocol):
    """The part of the tag table a loop uses."""

    request: Any
    """Last accepted request by tag index, NaN before any."""

    def index(self, name: str) -> int:
        """Row of a tag."""

    def attach(self, block: Block) -> BlockWriter:
        """Declare a block of calculated tags and get its writer."""


class Request(Protocol):
    """The gate's door for loops: returns every reason of refusal, empty when accepted."""

    def __call__(self, tag: str, value: float, reason: str, now_ns: int) -> Sequence[str]:
        """Ask for one write."""


class ProfileLike(Protocol):
    """A cross-direction profile as a gauge on its traverse builds it up.

    Attributes:
        passes: number of complete passes so far.
        filtered: filtered profile relative to its mean, one value a bin, NaN where unseen.
        mean: mean of the last complete pass, in the gauge's unit; NaN when it had too few bins.
    """

    passes: int
    filtered: Any
    mean: float


class Loop(Protocol):
    """A closed loop: pure but for its requests."""

    name: str
    auto: bool
    frozen: str
    """Why it stands still although it is on; empty while it acts."""

    def switch(self, *, on: bool) -> None:
        """Automatic or manual; without a jump of its output."""

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> None:
        """Look and act."""


class Setter:
    """A set-point that goes to its goal no faster than its tag may be written.

    Args:
        rate_per_s: slower limit than the tag's own, EU per second.
    """

    __slots__ = ("_fallback", "_half", "_index", "_put", "_rate", "_table", "refused", "tag")

    def __init__(
        self,
        tag: str,
        table: TableLike,
        put: Request,
        spec: TagSpec,
        rate_per_s: float = math.inf,
        fallback: float = 0.0,
    ) -> None:
        own = spec.write.rate_per_s if spec.write is not None else None
        self.tag = tag
        self.refused: Sequence[str] = ()
        self._rate = min(rate_per_s, 0.9 * own if own is not None else math.inf)
        self._half = 0.5 * spec.resolution
        self._index = table.index(tag)
        self._table = table
        self._put = put
        self._fallback = fallback

    def toward(self, goal: float, reason: str, now_ns: int, dt: float) -> bool:
        """Request the next step towards the goal; True when it is there."""
        now = float(self._table.request[self._index])
        if math.isnan(now):
            now = self._fallback
        gap = goal - now
        if -self._half < gap < self._half and (goal != 0.0 or now == 0.0):
            return True
        limit = self._rate * dt
        there = abs(gap) <= limit
        value = goal if there else now + math.copysign(limit, gap)
        self.refused = self._put(self.tag, value, reason, now_ns)
        return there and not self.refused


def specs(line: Line) -> dict[str, TagSpec]:
    """Specification of every instrument tag by name."""
    return {tag.name: tag for instrument in line.instrument for tag in instrument.tags}


def station_m(line: Line, name: str) -> float:
    """Meters of a station from the die lip."""
    return next(station.at_m for station in line.station if station.name == name)
