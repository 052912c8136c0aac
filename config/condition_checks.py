"""Checks of structured conditions: one operator, one test, tags that exist and can compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.models import Condition
from config.positions import Path
from config.problems import Category, suggestion
from config.source import Source

_TESTS = ("above", "below", "equals", "above_tag", "below_tag", "rising_above", "not_good")


@dataclass(frozen=True)
class KnownTag:
    """What conditions need to know of a tag: its unit (empty when doubtful) and range."""

    unit: str
    low: float
    high: float


def check_condition(
    source: Source, path: Path, condition: Condition, tags: Mapping[str, KnownTag]
) -> None:
    """Report everything wrong with a condition and those inside it."""
    operators = [name for name, given in _operators(condition).items() if given]
    if len(operators) != 1:
        found = " and ".join(operators) or "none"
        source.report(
            Category.CONTRADICTION,
            path,
            f"a condition needs exactly one operator, found {found}",
            "one of all, any, not, tag",
            show=False,
        )
        return
    for name, children in (("all", condition.all), ("any", condition.any)):
        if children is not None and not children:
            source.report(Category.CONTRADICTION, (*path, name), "an empty list decides nothing")
        for index, child in enumerate(children or ()):
            check_condition(source, (*path, name, index), child, tags)
    if condition.not_ is not None:
        check_condition(source, (*path, "not"), condition.not_, tags)
    if condition.tag is not None:
        _check_leaf(source, path, condition, tags)
    elif _tests(condition):
        source.report(
            Category.CONTRADICTION,
            path,
            f"{', '.join(_tests(condition))} without 'tag'",
            "a test belongs to a tag",
            show=False,
        )


def _operators(condition: Condition) -> dict[str, bool]:
    return {
        "all": condition.all is not None,
        "any": condition.any is not None,
        "not": condition.not_ is not None,
        "tag": condition.tag is not None,
    }


def _tests(condition: Condition) -> list[str]:
    return [name for name in _TESTS if getattr(condition, name) is not None]


def _check_leaf(
    source: Source, path: Path, condition: Condition, tags: Mapping[str, KnownTag]
) -> None:
    tests = _tests(condition)
    if len(tests) != 1:
        found = " and ".join(tests) or "none"
        source.report(
            Category.CONTRADICTION,
            path,
            f"a tag needs exactly one test, found {found}",
            "one of " + ", ".join(_TESTS),
            show=False,
        )
        return
    tag = _known(source, (*path, "tag"), condition.tag, tags)
    if tests[0] in {"above_tag", "below_tag"}:
        other = _known(source, (*path, tests[0]), getattr(condition, tests[0]), tags)
        if tag and other and tag.unit and other.unit and tag.unit != other.unit:
            source.report(
                Category.UNIT,
                (*path, tests[0]),
                f"compares {tag.unit} with {other.unit}",
                "both tags in one unit",
            )
    elif tests[0] in {"above", "below", "equals"} and tag:
        limit = getattr(condition, tests[0])
        if not tag.low <= limit <= tag.high:
            source.report(
                Category.RANGE,
                (*path, tests[0]),
                f"the tag never comes there ({tag.unit})",
                f"allowed {tag.low:g} to {tag.high:g}, the range of {condition.tag}",
            )
    elif condition.not_good is False:
        source.report(
            Category.CONTRADICTION,
            (*path, "not_good"),
            "only true has a meaning",
            "for the opposite write not = { tag = ..., not_good = true }",
        )


def _known(
    source: Source, path: Path, name: str | None, tags: Mapping[str, KnownTag]
) -> KnownTag | None:
    if name is None or name in tags:
        return tags.get(name) if name else None
    source.report(
        Category.REFERENCE, path, "no such tag", suggestion(name, tags) or "a tag of the line file"
    )
    return None
