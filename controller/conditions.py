"""Conditions of the line and recipe files, compiled once and stepped every scan.

Three-valued: a value whose quality is not GOOD is neither true nor false but unknown
(None), under ``not`` as well. ``for_s`` counts from the first scan in which the test holds,
and any gap, false or unknown, starts it anew. A ``rising_above`` test compares the mean
slope over its ``for_s`` (1 s when not given), so noise does not count as a rise.
"""

from __future__ import annotations

from collections.abc import Callable

from config.models import Condition
from controller.condition_logic import All, Any, Held, Not
from controller.condition_nodes import (
    Above,
    AboveTag,
    Below,
    BelowTag,
    Equals,
    Finding,
    Node,
    NotGood,
    Point,
    Rising,
)
from controller.errors import ConditionError
from controller.tags import Snapshot, TagTable

_TESTS = ("above", "below", "equals", "above_tag", "below_tag", "rising_above", "not_good")
_DEFAULT_SLOPE_S = 1.0


class CompiledCondition:
    """A condition bound to the rows of a tag table; it holds the state of its timers.

    Attributes:
        tags: tags it looks at, in the order of the condition.
        evaluate: ``step`` on the known values alone, for callers that step hundreds.
    """

    __slots__ = ("_root", "evaluate", "tags")

    def __init__(self, root: Node) -> None:
        self._root = root
        self.evaluate: Callable[[list[float], float], bool | None] = root.step
        self.tags = tuple(dict.fromkeys(root.tags()))

    def step(self, snapshot: Snapshot, dt: float) -> bool | None:
        """Evaluate once for a scan of ``dt`` seconds; None means unknown."""
        return self._root.step(snapshot.known, dt)

    def reset(self) -> None:
        """Forget timers and slopes, as when the condition starts to be watched."""
        self._root.reset()

    def explain(self, snapshot: Snapshot) -> list[Finding]:
        """What keeps the condition from being true, with live values; empty when it is true."""
        return self._root.against(snapshot)

    def because(self, snapshot: Snapshot) -> list[Finding]:
        """What makes the condition true, with live values; empty when it is not true."""
        return self._root.support(snapshot)


def compile_condition(condition: Condition, table: TagTable) -> CompiledCondition:
    """Bind a condition to a table.

    Raises:
        UnknownTag: it names a tag that the line does not have.
        ConditionError: it is empty, or says several things at once.
    """
    return CompiledCondition(_node(condition, table))


def _node(condition: Condition, table: TagTable) -> Node:
    forms = [condition.all, condition.any, condition.not_, condition.tag]
    if sum(form is not None for form in forms) != 1:
        raise ConditionError(f"one of all, any, not, tag is needed: {_quote(condition)}")
    if condition.tag is not None:
        return _leaf(condition, condition.tag, table)
    node: Node
    if condition.all is not None:
        node = All([_node(child, table) for child in condition.all])
    elif condition.not_ is not None:
        node = Not(_node(condition.not_, table))
    else:
        node = Any([_node(child, table) for child in condition.any or ()])
    return Held(node, condition.for_s) if condition.for_s > 0.0 else node


def _leaf(condition: Condition, tag: str, table: TagTable) -> Node:
    tests = [name for name in _TESTS if getattr(condition, name) is not None]
    if len(tests) != 1 or condition.not_good is False:
        raise ConditionError(f"one test is needed: {_quote(condition)}")
    point = _point(tag, table)
    if condition.rising_above is not None:
        window_s = condition.for_s or _DEFAULT_SLOPE_S
        return Rising(point, condition.rising_above, window_s, table.scan_period_s)
    node = _plain_leaf(condition, point, table)
    return Held(node, condition.for_s) if condition.for_s > 0.0 else node


def _plain_leaf(condition: Condition, point: Point, table: TagTable) -> Node:
    if condition.above is not None:
        return Above(point, condition.above)
    if condition.below is not None:
        return Below(point, condition.below)
    if condition.equals is not None:
        return Equals(point, condition.equals)
    if condition.above_tag is not None:
        other = _point(condition.above_tag, table)
        return AboveTag(point, other, condition.factor, condition.offset)
    if condition.below_tag is not None:
        other = _point(condition.below_tag, table)
        return BelowTag(point, other, condition.factor, condition.offset)
    return NotGood(point)


def _point(tag: str, table: TagTable) -> Point:
    return Point(table.index(tag), tag, table.spec(tag).unit)


def _quote(condition: Condition) -> str:
    return condition.model_dump_json(exclude_defaults=True, by_alias=True)
