"""Faults of links: what each does to the instruments and the wire, and how it is healed.

A fault of a bus is a fault of every instrument on it, but for those of the connection itself
(drop, disconnect, half-open), which belong to the wire. The same for a wire in memory and for
real ports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.models import Line
from simulators.faults import BOOT_S, TimedFault
from simulators.instruments.line_up import LineUp, SimulatedInstrument
from simulators.twin.plant import Plant
from simulators.wire import WireFaults

Undo = Callable[[], None]


class Wire(Protocol):
    """The wire, in memory or on ports, as faults disturb it."""

    faults: dict[str, WireFaults]

    def lose(self, bus_name: str, reason: str, /) -> None:
        """Break every open connection of a bus."""

    def half_open(self, bus_name: str, /) -> None:
        """Make the open connections of a bus dead; their instruments keep them."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What faults disturb.

    Attributes:
        jump: steps the controller's wall clock by seconds; None where it is another computer's.
    """

    line: Line
    plant: Plant
    line_up: LineUp
    wire: Wire
    jump: Callable[[float], None] | None = None

    def bus_of(self, where: str) -> str:
        """Bus of an instrument, or the bus itself."""
        owners = {one.name: one.bus for one in self.line.instrument}
        return owners.get(where, where)

    def devices(self, where: str) -> list[SimulatedInstrument]:
        """The instrument of that name, or all of a bus."""
        names = [one.name for one in self.line.instrument if where in {one.name, one.bus}]
        return [self.line_up.instruments[name] for name in names]

    def by_network(self, where: str) -> bool:
        """Tell whether an instrument or bus is reached by a connection of its own."""
        name = self.bus_of(where)
        return any(bus.name == name and bus.address.startswith("tcp:") for bus in self.line.bus)


def begin(fault: TimedFault, bench: Bench) -> Undo:
    """Begin a fault of ``faults.LINKS``; the result heals it."""
    where = fault.where or ""
    kinds: dict[str, Callable[[], Undo]] = {
        "drop": lambda: _drop(bench, where, fault.size),
        "delay": lambda: _set(bench.devices(where), "delay_s", fault.size),
        "exception": lambda: _set(bench.devices(where), "exception", int(fault.size or 4)),
        "disconnect": lambda: disconnect(bench, where, "the connection was cut"),
        "half_open": lambda: _half_open(bench, where),
        "reboot": lambda: reboot(bench, where),
    }
    flag = kinds.get(fault.name, lambda: _set(bench.devices(where), fault.name, True))
    return flag()


def end_s(fault: TimedFault) -> float | None:
    """Line second at which a fault heals by itself; None: it stays."""
    if fault.name == "reboot":
        return fault.at_s + (BOOT_S if fault.for_s is None else fault.for_s)
    return None if fault.for_s is None else fault.at_s + fault.for_s


def disconnect(bench: Bench, where: str, reason: str) -> Undo:
    """Break the connections of a bus, and refuse new ones until healed."""
    bus = bench.bus_of(where)
    faults = bench.wire.faults[bus]
    faults.refused = True
    bench.wire.lose(bus, reason)

    def heal() -> None:
        faults.refused = False

    return heal


def reboot(bench: Bench, where: str) -> Undo:
    """Power off and on: a device has its restart settings at once and answers when healed."""
    devices = bench.devices(where)
    heal_devices = _set(devices, "silent", True)
    heal_line = _nothing
    if bench.by_network(where):
        heal_line = disconnect(bench, where, f"{where} restarted")
    for device in devices:
        device.reboot()

    def heal() -> None:
        heal_devices()
        heal_line()

    return heal


def silence(bench: Bench, where: str) -> Undo:
    """Make a device hear and say nothing."""
    return _set(bench.devices(where), "silent", True)


def _half_open(bench: Bench, where: str) -> Undo:
    bus = bench.bus_of(where)
    bench.wire.half_open(bus)
    return bench.wire.faults[bus].release


def _drop(bench: Bench, where: str, share: float | None) -> Undo:
    """On a bus the bytes vanish, at an instrument its ears and its voice."""
    faults = bench.wire.faults.get(where)
    if faults is None:
        return silence(bench, where)
    faults.cut, faults.share = True, 1.0 if share is None else share

    def heal() -> None:
        faults.cut, faults.share = False, 1.0

    return heal


def _set(devices: Sequence[SimulatedInstrument], name: str, value: object) -> Undo:
    """Set a field of the devices' faults; healed, it is what it was."""
    before = [getattr(device.faults, name) for device in devices]
    for device in devices:
        setattr(device.faults, name, value)

    def heal() -> None:
        for device, old in zip(devices, before, strict=True):
            setattr(device.faults, name, old)

    return heal


def _nothing() -> None:
    """Nothing to heal."""
