"""Pilz PNOZmulti 2 with its safety program, Modbus TCP (hardware sheet 3.11).

Virtual inputs i0-i127 are written by the host: coils 0-127, registers 0-7. Virtual outputs
o0-o127 are read: discrete inputs 8192-8319, registers 512-519. Terminals of the base unit
stand from 16384 and 1024. Register 255 is the host's watchdog: bits 10-8 its time, bit 15 the
trigger, which counts only together with a time. When it runs out all virtual inputs go to 0.

What the program decides is in ``safety_program``. No virtual input can release anything by
itself: i0 and the counter i8-i15 only tell that the host is alive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulators.instruments.endpoint import LineClock
from simulators.instruments.modbus_device import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_COILS,
    ModbusDevice,
)
from simulators.instruments.registers import WORDS, Refused, Registers
from simulators.instruments.safety_program import HOST_SILENT_S, Safety, SafetyProgram

INPUTS, CONTROL, OUTPUTS, TERMINALS = 0, 255, 512, 1024
WORD_COUNT = 8  # 128 bits
OUTPUT_COILS, TERMINAL_COILS, CONTROL_COILS = 8192, 16384, 4080
TRIGGER, LOG = 1 << 15, 1 << 14
TIMES_S = (0.0, 0.1, 0.2, 0.5, 1.0, 3.0, 5.0, 10.0)
NEVER = float("inf")
_COUNTER, _BYTE, _BITS = 8, 0xFF, 128

Contacts = Callable[[], int]
Release = Callable[[Safety], None]


class PnozMulti(ModbusDevice):
    """One safety controller.

    Args:
        clock: line time.
        contacts: its input terminals as a bit mask, see ``safety_program``.
        release: called each tick with what the program lets the plant do.

    Attributes:
        program: the safety program.
        deadline_s: line time at which the host's watchdog runs out.
        patience: the host's time-outs are this many times as long. On real ports at k times the
            speed it is k: they guard against a computer, whose pauses are wall seconds.
    """

    __slots__ = ("_contacts", "_release", "_shown", "deadline_s", "patience", "program")

    def __init__(self, clock: LineClock, contacts: Contacts, release: Release) -> None:
        super().__init__(clock, Registers(OUTPUTS), functions=(1, 2, 3, 4, 5, 6, 15, 16, 23))
        self._contacts = contacts
        self._release = release
        self.program = SafetyProgram()
        self.deadline_s = NEVER
        self.patience = 1.0
        self._shown = 0
        for address in range(INPUTS, INPUTS + WORD_COUNT):
            self.holding.define(address, writable=True)
        self.holding.define(CONTROL, writable=True)

    def reboot(self) -> None:
        """Power off and on: virtual inputs 0, watchdog off, everything held off until proven."""
        self.deadline_s = NEVER
        self.holding.put(CONTROL, 0)
        self._forget_inputs()
        self.program = SafetyProgram()
        self._shown = 0

    def preset(self) -> None:
        """Start on a line that already runs, its host alive."""
        self.holding.put(INPUTS, 1)
        self.program.preset()

    def step(self) -> None:
        """One cycle of the safety program."""
        word = self.holding.get(INPUTS)
        safety = self.program.step(
            self.clock.now_s,
            self._contacts(),
            alive=bool(word & 1),
            counter=word >> _COUNTER & _BYTE,
            silent_s=HOST_SILENT_S * self.patience,
        )
        if not self.faults.stuck:
            self._shown = self.program.outputs
        self._release(safety)

    def expire(self) -> None:
        """The host's watchdog ran out: all virtual inputs go to 0."""
        self.deadline_s = NEVER
        self._forget_inputs()

    def _forget_inputs(self) -> None:
        self.holding.put_all(INPUTS, (0,) * WORD_COUNT)

    # --- registers ---------------------------------------------------------------------------

    def check(self, address: int, values: Sequence[int]) -> None:
        """Refuse bits of the control register that mean nothing (exception 3)."""
        for at, value in enumerate(values, start=address):
            if at == CONTROL and value & ~(TRIGGER | LOG | 0x0700):
                raise Refused(ILLEGAL_VALUE)

    def wrote(self, address: int, values: Sequence[int], _who: object, /) -> None:
        """A time with the trigger starts the watchdog anew; a time alone changes nothing."""
        if not address <= CONTROL < address + len(values):
            return
        value = self.holding.get(CONTROL)
        time_s = TIMES_S[value >> 8 & 7]
        if not time_s:
            self.deadline_s = NEVER
        elif value & TRIGGER:
            self.deadline_s = self.clock.now_s + time_s * self.patience
        self.holding.put(CONTROL, value & ~TRIGGER)

    def read_words(self, function: int, address: int, count: int, /) -> bytes:
        """Read virtual inputs, control register, virtual outputs or terminals."""
        for first, bits in ((OUTPUTS, self._shown), (TERMINALS, self._contacts())):
            if first <= address and address + count <= first + WORD_COUNT:
                words = [bits >> (16 * n) & 0xFFFF for n in range(address - first, WORD_COUNT)]
                return bytes(WORDS[count].pack(*words[:count]))
        return super().read_words(function, address, count)

    def read_bit_field(self, function: int, address: int, count: int, /) -> int:
        """Coils are virtual inputs; discrete inputs also outputs and terminals."""
        places = [(0, self._inputs()), (CONTROL_COILS, self.holding.get(CONTROL))]
        if function != READ_COILS:
            places += [
                (OUTPUT_COILS, self._shown),
                (TERMINAL_COILS, self._contacts()),
            ]
        for first, bits in places:
            size = 16 if first == CONTROL_COILS else _BITS
            if first <= address and address + count <= first + size:
                return bits >> (address - first)
        raise Refused(ILLEGAL_ADDRESS)

    def write_bit_field(self, address: int, count: int, bits: int, who: object, /) -> None:
        """Write virtual inputs one by one."""
        if address + count > _BITS:
            raise Refused(ILLEGAL_ADDRESS)
        mask = (1 << count) - 1
        value = (self._inputs() & ~(mask << address)) | ((bits & mask) << address)
        words = [value >> (16 * n) & 0xFFFF for n in range(WORD_COUNT)]
        self.write_words(INPUTS, words, who)

    def _inputs(self) -> int:
        words = WORDS[WORD_COUNT].unpack_from(self.holding.image, 2 * INPUTS)
        return sum(word << (16 * n) for n, word in enumerate(words))
