"""What a phase may look at, and the shapes of the parts the runner is wired to.

A phase reads; it never writes. A value that is not GOOD reads as NaN, so every comparison
with it is false and no permissive can be true on bad data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from config.models import Condition, Line, Recipe, Settings, Zone
from controller.errors import UnknownTag
from drivers.base import Block, BlockWriter


class SnapshotLike(Protocol):
    """One consistent picture of the plant: columns by tag index."""

    now_ns: int
    known: list[float]
    """Values as plain floats by tag index, NaN where the quality is not GOOD."""


class TableLike(Protocol):
    """The part of the tag table procedures and loops use."""

    request: Any
    """Last accepted request of each tag, NaN before any; float64 by tag index."""

    def index(self, name: str) -> int:
        """Row of a tag; UnknownTag when the line has no such tag."""

    def attach(self, block: Block) -> BlockWriter:
        """Declare a block of calculated tags and get its writer."""


class Request(Protocol):
    """Ask for one write; returns the gate's reasons for refusing, empty when accepted."""

    def __call__(self, tag: str, value: float, reason: str, now_ns: int) -> Sequence[str]:
        """Return every reason against it."""


class Switches(Protocol):
    """Loops and counters that phases put on and off by name."""

    def switch(self, name: str, on: bool, now_ns: int) -> None:
        """Put one on (automatic) or off (manual); KeyError for an unknown name."""


class Evaluator(Protocol):
    """A compiled condition."""

    def step(self, snapshot: Any, dt: float) -> bool | None:
        """True, False, or None when an input is not GOOD."""


CompileCondition = Callable[[Condition], Evaluator]


class Context:
    """Read-only view of line, recipe and the present scan, given to every phase.

    Attributes:
        line, recipe: the loaded configuration.
        now_s: line seconds since this runner was made.
        wishes: what a person wants as soon as the procedure can do it (``rethread``).
        before: requests in force before a restart of the controller; on_before: loops that
            were on then.
    """

    __slots__ = (
        "_done", "_index", "_known", "_table", "before", "line", "now_s", "on_before", "recipe",
        "wishes",
    )  # fmt: skip

    def __init__(
        self, line: Line, recipe: Recipe, table: TableLike, done: Callable[[str], bool]
    ) -> None:
        self.line = line
        self.recipe = recipe
        self.now_s = 0.0
        self.wishes: list[str] = []
        self.before: dict[str, float] = {}
        self.on_before: tuple[str, ...] = ()
        self._table = table
        self._done = done
        self._index: dict[str, int] = {}
        self._known: list[float] = []

    def take(self, snapshot: SnapshotLike, now_s: float) -> None:
        """Look at another scan (called by the runner only)."""
        self._known = snapshot.known
        self.now_s = now_s

    @property
    def settings(self) -> Settings:
        """Set points of the run."""
        return self.recipe.settings

    def value(self, tag: str) -> float:
        """Value in engineering units; NaN unless its quality is GOOD."""
        index = self._index.get(tag)
        if index is None:
            index = self._index[tag] = self._table.index(tag)
        return self._known[index]

    def has(self, tag: str) -> bool:
        """Whether the line has this tag at all."""
        try:
            self._table.index(tag)
        except UnknownTag:
            return False
        return True

    def good(self, tag: str) -> bool:
        """Whether the tag has a GOOD value."""
        return not math.isnan(self.value(tag))

    def request(self, tag: str) -> float:
        """Last accepted request of a writable tag; NaN before any."""
        return float(self._table.request[self._table.index(tag)])

    def set_point(self, tag: str) -> float:
        """Last accepted request; before any, what the device reports; NaN when neither is known."""
        accepted = self.request(tag)
        return self.value(tag) if math.isnan(accepted) else accepted

    def on(self, tag: str) -> bool:
        """Whether a GOOD boolean tag is set."""
        return self.value(tag) > 0.5

    def off(self, tag: str) -> bool:
        """Whether a GOOD boolean tag is clear."""
        return self.value(tag) < 0.5

    def label(self, station: str) -> float:
        """Meters of belt film cast when the film now under ``station`` left the die."""
        return self.value(f"film.{station}.S")

    def done(self, phase: str) -> bool:
        """Whether ``unit.phase`` is complete in this run."""
        return self._done(phase)

    def zones(self, *kinds: str) -> tuple[Zone, ...]:
        """Zones of these kinds in path order; all zones when none is named."""
        return tuple(z for z in self.line.zone if not kinds or z.kind in kinds)

    def text(self, tag: str, digits: int = 1) -> str:
        """Live value for people: ``12.3``, or ``bad`` when it is not GOOD."""
        value = self.value(tag)
        return "bad" if math.isnan(value) else f"{value:.{digits}f}"
