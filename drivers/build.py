"""Buses and drivers of a line from its file and the device profiles; the door for writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from config.models import Bus as BusSpec
from config.models import Instrument, Line
from drivers.ascii_line import RegloLink
from drivers.base import Clock, Image, LinkObserver, WriteOutcome, WriteResult
from drivers.binary_line import OptrisLink
from drivers.bus import Bus, BusTiming
from drivers.confocal import ConfocalLink
from drivers.device import Device
from drivers.instruments.acs380 import Acs380
from drivers.instruments.atv320 import Atv320
from drivers.instruments.confocal2400 import Confocal2400
from drivers.instruments.e5cc import E5cc
from drivers.instruments.ek9000 import Ek9000
from drivers.instruments.epc3016 import Epc3016
from drivers.instruments.optris_ct import OptrisCt
from drivers.instruments.pnozmulti import PnozMulti
from drivers.instruments.reglo_icc import RegloIcc
from drivers.link import Link
from drivers.modbus import ModbusLink, ModbusRtuLink, ModbusTcpLink
from drivers.parts import Parts, RegisterDevice
from drivers.profile import Profile, ProfileError
from drivers.transport import TransportFactory
from drivers.writes import LIFE_S, Command, WriteQueue

_LINKS: Mapping[str, Callable[[], Link]] = {
    "modbus_tcp": ModbusTcpLink,
    "modbus_rtu": ModbusRtuLink,
    "ascii": RegloLink,
    "optris": OptrisLink,
    "confocal": ConfocalLink,
}
_MODBUS = {
    "epc3016": Epc3016,
    "e5cc": E5cc,
    "acs380": Acs380,
    "atv320": Atv320,
    "ek9000": Ek9000,
    "pnozmulti": PnozMulti,
}
_LONGEST_REPLY = {"modbus_rtu": 256, "ascii": 80, "optris": 16}  # characters
_BITS = 11  # a character with start, parity and stop, as the pacing rule counts


def no_jitter() -> float:
    """Middle of the jitter range: waits are as stated."""
    return 0.5


def timing_of(bus: BusSpec) -> BusTiming:
    """Deadline, gap and drain of a bus (hardware sheet 2.1, 4.4).

    The gap on RTU is at least 3.5 characters, 1.75 ms above 19 200 bit/s. The drain is the
    longest turn-round plus the longest reply at the bus's speed.
    """
    gap_s, drain_s = bus.gap_ms / 1000.0, bus.reply_ms / 1000.0
    if bus.baud is not None:
        if bus.kind == "modbus_rtu":
            gap_s = max(gap_s, 3.5 * _BITS / bus.baud if bus.baud <= 19200 else 0.00175)
        drain_s += _LONGEST_REPLY.get(bus.kind, 256) * _BITS / bus.baud
    return BusTiming(bus.timeout_ms / 1000.0, gap_s, drain_s)


def build_driver(parts: Parts, link: Link) -> Device:
    """Build the driver of one instrument; raises ProfileError for an unfit family or bus."""
    family = parts.instrument.family
    if isinstance(link, ModbusLink) and family in _MODBUS:
        return _MODBUS[family](parts, link)
    if isinstance(link, RegloLink) and family == "reglo_icc":
        return RegloIcc(parts, link)
    if isinstance(link, OptrisLink) and family == "optris_ct":
        return OptrisCt(parts, link)
    if isinstance(link, ConfocalLink) and family == "confocal2400":
        return Confocal2400(parts, link)
    name = parts.instrument.name
    raise ProfileError(f"{name}: no driver for family {family!r} on bus {parts.instrument.bus}")


def build_buses(
    line: Line,
    profiles: Mapping[str, Profile],
    image: Image,
    observer: LinkObserver,
    clock: Clock,
    transport_factory: TransportFactory,
    jitter: Callable[[], float] = no_jitter,
) -> list[Bus]:
    """Build every bus of the line with its drivers, in the order of the file.

    Args:
        line: the line file.
        profiles: family name to profile, see ``profile.load_profiles``.
        image: process image; every block is attached here, before any polling.
        observer: hears of states of buses and devices, and of the fate of each write.
        clock: for stamps.
        transport_factory: ``(bus, stream) -> Transport``.
        jitter: gives 0..1 for reconnect waits; the default gives none.
    """
    return [
        _build_bus(
            spec,
            [i for i in line.instrument if i.bus == spec.name],
            lambda i: Parts(i, _profile(profiles, i), image, clock, observer, jitter),
            transport_factory,
        )
        for spec in line.bus
    ]


def _profile(profiles: Mapping[str, Profile], instrument: Instrument) -> Profile:
    if instrument.family not in profiles:
        raise ProfileError(f"{instrument.name}: no device profile {instrument.family!r}")
    return profiles[instrument.family]


def _build_bus(
    spec: BusSpec,
    instruments: Sequence[Instrument],
    parts_of: Callable[[Instrument], Parts],
    transport_factory: TransportFactory,
) -> Bus:
    link = _LINKS[spec.kind]()
    parts = [parts_of(instrument) for instrument in instruments]
    if not parts:
        raise ProfileError(f"bus {spec.name} has no instrument")
    stream = transport_factory(spec, True) if spec.kind == "confocal" else None
    bus = Bus(
        spec.name,
        link,
        transport_factory(spec, False),
        timing_of(spec),
        parts[0].clock,
        parts[0].observer,
        parts[0].jitter,
        stream,
    )
    for one in parts:
        device = build_driver(one, link)
        bus.add(device)
        if stream is not None and isinstance(device, Confocal2400):
            stream.on_data = device.stream.on_data
    return bus


class Outputs:
    """The door for writes: finds the driver of a tag (drivers.base.OutputPort).

    Args:
        line: the line file.
        buses: as built by ``build_buses``.
        observer: told of writes to tags no driver takes.
        clock: for stamps.
    """

    def __init__(
        self, line: Line, buses: Sequence[Bus], observer: LinkObserver, clock: Clock
    ) -> None:
        self._observer, self._clock = observer, clock
        self.devices = {device.name: device for bus in buses for device in bus.devices}
        self._beating = [one for one in self.devices.values() if isinstance(one, PnozMulti)]
        self._targets: dict[str, tuple[WriteQueue, str]] = {}
        self._commands: dict[str, tuple[Device, str]] = {}
        for instrument in line.instrument:
            device = self.devices[instrument.name]
            for tag in instrument.tags:
                if tag.write is not None and tag.write.one_shot:
                    if type(device).command_steps is Device.command_steps:
                        raise ProfileError(f"{tag.name}: its family takes no commands")
                    self._commands[tag.name] = (device, tag.point)
        for device in self.devices.values():
            for output in device.outputs:
                for point, spec in output.points.items():
                    self._targets[spec.tag] = (output, point)

    def put(self, tag: str, value: float) -> None:
        """Set-point: latest per tag wins until written; its fate goes to the observer."""
        if tag not in self._targets:
            self._refuse(tag, value, "no driver takes set-points for it")
            return
        output, point = self._targets[tag]
        bus = output.device.bus
        output.put(point, float(value), bus.now() if bus is not None else 0.0)

    def command(self, tag: str, value: float) -> None:
        """One-shot: written once, in order, within 2 s; its fate goes to the observer."""
        if tag not in self._commands:
            self._refuse(tag, value, "no driver takes commands for it")
            return
        device, point = self._commands[tag]
        bus = device.bus
        if bus is None or not math.isfinite(value) or value != 1.0:
            self._refuse(tag, value, "a one-shot takes the value 1")
            return

        def report(outcome: WriteOutcome, reason: str) -> None:
            result = WriteResult(tag, value, outcome, reason, self._clock.utc_ns())
            self._observer.write_ended(result)

        steps = device.command_steps
        bus.command(Command(device, lambda: steps(point, value), report, bus.now() + LIFE_S))

    def beat(self, count: int) -> None:
        """A complete interlock scan has given a new count: safety controllers are told of it."""
        for device in self._beating:
            device.beat(count)

    def with_settings(self) -> list[RegisterDevice]:
        """Devices that keep the line safe by settings of their own."""
        return [
            one
            for one in self.devices.values()
            if isinstance(one, RegisterDevice) and one.parts.profile.setup
        ]

    def rearm(self, instrument: str) -> None:
        """A person looked at a device whose outputs were shed: set it up and write again."""
        device = self.devices[instrument]
        for output in device.outputs:
            output.rearm()
        device.require_setup()

    def instrument_of(self, tag: str) -> str:
        """Name of the instrument that takes writes to a tag; KeyError if there is none."""
        if tag in self._targets:
            return self._targets[tag][0].device.name
        return self._commands[tag][0].name

    def shed(self) -> dict[str, str]:
        """Instruments that need a person, with the reason."""
        found = {}
        for name, device in self.devices.items():
            for output in device.outputs:
                if output.shed:
                    found[name] = output.shed
        return found

    def _refuse(self, tag: str, value: float, reason: str) -> None:
        now_ns = self._clock.utc_ns()
        self._observer.write_ended(WriteResult(tag, value, WriteOutcome.REFUSED, reason, now_ns))
