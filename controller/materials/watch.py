"""The tanks as the scan sees them: levels by bookkeeping, whether each lot may be used.

A part of the scan. It works on a picture of the lot book (:class:`Floor`) that others refresh
and on measured flows; it never reads a file. A lot that may not be used makes ``OK`` false:
phases do not start on it and a trip of the line file holds the run. It starts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan

from config.loader import Materials
from config.models import Line, Recipe
from controller.events import Event
from controller.materials.contents import Contents
from controller.materials.forecast import density_kg_cc, is_fluid, needed_s, needs
from controller.materials.lots import Charge, Floor, Sheet
from controller.materials.match import mismatch
from controller.procedure.tanks import WORDS, TankFault, tank_tag
from controller.scan import ScanOutput
from controller.tags import Snapshot, TagTable
from drivers.base import Block, Quality

SOURCE = "material"
JOURNAL = "lots"
PUBLISH_S = 1.0
BOOK_S = 120.0  # what a crash can lose of the bookkeeping
_NS = 1e9
_FAR_S = 4e9
_GOOD, _DOUBT = int(Quality.GOOD), int(Quality.UNCERTAIN_SUBNORMAL)
_PARTS = ("OK", "CODE", "CHARGE", "LEVEL", "SIGMA", "AGE", "LIFE", "SPARE", "SHARE")
Note = Callable[[int, str, str], None]
"""Writes an entry of the journal: line time, subject, text."""

_TAKES = {"film.leader": "leader", "film.collect": "core", "roll.change": "core"}
_ONCE = "film.collect"  # said again when a held phase goes on; the others are said once


@dataclass(frozen=True, slots=True)
class Draw:
    """What a run has drawn of a filling until ``ns``: waits to be written to the book."""

    ns: int
    tank: str
    charge: int
    total: float


class TankWatch:
    """Contents of all tanks of a line during one run.

    Args:
        floor: the book's picture, None when there is no book.
        run: name under which consumption is booked.
        note: writes an entry of the record's journal: the lots of each filling.
    """

    def __init__(
        self, line: Line, table: TagTable, recipe: Recipe, materials: Materials,
        floor: Floor | None, run: str, note: Note,
    ) -> None:  # fmt: skip
        self._line, self._materials = line, materials
        self._floor, self._note_down = floor, note
        self._contents = {tank.name: Contents(tank, run) for tank in line.tank}
        declared = {tag.name for tag in line.calculated}
        self._parts = {
            tank.name: [part for part in _PARTS if tank_tag(tank.name, part) in declared]
            for tank in line.tank
        }
        tags = [tank_tag(name, part) for name, parts in self._parts.items() for part in parts]
        self._writer = table.attach(Block("material", tuple(tags), PUBLISH_S)) if tags else None
        self._flows = {
            t.name: (
                table.index(t.flow),
                None if t.while_on is None else table.index(t.while_on),
                None if t.film_on is None else table.index(t.film_on),
            )
            for t in line.tank
            if t.flow is not None
        }
        self._rows = table.index("film.CAST_M"), table.index("film.ROLL_M")
        self._words: dict[str, str] = {}
        self._collecting = False
        self._rolls_done = 0
        self._taken: list[Event] = []
        self._waiting: list[Draw] = []
        self._booked: dict[int, float] = {}
        self._since_book = self._due = 0.0
        self._trouble = self._told_trouble = ""
        self.use_recipe(recipe)

    def use_recipe(self, recipe: Recipe) -> None:
        """Judge the lots for another recipe from now on."""
        self._recipe = recipe
        self._needs = needs(self._line, recipe, self._materials)

    # --- the book's side (outside the scan) -----------------------------------------------

    def take(self, floor: Floor) -> None:
        """Look at a newer picture of the book."""
        self._floor, self._trouble = floor, ""

    def fail(self, trouble: str) -> None:
        """The book cannot be read or written now: the last picture stays, and it is told."""
        self._trouble = trouble

    def recovered(self) -> None:
        """The book answers again, with nothing new."""
        self._trouble = ""

    def draws(self, now_ns: int, *, all_of_them: bool = False) -> list[Draw]:
        """Consumption to be booked now; what is returned counts as booked."""
        if all_of_them or self._since_book >= BOOK_S:
            self._since_book = 0.0
            for contents in self._contents.values():
                self._note(contents, now_ns)
        found, self._waiting = self._waiting, []
        return found

    def give_back(self, draws: Sequence[Draw]) -> None:
        """These could not be booked: they wait for the next time."""
        self._waiting = [*draws, *self._waiting]

    def _note(self, contents: Contents, now_ns: int) -> None:
        charge = contents.charge
        if charge is None or contents.drawn <= self._booked.get(charge.number, 0.0):
            return
        self._booked[charge.number] = contents.drawn
        total = round(contents.drawn, 6)
        self._waiting.append(Draw(now_ns, contents.tank.name, charge.number, total))

    # --- the scan's side -----------------------------------------------------------------------

    def step(self, snapshot: Snapshot, now_ns: int, dt: float) -> Sequence[Event]:
        """Integrate flows; once a second judge the lots and publish."""
        known = snapshot.known
        for name, (flow, gate, head) in self._flows.items():
            on = gate is None or known[gate] > 0.5
            film = head is None or known[head] > 0.5
            self._contents[name].flow(known[flow], on=on, film=film, dt=dt)
        self._since_book += dt
        self._due -= dt
        if self._due > 1e-9:
            return ()
        self._due = PUBLISH_S
        return self._look(known, now_ns)

    def hear(self, output: ScanOutput) -> None:
        """Leader and core are taken at once, when the film's switches say so."""
        for event in output.events:
            if event.verb != "switch" or event.tag not in _TAKES:
                continue
            on, was = event.new == "on", self._collecting and event.tag == _ONCE
            if event.tag == _ONCE:
                self._collecting = on
            if on and not was:
                self._take(_TAKES[event.tag], event.ns)
                self._rolls_done += event.tag == "roll.change"

    def _take(self, holds: str, now_ns: int) -> None:
        for name, contents in self._contents.items():
            if contents.tank.holds == holds and contents.charge is not None:
                amount = contents.tank.least if holds == "leader" else 1.0
                contents.take(amount)
                lots = ", ".join(sheet.lot for sheet in self._sheets(contents.charge))
                self._taken.append(
                    Event(now_ns, SOURCE, "take", tank_tag(name, "LEVEL"), None, amount, lots)
                )

    def level(self, tank: str) -> float:
        """Computed contents of a tank."""
        return self._contents[tank].level

    def _look(self, known: list[float], now_ns: int) -> list[Event]:
        events, self._taken = self._taken, []
        if self._trouble != self._told_trouble:
            self._told_trouble = self._trouble
            events.append(Event(now_ns, SOURCE, "book", "", None, None, self._trouble or "again"))
        cast, roll = (0.0 if isnan(known[row]) else known[row] for row in self._rows)
        need_s = needed_s(self._line, self._recipe, cast, roll, self._rolls_done)
        values: list[float] = []
        quality: list[int] = []
        for name, contents in self._contents.items():
            events += self._follow(contents, now_ns)
            fault, why = self._judge(contents, now_ns)
            events += self._tell(name, fault, why, now_ns)
            row = self._values(contents, fault, need_s, now_ns)
            for part in self._parts[name]:
                value, good = row[part]
                values.append(value)
                quality.append(_GOOD if good else _DOUBT)
        if self._writer is not None:
            self._writer.write(values, quality, now_ns, now_ns)
        return events

    def _follow(self, contents: Contents, now_ns: int) -> list[Event]:
        """Take over what the book says lies in the tank."""
        charge = None if self._floor is None else self._floor.tanks.get(contents.tank.name)
        before = contents.charge
        number = 0 if charge is None else charge.number
        if number == (0 if before is None else before.number):
            contents.charge = charge
            return []
        self._note(contents, now_ns)
        sheets = self._sheets(charge)
        density = density_kg_cc(sheets[0], self._materials) if _all_fluid(sheets) else 0.0
        contents.change(charge, density)
        tag = tank_tag(contents.tank.name, "CHARGE")
        old = None if before is None else float(before.number)
        told = [Event(now_ns, SOURCE, "charge", tag, old, float(number), _words(charge, sheets))]
        if charge is not None:
            self._note_down(now_ns, JOURNAL, _json(charge, sheets))
        return told

    def _sheets(self, charge: Charge | None) -> list[Sheet]:
        floor = self._floor
        if charge is None or floor is None:
            return []
        return [floor.lots[lot].sheet for lot, amount in charge.portions if amount > 0.0]

    def _judge(self, contents: Contents, now_ns: int) -> tuple[TankFault, str]:
        """Whether the tank's lots may be used now, and why not."""
        if self._floor is None:
            return (
                TankFault.NO_BOOK,
                "filmline lot receive begins one; the service opens it at start",
            )
        charge, tank = contents.charge, contents.tank
        if charge is None:
            return TankFault.NOT_LOADED, f"filmline lot load LOT --tank {tank.name}"
        for sheet in self._sheets(charge):
            fault, why = self._judge_lot(sheet, now_ns)
            if fault is not TankFault.NONE:
                return fault, why
        level = contents.level
        short = level < tank.least if tank.holds == "leader" else level <= tank.least
        if short and not (tank.holds in {"leader", "core"} and contents.drawn > 0.0):
            return TankFault.EMPTY, f"{level:.3f} {tank.unit} of {charge.loaded:g} are left"
        return TankFault.NONE, ""

    def _judge_lot(self, sheet: Sheet, now_ns: int) -> tuple[TankFault, str]:
        other = mismatch(sheet, self._recipe, self._materials)
        if other:
            return TankFault.WRONG, f"{sheet.lot}: {other}"
        if now_ns >= sheet.pot_until_ns:
            return TankFault.POT_LIFE, f"{sheet.lot}: {sheet.pot_life_h:g} h from mixing"
        if now_ns >= sheet.good_until_ns:
            return TankFault.EXPIRED, sheet.lot
        return TankFault.NONE, ""

    def _tell(self, name: str, fault: TankFault, why: str, now_ns: int) -> list[Event]:
        word = WORDS[fault]
        old = self._words.get(name)
        self._words[name] = word
        if word == old:
            return []
        return [Event(now_ns, SOURCE, "tank", tank_tag(name, "OK"), old, word, why)]

    def _values(
        self, contents: Contents, fault: TankFault, need_s: float, now_ns: int
    ) -> dict[str, tuple[float, bool]]:
        """Value and whether it can be believed, by part of the tag's name."""
        sheets = self._sheets(contents.charge)
        there = bool(sheets)
        age = max((now_ns - s.made_ns for s in sheets), default=0) / _NS
        life = min(min((s.good_until_ns - now_ns for s in sheets), default=0) / _NS, _FAR_S)
        spare = self._spare(contents, life, need_s) if fault is TankFault.NONE else nan
        exact = there and contents.doubtful == 0.0
        return {
            "OK": (float(fault is TankFault.NONE), True),
            "CODE": (float(fault), True),
            "CHARGE": (float(contents.charge.number) if contents.charge else 0.0, True),
            "LEVEL": (contents.level, exact or not there),
            "SIGMA": (contents.sigma, True),
            "AGE": (age, there),
            "LIFE": (life, there),
            "SPARE": (0.0 if isnan(spare) else spare, not isnan(spare)),
            "SHARE": (100.0 * contents.share, there and contents.flowing),
        }

    def _spare(self, contents: Contents, life_s: float, need_s: float) -> float:
        """Seconds by which supply and life reach beyond the roll; NaN when nothing is needed."""
        need, tank = self._needs[contents.tank.name], contents.tank
        rate = need.cc_per_min * contents.density_kg_cc / 60.0
        if not need.used or rate <= 0.0:
            return nan
        usable = max(0.0, contents.level - 2.0 * contents.sigma - tank.least)
        return min(usable / rate, life_s, _FAR_S) - need_s


def _all_fluid(sheets: Sequence[Sheet]) -> bool:
    return bool(sheets) and all(is_fluid(sheet) for sheet in sheets)


def _words(charge: Charge | None, sheets: Sequence[Sheet]) -> str:
    """What was loaded, for people."""
    if charge is None:
        return "unloaded"
    shares = charge.shares()
    lots = ", ".join(f"{s.lot} {100.0 * shares[s.lot]:.0f} % ({s.title()})" for s in sheets)
    return f"{charge.loaded:.1f} {sheets[0].unit}: {lots}"


def _json(charge: Charge, sheets: Sequence[Sheet]) -> str:
    """The filling and its lots, for the record."""
    shares = charge.shares()
    lots = [{"share": shares[sheet.lot], **sheet.body()} for sheet in sheets]
    body = {"tank": charge.tank, "charge": charge.number, "loaded": charge.loaded, "lots": lots}
    return json.dumps(body, sort_keys=True, ensure_ascii=False)
