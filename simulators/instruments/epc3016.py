"""Eurotherm EPC3016 zone controller, Modbus TCP (hardware sheet 3.1).

Registers are scaled int16 (value times 10^decimals); the same values in full precision stand
at 0x8000 + 2 x address, two registers, high word first: IEEE-754, or int32 milliseconds for
times. The remote set point (277) is the cyclic one: it is volatile and goes stale, whereupon
the local set point SP1, the safe temperature, takes over. The network watchdog takes the
output to zero when nobody has spoken to the instrument for WDTimeout.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from simulators.instruments.endpoint import LineClock
from simulators.instruments.loop_bank import GAIN_PER_K, INTEGRAL_S, LoopBank
from simulators.instruments.modbus_device import ILLEGAL_ADDRESS, ILLEGAL_VALUE
from simulators.instruments.registers import Refused, Registers, signed, tenths
from simulators.instruments.temperature_controller import NEVER, TemperatureController

PV, TARGET_SP, MANUAL_OP, WORKING_OP, WORKING_SP = 1, 2, 3, 4, 5
BAND, INTEGRAL, DERIVATIVE, SP_SELECT, SP1, SP2 = 6, 8, 9, 15, 24, 25
OP_HIGH, RATE_UP, RATE_UNIT = 30, 35, 531
STATUS, SP_HIGH, SP_LOW, MODE, SENSOR_BREAK = 75, 111, 112, 199, 258
MANUAL, REMOTE_SELECT, REMOTE_INPUT, AI_PV, AI_STATUS = 273, 276, 277, 289, 1932
FORCE_STANDBY, EXEC_STATUS = 1085, 1088
WD_TIMEOUT, WD_ACTION, WD_RECOVERY, WD_FLAG = 1169, 1170, 1171, 1172
STORM_ACTIVE, RATE_PROTECTION = 1210, 1211
REMOTE_TIMEOUT, REMOTE_OUTPUT, REMOTE_STATUS = 2308, 2311, 2312
ALARM_THRESHOLDS = (13, 14, 81, 82)
ALARM_HYSTERESIS = (47, 68, 69, 71)
ALARM_STATUS, ALARM_SPACING = 2113, 24
MIRROR = 0x8000

SAFE_C = 20.0
REMOTE_TIMEOUT_S = 3
WATCHDOG_S = 5
RECOVERY_MANUAL, RECOVERY_AUTO = 0, 1
REQUESTS_PER_SECOND = 20  # beyond this the instrument protects itself: 100 ms a request
THROTTLE_S = 0.1
SIZE = 2400
ALARM_OFF = 32767  # threshold no process value passes

# address, decimals, writable, value
_TABLE: tuple[tuple[int, int, bool, int], ...] = (
    *((PV, 1, False, 200), (TARGET_SP, 1, True, 200), (MANUAL_OP, 1, True, 0)),
    *((WORKING_OP, 1, False, 0), (WORKING_SP, 1, False, 200)),
    *((BAND, 1, True, round(10 / GAIN_PER_K)), (7, 0, False, 0)),
    *((INTEGRAL, 0, True, round(INTEGRAL_S)), (DERIVATIVE, 0, True, 0)),
    *((SP_SELECT, 0, True, 0), (SP1, 1, True, 200), (SP2, 1, True, 200)),
    *((OP_HIGH, 1, True, 1000), (31, 1, False, 0), (34, 1, True, 0)),
    *((RATE_UP, 1, True, 0), (RATE_UNIT, 0, True, 1), (22, 0, True, 1), (23, 0, True, 1)),
    *((STATUS, 0, False, 0), (SP_HIGH, 1, True, 0), (SP_LOW, 1, True, 0), (MODE, 0, True, 0)),
    *((SENSOR_BREAK, 0, False, 0), (263, 0, False, 0), (MANUAL, 0, True, 0)),
    *((274, 0, True, 0), (275, 0, False, 0), (REMOTE_SELECT, 0, True, 0)),
    *((REMOTE_INPUT, 1, True, 0), (AI_PV, 1, False, 200), (AI_STATUS, 0, False, 0)),
    *((516, 0, True, 0), (FORCE_STANDBY, 0, True, 0), (EXEC_STATUS, 0, False, 0)),
    *((1072, 0, False, 0), (1073, 0, False, 0), (1086, 0, False, 0), (1087, 0, False, 0)),
    *((WD_TIMEOUT, 0, True, WATCHDOG_S), (WD_ACTION, 0, True, RECOVERY_AUTO)),
    *((WD_RECOVERY, 0, True, 0), (WD_FLAG, 0, True, 0), (1206, 0, True, 1)),
    *((1233, 0, True, 0), (1234, 0, True, 0), (1235, 0, True, 0), (1236, 0, True, 0)),
    *((STORM_ACTIVE, 0, False, 0), (RATE_PROTECTION, 0, False, 0), (1616, 0, False, 1)),
    *((1922, 0, True, 1), (REMOTE_TIMEOUT, 0, True, REMOTE_TIMEOUT_S)),
    *((REMOTE_OUTPUT, 1, False, 0), (REMOTE_STATUS, 0, False, 7)),
    *((address, 1, True, ALARM_OFF) for address in ALARM_THRESHOLDS),
    *((address, 1, True, 10) for address in ALARM_HYSTERESIS),
)
_DECIMALS = {address: decimals for address, decimals, _, _ in _TABLE}
_TIMES = frozenset((INTEGRAL, DERIVATIVE, WD_TIMEOUT, WD_RECOVERY, REMOTE_TIMEOUT))
_BOOLEANS = frozenset(
    (SP_SELECT, MANUAL, REMOTE_SELECT, FORCE_STANDBY, WD_ACTION, WD_FLAG, 274, 1236)
)
_VOLATILE = (REMOTE_INPUT, FORCE_STANDBY, WD_FLAG, MANUAL)
_LOOP = struct.Struct(">hhhhh")
_BAD = 7


class Epc3016(TemperatureController):
    """One zone controller, delivered as commissioned: watchdog 5 s, remote time-out 3 s.

    Args:
        clock: line time.
        bank: all loops.
        index: its loop.
        limits_c: lowest and highest set point, registers 112 and 111.
    """

    __slots__ = ("_alarms", "_count", "_remote_s", "_second", "_watch_s")

    def __init__(
        self, clock: LineClock, bank: LoopBank, index: int, limits_c: tuple[float, float]
    ) -> None:
        super().__init__(clock, Registers(SIZE), (3, 4, 6, 16), bank, index, limits_c)
        for address, _, writable, value in _TABLE:
            self.holding.define(address, value, writable=writable)
        for alarm in range(6):
            base = ALARM_STATUS + ALARM_SPACING * alarm
            self.holding.define(base)
            self.holding.define(base + 12)
            self.holding.define(base + 13, writable=True)
            self.holding.define(base + 14, writable=True)
        self.holding.put(SP_LOW, tenths(limits_c[0]))
        self.holding.put(SP_HIGH, tenths(limits_c[1]))
        self._watch_s = self._remote_s = NEVER
        self._alarms = 0
        self._second = -1
        self._count = 0
        self.reboot()

    def reboot(self) -> None:
        """Power off and on: remote set point and flags are lost, SP1 holds."""
        for address in _VOLATILE:
            self.holding.put(address, 0)
        self.holding.put(REMOTE_STATUS, _BAD)
        self._remote_s = NEVER
        self.bank.set_manual(self.index, None)
        self.bank.integral[self.index] = 0.0
        self._feed_watchdog()
        self._retarget()
        self._limit_output()

    def preset(self, set_point_c: float, duty: float) -> None:
        """Start in balance with the remote set point selected and fresh."""
        self.holding.put(REMOTE_SELECT, 1)
        self.holding.put(REMOTE_INPUT, tenths(set_point_c))
        self._take_remote()
        super().preset(set_point_c, duty)

    # --- time --------------------------------------------------------------------------------

    def addressed(self, _function: int, _who: object, /) -> None:
        """Feed the network watchdog and count requests (rate protection)."""
        self._feed_watchdog()
        if self.holding.get(WD_FLAG) and self.holding.get(WD_ACTION) == RECOVERY_AUTO:
            self.holding.put(WD_FLAG, 0)
            self._limit_output()
        second = int(self.clock.now_s)
        if second != self._second:
            self._second = second
            self._count = 0
        self._count += 1
        hurried = self._count > REQUESTS_PER_SECOND
        if hurried != (self.throttle_s > 0.0):
            self.throttle_s = THROTTLE_S if hurried else 0.0
            self.holding.put(RATE_PROTECTION, int(hurried))

    def expire(self) -> None:
        """Trip the network watchdog, or let the remote set point go stale."""
        now = self.clock.now_s
        if now > self._watch_s:
            self._watch_s = NEVER
            self.holding.put(WD_FLAG, 1)
            self._limit_output()
        if now > self._remote_s:
            self._remote_s = NEVER
            self.holding.put(REMOTE_STATUS, _BAD)
            self._retarget()
        self.deadline_s = min(self._watch_s, self._remote_s)

    def _feed_watchdog(self) -> None:
        timeout = self.holding.get(WD_TIMEOUT)
        self._watch_s = self.clock.now_s + timeout if timeout else NEVER
        self.deadline_s = min(self._watch_s, self._remote_s)

    def _take_remote(self) -> None:
        timeout = self.holding.get(REMOTE_TIMEOUT)
        self._remote_s = self.clock.now_s + timeout if timeout else NEVER
        self.holding.put(REMOTE_STATUS, 0)
        self._retarget()

    # --- loop --------------------------------------------------------------------------------

    def _retarget(self) -> None:
        table = self.holding
        remote = table.get(REMOTE_SELECT) and table.get(REMOTE_STATUS) == 0
        local = SP2 if table.get(SP_SELECT) else SP1
        value = table.signed(REMOTE_INPUT if remote else local)
        table.put(REMOTE_OUTPUT, table.get(REMOTE_INPUT))
        table.put(TARGET_SP, value)
        low, high = table.signed(SP_LOW), table.signed(SP_HIGH)
        self.bank.target[self.index] = min(max(value, low), high) / 10.0

    def _limit_output(self) -> None:
        table = self.holding
        off = table.get(MODE) or table.get(FORCE_STANDBY) or table.get(WD_FLAG)
        table.put(EXEC_STATUS, 1 if off else 0)
        self.bank.high[self.index] = 0.0 if off else min(table.signed(OP_HIGH) / 1000.0, 1.0)

    # --- registers ---------------------------------------------------------------------------

    def refresh(self, address: int, count: int, /) -> None:
        """Registers 1-5 from the loop; beyond them also alarms and the status word."""
        i, bank, table = self.index, self.bank, self.holding
        pv = float(bank.pv[i])
        _LOOP.pack_into(
            table.image,
            2 * PV,
            min(round(pv * 10.0), 13720),
            table.signed(TARGET_SP),
            table.signed(MANUAL_OP),
            round(float(bank.duty[i]) * 1000.0),
            round(float(bank.wsp[i]) * 10.0),
        )
        if address + count > 6:
            self._refresh_status(pv)

    def _refresh_status(self, pv: float) -> None:
        table, broken = self.holding, self.broken()
        self._step_alarms(pv)
        stale = table.get(REMOTE_SELECT) and table.get(REMOTE_STATUS) != 0
        moving = self.bank.wsp[self.index] != self.bank.target[self.index]
        status = self._alarms | (table.get(MANUAL) << 4) | (broken << 5) | (broken << 10)
        status |= (self._alarms != 0) << 12 | (bool(moving) << 13) | (bool(stale) << 14)
        table.put(STATUS, status)
        table.put(SENSOR_BREAK, int(broken))
        table.put(AI_PV, table.get(PV))
        table.put(AI_STATUS, _BAD if broken else 0)

    def _step_alarms(self, pv: float) -> None:
        table = self.holding
        for bit in range(4):
            threshold = table.signed(ALARM_THRESHOLDS[bit]) / 10.0
            active = self._alarms >> bit & 1
            if active:
                threshold -= table.signed(ALARM_HYSTERESIS[bit]) / 10.0
            if active != (pv > threshold):
                self._alarms ^= 1 << bit
                table.put(ALARM_STATUS + ALARM_SPACING * bit, active ^ 1)
                table.put(ALARM_STATUS + ALARM_SPACING * bit + 12, active ^ 1)
        table.put(1072, self._alarms)

    def check(self, address: int, values: Sequence[int]) -> None:
        """Refuse set points beyond 111/112 and values a parameter cannot take (exception 3)."""
        table = self.holding
        low, high = table.signed(SP_LOW), table.signed(SP_HIGH)
        for at, word in enumerate(values, start=address):
            value = signed(word)
            if at in {TARGET_SP, SP1, SP2, REMOTE_INPUT}:
                allowed = low <= value <= high
            elif at in {MANUAL_OP, OP_HIGH, 34}:
                allowed = 0 <= value <= 1000
            elif at == MANUAL:
                allowed = value in {0, 1} and not table.get(EXEC_STATUS)
            elif at in _BOOLEANS:
                allowed = value in {0, 1}
            elif at == MODE:
                allowed = value in {0, 1, 2}
            else:
                allowed = value >= 0 or at in ALARM_THRESHOLDS
            if not allowed:
                raise Refused(ILLEGAL_VALUE)

    def wrote(self, address: int, values: Sequence[int], _who: object, /) -> None:
        """Carry the new values into the loop."""
        if address == REMOTE_INPUT and len(values) == 1:
            self._take_remote()
            return
        table, i = self.holding, self.index
        written = range(address, address + len(values))
        if TARGET_SP in written:
            table.put(SP2 if table.get(SP_SELECT) else SP1, table.get(TARGET_SP))
        if REMOTE_INPUT in written:
            self._take_remote()
        if BAND in written or INTEGRAL in written:
            self.bank.tune(i, table.get(BAND) / 10.0, table.get(INTEGRAL))
        if RATE_UP in written or RATE_UNIT in written:
            per_s = (1.0, 60.0, 3600.0)[min(table.get(RATE_UNIT), 2)]
            self.bank.set_rate(i, table.get(RATE_UP) / 10.0 / per_s)
        if MANUAL in written or MANUAL_OP in written:
            held = table.signed(MANUAL_OP) / 1000.0 if table.get(MANUAL) else None
            self.bank.set_manual(i, held)
        self._retarget()
        self._limit_output()

    # --- full-precision mirror ---------------------------------------------------------------

    def read_words(self, function: int, address: int, count: int, /) -> bytes:
        """Read scaled registers, or pairs of the mirror."""
        if address < MIRROR:
            return super().read_words(function, address, count)
        if address % 2 or count % 2:
            raise Refused(ILLEGAL_ADDRESS)
        first, number = (address - MIRROR) // 2, count // 2
        super().read_words(function, first, number)  # exists, and is fresh
        return b"".join(self._exact(at) for at in range(first, first + number))

    def _exact(self, address: int) -> bytes:
        live = {
            PV: self.bank.pv,
            AI_PV: self.bank.pv,
            WORKING_SP: self.bank.wsp,
            WORKING_OP: self.bank.duty,
        }.get(address)
        if live is not None:
            value = float(live[self.index]) * (100.0 if address == WORKING_OP else 1.0)
            return struct.pack(">f", value)
        raw = self.holding.signed(address)
        if address in _TIMES:
            return struct.pack(">i", raw * 1000)
        return struct.pack(">f", raw / 10 ** _DECIMALS.get(address, 0))

    def write_words(self, address: int, values: Sequence[int], who: object) -> None:
        """Write scaled registers, or one whole pair of the mirror."""
        if address < MIRROR:
            super().write_words(address, values, who)
            return
        if address % 2 or len(values) != 2:
            raise Refused(ILLEGAL_ADDRESS)
        at, pair = (address - MIRROR) // 2, struct.pack(">HH", *values)
        if at in _TIMES:
            raw = struct.unpack(">i", pair)[0] // 1000
        else:
            value = struct.unpack(">f", pair)[0] * 10 ** _DECIMALS.get(at, 0)
            raw = round(value) if -32768 <= value <= 32767 else None
        if raw is None or not -32768 <= raw <= 32767:
            raise Refused(ILLEGAL_VALUE)
        super().write_words(at, (raw & 0xFFFF,), who)
