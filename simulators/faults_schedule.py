"""The timed faults of a run: begun and healed when their line second comes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from simulators import faults_link, faults_plant
from simulators.faults import FAULTS, BadOption, TimedFault, check
from simulators.faults_link import Bench, Undo

Say = Callable[[str], None]


class FaultSchedule:
    """Begins and heals faults; the caller asks ``next_s`` before it asks for a step.

    Args:
        faults: in any order.
        bench: what they disturb.
        say: told when a fault begins and when it is healed.

    Attributes:
        next_s: line second of the next thing to do; inf when there is none.

    Raises:
        BadOption: a fault names what the line does not have, or cannot happen here.
    """

    def __init__(self, faults: Sequence[TimedFault], bench: Bench, say: Say | None = None) -> None:
        check(faults, bench.line)
        for fault in faults:
            if fault.how == "clock" and bench.jump is None:
                raise BadOption(
                    f"fault {fault.title!r}: the clock is the controller's, not the line's: "
                    "inject it with 'filmline dry-run --fault'"
                )
        self._bench = bench
        self._say = say or _silent
        self._waiting = sorted(faults, key=lambda fault: fault.at_s)
        self._ending: list[tuple[float, TimedFault, Undo]] = []
        self.next_s = self._next()

    def step(self, now_s: float) -> None:
        """Heal what is over, then begin what is due."""
        while self._ending and self._ending[0][0] <= now_s:
            _, fault, undo = self._ending.pop(0)
            undo()
            self._say(f"{fault.title} healed")
        while self._waiting and self._waiting[0].at_s <= now_s:
            self._begin(self._waiting.pop(0))
        self.next_s = self._next()

    def _begin(self, fault: TimedFault) -> None:
        plant = fault.name in FAULTS
        undo = (faults_plant if plant else faults_link).begin(fault, self._bench)
        over_s = (faults_plant.heals_s if plant else faults_link.end_s)(fault)
        self._say(f"{fault.title} begins")
        if over_s is not None:
            self._ending.append((over_s, fault, undo))
            self._ending.sort(key=lambda entry: entry[0])

    def _next(self) -> float:
        begins = self._waiting[0].at_s if self._waiting else math.inf
        return min(begins, self._ending[0][0] if self._ending else math.inf)


def _silent(_: str) -> None:
    """Nobody wants to hear it."""
