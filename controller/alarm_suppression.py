"""Suppression by design: which alarms say nothing now, from the conditions of the line file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.alarm_texts import matches
from config.models import Line
from controller.alarm_points import Alarm
from controller.conditions import compile_condition
from controller.tags import Snapshot, TagTable


class Suppressions:
    """Steps the suppressions of a line; unknown does not suppress."""

    def __init__(self, line: Line, table: TagTable, alarms: Sequence[Alarm]) -> None:
        self._rules = line.suppression
        self._conditions = [compile_condition(rule.when, table) for rule in self._rules]
        self._numbers = [
            [n for n, alarm in enumerate(alarms) if matches(alarm.name, rule.alarms)]
            for rule in self._rules
        ]
        self._held = [False] * len(self._rules)
        self._by: list[set[int]] = [set() for _ in alarms]

    def step(self, snapshot: Snapshot, dt: float) -> Iterator[tuple[int, bool, str]]:
        """Number of each alarm that a suppression takes or lets go, which of both, and its kind."""
        for index, condition in enumerate(self._conditions):
            held = condition.step(snapshot, dt) is True
            if held is self._held[index]:
                continue
            self._held[index] = held
            for number in self._numbers[index]:
                by = self._by[number]
                by.add(index) if held else by.discard(index)
                yield number, held, self._rules[index].kind

    def suppressed(self, number: int) -> bool:
        """Whether a suppression holds for an alarm now."""
        return bool(self._by[number])

    def why(self, number: int) -> str:
        """Titles of the suppressions that hold for an alarm."""
        return "; ".join(f"{self._rules[i].name}: {self._rules[i].title}"
                         for i in sorted(self._by[number]))  # fmt: skip

    def reset(self) -> None:
        """Find everything anew with the next scan."""
        self._held = [False] * len(self._rules)
        for by in self._by:
            by.clear()
        for condition in self._conditions:
            condition.reset()
