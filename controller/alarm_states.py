"""Alarm states of ISA-18.2 without shelving: four states, three stimuli, one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class AlarmState(StrEnum):
    """State of one alarm (ISA-18.2, figure of alarm states)."""

    NORM = "normal"
    UNACK = "unacknowledged"
    ACK = "acknowledged"
    RTN_UNACK = "returned, unacknowledged"


class Stimulus(StrEnum):
    """What may happen to an alarm."""

    OCCUR = "alarm"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"


_NORM, _UNACK, _ACK, _RTN = AlarmState

TABLE: Mapping[tuple[AlarmState, Stimulus], AlarmState] = {
    (_NORM, Stimulus.OCCUR): _UNACK,
    (_NORM, Stimulus.RETURN): _NORM,
    (_NORM, Stimulus.ACKNOWLEDGE): _NORM,
    (_UNACK, Stimulus.OCCUR): _UNACK,
    (_UNACK, Stimulus.RETURN): _RTN,
    (_UNACK, Stimulus.ACKNOWLEDGE): _ACK,
    (_ACK, Stimulus.OCCUR): _ACK,
    (_ACK, Stimulus.RETURN): _NORM,
    (_ACK, Stimulus.ACKNOWLEDGE): _ACK,
    (_RTN, Stimulus.OCCUR): _UNACK,
    (_RTN, Stimulus.RETURN): _RTN,
    (_RTN, Stimulus.ACKNOWLEDGE): _NORM,
}
