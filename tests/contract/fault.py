"""A file with one planted fault, made from a shipped file.

A fault replaces ``find`` in a shipped file by ``plant``; the mark ``¦`` in ``plant`` shows
where the message must point, and is taken out. A fault of bytes is made by a function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CONFIG = Path(__file__).resolve().parents[2] / "config"
SHIPPED = {
    "line": CONFIG / "lines" / "pilot.toml",
    "recipe": CONFIG / "recipes" / "core25_layer030.toml",
    "material": CONFIG / "materials" / "s-bpda_ppd.toml",
}
MARK = "¦"


@dataclass(frozen=True)
class Fault:
    """One planted fault: the file kind, what is replaced, and what the message must say."""

    name: str
    kind: str
    find: str
    plant: str
    category: str
    says: str
    raw: Callable[[bytes], bytes] | None = None

    def build(self, folder: Path) -> tuple[Path, tuple[int, int]]:
        """Write the broken file; return it and the line and column of the fault."""
        shipped = SHIPPED[self.kind]
        text = shipped.read_text("utf-8")
        assert text.count(self.find) >= 1, f"{self.name}: the shipped file changed"
        marked = text.replace(self.find, self.plant, 1)
        before = marked[: marked.index(MARK)]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        raw = marked.replace(MARK, "").encode()
        path = folder / shipped.name
        path.write_bytes(self.raw(raw) if self.raw else raw)
        return path, place
