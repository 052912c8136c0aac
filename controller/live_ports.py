"""Where a live run finds its buses: the plant's ports, the simulator's, or one given by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.models import Bus, Line
from controller.errors import ControllerError
from drivers.serial_line import plant_transport
from drivers.transport import Transport, TransportFactory, simulator_transport, split_tcp


class BadPort(ControllerError):
    """A port given by hand that cannot be meant; the message says what is allowed."""


def parse_ports(line: Line, given: Sequence[str]) -> dict[str, str]:
    """Read ``BUS=ADDRESS`` texts.

    Raises:
        BadPort: no such bus, or no address that it can have.
    """
    names = [bus.name for bus in line.bus]
    found = {}
    for text in given:
        name, _, address = text.partition("=")
        if name not in names:
            raise BadPort(f"--port {text}: no bus {name!r}; there are {', '.join(names)}")
        bus = next(bus for bus in line.bus if bus.name == name)
        _check_address(bus, address)
        found[name] = address
    return found


def _check_address(bus: Bus, address: str) -> None:
    if address.startswith(("tcp://", "socket://")):
        try:
            split_tcp(address)
        except ValueError as error:
            raise BadPort(f"--port {bus.name}: {error}") from error
    elif bus.baud is None or not address:
        raise BadPort(f"--port {bus.name}={address}: give tcp://host:port")


def transports(ports: Mapping[str, str], *, simulated: bool) -> TransportFactory:
    """Transports of a run: each bus at its own port, or at the one given by hand."""

    def transport(bus: Bus, stream: bool) -> Transport:
        if bus.name in ports:
            return plant_transport(bus.model_copy(update={"address": ports[bus.name]}), stream)
        return simulator_transport(bus, stream) if simulated else plant_transport(bus, stream)

    return transport
