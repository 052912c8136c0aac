"""Outputs that lose their controlling input (safety rule 2.16).

A loop's set-point (``TIC-501.SP``) is controlled on its measurement (``TIC-501.PV``). Once
that has not been GOOD for 2 s the output is shed: it gets its safe value, never the last.
Regained quality does not bring it back; a person does. A zone that runs on its second
thermocouple (``TIC-501.SECOND``) has not lost its input.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from config.models import Line
from controller.outputs import Output
from controller.tags import Snapshot, TagTable
from drivers.base import Quality

SHED_S = 2.0
_STANDS_IN = (1.0, 2.0)  # SECOND: the zone runs on its second thermocouple


class InputWatch:
    """Watches the controlling input of every output that has one.

    Args:
        line: the line file.
        table: the process image.
        outputs: outputs by row.
    """

    def __init__(self, line: Line, table: TagTable, outputs: Mapping[int, Output]) -> None:
        names = {tag.name for instrument in line.instrument for tag in instrument.tags}
        pairs = [
            (index, measured)
            for index, output in outputs.items()
            if output.name.endswith(".SP")
            and (measured := f"{output.name.removesuffix('.SP')}.PV") in names
        ]
        self._table = table
        self._outputs = np.array([index for index, _ in pairs], np.intp)
        self._inputs = np.array([table.index(name) for _, name in pairs], np.intp)
        self._names = [name for _, name in pairs]
        stands_in = {tag.name: table.index(tag.name) for tag in line.calculated}
        self._other = [
            (k, stands_in[second])
            for k, name in enumerate(self._names)
            if (second := f"{name.removesuffix('.PV')}.SECOND") in stands_in
        ]
        self._lost_s = np.zeros(len(pairs))

    def step(self, snapshot: Snapshot, dt: float) -> list[tuple[int, str]]:
        """Outputs in use whose input has been lost for 2 s, with the input's name."""
        lost = snapshot.quality[self._inputs] >= Quality.UNCERTAIN
        if not lost.any():
            self._lost_s.fill(0.0)
            return []
        for k, other in self._other:
            if lost[k] and snapshot.known[other] in _STANDS_IN:
                lost[k] = False
        in_use = ~np.isnan(self._table.request[self._outputs])
        self._lost_s = np.where(lost & in_use, self._lost_s + dt, 0.0)
        late = np.flatnonzero(self._lost_s >= SHED_S)
        return [(int(self._outputs[k]), self._names[k]) for k in late.tolist()]
