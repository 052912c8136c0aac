"""Schneider ATV320 drive, CiA402-like states, one FC23 for everything (hardware sheet 3.4)."""

from __future__ import annotations

import struct

from drivers.errors import DriverError
from drivers.instruments.drive import DriveOutputs
from drivers.jobs import Poll, Steps
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.parts import Parts, RegisterDevice
from drivers.writes import Words

SHUTDOWN, SWITCH_ON, ENABLE, RESET = 0x06, 0x07, 0x0F, 0x80
_READY, _SWITCHED_ON, _ENABLED = 0x21, 0x23, 0x27
_STATE_MASK, _FAULT_MASK, _FAULT, _DISABLED = 0x6F, 0x4F, 0x08, 0x40
_SHOWN = struct.Struct(">H4xHH")  # ETA, (RFRD, LFT), CMD, LFRD


def next_command(run: bool, reset: bool, status: int) -> int:
    """CMD that leads a drive from its status towards the request: 6, 7, 15; stop by ramp is 7.

    Bit 4 of the status (mains present) is masked out.
    """
    state = status & _STATE_MASK
    if status & _FAULT_MASK == _FAULT:
        return RESET if reset else SHUTDOWN
    if state == _ENABLED:
        return ENABLE if run else SWITCH_ON
    if not run:
        return SHUTDOWN
    return {_READY: SWITCH_ON, _SWITCHED_ON: ENABLE}.get(state, SHUTDOWN)


class Atv320Outputs(DriveOutputs):
    """CMD and LFRD; each turn writes and reads in one exchange, or only reads.

    Nothing is written before something is requested, nor while the outputs are in doubt.
    """

    def __init__(self, device: RegisterDevice, poll: Poll) -> None:
        super().__init__(device)
        block = device.parts.profile.block_named("drive")
        self._poll, self._block = poll, (block.address, block.count)
        self._address = device.parts.profile.write_named("run").address
        self._read = device.link.read(device.unit, 3, *self._block)
        self._writing = False

    def control_word(self, run: bool, status: int) -> int:
        """See next_command."""
        return next_command(run, False, status)

    def is_tripped(self, status: int) -> bool:
        """State 0x08 under mask 0x4F."""
        return status & _FAULT_MASK == _FAULT

    def fell_out(self, word: int, status: int) -> bool:
        """Switch-on disabled under ENABLE: it has restarted (the echo cannot tell with FC23)."""
        return word == ENABLE and status & _FAULT_MASK == _DISABLED

    def frame(self, words: Words) -> Request:
        """Build the FC23."""
        return self.drive.link.read_write(self.drive.unit, self._block, self._address, words)

    def request(self, now: float) -> Request | None:
        """Write and read, or read."""
        request = super().request(now)
        self._writing = request is not None
        return request or self._read

    def done(self, payload: bytes, sent_ns: int, received_ns: int) -> None:
        """Store what was read; it is the read-back of what was written with it."""
        if self._writing:
            super().done(payload, sent_ns, received_ns)
        self._poll.done(payload, sent_ns, received_ns)

    def failed(self, error: DriverError, sent_ns: int, received_ns: int) -> None:
        """Both halves failed."""
        self._poll.failed(error, sent_ns, received_ns)
        if self._writing:
            super().failed(error, sent_ns, received_ns)

    def after_change(self) -> None:
        """The sequence goes on with the next status word."""
        if self.drive.bus is not None:
            self.drive.bus.soon(self, 0.1)

    def recheck(self) -> Steps:
        """Read only."""
        payload = yield self._read
        self.shown(payload)

    def shown(self, payload: bytes) -> None:
        """Look at each read of the scanner words."""
        status, word, reference = _SHOWN.unpack(payload)
        self.show(word, reference, word == ENABLE, status)


class Atv320(RegisterDevice):
    """One drive."""

    def __init__(self, parts: Parts, link: ModbusLink) -> None:
        super().__init__(parts, link, {"drive": self._shown})
        poll = self.block_polls["drive"]
        self.jobs.remove(poll)  # its turns are those of the outputs
        self._held = Atv320Outputs(self, poll)
        self.outputs.append(self._held)

    def command_steps(self, _point: str, _value: float) -> Steps:
        """Reset a fault: rising edge of bit 7, then 6; the drive does not run after it."""
        reference = self._held.reference_word()
        yield self._held.frame((RESET, reference))
        yield self._held.frame((SHUTDOWN, reference))
        self._held.after_reset((SHUTDOWN, reference))
        self._held.after_change()

    def _shown(self, payload: bytes) -> None:
        self._held.shown(payload)
