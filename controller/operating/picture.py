"""What a person on shift has to see, as plain data: state, units, alarms, questions, values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from config.models import Priority, Side
from controller.alarms import Alarm
from controller.outputs import Mode
from drivers.base import Quality, is_good

if TYPE_CHECKING:
    from controller.app import Kernel

KEY_TAGS = (
    "SIC-210.ACT", "SIC-510.ACT", "SIC-701.ACT", "SIC-110.ACT", "PIT-110.PV", "SIC-310.ACT",
    "FIC-301A.PV", "FIC-301B.PV", "QI-LOH.PEEL", "QI-CORE.MEAN", "QI-CD2S.SCAN", "QI-LAYER.AIR",
    "QI-LAYER.BELT", "NT-601.PV", "NT-701.PV", "AT-201.PV", "AT-501.PV", "AT-900.PV",
    "LOT-DOPE.LEVEL", "LOT-COAT_A.LEVEL", "LOT-COAT_B.LEVEL",
)  # fmt: skip
_OF_SIDE = {
    Side.AIR: ("FIC-301A.PV", "QI-LAYER.AIR", "LOT-COAT_A.LEVEL"),
    Side.BELT: ("FIC-301B.PV", "QI-LAYER.BELT", "LOT-COAT_B.LEVEL"),
}
_CALCULATED = "QI-"  # from gauges that look at film
_MOST_ALARMS = 100
_NS = 1e9
_PRIORITIES = tuple(Priority)
Row = dict[str, object]


def reading(kernel: Kernel, tag: str, now_ns: int) -> Row:
    """Value, unit and quality of one tag, with its last request when it can be written.

    Raises:
        UnknownTag: the line has no such tag.
    """
    table = kernel.table
    spec, index = table.spec(tag), table.index(tag)
    value, quality = table.read(index, now_ns)
    request = float(table.request[index])
    heard_ns = int(table.source_ns[index])
    row: Row = {
        "tag": tag,
        "value": _finite(value),
        "unit": spec.unit,
        "quality": quality_name(quality),
        "good": is_good(quality),
        "age_s": round((now_ns - heard_ns) / _NS, 2) if heard_ns else None,
        "digits": digits(spec.resolution),
        "description": spec.description,
    }
    write = getattr(spec, "write", None)
    if write is not None:
        row |= {
            "request": _finite(request),
            "range": list(write.range),
            "role": str(write.role),
            "unit_of_equipment": kernel.gate.unit_of(tag),
        }
    return row


def picture(kernel: Kernel, now_ns: int) -> dict[str, object]:
    """The line now."""
    runner = kernel.runner
    return {
        "line": kernel.line.line.name,
        "recipe": kernel.recipe.recipe.name,
        "now_ns": now_ns,
        "state": runner.state.name,
        "reason": runner.reason,
        "restart": None if kernel.comeback is None else kernel.comeback.row(),
        "units": _units(kernel),
        "manual": _manual(kernel),
        "trips": trips(kernel),
        "bypass": bypass_in_force(kernel, now_ns),
        "alarms": alarms(kernel, now_ns),
        "asks": _asks(kernel, now_ns),
        "zones": _zones(kernel, now_ns),
        "values": _values(kernel, now_ns),
        "meters": meters(kernel, now_ns),
        "links": dict(kernel.links.silent),
        "unpowered": _unpowered(kernel, now_ns),
        "shed": kernel.gate.shed_outputs(),
        "loops": kernel.loops.states(),
        "record": kernel.commits.failure,
        "scan": {"scans": kernel.scan.counters.scans, "late": kernel.scan.counters.late},
    }


def trips(kernel: Kernel) -> list[Row]:
    """Interlocks that act, the first cause first, with what they say and hold."""
    result = kernel.interlocks.result
    held: dict[str, list[str]] = {}
    for forced in result.forced.values():
        held.setdefault(forced.trip, []).append(f"{forced.tag} = {forced.value:g}")
    rows: list[Row] = [
        {
            "name": trip.name,
            "level": str(trip.level),
            "title": trip.title,
            "hazard": trip.hazard,
            "why": kernel.interlocks.why(trip.name),
            "latched": trip.latched,
            "cause": kernel.interlocks.cause(trip.name),
            "watched": kernel.interlocks.watched(trip.name),
            "first_out": trip.name == result.first_out,
            "response": trip.response,
            "holds": held.get(trip.name, []),
        }
        for trip in kernel.line.trip
        if trip.name in result.active
    ]
    return sorted(rows, key=lambda row: not row["first_out"])


def bypass_in_force(kernel: Kernel, now_ns: int) -> Row | None:
    """The row that is ignored now, by whom, why and until when; None when there is none."""
    held = kernel.interlocks.bypassed
    if held is None:
        return None
    return {
        "trip": held.trip,
        "by": held.actor.name,
        "reason": held.reason,
        "until_ns": held.until_ns,
        "left_s": round((held.until_ns - now_ns) / _NS, 1),
    }


def alarms(kernel: Kernel, now_ns: int) -> list[Row]:
    """Alarms that are not normal: unacknowledged and urgent ones first."""
    found = sorted(kernel.alarms.active(), key=_urgency)
    return [_alarm(kernel, alarm, now_ns) for alarm in found[:_MOST_ALARMS]]


def _urgency(alarm: Alarm) -> tuple[bool, int, int]:
    seen = "unack" not in alarm.state.name.lower()
    return seen, _PRIORITIES.index(alarm.priority), -alarm.since_ns


def _alarm(kernel: Kernel, alarm: Alarm, now_ns: int) -> Row:
    value, quality = kernel.table.read(kernel.table.index(alarm.spec.name), now_ns)
    return {
        "name": alarm.name,
        "state": str(alarm.state),
        "seen": _urgency(alarm)[0],
        "priority": str(alarm.priority),
        "value": _finite(value) if is_good(quality) else None,
        "limit": alarm.limit,
        "unit": alarm.spec.unit,
        "since_s": round((now_ns - alarm.since_ns) / _NS, 1),
        "description": alarm.spec.description,
        "consequence": alarm.words.consequence,
        "response": alarm.words.response,
    }


def meters(kernel: Kernel, now_ns: int) -> Row:
    """Meters cast and wound, film in the line, and minutes left of the roll."""
    film, settings = kernel.film, kernel.recipe.settings
    speed = good(kernel, "SIC-701.ACT", now_ns)
    left_m = max(0.0, settings.roll_length_m - film.roll_m)
    moving = film.collecting and speed > 0.0
    return {
        "cast_m": round(film.cast_m, 2),
        "roll_m": round(film.roll_m, 2),
        "roll_length_m": settings.roll_length_m,
        "in_line_m": round(film_in_line(kernel, now_ns), 1),
        "collecting": film.collecting,
        "left_min": round(left_m / speed, 1) if moving else None,
    }


def film_in_line(kernel: Kernel, now_ns: int) -> float:
    """Meters of cast film between its tail and the winder; 0 when nothing was cast."""
    cast = kernel.film.cast_m
    if not cast > 0.0:
        return 0.0
    wound = good(kernel, "film.WIND.S", now_ns)
    length = max((station.at_m for station in kernel.line.station), default=0.0)
    return max(0.0, cast - wound) if wound > 0.0 else min(cast, length)


def good(kernel: Kernel, tag: str, now_ns: int) -> float:
    """Value of a tag, NaN unless it is GOOD."""
    value, quality = kernel.table.read(kernel.table.index(tag), now_ns)
    return value if is_good(quality) else math.nan


def quality_name(quality: int) -> str:
    """Word for an OPC UA status: ``GOOD``, ``BAD_TIMEOUT``; its code when it has none here."""
    try:
        return Quality(quality).name
    except ValueError:
        return f"0x{quality:08X}"


def digits(resolution: float) -> int:
    """Decimals worth showing of a value that is kept at this resolution."""
    return max(0, min(4, math.ceil(-math.log10(resolution) - 1e-9)))


def _units(kernel: Kernel) -> list[Row]:
    return [
        {
            "unit": waiting.unit,
            "phase": waiting.phase,
            "step": waiting.step,
            "waits": waiting.text,
            "manual": bool(kernel.gate.by_hand(waiting.unit)),
        }
        for waiting in kernel.runner.waiting_for()
    ]


def _manual(kernel: Kernel) -> list[str]:
    gate = kernel.gate
    return [gate.by_hand(unit) for unit in gate.units() if gate.mode(unit) is Mode.MANUAL]


def _asks(kernel: Kernel, now_ns: int) -> list[Row]:
    return [
        {
            "id": pending.ask_id,
            "key": pending.ask.key,
            "unit": pending.unit,
            "question": pending.ask.question,
            "choices": list(pending.ask.choices),
            "role": str(pending.ask.role),
            "waited_s": round((now_ns - pending.asked_ns) / _NS, 1),
            "left_s": _left(pending.ask.timeout_s, (now_ns - pending.asked_ns) / _NS),
        }
        for pending in kernel.runner.asks()
    ]


def _left(timeout_s: float, waited_s: float) -> float | None:
    """Seconds until a question becomes a hold; None for one that waits for ever."""
    return round(timeout_s - waited_s, 1) if math.isfinite(timeout_s) else None


def _zones(kernel: Kernel, now_ns: int) -> list[Row]:
    rows: list[Row] = []
    for zone in sorted(kernel.line.zone, key=lambda zone: zone.from_m):
        value, quality = kernel.table.read(kernel.table.index(f"{zone.loop}.PV"), now_ns)
        asked = float(kernel.table.request[kernel.table.index(f"{zone.loop}.SP")])
        rows.append(
            {
                "zone": zone.name,
                "value": _finite(round(value, 1)),
                "good": is_good(quality),
                "quality": quality_name(quality),
                "request": _finite(asked),
            }
        )
    return rows


def _values(kernel: Kernel, now_ns: int) -> list[Row]:
    known: set[str] = set(kernel.table.names)
    coated = {coat.side for coat in kernel.recipe.coated}
    unused = {tag for side in Side if side not in coated for tag in _OF_SIDE[side]}
    chosen = [tag for tag in KEY_TAGS if tag in known and tag not in unused]
    return [reading(kernel, tag, now_ns) | _rest(kernel, tag, now_ns) for tag in chosen]


def _rest(kernel: Kernel, tag: str, now_ns: int) -> Row:
    """Why a tag rightly has no value now: no power, or no film at its gauge; else nothing."""
    if not math.isnan(good(kernel, tag, now_ns)):
        return {}
    if tag.startswith(_CALCULATED):
        label = f"film.{kernel.table.spec(tag).station}.S"
        bare = label in kernel.table.names and math.isnan(good(kernel, label, now_ns))
        return {"rest": "no film"} if bare else {}
    owners = {each.name for each in kernel.line.instrument if tag in {t.name for t in each.tags}}
    return {"rest": "no power"} if owners & set(_unpowered(kernel, now_ns)) else {}


def _unpowered(kernel: Kernel, now_ns: int) -> list[str]:
    """Silent instruments from which nothing is to be expected: they are without power."""
    names = {instrument.name for instrument in kernel.line.instrument}
    silent = (name for name in kernel.links.silent if name in names)
    return [name for name in silent if kernel.power.off(name, now_ns)]


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
