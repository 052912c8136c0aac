"""Composite nodes of compiled conditions: all, any, not, and held for a time.

A child with a timer is stepped in every scan, decided or not, so that it never misses one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from controller.condition_nodes import Finding, Node, Truth
from controller.tags import Snapshot

_EPS_S = 1e-6
_NOT_COUNTING_S = -1.0  # a timer whose test does not hold


class Group(Node):
    """Children joined by a word."""

    __slots__ = ("children", "stateful")

    def __init__(self, children: Sequence[Node]) -> None:
        self.children = tuple(children)
        self.stateful = any(child.stateful for child in self.children)

    def reset(self) -> None:
        """Forget what the children hold."""
        for child in self.children:
            child.reset()

    def tags(self) -> Iterator[str]:
        """Tags of all children."""
        for child in self.children:
            yield from child.tags()


class Joined(Group):
    """Children of which one alone may decide: a false one ``all``, a true one ``any``."""

    __slots__ = ()
    decides: ClassVar[bool]

    def step(self, known: list[float], dt: float) -> Truth:
        """Step all children and join them."""
        decides = self.decides
        result: Truth = not decides
        for child in self.children:
            truth = child.step(known, dt)
            if truth is decides:
                if not self.stateful:
                    return decides
                result = decides
            elif truth is None and result is not decides:
                result = None
        return result

    def holds(self, known: list[float]) -> Truth:
        """Join the children without advancing them."""
        truths = [child.holds(known) for child in self.children]
        if self.decides in truths:
            return self.decides
        return None if None in truths else not self.decides

    def support(self, snapshot: Snapshot) -> list[Finding]:
        """What makes it true: every child that is."""
        if self.holds(snapshot.known) is not True:
            return []
        return [found for child in self.children for found in child.support(snapshot)]

    def against(self, snapshot: Snapshot) -> list[Finding]:
        """What keeps it from being true: every child that is not."""
        if self.holds(snapshot.known) is True:
            return []
        return [found for child in self.children for found in child.against(snapshot)]


class All(Joined):
    """True when every child is; false when one is false; otherwise unknown."""

    __slots__ = ()
    decides = False


class Any(Joined):
    """True when one child is; false when all are false; otherwise unknown."""

    __slots__ = ()
    decides = True


class Not(Group):
    """Opposite of one child; unknown stays unknown."""

    __slots__ = ()

    def __init__(self, child: Node) -> None:
        super().__init__((child,))

    def step(self, known: list[float], dt: float) -> Truth:
        """Step the child and turn it round."""
        truth = self.children[0].step(known, dt)
        return None if truth is None else not truth

    def holds(self, known: list[float]) -> Truth:
        """Turn the child round without advancing it."""
        truth = self.children[0].holds(known)
        return None if truth is None else not truth

    def support(self, snapshot: Snapshot) -> list[Finding]:
        """What keeps the child from being true."""
        if self.holds(snapshot.known) is not True:
            return []
        return _negated(self.children[0].against(snapshot))

    def against(self, snapshot: Snapshot) -> list[Finding]:
        """What makes the child true, or unknown."""
        truth = self.holds(snapshot.known)
        if truth is True:
            return []
        child = self.children[0]
        return _negated(child.support(snapshot) if truth is False else child.against(snapshot))


def _negated(findings: Sequence[Finding]) -> list[Finding]:
    return [replace(found, test=f"not {found.test}") for found in findings]


class Held(Group):
    """True once the child has been true for a time without a gap.

    Time counts from the first scan in which the child holds.
    """

    __slots__ = ("_held_s", "_reached", "for_s")

    def __init__(self, child: Node, for_s: float) -> None:
        super().__init__((child,))
        self.stateful = True
        self.for_s = for_s
        self._held_s = _NOT_COUNTING_S
        self._reached = for_s - _EPS_S

    def step(self, known: list[float], dt: float) -> Truth:
        """Step the child and count."""
        truth = self.children[0].step(known, dt)
        if truth is not True:
            self._held_s = _NOT_COUNTING_S
            return truth
        self._held_s = 0.0 if self._held_s < 0.0 else self._held_s + dt
        return self._held_s >= self._reached

    def holds(self, known: list[float]) -> Truth:
        """Tell whether the time is up and the child still holds."""
        truth = self.children[0].holds(known)
        return self._held_s >= self._reached if truth is True else truth

    def reset(self) -> None:
        """Start counting anew."""
        super().reset()
        self._held_s = _NOT_COUNTING_S

    def support(self, snapshot: Snapshot) -> list[Finding]:
        """What makes the child true, with the time."""
        if self.holds(snapshot.known) is not True:
            return []
        return self._timed(self.children[0].support(snapshot), f"for {self.for_s:g} s")

    def against(self, snapshot: Snapshot) -> list[Finding]:
        """What keeps the child, or the child itself while its time is not up."""
        if self.holds(snapshot.known) is True:
            return []
        child = self.children[0]
        if child.holds(snapshot.known) is True:
            so_far = f"for {max(self._held_s, 0.0):.1f} of {self.for_s:g} s"
            return self._timed(child.support(snapshot), so_far)
        return self._timed(child.against(snapshot), f"for {self.for_s:g} s")

    @staticmethod
    def _timed(findings: Sequence[Finding], words: str) -> list[Finding]:
        return [replace(found, test=f"{found.test} {words}") for found in findings]
