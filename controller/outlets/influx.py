"""The time-series server, through influxdb-client's synchronous write of our own text.

Its batching writer is not used: it drops what a server does not take in time. Nor are its
``Point`` objects. Works with InfluxDB 2, with a 1.8 through its v2 path, and VictoriaMetrics.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from influxdb_client import InfluxDBClient, WritePrecision  # type: ignore[attr-defined]
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from controller.outlets.content import Origin, Slice
from controller.outlets.errors import NotAllowed, Refused, ServerAway, TooLarge
from controller.outlets.lines import lines

TIMEOUT_MS: Final = 10_000
MOST_LINES: Final = 5_000
_LATER: Final = frozenset({408, 429})
_NOT_ALLOWED: Final = frozenset({401, 403, 404})
_HOPELESS: Final = 20


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is. The token is a secret and is never shown."""

    url: str
    org: str
    bucket: str
    token: str = ""
    ca: Path | None = None

    @property
    def where(self) -> str:
        """URL and bucket."""
        return f"{self.url} bucket {self.bucket}"


class InfluxSink:
    """A bucket of a server.

    Args:
        address: the server.
        origin: line and lot, written with each point.
        quarantine: file for points that the server refuses for ever, with its reason.
    """

    def __init__(self, address: Address, origin: Origin, quarantine: Path) -> None:
        self._address = address
        self._origin = origin
        self._quarantine = quarantine
        self._client: InfluxDBClient | None = None
        self._accepted = 0
        self._refused: list[tuple[str, str]] = []

    @property
    def where(self) -> str:
        """Name and address, without secrets."""
        return self._address.where

    @property
    def repeatable(self) -> bool:
        """Same series and stamp: the later point takes the place of the first."""
        return True

    def begin(self, latest: Slice) -> None:
        """Nothing to know: the server keeps what it has."""

    async def open(self) -> None:
        """Make the client; it connects with its first write."""
        address = self._address
        self._client = InfluxDBClient(
            address.url,
            address.token,
            org=address.org,
            timeout=TIMEOUT_MS,
            ssl_ca_cert=str(address.ca) if address.ca else None,
        )

    async def send(self, part: Slice) -> int:
        """Write a slice; points that the server never takes go into quarantine.

        Returns:
            The number of those.

        Raises:
            ServerAway: nothing is lost, the same slice may be sent again.
            NotAllowed: token, organization or bucket is wrong, or every point is refused.
        """
        text = await asyncio.to_thread(lambda: list(lines(part, self._origin)))
        self._refused.clear()
        for first in range(0, len(text), MOST_LINES):
            await self._offer(text[first : first + MOST_LINES])
        return self._keep_refused()

    async def _offer(self, text: list[str]) -> None:
        """Write lines; where the server refuses, halve until the bad ones stand alone."""
        try:
            await asyncio.to_thread(self._write, "\n".join(text))
        except Refused as error:
            if len(text) > 1:
                middle = len(text) // 2
                await self._offer(text[:middle])
                await self._offer(text[middle:])
                return
            self._refused.append((str(error), text[0]))
            if len(self._refused) >= _HOPELESS and not self._accepted:
                raise NotAllowed(f"{self.where} refuses every point: {error}") from error
        else:
            self._accepted += len(text)

    def _write(self, text: str) -> None:
        """One request (in a thread)."""
        if self._client is None:
            raise ServerAway(f"{self.where}: not connected")
        address = self._address
        try:
            with self._client.write_api(write_options=SYNCHRONOUS) as api:
                api.write(address.bucket, address.org, text, WritePrecision.US)
        except ApiException as error:
            raise self._named(error) from error
        except (HTTPError, OSError) as error:
            raise ServerAway(f"{address.url} does not answer ({_short(error)})") from error

    def _named(self, error: ApiException) -> ServerAway | NotAllowed | Refused:
        """What an answer other than yes means for us."""
        status, said = int(error.status or 0), _reason(error)
        where = f"{self.where}: {status} {said}"
        if status == 0 or status in _LATER or status >= 500:
            return ServerAway(where)
        if status in _NOT_ALLOWED:
            return NotAllowed(f"{where}; {_CURES[status]}")
        return TooLarge(said) if status == 413 else Refused(f"{status} {said}")

    def _keep_refused(self) -> int:
        """Put refused points where people find them: never dropped in silence."""
        if not self._refused:
            return 0
        with self._quarantine.open("a", encoding="utf-8") as file:
            for reason, line in self._refused:
                json.dump({"reason": reason, "line": line}, file)
                file.write("\n")
        return len(self._refused)

    async def idle(self) -> None:
        """Nothing to see: each write is a request of its own."""

    async def close(self, reason: str) -> None:  # noqa: ARG002 - nobody to tell it
        """Forget the connection."""
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]
            self._client = None


_CURES: Final = {
    401: "is the token right? Give it with --token-file or in FILMLINE_INFLUX_TOKEN",
    403: "the token may not write into this bucket",
    404: "make the bucket (in InfluxDB 1: the database) first, or correct --bucket and --org",
}


def _reason(error: ApiException) -> str:
    """The server's own words."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body
    try:
        found = json.loads(body or "")
    except ValueError:
        return str(body or error.reason).strip()[:300]
    if isinstance(found, dict):
        return str(found.get("message") or found.get("error") or found)[:300]
    return str(found)[:300]


def _short(error: Exception) -> str:
    """The last words of a chain of connection errors."""
    return str(error).rsplit(": ", maxsplit=1)[-1].rstrip(">')") or type(error).__name__
