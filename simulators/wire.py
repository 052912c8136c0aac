"""The wire in memory: instruments and drivers joined on one (virtual) loop by bytes alone.

A request reaches the instrument after the time its bits take at the bus's baud rate; the
reply reaches the driver after the instrument's turn-round and its own bits. Each direction is
one timer of the loop, in whole nanoseconds. TCP has no baud rate, only a latency.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from config.models import Bus, Line
from simulators.instruments.endpoint import Endpoint, Session
from simulators.instruments.line_up import LineUp
from simulators.virtual_time import NS, Rank, VirtualLoop

TCP_LATENCY_S = 0.0002
FAST_BAUD = 19200
FAST_SILENCE_S = 0.00175  # 3.5 characters, fixed above 19200 baud
_LATENCY_NS = round(TCP_LATENCY_S * NS)
_BITS = {"8N1": 10, "8E1": 11, "8N2": 11}


@dataclass(slots=True)
class WireFaults:
    """What is wrong with one bus as a whole; neutral as created.

    Attributes:
        refused: it cannot be opened.
        cut: bytes vanish in both directions, and nobody is told.
        share: of what is sent, how much vanishes while ``cut``.
        half_open: the instruments do not notice when a connection is closed.
        orphans: sessions the instruments still hold because of that.
    """

    refused: bool = False
    cut: bool = False
    share: float = 1.0
    half_open: bool = False
    orphans: list[Session] = field(default_factory=list)
    _draw: int = 1

    def swallows(self) -> bool:
        """Tell, while ``cut``, whether the next bytes vanish; the same in every run."""
        self._draw = self._draw * 48271 % 0x7FFF_FFFF  # Lehmer's generator
        return self._draw <= self.share * 0x7FFF_FFFF

    def release(self) -> None:
        """The instruments notice at last which connections are gone."""
        self.half_open = False
        orphans, self.orphans = self.orphans, []
        for session in orphans:
            session.close()


@dataclass(frozen=True, slots=True)
class BusTiming:
    """Times of a bus.

    Attributes:
        character_s: one character.
        lead_s: before the first character of a request counts as arrived, and the silence
            after its last.
        turn_round_s: from the request's end to the first character of the reply.
    """

    character_s: float
    lead_s: float
    turn_round_s: float

    @classmethod
    def of(cls, bus: Bus) -> BusTiming:
        """Return the times of a bus of the line file."""
        turn_round = bus.reply_ms / 1000.0
        if bus.baud is None:
            return cls(0.0, TCP_LATENCY_S, turn_round)
        character = _BITS[bus.format or "8N1"] / bus.baud
        silence = 0.0
        if bus.kind == "modbus_rtu":
            silence = FAST_SILENCE_S if bus.baud > FAST_BAUD else 3.5 * character
        return cls(character, silence, turn_round)


class _OtherLoop:
    """Timers in nanoseconds on a loop that is not virtual (tests of one end alone)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def time_ns(self) -> int:
        """Loop time, ns."""
        return round(self._loop.time() * NS)

    def at(self, when_ns: int, _rank: Rank, callback: Callable[..., object], *args: object) -> None:
        """Run ``callback(*args)`` at ``when_ns``."""
        self._loop.call_at(when_ns / NS, callback, *args)


