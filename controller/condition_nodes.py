"""Nodes of compiled conditions: tests of one tag, timers and three-valued logic (Kleene).

A scan steps a few hundred of these, so a step touches one list of floats, in which NaN
means unknown, and makes no objects. Explanations may cost more; they are made on demand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan

from controller.tags import Snapshot
from drivers.base import quality_words

Truth = bool | None

_MOST_SAMPLES = 120  # of a slope's window


@dataclass(frozen=True, slots=True)
class Point:
    """A tag as a test needs it."""

    index: int
    tag: str
    unit: str

    def number(self, value: float) -> str:
        """A value in words; bits, codes and counts have no unit."""
        return f"{value:g}" if self.unit == "1" else f"{value:g} {self.unit}"

    def difference(self, value: float) -> str:
        """A difference of two values in words, without sign; of temperatures it is in K."""
        if self.unit == "1":
            return f"{abs(value):g}"
        return f"{abs(value):g} {'K' if self.unit == 'degC' else self.unit}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One leaf that decides a condition, with what it saw.

    Attributes:
        tag: tag of the test.
        value: live value, NaN when the quality is not GOOD.
        quality: OPC UA status of the value.
        limit: number the value was compared with, NaN when there is none.
        test: the test in words, with its unit.
    """

    tag: str
    value: float
    quality: int
    limit: float
    test: str

    def __str__(self) -> str:
        shown = "unknown" if isnan(self.value) else f"{self.value:.6g}"
        status = f" ({quality_words(self.quality)})" if self.quality else ""
        return f"{self.tag} {shown}{status}, {self.test}"


class Node(ABC):
    """A part of a condition.

    Attributes:
        stateful: it holds a timer or a slope, so it must be stepped in every scan.
    """

    __slots__ = ()
    stateful: bool

    @abstractmethod
    def step(self, known: list[float], dt: float) -> Truth:
        """Evaluate for a scan of ``dt`` seconds, advancing timers."""

    @abstractmethod
    def holds(self, known: list[float]) -> Truth:
        """Evaluate without advancing anything."""

    @abstractmethod
    def reset(self) -> None:
        """Forget timers and slopes."""

    @abstractmethod
    def tags(self) -> Iterator[str]:
        """Tags looked at, in the order of the condition."""

    @abstractmethod
    def support(self, snapshot: Snapshot) -> list[Finding]:
        """Leaves that make it true; empty unless it is true."""

    @abstractmethod
    def against(self, snapshot: Snapshot) -> list[Finding]:
        """Leaves that keep it from being true; empty when it is true."""


class Leaf(Node):
    """A test of one tag."""

    __slots__ = ("index", "point", "stateful")

    def __init__(self, point: Point) -> None:
        self.stateful = False
        self.point = point
        self.index = point.index

    def holds(self, known: list[float]) -> Truth:
        """Evaluate; a plain leaf has nothing to advance."""
        return self.step(known, 0.0)

    def reset(self) -> None:
        """Do nothing: a plain leaf has no memory."""

    def tags(self) -> Iterator[str]:
        """Its one tag."""
        yield self.point.tag

    def limit(self, _known: list[float]) -> float:
        """Number the value is compared with now."""
        return nan

    @abstractmethod
    def words(self) -> str:
        """The test in words."""

    def support(self, snapshot: Snapshot) -> list[Finding]:
        """Itself when it is true."""
        return [self._finding(snapshot)] if self.holds(snapshot.known) is True else []

    def against(self, snapshot: Snapshot) -> list[Finding]:
        """Itself unless it is true."""
        return [] if self.holds(snapshot.known) is True else [self._finding(snapshot)]

    def _finding(self, snapshot: Snapshot) -> Finding:
        known = snapshot.known
        limit = self.limit(known)
        quality = int(snapshot.quality[self.index])
        return Finding(self.point.tag, known[self.index], quality, limit, self.words())


class Above(Leaf):
    """Value above a number."""

    __slots__ = ("number",)

    def __init__(self, point: Point, number: float) -> None:
        super().__init__(point)
        self.number = number

    def step(self, known: list[float], _dt: float) -> Truth:
        """Compare; NaN is unknown."""
        value = known[self.index]
        return None if isnan(value) else value > self.number

    def limit(self, _known: list[float]) -> float:
        """Its number."""
        return self.number

    def words(self) -> str:
        """The test in words."""
        return f"above {self.point.number(self.number)}"


class Below(Above):
    """Value below a number."""

    __slots__ = ()

    def step(self, known: list[float], _dt: float) -> Truth:
        """Compare; NaN is unknown."""
        value = known[self.index]
        return None if isnan(value) else value < self.number

    def words(self) -> str:
        """The test in words."""
        return f"below {self.point.number(self.number)}"


