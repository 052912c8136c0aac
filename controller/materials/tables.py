"""What ``filmline lot`` prints: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from config.models import Line
from controller.materials.genealogy import TRACE, Part, Stretch
from controller.materials.lots import FOREVER_NS, Entry, Floor, Lot
from controller.materials.wording import span, utc

_PIPE_COLUMNS = 200
_NS = 1e9


def console(*, errors: bool = False) -> Console:
    """Standard output (or errors); a pipe has no width to cut tables to."""
    width = None if sys.stdout.isatty() else _PIPE_COLUMNS
    return Console(highlight=False, markup=False, stderr=errors, width=width, soft_wrap=errors)


def print_json(content: object) -> None:
    """JSON on standard output, nothing else."""
    console().print(json.dumps(content, allow_nan=False, ensure_ascii=False), soft_wrap=True)


def lot_json(floor: Floor, lot: Lot, now_ns: int) -> dict[str, Any]:
    """A lot as it stands."""
    good = lot.sheet.good_until_ns
    return {
        **lot.sheet.body(),
        "unit": lot.sheet.unit,
        "left": lot.left,
        "in_tanks": inside(floor, lot.sheet.lot),
        "closed": lot.closed,
        "why": lot.why,
        "age_s": (now_ns - lot.sheet.made_ns) / _NS,
        "good_until_ns": None if good >= FOREVER_NS else good,
        "usable": not lot.closed and now_ns < good,
    }


def inside(floor: Floor, lot: str) -> dict[str, float]:
    """Amount of a lot in each tank, by the book."""
    return {
        tank: share * charge.left
        for tank, charge in floor.tanks.items()
        if (share := charge.shares().get(lot, 0.0)) > 0.0
    }


def tank_json(floor: Floor, tank: str) -> dict[str, Any]:
    """A tank as it stands by the book."""
    charge = floor.tanks.get(tank)
    if charge is None:
        return {"tank": tank, "charge": None, "lots": {}, "left": 0.0}
    return {
        "tank": tank,
        "charge": charge.number,
        "lots": charge.shares(),
        "loaded_ns": charge.loaded_ns,
        "left": charge.left,
    }


def show_floor(floor: Floor, line: Line | None, now_ns: int, *, closed: bool) -> None:
    """Lots, then tanks."""
    out = console()
    mark = "  SIMULATED" if floor.simulated else ""
    out.print(f"{sum(not lot.closed for lot in floor.lots.values())} open lots{mark}")
    table = _table("lot", "kind", "what", ">left", "unit", "in tanks", ">age", ">good for", "state")
    for lot in floor.lots.values():
        if closed or not lot.closed:
            table.add_row(*_row(floor, lot, now_ns))
    out.print(table)
    tanks = _table("tank", "lots", ">left by the book", "unit", "loaded (UTC)")
    for tank in line.tank if line is not None else ():
        charge = floor.tanks.get(tank.name)
        if charge is None:
            tanks.add_row(tank.name, "-", "-", tank.unit, "-")
            continue
        lots = ", ".join(f"{lot} {100.0 * s:.0f} %" for lot, s in charge.shares().items() if s > 0)
        tanks.add_row(tank.name, lots, f"{charge.left:.3f}", tank.unit, utc(charge.loaded_ns))
    if line is not None:
        out.print()
        out.print(tanks)


def _row(floor: Floor, lot: Lot, now_ns: int) -> tuple[str, ...]:
    sheet = lot.sheet
    tanks = ", ".join(f"{tank} {amount:.3f}" for tank, amount in inside(floor, sheet.lot).items())
    good = sheet.good_until_ns
    life = "-" if good >= FOREVER_NS else span((good - now_ns) / _NS)
    state = lot.closed or ("open" if now_ns < good else "expired")
    age = span((now_ns - sheet.made_ns) / _NS)
    return (sheet.lot, sheet.kind, sheet.title(), f"{lot.left:.3f}", sheet.unit, tanks, age, life,
            state)  # fmt: skip


def show_lot(floor: Floor, lot: Lot, entries: Sequence[Entry], now_ns: int) -> None:
    """One lot: its sheet, and what happened to it."""
    out, sheet = console(), lot.sheet
    rows = [
        ("what", f"{sheet.kind}: {sheet.title()}"),
        ("supplier", f"{sheet.supplier or '-'} {sheet.supplier_lot}".strip()),
        ("made (UTC)", utc(sheet.made_ns)),
        ("expires (UTC)", utc(sheet.expires_ns)),
        ("pot life", "-" if sheet.pot_life_h is None else f"{sheet.pot_life_h:g} h"),
        ("viscosity", "-" if sheet.viscosity_pa_s is None else f"{sheet.viscosity_pa_s:g} Pa s"),
        ("amount", f"{sheet.amount:.3f} {sheet.unit}, {lot.left:.3f} left outside tanks"),
        ("weighed in", ", ".join(f"{n} {kg:.3f} kg" for n, kg in sheet.components) or "-"),
        ("state", (lot.closed and f"{lot.closed}: {lot.why}")
         or ("open" if now_ns < sheet.good_until_ns else "expired")),
    ]  # fmt: skip
    table = _table("lot", sheet.lot + ("  SIMULATED" if floor.simulated else ""))
    for name, text in rows:
        table.add_row(name, text)
    out.print(table)
    history = _table("when (UTC)", "what", "where", "who", "why")
    for entry in entries:
        if entry.verb != "draw":
            history.add_row(utc(entry.ns), _deed(entry), entry.subject, entry.actor, entry.reason)
    out.print()
    out.print(history)


def _deed(entry: Entry) -> str:
    amount = entry.body.get("amount")
    onto = f" ({entry.body['onto']})" if entry.body.get("onto") else ""
    return f"{entry.verb} {amount:g}{onto}" if isinstance(amount, float) else entry.verb


def show_parts(meter: float, parts: Sequence[Part], *, as_json: bool) -> None:
    """Lots of one meter."""
    if as_json:
        print_json({"meter": meter, "lots": [asdict(p) | {"mixed": p.mixed} for p in parts]})
        return
    out = console()
    known = "" if parts else ": the record does not hold what it is made of"
    out.print(f"roll meter {meter:g}{known}")
    if not parts:
        return
    table = _table("tank", "lot", ">share %", ">age then", "")
    for part in parts:
        note = "mixed" if part.mixed else ""
        table.add_row(part.tank, part.lot, f"{100.0 * part.share:.1f}", span(part.age_s), note)
    out.print(table)


def show_stretches(found: Sequence[tuple[str, Stretch]], *, as_json: bool) -> None:
    """Meters of lots."""
    if as_json:
        print_json([{"lot": lot, **asdict(stretch)} for lot, stretch in found])
        return
    table = _table("lot", "tank", ">from m", ">to m", "share")
    for lot, s in found:
        whole = s.low >= 1.0 - TRACE
        share = "whole" if whole else f"mixed, {100.0 * s.low:.0f} to {100.0 * s.high:.0f} %"
        table.add_row(lot, s.tank, f"{s.from_m:.1f}", f"{s.to_m:.1f}", share)
    console().print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        right = column.startswith(">")
        table.add_column(
            column.removeprefix(">"), justify="right" if right else "left", overflow="fold"
        )
    return table
