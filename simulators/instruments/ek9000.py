"""Beckhoff EK9000 bus coupler with its terminals, Modbus TCP (hardware sheet 3.12).

Inputs from 0x0000 (FC4 words, FC2 bits of the digital terminals), outputs from 0x0800 (FC3,
6, 16, 23 words; coils from 0 by FC1, 5, 15): analog words first, then digital bits packed 16
a word. The first write arms the output watchdog; only the first writer may write and only it
keeps the watchdog fed. When the watchdog runs out the outputs fall back to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulators.instruments.endpoint import LineClock
from simulators.instruments.modbus_device import (
    DEVICE_FAILURE,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_COILS,
    ModbusDevice,
)
from simulators.instruments.registers import WORDS, Refused, Registers
from simulators.instruments.terminals import InputImage

OUTPUTS = 0x0800
COUPLER_ID, LENGTH_AO, LENGTH_AI, LENGTH_DO, LENGTH_DI = 0x1000, 0x1010, 0x1011, 0x1012, 0x1013
WD_CURRENT, FALLBACKS, CONNECTIONS, EBUS_OK = 0x1020, 0x1021, 0x1022, 0x1040
WD_TIME, WD_RESET, WD_TYPE, FALLBACK, WRITE_LOCK, EBUS_STATE = (
    *(0x1120, 0x1121, 0x1122, 0x1123),
    *(0x1124, 0x1140),
)
WRITE_TELEGRAM, ANY_TELEGRAM, WD_OFF = 0, 1, 2
ZERO, FREEZE, STOP_EBUS = 0, 1, 2
FACTORY = {WD_TIME: 1000, WD_TYPE: ANY_TELEGRAM, FALLBACK: ZERO, WRITE_LOCK: 1}
COMMISSIONED = {WD_TIME: 1500, WD_TYPE: WRITE_TELEGRAM, FALLBACK: ZERO, WRITE_LOCK: 1}
NEVER = float("inf")
SIZE = 0x1141

OutputSink = Callable[[Sequence[int], int], None]


class Ek9000(ModbusDevice):
    """One coupler.

    Args:
        clock: line time.
        inputs: the input terminals.
        analog_outputs: number of analog output channels.
        digital_outputs: number of digital output channels.
        sink: called with (analog words, digital bits) whenever the outputs change.

    Attributes:
        owner: connection that holds the write lock, None while nobody has written.
        deadline_s: line time at which the watchdog runs out.
    """

    __slots__ = ("_ao", "_bits", "_do", "_inputs", "_sink", "deadline_s", "owner")

    def __init__(
        self,
        clock: LineClock,
        inputs: InputImage,
        analog_outputs: int,
        digital_outputs: int,
        sink: OutputSink,
    ) -> None:
        super().__init__(clock, Registers(SIZE), functions=(1, 2, 3, 4, 5, 6, 8, 15, 16, 23))
        self._inputs = inputs
        self._ao = analog_outputs
        self._bits = digital_outputs
        self._do = (digital_outputs + 15) // 16
        self._sink = sink
        self.owner: object = None
        self.deadline_s = NEVER
        table = self.holding
        for n in range(self._ao + self._do):
            table.define(OUTPUTS + n, writable=True)
        for n, char in enumerate((0x454B, 0x3930, 0x3030)):  # "EK9000"
            table.define(COUPLER_ID + n, char)
        table.define(LENGTH_AO, 16 * self._ao)
        table.define(LENGTH_AI, 16 * inputs.analog_words)
        table.define(LENGTH_DO, digital_outputs)
        table.define(LENGTH_DI, inputs.digital)
        for address in (WD_CURRENT, FALLBACKS, CONNECTIONS):
            table.define(address)
        table.define(EBUS_OK, 1)
        for address, value in COMMISSIONED.items():
            table.define(address, value, writable=True)
        table.define(WD_RESET, writable=True)
        table.define(EBUS_STATE, 1, writable=True)

    def factory(self) -> None:
        """Return the settings to those of a new coupler (any telegram feeds the watchdog)."""
        for address, value in FACTORY.items():
            self.holding.put(address, value)

    def reboot(self) -> None:
        """Power off and on: outputs zero, watchdog unarmed, lock free, counters zero."""
        self.owner = None
        self.deadline_s = NEVER
        self.holding.put(FALLBACKS, 0)
        self.set_outputs([0] * (self._ao + self._do))

    def set_outputs(self, words: Sequence[int]) -> None:
        """Set all output words and drive the terminals."""
        if words:
            self.holding.put_all(OUTPUTS, words)
            self._drive()

    def preset_digital(self, words: Sequence[int]) -> None:
        """Start with digital outputs already standing, without driving the terminals."""
        self.holding.put_all(OUTPUTS + self._ao, words)

    # --- watchdog and lock -------------------------------------------------------------------

    def expire(self) -> None:
        """The watchdog ran out: outputs to zero unless they are to freeze."""
        self.deadline_s = NEVER
        table = self.holding
        table.put(FALLBACKS, table.get(FALLBACKS) + 1)
        fallback = table.get(FALLBACK)
        if fallback == STOP_EBUS:
            table.put(EBUS_OK, 0)
        if fallback != FREEZE:
            self.set_outputs([0] * (self._ao + self._do))

    def addressed(self, _function: int, who: object, /) -> None:
        """Any telegram of the owner feeds an armed watchdog of that type."""
        armed = self.deadline_s != NEVER
        if armed and who is self.owner and self.holding.get(WD_TYPE) == ANY_TELEGRAM:
            self._feed()

    def opened(self, _who: object, /) -> None:
        """Count connections."""
        self.holding.put(CONNECTIONS, self.holding.get(CONNECTIONS) + 1)

    def closed(self, who: object, /) -> None:
        """The lock falls with the connection of its owner; an armed watchdog stays armed."""
        self.holding.put(CONNECTIONS, self.holding.get(CONNECTIONS) - 1)
        if who is self.owner:
            self.owner = None

    def _feed(self) -> None:
        time_ms = self.holding.get(WD_TIME)
        off = self.holding.get(WD_TYPE) == WD_OFF or time_ms == 0
        self.deadline_s = NEVER if off else self.clock.now_s + time_ms / 1000.0

    def _claim(self, who: object) -> None:
        if self.owner is None:
            self.owner = who
        if who is not self.owner and self.holding.get(WRITE_LOCK):
            raise Refused(DEVICE_FAILURE)

    # --- registers ---------------------------------------------------------------------------

    def read_words(self, function: int, address: int, count: int, /) -> bytes:
        """FC4 reads the inputs; the others read outputs and coupler registers."""
        if function != 4:
            return super().read_words(function, address, count)
        if address + count > self._inputs.words:
            raise Refused(ILLEGAL_ADDRESS)
        image = self._inputs.sample(self.clock.now_s, stuck=self.faults.stuck)
        return bytes(image[2 * address : 2 * (address + count)])

    def refresh(self, address: int, _count: int, /) -> None:
        """Bring the watchdog's remaining time up to date."""
        if address >= COUPLER_ID and self.deadline_s != NEVER:
            left_ms = (self.deadline_s - self.clock.now_s) * 1000.0
            self.holding.put(WD_CURRENT, max(round(left_ms), 0))

    def check(self, address: int, values: Sequence[int]) -> None:
        """Refuse settings out of range (exception 3)."""
        limits = {WD_TIME: 60_000, WD_TYPE: 2, FALLBACK: 2, WRITE_LOCK: 1}
        for at, value in enumerate(values, start=address):
            if value > limits.get(at, 0xFFFF):
                raise Refused(ILLEGAL_VALUE)

    def write_words(self, address: int, values: Sequence[int], who: object) -> None:
        """Write outputs or settings; only the owner of the lock may."""
        table = self.holding
        if not table.writable(address, len(values)):
            raise Refused(ILLEGAL_ADDRESS)
        self._claim(who)
        if address < COUPLER_ID:
            span = slice(2 * address, 2 * (address + len(values)))
            new = WORDS[len(values)].pack(*values)
            changed = new != table.image[span]
            table.image[span] = new
            if who is self.owner:
                self._feed()
            if changed:
                self._drive()
            return
        self.check(address, values)
        table.put_all(address, values)

    def read_bit_field(self, function: int, address: int, count: int, /) -> int:
        """Coils are the digital outputs, discrete inputs the digital inputs."""
        if function == READ_COILS:
            if address + count > self._bits:
                raise Refused(ILLEGAL_ADDRESS)
            return self._digital() >> address
        if address + count > self._inputs.digital:
            raise Refused(ILLEGAL_ADDRESS)
        return self._inputs.bits() >> address

    def write_bit_field(self, address: int, count: int, bits: int, who: object, /) -> None:
        """Write digital outputs one by one."""
        if address + count > self._bits:
            raise Refused(ILLEGAL_ADDRESS)
        mask = (1 << count) - 1
        value = (self._digital() & ~(mask << address)) | ((bits & mask) << address)
        words = [(value >> (16 * n)) & 0xFFFF for n in range(self._do)]
        self.write_words(OUTPUTS + self._ao, words, who)

    def _words(self) -> tuple[int, ...]:
        count = self._ao + self._do
        return WORDS[count].unpack_from(self.holding.image, 2 * OUTPUTS)

    def _digital(self) -> int:
        value = 0
        for word in reversed(self._words()[self._ao :]):
            value = value << 16 | word
        return value

    def _drive(self) -> None:
        self._sink(self._words()[: self._ao], self._digital())
