"""Horn and beacon at the line: what the alarms call for, as outputs through the gate."""

from __future__ import annotations

from math import isnan

from config.models import Line
from controller.alarms import Alarms
from controller.procedure.context import Request
from controller.tags import Snapshot, TagTable

HORN, BEACON = "XA-900.CMD", "XL-900.CMD"
_FLASH_NS = 500_000_000  # lit, then dark, for so long
_FLASHES = 2


class AlarmSignals:
    """Drives both; a line without these outputs has none.

    A coupler's outputs are written together, what nobody has asked for at its safe value. So
    neither is written while a neighbor that nobody has asked for yet was found otherwise: a
    controller that comes back would switch off by its horn what it has not looked at.

    Args:
        line: the line file.
        alarms: whose horn and beacon they are.
        table: the process image.
        put: the gate's door.
    """

    def __init__(self, line: Line, alarms: Alarms, table: TagTable, put: Request) -> None:
        self._alarms = alarms
        self._table = table
        self._put = put
        self._rows: dict[str, int] = {}
        self._neighbors: list[tuple[int, float]] = []
        for instrument in line.instrument:
            names = [tag.name for tag in instrument.tags]
            own = [name for name in (HORN, BEACON) if name in names]
            self._rows |= {name: table.index(name) for name in own}
            if own:
                self._neighbors += [
                    (table.index(tag.name), tag.write.safe)
                    for tag in instrument.tags
                    if tag.write is not None
                ]
        self._free = False
        self._lit = 0.0
        self._half_second = -1

    def step(self, snapshot: Snapshot) -> None:
        """Ask for what differs from what was asked last; asked again where it was refused.

        The horn follows at once, the beacon twice a second.
        """
        now_ns = snapshot.now_ns
        if now_ns // _FLASH_NS != self._half_second:
            self._half_second = now_ns // _FLASH_NS
            self._lit = self._light()
            self._free = self._free or self._disturbs_nobody(snapshot.known)
        if not self._free:
            return
        wanted = {HORN: float(self._alarms.horn), BEACON: self._lit}
        for tag, row in self._rows.items():
            if self._table.request[row] != wanted[tag]:
                self._put(tag, wanted[tag], "alarms", now_ns)

    def _disturbs_nobody(self, known: list[float]) -> bool:
        """Tell whether writing the coupler leaves all of its outputs as they are."""
        request = self._table.request
        return all(not isnan(request[row]) or known[row] == safe for row, safe in self._neighbors)

    def _light(self) -> float:
        shows = self._alarms.beacon()
        return float(self._half_second % 2 == 0) if shows == _FLASHES else float(shows)
