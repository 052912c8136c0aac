"""When the record is committed, and what is known of it: stored, late, or refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from controller.historian.errors import RecordError
from controller.historian.health import Acknowledged
from controller.historian.store import Store
from controller.store_journal import StoreJournal

LATE_S = 3.0  # a commit without an answer for so long: commands are refused

Commits = Callable[[int], Future[Acknowledged]]


class Committer:
    """Commits the record of a line, inline or by a thread.

    Args:
        store: the record.
        journal: hears which entries are on the disk.
        period_s: line seconds between commits; who waits for one hastens it.
        commits: commits by a thread; None commits inline. Kept as ``by_thread``.
        timer: wall seconds, where the record's lateness is counted in them.
        refused: told why a commit failed.

    Attributes:
        failure: what the last commit failed with, empty while it works.
    """

    def __init__(
        self,
        store: Store,
        journal: StoreJournal,
        period_s: float,
        commits: Commits | None,
        timer: Callable[[], float] | None,
        refused: Callable[[str], None],
    ) -> None:
        self._store, self._journal, self._period_s = store, journal, period_s
        self.by_thread, self._timer, self._refused = commits, timer, refused
        self.failure = ""
        self._since_s = 0.0
        self._asked_s: float | None = None  # when the oldest commit without an answer was asked for

    def step(self, now_ns: int, dt: float) -> None:
        """Commit if it is time, or somebody waits; a disk that fails is not pressed."""
        self._since_s += dt
        hasten = self._journal.wanted and not self.failure
        if hasten or self._since_s >= self._period_s - 1e-9:
            self._commit(now_ns)

    def late_s(self, now_ns: int) -> float:
        """For how long the record could not be written: wall seconds where they are counted."""
        return 0.0 if self._asked_s is None else max(0.0, self._seconds(now_ns) - self._asked_s)

    def against(self, now_ns: int) -> str:
        """Why commands cannot be recorded now; empty when they can."""
        if self.failure:
            return self.failure
        late_s = self.late_s(now_ns)
        return f"the disk has not answered for {late_s:.0f} s" if late_s > LATE_S else ""

    def _seconds(self, now_ns: int) -> float:
        return now_ns / 1e9 if self._timer is None else self._timer()

    def _commit(self, now_ns: int) -> None:
        """Commit; a disk that refuses holds the run, and the rows wait for the next try."""
        self._since_s = 0.0
        ticket = self._journal.asked()
        if self._asked_s is None:
            self._asked_s = self._seconds(now_ns)
        if self.by_thread is not None:
            self.by_thread(now_ns).add_done_callback(lambda done: self._ended(done, ticket))
            return
        try:
            self._store.commit(now_ns)
        except RecordError as error:
            self._failed(error)
        else:
            self._stored(ticket)

    def _ended(self, done: Future[Acknowledged], ticket: int) -> None:
        """A commit by the writing thread has ended (told on the scan's own thread)."""
        error = done.exception()
        if error is None:
            self._stored(ticket)
        else:
            self._failed(error)

    def _stored(self, ticket: int) -> None:
        self.failure = ""
        self._asked_s = None
        self._journal.committed(ticket)

    def _failed(self, error: BaseException) -> None:
        self._refused(str(error))
        self.failure = str(error)
        self._journal.failed()
