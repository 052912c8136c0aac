"""Framing of the simulated Modbus servers: MBAP over TCP, and RTU on a shared bus.

RTU has no length field, so the length of a request follows from its function code. A frame
with a bad CRC, a bad length or another unit's address is met by silence (Modbus over serial
line 1.02), as is an MBAP frame for another unit or protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from simulators.instruments.endpoint import Push, flip
from simulators.instruments.modbus_device import ModbusDevice

_MBAP = struct.Struct(">HHHB")
_FIXED_REQUESTS = frozenset({1, 2, 3, 4, 5, 6, 8})
_LONGEST_MBAP = 254
_REMEMBERED = 512


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> bytes:
    """Return the Modbus CRC of ``data`` as it goes on the wire, low byte first."""
    crc = 0xFFFF
    table = _CRC
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def request_size(frame: bytes) -> int:
    """Return the length an RTU request will have, 0 while unknown, -1 if unknowable."""
    if len(frame) < 2:
        return 0
    function = frame[1]
    if function in _FIXED_REQUESTS:
        return 8
    if function in {15, 16}:
        return 9 + frame[6] if len(frame) > 6 else 0
    if function == 23:
        return 13 + frame[10] if len(frame) > 10 else 0
    return -1


class MbapEndpoint:
    """A Modbus TCP device.

    Args:
        device: the device.
        unit: unit id it answers to, besides 0 and 255 which mean "whoever is here".
        connections: most connections at a time.
    """

    __slots__ = ("_limit", "device", "sessions", "unit")

    def __init__(self, device: ModbusDevice, unit: int = 1, connections: int = 4) -> None:
        self.device = device
        self.unit = unit
        self._limit = connections
        self.sessions: list[MbapSession] = []

    def connect(self, _push: Push, /) -> MbapSession:
        """Open a connection.

        Raises:
            ConnectionRefusedError: all connections are taken.
        """
        if len(self.sessions) >= self._limit:
            raise ConnectionRefusedError(f"all {self._limit} connections are taken")
        session = MbapSession(self)
        self.sessions.append(session)
        self.device.opened(session)
        return session


class MbapSession:
    """One connection; it may send several requests in one segment, or one in several."""

    __slots__ = ("_device", "_endpoint", "_rest", "_unit", "delay_s")

    def __init__(self, endpoint: MbapEndpoint) -> None:
        self._endpoint = endpoint
        self._device = endpoint.device
        self._unit = endpoint.unit
        self._rest = b""
        self.delay_s = 0.0

    def receive(self, data: bytes) -> bytes:
        """Answer all complete requests, in order."""
        device = self._device
        if device.faults.silent:
            return b""
        if self._rest:
            data = self._rest + data
        if len(data) >= 8 and len(data) == 6 + ((data[4] << 8) | data[5]):
            self._rest = b""
            reply = self._answer(data)
        else:
            reply = self._answer_many(data)
        self.delay_s = device.faults.delay_s + device.throttle_s
        return reply

    def silence(self) -> None:
        """TCP frames do not end by silence."""

    def close(self) -> None:
        """Free the connection and whatever the device had bound to it."""
        if self in self._endpoint.sessions:
            self._endpoint.sessions.remove(self)
            self._device.closed(self)

    def _answer_many(self, data: bytes) -> bytes:
        replies = []
        while len(data) >= 7:
            length = (data[4] << 8) | data[5]
            if data[2:4] != b"\0\0" or not 2 <= length <= _LONGEST_MBAP:
                data = b""  # out of step: nothing in the stream tells where the next begins
                break
            if len(data) < 6 + length:
                break
            replies.append(self._answer(data[: 6 + length]))
            data = data[6 + length :]
        self._rest = data
        return b"".join(replies)

    def _answer(self, frame: bytes) -> bytes:
        transaction, protocol, _, unit = _MBAP.unpack_from(frame)
        if protocol != 0 or unit not in (self._unit, 0, 255):
            return b""
        pdu = self._device.answer(frame[7:], self)
        faults = self._device.faults
        if faults.wrong_unit:
            unit = (unit + 1) & 0xFF
        reply = _MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu
        return flip(reply, 3) if faults.corrupt else reply


class RtuEndpoint:
    """Devices that share one RTU bus.

    Args:
        units: device of each unit id.
    """

    __slots__ = ("_genuine", "units")

    def __init__(self, units: Mapping[int, ModbusDevice]) -> None:
        self.units = dict(units)
        self._genuine: dict[bytes, None] = {}  # polls repeat: their CRC is checked once

    def connect(self, _push: Push, /) -> RtuSession:
        """Open the bus; a serial line knows no limit and no owner."""
        return RtuSession(self)

    def genuine(self, frame: bytes) -> bool:
        """Tell whether the CRC of a frame is right."""
        if frame in self._genuine:
            return True
        if len(frame) < 4 or crc16(frame[:-2]) != frame[-2:]:
            return False
        if len(self._genuine) >= _REMEMBERED:
            self._genuine.clear()
        self._genuine[frame] = None
        return True


class RtuSession:
    """What one port on the bus hears and says."""

    __slots__ = ("_endpoint", "_rest", "_units", "delay_s")

    def __init__(self, endpoint: RtuEndpoint) -> None:
        self._endpoint = endpoint
        self._units = endpoint.units
        self._rest = b""
        self.delay_s = 0.0

    def receive(self, data: bytes) -> bytes:
        """Answer the frames in ``data``; the start of a frame is kept for the next bytes."""
        self.delay_s = 0.0
        if self._endpoint.genuine(data) and request_size(data) in (len(data), -1):
            self._rest = b""
            return self._answer(data)
        return self._answer_many(self._rest + data)

    def silence(self) -> None:
        """Forget an unfinished frame: 3.5 characters of silence end it."""
        self._rest = b""

    def close(self) -> None:
        """Nothing is bound to a port of the bus."""

    def _answer_many(self, data: bytes) -> bytes:
        replies = []
        while data:
            size = request_size(data)
            if size == 0 or len(data) < size <= 256:
                break
            if size < 0 or not self._endpoint.genuine(data[:size]):
                data = b""
                break
            replies.append(self._answer(data[:size]))
            data = data[size:]
        self._rest = data
        return b"".join(replies)

    def _answer(self, frame: bytes) -> bytes:
        unit = frame[0]
        if unit == 0:
            for device in self._units.values():
                device.answer(frame[1:-2], self)
            return b""
        addressed = self._units.get(unit)
        if addressed is None or addressed.faults.silent:
            return b""
        faults = addressed.faults
        if faults.wrong_unit:
            unit = (unit + 1) & 0xFF
        reply = bytes((unit,)) + addressed.answer(frame[1:-2], self)
        reply += crc16(reply)
        self.delay_s = faults.delay_s + addressed.throttle_s
        return flip(reply, -1) if faults.corrupt else reply
