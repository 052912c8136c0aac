"""What differs between the journal and the plant, as data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

from config.models import Line
from controller.restart.memory import Outputs

_SP, _RUN = ".SP", ".RUN"

Read = Callable[[str], float]
"""GOOD value of a tag as its device shows it; NaN when it is not GOOD."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the journal says.

    Attributes:
        tag: what. wanted: before the restart; NaN when nothing was. found: NaN when not GOOD.
        unit: of both. note: what follows from it.
    """

    tag: str
    wanted: float
    found: float
    unit: str
    note: str

    def row(self) -> dict[str, object]:
        """As plain data; unknown values are None."""
        return {k: None if v != v else v for k, v in asdict(self).items()}  # noqa: PLR0124 - NaN

    def text(self) -> str:
        """For people."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        wanted = "nothing" if math.isnan(self.wanted) else f"{self.wanted:g}{unit}"
        found = "not GOOD" if math.isnan(self.found) else f"{self.found:g}{unit}"
        return f"{self.tag}: wanted {wanted}, found {found}; {self.note}"


def compare(line: Line, outputs: Outputs, found: Read) -> list[Difference]:
    """Every output that is not as it was wanted, and every one that is on unasked.

    Args:
        line: its writable tags, with tolerances.
        outputs: requests before the restart.
        found: what the devices show.
    """
    rows = []
    for instrument in line.instrument:
        for tag in instrument.tags:
            if tag.write is None or tag.write.one_shot:
                continue
            wanted, value = outputs.requests.get(tag.name, math.nan), found(tag.name)
            step = 0.0 if tag.kind == "bool" else tag.resolution
            limit = max(tag.write.tolerance, 0.5 * step) + step
            at_rest = math.isnan(value) or value in (0.0, tag.write.safe)
            unasked = math.isnan(wanted) and at_rest
            if unasked or abs(value - wanted) <= limit:
                continue
            rows.append(Difference(tag.name, wanted, value, tag.unit, _note(wanted, value)))
    return rows


def actual_speeds(line: Line, outputs: Outputs, found: Read) -> list[Difference]:
    """Drives whose measured speed is not the one that was wanted: at their own safe speed."""
    units = {tag.name: tag.unit for one in line.instrument for tag in one.tags}
    rows = []
    for tag, wanted in outputs.requests.items():
        drive = tag.removesuffix(_SP)
        actual = f"{drive}.ACT"
        if not tag.endswith(_SP) or actual not in units:
            continue
        target = wanted if outputs.requests.get(f"{drive}{_RUN}", 0.0) > 0.5 else 0.0
        speed = found(actual)
        if not abs(speed - target) <= max(0.03 * target, 0.05):
            note = "runs on as found" if speed > 0.05 else "stands; only a person starts it"
            rows.append(Difference(actual, target, speed, units[actual], note))
    return rows


def _note(wanted: float, found: float) -> str:
    if math.isnan(found):
        return "its device does not answer"
    if math.isnan(wanted):
        return "found so; nobody had asked"
    return "the device let go of it; only a person gets it back" if found < wanted else "found so"
