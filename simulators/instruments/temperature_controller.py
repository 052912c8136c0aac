"""What the two families of temperature controllers share: their loop and its limits."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.instruments.endpoint import LineClock
from simulators.instruments.loop_bank import BURNT_OUT_C, LoopBank
from simulators.instruments.modbus_device import ModbusDevice
from simulators.instruments.registers import Registers

NEVER = float("inf")


class TemperatureController(ModbusDevice):
    """A controller around one loop.

    Args:
        clock: line time.
        holding: register table.
        functions: function codes.
        bank: all loops of the line.
        index: its loop.
        limits_c: lowest and highest set point.

    Attributes:
        deadline_s: line time of the next thing to happen by itself (``expire``).
    """

    __slots__ = ("bank", "deadline_s", "index", "limits_c")

    def __init__(
        self,
        clock: LineClock,
        holding: Registers,
        functions: Sequence[int],
        bank: LoopBank,
        index: int,
        limits_c: tuple[float, float],
    ) -> None:
        super().__init__(clock, holding, functions=functions)
        self.bank = bank
        self.index = index
        self.limits_c = limits_c
        self.deadline_s = NEVER

    def pv_c(self) -> float:
        """Process value of the last sample, degC."""
        return float(self.bank.pv[self.index])

    def broken(self) -> bool:
        """Tell whether the sensor is open or short: no type K reading of this line."""
        return not -50.0 < self.pv_c() < BURNT_OUT_C

    def expire(self) -> None:
        """Act on a deadline that has passed."""

    def preset(self, set_point_c: float, duty: float) -> None:
        """Start in balance at ``set_point_c`` with ``duty`` (a line that is already hot)."""
        self.bank.preset(self.index, set_point_c, duty)

    def reboot(self) -> None:
        """Power off and on: volatile settings are lost."""
