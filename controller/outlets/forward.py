"""Store and forward: hand a record to a server slice by slice, whatever becomes of the server.

The record is the store. A slice is handed over, and only when the server has said yes is the
cursor moved. While the server is away the same slice waits; nothing else is kept in memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from controller.historian.errors import RecordBusy
from controller.outlets.content import Slice
from controller.outlets.cursor import Cursor, Progress
from controller.outlets.errors import NotAllowed, ServerAway
from controller.outlets.feed import Feed

POLL_S: Final = 1.0
DOUBT_S: Final = 15.0  # VictoriaMetrics says yes up to 5 s before it has it on its disk
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0


class Sink(Protocol):
    """A server."""

    @property
    def where(self) -> str:
        """Name and address, without secrets."""

    @property
    def repeatable(self) -> bool:
        """Whether what is sent twice counts once there."""

    def begin(self, latest: Slice) -> None:
        """Learn which rows were handed over last, by this process or an earlier one."""

    async def open(self) -> None:
        """Connect.

        Raises:
            ServerAway: try again.
            NotAllowed: somebody must put it right.
        """

    async def send(self, part: Slice) -> int:
        """Hand a slice over; the return is the server's yes to it.

        Returns:
            Points that the server never takes, now kept in a file with its reason.

        Raises:
            ServerAway: try the same slice again.
            NotAllowed: somebody must put it right.
        """

    async def idle(self) -> None:
        """Nothing is to be sent just now: see that the server is still there.

        Raises:
            ServerAway: connect again.
        """

    async def close(self, reason: str) -> None:
        """Take leave; never raises."""


@dataclass(slots=True)
class State:
    """How a mirror does.

    Attributes:
        rows, values, events: handed over by this process.
        refused: points that the server never takes, kept in a file with its reason.
        behind_rows: rows of the record not handed over.
        behind_s: line seconds of record not handed over.
        trouble: why the server takes nothing just now; empty when it does.
        done: the record is closed and wholly handed over.
    """

    rows: int = 0
    values: int = 0
    events: int = 0
    refused: int = 0
    behind_rows: int = 0
    behind_s: float = 0.0
    trouble: str = ""
    done: bool = False


Tell = Callable[[State], None]
Action = Callable[[], Awaitable[None]]
Aside = Callable[[Callable[[], Slice]], Awaitable[Slice]]


class Forwarder:
    """Hands a record to one server until it is told to stop, or all is handed over.

    Args:
        feed: the record.
        cursor: how far this mirror has come.
        sink: the server.
        tell: called after each change of ``state``.
        once: end when all that the record holds now is handed over.
        poll_s: seconds between looks at a record that is being written.
        aside: reads the record without stopping the loop; inline where there are no threads.

    Attributes:
        state: how it does.
    """

    def __init__(
        self,
        feed: Feed,
        cursor: Cursor,
        sink: Sink,
        tell: Tell,
        *,
        once: bool = False,
        poll_s: float = POLL_S,
        aside: Aside = asyncio.to_thread,
    ) -> None:
        self._feed = feed
        self._cursor = cursor
        self._sink = sink
        self._tell = tell
        self._once = once
        self._poll_s = poll_s
        self._aside = aside
        self._open = False
        self._away_s = 0.0
        self._recent: deque[tuple[float, Progress]] = deque()
        self.state = State()

    async def run(self) -> State:
        """Forward until done; cancelling ends it at once, and the cursor stays true.

        Raises:
            NotAllowed: the server refuses us, and has never taken anything from this process.
            RecordError, CursorError: the record or the cursor cannot be used.
        """
        reason = "stopped"
        self._sink.begin(self._feed.latest(self._cursor.progress))
        try:
            while not self.state.done:
                part = await self._next()
                if part is None or part.empty:
                    await self._nothing_new(part)
                    continue
                self.state.behind_rows = part.behind_rows + part.rows
                await self._insist(partial(self._send, part))
            reason = "all handed over"
        finally:
            await self._sink.close(reason)
        return self.state

    async def _next(self) -> Slice | None:
        try:
            return await self._aside(partial(self._feed.next, self._cursor.progress))
        except RecordBusy:  # its writer is just closing it; a moment later it can be read
            return None

    async def _nothing_new(self, part: Slice | None) -> None:
        """End, or look again a little later."""
        if part is not None:
            self.state.behind_rows, self.state.behind_s = part.behind_rows, part.behind_s
            if not part.behind_rows and (part.sealed or self._once):
                await self._insist(self._sink.idle)
                self.state.done = True
        self._tell(self.state)
        if not self.state.done:
            await self._insist(self._sink.idle)
            await asyncio.sleep(self._poll_s)

    async def _send(self, part: Slice) -> None:
        """Hand a slice over, and note it only when the server has said yes."""
        state = self.state
        state.refused += await self._sink.send(part)
        self._forget(_now_s())
        self._recent.append((_now_s(), self._cursor.progress))
        self._cursor.acknowledge(part.progress)
        state.rows += part.rows
        state.values += part.values
        state.events += len(part.events)
        state.behind_rows, state.behind_s = part.behind_rows, part.behind_s
        self._tell(state)

    def _doubt(self) -> None:
        """After an outage, go back to what the server had surely written before it went.

        A server that died may have said yes to points that were in its memory only.
        """
        self._forget(self._away_s)
        if self._recent and self._sink.repeatable:
            self._cursor.acknowledge(self._recent[0][1])
        self._recent.clear()

    def _forget(self, now_s: float) -> None:
        """Drop what the server has on its disk by now."""
        while self._recent and self._recent[0][0] < now_s - DOUBT_S:
            self._recent.popleft()

    async def _insist(self, action: Action) -> None:
        """Do it until the server lets us, with growing pauses."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                if not self._open:
                    await self._sink.open()
                    self._open = True
                await action()
            except ServerAway as error:
                self._trouble(error)
            except NotAllowed as error:
                if not self.state.rows:
                    raise
                self._trouble(error)
                wait_s = LONGEST_WAIT_S
            else:
                if self.state.trouble:
                    self._doubt()
                    self.state.trouble = ""
                    self._tell(self.state)
                return
            self._open = False
            await self._sink.close("connection lost")
            await asyncio.sleep(wait_s)
            wait_s = min(2.0 * wait_s, LONGEST_WAIT_S)

    def _trouble(self, error: ServerAway | NotAllowed) -> None:
        if not self.state.trouble:
            self._away_s = _now_s()
        self.state.trouble = str(error)
        self._tell(self.state)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
