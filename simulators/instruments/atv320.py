"""Schneider ATV320 drive on Modbus RTU, CiA402-like profile (hardware sheet 3.4).

Speeds are motor rpm. CMD 6, 7, 15 starts it, 7 stops on the ramp, the rising edge of bit 7
resets a fault. The communication scanner answers one FC23: addresses to copy stand at 12701
(inputs) and 12721 (outputs), the copied values at 12741 and 12761. Nothing heard for ttO:
fault 5, the motor freewheels.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from simulators.instruments.drive import NEVER, Drive
from simulators.instruments.endpoint import LineClock
from simulators.instruments.modbus_device import ILLEGAL_ADDRESS, ILLEGAL_VALUE
from simulators.instruments.registers import Refused, Registers, signed

ETA, RFR, LCR, THD, LFT = 3201, 3202, 3204, 3209, 7121
CMD, LFR, LFRD, RFRD, ERRD = 8501, 8502, 8602, 8604, 8606
ACC, DEC, TIME_OUT = 9001, 9002, 6005
_MOTOR = {3102: 40, 3103: 600, 3104: 500, 3105: 0}  # limits of frequency in 0.1 Hz
IN_ADDRESSES, OUT_ADDRESSES, IN_VALUES, OUT_VALUES, SCANNED = 12701, 12721, 12741, 12761, 8
IN_FACTORY, OUT_FACTORY = (ETA, RFRD, LFT, CMD, LFRD), (CMD, LFRD)

SWITCH_ON, VOLTAGE, QUICK_STOP, ENABLE, RESET, HALT = (1 << bit for bit in (0, 1, 2, 3, 7, 8))
MAINS, REMOTE, REACHED, LIMITED = (1 << bit for bit in (4, 9, 10, 11))

MODBUS_LOSS = 5
TIME_OUT_TENTHS = 20
NOMINAL_RPM, NOMINAL_HZ = 1500, 50.0
HIGHEST_RPM = 3000
MAX_READ = 63


class State(Enum):
    """CiA402 states; the value is ETA without the bits of mains, remote and target."""

    SWITCH_ON_DISABLED = 0x40
    READY = 0x21
    SWITCHED_ON = 0x23
    ENABLED = 0x27
    QUICK_STOP = 0x07
    FAULT = 0x08


class Atv320(Drive):
    """One drive, commissioned: ttO 2 s, freewheel.

    Args:
        clock: line time.
        acc_s: time from standstill to 1500 rpm.
    """

    __slots__ = ("_word", "state")

    def __init__(self, clock: LineClock, acc_s: float = 3.0) -> None:
        super().__init__(clock, Registers(12800), (3, 6, 16, 23), MAX_READ, NOMINAL_RPM / acc_s)
        table = self.holding
        for address in (ETA, RFR, LCR, THD, LFT, RFRD, ERRD, 3203):
            table.define(address)
        for address in (CMD, LFR, LFRD, *range(6001, 6006)):
            table.define(address, writable=True)
        for address in (ACC, DEC):
            table.define(address, round(acc_s * 10.0), writable=True)
        for address, value in _MOTOR.items():
            table.define(address, value)
        table.put(TIME_OUT, TIME_OUT_TENTHS)
        for n in range(SCANNED):
            source = IN_FACTORY[n] if n < len(IN_FACTORY) else 0
            sink = OUT_FACTORY[n] if n < len(OUT_FACTORY) else 0
            table.define(IN_ADDRESSES + n, source, writable=True)
            table.define(OUT_ADDRESSES + n, sink, writable=True)
            table.define(IN_VALUES + n)
            table.define(OUT_VALUES + n, writable=True)
        self.state = State.SWITCH_ON_DISABLED
        self._word = 0
        self.reboot()

    def reboot(self) -> None:
        """Power off and on: switch-on disabled, no reference; ttO runs from the first message."""
        self.state = State.SWITCH_ON_DISABLED
        self._word = 0
        self.speed = self.target = 0.0
        self.trip_code = 0
        self.deadline_s = NEVER
        for address in (CMD, LFR, LFRD, LFT, ERRD):
            self.holding.put(address, 0)

    def preset(self, rpm: float) -> None:
        """Start running at ``rpm`` (a line that is already in motion)."""
        self._word, self.state = 0x0F, State.ENABLED
        self.holding.put(CMD, self._word)
        self.holding.put(LFRD, round(rpm))
        self.speed = rpm
        self.target = float(round(rpm))

    # --- state machine -----------------------------------------------------------------------

    def command(self, word: int) -> None:
        """Take a control word."""
        reset = word & RESET and not self._word & RESET
        self._word = word
        if self.state is State.FAULT:
            if reset:
                self.trip_code = 0
                self.holding.put(LFT, 0)
                self.holding.put(ERRD, 0)
                self.state = State.SWITCH_ON_DISABLED
        elif not word & VOLTAGE:
            self.state = State.SWITCH_ON_DISABLED
        elif not word & QUICK_STOP:
            running = self.state in {State.ENABLED, State.QUICK_STOP} and self.speed
            self.state = State.QUICK_STOP if running else State.SWITCH_ON_DISABLED
        else:
            self._advance(word)
        self._follow()

    def _advance(self, word: int) -> None:
        if self.state is State.SWITCH_ON_DISABLED:
            if not word & SWITCH_ON:
                self.state = State.READY
        elif self.state is State.QUICK_STOP:
            return
        elif not word & SWITCH_ON:
            self.state = State.READY
        else:
            self.state = State.ENABLED if word & ENABLE else State.SWITCHED_ON

    def _follow(self) -> None:
        if self.state is State.ENABLED and not self._word & HALT:
            rpm = signed(self.holding.get(LFRD))
            self.target = float(min(max(rpm, -HIGHEST_RPM), HIGHEST_RPM))
        else:
            self.target = 0.0

    def arrived(self) -> None:
        """A quick stop ends in switch-on disabled."""
        if self.state is State.QUICK_STOP:
            self.state = State.SWITCH_ON_DISABLED

    def coasting(self) -> bool:
        """Without output voltage the motor freewheels."""
        return self.state in {State.SWITCH_ON_DISABLED, State.READY, State.FAULT}

    def trip(self, code: int) -> None:
        """Fault: freewheel until reset."""
        self.state = State.FAULT
        self.trip_code = code
        self.target = 0.0
        self.holding.put(LFT, code)
        self.holding.put(ERRD, code)

    def communication_lost(self) -> None:
        """Time-out ttO: fault 5."""
        if self.state is not State.FAULT:
            self.trip(MODBUS_LOSS)

    def addressed(self, _function: int, _who: object, /) -> None:
        """Any message to this drive restarts the time-out."""
        tenths = self.holding.get(TIME_OUT)
        self.deadline_s = self.clock.now_s + tenths / 10.0 if tenths else NEVER

    # --- registers ---------------------------------------------------------------------------

    def status(self) -> int:
        """Return the status word ETA."""
        status = self.state.value | MAINS | REMOTE
        return status | REACHED if self.speed == self.target else status

    def refresh(self, address: int, _count: int, /) -> None:
        """Bring monitor words and the scanner's input values up to date."""
        table = self.holding
        table.put(ETA, self.status())
        table.put(RFRD, round(self.speed))
        if address < IN_ADDRESSES:
            table.put(RFR, round(self.speed / NOMINAL_RPM * NOMINAL_HZ * 10.0))
            table.put(LCR, 12 if self.state is State.ENABLED else 0)
            table.put(THD, 40)
            return
        for n in range(SCANNED):
            source = table.get(IN_ADDRESSES + n)
            table.put(IN_VALUES + n, table.get(source) if source else 0)

    def check(self, address: int, values: Sequence[int]) -> None:
        """Refuse scanner addresses that do not exist (2) and ramps out of range (3)."""
        table = self.holding
        for at, value in enumerate(values, start=address):
            if IN_ADDRESSES <= at < IN_ADDRESSES + SCANNED and not table.holds(value, 1):
                raise Refused(ILLEGAL_ADDRESS if value else ILLEGAL_VALUE)
            if OUT_ADDRESSES <= at < OUT_ADDRESSES + SCANNED and not table.writable(value, 1):
                raise Refused(ILLEGAL_ADDRESS if value else ILLEGAL_VALUE)
            if at in {ACC, DEC} and not 0 < value <= 9999:
                raise Refused(ILLEGAL_VALUE)
            if at == TIME_OUT and not 1 <= value <= 300:
                raise Refused(ILLEGAL_VALUE)

    def wrote(self, address: int, values: Sequence[int], _who: object, /) -> None:
        """Scatter scanner outputs to their addresses, then act on command and reference."""
        table = self.holding
        if OUT_VALUES <= address < OUT_VALUES + SCANNED:
            for at, value in enumerate(values, start=address - OUT_VALUES):
                sink = table.get(OUT_ADDRESSES + at)
                if sink:
                    table.put(sink, value)
        elif address in {ACC, DEC}:
            self.step_up = NOMINAL_RPM / (table.get(ACC) / 10.0) * 0.1
            return
        elif LFR in range(address, address + len(values)):
            hertz = signed(table.get(LFR)) / 10.0
            table.put(LFRD, round(hertz / NOMINAL_HZ * NOMINAL_RPM))
        self.command(table.get(CMD))
