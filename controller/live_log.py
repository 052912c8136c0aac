"""The service's log: plain lines on standard output, which never make a scan wait.

A thread writes them. A terminal that stands still or a pipe nobody reads fills a bounded
queue; lines beyond it are dropped and counted.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from controller.events import Event
from controller.log_groups import grouped

_WAITING_LINES = 2000
_NS = 1_000_000_000
_AGAIN_NS = 60 * _NS  # a line that says the same waits so long
_SOURCES = frozenset({"alarm", "clock", "computer", "interlock", "link", "scan"})
_PROCEDURE = frozenset({"state", "ask", "answer", "refused"})
_GATE = frozenset({"mode", "shed", "rearm"})
_OPENING = frozenset({"connecting", "open", "opening"})


def write_out(text: str) -> None:
    """Write to standard output at once; a reader that has gone is not our failure."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        return


class LineLog:
    """Lines with line time in front.

    Args:
        write: takes text with its line end; may block.

    Attributes:
        dropped: lines nobody will see.
    """

    def __init__(self, write: Callable[[str], None] = write_out) -> None:
        self._write = write
        self._queue: queue.Queue[str | None] = queue.Queue(_WAITING_LINES)
        self.dropped = 0
        self._again: dict[str, int] = {}
        self._thread = threading.Thread(target=self._carry, name="log", daemon=True)
        self._thread.start()

    def say(self, ns: int, text: str) -> None:
        """Put a line in the queue."""
        try:
            self._queue.put_nowait(f"{stamp(ns)}  {text}\n")
        except queue.Full:
            self.dropped += 1

    def tell(self, *events: Event) -> None:
        """Put those events of a scan in the queue that people wait for; one line for one cause.

        A link that is tried again and again says why it fails once a minute.
        """
        for told in grouped(event for event in events if _told(event) and self._is_new(event)):
            self.say(told.event.ns, words(told.event) + told.more)

    def _is_new(self, event: Event) -> bool:
        """Whether a link says something that it did not say within the last minute."""
        if event.source != "link":
            return True
        text = words(event)
        if event.ns < self._again.get(text, 0):
            return False
        if len(self._again) > _WAITING_LINES:
            self._again.clear()
        self._again[text] = event.ns + _AGAIN_NS
        return True

    def close(self, patience_s: float = 2.0) -> None:
        """Write what waits, as far as somebody reads it."""
        try:
            self._queue.put(None, timeout=patience_s)
        except queue.Full:
            return
        self._thread.join(patience_s)

    def _carry(self) -> None:
        while (text := self._queue.get()) is not None:
            self._write(text)


def _told(event: Event) -> bool:
    if event.source == "link":
        return event.new not in _OPENING and event.cause not in _OPENING
    if event.source in {"procedure", "gate"}:
        return event.verb in (_PROCEDURE if event.source == "procedure" else _GATE)
    return event.source in _SOURCES


def stamp(ns: int) -> str:
    """UTC to tenths of a second."""
    seconds, rest = divmod(ns, _NS)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // (_NS // 10)}Z"


def words(event: Event) -> str:
    """One line for an event."""
    if event.source == "link":
        return f"{event.tag} {event.new}: {event.cause}"
    change = " -> ".join(str(value) for value in (event.old, event.new) if value is not None)
    subject = " ".join(part for part in (event.source, event.verb, event.tag) if part)
    parts = (subject, change, f"({event.cause})" if event.cause else "")
    by = f" by {event.actor}" if event.actor else ""
    return "  ".join(part for part in parts if part) + by
