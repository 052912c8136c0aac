"""Commands as the simulated devices hold them: what arrived over the wire, not what it did yet."""

from __future__ import annotations

from simulators.instruments import atv320
from simulators.instruments.atv320 import Atv320
from simulators.instruments.ek9000 import OUTPUTS, Ek9000
from simulators.instruments.line_up import LineUp
from simulators.instruments.reglo_icc import RegloIcc
from simulators.twin.actuators import ZONES
from simulators.twin.parameters import EXHAUST_COUNT

# Digital outputs of coupler A in the order of its terminals.
MAIN, DIVERTER, TANK, HEADS, PUMP_SUPPLY, DAMPERS = 13, 14, 15, 16, 18, 22
COUPLER, DOPE_PUMP, COAT_PUMP = "IO-A", "PUMP", "REGLO"
RUN_BITS = atv320.SWITCH_ON | atv320.VOLTAGE | atv320.QUICK_STOP | atv320.ENABLE


class Commands:
    """Reads pump, coating and contactor commands from the devices' registers.

    Args:
        line_up: the instruments.

    Raises:
        TypeError: the line has not the devices the judge knows.
    """

    def __init__(self, line_up: LineUp) -> None:
        coupler = line_up.instruments[COUPLER]
        dope, coat = line_up.instruments[DOPE_PUMP], line_up.instruments[COAT_PUMP]
        if not (
            isinstance(coupler, Ek9000) and isinstance(dope, Atv320) and isinstance(coat, RegloIcc)
        ):
            raise TypeError("the judge knows coupler, dope pump and coating pump of this line only")
        self._coupler, self._dope, self._coat = coupler, dope, coat

    def heard(self) -> bool:
        """Whether the devices that take these commands hear anything."""
        devices = (self._coupler, self._dope, self._coat)
        return not any(device.faults.silent for device in devices)

    def bits(self) -> int:
        """Digital outputs of the coupler as received."""
        low, high = self._coupler.holding.get(OUTPUTS), self._coupler.holding.get(OUTPUTS + 1)
        return high << 16 | low

    def dope_on(self, bits: int) -> bool:
        """Pump told to run while the diverter is told to lead to the die."""
        held = self._dope.holding
        word = held.get(atv320.CMD)
        runs = word & RUN_BITS == RUN_BITS and not word & atv320.HALT
        return runs and held.get(atv320.LFRD) != 0 and bool(bits >> DIVERTER & 1)

    def coat_on(self, bits: int) -> bool:
        """A coating channel runs while its head is at the web."""
        if not self._coat.powered:
            return False
        return any(
            self._coat.channels[k].running and bits >> (HEADS + k) & 1 and bits >> PUMP_SUPPLY & 1
            for k in (0, 1)
        )

    def unsafe(self, zones: int, *, coat: bool) -> str:
        """Say what is still commanded on; empty when all that must be off is.

        Args:
            zones: bit mask of the zones whose heaters must be off.
            coat: coating must be off as well.
        """
        bits = self.bits()
        if self.dope_on(bits):
            return "dope pump runs to the die"
        if coat and self.coat_on(bits):
            return "coating pump runs"
        on = bits & zones if bits >> MAIN & 1 else 0
        if on:
            names = [ZONES[zone] for zone in range(EXHAUST_COUNT) if on >> zone & 1]
            return f"contactors closed: {', '.join(names)}"
        return ""
