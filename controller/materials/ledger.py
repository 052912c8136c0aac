"""From the entries of the book to the floor as it stands: a replay, nothing else.

Every entry was checked by the rules before it was written, so the replay only applies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType

from controller.materials.lots import Charge, Entry, Floor, Lot, sheet_of


class Ledger:
    """Applies entries in order; :meth:`floor` is the picture after the last one."""

    def __init__(self, *, simulated: bool) -> None:
        self.simulated = simulated
        self._lots: dict[str, Lot] = {}
        self._tanks: dict[str, Charge] = {}
        self._charges: dict[int, Charge] = {}
        self._number = self._ns = 0
        self._verbs: dict[str, Callable[[Entry], None]] = {
            "receive": self._receive,
            "mix": self._mix,
            "load": self._load,
            "unload": self._unload,
            "draw": self._draw,
            "close": self._close,
        }

    @property
    def number(self) -> int:
        """Number of the last entry applied."""
        return self._number

    def apply(self, entries: Iterable[Entry]) -> None:
        """Apply entries that follow those already applied."""
        for entry in entries:
            self._verbs[entry.verb](entry)
            self._number, self._ns = entry.number, max(self._ns, entry.ns)

    def floor(self) -> Floor:
        """The floor after the last entry."""
        return Floor(
            self.simulated,
            MappingProxyType(dict(self._lots)),
            MappingProxyType(dict(self._tanks)),
            MappingProxyType(dict(self._charges)),
            self._number,
            self._ns,
        )

    def _receive(self, entry: Entry) -> None:
        sheet = sheet_of(entry.body)
        self._lots[sheet.lot] = Lot(sheet, sheet.amount)

    def _mix(self, entry: Entry) -> None:
        self._receive(entry)
        for lot, amount in self._lots[entry.subject].sheet.components:
            self._take(lot, amount)

    def _load(self, entry: Entry) -> None:
        lot, amount = str(entry.body["lot"]), float(entry.body["amount"])
        before = self._tanks.get(entry.subject)
        portions: dict[str, float] = {}
        if before is not None:
            self._end(before, str(entry.body["onto"] or "return"), entry.number)
            if entry.body["onto"] == "top-up":
                left = before.left
                portions = {name: share * left for name, share in before.shares().items()}
        portions[lot] = portions.get(lot, 0.0) + amount
        self._take(lot, amount)
        self._put(Charge(entry.number, entry.subject, tuple(portions.items()), entry.ns))

    def _unload(self, entry: Entry) -> None:
        before = self._tanks.pop(entry.subject)
        self._end(before, str(entry.body["rest"]), 0)

    def _end(self, charge: Charge, how: str, successor: int) -> None:
        """A filling ends: its rest goes on in the tank, back to its lots, or away."""
        how = "return" if how == "swap" else how
        self._charges[charge.number] = replace(
            charge, ended=how, successor=successor if how == "top-up" else 0
        )
        if how == "return":
            for lot, share in charge.shares().items():
                self._take(lot, -share * charge.left)

    def _draw(self, entry: Entry) -> None:
        charge = self._charges[int(entry.body["charge"])]
        run, total = str(entry.body["run"]), float(entry.body["total"])
        before = charge.left
        charge = replace(charge, drawn=MappingProxyType({**charge.drawn, run: total}))
        self._charges[charge.number] = charge
        if not charge.ended:
            self._tanks[charge.tank] = charge
        else:
            self._late(charge, before - charge.left)

    def _late(self, charge: Charge, amount: float) -> None:
        """Drawn before a filling ended, but booked after: taken from where its rest went."""
        if charge.ended == "return":
            for lot, share in charge.shares().items():
                self._take(lot, share * amount)
        elif charge.ended == "top-up":
            follower = self._charges[charge.successor]
            shares = charge.shares()
            portions = tuple(
                (lot, max(0.0, kept - shares.get(lot, 0.0) * amount))
                for lot, kept in follower.portions
            )
            follower = replace(follower, portions=portions)
            self._charges[follower.number] = follower
            if not follower.ended:
                self._tanks[follower.tank] = follower

    def _close(self, entry: Entry) -> None:
        lot = self._lots[entry.subject]
        self._lots[entry.subject] = replace(lot, closed=str(entry.body["how"]), why=entry.reason)

    def _take(self, lot: str, amount: float) -> None:
        known = self._lots[lot]
        self._lots[lot] = replace(known, left=max(0.0, known.left - amount))

    def _put(self, charge: Charge) -> None:
        self._charges[charge.number] = self._tanks[charge.tank] = charge
