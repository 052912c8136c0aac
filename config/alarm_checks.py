"""Checks of the alarms across the line file: words, conditions, patterns that name nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.alarm_texts import alarm_names, matches, words_of
from config.condition_checks import KnownTag, check_condition
from config.line_models import CalculatedTag, Line, TagSpec
from config.positions import Path
from config.problems import Category
from config.source import Source

_NEEDED = ("cause", "consequence", "response", "respond_min")


def check_alarms(source: Source, line: Line, tags: Mapping[str, KnownTag]) -> None:
    """Report alarms without words or action, and texts and suppressions that name none."""
    known = []
    for path, spec in alarm_places(line):
        names = [name for name, _, _ in alarm_names(spec)]
        known += names
        if spec.alarm is not None and spec.alarm.when is not None:
            check_condition(source, (*path, "alarm", "when"), spec.alarm.when, tags)
        for name in names[:1]:
            _check_words(source, (*path, "alarm"), line, name, spec)
    for i, text in enumerate(line.alarm_text):
        _check_patterns(source, ("alarm_text", i, "alarms"), text.alarms, known)
    for i, suppression in enumerate(line.suppression):
        _check_patterns(source, ("suppression", i, "alarms"), suppression.alarms, known)
        check_condition(source, ("suppression", i, "when"), suppression.when, tags)


def alarm_places(line: Line) -> Iterator[tuple[Path, TagSpec | CalculatedTag]]:
    """Every tag with its place in the line file."""
    for i, instrument in enumerate(line.instrument):
        for j, tag in enumerate(instrument.tags):
            yield ("instrument", i, "tags", j), tag
    for i, calculated in enumerate(line.calculated):
        yield ("calculated", i), calculated


def _check_words(
    source: Source, path: Path, line: Line, name: str, spec: TagSpec | CalculatedTag
) -> None:
    words = words_of(line, name, spec)
    for word in _NEEDED:
        if not getattr(words, word):
            source.report(
                Category.MISSING,
                (*path, word),
                f"an alarm needs its '{word}'",
                "here, or in an alarm_text that names it",
                at_key=True,
                show=False,
            )


def _check_patterns(
    source: Source, path: Path, patterns: tuple[str, ...], known: list[str]
) -> None:
    for index, pattern in enumerate(patterns):
        if not any(matches(name, (pattern,)) for name in known):
            source.report(Category.REFERENCE, (*path, index), "no alarm has such a name")
