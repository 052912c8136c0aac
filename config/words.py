"""Words of few values: sides of the film, roles, levels of trips, priorities of alarms.

Apart from the models, because a command that only talks to the service needs the words and not
the machinery behind the files.
"""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """The two faces of the film: ``air`` faced the air on the belt, ``belt`` the steel."""

    AIR = "air"
    BELT = "belt"


class Role(StrEnum):
    """What a person may do, weakest first."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMIN = "admin"


class Level(StrEnum):
    """What a trip does to the line: warn, hold, controlled stop, outputs safe at once."""

    WARN = "W"
    HOLD = "H"
    CONTROLLED_STOP = "CS"
    OUTPUTS_SAFE = "ES"


class Priority(StrEnum):
    """Alarm priority by consequence and time to respond (ISA-18.2)."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
