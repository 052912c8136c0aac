"""Models of the line's alarms: limits, texts shared by many, suppression, rules for all."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.base import Condition, Model, Name
from config.words import Priority


class AlarmLimits(Model):
    """Alarm limits of a tag in its unit; delays and deadband keep it from chattering.

    Attributes:
        delay_s: time beyond the limit before it calls.
        off_delay_s: time back from the limit before it returns.
        cause, consequence, response, respond_min: what a person must know; empty or None
            takes the words of an ``alarm_text`` that names the alarm.
        when: compared only while this holds; otherwise the value means nothing.
    """

    low_low: float | None = None
    low: float | None = None
    high: float | None = None
    high_high: float | None = None
    delay_s: float = Field(default=2.0, ge=0.0)
    off_delay_s: float = Field(default=0.0, ge=0.0)
    deadband: float | None = None
    priority: Priority = Priority.MEDIUM
    cause: str = ""
    consequence: str = ""
    response: str = ""
    respond_min: float | None = Field(default=None, gt=0.0)
    when: Condition | None = None


class AlarmText(Model):
    """Words that many alarms share (ISA-18.2 rationalization).

    Attributes:
        alarms: names of alarms, ``TT-501.PV/H``; ``*`` and ``?`` stand for any letters.
        respond_min: minutes a person has before the consequence.
    """

    alarms: tuple[str, ...] = Field(min_length=1)
    cause: str = ""
    consequence: str = ""
    response: str = ""
    respond_min: float | None = Field(default=None, gt=0.0)


class Suppression(Model):
    """Alarms that say nothing while a condition holds; unknown does not suppress.

    Attributes:
        kind: ``phase``: meaningless in this phase or state; ``consequence``: they follow from
            a cause that has its own alarm. Those that stood before the cause stay.
        alarms: names, with ``*`` and ``?``.
    """

    name: Name
    title: str
    kind: Literal["phase", "consequence"]
    when: Condition
    alarms: tuple[str, ...] = Field(min_length=1)


class AlarmRules(Model):
    """What holds for every alarm of the line.

    Attributes:
        longest_shelve_min: no alarm is shelved for longer.
        repeat_min: a standing alarm of high priority or above calls again after this time.
    """

    longest_shelve_min: float = Field(default=240.0, gt=0.0, le=720.0)
    repeat_min: float = Field(default=30.0, ge=1.0)
