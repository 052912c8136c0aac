"""Arguments as they came over the wire, checked; what is wrong becomes a reason of refusal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_TEXT = 500
_ON, _OFF = ("on", "true", "yes", "open"), ("off", "false", "no", "closed")

Args = dict[str, object]


class Refused(Exception):
    """The verb cannot be done.

    Attributes:
        reasons: every reason.
        data: what a program may need to ask better.
    """

    def __init__(self, *reasons: str, **data: object) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
        self.data = data


def text(args: Args, key: str, *, needed: str = "") -> str:
    """Text of an argument on one line, without control characters.

    Args:
        args: all arguments.
        key: its name.
        needed: what to say when it is missing; empty when it may be.
    """
    found = args.get(key, "")
    if found is None:
        found = ""
    if not isinstance(found, str):
        raise Refused(f"{key} is a text")
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in found).split())
    if len(cleaned) > LONGEST_TEXT:
        raise Refused(f"{key} is longer than {LONGEST_TEXT} characters")
    if needed and not cleaned:
        raise Refused(needed)
    return cleaned


def number(args: Args, key: str) -> float:
    """Finite number of an argument; on, off and the like count as 1 and 0."""
    found = args.get(key)
    if isinstance(found, str):
        if found.lower() in _ON or found.lower() in _OFF:
            return float(found.lower() in _ON)
        try:
            found = float(found)
        except ValueError:
            raise Refused(f"{key} {found!r} is not a number") from None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Refused(f"{key} is a number")
    try:
        value = float(found)
    except OverflowError:
        raise Refused(f"{key} is not a number") from None
    if not math.isfinite(value):
        raise Refused(f"{key} {value} is not a number")
    return value


def texts(args: Args, key: str, most: int = 200) -> list[str]:
    """List of texts of an argument."""
    found = args.get(key, [])
    if not isinstance(found, list) or len(found) > most:
        raise Refused(f"{key} is a list of at most {most} names")
    return [text({key: item}, key) for item in found]


def named_texts(args: Args) -> dict[str, str]:
    """Arguments of an operation: names with texts."""
    found = args.get("args", {})
    if not isinstance(found, dict):
        raise Refused("args are names with texts")
    return {str(key): text({"value": value}, "value") for key, value in found.items()}


def meant(name: str, known: Iterable[str]) -> str:
    """Hint for a name that is not known: ``; did you mean TIC-501.PV?``, or nothing."""
    names = list(known)
    upper = {candidate.upper(): candidate for candidate in names}
    if name.upper() in upper:
        return f"; did you mean {upper[name.upper()]}?"
    close = get_close_matches(name.upper(), upper, n=3, cutoff=0.6)
    starts = [each for each in upper if each.startswith(name.upper())][:3] if name else []
    found = [upper[each] for each in dict.fromkeys((*starts, *close))][:3]
    return f"; did you mean {' or '.join(found)}?" if found else ""
