"""What a simulated instrument shows to a wire: endpoints, sessions, line clock and faults.

A wire (in memory or TCP) knows nothing of protocols: it opens a session on an endpoint, hands
it bytes and sends back what it returns. Everything here is free of asyncio and of clocks;
time is the line time of the last tick, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Push = Callable[[bytes], None]


class LineClock:
    """Line time as the instruments know it: the last 0.1 s tick.

    Attributes:
        now_s: line seconds.
    """

    __slots__ = ("now_s",)

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s


@dataclass(slots=True)
class Faults:
    """What is wrong with one instrument's communication; neutral as created.

    Attributes:
        silent: it hears nothing and answers nothing.
        delay_s: added to its turn-round time (a late reply when beyond the time-out).
        exception: Modbus exception code answered to every request; 0 is none.
        corrupt: one bit of each reply is inverted.
        wrong_unit: it answers as the next unit id.
        stuck: its registers no longer follow the process.
    """

    silent: bool = False
    delay_s: float = 0.0
    exception: int = 0
    corrupt: bool = False
    wrong_unit: bool = False
    stuck: bool = False


class Session(Protocol):
    """One connection to an endpoint, or one port opened on its bus.

    Attributes:
        delay_s: what the last reply waits beyond the normal turn-round.
    """

    delay_s: float

    def receive(self, data: bytes, /) -> bytes:
        """Take bytes that arrived; return the reply, empty when there is none."""

    def silence(self) -> None:
        """Learn that the line has been quiet long enough to end an unfinished frame."""

    def close(self) -> None:
        """Learn that the other end has gone."""


class Endpoint(Protocol):
    """One end of a wire: a device, or all devices of a shared bus."""

    def connect(self, push: Push, /) -> Session:
        """Open a session; ``push`` sends bytes nobody asked for.

        Raises:
            ConnectionRefusedError: no connection is left.
        """


def flip(data: bytes, index: int) -> bytes:
    """Return ``data`` with the lowest bit of one byte inverted."""
    spoiled = bytearray(data)
    spoiled[index] ^= 1
    return bytes(spoiled)
