"""Omron E5CC temperature controller, Modbus RTU, two-byte mode (hardware sheet 3.2).

Numbers are integers with the point left out (one decimal here, monitor 0x2410). Commands are
written to address 0 as code x 256 + data. After power-up writing by communication is off and
the write mode is backup (every write wears the memory); RAM mode keeps set points volatile.
It has no communication watchdog: the zone contactor is the guard.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from simulators.instruments.endpoint import LineClock
from simulators.instruments.loop_bank import GAIN_PER_K, INTEGRAL_S, LoopBank
from simulators.instruments.modbus_device import DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_VALUE
from simulators.instruments.registers import Refused, Registers, signed, tenths
from simulators.instruments.temperature_controller import TemperatureController

COMMAND = 0x0000
PV, STATUS_LOW, INTERNAL_SP, HEATER_CURRENT, MV = 0x2000, 0x2001, 0x2002, 0x2003, 0x2004
SP, STATUS, DECIMAL_POINT = 0x2103, 0x2406, 0x2410
BAND, INTEGRAL, DERIVATIVE, INPUT_TYPE = 0x2A00, 0x2A01, 0x2A02, 0x2C00

# operation commands, high byte of the word written to address 0
COMMS_WRITE, RUN_STOP, MULTI_SP, AUTOTUNE, WRITE_MODE = 0x00, 0x01, 0x02, 0x03, 0x04
SAVE, SOFT_RESET, AUTO_MANUAL, PARAMETER_INIT, CANCEL = 0x05, 0x06, 0x09, 0x0B, 0x0C

# status bits
INPUT_ERROR, CONTROL_OUTPUT, ALARM_1 = 1 << 6, 1 << 8, 1 << 12
RAM_MODE, RAM_DIFFERS, TUNING, STOPPED = 1 << 20, 1 << 21, 1 << 23, 1 << 24
WRITING_ON, IN_MANUAL = 1 << 25, 1 << 26

SAFE_C = 20.0
TYPE_K_TENTHS = 6  # input type K, -20.0 to 500.0 degC
READING_LIMITS = (-200, 5500)
SIZE = 0x2C01
_BLOCK = struct.Struct(">hHhhh")


class E5cc(TemperatureController):
    """One controller on the RTU bus.

    Args:
        clock: line time.
        bank: all loops.
        index: its loop.
        limits_c: lowest and highest set point.
        current_a: returns the heater current, A.

    Attributes:
        saved: set point in non-volatile memory, 0.1 degC.
        wear: writes to non-volatile memory since made.
        lost: True after a parameter initialization: it speaks CompoWay/F and no Modbus.
    """

    __slots__ = ("_current_a", "_flags", "lost", "saved", "wear")

    def __init__(
        self,
        clock: LineClock,
        bank: LoopBank,
        index: int,
        limits_c: tuple[float, float],
        current_a: Callable[[], float],
    ) -> None:
        super().__init__(clock, Registers(SIZE), (3, 6, 16), bank, index, limits_c)
        table = self.holding
        table.define(COMMAND, writable=True)
        for address in (*range(PV, 0x2006), *range(STATUS, STATUS + 4), DECIMAL_POINT):
            table.define(address)
        for address in (SP, *range(0x2104, 0x210A), BAND, INTEGRAL, DERIVATIVE, INPUT_TYPE):
            table.define(address, writable=True)
        table.put(DECIMAL_POINT, 1)
        table.put(BAND, round(10.0 / GAIN_PER_K))
        table.put(INTEGRAL, round(INTEGRAL_S))
        table.put(INPUT_TYPE, TYPE_K_TENTHS)
        table.put(0x2105, tenths(limits_c[1] + 25.0))
        self._current_a = current_a
        self.saved = tenths(SAFE_C)
        self.wear = 0
        self.lost = False
        self._flags = 0
        self.reboot()

    def reboot(self) -> None:
        """Power off and on: saved set point, writing off, backup mode, running, automatic."""
        self._flags = 0
        self.holding.put(SP, self.saved)
        self.bank.set_manual(self.index, None)
        self.bank.integral[self.index] = 0.0
        self._apply()

    def preset(self, set_point_c: float, duty: float) -> None:
        """Start in balance at a set point that is only in RAM."""
        self._flags |= RAM_MODE | WRITING_ON
        self.holding.put(SP, tenths(set_point_c))
        self._apply()
        super().preset(set_point_c, duty)

    def answer(self, pdu: bytes, who: object) -> bytes:
        """Answer a request; nothing at all once the protocol is CompoWay/F."""
        return b"" if self.lost else super().answer(pdu, who)

    # --- registers ---------------------------------------------------------------------------

    def refresh(self, address: int, _count: int, /) -> None:
        """Bring monitor values and status up to date."""
        i, bank = self.index, self.bank
        low, high = READING_LIMITS
        status = self.status()
        _BLOCK.pack_into(
            self.holding.image,
            2 * PV,
            min(max(round(float(bank.pv[i]) * 10.0), low), high),
            status & 0xFFFF,
            round(float(bank.wsp[i]) * 10.0),
            round(self._current_a() * 10.0),
            round(float(bank.duty[i]) * 1000.0),
        )
        if address > MV:
            for word in range(4):
                self.holding.put(STATUS + word, status >> (16 * word))

    def status(self) -> int:
        """Return the 64-bit status, bits as in hardware sheet 3.2."""
        pv, duty = self.pv_c(), float(self.bank.duty[self.index])
        status = self._flags | (INPUT_ERROR if self.broken() else 0)
        if duty > 0.0:
            status |= CONTROL_OUTPUT
        if pv > self.holding.signed(0x2105) / 10.0:
            status |= ALARM_1
        if self.holding.signed(SP) != self.saved:
            status |= RAM_DIFFERS
        return status

    def check(self, address: int, values: Sequence[int]) -> None:
        """Refuse writes while writing is off (exception 4) and set points out of range (3)."""
        if address == COMMAND:
            if len(values) != 1:
                raise Refused(ILLEGAL_ADDRESS)
            self._check_command(values[0] >> 8, values[0] & 0xFF)
            return
        if not self._flags & WRITING_ON:
            raise Refused(DEVICE_FAILURE)
        low, high = tenths(self.limits_c[0]), tenths(self.limits_c[1])
        for at, word in enumerate(values, start=address):
            if at == SP and not low <= signed(word) <= high:
                raise Refused(ILLEGAL_VALUE)
            if at in {BAND, INTEGRAL} and not 0 <= word <= 9999:
                raise Refused(ILLEGAL_VALUE)

    def _check_command(self, code: int, data: int) -> None:
        largest = {
            COMMS_WRITE: 1,
            RUN_STOP: 1,
            MULTI_SP: 7,
            AUTOTUNE: 2,
            WRITE_MODE: 1,
            SAVE: 0,
            SOFT_RESET: 0,
            AUTO_MANUAL: 1,
            PARAMETER_INIT: 0,
            CANCEL: 15,
        }.get(code)
        if largest is None or data > largest:
            raise Refused(ILLEGAL_VALUE)
        if code != COMMS_WRITE and not self._flags & WRITING_ON:
            raise Refused(DEVICE_FAILURE)

    def wrote(self, address: int, values: Sequence[int], _who: object, /) -> None:
        """Carry out a command or take over parameters."""
        if address == COMMAND:
            self.holding.put(COMMAND, 0)
            self._command(values[0] >> 8, values[0] & 0xFF)
            return
        if not self._flags & RAM_MODE:
            self._save()
        written = range(address, address + len(values))
        if BAND in written or INTEGRAL in written:
            table = self.holding
            self.bank.tune(self.index, table.get(BAND) / 10.0, table.get(INTEGRAL))
        self._apply()

    def _command(self, code: int, data: int) -> None:
        flag = {
            COMMS_WRITE: WRITING_ON,
            RUN_STOP: STOPPED,
            AUTOTUNE: TUNING,
            WRITE_MODE: RAM_MODE,
            AUTO_MANUAL: IN_MANUAL,
        }.get(code)
        if flag is not None:
            self._flags = self._flags | flag if data else self._flags & ~flag
        if code == SAVE or (code == WRITE_MODE and data == 0):
            self._save()
        if code == SOFT_RESET:
            self.reboot()
        self.lost = self.lost or code == PARAMETER_INIT
        if code == AUTO_MANUAL:
            duty = float(self.bank.duty[self.index])
            self.bank.set_manual(self.index, duty if data else None)
        self._apply()

    def _save(self) -> None:
        self.saved = self.holding.signed(SP)
        self.wear += 1

    def _apply(self) -> None:
        self.bank.target[self.index] = self.holding.signed(SP) / 10.0
        self.bank.high[self.index] = 0.0 if self._flags & STOPPED else 1.0
