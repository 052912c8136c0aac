"""The MQTT broker, through aiomqtt.

A task reads from the connection all the time: only a reader sees a broker die at once. The
outbox is bounded: at most so many messages are on their way; the rest lies in the record.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from aiomqtt import Client, MqttCodeError, MqttError, TLSParameters, Will

from controller.outlets.content import Origin, Slice
from controller.outlets.errors import NotAllowed, ServerAway
from controller.outlets.messages import Message, Topics

ON_THE_WAY: Final = 100
TIMEOUT_S: Final = 10.0
_REFUSED: Final = frozenset({4, 5, 134, 135})  # user, password or rights; MQTT 3.1.1 and 5
_QUIET: Final = logging.getLogger("filmline.mqtt")  # what it would log, we say ourselves
_QUIET.setLevel(logging.CRITICAL)
_NODELAY: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is. The password is a secret and is never shown."""

    host: str
    port: int
    prefix: str = "filmline"
    user: str | None = None
    password: str | None = None
    tls: bool = False
    ca: Path | None = None

    @property
    def where(self) -> str:
        """Host and port."""
        return f"broker {self.host}:{self.port}"


class MqttSink:
    """A broker.

    Args:
        broker: where it is.
        origin: line and lot, said with each message.
    """

    def __init__(self, broker: Broker, origin: Origin) -> None:
        self._broker = broker
        self._topics = Topics(broker.prefix, origin)
        self._client: Client | None = None
        self._reader: asyncio.Task[None] | None = None
        self._latest: dict[str, Message] = {}
        self._dirty: set[str] = set()
        self._lost = ""

    @property
    def where(self) -> str:
        """Name and address, without secrets."""
        return self._broker.where

    @property
    def repeatable(self) -> bool:
        """What a listener has heard he hears twice."""
        return False

    def begin(self, latest: Slice) -> None:
        """Know what was handed over last: a broker may have forgotten it meanwhile."""
        self._keep(latest)

    def _keep(self, part: Slice) -> None:
        for message in self._topics.tags(part):
            self._latest[message.topic] = message
            self._dirty.add(message.topic)
        for message in self._topics.chain(part):  # it went at once: no reader takes it for late
            self._latest[message.topic] = message

    async def open(self) -> None:
        """Connect, say that the mirror is there, and what is known, anew.

        Raises:
            ServerAway: no broker answers.
            NotAllowed: user or password is wrong.
        """
        broker, will = self._broker, self._topics.status_message("offline", "connection lost")
        client = Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            logger=_QUIET,
            will=Will(will.topic, will.payload, qos=1, retain=True),
            timeout=TIMEOUT_S,
            keepalive=20,
            max_inflight_messages=ON_THE_WAY,
            max_queued_outgoing_messages=2 * ON_THE_WAY,
            tls_params=TLSParameters(str(broker.ca) if broker.ca else None) if broker.tls else None,
            socket_options=_NODELAY,
        )
        try:
            await client.__aenter__()
        except MqttError as error:
            raise self._named(error) from error
        self._client, self._lost = client, ""
        self._reader = asyncio.create_task(self._read(client))
        self._dirty = set(self._latest)
        await self._publish([self._topics.status_message("online")])

    async def _read(self, client: Client) -> None:
        """Nobody sends us anything; the end of the stream is the end of the connection."""
        try:
            async for _ in client.messages:
                pass
        except MqttError as error:
            self._lost = str(error) or "disconnected"

    async def send(self, part: Slice) -> int:
        """Publish all rows and events; the broker's receipts of all of them are the yes.

        Raises:
            ServerAway: some may have arrived and come again; each row carries its number.
        """
        await self._publish(self._topics.rows(part))
        self._keep(part)
        if not part.behind_rows:
            await self._retain()
        return 0

    async def _retain(self) -> None:
        """Publish latest values; while catching up they would be old before they arrive."""
        topics = sorted(self._dirty)
        await self._publish([self._latest[topic] for topic in topics])
        self._dirty.difference_update(topics)

    async def _publish(self, messages: Iterable[Message]) -> None:
        """Publish with QoS 1, a bounded number at a time."""
        left = iter(messages)
        while bunch := list(islice(left, ON_THE_WAY)):
            client = self._client
            if client is None or self._lost:
                raise ServerAway(f"{self.where}: connection lost ({self._lost or 'closed'})")
            await self._receipts(
                [
                    asyncio.create_task(
                        client.publish(one.topic, one.payload, qos=1, retain=one.retain)
                    )
                    for one in bunch
                ]
            )

    async def _receipts(self, sent: list[asyncio.Task[None]]) -> None:
        """Wait for all receipts, or for the reader to see the broker die."""
        waiting = asyncio.gather(*sent)
        watched = {waiting, *((self._reader,) if self._reader else ())}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise ServerAway(f"{self.where}: connection lost ({self._lost})")
            waiting.result()
        except MqttError as error:
            raise self._named(error) from error
        finally:
            for task in sent:
                task.cancel()
            await asyncio.gather(*sent, return_exceptions=True)
            if waiting.done() and not waiting.cancelled():
                waiting.exception()

    async def idle(self) -> None:
        """See that the broker is still there, and that it has every latest value.

        Raises:
            ServerAway: the connection was lost.
        """
        if self._lost:
            raise ServerAway(f"{self.where}: connection lost ({self._lost})")
        await self._retain()

    async def close(self, reason: str) -> None:
        """Say goodbye when there is somebody to hear it; a lost connection is the last will's."""
        client, reader = self._client, self._reader
        self._client = self._reader = None
        if client is None:
            return
        with suppress(MqttError):
            if not self._lost:
                last = self._topics.status_message("offline", reason)
                await client.publish(last.topic, last.payload, qos=1, retain=True)
        if reader is not None:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        with suppress(MqttError):
            await client.__aexit__(None, None, None)

    def _named(self, error: MqttError) -> ServerAway | NotAllowed:
        code = getattr(error.rc, "value", error.rc) if isinstance(error, MqttCodeError) else None
        if code in _REFUSED:
            return NotAllowed(
                f"{self.where} refuses us ({error}); is --user right, and the password in "
                "--password-file or FILMLINE_MQTT_PASSWORD?"
            )
        return ServerAway(f"{self.where} does not answer ({error})")
