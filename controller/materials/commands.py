"""The commands ``filmline lot ...``: what people do with material on the floor."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from config.loader import ConfigError, load_line, load_materials, load_recipe
from controller.clock import SystemClock
from controller.errors import ControllerError
from controller.historian.query import Record
from controller.materials import tables
from controller.materials.book import FILE_NAME, Book
from controller.materials.errors import Refused
from controller.materials.genealogy import lots_at, meters_of, summary
from controller.materials.lots import POT_LIFE_H, UNITS, Floor, Kind, Lot, Sheet
from controller.materials.rules import tank_named
from controller.materials.wording import (
    WHEN_HELP,
    parse_amount,
    parse_part,
    parse_span_s,
)
from controller.materials.wording import (
    parse_when as when,
)

BAD_INPUT = 2
RUNS = Path("runs")
DEFAULT_NAME = "config/lines/pilot.toml"
DEFAULT_LINE = Path(__file__).resolve().parents[2] / DEFAULT_NAME

lot_app = typer.Typer(
    help=(
        "Keep the lots on the floor.\n\n"
        "Receive, mix, load into a tank, close; and see where each one went. "
        "The lot book is one append-only file: nothing in it is changed or deleted, and several "
        "people may use it at once. A refused command changes nothing and says what is allowed."
    ),
    no_args_is_help=True,
)

BookFile = Annotated[
    Path, typer.Option("--book", help="Lot book (the file is made with the first lot).")
]
LineFile = Annotated[
    Path, typer.Option("--line", help="Line file with the tanks.", show_default=DEFAULT_NAME)
]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
LotName = Annotated[str, typer.Argument(metavar="LOT", help="Our name of the lot.")]
Made = Annotated[str, typer.Option(help=f"When it was made: {WHEN_HELP}.")]
Expires = Annotated[str | None, typer.Option(help="Last use, such as 90d or 2026-12-31T00:00.")]
Run = Annotated[Path, typer.Argument(metavar="RECORD", help="Folder of the run, or its record.")]


@contextmanager
def _answering() -> Iterator[int]:
    """Time of the command; what the user got wrong is a message and exit code 2."""
    try:
        yield SystemClock().utc_ns()
    except (ControllerError, ConfigError) as error:
        tables.console(errors=True).print(str(error))
        raise typer.Exit(BAD_INPUT) from error


@lot_app.command("receive")
def receive(
    lot: LotName,
    kind: Annotated[Kind, typer.Option(help="What it is used as.")],
    what: Annotated[str, typer.Option(help="Polymer, solvent or agent by its material file.")],
    amount: Annotated[str, typer.Option(help="How much: 200kg, 760g, 500m, 10pieces.")],
    solids: Annotated[float, typer.Option(help="Precursor in a solution, wt%.")] = 0.0,
    solvent: Annotated[str, typer.Option(help="Solvent of a solution.")] = "",
    agent: Annotated[str, typer.Option(help="Agent in a coating liquid.")] = "",
    agent_wt: Annotated[float, typer.Option(help="Agent in a coating liquid, wt%.")] = 0.0,
    viscosity: Annotated[float | None, typer.Option(help="Measured viscosity, Pa s.")] = None,
    supplier: Annotated[str, typer.Option(help="Who made it.")] = "",
    supplier_lot: Annotated[str, typer.Option(help="Their name of the lot.")] = "",
    made: Made = "-0m",
    expires: Expires = None,
    pot_life: Annotated[str | None, typer.Option(help="From making, such as 24h.")] = None,
    reason: Reason = "",
    book: BookFile = RUNS / FILE_NAME,
    as_json: AsJson = False,
) -> None:
    """Take a lot in.

    Dope, coating, precursor, agent, solvent, leader or core.
    """
    with _answering() as now, Book.open(book, create=True) as open_book:
        pot = parse_span_s(pot_life) / 3600.0 if pot_life else None
        if pot is None and kind is Kind.COATING:
            pot = POT_LIFE_H
        sheet = Sheet(
            lot, kind, what, parse_amount(amount, UNITS[kind]), when(made, now), solvent=solvent,
            solids_wt_pct=solids, agent=agent, agent_wt_pct=agent_wt, viscosity_pa_s=viscosity,
            supplier=supplier, supplier_lot=supplier_lot, pot_life_h=pot,
            expires_ns=when(expires, now) if expires else None,
        )  # fmt: skip
        floor = open_book.receive(sheet, load_materials(), now, _who(), reason)
        _tell_lot(floor, lot, now, as_json=as_json)


@lot_app.command("mix")
def mix(
    lot: LotName,
    recipe: Annotated[Path, typer.Option(help="Recipe whose formula it must meet.")],
    parts: Annotated[
        list[str], typer.Option("--from", help="Component and weight, LOT=2.4kg; often.")
    ],
    kind: Annotated[Kind, typer.Option(help="coating, or dope (thinned).")] = Kind.COATING,
    viscosity: Annotated[float | None, typer.Option(help="Measured viscosity, Pa s.")] = None,
    made: Made = "-0m",
    expires: Expires = None,
    pot_life: Annotated[str | None, typer.Option(help="From mixing; coating: 24h.")] = None,
    reason: Reason = "",
    book: BookFile = RUNS / FILE_NAME,
    as_json: AsJson = False,
) -> None:
    """Book a mixture with what was weighed in.

    It must meet the recipe's formula.

    Coating: precursor and agent within 2 % of their share. Dope: solids within 0.2 wt%.
    """
    with _answering() as now, Book.open(book) as open_book:
        pot = parse_span_s(pot_life) / 3600.0 if pot_life else None
        if pot is None and kind is Kind.COATING:
            pot = POT_LIFE_H
        last = when(expires, now) if expires else None
        sheet = Sheet(
            lot, kind, "", 0.0, when(made, now), viscosity_pa_s=viscosity, pot_life_h=pot,
            expires_ns=last,
        )  # fmt: skip
        materials = load_materials()
        weighed = [parse_part(part) for part in parts]
        floor = open_book.mix(sheet, weighed, load_recipe(recipe), materials, now, _who(), reason)
        _tell_lot(floor, lot, now, as_json=as_json)


@lot_app.command("load")
def load(
    lot: LotName,
    tank: Annotated[str, typer.Option(help="Tank of the line file, such as DOPE or COAT_A.")],
    amount: Annotated[
        str | None, typer.Option(help="How much; all that is left when not given.")
    ] = None,
    onto: Annotated[
        str, typer.Option(help="swap (what is inside goes back to its lot) or top-up (they mix).")
    ] = "",
    reason: Reason = "",
    line: LineFile = DEFAULT_LINE,
    book: BookFile = RUNS / FILE_NAME,
    as_json: AsJson = False,
) -> None:
    """Load a lot into a tank.

    A running line sees it within a second; nothing starts by it.
    """
    with _answering() as now, Book.open(book) as open_book:
        place = load_line(line)
        wanted = None if amount is None else parse_amount(amount, tank_named(place, tank).unit)
        floor = open_book.load(place, lot, tank, now, _who(), reason, amount=wanted, onto=onto)
        _tell_tank(floor, tank, as_json=as_json)


@lot_app.command("unload")
def unload(
    tank: Annotated[str, typer.Argument(metavar="TANK", help="Tank of the line file.")],
    rest: Annotated[str, typer.Option(help="return (to its lot) or discard.")] = "return",
    reason: Reason = "",
    line: LineFile = DEFAULT_LINE,
    book: BookFile = RUNS / FILE_NAME,
    as_json: AsJson = False,
) -> None:
    """Empty a tank."""
    with _answering() as now, Book.open(book) as open_book:
        floor = open_book.unload(load_line(line), tank, rest, now, _who(), reason)
        _tell_tank(floor, tank, as_json=as_json)


@lot_app.command("close")
def close(
    lot: LotName,
    how: Annotated[str, typer.Option("--as", help="used-up or discarded.")],
    reason: Annotated[str, typer.Option(help="Why; must be given.")],
    book: BookFile = RUNS / FILE_NAME,
    as_json: AsJson = False,
) -> None:
    """Close a lot for good; what is left of it is written off."""
    with _answering() as now, Book.open(book) as open_book:
        floor = open_book.close_lot(lot, how, now, _who(), reason)
        _tell_lot(floor, lot, now, as_json=as_json)


@lot_app.command("list")
def list_lots(
    closed: Annotated[bool, typer.Option("--all", help="Closed lots too.")] = False,
    line: LineFile = DEFAULT_LINE,
    book: BookFile = RUNS / FILE_NAME,
    as_json: AsJson = False,
) -> None:
    """List lots and what lies in the tanks."""
    with _answering() as now, Book.open(book) as open_book:
        floor, place = open_book.floor(), load_line(line)
        moment = _moment(floor, now)
        if not as_json:
            tables.show_floor(floor, place, moment, closed=closed)
            return
        lots = [lot for lot in floor.lots.values() if closed or not lot.closed]
        tables.print_json(
            {
                "plant": "SIMULATED" if floor.simulated else "REAL",
                "lots": [tables.lot_json(floor, lot, moment) for lot in lots],
                "tanks": [tables.tank_json(floor, tank.name) for tank in place.tank],
            }
        )


@lot_app.command("show")
def show(lot: LotName, book: BookFile = RUNS / FILE_NAME, as_json: AsJson = False) -> None:
    """Show one lot with its history.

    Its sheet, what was weighed in, and what happened to it.
    """
    with _answering() as now, Book.open(book) as open_book:
        floor = open_book.floor()
        moment = _moment(floor, now)
        if as_json:
            _tell_lot(floor, lot, moment, as_json=True)
        else:
            tables.show_lot(floor, _lot(floor, lot), open_book.entries(lot), moment)


@lot_app.command("where")
def where(lot: LotName, run: Run, as_json: AsJson = False) -> None:
    """Tell which roll meters of a record hold a lot.

    With the mixing zones of its changes.
    """
    with _answering(), Record(run) as record:
        found = [(lot, stretch) for stretch in meters_of(record, lot)]
        tables.show_stretches(found, as_json=as_json)


def history_lots(
    run: Run,
    meter: Annotated[float | None, typer.Option(help="Roll meter; all lots when none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell which lots a roll is made of.

    Of one meter, or where on the roll each lot lies.
    """
    with _answering(), Record(run) as record:
        if meter is not None:
            tables.show_parts(meter, lots_at(record, meter), as_json=as_json)
            return
        found = [(lot, s) for _, lot, stretches in summary(record) for s in stretches]
        tables.show_stretches(found, as_json=as_json)


