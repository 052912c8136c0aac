"""Byte transports: what a bus writes to and hears from, and the TCP one.

A transport knows nothing of protocols. It opens (failing with words a person can act on),
writes, and calls ``on_data`` with each chunk and ``on_lost`` once when the line is gone.
Serial lines are in ``serial_line``; a dry run passes in-memory transports of this shape.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from config.models import Bus
from drivers.errors import LinkClosed

OnData = Callable[[bytes], None]
OnLost = Callable[[str], None]


class Transport(Protocol):
    """One byte stream to one bus.

    Attributes:
        on_data: called with every chunk received; set by the owner before ``open``.
        on_lost: called once with the reason when an open line is lost; not after ``close``.
    """

    on_data: OnData
    on_lost: OnLost

    async def open(self) -> None:
        """Connect; raises LinkClosed with a reason a person can act on."""

    def write(self, data: bytes) -> None:
        """Send; bytes written to a lost line vanish (the deadline notices)."""

    def close(self) -> None:
        """Drop the line now; bytes still unsent are thrown away."""


TransportFactory = Callable[[Bus, bool], Transport]


def ignore_data(_data: bytes) -> None:
    """Take bytes nobody asked for."""


def ignore_lost(_reason: str) -> None:
    """Take a loss nobody waits for."""


class TcpTransport(asyncio.Protocol):
    """A TCP client connection with Nagle off: requests are small and latency counts.

    Args:
        host: name or address.
        port: TCP port.
        timeout_s: longest time ``open`` may take.
    """

    def __init__(self, host: str, port: int, timeout_s: float = 2.0) -> None:
        self.on_data: OnData = ignore_data
        self.on_lost: OnLost = ignore_lost
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._socket: asyncio.Transport | None = None

    async def open(self) -> None:
        """Connect; raises LinkClosed naming host and port."""
        loop = asyncio.get_running_loop()
        where = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._timeout_s):
                await loop.create_connection(lambda: self, self._host, self._port)
        except TimeoutError as error:
            raise LinkClosed(f"{where}: no answer within {self._timeout_s:g} s") from error
        except ConnectionRefusedError as error:
            raise LinkClosed(f"{where}: refused; is the device on and its port right?") from error
        except OSError as error:
            raise LinkClosed(f"{where}: {error.strerror or error}") from error

    def write(self, data: bytes) -> None:
        """Send at once."""
        if self._socket is not None:
            self._socket.write(data)

    def close(self) -> None:
        """Reset the connection: a reply still under way must never arrive."""
        line, self._socket = self._socket, None
        if line is not None:
            line.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket (asyncio calls this)."""
        if isinstance(transport, asyncio.Transport):
            self._socket = transport
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Hand bytes on, unless the line was closed meanwhile (asyncio calls this)."""
        if self._socket is not None:
            self.on_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report a loss we did not ask for (asyncio calls this)."""
        if self._socket is not None:
            self._socket = None
            self.on_lost(str(exc) if exc else "closed by the device")


def split_tcp(address: str) -> tuple[str, int]:
    """Split ``tcp://host:port`` or ``socket://host:port``; raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme not in {"tcp", "socket"} or not parts.hostname or parts.port is None:
        raise ValueError(f"{address!r} is not tcp://host:port or socket://host:port")
    return parts.hostname, parts.port


def simulator_transport(bus: Bus, stream: bool) -> Transport:
    """Transport to ``filmline simulate`` on this computer."""
    port = bus.simulated_stream_port if stream else bus.simulated_port
    if port is None:
        raise ValueError(f"{bus.name}: no simulated stream port in the line file")
    return TcpTransport("127.0.0.1", port)
