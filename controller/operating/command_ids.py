"""Commands are done once: each has an id, the connection it was made on, and when. Pure.

When is by the service's own clock. The same command again within its life gets the reply of the
first and is not done twice, also over a new connection: so a person whose link broke learns what
became of it. A command that was made on a connection that is gone, or more than ten seconds ago,
and was not done, is refused: nothing waits in a wire and acts later.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass

from controller.events import Actor
from controller.operating.reply import Reply, refuse
from controller.operating.words import Args

LIFE_NS = 10 * 1_000_000_000
_AHEAD_NS = 1_000_000_000  # a stamp from later than now is nobody's
_MOST = 1024  # more than the server lets in during a life
_LONGEST_ID = 64

NO_ID = frozenset({"status", "read", "alarms", "cost", "why-not", "keep", "now"})
"""Verbs that change nothing when they are repeated."""
FREE = frozenset({"stop", "abort"})
"""Verbs that are done whatever id they carry, as often as they come: nothing impedes them."""


@dataclass(frozen=True, slots=True)
class CommandId:
    """Identity of one command.

    Attributes:
        id: made by who gives it, never twice.
        session: connection it was made on, as the service's greeting named it.
        made_ns: when, UTC ns of the service's clock.
    """

    id: str
    session: str
    made_ns: int


@dataclass(frozen=True, slots=True)
class _Done:
    content: str
    reply: Reply
    until_ns: int


class CommandIds:
    """Remembers the replies of commands for their life; when it is full it takes no more."""

    def __init__(self) -> None:
        self._done: OrderedDict[str, _Done] = OrderedDict()

    def judge(
        self,
        command: CommandId | None,
        session: str,
        what: tuple[str, Args, Actor],
        now_ns: int,
    ) -> Reply | None:
        """Reply that a command has already, or its refusal; None when it is to be done.

        Args:
            command: identity that came with it; None when none came.
            session: connection it came over.
            what: verb, arguments and person.
            now_ns: UTC ns.
        """
        verb = what[0]
        if verb in NO_ID or verb in FREE:
            return None
        if command is None:
            return refuse(f"{verb} must carry a command id")
        self._forget(now_ns)
        known = self._done.get(command.id)
        if known is not None:
            if known.content == _content(*what):
                return known.reply
            return refuse(f"command id {command.id} was used for another command")
        if len(self._done) >= _MOST:
            return refuse(f"more than {_MOST} commands in {LIFE_NS / 1e9:g} s; wait, then repeat")
        return _too_late(command, session, verb, now_ns)

    def keep(
        self, command: CommandId | None, what: tuple[str, Args, Actor], reply: Reply, now_ns: int
    ) -> None:
        """Remember the reply of a command that was judged and done, or refused by the desk."""
        if command is not None and what[0] not in NO_ID and what[0] not in FREE:
            self._done.setdefault(command.id, _Done(_content(*what), reply, now_ns + LIFE_NS))

    def _forget(self, now_ns: int) -> None:
        while self._done and next(iter(self._done.values())).until_ns < now_ns:
            self._done.popitem(last=False)


def decode_command(found: object) -> CommandId | None:
    """Command id as it came over the wire; None when there is none.

    Raises:
        ValueError: it is not one.
    """
    if found is None:
        return None
    if not isinstance(found, dict):
        raise ValueError("command is an object")  # noqa: TRY004 - what came is wrong, not who calls
    name, session, made_ns = (found.get(key) for key in ("id", "session", "made_ns"))
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ID or not name.isprintable():
        raise ValueError("the id of a command is a word")
    if not isinstance(session, str) or not isinstance(made_ns, int) or isinstance(made_ns, bool):
        raise ValueError("a command says its session and made_ns")  # noqa: TRY004 - as above
    return CommandId(name, session, made_ns)


def _too_late(command: CommandId, session: str, verb: str, now_ns: int) -> Reply | None:
    if command.session != session:
        return refuse(f"{verb} was made on a connection that is gone; look again, then repeat it")
    age_ns = now_ns - command.made_ns
    if age_ns > LIFE_NS:
        return refuse(
            f"{verb} came {age_ns / 1e9:.1f} s after it was made, and lives "
            f"{LIFE_NS / 1e9:g} s; look again, then repeat it"
        )
    if age_ns < -_AHEAD_NS:
        return refuse(f"{verb} was made later than now on the service's clock; look again")
    return None


def _content(verb: str, args: Args, actor: Actor) -> str:
    """Digest of what a command asks: short, whatever its arguments."""
    whole = json.dumps([verb, args, actor.name], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()
