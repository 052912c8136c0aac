"""The simulator's own port: line time for a controller, and hands on the plant for people.

One JSON object a line on loopback. ``{"ask": "clock"}`` is answered with line, speed, seed,
start and line time; ``{"do": "go"}`` lets a waiting plant begin; ``{"do": "hands", "what":
"thread_leader"}`` does what a person's hands would. A refusal is ``{"error": words}``. This is
a simulator's privilege: no instrument of a plant knows any of it.
"""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable, Mapping
from typing import Any

from simulators.wire_tcp import HOST, PortInUseError

_LONGEST = 4096

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class ClockPort:
    """Serves requests for line time and hands.

    Args:
        port: TCP port on loopback.
        line_name: for messages.
        verbs: by the value of ``ask`` or ``do``: what answers the request. A verb raises
            ValueError with words for a refusal.
    """

    def __init__(self, port: int, line_name: str, verbs: Mapping[str, Answer]) -> None:
        self._port = port
        self._line_name = line_name
        self._verbs = dict(verbs)
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Serve.

        Raises:
            PortInUseError: the port is taken.
        """
        try:
            self._server = await asyncio.start_server(self._talk, HOST, self._port, limit=_LONGEST)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortInUseError(
                f"clock port {self._port} of line {self._line_name} is in use on {HOST}: is "
                f"another 'filmline simulate' running? Stop it, or change "
                f"simulated_clock_port in the line file"
            ) from error

    async def stop(self) -> None:
        """Close the port and its connections."""
        if self._server is None:
            return
        self._server.close()
        for client in list(self._clients):
            client.transport.abort()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while text := await reader.readline():
                writer.write(json.dumps(self.answer(text)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return  # the client has gone, or sends lines without end
        finally:
            self._clients.discard(writer)
            writer.close()

    def answer(self, text: bytes) -> dict[str, Any]:
        """Answer one line."""
        try:
            request = json.loads(text)
            verb = request.get("ask") or request.get("do")
        except (ValueError, AttributeError):
            return {"error": "not a JSON object on one line"}
        if verb not in self._verbs:
            known = ", ".join(sorted(self._verbs))
            return {"error": f"unknown request {verb!r}; known are {known}"}
        try:
            return self._verbs[verb](request)
        except ValueError as error:
            return {"error": str(error)}
