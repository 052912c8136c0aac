"""What the simulated devices were told, tag by tag: the bytes in their registers, decoded anew.

A second reading of the hardware sheets for the outputs that trips write. It looks at what has
arrived over the wire, neither at the controller's requests nor at what the machine did yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from config.models import Instrument, Line, TagSpec
from simulators.instruments import acs380, atv320, e5cc, epc3016
from simulators.instruments.acs380 import Acs380
from simulators.instruments.atv320 import Atv320
from simulators.instruments.e5cc import E5cc
from simulators.instruments.ek9000 import OUTPUTS, Ek9000
from simulators.instruments.epc3016 import Epc3016
from simulators.instruments.line_up import LineUp
from simulators.instruments.reglo_icc import RegloIcc

_ACS_RUN = acs380.OFF1 | acs380.OFF2 | acs380.OFF3 | acs380.RUN | acs380.REMOTE
_ATV_RUN = atv320.SWITCH_ON | atv320.VOLTAGE | atv320.QUICK_STOP | atv320.ENABLE
_SAME = 1e-3  # of an output's unit: below one count of any device

Read = Callable[[], float]


class WireOutputs:
    """Values of output tags as their devices received them.

    Args:
        line: instruments and tags.
        line_up: the simulated devices.

    Raises:
        ValueError: a device of a kind it cannot read.
    """

    def __init__(self, line: Line, line_up: LineUp) -> None:
        self._devices = line_up.instruments
        self._owner: dict[str, str] = {}
        self._read: dict[str, Read] = {}
        for instrument in line.instrument:
            for tag in instrument.tags:
                if tag.write is not None and not tag.write.one_shot:
                    self._owner[tag.name] = instrument.name
                    self._read[tag.name] = self._reader(instrument, tag)

    def value(self, tag: str) -> float:
        """What the device holds for an output, in the tag's unit."""
        return self._read[tag]()

    def heard(self, tag: str) -> bool:
        """Whether the device of an output hears anything at all."""
        return not self._devices[self._owner[tag]].faults.silent

    def differing(self, safe: Mapping[str, float]) -> list[str]:
        """Outputs that are not told their safe value; those nobody can tell anything are left out.

        A pump without supply forgets what it was told, and is safe.
        """
        return [
            tag
            for tag, value in safe.items()
            if self.heard(tag) and abs(self.value(tag) - value) > _SAME * max(1.0, abs(value))
        ]

    def _reader(self, instrument: Instrument, tag: TagSpec) -> Read:
        device = self._devices[instrument.name]
        read = _unread(tag.name)
        match device:
            case Ek9000() if tag.point.startswith("do:"):
                read = _bit(device, int(tag.point.removeprefix("do:")))
            case Acs380():
                read = _acs(device, tag.point)
            case Atv320():
                read = _atv(device, tag.point)
            case RegloIcc():
                read = _reglo(device, tag.point)
            case Epc3016():
                read = _tenths(device, epc3016.REMOTE_INPUT)
            case E5cc():
                read = _tenths(device, e5cc.SP)
        return read


def _bit(device: Ek9000, number: int) -> Read:
    word, bit = divmod(number, 16)
    return lambda: float(device.holding.get(OUTPUTS + word) >> bit & 1)


def _acs(device: Acs380, point: str) -> Read:
    if point == "run":
        return lambda: float(device.holding.get(acs380.CW) & _ACS_RUN == _ACS_RUN)
    scale = device.full_scale / acs380.FULL_COUNTS
    return lambda: device.holding.signed(acs380.REF1) * scale


def _atv(device: Atv320, point: str) -> Read:
    if point == "run":

        def running() -> float:
            word = device.holding.get(atv320.CMD)
            return float(word & _ATV_RUN == _ATV_RUN and not word & atv320.HALT)

        return running
    return lambda: float(device.holding.signed(atv320.LFRD))  # rpm; only its zero is compared


def _reglo(device: RegloIcc, point: str) -> Read:
    channel, what = int(point[2]) - 1, point[4:]
    if what == "run":
        return lambda: float(device.powered and device.channels[channel].running)
    return lambda: device.channels[channel].flow if device.powered else 0.0


def _tenths(device: Epc3016 | E5cc, address: int) -> Read:
    return lambda: device.holding.signed(address) / 10.0


def _unread(name: str) -> Read:
    def fail() -> float:
        raise ValueError(f"no reading of {name} is known here")

    return fail
