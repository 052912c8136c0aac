"""Errors of the lot book, as one tree.

MaterialsError
├── BookMissing    there is no lot book at this path
├── NotABook       the file is something else, or of a version this software cannot read
├── BookFailed     the file cannot be read or written now; nothing was changed
├── BadEntry       an option that cannot be meant (a time, an amount, a name)
└── Refused        a rule of the floor speaks against it; nothing was changed
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.errors import ControllerError


class MaterialsError(ControllerError):
    """Root; the message names the lot, tank or file it concerns."""


class BookMissing(MaterialsError):
    """There is no lot book at this path."""


class NotABook(MaterialsError):
    """The file is something else, or of a version this software cannot read."""


class BookFailed(MaterialsError):
    """The file cannot be read or written now; nothing was changed."""


class BadEntry(MaterialsError):
    """An option that cannot be meant; the message says what is allowed."""


class Refused(MaterialsError):
    """Rules of the floor speak against it; nothing was changed.

    Attributes:
        reasons: every rule that speaks against it, each with what is allowed.
    """

    def __init__(self, what: str, reasons: Sequence[str]) -> None:
        lines = "".join(f"\n  {reason}" for reason in reasons)
        super().__init__(f"{what} refused:{lines}")
        self.reasons = tuple(reasons)