class Equals(Above):
    """Value equal to a number; meant for bits and codes."""

    __slots__ = ()

    def step(self, known: list[float], _dt: float) -> Truth:
        """Compare; NaN is unknown."""
        value = known[self.index]
        return None if isnan(value) else value == self.number

    def words(self) -> str:
        """The test in words."""
        return f"equal to {self.number:g}"


class AboveTag(Leaf):
    """Value above ``factor * other + offset``."""

    __slots__ = ("factor", "offset", "other", "other_index")

    def __init__(self, point: Point, other: Point, factor: float, offset: float) -> None:
        super().__init__(point)
        self.other = other
        self.other_index = other.index
        self.factor = factor
        self.offset = offset

    def step(self, known: list[float], _dt: float) -> Truth:
        """Compare; unknown when either value is."""
        margin = known[self.index] - self.factor * known[self.other_index] - self.offset
        return None if isnan(margin) else margin > 0.0

    def tags(self) -> Iterator[str]:
        """Both tags."""
        yield self.point.tag
        yield self.other.tag

    def limit(self, known: list[float]) -> float:
        """Number the value is compared with now."""
        return self.factor * known[self.other_index] + self.offset

    def words(self) -> str:
        """The test in words."""
        return f"above {self._reference()}"

    def _reference(self) -> str:
        factor = "" if self.factor == 1.0 else f"{self.factor:g} x "
        if not self.offset:
            return f"{factor}{self.other.tag}"
        sign = "+" if self.offset > 0.0 else "-"
        return f"{factor}{self.other.tag} {sign} {self.point.difference(self.offset)}"


class BelowTag(AboveTag):
    """Value below ``factor * other + offset``."""

    __slots__ = ()

    def step(self, known: list[float], _dt: float) -> Truth:
        """Compare; unknown when either value is."""
        margin = known[self.index] - self.factor * known[self.other_index] - self.offset
        return None if isnan(margin) else margin < 0.0

    def words(self) -> str:
        """The test in words."""
        return f"below {self._reference()}"


class NotGood(Leaf):
    """Quality is not GOOD (or the value is not a number); never unknown."""

    __slots__ = ()

    def step(self, known: list[float], _dt: float) -> Truth:
        """Tell whether the value is unknown."""
        return isnan(known[self.index])

    def words(self) -> str:
        """The test in words."""
        return "not GOOD"


class Rising(Leaf):
    """Mean slope over a window above a limit; unknown until the window is full of GOOD values.

    The slope is the mean of the newer half less the mean of the older half, over half the
    window: white noise of 0.5 %LFL over 2 s at 10 Hz leaves 0.22 %/s. A long window takes
    120 samples, not every scan's.
    """

    __slots__ = (
        *("_half", "_new", "_new_sum", "_old", "_old_sum", "_stride", "_threshold", "_truth"),
        *("_wait", "rate", "window_s"),
    )

    def __init__(self, point: Point, rate: float, window_s: float, period_s: float) -> None:
        super().__init__(point)
        self.stateful = True
        self.rate = rate
        self.window_s = window_s
        self._stride = max(1, round(window_s / period_s / _MOST_SAMPLES))
        self._wait = self._stride
        self._half = max(1, round(window_s / period_s / self._stride / 2.0))
        self._threshold = rate * self._half**2 * period_s * self._stride
        self._truth: Truth = None
        self._new: deque[float] = deque()
        self._old: deque[float] = deque()
        self._new_sum = 0.0
        self._old_sum = 0.0

    def step(self, known: list[float], _dt: float) -> Truth:
        """Take the value of this scan and compare the slope."""
        value = known[self.index]
        if isnan(value):
            self.reset()
            return None
        self._wait -= 1
        if self._wait > 0:
            return self._truth
        self._wait = self._stride
        new, old = self._new, self._old
        new.append(value)
        self._new_sum += value
        if len(new) > self._half:
            middle = new.popleft()
            self._new_sum -= middle
            old.append(middle)
            self._old_sum += middle
            if len(old) > self._half:
                self._old_sum -= old.popleft()
        self._truth = self.holds(known)
        return self._truth

    def holds(self, _known: list[float]) -> Truth:
        """Compare the slope kept so far."""
        if len(self._old) < self._half:
            return None
        return self._new_sum - self._old_sum > self._threshold

    def reset(self) -> None:
        """Forget the window."""
        if self._new:
            self._new.clear()
            self._old.clear()
        self._new_sum = self._old_sum = 0.0
        self._wait, self._truth = self._stride, None

    def limit(self, _known: list[float]) -> float:
        """Its rate."""
        return self.rate

    def words(self) -> str:
        """The test in words."""
        return f"rising above {self.point.difference(self.rate)}/s over {self.window_s:g} s"
