"""Few lines for the events of one scan: one line for a cause, which counts and names the rest.

Only what people read is grouped. The record holds every event.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from controller.events import Event
from drivers.base import LinkState, Quality, quality_words

_FEW: Final = 4
"""Names a line still tells; beyond it they are counted by kind."""

_BLIND: Final = tuple(
    f"({quality_words(quality)})"
    for quality in (Quality.BAD_NO_COMMUNICATION, Quality.BAD_WAITING_FOR_INITIAL_DATA)
)
_NUMBERS: Final = re.compile(r"[-+]?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the log.

    Attributes:
        event: told whole.
        rest: those that say the same of others, in order.
    """

    event: Event
    rest: tuple[Event, ...]

    @property
    def more(self) -> str:
        """The rest in words; empty without any."""
        if not self.rest:
            return ""
        names = [event.tag for event in self.rest]
        return f"; and {len(names)} more: {', '.join(_named(names))}"


def grouped(events: Iterable[Event]) -> list[Told]:
    """The lines for some events, each event in one of them, in the order of the first ones."""
    found: dict[tuple[object, ...], list[Event]] = {}
    for number, event in enumerate(events):
        found.setdefault(_key(event) or (number,), []).append(event)
    return [Told(first, tuple(rest)) for first, *rest in found.values()]


def _key(event: Event) -> tuple[object, ...] | None:
    """What events of one cause have in common; None for one that stands alone."""
    if event.actor or not event.tag or (event.source, event.verb) == ("procedure", "state"):
        return None
    alike = event.source, event.verb
    if any(words in event.cause for words in _BLIND):
        return (*alike, "blind")
    kind = _kind(event.tag)
    said = event.cause.replace(event.tag, "")
    if event.source == "link" and event.new == LinkState.UP:
        return None  # people and scripts wait for each device by its name
    if event.source == "link":  # what happened to devices, whatever their names
        return (*alike, str(event.new) if _is_state(event) else "", _plain(said))
    return (*alike, kind, str(event.new) if event.source == "interlock" else "", _plain(said))


def _is_state(event: Event) -> bool:
    """A link's new state, not the value that could not be written."""
    return isinstance(event.new, str)


def _plain(text: str) -> str:
    """A cause without names of equipment and without numbers."""
    words = (word for word in text.split() if not any(char.isdigit() for char in word))
    return _NUMBERS.sub("", " ".join(words))


def _kind(name: str) -> str:
    """``IL1`` of ``IL1-B2``, ``TY`` of ``TY-121.OP``."""
    return name.partition("-")[0]


def _named(names: Sequence[str]) -> list[str]:
    """A few names as they are; many by kind with their number."""
    if len(names) <= _FEW:
        return list(names)
    counts = Counter(_kind(name) for name in names)
    if len(counts) == 1:
        return [f"{names[0]} to {names[-1]}"]
    return [kind if count == 1 else f"{count} {kind}" for kind, count in counts.items()]
