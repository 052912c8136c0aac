"""Write docs/trips.md: the cause-and-effect table of the pilot line, from its line file.

    .venv/bin/python tools/trip_table.py          writes docs/trips.md

``config/lines/pilot.toml`` is the only place where a threshold or an action is stated; this
page is read, never edited. ``tests/contract/test_docs.py`` fails when it is out of date.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from config.loader import load_line  # noqa: E402 - the repository is not always installed
from config.models import Condition, Line, Trip  # noqa: E402

LINE_FILE = ROOT / "config" / "lines" / "pilot.toml"
PAGE = ROOT / "docs" / "trips.md"

_HEAD = """# Trips of the pilot line

Generated from [config/lines/pilot.toml](../config/lines/pilot.toml) by
[tools/trip_table.py](../tools/trip_table.py); do not edit. What the levels, latching and the
three-valued conditions mean is in [safety.md](safety.md).

Levels: **W** warn, **H** hold, **CS** controlled stop, **ES** outputs safe at once. A row
marked *permissive* is not latched: it acts while its cause stands, and unknown counts as
standing. Every other row latches until a person resets it. "Blocks" names outputs whose
increase is refused while the row acts. A row is not evaluated while the condition under
"Watched while" is false; a letter there names one of the [longer conditions](#watched-while).
"""


class Page:
    """The page while it is written.

    Args:
        line: the line file.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._units = {tag.name: tag.unit for one in line.instrument for tag in one.tags}
        self._units |= {tag.name: tag.unit for tag in line.calculated}
        self._watched: dict[str, str] = {}

    def render(self) -> str:
        """Text of the whole page."""
        parts = [_HEAD]
        for family, trips in groupby(self._line.trip, key=family_of):
            parts.append(self._section(family, list(trips)))
        parts.append(self._effects())
        parts.append(self._conditions())
        return "\n".join(parts)

    def _section(self, family: str, trips: list[Trip]) -> str:
        lines = [
            f"## {family}",
            "",
            "| Trip | Hazard | Level | What | When | Does | Watched while |",
        ]
        lines.append("|---|---|---|---|---|---|---|")
        lines += [self._row(trip) for trip in trips]
        return "\n".join(lines) + "\n"

    def _row(self, trip: Trip) -> str:
        level = trip.level.value if trip.latched else f"{trip.level.value}, permissive"
        cells = (
            f"`{trip.name}`", trip.hazard, level, trip.title,
            _bare(self.words(trip.when)), _does(trip), self._watch(trip.enabled),
        )  # fmt: skip
        return "| " + " | ".join(cells) + " |"

    def _watch(self, enabled: Condition | None) -> str:
        if enabled is None:
            return "always"
        text = _bare(self.words(enabled))
        if enabled.tag is not None:
            return text
        return self._watched.setdefault(text, _letters(len(self._watched)))

    def words(self, condition: Condition) -> str:
        """A condition as one readable line."""
        text = self._unheld(condition)
        return f"{text} for {condition.for_s:g} s" if condition.for_s else text

    def _unheld(self, condition: Condition) -> str:
        if condition.not_ is not None:
            return f"not ({self.words(condition.not_)})"
        for joint, members in (("and", condition.all), ("or", condition.any)):
            if members is not None:
                texts = [self.words(member) for member in members]
                joined = f" {joint} ".join(texts)
                return f"({joined})" if len(texts) > 1 else joined
        return self._test(condition)

    def _test(self, condition: Condition) -> str:
        tag = condition.tag or ""
        unit = self._units[tag]
        shown = "" if unit == "1" else f" {unit}"
        numbers = (("above", condition.above), ("below", condition.below),
                   ("at", condition.equals))  # fmt: skip
        for word, number in numbers:
            if number is not None:
                return f"{tag} {word} {number:g}{shown}"
        for word, other in (("above", condition.above_tag), ("below", condition.below_tag)):
            if other is not None:
                factor = "" if condition.factor == 1.0 else f"{condition.factor:g} x "
                offset = _offset(condition.offset, unit)
                return f"{tag} {word} {factor}{other}{offset}"
        if condition.rising_above is not None:
            return f"{tag} rising faster than {condition.rising_above:g}{shown}/s"
        return f"{tag} {'not GOOD' if condition.not_good else 'GOOD'}"

    def _effects(self) -> str:
        lines = ["## Effects", "", "| Effect | Means | Writes |", "|---|---|---|"]
        for effect in self._line.effect:
            writes = ", ".join(f"{tag} = {value:g}" for tag, value in effect.writes.items())
            lines.append(f"| `{effect.name}` | {effect.description} | {writes} |")
        return "\n".join(lines) + "\n"

    def _conditions(self) -> str:
        lines = ["## Watched while", "", "| Letter | Condition |", "|---|---|"]
        lines += [f"| {letter} | {text} |" for text, letter in self._watched.items()]
        return "\n".join(lines) + "\n"


def family_of(trip: Trip) -> str:
    """Heading a row stands under: ``IL3`` for ``IL3CS-B1``."""
    found = re.match(r"IL\d+|[A-Z]+", trip.name)
    return found[0] if found else trip.name


def _bare(text: str) -> str:
    """Without the brackets around a whole list of tests."""
    return text[1:-1] if text.startswith("(") and text.find(")") == len(text) - 1 else text


def _offset(value: float, unit: str) -> str:
    """An offset with its sign; a difference of temperatures is in K."""
    if not value:
        return ""
    shown = {"1": "", "degC": " K"}.get(unit, f" {unit}")
    return f" {'+' if value > 0 else '-'} {abs(value):g}{shown}"


def _does(trip: Trip) -> str:
    parts = [f"`{name}`" for name in trip.effects]
    if trip.blocks:
        parts.append("blocks " + ", ".join(trip.blocks))
    if trip.leaves:
        parts.append("leaves alone " + ", ".join(trip.leaves))
    return "; ".join(parts) or "tells"


def _letters(number: int) -> str:
    first, second = divmod(number, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + second)


def main() -> int:
    """Write the page."""
    PAGE.write_text(Page(load_line(LINE_FILE)).render(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
