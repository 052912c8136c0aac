"""What all simulated drives share: a motor on a ramp and a communication time-out."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.instruments.endpoint import LineClock
from simulators.instruments.modbus_device import ModbusDevice
from simulators.instruments.registers import Registers

NEVER = float("inf")
TICK_S = 0.1
COAST_FACTOR = 4.0  # a coasting machine of this line stops faster than its gentle ramps


class Drive(ModbusDevice):
    """A drive: its state machine sets ``target``, every tick the speed follows on the ramp.

    Args:
        clock: line time.
        holding: registers.
        functions: Modbus function codes.
        max_read: most registers in one read.
        ramp: change of speed a second, speed units.

    Attributes:
        speed: actual speed, in the drive's own unit (see the family).
        target: speed the ramp heads for.
        step_up: change of speed a tick.
        deadline_s: line time of the communication time-out.
        trip_code: code of the fault it stands on; 0 is none.
    """

    __slots__ = ("_shown", "deadline_s", "speed", "step_up", "target", "trip_code")

    def __init__(
        self,
        clock: LineClock,
        holding: Registers,
        functions: Sequence[int],
        max_read: int,
        ramp: float,
    ) -> None:
        super().__init__(clock, holding, functions=functions, max_read=max_read)
        self._shown = 0.0
        self.speed = 0.0
        self.target = 0.0
        self.step_up = ramp * TICK_S
        self.deadline_s = NEVER
        self.trip_code = 0

    def step(self) -> bool:
        """Advance one tick; tell whether the speed differs from the last tick's."""
        if self.clock.now_s > self.deadline_s:
            self.deadline_s = NEVER
            self.communication_lost()
        gap = self.target - self.speed
        if gap != 0.0:
            self._move(gap)
        changed = self.speed != self._shown
        self._shown = self.speed
        return changed

    def _move(self, gap: float) -> None:
        limit = self.step_up
        if self.coasting():
            limit *= COAST_FACTOR
        if gap > limit:
            self.speed += limit
        elif gap < -limit:
            self.speed -= limit
        else:
            self.speed = self.target
            self.arrived()

    def coasting(self) -> bool:
        """Tell whether the output stage is off."""
        return False

    def arrived(self) -> None:
        """Act on the speed having reached its target."""

    def communication_lost(self) -> None:
        """Act on the time-out of the master."""

    def trip(self, code: int) -> None:
        """Fault with a code of the family: the output goes off."""

    def reboot(self) -> None:
        """Power off and on: the motor is taken to have stopped."""
