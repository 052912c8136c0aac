"""Between the lot book and the watch: consumption goes in, what others wrote comes out.

The scan never waits for the file. A dry run exchanges inline; a live run lets a thread do the
file's part (:meth:`BookKeeper.run`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from controller.materials.book import Book
from controller.materials.errors import MaterialsError
from controller.materials.lots import Floor
from controller.materials.watch import Draw, TankWatch
from drivers.base import Clock

ACTOR = "filmline"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the file said: a newer picture, the draws it did not take, and why not."""

    floor: Floor | None
    left: Sequence[Draw] = ()
    trouble: str = ""


class BookKeeper:
    """Keeps a watch and a book at one.

    Args:
        run: name under which consumption is booked, as in the watch.
    """

    def __init__(self, book: Book, watch: TankWatch, run: str) -> None:
        self.book = book
        self._watch = watch
        self._run = run
        self._file_lock = threading.Lock()

    def exchange(self, now_ns: int) -> None:
        """Write what was drawn, read what is new; inline."""
        self._settle(self._file(self._watch.draws(now_ns)))

    def finish(self, now_ns: int) -> None:
        """Book the last consumption and close the book."""
        self._settle(self._file(self._watch.draws(now_ns, all_of_them=True)))
        self.book.close()

    async def run(self, clock: Clock, period_s: float = 1.0) -> None:
        """Exchange for ever beside a live scan; a thread reads and writes the file."""
        while True:
            draws = self._watch.draws(clock.utc_ns())
            self._settle(await asyncio.to_thread(self._file, draws))
            await asyncio.sleep(period_s)

    def _file(self, draws: Sequence[Draw]) -> Answer:
        """The part that touches the file; one at a time, whichever thread it is."""
        with self._file_lock:
            return self._write_and_read(draws)

    def _write_and_read(self, draws: Sequence[Draw]) -> Answer:
        done = 0
        try:
            for draw in draws:
                self.book.draw(draw.tank, draw.charge, self._run, draw.total, draw.ns, ACTOR)
                done += 1
            floor = self.book.floor() if self.book.changed() else None
        except MaterialsError as error:
            return Answer(None, draws[done:], str(error))
        return Answer(floor)

    def _settle(self, answer: Answer) -> None:
        if answer.trouble:
            self._watch.give_back(answer.left)
            self._watch.fail(answer.trouble)
        elif answer.floor is not None:
            self._watch.take(answer.floor)
        else:
            self._watch.recovered()
