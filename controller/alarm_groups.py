"""Few lines for many alarms: by alarm while that fits, else by device, else by kind of device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from controller.alarm_points import Alarm
from controller.alarm_states import UNSEEN

MOST_LINES = 10
"""A person reads no more than that in a flood."""


@dataclass(frozen=True, slots=True)
class Group:
    """One line: alarms that belong together.

    Attributes:
        name: alarm, device, or kind of device.
        alarms: its alarms, the first to rise first.
    """

    name: str
    alarms: tuple[Alarm, ...]

    @property
    def unseen(self) -> int:
        """How many nobody has acknowledged."""
        return sum(alarm.state in UNSEEN for alarm in self.alarms)

    @property
    def priority(self) -> str:
        """The highest priority among them."""
        return str(min(self.alarms, key=lambda alarm: alarm.urgency).priority)


def grouped(
    alarms: Sequence[Alarm], first_out: str = "", most: int = MOST_LINES
) -> tuple[Group, ...]:
    """At most ``most`` lines that hold every alarm once; the first-out's line is first."""
    keys: tuple[Callable[[Alarm], str], ...] = (_own, _device, _kind)
    groups: tuple[Group, ...] = ()
    for key in keys:
        groups = _by(alarms, key, first_out)
        if len(groups) <= most:
            return groups
    rest = [alarm for group in groups[most - 1 :] for alarm in group.alarms]
    return (*groups[: most - 1], Group("others", tuple(_in_order(rest, first_out))))


def _by(alarms: Sequence[Alarm], key: Callable[[Alarm], str], first_out: str) -> tuple[Group, ...]:
    found: dict[str, list[Alarm]] = {}
    for alarm in _in_order(alarms, first_out):
        found.setdefault(key(alarm), []).append(alarm)
    return tuple(Group(name, tuple(members)) for name, members in found.items())


def _in_order(alarms: Iterable[Alarm], first_out: str) -> list[Alarm]:
    return sorted(alarms, key=lambda alarm: (alarm.name != first_out, alarm.order))


def _own(alarm: Alarm) -> str:
    return alarm.name


def _device(alarm: Alarm) -> str:
    return alarm.device or _stem(alarm)


def _kind(alarm: Alarm) -> str:
    """Letters of the tag: ``TIC``, ``SIC``."""
    return _stem(alarm).partition("-")[0]


def _stem(alarm: Alarm) -> str:
    return alarm.spec.name.partition(".")[0]
