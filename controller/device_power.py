"""Devices as they stand behind the gate: restarted, silent, or without the power we gave them.

Outputs that a driver took out of service (its device restarted or was away) are shed at the gate.
A device whose power is switched off from here is expected to be silent, and to have forgotten
everything when it is on again: its driver starts anew with it, and nothing is shed.
"""

from __future__ import annotations

from config.models import Line
from controller.gate import Gate
from controller.tags import TagTable
from drivers.base import is_good
from drivers.build import Outputs

_POWER_UP_NS = 10_000_000_000  # a device that was off answers within this time


class DevicePower:
    """Follows what the drivers say of their devices.

    Args:
        line: the line file.
        table: the process image.
        outputs: the drivers' outputs.
        gate: where outputs are shed.
    """

    def __init__(self, line: Line, table: TagTable, outputs: Outputs, gate: Gate) -> None:
        self._table, self._outputs, self._gate = table, outputs, gate
        self._writable = {
            instrument.name: [tag.name for tag in instrument.tags if tag.write is not None]
            for instrument in line.instrument
        }
        self._powers = {
            instrument.name: [tag.write.powered_by for tag in instrument.tags if tag.write]
            for instrument in line.instrument
        }
        self._shed: dict[str, str] = {}
        self._off_ns: dict[str, int] = {}

    def follow(self, now_ns: int) -> None:
        """Shed what drivers took out of service since the last look."""
        shed = self._outputs.shed()
        for name in self._powers:
            if self._switched_off(name):
                self._off_ns[name] = now_ns
        lately = {n for n, off_ns in self._off_ns.items() if now_ns - off_ns < _POWER_UP_NS}
        for name in [name for name in shed if name not in self._shed and name in lately]:
            self._outputs.rearm(name)
            del shed[name]
        for name in [name for name in shed if name not in self._shed]:
            for tag in self._writable[name]:
                self._gate.shed(tag, f"{name}: {shed[name]}", now_ns)
        self._shed = shed

    def off(self, instrument: str, now_ns: int) -> bool:
        """Whether an instrument is without power: switched off from here, or not yet on."""
        powers = [self._table.index(power) for power in self._powers[instrument] if power]
        read = [self._table.read(power, now_ns) for power in powers]
        off = bool(read) and all(is_good(quality) and value == 0.0 for value, quality in read)
        return off or self._switched_off(instrument)

    def _switched_off(self, instrument: str) -> bool:
        """Whether the power of all its outputs is switched off from here."""
        powers = self._powers[instrument]
        requests = [self._table.request[self._table.index(power)] for power in powers if power]
        return len(requests) == len(powers) > 0 and all(value == 0.0 for value in requests)
