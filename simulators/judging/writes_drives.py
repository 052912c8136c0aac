"""Watches of the drives and of the devices that speak text: motion, exhaust fans, pumps, gauges."""

from __future__ import annotations

import re

from config.models import Instrument
from simulators.instruments import acs380, atv320, optris_ct
from simulators.instruments.acs380 import Acs380
from simulators.instruments.atv320 import Atv320
from simulators.instruments.confocal2400 import Confocal2400
from simulators.instruments.optris_ct import OptrisCt
from simulators.instruments.reglo_icc import RegloIcc
from simulators.judging.writes import Allowed, Scene, SetPoint, check_allowed

# ready, run, reset, coast stop, emergency stop (hardware sheet 3.3)
ACS380: Allowed = {
    acs380.CW: (0x047E, 0x047F, 0x04FE, 0x047D, 0x047B),
    acs380.REF1: None,
}
_CMD = (0x00, 0x06, 0x07, 0x0F, 0x80)
ATV320: Allowed = {
    atv320.OUT_VALUES: _CMD,
    atv320.OUT_VALUES + 1: None,
    atv320.CMD: _CMD,
    atv320.LFRD: None,
}
OFF_SHARE = 0.05  # an exhaust fan below this share of full speed moves nothing

REGLO_SETTINGS = re.compile(r"1~1|1xE0|[12]M|[12]f\d{4}[+-]\d|[12][HI]")
REGLO_READS = re.compile(r"\d(f|v|S|xT|xP|E|xD|xM|xe|~|xE|x!|xA|#|\?|!)")
SCANNER_SETTINGS = frozenset(
    {"LOGIN 000", "OUTPUT NONE", "OUTPUT ETHERNET", "MEASRATE 0.1", "OUTREDUCE 10"}
)
SCANNER_READS = frozenset(
    {"GETINFO", "GETTEMP", "SENSORINFO", "OUTPUT", "MEASRATE", "OUTREDUCE", "PRINT ALL"}
)


class WebDriveWatch:
    """An ACS380 of the web."""

    def __init__(self, scene: Scene, instrument: Instrument, device: Acs380) -> None:
        self._scene, self._name, self._device = scene, instrument.name, device
        self._limits = SetPoint(scene, instrument, "sp", 0.0, 1.0 / acs380.FULL_COUNTS)
        self._last = b""
        self._running = device.state is acs380.State.OPERATING
        device.observer = self._wrote

    def look(self) -> None:
        """Judge the reference where it stands."""
        self._limits.judge(self._value())

    def _value(self) -> float:
        counts = self._device.holding.signed(acs380.REF1)
        return counts / acs380.FULL_COUNTS * self._limits.full_scale

    def _wrote(self, pdu: bytes) -> None:
        running = self._device.state is acs380.State.OPERATING
        if pdu == self._last and running == self._running:
            return
        self._last = pdu
        check_allowed(self._scene, self._name, ACS380, pdu)
        self._limits.judge(self._value())
        before, self._running = self._running, running
        self._moved(before, running)

    def _moved(self, before: bool, running: bool) -> None:
        if running and not before:
            self._scene.energized(self._name, "drive started")


class FanWatch(WebDriveWatch):
    """An ACS380 of an exhaust fan: running is its safe state, so that only stopping counts."""

    def __init__(self, scene: Scene, instrument: Instrument, device: Acs380) -> None:
        super().__init__(scene, instrument, device)
        self._up = self._running and self._blows()

    def _blows(self) -> bool:
        return self._value() >= OFF_SHARE * self._limits.full_scale

    def _moved(self, before: bool, running: bool) -> None:
        _ = before
        device = self._device
        if device.state is acs380.State.FAULT or device.holding.get(acs380.CW) & acs380.RESET:
            self._up = False  # it went off by itself
        elif running and self._blows():
            self._up = True
            self._scene.exhaust_on(self._name)
        elif self._up and (device.speed > 0.0 or running):
            self._up = False
            self._scene.exhaust_off(self._name, "exhaust fan commanded off")


class GearedDriveWatch:
    """An ATV320: dope pump or coater roll."""

    def __init__(self, scene: Scene, instrument: Instrument, device: Atv320) -> None:
        self._scene, self._name, self._device = scene, instrument.name, device
        self._limits = SetPoint(scene, instrument, "sp", 0.0, 1.0)
        self._last = b""
        self._running = device.state is atv320.State.ENABLED
        self._reference = self._value()
        device.observer = self._wrote

    def look(self) -> None:
        """Judge the reference where it stands."""
        self._limits.judge(self._value())

    def _value(self) -> float:
        return self._device.holding.signed(atv320.LFRD) * self._limits.full_scale

    def _wrote(self, pdu: bytes) -> None:
        running = self._device.state is atv320.State.ENABLED
        if pdu == self._last and running == self._running:
            return
        self._last = pdu
        check_allowed(self._scene, self._name, ATV320, pdu)
        value = self._value()
        self._limits.judge(value)
        if running and not self._running:
            self._scene.energized(self._name, "drive started")
        elif running and value > self._reference:
            self._scene.energized(self._name, "speed raised")
        self._running, self._reference = running, value


class CoatingPumpWatch:
    """The Reglo ICC."""

    def __init__(self, scene: Scene, instrument: Instrument, device: RegloIcc) -> None:
        self._scene, self._name, self._device = scene, instrument.name, device
        self._limits = [SetPoint(scene, instrument, f"ch{n}.sp", 0.0, 0.001) for n in (1, 2)]
        device.observer = self._asked

    def look(self) -> None:
        """Judge both set flows where they stand."""
        for limits, channel in zip(self._limits, self._device.channels, strict=False):
            limits.judge(channel.flow)

    def _asked(self, line: str) -> None:
        if REGLO_READS.fullmatch(line):
            return
        if not REGLO_SETTINGS.fullmatch(line):
            self._scene.stray(self._name, f"command {line!r}")
        self.look()
        if line[1:] == "H":
            self._scene.energized(self._name, f"channel {line[0]} started")


class ScannerWatch:
    """The confocal controller: settings only."""

    def __init__(self, scene: Scene, name: str, device: Confocal2400) -> None:
        self._scene, self._name = scene, name
        device.observer = self._asked

    def look(self) -> None:
        """It has no set point."""

    def _asked(self, line: str) -> None:
        command = " ".join(line.split())
        if command not in SCANNER_SETTINGS and command not in SCANNER_READS:
            self._scene.stray(self._name, f"command {command!r}")


class PyrometerWatch:
    """A pyrometer: nothing is ever set."""

    def __init__(self, scene: Scene, name: str, device: OptrisCt) -> None:
        self._scene, self._name = scene, name
        device.observer = self._set

    def look(self) -> None:
        """It has no set point."""

    def _set(self, command: bytes) -> None:
        known = command[0] in {optris_ct.SET_EMISSIVITY, optris_ct.SET_TRANSMISSION}
        what = "emissivity or transmission" if known else f"command 0x{command[0]:02X}"
        self._scene.stray(self._name, what)
