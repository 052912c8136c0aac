"""Times as people write and read them: within the run, or in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from controller.historian.errors import BadQuery

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_SECOND: Final = 1_000_000_000

TIME_HELP: Final = (
    "1h20m, 90s: after the start of the record; -10m: before its end; or UTC, 2026-05-04T06:30:00."
)


def parse_time(text: str, span: tuple[int, int]) -> int:
    """UTC ns of a time as written (see ``TIME_HELP``).

    Args:
        text: the time.
        span: first and last time of the record.

    Raises:
        BadQuery: the text is no time.
    """
    from_end = text.startswith("-")
    match = _DURATION.fullmatch(text.removeprefix("-"))
    if match and any(match.groups()):
        hours, minutes, seconds = (float(part or 0) for part in match.groups())
        away = round((hours * 3600 + minutes * 60 + seconds) * _SECOND)
        return span[1] - away if from_end else span[0] + away
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery(f"time {text!r}: write {TIME_HELP}") from None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return round(moment.timestamp() * 1e6) * 1000


def parse_meters(text: str) -> tuple[float, float]:
    """Two roll meters written as ``20:35.5``.

    Raises:
        BadQuery: the text is no such range.
    """
    first, colon, last = text.partition(":")
    try:
        meters = float(first), float(last)
    except ValueError:
        meters = (1.0, 0.0)
    if not colon or not 0.0 <= meters[0] < meters[1]:
        raise BadQuery(f"meters {text!r}: write FROM:TO, such as 20:35.5")
    return meters


def run_time(ns: int, start_ns: int) -> str:
    """Time since the start of the record as h:mm:ss.s."""
    tenths = (ns - start_ns) // (_SECOND // 10)
    sign, tenths = ("-", -tenths) if tenths < 0 else ("", tenths)
    seconds, tenth = divmod(tenths, 10)
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{tenth}"
