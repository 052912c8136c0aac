"""Which run a record belongs to: lot, line, recipe, seed, software, and their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.models import Line
from controller.historian.errors import RecordMismatch

SIMULATED = "SIMULATED"
PLANT = "plant"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a record says of itself from its first commit on.

    Attributes:
        lot: name of the lot.
        line_text: the line file as read.
        recipe_text: the recipe file as read.
        software: name and version of the controller.
        simulated: the plant is a simulator; the record says SIMULATED for ever.
        seed: seed of the simulation, None on a plant.
        extra: anything else worth binding (material files, start, faults), by key.
    """

    lot: str
    line_text: str
    recipe_text: str
    software: str
    simulated: bool
    seed: int | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def meta(self, line: Line, now_ns: int) -> dict[str, str]:
        """Key and text of every row of table ``meta`` when a record begins."""
        return {f"extra.{key}": text for key, text in self.extra.items()} | {
            "lot": self.lot,
            "plant": SIMULATED if self.simulated else PLANT,
            "seed": "" if self.seed is None else str(self.seed),
            "software": self.software,
            "opened_ns": str(now_ns),
            "line": line.line.name,
            "line_text": self.line_text,
            "line_text_sha256": sha256(self.line_text),
            "line_sha256": line_hash(line),
            "recipe_text": self.recipe_text,
            "recipe_text_sha256": sha256(self.recipe_text),
        }


def sha256(text: str) -> str:
    """SHA-256 of a text as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def line_hash(line: Line) -> str:
    """SHA-256 of the line as canonical JSON: equal however its file is laid out."""
    content = line.model_dump(mode="json", by_alias=True)
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def refuse_other(stored: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Raise RecordMismatch unless a record may be continued under this identity."""
    for key in ("lot", "plant", "line_sha256", "recipe_text_sha256"):
        if stored.get(key) != wanted[key]:
            raise RecordMismatch(
                f"the record was begun with {key} {stored.get(key)!r}, not {wanted[key]!r}"
            )
