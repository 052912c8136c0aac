"""Errors of the mirrors, as one tree.

OutletError
├── ServerAway       no answer, or one that says "later": try again, nothing is lost
├── NotAllowed       the server knows us and refuses: token, user, bucket or rights are wrong
├── Refused          the server refuses these points, and would refuse them again
│   └── TooLarge     ... at once; in two parts they may pass
└── CursorError      the note of how far a mirror has come cannot be kept, or is another's
"""

from __future__ import annotations

from controller.errors import ControllerError


class OutletError(ControllerError):
    """Root; the message names the server or file it concerns."""


class ServerAway(OutletError):
    """No answer, or one that says "later": everything is sent again when it is back."""


class NotAllowed(OutletError):
    """The server knows us and refuses: the message says what to put right."""


class Refused(OutletError):
    """The server refuses these points, and would refuse them again."""


class TooLarge(Refused):
    """The server takes less at once; the same points in two parts may pass."""


class CursorError(OutletError):
    """How far a mirror has come cannot be noted beside the record, or is another mirror's."""
