"""The record behind one writing thread, for a live line.

The loop's thread queues and collects, the writing thread only writes. At most one batch is
under way; a commit asked for meanwhile follows at once, and several asked for share one. Rows
that cannot be written wait in the recorders up to ``keep_s`` line seconds, then the oldest
are dropped and declared: the loop is never blocked by a disk.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from controller.historian.errors import RecordError
from controller.historian.health import Acknowledged
from controller.historian.pending import Batch
from controller.historian.store import Store

Post = Callable[[Callable[[], None]], object]


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A batch in the writing thread, and who waits for it."""

    batch: Batch
    written: Future[None]
    result: Future[Acknowledged]


class ThreadedStore:
    """Commits of a :class:`Store` in a thread of their own.

    Queue on the store itself (``attach``, ``event``, ``journal``, ``profile``), from the
    thread that ``post`` leads to; commit and close here.

    Args:
        store: the record being written.
        post: hands a call to the recording thread, usually ``loop.call_soon_threadsafe``.

    Attributes:
        store: the record being written.
    """

    def __init__(self, store: Store, post: Post) -> None:
        self.store = store
        self._post = post
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="record")
        self._under_way: _UnderWay | None = None
        self._next: tuple[int, Future[Acknowledged]] | None = None

    def commit(self, now_ns: int) -> Future[Acknowledged]:
        """Have everything queued until now written.

        Returns:
            Its acknowledgement, or the :class:`RecordError` that it failed with; with asyncio,
            ``await asyncio.wrap_future(...)``.
        """
        if self._under_way is None:
            return self._start(now_ns, Future())
        waiting = self._next[1] if self._next else Future()
        self._next = (now_ns, waiting)
        self.store.late(self._under_way.batch, now_ns)
        return waiting

    def _start(self, now_ns: int, result: Future[Acknowledged]) -> Future[Acknowledged]:
        batch = self.store.collect(now_ns)
        written = self._thread.submit(self.store.write, batch)
        self._under_way = _UnderWay(batch, written, result)
        written.add_done_callback(lambda done: self._post(lambda: self._ended(done)))
        return result

    def _ended(self, written: Future[None]) -> None:
        """Settle the batch under way and start the one asked for meanwhile."""
        under_way = self._under_way
        if under_way is None or under_way.written is not written:
            return  # closed in between
        self._settle(under_way)
        if self._next is not None:
            now_ns, result = self._next
            self._next = None
            self._start(now_ns, result)

    def _settle(self, under_way: _UnderWay) -> None:
        self._under_way = None
        batch, error = under_way.batch, under_way.written.exception()
        if error is None:
            under_way.result.set_result(self.store.settle(batch))
            return
        if isinstance(error, RecordError):
            self.store.failed(error, batch.now_ns)
        under_way.result.set_exception(error)

    def close(self, now_ns: int, *, seal: bool = True) -> str:
        """Finish the batch under way, commit the rest here, and close (see ``Store.close``).

        Raises:
            RecordError: the last commit or the seal failed; the store stays open.
        """
        self._thread.shutdown(wait=True)
        if self._under_way is not None:
            self._settle(self._under_way)
        following, self._next = self._next, None
        acknowledged = self.store.commit(now_ns)
        if following is not None:
            following[1].set_result(acknowledged)
        return self.store.close(now_ns, seal=seal)