class MemoryTransport:
    """One driver's end of a bus; the shape of a driver's transport.

    Attributes:
        on_data, on_lost: set by the driver's link before ``open``.
    """

    __slots__ = (
        *("_arrived_ns", "_at", "_character_ns", "_endpoint", "_faults", "_lead_ns", "_now_ns"),
        *("_open", "_refuse", "_replied_ns", "_session", "_turn_round_ns"),
        *("on_data", "on_lost"),
    )

    def __init__(
        self,
        loop: VirtualLoop | _OtherLoop,
        endpoint: Endpoint,
        timing: BusTiming,
        faults: WireFaults,
        refuse: Callable[[str], Exception],
    ) -> None:
        self._at = loop.at
        self._now_ns = loop.time_ns
        self._endpoint = endpoint
        self._character_ns = round(timing.character_s * NS)
        self._lead_ns = round(timing.lead_s * NS)
        self._turn_round_ns = round(timing.turn_round_s * NS) + _LATENCY_NS
        self._faults = faults
        self._refuse = refuse
        self._session: Session | None = None
        self._open = False
        self._arrived_ns = 0
        self._replied_ns = 0
        self.on_data: Callable[[bytes], None] = _ignore_data
        self.on_lost: Callable[[str], None] = _ignore_lost

    @property
    def connected(self) -> bool:
        """Whether it is open."""
        return self._open

    async def open(self) -> None:
        """Connect; raises the wire's ``refused`` error when the other end will not."""
        if self._faults.refused:
            raise self._refuse("connection refused")
        try:
            self._session = self._endpoint.connect(self._push)
        except ConnectionRefusedError as error:
            raise self._refuse(str(error)) from error
        self._open = True

    def write(self, data: bytes) -> None:
        """Send; bytes on a closed or cut line vanish."""
        if not self._open:
            return
        when = self._now_ns() + self._lead_ns
        when = max(when, self._arrived_ns)
        when += len(data) * self._character_ns
        self._arrived_ns = when
        self._at(when, Rank.BUS, self._arrive, data)

    def close(self) -> None:
        """Drop the line; replies still under way never arrive."""
        self._open = False
        session, self._session = self._session, None
        if session is None:
            return
        if self._faults.half_open:
            self._faults.orphans.append(session)
        else:
            session.close()

    def orphan(self) -> None:
        """Go dead without a word: this end believes to be open, the instrument too."""
        session, self._session = self._session, None
        if session is not None:
            self._faults.orphans.append(session)

    def lose(self, reason: str) -> None:
        """Break the line from the other end."""
        if self._open:
            self.close()
            self.on_lost(reason)

    def _arrive(self, data: bytes) -> None:
        session = self._session
        if session is None or (self._faults.cut and self._faults.swallows()):
            return
        reply = session.receive(data)
        if reply:
            after_ns = self._turn_round_ns
            if session.delay_s:
                after_ns += round(session.delay_s * NS)
            self._send_back(reply, after_ns, session)

    def _push(self, data: bytes) -> None:
        if self._session is not None and not (self._faults.cut and self._faults.swallows()):
            self._send_back(data, _LATENCY_NS, self._session)

    def _send_back(self, reply: bytes, after_ns: int, session: Session) -> None:
        when = self._now_ns() + after_ns
        when = max(when, self._replied_ns)
        when += len(reply) * self._character_ns
        self._replied_ns = when
        self._at(when, Rank.BUS, self._deliver, reply, session)

    def _deliver(self, data: bytes, session: Session) -> None:
        if session is self._session and (not self._faults.cut or self._faults.share < 1.0):
            self.on_data(data)


class MemoryWire:
    """All buses of a line in memory.

    Args:
        loop: the loop whose time is line time.
        line: the line file, for baud rates and turn-round times.
        line_up: the instruments.
        refused: makes the error an unopenable transport raises.

    Attributes:
        faults: by bus name.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        line: Line,
        line_up: LineUp,
        refused: Callable[[str], Exception] = ConnectionRefusedError,
    ) -> None:
        self._loop = loop if isinstance(loop, VirtualLoop) else _OtherLoop(loop)
        self._line_up = line_up
        self._refused = refused
        self._timing = {bus.name: BusTiming.of(bus) for bus in line.bus}
        self._transports: dict[str, list[MemoryTransport]] = {bus.name: [] for bus in line.bus}
        self.faults = {bus.name: WireFaults() for bus in line.bus}

    def transport(self, bus_name: str, stream: bool = False) -> MemoryTransport:
        """Return a new transport to a bus, or to its value stream.

        Raises:
            KeyError: no such bus, or it has no stream.
        """
        endpoints = self._line_up.streams if stream else self._line_up.endpoints
        transport = MemoryTransport(
            self._loop,
            endpoints[bus_name],
            self._timing[bus_name],
            self.faults[bus_name],
            lambda why: self._refused(f"{bus_name}: {why}"),
        )
        kept = [one for one in self._transports[bus_name] if one.connected]
        self._transports[bus_name] = [*kept, transport]
        return transport

    def lose(self, bus_name: str, reason: str) -> None:
        """Break every open connection of a bus."""
        for transport in self._transports[bus_name]:
            transport.lose(reason)

    def half_open(self, bus_name: str) -> None:
        """Make the open connections of a bus dead; their instruments keep them (``release``)."""
        self.faults[bus_name].half_open = True
        for transport in self._transports[bus_name]:
            transport.orphan()


def _ignore_data(_: bytes) -> None:
    """Nobody listens yet."""


def _ignore_lost(_: str) -> None:
    """Nobody listens yet."""
