"""Errors of the controller, as one tree.

ControllerError
├── UnknownTag           a name that the line does not have
├── ConditionError       a condition that says nothing, or several things at once
└── WiringError          parts put together that do not fit
"""

from __future__ import annotations


class ControllerError(Exception):
    """Root; the message names the tag, trip, block or part it concerns."""


class UnknownTag(ControllerError):
    """A name that the line does not have.

    Attributes:
        tag: the name that was looked up.
    """

    def __init__(self, tag: str) -> None:
        super().__init__(f"tag {tag!r} is not in the line")
        self.tag = tag


class ConditionError(ControllerError):
    """A condition that says nothing, or several things at once; the message quotes it."""


class WiringError(ControllerError):
    """Parts put together that do not fit: two blocks claim a tag, a port is missing."""
