"""A desk over the whole kernel on the simulated plant, and the same behind a real socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from config.models import Role
from controller.events import Actor, Event
from controller.operating.desk import Desk
from controller.operating.reply import Reply
from controller.operating.server import DeskServer, serve_desk
from tests.dry_rig import EPOCH_NS, TICK_NS, DryRig

ANN = Actor("ann", Role.OPERATOR)
EVE = Actor("eve", Role.ENGINEER)
VIC = Actor("vic", Role.VIEWER)


class DeskRig(DryRig):
    """A dry rig with a desk; ``ask`` speaks to it as a person, ``events`` is what was recorded."""

    def __init__(self, folder: Path, **more: object) -> None:
        super().__init__(folder, **more)
        self.desk = Desk(self.kernel, simulated=True, lot="RIG")
        self.events: list[Event] = []
        keep = self.kernel.record
        self.kernel.record = lambda events: (self.events.extend(events), keep(events))[1]

    @property
    def now_ns(self) -> int:
        return EPOCH_NS + self.ticks * TICK_NS

    def ask(self, verb: str, actor: Actor = ANN, /, **args: object) -> Reply:
        return self.desk.handle(verb, args, actor, self.now_ns)

    def seen(self) -> object:
        return self.ask("status").data["seen"]

    def told(self, source: str, verb: str) -> list[Event]:
        return [event for event in self.events if (event.source, event.verb) == (source, verb)]


class _TurnsAudit:
    """The audit of the desk between turns of the plant."""

    def __init__(self, rig: DeskRig, turn: threading.Lock) -> None:
        self._audit, self._turn = rig.desk.audit, turn

    def wait(self, ticket: int, heard: Callable[[], None]) -> None:
        with self._turn:
            self._audit.wait(ticket, heard)

    def forget(self, ticket: int) -> None:
        with self._turn:
            self._audit.forget(ticket)

    def settled(self, reply: Reply) -> Reply:
        with self._turn:
            return self._audit.settled(reply)


class _Turns:
    """The desk as the server sees it, one request at a time between turns of the plant."""

    def __init__(self, rig: DeskRig, turn: threading.Lock) -> None:
        self._rig, self._turn = rig, turn
        self.line = rig.desk.line
        self.audit = _TurnsAudit(rig, turn)

    def handle(self, verb: str, args: dict, actor: Actor, now_ns: int) -> Reply:
        with self._turn:
            return self._rig.desk.handle(verb, args, actor, self._rig.now_ns)


class _RigClock:
    def utc_ns(self) -> int:
        return EPOCH_NS

    def monotonic(self) -> float:
        return 0.0


class ServedRig:
    """A desk rig behind a socket: one thread turns the plant, one serves."""

    def __init__(self, rig: DeskRig, path: Path) -> None:
        self.rig, self.path = rig, path
        self._turn = threading.Lock()
        self._end = threading.Event()
        self._served = threading.Event()
        self._threads = [
            threading.Thread(target=self._plant), threading.Thread(target=self._serve)
        ]  # fmt: skip

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        assert self._served.wait(10.0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(10.0)

    def _plant(self) -> None:
        while not self._end.wait(0.001):
            with self._turn:
                self.rig.run(0.2)

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        server: DeskServer = await serve_desk(_Turns(self.rig, self._turn), self.path, _RigClock())
        self._served.set()
        await asyncio.to_thread(self._end.wait)
        await server.close()
