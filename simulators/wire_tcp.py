"""The wire on real TCP ports: the instruments as servers on loopback (``filmline simulate``).

Modbus TCP and the scanner speak as themselves; serial buses are their byte streams over TCP
(``socket://`` for a serial client). An unfinished serial frame ends after a silence. Replies
keep the turn-round and baud time of the line, divided by the simulation's speed.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator

from config.models import Line
from simulators.instruments.endpoint import Endpoint, Session
from simulators.instruments.line_up import LineUp
from simulators.wire import BusTiming, WireFaults

HOST = "127.0.0.1"
SILENCE_S = 0.05  # ends an unfinished frame; no stream over TCP keeps 3.5 characters


class PortInUseError(OSError):
    """A simulated port is taken; the message names port, bus and instruments."""


class TcpWire:
    """TCP servers for all buses of a line.

    Args:
        line: the line file, for ports and times.
        line_up: the instruments.
        speed: simulated seconds a real second.
        host: address to serve on.

    Attributes:
        faults: by bus name.
    """

    def __init__(self, line: Line, line_up: LineUp, speed: float = 1.0, host: str = HOST) -> None:
        self._line = line
        self._line_up = line_up
        self._speed = speed
        self._host = host
        self._servers: list[asyncio.Server] = []
        self._connections: set[_Connection] = set()
        self.faults = {bus.name: WireFaults() for bus in line.bus}

    async def start(self) -> None:
        """Serve every port.

        Raises:
            PortInUseError: a port is taken; nothing is left open then.
        """
        loop = asyncio.get_running_loop()
        for port, bus_name, endpoint, timing in self._ports():

            def connection(
                endpoint: Endpoint = endpoint,
                timing: BusTiming = timing,
                faults: WireFaults = self.faults[bus_name],
            ) -> _Connection:
                return _Connection(loop, endpoint, timing, self._speed, self._connections, faults)

            try:
                self._servers.append(await loop.create_server(connection, self._host, port))
            except OSError as error:
                await self.stop()
                if error.errno != errno.EADDRINUSE:
                    raise
                raise PortInUseError(self._in_use(port, bus_name)) from error

    async def stop(self) -> None:
        """Close all ports and connections."""
        for server in self._servers:
            server.close()
        for connection in sorted(self._connections, key=id):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    @property
    def connections(self) -> int:
        """Number of clients connected now."""
        return len(self._connections)

    def lose(self, bus_name: str, _reason: str = "") -> None:
        """Break every connection of a bus."""
        for connection in self._of(bus_name):
            connection.abort()

    def half_open(self, bus_name: str) -> None:
        """Make the open connections of a bus dead; their instruments keep them."""
        self.faults[bus_name].half_open = True
        for connection in self._of(bus_name):
            connection.orphan()

    def _of(self, bus_name: str) -> list[_Connection]:
        endpoints = (self._line_up.endpoints.get(bus_name), self._line_up.streams.get(bus_name))
        return [one for one in sorted(self._connections, key=id) if one.endpoint in endpoints]

    def _ports(self) -> Iterator[tuple[int, str, Endpoint, BusTiming]]:
        for bus in self._line.bus:
            timing = BusTiming.of(bus)
            if bus.name in self._line_up.endpoints:
                yield bus.simulated_port, bus.name, self._line_up.endpoints[bus.name], timing
            if bus.name in self._line_up.streams and bus.simulated_stream_port is not None:
                stream = self._line_up.streams[bus.name]
                yield bus.simulated_stream_port, bus.name, stream, timing

    def _in_use(self, port: int, bus_name: str) -> str:
        names = ", ".join(one.name for one in self._line.instrument if one.bus == bus_name)
        return (
            f"port {port} of {bus_name} ({names}) is in use on {self._host}: is another "
            f"'filmline simulate' running? Stop it, or change simulated_port in the line file"
        )


class _Connection(asyncio.Protocol):
    """One client of one endpoint."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        endpoint: Endpoint,
        timing: BusTiming,
        speed: float,
        connections: set[_Connection],
        faults: WireFaults,
    ) -> None:
        self.endpoint = endpoint
        self._faults = faults
        self._loop = loop
        self._timing = timing
        self._speed = speed
        self._all = connections
        self._line: asyncio.Transport | None = None
        self._session: Session | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._free_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open a session; a device without a free connection hangs up at once."""
        if not isinstance(transport, asyncio.Transport):
            return
        if self._faults.refused:
            transport.abort()
            return
        self._line = transport
        try:
            self._session = self.endpoint.connect(self._send)
        except ConnectionRefusedError:
            transport.abort()
            return
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        """Answer after the time a real bus would take."""
        if self._session is None or (self._faults.cut and self._faults.swallows()):
            return
        reply = self._session.receive(data)
        if self._silence is not None:
            self._silence.cancel()
        self._silence = self._loop.call_later(SILENCE_S, self._session.silence)
        if not reply:
            return
        timing = self._timing
        bits_s = (len(data) + len(reply)) * timing.character_s
        wait_s = timing.lead_s + timing.turn_round_s + bits_s + self._session.delay_s
        due_s = max(self._loop.time() + wait_s / self._speed, self._free_s)
        self._free_s = due_s
        self._loop.call_at(due_s, self._send, reply)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Close the session."""
        self._all.discard(self)
        self._line = None
        if self._silence is not None:
            self._silence.cancel()
        session, self._session = self._session, None
        if session is None:
            return
        if self._faults.half_open:
            self._faults.orphans.append(session)
        else:
            session.close()

    def orphan(self) -> None:
        """Go dead without a word: the instrument keeps its session, nothing comes through."""
        session, self._session = self._session, None
        if session is not None:
            self._faults.orphans.append(session)

    def abort(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.abort()

    def _send(self, data: bytes) -> None:
        if self._line is None or self._session is None:
            return
        if not self._faults.cut or self._faults.share < 1.0:
            self._line.write(data)
