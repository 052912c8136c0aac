"""The lot book: an append-only SQLite file that several processes may use at once.

One table of entries, which triggers keep from being changed or deleted; everything known of
lots and tanks is their replay (:mod:`ledger`). Each request is judged and written in one
transaction that holds the write lock, so two people cannot use the same kilogram. A refused
request writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import apsw

from config.loader import Materials
from config.models import Line, Recipe
from controller.materials import rules
from controller.materials.errors import BookFailed, BookMissing, MaterialsError, NotABook
from controller.materials.ledger import Ledger
from controller.materials.lots import Entry, Floor, Sheet
from controller.materials.reasons import Parts

APPLICATION_ID: Final = 0x464C4C42  # "FLLB"
VERSION: Final = 1
FILE_NAME: Final = "lots.sqlite"
BUSY_MS: Final = 5000
_TABLES: Final = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE entry(
  number INTEGER PRIMARY KEY, ns INTEGER NOT NULL, verb TEXT NOT NULL, subject TEXT NOT NULL,
  actor TEXT NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TRIGGER entry_stays BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'the lot book is append-only'); END;
CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'the lot book is append-only'); END;
"""

Judge = Callable[[Floor], dict[str, Any]]


class Book:
    """A lot book, open. Make it with :meth:`open`; use it as a context manager.

    Attributes:
        path: the file.
        simulated: it belongs to a simulated line; its times are line time.
    """

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self.path = path
        self._connection = connection
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        self.simulated = meta.get("plant") == "SIMULATED"
        self._ledger = Ledger(simulated=self.simulated)
        self._seen = -1

    @classmethod
    def open(cls, path: Path, *, create: bool = False, simulated: bool = False) -> Self:
        """Open a book; ``create`` makes it when there is none, ``simulated`` marks a new one.

        Raises:
            BookMissing, NotABook, BookFailed: with what is wrong with the file.
        """
        if not path.exists() and not create:
            raise BookMissing(f"{path}: there is no lot book here; receive a lot to begin one")
        connection: apsw.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = apsw.Connection(str(path))
            connection.set_busy_timeout(BUSY_MS)
            _prepare(connection, path, simulated=simulated)
            return cls(path, connection)
        except OSError as error:
            raise BookFailed(f"{path.parent}: cannot be made ({error.strerror})") from error
        except apsw.NotADBError as error:
            _close(connection)
            raise NotABook(f"{path}: it is not a lot book") from error
        except apsw.Error as error:
            _close(connection)
            raise BookFailed(f"{path}: {error}") from error
        except MaterialsError:
            _close(connection)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # --- reading -----------------------------------------------------------------------------

    def floor(self) -> Floor:
        """Lots and tanks as they stand, with what other processes wrote.

        Raises:
            BookFailed: the file cannot be read now.
        """
        with self._telling():
            self._ledger.apply(self._entries(self._ledger.number))
        return self._ledger.floor()

    def changed(self) -> bool:
        """Whether entries were added since the last call (cheap; True the first time)."""
        with self._telling():
            row = self._connection.execute("SELECT coalesce(max(number), 0) FROM entry").fetchone()
        last = int(row[0]) if row else 0
        changed, self._seen = last != self._seen, last
        return changed

    def entries(self, subject: str | None = None) -> list[Entry]:
        """All entries, or those of one lot or tank, oldest first."""
        with self._telling():
            found = list(self._entries(0))
        return [e for e in found if subject is None or _concerns(e, subject)]

    def _entries(self, after: int) -> Iterator[Entry]:
        rows = self._connection.execute(
            "SELECT number, ns, verb, subject, actor, reason, body FROM entry "
            "WHERE number > ? ORDER BY number",
            (after,),
        )
        for number, ns, verb, subject, actor, reason, body in rows:
            yield Entry(number, ns, verb, subject, actor, reason, json.loads(body))

    # --- writing -----------------------------------------------------------------------------

    def receive(
        self, sheet: Sheet, materials: Materials, now_ns: int, actor: str, reason: str = ""
    ) -> Floor:
        """Take a lot in (see :func:`rules.receive`)."""
        return self._write(
            now_ns, "receive", sheet.lot, actor, reason,
            lambda floor: rules.receive(floor, sheet, materials, now_ns),
        )  # fmt: skip

    def mix(
        self, sheet: Sheet, parts: Parts, recipe: Recipe, materials: Materials,
        now_ns: int, actor: str, reason: str = "",
    ) -> Floor:  # fmt: skip
        """Book a mixture and what was weighed in (see :func:`rules.mix`)."""
        return self._write(
            now_ns, "mix", sheet.lot, actor, reason,
            lambda floor: rules.mix(floor, sheet, parts, recipe, materials, now_ns),
        )  # fmt: skip

    def load(
        self, line: Line, lot: str, tank: str, now_ns: int, actor: str, reason: str = "",
        *, amount: float | None = None, onto: str = "",
    ) -> Floor:  # fmt: skip
        """Fill a tank (see :func:`rules.load`)."""
        return self._write(
            now_ns, "load", tank, actor, reason,
            lambda floor: rules.load(floor, line, lot, tank, amount, onto, now_ns),
        )  # fmt: skip

    def unload(
        self, line: Line, tank: str, rest: str, now_ns: int, actor: str, reason: str = ""
    ) -> Floor:
        """Empty a tank (see :func:`rules.unload`)."""
        return self._write(
            now_ns, "unload", tank, actor, reason,
            lambda floor: rules.unload(floor, line, tank, rest),
        )  # fmt: skip

    def close_lot(self, lot: str, how: str, now_ns: int, actor: str, reason: str) -> Floor:
        """Close a lot for good (see :func:`rules.close`)."""
        return self._write(
            now_ns, "close", lot, actor, reason,
            lambda floor: rules.close(floor, lot, how, reason),
        )  # fmt: skip

    def draw(
        self, tank: str, charge: int, run: str, total: float, now_ns: int, actor: str
    ) -> Floor:
        """Book what a run has drawn of a filling until now: the total, so twice is once."""
        body = {"charge": charge, "run": run, "total": total}
        return self._write(now_ns, "draw", tank, actor, "", lambda _: body)

    def _write(
        self, ns: int, verb: str, subject: str, actor: str, reason: str, judge: Judge
    ) -> Floor:
        """Judge and write in one transaction.

        Raises:
            Refused: by a rule; nothing was written.
            BookFailed: the file cannot be written now; nothing was written.
        """
        with self._telling():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._ledger.apply(self._entries(self._ledger.number))
                body = judge(self._ledger.floor())
                self._connection.execute(
                    "INSERT INTO entry VALUES(NULL, ?, ?, ?, ?, ?, ?)",
                    (ns, verb, subject, actor, reason, _text(body)),
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return self.floor()

    def copy_into(self, other: Book, shift_ns: int) -> None:
        """Write every entry into an empty book, all its times shifted."""
        with other._telling():
            other._connection.execute("BEGIN IMMEDIATE")
            other._connection.executemany(
                "INSERT INTO entry VALUES(?, ?, ?, ?, ?, ?, ?)",
                [
                    (e.number, e.ns + shift_ns, e.verb, e.subject, e.actor, e.reason,
                     _text(_shifted(e.body, shift_ns)))
                    for e in self.entries()
                ],
            )  # fmt: skip
            other._connection.execute("COMMIT")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """A database that refuses becomes a message with the file's name."""
        try:
            yield
        except apsw.BusyError as error:
            raise BookFailed(f"{self.path}: another process is writing; try again") from error
        except apsw.ReadOnlyError as error:
            raise BookFailed(f"{self.path}: you may not write this lot book") from error
        except apsw.Error as error:
            raise BookFailed(f"{self.path}: {error}") from error


def _prepare(connection: apsw.Connection, path: Path, *, simulated: bool) -> None:
    if connection.pragma("page_count") == 0:
        _create(connection, "SIMULATED" if simulated else "REAL")
    if connection.pragma("application_id") != APPLICATION_ID:
        raise NotABook(f"{path}: it is an SQLite file, but not a lot book")
    version = connection.pragma("user_version")
    if version != VERSION:
        raise NotABook(f"{path}: lot book of version {version}; this software reads {VERSION}")
    connection.pragma("synchronous", "normal" if simulated else "full")


def _create(connection: apsw.Connection, plant: str) -> None:
    """Make the tables, all at once: another process sees none of them or the whole book."""
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", VERSION)
        connection.execute(_TABLES)
        connection.execute("INSERT INTO meta VALUES('plant', ?)", (plant,))
    connection.execute("COMMIT")
    connection.pragma("journal_mode", "wal")


def _close(connection: apsw.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def _concerns(entry: Entry, subject: str) -> bool:
    parts = [str(lot) for lot, _ in entry.body.get("components", ())]
    return subject in {entry.subject, entry.body.get("lot"), *parts}


def _shifted(body: Mapping[str, Any], shift_ns: int) -> dict[str, Any]:
    stamps = {key: body[key] + shift_ns for key in ("made_ns", "expires_ns") if body.get(key)}
    return {**body, **stamps}
