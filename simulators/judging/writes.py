"""I6, I7, I12 and I19: every write a device has carried out is looked at, on the device's side.

The allow-lists are the judge's own reading of the hardware sheet; the ranges of set points
come from the line file. A device that takes the same frame again (refresh) costs a comparison.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from config.models import Instrument
from simulators.instruments.endpoint import LineClock
from simulators.judging.violations import Ledger

Allowed = Mapping[int, Collection[int] | None]
"""Registers that may be written; the values they may take, None for any."""

_WORD, _RANGE, _EXCHANGE = struct.Struct(">xHH"), struct.Struct(">xHH"), struct.Struct(">xHHHHB")
_ONE, _MANY, _BOTH = 6, 16, 23
_TOLERANCE = 1e-9


class Watch(Protocol):
    """Watches one device."""

    def look(self) -> None:
        """Look at its set points, however they got there."""


class Scene:
    """What all watches share.

    Args:
        ledger: where findings go.
        clock: line time.
        why_exhaust_stays: reason why the exhaust may not stop now, empty when it may.

    Attributes:
        commanded: an operator has given the first command.
    """

    def __init__(
        self, ledger: Ledger, clock: LineClock, why_exhaust_stays: Callable[[float], str]
    ) -> None:
        self.ledger, self.clock = ledger, clock
        self.commanded = False
        self._why_exhaust_stays = why_exhaust_stays

    def stray(self, device: str, what: str) -> None:
        """I12: a write outside the allow-list."""
        detail = f"{device}: {what} is not in the allow-list"
        self.ledger.note("I12", (device, what), self.clock.now_s, detail)

    def energized(self, device: str, what: str) -> None:
        """I6: something was switched on or up."""
        if not self.commanded:
            detail = f"{device}: {what} before an operator's command"
            self.ledger.note("I6", (device, what), self.clock.now_s, detail)

    def exhaust_off(self, device: str, what: str) -> None:
        """I7: an exhaust that was on is commanded off."""
        why = self._why_exhaust_stays(self.clock.now_s)
        if why:
            detail = f"{device}: {what} although {why}"
            self.ledger.note("I7", device, self.clock.now_s, detail)

    def exhaust_on(self, device: str) -> None:
        """The exhaust is on again."""
        self.ledger.end("I7", device)


class SetPoint:
    """I19: the limits of one set point.

    Args:
        scene: where findings go.
        instrument: the line file's entry.
        point: name of the set point in it.
        default: what the device holds after power-up.
        count: one count of the register in the tag's unit; half of it is rounding.
    """

    def __init__(
        self, scene: Scene, instrument: Instrument, point: str, default: float, count: float
    ) -> None:
        tag = next(tag for tag in instrument.tags if tag.point == point)
        if tag.write is None:
            raise ValueError(f"{tag.name} is a set point and has no range")
        self.name, self.full_scale = tag.name, tag.full_scale or 1.0
        self._scene = scene
        half = 0.5 * count * self.full_scale + _TOLERANCE
        self._low, self._high = tag.write.range[0] - half, tag.write.range[1] + half
        self._others = (tag.write.safe, default)

    def judge(self, value: float) -> None:
        """Look at the value the device holds."""
        ledger = self._scene.ledger
        if self._low <= value <= self._high or value in self._others:
            ledger.end("I19", self.name)
        else:
            detail = f"{self.name} is {value:g} in the device"
            ledger.note("I19", self.name, self._scene.clock.now_s, detail)


def decode_write(pdu: bytes) -> tuple[int, tuple[int, ...]]:
    """Return first register and words of a request to write; no words for coils."""
    function = pdu[0]
    if function == _ONE:
        address, value = _WORD.unpack(pdu)
        return address, (value,)
    if function == _MANY:
        address, count = _RANGE.unpack_from(pdu)
        return address, struct.unpack_from(f">{count}H", pdu, 6)
    if function == _BOTH:
        _, _, address, count, _ = _EXCHANGE.unpack_from(pdu)
        return address, struct.unpack_from(f">{count}H", pdu, 10)
    return int.from_bytes(pdu[1:3], "big"), ()


def check_allowed(scene: Scene, device: str, allowed: Allowed, pdu: bytes) -> None:
    """I12 for one request to write."""
    address, words = decode_write(pdu)
    if not words:
        scene.stray(device, f"coil {address}")
    for at, word in enumerate(words, start=address):
        if at not in allowed:
            scene.stray(device, f"register {at} (0x{at:04X})")
        else:
            values = allowed[at]
            if values is not None and word not in values:
                scene.stray(device, f"value 0x{word:04X} in register {at} (0x{at:04X})")
