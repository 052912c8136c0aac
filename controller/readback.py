"""Read-back supervision: what was asked must be seen in the device, in time.

A request is proven when the device shows it in a sample taken after it. While requests
keep changing (a ramp), the device must show one of those made within its read-back time.
Not shown in time: written once more; not shown again: the output is bad. The time starts
when the device is first heard, so a start before the devices are there finds none; a device
whose power is switched off is not heard, and starts anew with its power. A device
that leaves a proven value on its own (it restarted, someone turned it) is not written again,
unless to its safe value: nothing hot, moving or pumping resumes by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isnan

import numpy as np

from controller.outputs import Output
from controller.tags import Snapshot, TagTable
from drivers.base import Quality

_SPACING_NS = 500_000_000  # a ramp's requests are kept at this spacing


class Verdict(StrEnum):
    """What supervision found about an output."""

    RETRY = "retry"
    FAILED = "failed"


@dataclass(slots=True)
class _Open:
    """A request that the device has not shown yet."""

    asked: deque[tuple[int, float]]
    changed_ns: int
    retried: bool = False


class ReadBack:
    """Supervises all outputs that some block reads back.

    Args:
        table: the process image with the requests; all blocks are attached already.
        outputs: outputs by row.
    """

    def __init__(self, table: TagTable, outputs: Mapping[int, Output]) -> None:
        self._table = table
        self._outputs = outputs
        self._open: dict[int, _Open] = {}
        rows = [
            index
            for index, output in outputs.items()
            if table.attached(output.name) and not output.write.one_shot
        ]
        self._tolerances = {index: _tolerance(outputs[index]) for index in rows}
        self._rows = np.array(rows, np.intp)
        self._tolerance = np.array([self._tolerances[index] for index in rows])
        self._heard = np.zeros(len(table), bool)
        self._powered = [
            (index, table.index(power))
            for index in rows
            if (power := outputs[index].write.powered_by) is not None
        ]

    def expect(self, index: int, value: float, now_ns: int) -> None:
        """Start to look for a request, or for the next one of a ramp."""
        if index not in self._tolerances:
            return
        entry = self._open.get(index)
        if entry is None:
            self._open[index] = _Open(deque([(now_ns, value)]), now_ns)
            return
        if entry.asked[-1][1] != value:
            entry.changed_ns = now_ns
            if now_ns - entry.asked[-1][0] >= _SPACING_NS:
                entry.asked.append((now_ns, value))

    def forget(self, index: int) -> None:
        """Stop looking: the output was shed."""
        self._open.pop(index, None)

    def step(self, snapshot: Snapshot) -> Sequence[tuple[int, Verdict]]:
        """Compare requests with what devices show; tells what is late."""
        self._notice_changes(snapshot)
        for index, power in self._powered:
            if self._table.request[power] == 0.0:
                self._heard[index] = False
        if not self._open:
            return ()
        verdicts = []
        for index, entry in list(self._open.items()):
            if self._proven(index, entry, snapshot):
                del self._open[index]
            elif self._late(index, entry, snapshot):
                verdicts.append((index, Verdict.FAILED if entry.retried else Verdict.RETRY))
                self._again(index, entry, snapshot.now_ns)
        return verdicts

    def _notice_changes(self, snapshot: Snapshot) -> None:
        """Open the outputs whose device no longer shows a proven request."""
        rows = self._rows
        asked = self._table.request[rows]
        good = snapshot.quality[rows] < Quality.UNCERTAIN
        self._heard[rows] |= good
        wrong = good & (np.abs(snapshot.value[rows] - asked) > self._tolerance)
        if not wrong.any():
            return
        for index in rows[wrong].tolist():
            if index not in self._open and not self._outputs[index].shed:
                request = float(self._table.request[index])
                entry = _Open(deque([(snapshot.now_ns, request)]), snapshot.now_ns)
                entry.retried = request != self._outputs[index].write.safe
                self._open[index] = entry

    def _proven(self, index: int, entry: _Open, snapshot: Snapshot) -> bool:
        if self._table.source_ns[index] < entry.changed_ns:
            return False
        error = abs(snapshot.known[index] - float(self._table.request[index]))
        return error <= self._tolerances[index]

    def _late(self, index: int, entry: _Open, snapshot: Snapshot) -> bool:
        """Tell whether the device shows none of the requests it had time to show."""
        asked = entry.asked
        if not self._heard[index]:
            asked[0] = (snapshot.now_ns, asked[0][1])
            entry.retried = False
            return False
        limit_ns = snapshot.now_ns - round(self._outputs[index].write.read_back_s * 1e9)
        if asked[0][0] > limit_ns:
            return False
        while len(asked) > 1 and asked[1][0] <= limit_ns:
            asked.popleft()
        known = snapshot.known[index]
        if isnan(known):
            return True
        seen = [value for _, value in asked]
        seen.append(float(self._table.request[index]))
        slack = self._tolerances[index]
        return not min(seen) - slack <= known <= max(seen) + slack

    def _again(self, index: int, entry: _Open, now_ns: int) -> None:
        if entry.retried:
            del self._open[index]
            return
        entry.retried = True
        entry.changed_ns = now_ns
        entry.asked = deque([(now_ns, float(self._table.request[index]))])


def _tolerance(output: Output) -> float:
    """Difference that counts as equal: stated, or half a resolution step."""
    return max(output.write.tolerance, 0.5 * output.spec.resolution)
