"""Errors of the local operation of a line, as one tree.

OperatingError
├── NoService       nobody answers at the socket
├── ServiceRuns     a service listens at the socket already
├── NotLoggedIn     the person is not who they say, or cannot be asked
└── Dropped         the service ended the connection, with its reason
"""

from __future__ import annotations

from controller.errors import ControllerError


class OperatingError(ControllerError):
    """Root; the message is for the person at the terminal."""


class NoService(OperatingError):
    """Nobody answers at the socket; the message says how to start a service."""


class ServiceRuns(OperatingError):
    """A service listens at the socket already; two must never command one line."""


class NotLoggedIn(OperatingError):
    """Name or password is wrong, the account is locked, or nobody can be asked."""


class Dropped(OperatingError):
    """The service ended the connection; the message has its reason."""
