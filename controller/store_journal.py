"""The procedure's journal, kept in the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

from controller.historian.store import Store
from controller.procedure.journal import JournalEntry
from controller.procedure.states import State

_UNWINDING = frozenset({State.STOPPING, State.ABORTING})


class StoreJournal:
    """The procedure's journal inside the record: durable when its commit has returned.

    Attributes:
        wanted: somebody waits for a commit that nobody has asked for yet.
        failing: the record cannot be written now. Going on waits for it; a stop does not.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = 0
        self._asked = 0
        self._safe = 0
        self._stop_from: int | None = None
        self._waiting: dict[int, Callable[[], None]] = {}
        self.wanted = False
        self.failing = False

    def write(self, entry: JournalEntry) -> int:
        """Queue an entry; its ticket becomes durable with the next commit."""
        text = json.dumps(asdict(entry), sort_keys=True)
        self._store.journal(entry.ns, entry.unit, text)
        self._written += 1
        stops = entry.state in _UNWINDING
        self._stop_from = (self._stop_from or self._written) if stops else None
        return self._written

    def mark(self) -> int:
        """A ticket for all that the record was given until now; hastens its commit."""
        self._written += 1
        self.wanted = True
        return self._written

    def stored(self, ticket: int) -> bool:
        """Tell whether what was queued before a ticket is on the disk."""
        return ticket <= self._safe

    def wait(self, ticket: int, heard: Callable[[], None]) -> None:
        """Call once when the ticket is on the disk, or a commit fails; at once if it is so now."""
        if self.stored(ticket) or self.failing:
            heard()
        else:
            self._waiting[ticket] = heard

    def forget(self, ticket: int) -> None:
        """Nobody waits for the ticket any more."""
        self._waiting.pop(ticket, None)

    def durable(self, ticket: int) -> bool:
        """Tell whether an entry is on the disk; asking for one that is not hastens a commit."""
        stopping = self._stop_from is not None and ticket >= self._stop_from
        if ticket <= self._safe or (self.failing and stopping):
            return True
        self.wanted = self.wanted or ticket > self._asked
        return False

    def asked(self) -> int:
        """A commit of everything queued until now is on its way; returns its ticket."""
        self._asked, self.wanted = self._written, False
        return self._asked

    def committed(self, ticket: int) -> None:
        """Everything queued before the commit of this ticket is on the disk now."""
        self._safe = max(self._safe, ticket)
        self.failing = False
        self._tell(self._safe)

    def failed(self) -> None:
        """A commit failed: its entries wait for the next one."""
        self._asked, self.wanted, self.failing = self._safe, True, True
        self._tell(self._written)

    def _tell(self, last: int) -> None:
        """Release who waits for tickets up to this one."""
        for ticket in [ticket for ticket in self._waiting if ticket <= last]:
            self._waiting.pop(ticket)()
