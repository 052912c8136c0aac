"""ABB ACS380 drive on Modbus RTU, ABB Drives profile (hardware sheet 3.3).

Speeds are in the tag's unit (m/min, or % of full speed for fans); 20000 counts are full
scale. Contract of the control word: bit 10 must be 1 or only OFF1-3 act; leaving switch-on
inhibited needs OFF1 = 0 first; a fault is reset by the rising edge of bit 7.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import Enum

from simulators.instruments.drive import NEVER, Drive
from simulators.instruments.endpoint import LineClock
from simulators.instruments.modbus_device import ILLEGAL_ADDRESS, ILLEGAL_VALUE
from simulators.instruments.registers import Refused, Registers, signed

CW, REF1, REF2, SW, ACT1, ACT2, DATA_7 = range(7)

# control word
OFF1, OFF2, OFF3, RUN, RAMP_OUT, RAMP_HOLD, RAMP_IN, RESET, REMOTE = (
    *(1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7),
    1 << 10,
)
ALWAYS_HEARD = OFF1 | OFF2 | OFF3

# status word
READY_ON, READY_RUN, ENABLED, TRIPPED, OFF2_INACTIVE, OFF3_INACTIVE, INHIBITED, WARNING = (
    *(1 << 0, 1 << 1, 1 << 2, 1 << 3),
    *(1 << 4, 1 << 5, 1 << 6, 1 << 7),
)
AT_SET_POINT, SW_REMOTE, RUN_ENABLE = 1 << 8, 1 << 9, 1 << 12

COMM_LOSS, WARNING_COMM_LOSS = 0x6681, 0xA7CE  # shown in hexadecimal by the drive
FULL_COUNTS = 20000
BOOT_BLANKING_S = 30.0
MAX_REGISTERS = 32
NOMINAL_RPM = 1500  # 46.01

ACTION_NONE, ACTION_FAULT, ACTION_LAST, ACTION_SAFE, ACTION_ALWAYS, ACTION_WARN = range(6)
ANY_MESSAGE, CONTROL_WRITES = 1, 2


def parameter(group: int, index: int) -> int:
    """Return the address of the 16-bit parameter group.index."""
    return 100 * group + index - 1


TRIP_CODE, WARNING_CODE = parameter(4, 1), parameter(4, 6)
SAFE_SPEED, SPEED_SCALE = parameter(22, 41), parameter(46, 1)
LOSS_ACTION, LOSS_MODE, LOSS_TIME = parameter(58, 14), parameter(58, 15), parameter(58, 16)
_PARAMETERS = {
    parameter(58, 1): 1,
    parameter(58, 3): 1,
    parameter(58, 4): 3,
    parameter(58, 5): 2,
    parameter(58, 6): 0,
    LOSS_ACTION: ACTION_SAFE,
    LOSS_MODE: CONTROL_WRITES,
    LOSS_TIME: 20,
    parameter(58, 25): 0,
    parameter(58, 33): 0,
    parameter(58, 34): 1,
    SPEED_SCALE: NOMINAL_RPM,
    parameter(46, 2): 500,
    SAFE_SPEED: 0,
    parameter(28, 41): 0,
    **{parameter(58, 101 + n): code for n, code in enumerate((1, 2, 3, 4, 5, 6, 41))},
}
WIDE = 20000  # 32-bit parameters, low word first
_PROCESS = struct.Struct(">HHHHhhH")


class State(Enum):
    """States of the ABB Drives profile; ``target`` is non-zero only in OPERATING."""

    INHIBITED = "switch-on inhibited"
    READY_ON = "ready to switch on"
    READY_OPERATE = "ready to operate"
    OPERATING = "operation enabled"
    OFF1 = "OFF1 active"
    OFF3 = "OFF3 active"
    FAULT = "fault"


_STATE_BITS = {
    State.INHIBITED: INHIBITED,
    State.READY_ON: READY_ON,
    State.READY_OPERATE: READY_ON | READY_RUN,
    State.OPERATING: READY_ON | READY_RUN | ENABLED,
    State.OFF1: READY_ON,
    State.OFF3: 0,
    State.FAULT: TRIPPED,
}


class Acs380(Drive):
    """One drive, commissioned: on loss of the master for 2 s it goes on at the safe speed.

    Args:
        clock: line time.
        full_scale: speed at 100 % reference, tag unit.
        ramp: tag units a second.
        safe_speed: speed on communication loss while running (22.41), tag unit.
    """

    __slots__ = ("_held", "_lost", "_safe", "_word", "full_scale", "state")

    def __init__(self, clock: LineClock, full_scale: float, ramp: float, safe_speed: float) -> None:
        super().__init__(clock, Registers(10000), (3, 4, 6, 16, 23), MAX_REGISTERS, ramp)
        self.full_scale = full_scale
        for address, value in _PARAMETERS.items():
            self.holding.define(address, value, writable=True)
        for address in (TRIP_CODE, WARNING_CODE, parameter(7, 5), *range(89, 95)):
            self.holding.define(address)
        for address in range(CW, DATA_7 + 8):
            self.holding.define(address, writable=address <= REF2)
        rpm = round(safe_speed / full_scale * NOMINAL_RPM)
        self.holding.put(SAFE_SPEED, rpm)
        self.holding.put(parameter(28, 41), rpm)
        self.state = State.INHIBITED
        self._word = 0
        self._held = 0
        self._lost = False
        self.reboot()

    def reboot(self) -> None:
        """Power off and on: switch-on inhibited, words zero, 30 s before time-outs count."""
        self.state = State.INHIBITED
        self._word = 0
        self._held = 0
        self.speed = self.target = 0.0
        self._lost = False
        self.trip_code = 0
        self.holding.put_all(CW, (0, 0, 0))
        self.holding.put(WARNING_CODE, 0)
        self.deadline_s = self.clock.now_s + BOOT_BLANKING_S

    def preset(self, speed: float) -> None:
        """Start running at ``speed`` (a line that is already in motion)."""
        self.holding.put(CW, 0x047F)
        self.holding.put(REF1, round(speed / self.full_scale * FULL_COUNTS))
        self._word, self.state = 0x047F, State.OPERATING
        self.speed = speed
        self._follow()

    # --- state machine -----------------------------------------------------------------------

    def command(self, word: int) -> None:
        """Take a control word; without bit 10 only OFF1-3 of it count."""
        if not word & REMOTE:
            word = (word & ALWAYS_HEARD) | (self._word & ~ALWAYS_HEARD)
        reset = word & RESET and not self._word & RESET
        self._word = word
        if self.state is State.FAULT:
            if not reset:
                return
            self.trip_code = 0
            self.holding.put(TRIP_CODE, 0)
            self.state = State.INHIBITED
        elif not word & OFF2:
            self.state = State.INHIBITED
        elif not word & OFF3:
            self.state = State.OFF3 if self.speed else State.INHIBITED
        else:
            self._advance(word)
        self._follow()

    def _advance(self, word: int) -> None:
        off1 = not word & OFF1
        if self.state in {State.INHIBITED, State.OFF3}:
            if off1 and not (self.state is State.OFF3 and self.speed):
                self.state = State.READY_ON
        elif off1:
            running = self.state in {State.OPERATING, State.OFF1} and self.speed
            self.state = State.OFF1 if running else State.READY_ON
        else:
            self.state = State.OPERATING if word & RUN else State.READY_OPERATE

    def _follow(self) -> None:
        """Set the ramp's target from state and control word."""
        if self.state is not State.OPERATING:
            self.target = 0.0
            return
        word = self._word
        if not word & RAMP_OUT:
            self.speed = self.target = 0.0
        elif not word & RAMP_HOLD:
            self.target = self.speed
        elif not word & RAMP_IN:
            self.target = 0.0
        elif self._lost:
            rpm = self.holding.signed(SAFE_SPEED)
            self.target = rpm / max(self.holding.get(SPEED_SCALE), 1) * self.full_scale
        else:
            counts = min(max(signed(self.holding.get(REF1)), 0), FULL_COUNTS)
            self.target = counts / FULL_COUNTS * self.full_scale

    def arrived(self) -> None:
        """OFF1 ends ready to switch on, OFF3 in switch-on inhibited."""
        if self.state is State.OFF1 and self.speed == 0.0:
            self.state = State.READY_ON
        elif self.state is State.OFF3 and self.speed == 0.0:
            self.state = State.INHIBITED

    def coasting(self) -> bool:
        """OFF2, a fault and a removed RUN switch the output stage off."""
        return self.state in {State.INHIBITED, State.FAULT, State.READY_OPERATE}

    def trip(self, code: int) -> None:
        """Fault: coast to stop until reset."""
        self.state = State.FAULT
        self.trip_code = code
        self.target = 0.0
        self.holding.put(TRIP_CODE, code)

    def communication_lost(self) -> None:
        """Act as 58.14 says: fault, keep the last speed, or go on at the safe speed."""
        action = self.holding.get(LOSS_ACTION)
        if action in {ACTION_FAULT, ACTION_ALWAYS}:
            if self.state is State.OPERATING or action == ACTION_ALWAYS:
                self.trip(COMM_LOSS)
        elif action != ACTION_NONE:
            self._lost = action == ACTION_SAFE
            self.holding.put(WARNING_CODE, WARNING_COMM_LOSS)
            self._follow()

    def addressed(self, _function: int, _who: object, /) -> None:
        """Any message keeps the master alive if 58.15 says so."""
        if self.holding.get(LOSS_MODE) == ANY_MESSAGE:
            self._master_alive()

    def _master_alive(self) -> None:
        time_s = self.holding.get(LOSS_TIME) / 10.0
        self.deadline_s = self.clock.now_s + time_s if time_s else NEVER
        if self.holding.get(WARNING_CODE):
            self._lost = False
            self.holding.put(WARNING_CODE, 0)

    # --- registers ---------------------------------------------------------------------------

    def status(self) -> int:
        """Return the status word."""
        word, status = self._word, _STATE_BITS[self.state] | SW_REMOTE | RUN_ENABLE
        if word & OFF2 or self.state is not State.INHIBITED:
            status |= OFF2_INACTIVE
        if word & OFF3 or self.state is not State.INHIBITED:
            status |= OFF3_INACTIVE
        if self.state is State.OFF3:
            status &= ~OFF3_INACTIVE
        if self.state is State.OPERATING and self.speed == self.target:
            status |= AT_SET_POINT
        if self.holding.get(WARNING_CODE):
            status |= WARNING
        return status

    def refresh(self, address: int, _count: int, /) -> None:
        """Bring status, actual values and the trip code (data word 7) up to date."""
        if address > DATA_7:
            return
        table, fraction = self.holding, self.speed / self.full_scale
        image = table.image
        _PROCESS.pack_into(
            image,
            0,
            (image[0] << 8) | image[1],
            (image[2] << 8) | image[3],
            (image[4] << 8) | image[5],
            self.status(),
            round(fraction * FULL_COUNTS),
            round(fraction * FULL_COUNTS / 2),
            self.trip_code,
        )

    def check(self, address: int, values: Sequence[int]) -> None:
        """Refuse settings a parameter cannot take (exception 3)."""
        for at, value in enumerate(values, start=address):
            if (at == LOSS_ACTION and value > ACTION_WARN) or (at == LOSS_MODE and value > 2):
                raise Refused(ILLEGAL_VALUE)

    def write_words(self, address: int, values: Sequence[int], who: object) -> None:
        """Write registers; more than the drive takes at once is exception 3."""
        if len(values) > MAX_REGISTERS:
            raise Refused(ILLEGAL_VALUE)
        super().write_words(address, values, who)

    def wrote(self, address: int, values: Sequence[int], _who: object, /) -> None:
        """A write of control word or reference moves the drive and shows the master alive."""
        if address > REF2:
            return
        self._master_alive()
        if not self.holding.get(CW) & REMOTE and address + len(values) > REF1:
            self.holding.put(REF1, self._held)
        self._held = self.holding.get(REF1)
        self.command(self.holding.get(CW))

    def read_words(self, function: int, address: int, count: int, /) -> bytes:
        """Read 16-bit registers, or 32-bit parameters at 20000 + 200 g + 2 i - 1."""
        if address < WIDE:
            return super().read_words(function, address, count)
        if count % 2 or not (address - WIDE) % 2:
            raise Refused(ILLEGAL_ADDRESS)
        words = []
        for at in range(address, address + count, 2):
            narrow = (at - WIDE - 1) // 2
            if not self.holding.holds(narrow, 1):
                raise Refused(ILLEGAL_ADDRESS)
            words.append(struct.pack(">HH", self.holding.get(narrow), 0))
        return b"".join(words)
