"""Reasons against what people want to do on the floor: each test gives its words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from config.loader import Materials
from config.models import Recipe, Tank
from controller.materials.lots import Charge, Floor, Kind, Lot, Sheet
from controller.materials.match import mismatch

WEIGHING = 0.02  # of a component's share: how far a mixture may be off its recipe
DOPE_MIX_WT_PCT = 0.2
SMALL = 1e-6
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")
_SOLUTIONS = (Kind.DOPE, Kind.PRECURSOR, Kind.COATING)
INTO: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.COATING: (Kind.PRECURSOR, Kind.AGENT, Kind.SOLVENT, Kind.COATING),
    Kind.DOPE: (Kind.DOPE, Kind.PRECURSOR, Kind.SOLVENT),
}

Parts = Sequence[tuple[str, float]]


def words(names: Iterable[object]) -> str:
    """Names in a row."""
    return ", ".join(str(name) for name in names)


def no_lot(floor: Floor, lot: str) -> str:
    """Say that the book does not know a lot, and which open lots it knows."""
    open_lots = [name for name, known in floor.lots.items() if not known.closed]
    return f"the book has no lot {lot}; open lots: {words(open_lots) or 'none'}"


def against_name(floor: Floor, lot: str) -> list[str]:
    """Why a name may not be a new lot's."""
    if not _NAME.fullmatch(lot):
        return [f"name {lot!r}: up to 64 letters, digits, dots, dashes and underscores"]
    return [f"the book has a lot {lot} already; a name is never used twice"] * (lot in floor.lots)


def against_use(known: Lot, now_ns: int) -> list[str]:
    """Why a lot may not be used now."""
    sheet, reasons = known.sheet, []
    if known.closed:
        reasons.append(f"{sheet.lot} is closed ({known.closed}: {known.why})")
    if now_ns >= sheet.pot_until_ns:
        reasons.append(f"{sheet.lot} is beyond its pot life of {sheet.pot_life_h:g} h")
    elif now_ns >= sheet.good_until_ns:
        reasons.append(f"{sheet.lot} has expired")
    return reasons


def against_component(floor: Floor, name: str, amount: float, kind: Kind, now_ns: int) -> list[str]:
    """Why a lot may not be weighed in."""
    known = floor.lots.get(name)
    if known is None:
        return [f"component {name}: {no_lot(floor, name)}"]
    reasons = [f"component {reason}" for reason in against_use(known, now_ns)]
    if known.sheet.kind not in INTO[kind]:
        allowed = words(INTO[kind])
        reasons.append(f"component {name} is {known.sheet.kind}; into {kind} go {allowed}")
    if not amount > 0.0:
        reasons.append(f"component {name}: {amount:g} kg, give more than 0")
    if amount > known.left + SMALL:
        reasons.append(f"component {name}: {amount:g} kg wanted, {known.left:.3f} kg are left")
    return reasons


def composed(floor: Floor, sheet: Sheet, parts: Parts) -> Sheet:
    """The sheet with composition and amount of what was weighed in."""
    total = sum(amount for _, amount in parts)
    sheets = [(floor.lots[name].sheet, amount) for name, amount in parts]
    dry = sum(s.solids_wt_pct / 100.0 * kg for s, kg in sheets if s.kind in _SOLUTIONS)
    neat = sum(kg for s, kg in sheets if s.kind is Kind.AGENT)
    dissolved = sum(s.agent_wt_pct / 100.0 * kg for s, kg in sheets if s.kind is Kind.COATING)
    solvents = [s.solvent for s, _ in sheets if s.kind in _SOLUTIONS]
    solvents += [s.what for s, _ in sheets if s.kind is Kind.SOLVENT]
    agents = [s.what for s, _ in sheets if s.kind is Kind.AGENT]
    agents += [s.agent for s, _ in sheets if s.kind is Kind.COATING]
    return replace(
        sheet,
        what=_several(s.what for s, _ in sheets if s.kind in _SOLUTIONS),
        solvent=_several(solvents),
        agent=_several(agents),
        solids_wt_pct=100.0 * dry / total,
        agent_wt_pct=100.0 * (neat + dissolved) / total,
        amount=total,
        components=tuple(parts),
    )


def _several(names: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(names))


