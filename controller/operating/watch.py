"""``filmline watch``: the live picture, refreshed until Ctrl-C, that says when its link is lost.

A dead service is found when the connection breaks, a hung one when it does not answer within
1.5 s, a standing scan when its count stands for 2 s: then what is shown is marked as old at
once, and the next service on the same socket is taken up by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from controller.operating.client import DeskClient
from controller.operating.errors import NotLoggedIn, OperatingError
from controller.operating.screen import screen
from controller.operating.values import clock
from drivers.base import Clock

REFRESH_S = 0.5
ANSWER_S = 1.2
STANDS_S = 2.0

Connect = Callable[[], DeskClient]


class Watcher:
    """Asks for the status again and again, and knows when it is old.

    Args:
        path: socket of the service.
        time: the terminal's own clock, for "since" and for a standing scan.
        keep: connects as who keeps control while they watch; None: only looks.
    """

    def __init__(self, path: Path, time: Clock, keep: Connect | None = None) -> None:
        self._keep = keep
        self._connect = keep or (lambda: DeskClient(path, ANSWER_S))
        self._time = time
        self._client: DeskClient | None = None
        self._status: dict[str, Any] = {}
        self._heard_ns = 0
        self._scans = -1
        self._scanned_s = 0.0

    def look(self) -> RenderableType:
        """One picture."""
        lost = self._ask()
        if not self._status:
            return Text(f" NO DATA  {lost} ", style="bold white on red")
        return screen(self._status, lost)

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self) -> str:
        """Ask once; returns why what there is is old, empty when it is fresh."""
        try:
            if self._client is None:
                self._client = self._connect()
            if self._keep is not None:
                self._client.ask("keep")
            self._status = self._client.ask("status").data
        except NotLoggedIn:
            raise  # trying a wrong password again and again would lock the account
        except OperatingError as error:
            self.close()
            since = f"since {clock(self._heard_ns)} UTC: " if self._heard_ns else ""
            return f"{since}{error}"
        self._heard_ns = self._time.utc_ns()
        return self._standing()

    def _standing(self) -> str:
        scans, now = int(self._status["scan"]["scans"]), self._time.monotonic()
        if scans != self._scans:
            self._scans, self._scanned_s = scans, now
            return ""
        stood = now - self._scanned_s
        return f"the scan stands since {stood:.0f} s" if stood >= STANDS_S else ""


def watch_once(path: Path, console: Console) -> None:
    """Print one picture.

    Raises:
        OperatingError: no service, or it does not answer.
    """
    with DeskClient(path) as client:
        console.print(screen(client.ask("status").data))


def watch_live(path: Path, console: Console, time: Clock, keep: Connect | None = None) -> None:
    """Show the picture until Ctrl-C; with ``keep`` renew one's control meanwhile."""
    watcher, pause = Watcher(path, time, keep), threading.Event()
    with (
        suppress(KeyboardInterrupt),
        Live(
            watcher.look(), console=console, auto_refresh=False, screen=console.is_terminal
        ) as live,
    ):
        while True:
            live.update(watcher.look(), refresh=True)
            pause.wait(REFRESH_S)
    watcher.close()
