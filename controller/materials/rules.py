"""What may be done on the floor: each rule gives every reason against a request.

Pure functions of the floor, the request and the time; the book writes what they return.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from config.loader import Materials
from config.models import Line, Recipe, Tank
from controller.materials.errors import Refused
from controller.materials.lots import Floor, Sheet
from controller.materials.reasons import (
    INTO,
    SMALL,
    Parts,
    against_component,
    against_mixing,
    against_name,
    against_room,
    against_use,
    against_weights,
    composed,
    implausible,
    no_lot,
    unknown_names,
    words,
)


def raise_any(what: str, reasons: Iterable[str]) -> None:
    """Raise Refused when there is any reason."""
    found = [reason for reason in reasons if reason]
    if found:
        raise Refused(what, found)


def receive(floor: Floor, sheet: Sheet, materials: Materials, now_ns: int) -> dict[str, Any]:
    """Body of the entry that takes a lot in.

    Raises:
        Refused: with every reason.
    """
    raise_any(
        f"lot {sheet.lot}",
        [
            *against_name(floor, sheet.lot),
            *implausible(sheet, now_ns),
            *unknown_names(sheet, materials),
        ],
    )
    return sheet.body()


def mix(
    floor: Floor, sheet: Sheet, parts: Parts, recipe: Recipe, materials: Materials, now_ns: int
) -> dict[str, Any]:
    """Body of the entry of a mixture: its composition follows from what was weighed in.

    ``sheet`` gives name, kind and times; ``parts`` lot and kg of each component.

    Raises:
        Refused: a component is missing, expired, closed or too little, or the weighed
            composition is not the recipe's.
    """
    reasons = against_name(floor, sheet.lot)
    if sheet.kind not in INTO:
        reasons.append(f"a {sheet.kind} lot cannot be mixed here; one of {words(INTO)}")
        raise_any(f"lot {sheet.lot}", reasons)
    if not parts:
        reasons.append("no component given: name each lot and its weight")
    names = [name for name, _ in parts]
    reasons += [
        f"component {name} is named twice" for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    for name, amount in parts:
        reasons += against_component(floor, name, amount, sheet.kind, now_ns)
    raise_any(f"lot {sheet.lot}", reasons)
    mixed = composed(floor, sheet, parts)
    raise_any(
        f"lot {sheet.lot}",
        [*implausible(mixed, now_ns), *against_weights(mixed, recipe, materials)],
    )
    return mixed.body()


def load(
    floor: Floor, line: Line, lot: str, tank: str, amount: float | None, onto: str, now_ns: int
) -> dict[str, Any]:
    """Body of the entry that fills a tank; without an amount all that is left of the lot.

    ``onto`` says what happens to contents: ``swap`` (they go back to their lot) or ``top-up``
    (they stay, and the lots mix); when empty, the tank must be empty.

    Raises:
        Refused: with every reason.
    """
    place = tank_named(line, tank)
    known = floor.lots.get(lot)
    what = f"loading {lot} into {tank}"
    if known is None:
        raise Refused(what, [no_lot(floor, lot)])
    amount = known.left if amount is None else amount
    sheet = known.sheet
    reasons = against_use(known, now_ns)
    if str(sheet.kind) != place.holds:
        reasons.append(f"{lot} is {sheet.kind}; {tank} ({place.title}) takes {place.holds}")
    if not amount > 0.0:
        reasons.append(f"amount {amount:g} {sheet.unit}: give more than 0")
    if amount > known.left + SMALL:
        reasons.append(f"only {known.left:.3f} {sheet.unit} of {lot} are left")
    reasons += against_room(place, floor.tanks.get(tank), amount, onto)
    if onto == "top-up":
        reasons += against_mixing(floor, floor.tanks.get(tank), sheet)
    raise_any(what, reasons)
    return {"lot": lot, "amount": amount, "onto": onto}


def unload(floor: Floor, line: Line, tank: str, rest: str) -> dict[str, Any]:
    """Body of the entry that empties a tank; ``rest``: ``return`` or ``discard``.

    Raises:
        Refused: there is nothing in it, or the word is another.
    """
    tank_named(line, tank)
    raise_any(
        f"unloading {tank}",
        [
            "" if tank in floor.tanks else "nothing is loaded in it",
            "" if rest in {"return", "discard"} else f"rest {rest!r}: one of return, discard",
        ],
    )
    return {"rest": rest}


def close(floor: Floor, lot: str, how: str, reason: str) -> dict[str, Any]:
    """Body of the entry that closes a lot for good; ``how``: ``used-up`` or ``discarded``.

    Raises:
        Refused: with every reason.
    """
    known = floor.lots.get(lot)
    if known is None:
        raise Refused(f"closing {lot}", [no_lot(floor, lot)])
    inside = [tank for tank, charge in floor.tanks.items() if lot in charge.shares()]
    raise_any(
        f"closing {lot}",
        [
            f"it is closed already ({known.closed}: {known.why})" if known.closed else "",
            f"it lies in {', '.join(inside)}: unload it first" if inside else "",
            "" if how in {"used-up", "discarded"} else f"{how!r}: one of used-up, discarded",
            "" if reason.strip() else "give a reason",
        ],
    )
    return {"how": how, "left": known.left}


def tank_named(line: Line, name: str) -> Tank:
    """The tank of that name.

    Raises:
        Refused: the line has no such tank; the message lists those it has.
    """
    found = next((tank for tank in line.tank if tank.name == name), None)
    if found is None:
        names = ", ".join(tank.name for tank in line.tank) or "none"
        raise Refused(f"tank {name}", [f"line {line.line.name} has no such tank; it has: {names}"])
    return found
