"""ABB ACS380 drive, ABB Drives profile (hardware sheet 3.3)."""

from __future__ import annotations

import struct

from drivers.instruments.drive import DriveOutputs
from drivers.jobs import Steps
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.parts import Parts, RegisterDevice
from drivers.writes import Words

READY, RUN, RESET = 0x047E, 0x047F, 0x04FE
READY_ON, READY_OPERATE, ENABLED, TRIPPED, INHIBITED = 0x01, 0x02, 0x04, 0x08, 0x40
_CW, _REF = 0, 1
_SHOWN = struct.Struct(">HH2xH")  # CW, REF1, (REF2), SW


def next_control_word(run: bool, reset: bool, status: int) -> int:
    """Control word that leads a drive from its status towards the request.

    Bit 0 must be 0 once (READY) before the drive leaves "switch-on inhibited", and the drive
    must show that it is ready before bit 0 may rise (RUN). A fault is left by RESET alone.
    """
    if status & TRIPPED:
        return RESET if reset else READY
    if not run or status & INHIBITED:
        return READY
    return RUN if status & (READY_ON | READY_OPERATE | ENABLED) else READY


class Acs380Outputs(DriveOutputs):
    """Control word and REF1, written together (FC16)."""

    def control_word(self, run: bool, status: int) -> int:
        """See next_control_word."""
        return next_control_word(run, False, status)

    def is_tripped(self, status: int) -> bool:
        """Bit 3."""
        return bool(status & TRIPPED)

    def fell_out(self, word: int, status: int) -> bool:
        """Switch-on inhibited under RUN: it was switched off, or its run enable was lost."""
        return word == RUN and bool(status & INHIBITED)

    def frame(self, words: Words) -> Request:
        """Write CW and REF1."""
        return self.drive.link.write_many(self.drive.unit, _CW, words)

    def after_change(self) -> None:
        """The sequence goes on with the next status word."""
        if self.drive.bus is not None:
            self.drive.bus.soon(self.drive.block_polls["drive"], 0.1)

    def recheck(self) -> Steps:
        """Read CW, REF1, SW."""
        payload = yield self.drive.link.read(self.drive.unit, 3, _CW, 4)
        self.shown(payload)

    def shown(self, payload: bytes) -> None:
        """Look at each read of the drive's words."""
        word, reference, status = _SHOWN.unpack_from(payload)
        self.show(word, reference, word == RUN, status)


class Acs380(RegisterDevice):
    """One drive."""

    def __init__(self, parts: Parts, link: ModbusLink) -> None:
        super().__init__(parts, link, {"drive": self._shown})
        self._held = Acs380Outputs(self)
        self.outputs.append(self._held)

    def command_steps(self, _point: str, _value: float) -> Steps:
        """Reset a fault: rising edge of bit 7, then READY; the drive does not run after it."""
        reference = self._held.reference_word()
        yield self.link.write_many(self.unit, _CW, (RESET, reference))
        yield self.link.write_many(self.unit, _CW, (READY, reference))
        self._held.after_reset((READY, reference))
        self._held.after_change()

    def _shown(self, payload: bytes) -> None:
        self._held.shown(payload)
