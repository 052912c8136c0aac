"""Errors of drivers, as one tree.

DriverError
├── LinkError            the bus could not carry the exchange
│   ├── LinkClosed       not connected, or lost while waiting
│   └── NoReply          the deadline passed
├── ReplyError           bytes came, but not the answer to this request
└── DeviceRefused        the instrument answered with an error of its own
"""

from __future__ import annotations


class DriverError(Exception):
    """Root; the message names bus, device and register or command."""


class LinkError(DriverError):
    """The bus could not carry the exchange."""


class LinkClosed(LinkError):
    """Not connected, or lost while waiting."""


class NoReply(LinkError):
    """The deadline passed without a complete reply."""


class ReplyError(DriverError):
    """Bytes came, but they are not the answer to this request."""


class DeviceRefused(DriverError):
    """The instrument answered with an error of its own.

    Attributes:
        code: the instrument's code (Modbus exception code, ASCII status...).
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
