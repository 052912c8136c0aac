"""Watches of the zone controllers and the couplers: set points, contactors, valves, bolts."""

from __future__ import annotations

import struct
from collections.abc import Callable

from config.models import Instrument
from simulators.instruments import e5cc, ek9000, epc3016
from simulators.instruments.e5cc import E5cc
from simulators.instruments.ek9000 import Ek9000
from simulators.instruments.epc3016 import Epc3016
from simulators.judging.commands import DAMPERS, DIVERTER, HEADS, MAIN, PUMP_SUPPLY, TANK
from simulators.judging.writes import Allowed, Scene, SetPoint, check_allowed

REDUCED_MAXIMUM = range(601)  # 60 %, the most a zone gets on its second thermocouple
EPC3016: Allowed = {
    epc3016.REMOTE_SELECT: (1,),
    epc3016.REMOTE_INPUT: None,
    epc3016.MANUAL: (0, 1),
    epc3016.MANUAL_OP: REDUCED_MAXIMUM,
}
E5CC: Allowed = {  # writing on, RAM mode, run
    e5cc.COMMAND: (0x0001, 0x0401, 0x0100),
    e5cc.SP: None,
}
COUPLER: Allowed = {ek9000.WD_TIME: (1500,), ek9000.WD_TYPE: (0,), ek9000.FALLBACK: (0,)}
UP_K = 0.5  # a set point raised by more than rounding

CONTACTORS = (1 << MAIN) - 1
ENERGIZING = CONTACTORS | 1 << MAIN | 1 << DIVERTER | 1 << TANK | 0b11 << HEADS | 1 << PUMP_SUPPLY
DEAD_UA, LOW_UA, HIGH_UA = 3600, 4000, 20000


class ControllerWatch:
    """A temperature controller."""

    def __init__(self, scene: Scene, instrument: Instrument, device: Epc3016 | E5cc) -> None:
        self._scene, self._name, self._device = scene, instrument.name, device
        eurotherm = isinstance(device, Epc3016)
        self._allowed = EPC3016 if eurotherm else E5CC
        self._register = epc3016.REMOTE_INPUT if eurotherm else e5cc.SP
        default = 0.0 if eurotherm else e5cc.SAFE_C
        self._limits = SetPoint(scene, instrument, "sp", default, 0.1)
        self._last = b""
        self._held = max(self._value(), epc3016.SAFE_C)
        device.observer = self._wrote

    def look(self) -> None:
        """Judge the set point where it stands."""
        self._limits.judge(self._value())

    def _value(self) -> float:
        return self._device.holding.signed(self._register) / 10.0

    def _wrote(self, pdu: bytes) -> None:
        if pdu == self._last:
            return
        self._last = pdu
        check_allowed(self._scene, self._name, self._allowed, pdu)
        value = self._value()
        self._limits.judge(value)
        if value > self._held + UP_K:
            self._scene.energized(self._name, "set point raised")
        self._held = max(value, epc3016.SAFE_C)


class SwitchWatch:
    """The coupler with the digital outputs.

    Args:
        permitted: called when the command of the main contactor has risen.
    """

    def __init__(
        self,
        scene: Scene,
        instrument: Instrument,
        device: Ek9000,
        permitted: Callable[[float], None],
    ) -> None:
        self._scene, self._name, self._device = scene, instrument.name, device
        self._permitted = permitted
        numbers = {
            int(tag.point[3:]): tag.name for tag in instrument.tags if tag.point.startswith("do:")
        }
        self._tags = numbers
        words = max(numbers) // 16 + 1
        self._allowed: Allowed = {
            **COUPLER, **{ek9000.OUTPUTS + n: None for n in range(words)},
        }  # fmt: skip
        self._unused = ~sum(1 << n for n in numbers)
        self._last = b""
        self._bits = self._read()
        device.observer = self._wrote

    def look(self) -> None:
        """Switches have no range."""

    def _read(self) -> int:
        held = self._device.holding
        return held.get(ek9000.OUTPUTS + 1) << 16 | held.get(ek9000.OUTPUTS)

    def _wrote(self, pdu: bytes) -> None:
        if pdu == self._last:
            return
        self._last = pdu
        check_allowed(self._scene, self._name, self._allowed, pdu)
        before, self._bits = self._bits, self._read()
        risen = self._bits & ~before
        for number in _numbers(risen & ENERGIZING):
            self._scene.energized(self._name, f"{self._tags[number]} on")
        for number in _numbers(self._bits & self._unused):
            self._scene.stray(self._name, f"output {number} without a tag")
        if risen >> MAIN & 1:
            self._permitted(self._scene.clock.now_s)
        for fan in range(3):
            damper = self._tags[DAMPERS + fan]
            if risen >> (DAMPERS + fan) & 1:
                self._scene.exhaust_off(damper, "damper commanded closed")
            elif not self._bits >> (DAMPERS + fan) & 1:
                self._scene.exhaust_on(damper)


class BoltWatch:
    """The coupler with the analog outputs: 4-20 mA over the span, or no signal."""

    def __init__(self, scene: Scene, instrument: Instrument, device: Ek9000) -> None:
        self._scene, self._name, self._device = scene, instrument.name, device
        self._tags = [tag for tag in instrument.tags if tag.point.startswith("ao:")]
        count = len(self._tags)
        self._allowed: Allowed = {
            **COUPLER, **{ek9000.OUTPUTS + n: None for n in range(count)},
        }  # fmt: skip
        self._words = struct.Struct(f">{count}H")
        self._last = b""
        device.observer = self._wrote

    def look(self) -> None:
        """Judge all targets where they stand."""
        words = self._words.unpack_from(self._device.holding.image, 2 * ek9000.OUTPUTS)
        if max(words) > HIGH_UA or (min(words) < LOW_UA and any(words)):
            self._judge(words)
        else:
            self._scene.ledger.end("I19", self._name)

    def _judge(self, words: tuple[int, ...]) -> None:
        for tag, word in zip(self._tags, words, strict=True):
            if word and not LOW_UA <= word <= HIGH_UA:
                detail = f"{tag.name}: {word} uA in the device"
                self._scene.ledger.note("I19", self._name, self._scene.clock.now_s, detail)
                return
        self._scene.ledger.end("I19", self._name)

    def _wrote(self, pdu: bytes) -> None:
        if pdu == self._last:
            return
        self._last = pdu
        check_allowed(self._scene, self._name, self._allowed, pdu)
        self.look()


def _numbers(bits: int) -> list[int]:
    """Numbers of the bits that are set."""
    return [number for number in range(bits.bit_length()) if bits >> number & 1] if bits > 0 else []
