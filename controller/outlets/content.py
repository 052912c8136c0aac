"""What a mirror hands over: slices of a record, and whose record it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.historian.blocks import Rows
from controller.historian.heads import KeptHead
from controller.historian.identity import SIMULATED
from controller.outlets.cursor import Progress


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose record it is: line, lot, and ``SIMULATED`` or ``plant``."""

    line: str
    lot: str
    plant: str
    opened_ns: int

    @property
    def simulated(self) -> bool:
        """Whether no real film was made."""
        return self.plant == SIMULATED


@dataclass(frozen=True, slots=True)
class TagPlace:
    """A column of a scan group."""

    name: str
    unit: str
    station: str | None
    resolution: float


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A scan group as a mirror sees it."""

    id: int
    name: str
    tags: tuple[TagPlace, ...]

    @property
    def station(self) -> str | None:
        """The one station at which all of the group measures; None without such a one."""
        found = {tag.station for tag in self.tags}
        return next(iter(found)) if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one scan group.

    Attributes:
        group: the scan group.
        first: number of the first row in its scan group, from 0.
        rows: stamps, values and qualities.
        film_s: label of the film at the group's station, NaN where unknown; None without one.
        film_m: roll meter that this film is expected to become.
    """

    group: GroupInfo
    first: int
    rows: Rows
    film_s: NDArray[np.float64] | None
    film_m: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Noted:
    """An event: number, time, and how many events of the same stamp came before it."""

    id: int
    ns: int
    source: str
    verb: str
    tag: str
    old: Any
    new: Any
    cause: str
    actor: str
    place: int


@dataclass(frozen=True, slots=True)
class Traverse:
    """A scanner profile, condensed."""

    id: int
    ns: int
    scanner: str
    valid: int
    from_m: float | None
    to_m: float | None
    mean: float | None
    sigma: float | None
    least: float | None
    greatest: float | None


@dataclass(frozen=True, slots=True)
class Slice:
    """What a mirror hands over at once.

    Attributes:
        pieces, events, profiles: the content.
        progress: where the cursor stands once the server has accepted it.
        behind_rows: rows of the record that are still to come after this slice.
        behind_s: line seconds of record after this slice.
        sealed: the record is closed: nothing can be added to it.
        head: of the record's chain, when it is not the one handed over last.
    """

    pieces: tuple[Piece, ...]
    events: tuple[Noted, ...]
    profiles: tuple[Traverse, ...]
    progress: Progress
    behind_rows: int
    behind_s: float
    sealed: bool
    head: KeptHead | None = None

    @property
    def rows(self) -> int:
        """Rows of scan groups."""
        return sum(len(piece.rows.sent) for piece in self.pieces)

    @property
    def values(self) -> int:
        """Values, good or not."""
        return sum(piece.rows.values.size for piece in self.pieces)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to hand over."""
        return not (self.pieces or self.events or self.profiles or self.head)