def _tell_lot(floor: Floor, lot: str, now_ns: int, *, as_json: bool) -> None:
    known = _lot(floor, lot)
    if as_json:
        tables.print_json(tables.lot_json(floor, known, now_ns))
        return
    text = f"lot {lot}: {known.sheet.title()}, {known.left:.3f} {known.sheet.unit} left"
    tables.console().print(text + (f", closed ({known.closed})" if known.closed else ""))


def _tell_tank(floor: Floor, tank: str, *, as_json: bool) -> None:
    content = tables.tank_json(floor, tank)
    if as_json:
        tables.print_json(content)
        return
    lots = ", ".join(f"{lot} {100.0 * s:.0f} %" for lot, s in content["lots"].items() if s > 0.0)
    tables.console().print(f"tank {tank}: {content['left']:.3f} of {lots}" if lots else
                           f"tank {tank}: empty")  # fmt: skip


def _lot(floor: Floor, lot: str) -> Lot:
    known = floor.lots.get(lot)
    if known is None:
        names = ", ".join(floor.lots) or "none"
        raise Refused(f"lot {lot}", [f"the book does not know it; it knows: {names}"])
    return known


def _moment(floor: Floor, now_ns: int) -> int:
    """Ages are told against now; in a simulated book against its last entry."""
    return floor.ns if floor.simulated else now_ns


def _who() -> str:
    """The person of this process, as the system knows them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid:{os.getuid()}"
