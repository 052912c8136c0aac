"""Fresh lots for a simulated line: what the floor would have made ready for this recipe.

The lots carry the names that the recipe gives; every tank is full. Times are line time.
"""

from __future__ import annotations

from pathlib import Path

from config.loader import Materials
from config.models import Line, Recipe, Tank
from controller.materials.book import Book
from controller.materials.lots import HOUR_NS, POT_LIFE_H, Kind, Sheet
from controller.materials.match import dope_name, layer_name

ACTOR = "operator:simulated"
SUPPLIER = "simulated supplier"
STOCK_WT_PCT = 12.0  # precursor of the thin layer as it is delivered
_DAY_H = 24
_SHELF_DAYS = 90
_FILL = 0.95


def make_simulated(
    path: Path, line: Line, recipe: Recipe, materials: Materials, epoch_ns: int
) -> Book:
    """Make a book with lots for a recipe, received before ``epoch_ns`` and loaded at it.

    Raises:
        MaterialsError: the file cannot be made, or the recipe wants unknown materials.
    """
    book = Book.open(path, create=True, simulated=True)
    tanks = {tank.name: tank for tank in line.tank}
    before = epoch_ns - 2 * HOUR_NS
    for sheet in _delivered(tanks, recipe, materials, before):
        book.receive(sheet, materials, before, ACTOR, "fresh lot of the simulation")
    sides = [tank for tank in tanks.values() if tank.holds == "coating"]
    if sides:
        _mix_coating(book, recipe, materials, sides, epoch_ns - HOUR_NS)
    lots = {
        "dope": recipe.core.lot,
        "coating": recipe.coating.lot,
        "leader": "LEADER-SIM",
        "core": "CORE-SIM",
    }
    for tank in tanks.values():
        amount = float(int(_FILL * tank.capacity))
        book.load(line, lots[tank.holds], tank.name, epoch_ns, ACTOR, "start", amount=amount)
    return book


def copy_for_run(source: Path, path: Path, epoch_ns: int) -> Book:
    """Copy a book for a dry run, so that the run starts when its last entry was made.

    The source is only read: a dry run uses up nothing of it.

    Raises:
        MaterialsError: the source is no lot book.
    """
    copy = Book.open(path, create=True, simulated=True)
    with Book.open(source) as book:
        book.copy_into(copy, epoch_ns - book.floor().ns)
    return copy


def _delivered(
    tanks: dict[str, Tank], recipe: Recipe, materials: Materials, now_ns: int
) -> list[Sheet]:
    """Sheets of what suppliers brought."""
    core, coating = recipe.core, recipe.coating
    expires = now_ns + _SHELF_DAYS * _DAY_H * HOUR_NS
    made = now_ns - _DAY_H * HOUR_NS
    room = {holds: sum(t.capacity for t in tanks.values() if t.holds == holds)
            for holds in ("dope", "coating", "leader", "core")}  # fmt: skip

    def lot(
        name: str, kind: Kind, what: str, amount: float, solvent: str = "", solids: float = 0.0
    ) -> Sheet:
        return Sheet(
            name, kind, what, amount, made, solvent, solids, supplier=SUPPLIER,
            supplier_lot=f"S-{name}", expires_ns=expires,
        )  # fmt: skip

    found = [
        lot(core.lot, Kind.DOPE, dope_name(recipe, materials), room["dope"],
            core.solvent, core.solids_wt_pct),
        lot(f"{coating.lot}-P", Kind.PRECURSOR, layer_name(recipe, materials), room["coating"],
            coating.solvent, STOCK_WT_PCT),
        lot(f"{coating.lot}-G", Kind.AGENT, coating.agent, room["coating"]),
        lot(f"{coating.lot}-S", Kind.SOLVENT, coating.solvent, room["coating"]),
        lot("LEADER-SIM", Kind.LEADER, "cured film", room["leader"]),
        lot("CORE-SIM", Kind.CORE, "152.4 mm core", room["core"]),
    ]  # fmt: skip
    return [sheet for sheet in found if sheet.amount > 0.0]


def _mix_coating(
    book: Book, recipe: Recipe, materials: Materials, tanks: list[Tank], now_ns: int
) -> None:
    """Weigh the coating liquid in, enough for its tanks."""
    coating = recipe.coating
    total = _FILL * sum(tank.capacity for tank in tanks)
    stock = total * coating.precursor_wt_pct / STOCK_WT_PCT
    agent = total * coating.agent_wt_pct / 100.0
    sheet = Sheet(coating.lot, Kind.COATING, "", 0.0, now_ns, pot_life_h=POT_LIFE_H)
    parts = (
        (f"{coating.lot}-P", stock),
        (f"{coating.lot}-G", agent),
        (f"{coating.lot}-S", total - stock - agent),
    )
    book.mix(sheet, parts, recipe, materials, now_ns, ACTOR, "coating liquid of the simulation")
