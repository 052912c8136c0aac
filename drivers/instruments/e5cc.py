"""Omron E5CC temperature controller (hardware sheet 3.2).

The set point is written on change only. Status bits 25 (writing on) and 20 (RAM mode) are set
by us on connecting and lost at power-up, so they also tell that the device has restarted.
"""

from __future__ import annotations

from drivers.codec import encode_number
from drivers.jobs import Steps
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.parts import Parts, RegisterDevice, join_words
from drivers.writes import HeldOutputs, Words

WRITING_ON, RAM_MODE = 1 << 25, 1 << 20
_OURS = WRITING_ON | RAM_MODE


class SetPoint(HeldOutputs):
    """The set point of one controller, in RAM."""

    restart_shows_zeros = False  # a restart restores a saved set point; status bits tell

    def __init__(self, device: E5cc) -> None:
        rule = device.parts.profile.write_named("sp")
        super().__init__(device, device.parts.writable(), rule.refresh_s, rule.min_interval_s)
        self._e5cc, self._rule = device, rule

    def words(self, values: dict[str, float]) -> Words:
        """Encode the set point."""
        return tuple(encode_number(values["sp"], self._rule.type, self._rule.scale))

    def frame(self, words: Words) -> Request:
        """Write 0x2103."""
        return self._e5cc.link.write_one(self._e5cc.unit, self._rule.address, words[0])

    def after_change(self) -> None:
        """See it back within a second."""
        if self._e5cc.bus is not None:
            self._e5cc.bus.soon(self._e5cc.block_polls["setpoint"], 0.5)

    def recheck(self) -> Steps:
        """Read 0x2103."""
        payload = yield self._e5cc.link.read(self._e5cc.unit, 3, self._rule.address, 1)
        self.shown(payload)

    def shown(self, payload: bytes) -> None:
        """Look at each read of the set point."""
        self.read_back((int.from_bytes(payload, "big"),))


class E5cc(RegisterDevice):
    """One zone controller."""

    def __init__(self, parts: Parts, link: ModbusLink) -> None:
        hooks = {"setpoint": self._set_point_shown, "status": self._status_shown}
        super().__init__(parts, link, hooks)
        self._set_point = SetPoint(self)
        self.outputs.append(self._set_point)

    def _set_point_shown(self, payload: bytes) -> None:
        self._set_point.shown(payload)

    def _status_shown(self, payload: bytes) -> None:
        if join_words(payload, "low_first") & _OURS == _OURS or self._set_point.locked:
            return
        if self._set_point.values:  # also where its read-back differed before the status was read
            self._set_point.shed_outputs("the controller has restarted")
        self.require_setup()
