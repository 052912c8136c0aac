"""Eurotherm EPC3016 zone controller (hardware sheet 3.1).

The set point goes to the remote input (277), which is volatile and goes stale in the device:
it is refreshed every second, so that a dead host leaves the zone on its safe local set point.
Manual (273) and its output (3) are held without refresh: a dead host trips the communication
watchdog, which takes the output to zero in manual too.
"""

from __future__ import annotations

import struct

from drivers.codec import encode_number
from drivers.jobs import Steps
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.parts import Parts, RegisterDevice
from drivers.writes import HeldOutputs, Words

_REMOTE_BLOCK, _FAST_BLOCK = "remote", "fast"
_REMOTE = struct.Struct(">H4xHH")  # 273..277: manual (273), remote selected (276), input (277)
_FAST = struct.Struct(">4xH4x")  # 1..5: output in manual (3)
_MANUAL, _MANUAL_OUTPUT = "man", "mop"


class RemoteSetPoint(HeldOutputs):
    """The remote set point of one controller."""

    def __init__(self, device: Epc3016) -> None:
        rule = device.parts.profile.write_named("sp")
        points = tuple(one for one in device.parts.writable() if one.point == "sp")
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
        _manual, remote, word = _REMOTE.unpack(payload)
        if not remote and self.confirmed is not None:
            self.shed_outputs("remote set point was deselected at the controller")
        self.read_back((word,))


class HeldRegister(HeldOutputs):
    """One register that is written on change and read back with its block.

    Args:
        point: its name in the profile.
        block: the block that shows it.
    """

    restart_shows_zeros = False  # 0 is its value at rest; the set point tells a restart

    def __init__(self, device: Epc3016, point: str, block: str) -> None:
        points = tuple(one for one in device.parts.writable() if one.point == point)
        super().__init__(device, points, 0.0)
        self._epc, self._rule = device, device.parts.profile.write_named(point)
        self._point, self._block = point, block

    def words(self, values: dict[str, float]) -> Words:
        """Encode its value."""
        return tuple(encode_number(values[self._point], self._rule.type, self._rule.scale))

    def frame(self, words: Words) -> Request:
        """Write it."""
        return self._epc.link.write_one(self._epc.unit, self._rule.address, words[0])

    def after_change(self) -> None:
        """See it back soon."""
        self._epc.read_back_soon(self._block)

    def recheck(self) -> Steps:
        """Read it alone."""
        payload = yield self._epc.link.read(self._epc.unit, 3, self._rule.address, 1)
        self.read_back((int.from_bytes(payload, "big"),))


class Epc3016(RegisterDevice):
    """One zone controller."""

    def __init__(self, parts: Parts, link: ModbusLink) -> None:
        super().__init__(parts, link, {_REMOTE_BLOCK: self._shown, _FAST_BLOCK: self._shown_fast})
        self._set_point = RemoteSetPoint(self)
        self._manual = HeldRegister(self, _MANUAL, _REMOTE_BLOCK)
        self._output = HeldRegister(self, _MANUAL_OUTPUT, _FAST_BLOCK)
        self.outputs.append(self._set_point)
        self.outputs.extend(held for held in (self._output, self._manual) if held.points)

    def read_back_soon(self, block: str = _REMOTE_BLOCK) -> None:
        """Poll a block early."""
        if self.bus is not None:
            self.bus.soon(self.block_polls[block], 0.5)

    def _shown(self, payload: bytes) -> None:
        self._set_point.shown(payload)
        if self._manual.confirmed is not None:
            self._manual.read_back((_REMOTE.unpack(payload)[0],))

    def _shown_fast(self, payload: bytes) -> None:
        if self._output.confirmed is not None:
            self._output.read_back((_FAST.unpack(payload)[0],))
