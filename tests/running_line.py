"""A line full of film that the controller has taken over, and what scenarios ask of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from config.models import Role
from controller.events import Actor, Event
from controller.film.rolls import Mark, read_marks
from controller.procedure.states import Command, State
from drivers.base import Quality, is_bad
from simulators import faults_link, faults_plant
from simulators.faults import FAULTS, parse_fault
from simulators.faults_link import Bench
from simulators.faults_schedule import FaultSchedule
from simulators.invariants import Judge
from simulators.take_over import PURGED, know_purged, take_over
from simulators.twin import cells as meta
from tests.dry_rig import EPOCH_NS, DryRig, files

KIM = Actor("kim", Role.OPERATOR)
PREPARED_S = 10.0


class RunningLine(DryRig):
    """Taken over at 2 s, RUNNING at ``PREPARED_S``; its events are kept.

    Args:
        folder: for the record.
        collecting: a roll is being collected; else the procedure is before that.
    """

    def __init__(self, folder: Path, *, collecting: bool = False) -> None:
        super().__init__(folder, start="running", start_at_s=None)
        self.events: list[Event] = []
        self.kernel.listen(lambda output: self.events.extend(output.events))
        self.plant.exhaust.purge_volumes[:] = PURGED
        self.judge = Judge(files()[0], files()[2], self.plant, self.line_up, self.kernel.table)
        know_purged(self.kernel, EPOCH_NS)
        self.at(2.0, partial(self._take_over, collecting=collecting))
        self.run(PREPARED_S)
        assert self.state is State.RUNNING

    def _take_over(self, *, collecting: bool) -> None:
        take_over(self.kernel, files()[2], self.kernel.clock.utc_ns())
        if collecting:
            self.kernel.runner.resume_at("collecting", "collect", "begin")
        self.restart()

    # --- what people do

    def do(self, name: str, **args: str) -> list[str]:
        """An operation; its refusals."""
        now = self.kernel.clock.utc_ns()
        return self.kernel.operations.do(name, args, "test", KIM, now)

    def command(self, command: Command) -> None:
        assert not self.kernel.runner.command(command, "test", KIM)

    # --- what happens

    def until(self, met: Callable[[], bool], seconds: float) -> None:
        """Go on until something is so, at most some line seconds."""
        end = self.now_s + seconds
        while not met():
            assert self.now_s < end, "not in time"
            self.run(5.0)

    def fault(self, text: str) -> None:
        """A fault as the command line takes it."""
        fault = parse_fault(text)
        bench = Bench(files()[0], self.plant, self.line_up, self.wire)
        schedule = FaultSchedule([fault], bench)
        over = (faults_plant.heals_s if fault.name in FAULTS else faults_link.end_s)(fault)
        for at_s in (fault.at_s, over):
            if at_s is not None:
                self.at(at_s, partial(schedule.step, at_s))

    # --- what there is to see

    @property
    def state(self) -> State:
        return self.kernel.runner.state

    def read(self, tag: str) -> tuple[float, int]:
        table = self.kernel.table
        return table.read(table.index(tag), EPOCH_NS + round(self.now_s * 1e9))

    def bad(self, tag: str) -> bool:
        return is_bad(self.read(tag)[1])

    def good(self, tag: str) -> bool:
        return self.read(tag)[1] == Quality.GOOD

    def sound(self) -> None:
        """Nothing was violated and every bus owner lives."""
        assert [str(violation) for violation in self.judge.violations] == []
        assert not any(task.done() for task in self._tasks)

    def marks(self) -> list[Mark]:
        return read_marks(self.events)

    def label_offset(self) -> float:
        """The controller's label of a piece of film less the plant's."""
        return self.kernel.film.label_at_die() - self.plant.wet.film.cast_m

    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels (the controller's) and flags of the film on the line."""
        store = self.plant.wet.film.store
        here = slice(store.low, store.high)
        return store.meta[meta.LABEL, here] + self.label_offset(), store.flags[here].copy()
