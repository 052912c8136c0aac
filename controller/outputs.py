"""Outputs as the gate keeps them: specification, owner, and what was last asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from config.models import Line, TagSpec, WriteSpec
from controller.errors import WiringError
from controller.refusals import Source
from controller.tags import TagTable

RATE_CREDIT_S = 5.0


class Mode(StrEnum):
    """Who owns a unit's outputs."""

    AUTO = "auto"  # recipe and loops
    MANUAL = "manual"  # an operator


@dataclass(frozen=True, slots=True)
class Forced:
    """An output held by an interlock."""

    tag: str
    value: float
    trip: str


@dataclass(slots=True)
class Output:
    """One writable tag.

    Attributes:
        index: row in the tag table.
        unit: equipment that is taken to manual as a whole; on a line that names none,
            ``SIC-110`` of ``SIC-110.SP``.
        credit: change the rate limit still lets through, in the tag's unit.
        last_ns: UTC ns of the last accepted request.
        last_source: who made it.
        shed: why the output was shed; empty while it is in service.
        refused: causes of the last refusal, so that a repeated one is told once.
    """

    index: int
    name: str
    spec: TagSpec
    write: WriteSpec
    unit: str
    credit: float
    last_ns: int = 0
    last_source: Source = Source.LOOP
    shed: str = ""
    refused: tuple[str, ...] = ()

    def credit_at(self, now_ns: int) -> float:
        """Change allowed now: it grows with time, up to 5 s worth."""
        rate = self.write.rate_per_s or 0.0
        grown = self.credit + rate * (now_ns - self.last_ns) * 1e-9
        return min(grown, rate * RATE_CREDIT_S)


def collect_outputs(line: Line, table: TagTable) -> dict[int, Output]:
    """Writable tags of the line by row.

    Raises:
        WiringError: an effect writes a tag that is not writable, or outside its range.
    """
    outputs = {output.index: output for output in _outputs(line, table)}
    writable = {output.name: output for output in outputs.values()}
    for effect in line.effect:
        for tag, value in effect.writes.items():
            if tag not in writable:
                raise WiringError(f"effect {effect.name}: tag {tag} is not writable")
            low, high = writable[tag].write.range
            if not low <= value <= high:
                raise WiringError(f"effect {effect.name}: {tag} = {value:g} is out of range")
    return outputs


def _outputs(line: Line, table: TagTable) -> Iterator[Output]:
    units = {loop: equipment.name for equipment in line.equipment for loop in equipment.loops}
    for instrument in line.instrument:
        for spec in instrument.tags:
            if spec.write is None:
                continue
            stem = spec.name.rpartition(".")[0] or spec.name
            unit = units.get(stem, stem)
            credit = (spec.write.rate_per_s or 0.0) * RATE_CREDIT_S
            yield Output(table.index(spec.name), spec.name, spec, spec.write, unit, credit)
