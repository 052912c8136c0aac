"""Errors of the user book, as one tree.

UserError
├── BookError        the file cannot be used: permissions, contents, disk
├── BadPassword      a password that may not be chosen
└── NoUser           a name the book does not have, or has already
"""

from __future__ import annotations

from controller.errors import ControllerError


class UserError(ControllerError):
    """Root; the message never holds a password or a hash."""


class BookError(UserError):
    """The file cannot be used; the message names it and says what to do."""


class BadPassword(UserError):
    """A password that may not be chosen; the message says why, not what it was."""


class NoUser(UserError):
    """A name the book does not have, has already, or may not have."""
