"""Times and amounts as people type and read them at the floor."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from controller.materials.errors import BadEntry
from controller.materials.lots import FOREVER_NS

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_FACTORS = {"kg": {"kg": 1.0, "g": 1e-3, "": 1.0}, "m": {"m": 1.0, "": 1.0},
            "pieces": {"pieces": 1.0, "": 1.0}}  # fmt: skip
_NS = 1_000_000_000
WHEN_HELP = "-26h or -30m (ago), 30d (from now), or UTC as 2026-05-04T06:30"


def parse_span_s(text: str) -> float:
    """Seconds of ``30d``, ``24h`` or ``1h30m``.

    Raises:
        BadEntry: it is no span of time.
    """
    found = _DURATION.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise BadEntry(f"{text!r}: write a span of time as 30d, 24h or 90m")
    days, hours, minutes = (float(part or 0) for part in found.groups())
    return days * 86400.0 + hours * 3600.0 + minutes * 60.0


def parse_when(text: str, now_ns: int) -> int:
    """UTC ns of a time as typed (see ``WHEN_HELP``).

    Raises:
        BadEntry: it is no time.
    """
    text = text.strip()
    if _DURATION.fullmatch(text.removeprefix("-")) and text.strip("-"):
        sign = -1 if text.startswith("-") else 1
        return now_ns + sign * round(parse_span_s(text.removeprefix("-")) * _NS)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadEntry(f"time {text!r}: write {WHEN_HELP}") from None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return round(moment.timestamp()) * _NS


def parse_amount(text: str, unit: str) -> float:
    """Amount in ``unit`` of ``12.5kg``, ``760 g`` or a plain number.

    Raises:
        BadEntry: it is no amount in that unit.
    """
    found = _AMOUNT.fullmatch(text.strip())
    factors = _FACTORS[unit]
    if not found or found[2] not in factors:
        raise BadEntry(f"amount {text!r}: a number in {' or '.join(f for f in factors if f)}")
    return float(found[1]) * factors[found[2]]


def parse_part(text: str) -> tuple[str, float]:
    """Lot and kg of ``LOT=2.4kg``.

    Raises:
        BadEntry: it is no such pair.
    """
    lot, sign, amount = text.partition("=")
    if not sign or not lot:
        raise BadEntry(f"component {text!r}: write LOT=AMOUNT, such as P-17=12.67kg")
    return lot.strip(), parse_amount(amount, "kg")


def utc(ns: int | None) -> str:
    """UTC to the minute; a dash for none."""
    if ns is None or ns >= FOREVER_NS:
        return "-"
    return datetime.fromtimestamp(ns // _NS, UTC).strftime("%Y-%m-%d %H:%M")


def span(seconds: float) -> str:
    """A span of time for people: ``3 d 4 h``, ``5.2 h``, ``12 min``."""
    sign = "-" if seconds < 0.0 else ""
    seconds = abs(seconds)
    if seconds >= 2.0 * 86400.0:
        days, rest = divmod(seconds, 86400.0)
        return f"{sign}{days:.0f} d {rest // 3600.0:.0f} h"
    if seconds >= 3600.0:
        return f"{sign}{seconds / 3600.0:.1f} h"
    return f"{sign}{seconds / 60.0:.0f} min"
