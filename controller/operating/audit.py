"""The audit record of every command: who, what, old, new, why; on the disk before the reply.

A command that was done is one event of source ``operator`` whose verb is the command's; one
that was refused is ``refused``. The reply waits, for a bounded time, for the commit that holds
it. While the record cannot be written, commands are refused. Stop and abort always act.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from controller.events import Actor, Event
from controller.operating.reply import Reply
from controller.operating.words import Args, Refused, text

if TYPE_CHECKING:
    from controller.app import Kernel

LOOKING: Final = frozenset({"status", "read", "alarms", "cost", "why-not", "keep"})
"""Verbs that change nothing: the audit trail does not hold them."""
_AGAIN_NS: Final = 60_000_000_000  # a refusal that is repeated is told once in this time


class Audit:
    """Writes the audit records of a desk.

    Args:
        kernel: whose record it is.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._refused: tuple[str, str, tuple[str, ...], int] = ("", "", (), 0)

    def check(self, verb: str) -> None:
        """Refuse a command that could not be recorded."""
        why = self._kernel.commits.against(self._kernel.clock.utc_ns())
        if why:
            raise Refused(
                f"{verb} cannot be recorded, so it is not done: {why}; "
                "stop and abort act without a record"
            )

    def done(self, verb: str, args: Args, reply: Reply, actor: Actor, now_ns: int) -> Reply:
        """Record a command that was done; the reply gets the ticket of its record."""
        change = reply.change
        why = change.why or text(args, "reason") or "by hand"
        event = Event(
            now_ns, "operator", verb, change.tag, change.old, change.new, why, actor.name
        )  # fmt: skip
        self._kernel.record([event])
        return replace(reply, ticket=self._kernel.journal.mark())

    def refused(self, verb: str, error: Refused, actor: Actor, now_ns: int) -> None:
        """Record a command that was refused; one that is repeated at once is told once."""
        verb_, name, reasons, told_ns = self._refused
        same = (verb, actor.name, error.reasons) == (verb_, name, reasons)
        if verb in LOOKING or (same and now_ns - told_ns < _AGAIN_NS):
            return
        self._refused = (verb, actor.name, error.reasons, now_ns)
        why = "; ".join(error.reasons)
        self._kernel.record(
            [Event(now_ns, "operator", "refused", verb, None, None, why, actor.name)]
        )

    # --- the reply that waits ----------------------------------------------------------------

    def wait(self, ticket: int, heard: Callable[[], None]) -> None:
        """Tell once when the record of a ticket is on the disk, or cannot be written."""
        self._kernel.journal.wait(ticket, heard)

    def forget(self, ticket: int) -> None:
        """Nobody waits for this ticket any more."""
        self._kernel.journal.forget(ticket)

    def settled(self, reply: Reply) -> Reply:
        """The reply as it goes out: what was done and is not on the disk is not acknowledged."""
        if self._kernel.journal.stored(reply.ticket):
            return replace(reply, ticket=0)
        why = self._kernel.commits.failure or "the disk does not answer in time"
        told = f"it was done, but it is not in the record yet: {why}"
        return replace(
            reply, ok=False, ticket=0, refused=(*reply.lines, told),
            data=reply.data | {"done": True, "recorded": False},
        )  # fmt: skip
