"""The control token: one person at a time commands the line (safety rule 2.7). Pure.

The token is a lease. Who commands a line that nobody holds has it; each command, and
``filmline watch --keep``, renews it; without either it ends after a minute by itself. Another
person takes it over with a reason and a role not below the holder's. It is kept in memory
only: a service that starts again has no holder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from config.models import Role
from controller.events import Actor, Event

LEASE_NS = 60 * 1_000_000_000
SHOWN_NS = 600 * 1_000_000_000
"""How long a take-over is shown to everybody."""

NO_TOKEN = frozenset({"status", "read", "alarms", "cost", "why-not", "stop", "abort", "ack",
                      "silence", "note", "take", "release", "keep"})  # fmt: skip
"""Verbs that need no token, and never claim it. Every other verb needs it.

They move nothing and hide nothing (looking, acknowledging, silencing the horn, writing into the
shift book), or may never be impeded (stop, abort), or are about the token itself. Who shelves an
alarm hides it from whoever commands, so that needs it.
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who commands the line, since when, and until when unless renewed (UTC ns)."""

    name: str
    role: Role
    since_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True)
class TakeOver:
    """The last take-over: who took it from whom, why and when (UTC ns)."""

    by: str
    of: str
    reason: str
    ns: int


class Authority:
    """The token of one line. People are known by their names."""

    def __init__(self) -> None:
        self._holder: Holder | None = None
        self._taken: TakeOver | None = None
        self._events: list[Event] = []

    def holder(self, now_ns: int) -> Holder | None:
        """Who holds it; the lease ends exactly at ``until_ns``."""
        held = self._holder
        if held is not None and now_ns >= held.until_ns:
            self._tell(held.until_ns, "expired", held.name, None, "not renewed for 60 s", "")
            self._holder = held = None
        return held

    def taken(self, now_ns: int) -> TakeOver | None:
        """The last take-over, for ten minutes: people have to see it."""
        found = self._taken
        return found if found is not None and now_ns - found.ns < SHOWN_NS else None

    def against(self, verb: str, actor: Actor, now_ns: int) -> str:
        """Why a person may not give a command now; empty when they may."""
        held = self.holder(now_ns)
        if verb in NO_TOKEN or held is None or held.name == actor.name:
            return ""
        return (
            f"{held.name} ({held.role}) has control for another {_seconds(held, now_ns)} s; "
            "ask them to 'filmline release', or 'filmline take --reason ...'"
        )

    def used(self, verb: str, actor: Actor, now_ns: int) -> None:
        """A command was done: whoever gave it has control for another minute."""
        if verb not in NO_TOKEN:
            self._have(actor, now_ns, f"by the command {verb}")

    def keep(self, actor: Actor, now_ns: int) -> bool:
        """Renew one's own lease; False when one has none."""
        held = self.holder(now_ns)
        if held is None or held.name != actor.name:
            return False
        self._holder = replace(held, until_ns=now_ns + LEASE_NS)
        return True

    def take(self, actor: Actor, reason: str, now_ns: int) -> str:
        """Take control, from its holder if there is one; returns why not, empty when done."""
        held = self.holder(now_ns)
        if not actor.may(Role.OPERATOR):
            return f"control needs the role operator; {actor.name} is {actor.role}"
        if held is None or held.name == actor.name:
            self._have(actor, now_ns, reason or "asked for it")
            return ""
        if not actor.may(held.role):
            return (
                f"{held.name} is {held.role} and has control for another "
                f"{_seconds(held, now_ns)} s; {actor.name} is {actor.role}, and taking it over "
                "needs the same role or a higher one"
            )
        if not reason.strip():
            return f"{held.name} ({held.role}) has control; taking it over needs a reason"
        self._taken = TakeOver(actor.name, held.name, reason, now_ns)
        self._tell(now_ns, "take over", held.name, actor.name, reason, actor.name)
        self._holder = Holder(actor.name, actor.role, now_ns, now_ns + LEASE_NS)
        return ""

    def release(self, actor: Actor, now_ns: int) -> str:
        """Give control up; returns why not, empty when done."""
        held = self.holder(now_ns)
        if held is None:
            return "nobody has control"
        if held.name != actor.name:
            return f"{held.name} has control, not {actor.name}"
        self._tell(now_ns, "release", held.name, None, "given up", actor.name)
        self._holder = None
        return ""

    def events(self) -> list[Event]:
        """What happened since the last call, for the record."""
        found, self._events = self._events, []
        return found

    def _have(self, actor: Actor, now_ns: int, why: str) -> None:
        held = self.holder(now_ns)
        since_ns = now_ns if held is None else held.since_ns
        if held is None:
            self._tell(now_ns, "claim", None, actor.name, why, actor.name)
        self._holder = Holder(actor.name, actor.role, since_ns, now_ns + LEASE_NS)

    def _tell(
        self, now_ns: int, verb: str, old: str | None, new: str | None, why: str, actor: str
    ) -> None:
        self._events.append(Event(now_ns, "authority", verb, "control", old, new, why, actor))


def _seconds(held: Holder, now_ns: int) -> int:
    """Seconds left, rounded up: never 0 while it lasts."""
    return -(-(held.until_ns - now_ns) // 1_000_000_000)
