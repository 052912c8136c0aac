"""Eurotherm EPC3016 zone controller (hardware sheet 3.1).

The set point goes to the remote input (277), which is volatile and goes stale in the device:
it is refreshed every second, so that a dead host leaves the zone on its safe local set point.
"""

from __future__ import annotations

import struct

from drivers.codec import encode_number
from drivers.jobs import Steps
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.parts import Parts, RegisterDevice
from drivers.writes import HeldOutputs, Words

_REMOTE_BLOCK = "remote"
_REMOTE = struct.Struct(">6xHH")  # 273..277: remote selected (276), remote input (277)


class RemoteSetPoint(HeldOutputs):
    """The remote set point of one controller."""

    def __init__(self, device: Epc3016) -> None:
        rule = device.parts.profile.write_named("sp")
        points = device.parts.writable()
        super().__init__(device, points, rule.refresh_s, rule.min_interval_s)
        self._epc, self._rule = device, rule

    def words(self, values: dict[str, float]) -> Words:
        """Encode the set point."""
        return tuple(encode_number(values["sp"], self._rule.type, self._rule.scale))

    def frame(self, words: Words) -> Request:
        """Write 277."""
        return self._epc.link.write_one(self._epc.unit, self._rule.address, words[0])

    def after_change(self) -> None:
        """See it back within a second."""
        self._epc.read_back_soon()

    def recheck(self) -> Steps:
        """Read 277."""
        payload = yield self._epc.link.read(self._epc.unit, 3, self._rule.address, 1)
        self.read_back((int.from_bytes(payload, "big"),))

    def shown(self, payload: bytes) -> None:
        """Look at each read of 273..277."""
        remote, word = _REMOTE.unpack(payload)
        if not remote and self.confirmed is not None:
            self.shed_outputs("remote set point was deselected at the controller")
        self.read_back((word,))


class Epc3016(RegisterDevice):
    """One zone controller."""

    def __init__(self, parts: Parts, link: ModbusLink) -> None:
        super().__init__(parts, link, {_REMOTE_BLOCK: self._shown})
        self._set_point = RemoteSetPoint(self)
        self.outputs.append(self._set_point)

    def read_back_soon(self) -> None:
        """Poll the remote block early."""
        if self.bus is not None:
            self.bus.soon(self.block_polls[_REMOTE_BLOCK], 0.5)

    def _shown(self, payload: bytes) -> None:
        self._set_point.shown(payload)
