"""What the lot book knows: lots, what they are, and the fillings (charges) of the tanks.

Amounts are in the unit of the kind: kg for liquids, m for leader, pieces for winder cores.
Times are UTC ns; a simulated book counts line time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

HOUR_NS = 3_600_000_000_000
POT_LIFE_H = 24.0  # coating liquid, from mixing (process specification 1.2)
FOREVER_NS = 2**63 - 1


class Kind(StrEnum):
    """Kinds of lots."""

    DOPE = "dope"
    COATING = "coating"
    PRECURSOR = "precursor"
    AGENT = "agent"
    SOLVENT = "solvent"
    LEADER = "leader"
    CORE = "core"


UNITS: Mapping[Kind, str] = dict.fromkeys(Kind, "kg") | {Kind.LEADER: "m", Kind.CORE: "pieces"}
"""Unit in which a lot of each kind is counted."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a lot is: written once, when it is received or mixed.

    Attributes:
        lot: our name of it. supplier, supplier_lot: theirs; empty when made here.
        what: polymer, solvent or agent by the name of its material file; else free text.
        solvent: of a solution. solids_wt_pct: precursor in it. agent, agent_wt_pct: in a
            coating liquid.
        viscosity_pa_s: when somebody measured it.
        made_ns: made or mixed. expires_ns: last use, None: no date. pot_life_h: from made_ns.
        amount: received or mixed, in the kind's unit.
        components: lots weighed in, and how much of each.
    """

    lot: str
    kind: Kind
    what: str
    amount: float
    made_ns: int
    solvent: str = ""
    solids_wt_pct: float = 0.0
    agent: str = ""
    agent_wt_pct: float = 0.0
    viscosity_pa_s: float | None = None
    supplier: str = ""
    supplier_lot: str = ""
    expires_ns: int | None = None
    pot_life_h: float | None = None
    components: tuple[tuple[str, float], ...] = ()

    @property
    def unit(self) -> str:
        """Unit of its amounts."""
        return UNITS[self.kind]

    @property
    def pot_until_ns(self) -> int:
        """End of the pot life; far away when it has none."""
        if self.pot_life_h is None:
            return FOREVER_NS
        return self.made_ns + round(self.pot_life_h * HOUR_NS)

    @property
    def good_until_ns(self) -> int:
        """When it may no longer be used: the earlier of expiry and pot life."""
        return min(FOREVER_NS if self.expires_ns is None else self.expires_ns, self.pot_until_ns)

    def title(self) -> str:
        """What it is, in words: ``s-BPDA/PPD 18 wt% in DMAc``."""
        if self.kind in {Kind.DOPE, Kind.PRECURSOR, Kind.COATING}:
            agent = f" + {self.agent} {self.agent_wt_pct:.3g} wt%" if self.agent else ""
            return f"{self.what} {self.solids_wt_pct:.3g} wt%{agent} in {self.solvent}"
        return self.what

    def body(self) -> dict[str, Any]:
        """As plain values for the book and the record."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {"kind": str(self.kind), "components": [list(c) for c in self.components]}


def sheet_of(body: Mapping[str, Any]) -> Sheet:
    """The sheet that :meth:`Sheet.body` gave."""
    parts = tuple((str(lot), float(amount)) for lot, amount in body["components"])
    return Sheet(**{**body, "kind": Kind(body["kind"]), "components": parts})


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot as it stands.

    Attributes:
        left: amount on the floor, outside tanks. closed: ``used-up`` or ``discarded``, else
            empty. why: reason given for closing.
    """

    sheet: Sheet
    left: float
    closed: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """One filling of a tank, until the next load or unload.

    Attributes:
        number: of the book's entry that made it. tank: where.
        portions: amounts of each lot when it was made; what is drawn takes all in proportion.
        loaded_ns: when. drawn: amount drawn by each run, as booked.
        ended: how it ended (``top-up``, ``return``, ``discard``), empty while it lies there.
        successor: the filling that took over its rest after a top-up.
    """

    number: int
    tank: str
    portions: tuple[tuple[str, float], ...]
    loaded_ns: int
    drawn: Mapping[str, float] = field(default_factory=dict)
    ended: str = ""
    successor: int = 0

    @property
    def loaded(self) -> float:
        """Amount in the tank when it was made."""
        return sum(amount for _, amount in self.portions)

    @property
    def left(self) -> float:
        """Amount in the tank by the book; 0 when more was drawn than there was."""
        return max(0.0, self.loaded - sum(self.drawn.values()))

    def shares(self) -> dict[str, float]:
        """Share of each lot, 0..1."""
        total = self.loaded
        return {lot: amount / total for lot, amount in self.portions} if total > 0.0 else {}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the book: who did what to which lot or tank, when and why."""

    number: int
    ns: int
    verb: str
    subject: str
    actor: str
    reason: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Floor:
    """All lots and tanks at one moment; a picture that never changes.

    Attributes:
        simulated: the book is one of a simulated line.
        lots: by name. tanks: present filling by tank. charges: every filling by number.
        number, ns: of the last entry seen; 0 in an empty book.
    """

    simulated: bool
    lots: Mapping[str, Lot]
    tanks: Mapping[str, Charge]
    charges: Mapping[int, Charge]
    number: int = 0
    ns: int = 0


EMPTY = Floor(simulated=False, lots={}, tanks={}, charges={})
