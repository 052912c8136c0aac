"""What a driver gives and takes: quality, blocks of samples, outputs, clock.

This module is pure: no asyncio, no wall clock. Everything above the wire speaks these
words, so that a value, its quality and its two times are never separated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol


class Quality(IntEnum):
    """OPC UA status codes carried by each sample (OPC 10000-4 and 10000-8, uint32)."""

    GOOD = 0x0000_0000
    UNCERTAIN = 0x4000_0000
    UNCERTAIN_LAST_USABLE = 0x4090_0000
    UNCERTAIN_SENSOR_NOT_ACCURATE = 0x4093_0000
    UNCERTAIN_OUT_OF_RANGE = 0x4094_0000
    UNCERTAIN_SUBNORMAL = 0x4095_0000
    BAD = 0x8000_0000
    BAD_COMMUNICATION_ERROR = 0x8005_0000
    BAD_TIMEOUT = 0x800A_0000
    BAD_NO_COMMUNICATION = 0x8031_0000
    BAD_WAITING_FOR_INITIAL_DATA = 0x8032_0000
    BAD_OUT_OF_RANGE = 0x803C_0000
    BAD_CONFIGURATION_ERROR = 0x8089_0000
    BAD_NOT_CONNECTED = 0x808A_0000
    BAD_DEVICE_FAILURE = 0x808B_0000
    BAD_SENSOR_FAILURE = 0x808C_0000
    BAD_OUT_OF_SERVICE = 0x808D_0000


_UNCERTAIN, _BAD = int(Quality.UNCERTAIN), int(Quality.BAD)


def is_good(quality: int) -> bool:
    """Tell whether the two severity bits say good."""
    return quality < _UNCERTAIN


def is_bad(quality: int) -> bool:
    """Tell whether the two severity bits say bad."""
    return quality >= _BAD


def quality_words(quality: int) -> str:
    """An OPC UA status as people read it: ``no communication``, ``good``.

    A status that has no name here is shown as its code.
    """
    try:
        name = Quality(quality).name
    except ValueError:
        return f"status 0x{quality:08X}"
    return name.removeprefix("BAD_").replace("_", " ").lower()


@dataclass(frozen=True, slots=True)
class Block:
    """Tags read by one exchange: they share one stamp, and are one scan group of the record.

    Attributes:
        name: unique in the line, ``<instrument>.<block>`` such as ``T1.fast``.
        tags: tag names in the order of the values.
        period_s: nominal time between reads, line seconds.
    """

    name: str
    tags: tuple[str, ...]
    period_s: float


class BlockWriter(Protocol):
    """Takes what one exchange brought; the only way into the process image."""

    def write(
        self,
        values: Sequence[float],
        quality: Sequence[int] | int,
        sent_ns: int,
        received_ns: int,
    ) -> None:
        """Store a block.

        Args:
            values: one float for each tag of the block, in engineering units; NaN where bad.
            quality: one OPC UA status per tag, or one for all of them.
            sent_ns: UTC ns when the request left; age counts from here.
            received_ns: UTC ns when the reply was complete (or found missing).
        """

    def fail(self, quality: int, reason: str, sent_ns: int, received_ns: int) -> None:
        """Store a failed poll: every tag NaN with ``quality``, and the ``reason``."""


class Image(Protocol):
    """The process image as a driver sees it."""

    def attach(self, block: Block) -> BlockWriter:
        """Declare a block once, before polling, and get its writer."""


class WriteOutcome(StrEnum):
    """How a write on the wire ended."""

    WRITTEN = "written"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # time-out or lost link: treated as failed, never retried blindly
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The fate of one write: what was asked, how it ended, when, and why if not written."""

    tag: str
    value: float
    outcome: WriteOutcome
    reason: str
    ns: int


class OutputPort(Protocol):
    """Where accepted requests leave towards the wire. Only the gate holds one."""

    def put(self, tag: str, value: float) -> None:
        """Set-point: the latest per tag wins until it is written."""

    def command(self, tag: str, value: float) -> None:
        """One-shot: written once in order, never merged, retried or replayed; expires in 2 s."""


class LinkState(StrEnum):
    """State of a bus or device as people see it."""

    CLOSED = "closed"
    CONNECTING = "connecting"
    UP = "up"
    SILENT = "silent"


class LinkObserver(Protocol):
    """Hears of changes of state of a bus or device (an event each), and of each write's fate."""

    def link_changed(self, name: str, state: LinkState, reason: str, ns: int) -> None:
        """A bus or an instrument changed state."""

    def write_ended(self, result: WriteResult) -> None:
        """A write left the queue."""


class Clock(Protocol):
    """Time as the product sees it; line time on a simulated plant."""

    def utc_ns(self) -> int:
        """UTC in ns since 1970 (line time in a dry run): for stamps only."""

    def monotonic(self) -> float:
        """Seconds that never step: for deadlines and ages."""
