"""Optris CT pyrometer, binary on an RS485 multidrop bus (hardware sheet 3.7).

A request is 0xB0 + address and a command; set commands end with the XOR of all command bytes
without the prefix. There are no error replies: a bad checksum, an unknown command or another
address is met by silence. A device without address (0) answers commands without a prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulators.instruments.endpoint import Faults, Push, flip

PREFIX, BROADCAST = 0xB0, 0xB0
TARGET, HEAD, CURRENT, EMISSIVITY, TRANSMISSION = 0x01, 0x02, 0x03, 0x04, 0x05
PROCESSOR, SERIAL, FIRMWARE, LINE_MODE = 0x09, 0x0E, 0x0F, 0x2E
SET_PROTOCOL, SET_EMISSIVITY, SET_TRANSMISSION, SET_ADDRESS, CHECKSUM_OFF = (
    *(0x83, 0x84, 0x85, 0x90),
    0xAD,
)
# bytes of each command behind the prefix, without its checksum
_SIZES = {
    TARGET: 1,
    HEAD: 1,
    CURRENT: 1,
    EMISSIVITY: 1,
    TRANSMISSION: 1,
    PROCESSOR: 1,
    SERIAL: 1,
    FIRMWARE: 1,
    LINE_MODE: 2,
    CHECKSUM_OFF: 1,
    SET_PROTOCOL: 2,
    SET_EMISSIVITY: 3,
    SET_TRANSMISSION: 3,
    SET_ADDRESS: 2,
}
_CHECKED = frozenset((LINE_MODE, SET_PROTOCOL, SET_EMISSIVITY, SET_TRANSMISSION, SET_ADDRESS))
_TO_ALL = frozenset((SET_EMISSIVITY, SET_TRANSMISSION, SET_PROTOCOL, CHECKSUM_OFF))
LARGEST_THOUSANDTHS = 1100
HEAD_C = 31.4
LOWEST_C, HIGHEST_C = -50.0, 975.0


def temperature_word(celsius: float) -> bytes:
    """Encode a temperature: 23.5 degC is 04 D3."""
    value = min(max(celsius, LOWEST_C), HIGHEST_C)
    return (round(value * 10.0) + 1000).to_bytes(2, "big")


def checksum(command: bytes) -> int:
    """Return the XOR of all command bytes."""
    result = 0
    for byte in command:
        result ^= byte
    return result


class OptrisCt:
    """One pyrometer.

    Args:
        temperature: returns the film temperature in its spot, degC.
        serial: serial number.

    Attributes:
        observer: told of every command that sets something; None: nobody listens.
    """

    def __init__(self, temperature: Callable[[], float], serial: int) -> None:
        self.faults = Faults()
        self.serial = serial
        self.observer: Callable[[bytes], None] | None = None
        self._temperature = temperature
        self._held = 20.0
        self.emissivity = 950
        self.transmission = 1000
        self.checksums = True

    def reboot(self) -> None:
        """Power off and on: checksums are demanded again."""
        self.checksums = True

    def answer(self, command: bytes) -> bytes:
        """Return the reply to a command without prefix and checksum; empty is silence."""
        code = command[0]
        if code in {TARGET, CURRENT}:
            if not self.faults.stuck:
                self._held = self._temperature()
            return temperature_word(self._held)
        if code in {HEAD, PROCESSOR}:
            return temperature_word(HEAD_C if code == HEAD else HEAD_C + 6.0)
        if code in {EMISSIVITY, TRANSMISSION}:
            return self._share(code).to_bytes(2, "big")
        if code == SERIAL:
            return self.serial.to_bytes(3, "big")
        if code == FIRMWARE:
            return b"\x01\x0a"
        return self._set(code, command[1:])

    def _share(self, code: int) -> int:
        return self.emissivity if code == EMISSIVITY else self.transmission

    def _set(self, code: int, data: bytes) -> bytes:
        if self.observer is not None:
            self.observer(bytes((code,)) + data)
        if code == CHECKSUM_OFF:
            self.checksums = False
            return b""
        if code == SET_PROTOCOL:
            return data
        value = int.from_bytes(data, "big")
        if code not in {SET_EMISSIVITY, SET_TRANSMISSION} or value > LARGEST_THOUSANDTHS:
            return b""
        if code == SET_EMISSIVITY:
            self.emissivity = value
        else:
            self.transmission = value
        return data


class OptrisBus:
    """The pyrometers on one bus.

    Args:
        devices: pyrometer of each address; address 0 means a single one without prefix.
    """

    def __init__(self, devices: Mapping[int, OptrisCt]) -> None:
        self.devices = dict(devices)

    def connect(self, _push: Push, /) -> OptrisSession:
        """Open the bus."""
        return OptrisSession(self)


class OptrisSession:
    """One port on the bus."""

    __slots__ = ("_bus", "_rest", "delay_s")

    def __init__(self, bus: OptrisBus) -> None:
        self._bus = bus
        self._rest = b""
        self.delay_s = 0.0

    def receive(self, data: bytes) -> bytes:
        """Answer each complete command; bytes that start none are dropped."""
        self.delay_s = 0.0
        data = self._rest + data
        replies = []
        while data:
            address = data[0] - PREFIX if data[0] >= PREFIX else 0
            start = 1 if data[0] >= PREFIX else 0
            if len(data) <= start:
                break
            size = _SIZES.get(data[start], 0)
            if size == 0:
                data = data[1:]
                continue
            end = start + size + self._checked(address, data[start])
            if len(data) < end:
                break
            replies.append(self._command(address, start, data[start:end], size))
            data = data[end:]
        self._rest = data
        return b"".join(replies)

    def silence(self) -> None:
        """Forget an unfinished command."""
        self._rest = b""

    def close(self) -> None:
        """Nothing is bound to a port."""

    def _checked(self, address: int, code: int) -> int:
        device = self._bus.devices.get(address)
        return int(code in _CHECKED and (device is None or device.checksums))

    def _command(self, address: int, prefixed: int, command: bytes, size: int) -> bytes:
        if len(command) > size and checksum(command[:size]) != command[size]:
            return b""
        command = command[:size]
        if prefixed and address == 0:
            return self._broadcast(command)
        device = self._bus.devices.get(address)
        if device is None or device.faults.silent:
            return b""
        self.delay_s = device.faults.delay_s
        reply = device.answer(command)
        return flip(reply, -1) if device.faults.corrupt and reply else reply

    def _broadcast(self, command: bytes) -> bytes:
        devices = self._bus.devices
        if command[0] == LINE_MODE:
            count = command[1]
            if any(n not in devices or devices[n].faults.silent for n in range(1, count + 1)):
                return b""
            return b"".join(devices[n].answer(bytes((TARGET,))) for n in range(1, count + 1))
        if command[0] in _TO_ALL:
            for device in devices.values():
                device.answer(command)
        return b""
