"""The watchdog of a live run: a probe in the loop, and a thread outside it that believes nothing.

The probe is due every 20 ms and measures how late it is. The thread sees its signs of life stop:
after 0.25 s it dumps every stack to standard error, after 1 s it holds the heartbeat to the
safety controller, after 3 s it ends the process at once, so that the devices' own watchdogs act
and systemd starts the next one. It alone tells systemd that the service lives.

A loop that stands in foreign code which never gives the interpreter back stops this thread too;
then nobody tells systemd, which ends the process (WatchdogSec).
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from controller.live_notify import notify
from controller.watch_rules import EXIT_CODE, Stall, StallRule

PROBE_S = 0.02
LOOK_S = 0.05
SIGN_S = 2.0  # between signs of life to systemd


@dataclass(frozen=True)
class Acts:
    """What the thread does; each may be called from it.

    Attributes:
        hold: takes the reason for which no heartbeat may be given any more.
        exit: ends the process at once.
        dump: where stacks go; None: standard error.
    """

    hold: Callable[[str], None]
    exit: Callable[[int], None] = os._exit
    dump: TextIO | None = None


class Probe:
    """Measures how late the loop is; the owner calls :meth:`due` every 20 ms.

    Attributes:
        signs: how often it was called.
        worst_s: longest delay since :meth:`take`.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._due_s: float | None = None
        self.signs = 0
        self.worst_s = 0.0

    def due(self) -> None:
        """The loop has come round."""
        now_s = self._now()
        if self._due_s is not None:
            self.worst_s = max(self.worst_s, now_s - self._due_s)
        self._due_s = now_s + PROBE_S
        self.signs += 1

    def take(self) -> float:
        """Longest delay since the last call, seconds."""
        worst_s, self.worst_s = self.worst_s, 0.0
        return worst_s


class Watchdog:
    """The thread outside the loop.

    Args:
        probe: whose signs it watches.
        acts: what it does.
    """

    def __init__(self, probe: Probe, acts: Acts) -> None:
        self._probe, self._acts = probe, acts
        self._rule = StallRule()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch; the probe must be running."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(1.0)

    def _watch(self) -> None:
        last_s = time.perf_counter()
        next_sign_s = last_s
        while not self._stop.wait(LOOK_S):
            now_s = time.perf_counter()
            self._act(self._rule.step(self._probe.signs, now_s - last_s))
            last_s = now_s
            if now_s >= next_sign_s and self._rule.level < Stall.HOLD:
                next_sign_s = now_s + SIGN_S
                notify("WATCHDOG=1")

    def _act(self, reached: Stall) -> None:
        stalled = f"the loop has stood for {self._rule.stalled_s:.2f} s"
        out = self._acts.dump or sys.stderr
        if reached is Stall.WARN:
            out.write(f"watchdog: {stalled}; it stands here:\n")
            out.flush()
            faulthandler.dump_traceback(out, all_threads=True)
        elif reached is Stall.HOLD:
            self._acts.hold(stalled)
            out.write(f"watchdog: {stalled}; no heartbeat any more\n")
            out.flush()
        elif reached is Stall.EXIT:
            out.write(f"watchdog: {stalled}; ending at once, code {EXIT_CODE}\n")
            out.flush()
            self._acts.exit(EXIT_CODE)
