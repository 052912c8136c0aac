"""Virtual time: an event loop whose clock jumps to the next timer when all tasks are blocked.

Time is an integer number of nanoseconds. Timers that fall on the same instant run in the
order of their rank (plant twin, instruments, bus deliveries, scan, store) and, within a
rank, in the order they were set; what a timer wakes runs before the next timer. So a run
is the same on every machine, and no thread or wall clock can get in between.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections.abc import Callable
from contextvars import Context
from enum import IntEnum
from itertools import count
from typing import Any, NoReturn, TypeVarTuple

_Args = TypeVarTuple("_Args")

NS = 1_000_000_000
_POLL_EVERY = 512  # iterations between looks at real file descriptors (signals, mainly)


class Rank(IntEnum):
    """Order of timers that are due at the same nanosecond."""

    TWIN = 0
    INSTRUMENT = 1
    BUS = 2
    SCAN = 3
    STORE = 4


_BUS = int(Rank.BUS)  # looking it up on the class costs more than pushing the timer


class IdleForeverError(RuntimeError):
    """Nothing is ready, no timer is set and no file is open: the program would wait for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time; ``time()`` starts at 0 s.

    It overrides one step of the standard loop: instead of sleeping in ``select`` until the
    next timer is due, it moves the clock there. Real file descriptors are still looked at
    now and then, so that Ctrl-C works; threads are refused.
    """

    def __init__(self) -> None:
        self._now_ns = 0
        self._timers: list[tuple[int, int, int, Callable[..., object], Any]] = []
        self._sequence = count()
        self._iterations = 0
        super().__init__()

    def time(self) -> float:
        """Line seconds since the loop was made."""
        return self._now_ns / NS

    def time_ns(self) -> int:
        """Line nanoseconds since the loop was made; exact."""
        return self._now_ns

    def at(self, when_ns: int, rank: int, callback: Callable[..., object], *args: Any) -> None:
        """Run ``callback(*args)`` at ``when_ns`` with the given rank; it cannot be canceled.

        Raises:
            ValueError: ``when_ns`` lies in the past.
        """
        if when_ns < self._now_ns:
            raise ValueError(f"timer set {self._now_ns - when_ns} ns in the past")
        heapq.heappush(self._timers, (when_ns, rank, next(self._sequence), callback, args))

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Args], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Standard timer, at bus rank; never early: ``time() >= when`` when it fires."""
        handle = events.TimerHandle(when, callback, args, self, context)
        when_ns = int(when * NS)
        while when_ns / NS < when:
            when_ns += 1
        when_ns = max(when_ns, self._now_ns)
        heapq.heappush(self._timers, (when_ns, _BUS, next(self._sequence), handle._run, handle))  # noqa: SLF001
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Args], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Standard relative timer."""
        return self.call_at(self._now_ns / NS + delay, callback, *args, context=context)

    def run_in_executor(self, *_: object) -> NoReturn:
        """Refuse threads: they would run while virtual time stands still.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("no threads on the virtual loop: do the work inline")

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """Canceled timers stay in the heap and are skipped when their time comes."""

    def _run_once(self) -> None:
        """Run everything that is ready; when nothing is, move the clock to the next timer."""
        self._iterations += 1
        ready = self._ready  # type: ignore[attr-defined]
        if self._iterations % _POLL_EVERY == 0 or (not ready and not self._timers):
            self._poll_real_files(block=not ready and not self._timers)
        if not ready:
            self._fire_next_timer()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:  # noqa: SLF001
                handle._run()  # noqa: SLF001

    def _fire_next_timer(self) -> None:
        while self._timers:
            when_ns, _, _, callback, target = heapq.heappop(self._timers)
            if type(target) is tuple:
                self._now_ns = when_ns
                callback(*target)
                return
            if not target._cancelled:  # noqa: SLF001
                self._now_ns = when_ns
                callback()
                return

    def _poll_real_files(self, *, block: bool) -> None:
        selector = self._selector  # type: ignore[attr-defined]
        if block and len(selector.get_map()) <= 1 and not self._stopping:  # type: ignore[attr-defined]
            raise IdleForeverError("every task waits and no timer is set")
        self._process_events(selector.select(0))  # type: ignore[attr-defined]
