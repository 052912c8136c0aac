"""Times and values of tags as text, for every command and the picture of the line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def clock(ns: int) -> str:
    """UTC as ``14:03:22``."""
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%H:%M:%S")


def span(seconds: float) -> str:
    """A time span as ``1:02:03`` or ``2:03``."""
    whole = int(max(seconds, 0.0))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def shown(row: dict[str, Any]) -> str:
    """Value of a tag with its unit; ``BAD`` and why, or marked UNCERTAIN."""
    value, quality = row.get("value"), str(row.get("quality"))
    if value is None or quality.startswith(("BAD", "0x")):
        return quality.replace("_", " ").replace("BAD ", "BAD: ").lower().replace("bad", "BAD")
    unit = "" if row.get("unit") == "1" else f" {row.get('unit')}"
    text = f"{value:.{int(row.get('digits', 2))}f}{unit}"
    return text if row.get("good") else f"{text} UNCERTAIN"
