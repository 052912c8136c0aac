"""What happens on the wires, as events for the record."""

from __future__ import annotations

from controller.events import Event
from drivers.base import LinkState, WriteOutcome, WriteResult


class LinkEvents:
    """Turns changes of links and fates of writes into events for the record."""

    def __init__(self) -> None:
        self.pending: list[Event] = []
        self.silent: dict[str, str] = {}

    def link_changed(self, name: str, state: LinkState, reason: str, ns: int) -> None:
        """A bus or an instrument changed state."""
        old = self.silent.pop(name, "")
        if state is not LinkState.UP:
            self.silent[name] = str(state)
        self.pending.append(Event(ns, "link", "state", name, old or None, str(state), reason))

    def write_ended(self, result: WriteResult) -> None:
        """A write left the queue; only those that did not arrive are worth an event."""
        if result.outcome is not WriteOutcome.WRITTEN:
            self.pending.append(
                Event(result.ns, "link", result.outcome.value, result.tag, None, result.value,
                      result.reason)
            )  # fmt: skip