def against_weights(sheet: Sheet, recipe: Recipe, materials: Materials) -> list[str]:
    """Whether the weighed composition is the recipe's within the weighing tolerance."""
    coating = recipe.coating
    if sheet.kind is Kind.DOPE:
        solids = recipe.core.solids_wt_pct
        exact = replace(sheet, solids_wt_pct=solids)
        wants = [("solids", sheet.solids_wt_pct, solids, DOPE_MIX_WT_PCT)]
    else:
        solids, agent = coating.precursor_wt_pct, coating.agent_wt_pct
        exact = replace(sheet, solids_wt_pct=solids, agent_wt_pct=agent)
        wants = [
            ("precursor", sheet.solids_wt_pct, solids, WEIGHING * solids),
            ("agent", sheet.agent_wt_pct, agent, WEIGHING * agent),
        ]
    return [
        mismatch(exact, recipe, materials),
        *(
            f"{name} {value:.3f} wt% weighed, {target:g} ± {band:.3g} wanted"
            for name, value, target, band in wants
            if abs(value - target) > band + 1e-9
        ),
    ]


def implausible(sheet: Sheet, now_ns: int) -> list[str]:
    """What cannot be true of a sheet."""
    reasons = []
    if not sheet.amount > 0.0:
        reasons.append(f"amount {sheet.amount:g} {sheet.unit}: give more than 0")
    if sheet.made_ns > now_ns:
        reasons.append("it was made in the future: give the time at which it was made")
    if sheet.expires_ns is not None and sheet.expires_ns <= now_ns:
        reasons.append("it has expired")
    if sheet.pot_life_h is not None and not sheet.pot_life_h > 0.0:
        reasons.append(f"pot life {sheet.pot_life_h:g} h: give more than 0")
    if now_ns >= sheet.pot_until_ns:
        reasons.append(f"it is beyond its pot life of {sheet.pot_life_h:g} h")
    if sheet.viscosity_pa_s is not None and not sheet.viscosity_pa_s > 0.0:
        reasons.append(f"viscosity {sheet.viscosity_pa_s:g} Pa s: give more than 0")
    return reasons


def unknown_names(sheet: Sheet, materials: Materials) -> list[str]:
    """Every name on the sheet is that of a material file."""
    reasons = []
    if sheet.kind in _SOLUTIONS:
        reasons += _one_of("polymer", sheet.what, materials.polymers)
        reasons += _one_of("solvent", sheet.solvent, materials.solvents)
        if not 0.0 < sheet.solids_wt_pct < 100.0:
            reasons.append(f"solids {sheet.solids_wt_pct:g} wt%: give precursor in the solution")
    if sheet.kind is Kind.COATING:
        reasons += _one_of("agent", sheet.agent, materials.agents)
        if not 0.0 < sheet.agent_wt_pct < 100.0:
            reasons.append(f"agent {sheet.agent_wt_pct:g} wt%: give its share in the liquid")
    if sheet.kind is Kind.SOLVENT:
        reasons += _one_of("solvent", sheet.what, materials.solvents)
    if sheet.kind is Kind.AGENT:
        reasons += _one_of("agent", sheet.what, materials.agents)
    if not sheet.what.strip():
        reasons.append(f"say what the {sheet.kind} is")
    return reasons


def _one_of(what: str, name: str, known: Mapping[str, object]) -> list[str]:
    return [] if name in known else [f"no {what} {name!r}; known are {words(sorted(known))}"]


def against_mixing(floor: Floor, inside: Charge | None, sheet: Sheet) -> list[str]:
    """Lots of other materials are never mixed in a tank."""
    lots = {} if inside is None or inside.left <= 0.0 else inside.shares()
    return [
        f"{lot} inside is {other.title()}, {sheet.lot} is {sheet.title()}: only --onto swap"
        for lot, share in lots.items()
        if share > 0.0
        for other in (floor.lots[lot].sheet,)
        if (other.what, other.solvent, other.agent) != (sheet.what, sheet.solvent, sheet.agent)
    ]


def against_room(tank: Tank, inside: Charge | None, amount: float, onto: str) -> list[str]:
    """Why a tank may not be filled with so much in this way."""
    if onto not in {"", "swap", "top-up"}:
        return [f"onto {onto!r}: one of swap, top-up"]
    rest = 0.0 if inside is None else inside.left
    reasons = []
    if inside is not None and rest > tank.least and not onto:
        lots = words(inside.shares())
        reasons.append(
            f"{tank.name} still holds {rest:.3f} {tank.unit} of {lots}: say --onto swap (they go "
            "back to their lot) or --onto top-up (the lots mix)"
        )
    filled = amount + (rest if onto == "top-up" else 0.0)
    if filled > tank.capacity + SMALL:
        room = tank.capacity - (filled - amount)
        reasons.append(
            f"{tank.name} takes {tank.capacity:g} {tank.unit}; there is room for {room:.3f}: "
            "give --amount"
        )
    return reasons
