"""Writes down what a restart must know: at once what protects, every few seconds the rest.

Entries leave with the next commit; a change of protection hastens it. Until a restart is decided
and has regained its heat and web, what was wanted before it stays as it was written.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from controller.film.transport import REMEMBER_S
from controller.handover import WRITES
from controller.procedure.states import State
from controller.restart.memory import FILM, OUTPUTS, PROTECTION, Protection

if TYPE_CHECKING:
    from controller.app import Kernel
    from controller.scan import ScanOutput

_OUTPUTS_S = 10.0
_SWITCHES = (*WRITES, "tension")
_TURNS = ("collecting", "in_tenter", "gone", "casting", "believed")  # told at once


class Remember:
    """Keeps the journal of one kernel; hears of every scan.

    Attributes:
        since_ns: a restart stands undecided since the controller failed then; 0: none does.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.since_ns = 0
        self._told: Protection | None = None
        self._turns: tuple[float, ...] = ()
        self._requests: dict[str, float] | None = None
        self._on: tuple[str, ...] = ()
        self._next_film_ns = self._next_outputs_ns = 0
        self._writable = [
            (tag.name, kernel.table.index(tag.name), tag.resolution)
            for instrument in kernel.line.instrument
            for tag in instrument.tags
            if tag.write is not None and not tag.write.one_shot
        ]

    def hear(self, output: ScanOutput) -> None:
        """Write what has changed."""
        now_ns = output.snapshot.now_ns
        self._protection(now_ns)
        self._film(now_ns)
        undecided = self.since_ns or self._kernel.runner.regains
        if now_ns >= self._next_outputs_ns and not undecided:
            self._next_outputs_ns = now_ns + round(_OUTPUTS_S * 1e9)
            self._outputs(now_ns)

    def _protection(self, now_ns: int) -> None:
        kernel = self._kernel
        now = Protection(
            kernel.runner.state,
            kernel.runner.reason,
            kernel.interlocks.latched(),
            kernel.alarms.save(),
            self.since_ns,
        )
        if now != self._told:
            self._told = now
            kernel.store.journal(now_ns, PROTECTION, now.text())
            kernel.journal.wanted = True

    def _film(self, now_ns: int) -> None:
        film = self._kernel.film
        idle = self._kernel.runner.state is State.IDLE
        turns: tuple[float, ...] = (
            film.collecting,
            film.in_tenter,
            film.first_label,
            film.casting,
            film.believed,
        )
        if turns == self._turns and (idle or now_ns < self._next_film_ns):
            return
        self._turns = turns
        self._next_film_ns = now_ns + round(REMEMBER_S * 1e9)
        self._kernel.store.journal(now_ns, FILM, json.dumps(film.memory(now_ns)))

    def _outputs(self, now_ns: int) -> None:
        """Requests that have changed by a resolution step, and what is on."""
        kernel, before = self._kernel, self._requests
        now = {
            name: round(round(value / step) * step, 9)
            for name, index, step in self._writable
            if not math.isnan(value := float(kernel.table.request[index]))
        }
        on = tuple(name for name in _SWITCHES if kernel.loops.is_on(name))
        if before == now and on == self._on:
            return
        known = before or {}
        row = {
            "first": before is None,
            "changed": {name: value for name, value in now.items() if known.get(name) != value},
            "gone": [name for name in known if name not in now],
            "on": on,
        }
        self._requests, self._on = now, on
        kernel.store.journal(now_ns, OUTPUTS, json.dumps(row, sort_keys=True))
