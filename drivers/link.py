"""One request and its reply on a bus, without I/O: what a protocol must offer to ``bus``.

A link turns a request into bytes and decides, from bytes received so far, whether the right
reply is complete, still incomplete, or something else. It never waits, retries or guesses:
deadlines, pacing and what to do after a failure belong to the bus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One request, built once and sent often.

    Attributes:
        what: words for messages: device, function, registers or command.
        frame: bytes to send (on Modbus TCP everything after the transaction id).
        head: bytes the right reply begins with (likewise).
        size: length of the right reply; 0 where a terminator ends it.
        skip: where the payload starts in the reply.
        unit: address on a shared bus.
        ends: what ends a text reply: ``status`` one byte, ``line``, ``either``, ``prompt``.
    """

    what: str
    frame: bytes
    head: bytes = b""
    size: int = 0
    skip: int = 0
    unit: int = 0
    ends: Literal["size", "status", "line", "either", "prompt"] = "size"


class Link(Protocol):
    """Protocol rules of one bus; one request at a time.

    Attributes:
        reopens: True where a doubtful exchange is healed by a new connection, False where
            the line is drained and a canary read proves it clean.
    """

    reopens: bool

    def begin(self, request: Request) -> bytes:
        """Start an exchange; forgets any earlier one. Returns the bytes to send."""

    def feed(self, data: bytes) -> bytes | None:
        """Take received bytes; the payload when the right reply is complete, else None.

        Raises ReplyError for anything that is not the reply to this request, and
        DeviceRefused for the device's own error answer.
        """
