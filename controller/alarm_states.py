"""Alarm states of ISA-18.2: seven states, ten stimuli, one table.

An alarm that is hidden (shelved, suppressed by design, out of service) does not follow its
condition. It leaves towards normal, and the next comparison raises it when its limit is
still passed: so it comes back in its true state. Of two reasons to hide it the more lasting
one counts: out of service, then shelved, then suppressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class AlarmState(StrEnum):
    """State of one alarm (ISA-18.2, figure of alarm states)."""

    NORM = "normal"
    UNACK = "unacknowledged"
    ACK = "acknowledged"
    RTN_UNACK = "returned, unacknowledged"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed by design"
    OUT_OF_SERVICE = "out of service"


class Stimulus(StrEnum):
    """What may happen to an alarm."""

    OCCUR = "alarm"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    REPEAT = "repeat"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    REMOVE = "out of service"
    RESTORE = "in service"


_NORM, _UNACK, _ACK, _RTN, _SHELVED, _SUPPRESSED, _OUT = AlarmState

STANDING = frozenset({_UNACK, _ACK})
"""States of an alarm whose limit is passed."""
UNSEEN = frozenset({_UNACK, _RTN})
"""States in which a person has still to acknowledge."""
HIDDEN = frozenset({_SHELVED, _SUPPRESSED, _OUT})
"""States in which an alarm does not call."""

_ROWS: Mapping[AlarmState, tuple[AlarmState, ...]] = {
    # occur, return, acknowledge, repeat, shelve, unshelve, suppress, unsuppress, remove, restore
    _NORM: (_UNACK, _NORM, _NORM, _NORM, _SHELVED, _NORM, _SUPPRESSED, _NORM, _OUT, _NORM),
    _UNACK: (_UNACK, _RTN, _ACK, _UNACK, _SHELVED, _UNACK, _SUPPRESSED, _UNACK, _OUT, _UNACK),
    _ACK: (_ACK, _NORM, _ACK, _UNACK, _SHELVED, _ACK, _SUPPRESSED, _ACK, _OUT, _ACK),
    _RTN: (_UNACK, _RTN, _NORM, _RTN, _SHELVED, _RTN, _SUPPRESSED, _RTN, _OUT, _RTN),
    _SHELVED: (*(_SHELVED,) * 5, _NORM, _SHELVED, _SHELVED, _OUT, _SHELVED),
    _SUPPRESSED: (*(_SUPPRESSED,) * 4, _SHELVED, _SUPPRESSED, _SUPPRESSED, _NORM, _OUT,
                  _SUPPRESSED),
    _OUT: (*(_OUT,) * 9, _NORM),
}  # fmt: skip

TABLE: Mapping[tuple[AlarmState, Stimulus], AlarmState] = {
    (state, stimulus): after
    for state, row in _ROWS.items()
    for stimulus, after in zip(Stimulus, row, strict=True)
}
