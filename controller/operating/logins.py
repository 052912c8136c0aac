"""Log-in over the local socket: passwords are checked in a thread of their own.

A hash takes tens of milliseconds on purpose, so it never runs on the loop of the scan. One
thread, a short queue, and a refusal when it is full. An unknown name and a wrong password take
as long and read the same. Passwords and unknown names go into no message and no record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from controller.events import Actor, Event
from controller.operating.reply import Reply, refuse
from controller.operating.words import Args
from controller.users.book import User, read_book
from controller.users.errors import BookError
from controller.users.lockout import LOCK_S, MOST_FAILURES, Lockout
from controller.users.passwords import LONGEST, nobody, verify
from drivers.base import Clock

MOST_WAITING = 10
_WRONG = "name or password is wrong"
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class _Checked:
    """What the thread found: the user when the password is right; whether the name is known."""

    user: User | None
    known: bool


class Logins:
    """Checks passwords against a user book, which is read anew each time.

    Args:
        book: the file; it need not be there yet.
        record: keeps events.
        clock: for locks; wall time, also on a simulated line that runs fast.
    """

    def __init__(self, book: Path, record: Callable[[list[Event]], None], clock: Clock) -> None:
        self._book = book
        self._record = record
        self._clock = clock
        self._lockout = Lockout()
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")

    def close(self) -> None:
        """End the thread; who waits for it is refused."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def log_in(self, args: Args, peer: str, now_ns: int) -> Actor | Reply:
        """Check a name with its password.

        Args:
            args: ``name`` and ``password`` as they came over the wire.
            peer: OS user behind the connection, for the record.
            now_ns: UTC ns of the record.

        Returns:
            the person, or a refusal.
        """
        name, password = args.get("name"), args.get("password")
        if not isinstance(name, str) or not isinstance(password, str):
            return refuse("a log-in has a name and a password")
        name, password = name[:_LONGEST_NAME], password[: LONGEST + 1]  # longer ones are wrong too
        if self._waiting >= MOST_WAITING:
            return refuse("too many people log in at the moment; try again")
        if not self._lockout.attempt(name, self._clock.monotonic()):
            return refuse(self._locked_text(name))
        return await self._judge(name, password, peer, now_ns)

    async def _judge(self, name: str, password: str, peer: str, now_ns: int) -> Actor | Reply:
        try:
            found = await self._check(name, password)
        except BookError as error:
            self._lockout.right(name)  # nobody guessed: the book could not be read
            return refuse(str(error))
        if found.user is None:
            self._tell_failed(name if found.known else "", peer, now_ns)
            return refuse(_WRONG)
        self._lockout.right(name)
        self._tell("log in", found.user.name, f"from OS user {peer}", now_ns)
        return Actor(found.user.name, found.user.role)

    async def _check(self, name: str, password: str) -> _Checked:
        loop = asyncio.get_running_loop()
        self._waiting += 1
        job = self._thread.submit(_check, self._book, name, password)
        # The place in the queue is free when the thread is, not when the person has hung up.
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wrap_future(job)

    def _done(self) -> None:
        self._waiting -= 1

    def _tell_failed(self, name: str, peer: str, now_ns: int) -> None:
        locked = self._lockout.locked_s(name, self._clock.monotonic()) > 0.0 if name else False
        told = f"wrong password, OS user {peer}" if name else f"unknown name, OS user {peer}"
        self._tell("log-in failed", name, told, now_ns)
        if locked:
            why = f"{MOST_FAILURES} wrong passwords; for {LOCK_S / 60:g} min"
            self._tell("account locked", name, why, now_ns)

    def _tell(self, verb: str, name: str, cause: str, now_ns: int) -> None:
        self._record([Event(now_ns, "authority", verb, name, None, None, cause, name)])

    def _locked_text(self, name: str) -> str:
        left = self._lockout.locked_s(name, self._clock.monotonic())
        return (
            f"{MOST_FAILURES} wrong passwords: this account may try again in {left / 60:.0f} min; "
            "stop and abort need no log-in"
        )


def _check(book: Path, name: str, password: str) -> _Checked:
    """In the thread: read the book, compare, always with a hash."""
    user = read_book(book).get(name)
    right = verify(nobody() if user is None else user.hash, password)
    return _Checked(user if right else None, user is not None)
