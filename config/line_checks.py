"""Cross checks of a line file: names, references, limits and places that must agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from config.alarm_checks import alarm_places, check_alarms
from config.condition_checks import KnownTag, check_condition
from config.models import Bus, Line, TagSpec, Zone
from config.positions import Path
from config.problems import Category, dotted, suggestion
from config.source import Source
from config.tag_checks import check_alarm, check_points, check_tag
from config.vocabulary import BUS_FAMILIES, POINT_UNITS

_OVERFEED = 2.5  # a zone's fan gives at most this times its table flow (pilot line 2)


def check_line(source: Source, line: Line) -> None:
    """Report everything in a line file that does not fit together."""
    tags = known_tags(line)
    writable = writable_tags(line)
    _check_header(source, line)
    _check_duplicates(source, line)
    _check_zones(source, line, tags)
    _check_buses(source, line)
    _check_instruments(source, line)
    _check_calculated(source, line)
    tags = _without_doubtful_units(source, line, tags)
    check_alarms(source, line, tags)
    _check_tanks(source, line, tags)
    _check_equipment(source, line, writable)
    _check_effects(source, line, writable)
    _check_trips(source, line, tags, writable)
    _check_hazards(source, line)


def known_tags(line: Line) -> dict[str, KnownTag]:
    """Unit and range of every tag, measured or calculated."""
    measured = [tag for instrument in line.instrument for tag in instrument.tags]
    tags = {tag.name: KnownTag(tag.unit, *tag.range) for tag in measured}
    return tags | {tag.name: KnownTag(tag.unit, *tag.range) for tag in line.calculated}


def writable_tags(line: Line) -> dict[str, TagSpec]:
    """Every tag with a write specification."""
    return {t.name: t for i in line.instrument for t in i.tags if t.write is not None}


def refer(source: Source, path: Path, name: str | None, known: Iterable[str], what: str) -> bool:
    """Report a name that is given but not known; True when it is usable."""
    names = set(known)
    if name is None or name in names:
        return name is not None
    source.report(Category.REFERENCE, path, f"no such {what}", suggestion(name, names))
    return False


def unique(source: Source, entries: Iterable[tuple[Path, object]], what: str) -> None:
    """Report each entry whose value an earlier entry already has."""
    first: dict[object, Path] = {}
    for path, value in entries:
        if value in first:
            line, column = source.positions.value(first[value])
            source.report(
                Category.DUPLICATE, path, f"{what} given twice", f"first at line {line}:{column}"
            )
        else:
            first[value] = path


# --- header, names ---------------------------------------------------------------------------


def _check_header(source: Source, line: Line) -> None:
    widths = ("web_width_die_m", "web_width_belt_m", "web_width_tenter_m", "web_width_trimmed_m")
    for wider, narrower in pairwise(widths):
        if getattr(line.line, narrower) > getattr(line.line, wider):
            source.report(
                Category.CONTRADICTION,
                ("line", narrower),
                f"wider than {wider}",
                f"at most {getattr(line.line, wider):g} m",
            )
    if line.line.coat_width_m > line.line.web_width_tenter_m:
        source.report(
            Category.CONTRADICTION,
            ("line", "coat_width_m"),
            "wider than the web",
            f"at most {line.line.web_width_tenter_m:g} m",
        )


def _check_duplicates(source: Source, line: Line) -> None:
    for kind in ("station", "zone", "bus", "instrument", "equipment", "effect", "hazard", "trip"):
        items = getattr(line, kind)
        entries = [((kind, i, "name"), item.name) for i, item in enumerate(items)]
        unique(source, entries, f"{kind} name")
    tags = [((*path, "name"), tag.name) for path, tag in alarm_places(line)]
    unique(source, tags, "tag name")
    units: list[tuple[Path, object]] = [
        (("instrument", i, "unit"), (item.bus, item.unit)) for i, item in enumerate(line.instrument)
    ]
    unique(source, units, "unit on this bus")
    ports: list[tuple[Path, object]] = []
    for i, bus in enumerate(line.bus):
        ports.append((("bus", i, "simulated_port"), bus.simulated_port))
        if bus.simulated_stream_port is not None:
            ports.append((("bus", i, "simulated_stream_port"), bus.simulated_stream_port))
    unique(source, ports, "port")
    unique(
        source, [(("bus", i, "address"), bus.address) for i, bus in enumerate(line.bus)], "address"
    )
    unique(source, [(("zone", i, "loop"), z.loop) for i, z in enumerate(line.zone)], "loop")


# --- zones, buses ----------------------------------------------------------------------------


def _check_zones(source: Source, line: Line, tags: Mapping[str, KnownTag]) -> None:
    end = max((station.at_m for station in line.station), default=0.0)
    placed: list[tuple[float, float, str]] = []
    for i, zone in enumerate(line.zone):
        path: Path = ("zone", i)
        _check_zone_tags(source, path, zone, tags)
        if zone.from_m >= zone.to_m:
            source.report(
                Category.CONTRADICTION,
                (*path, "to_m"),
                "the zone ends before it begins",
                f"greater than from_m = {zone.from_m:g}",
            )
            continue
        if zone.to_m > end:
            source.report(
                Category.RANGE, (*path, "to_m"), "beyond the last station", f"at most {end:g} m"
            )
        for start, stop, name in placed:
            if zone.from_m < stop and start < zone.to_m:
                source.report(
                    Category.CONTRADICTION,
                    (*path, "from_m"),
                    f"overlaps zone {name}",
                    f"{name} lies from {start:g} to {stop:g} m",
                )
                break
        placed.append((zone.from_m, zone.to_m, zone.name))
        _check_zone_limits(source, path, zone)


def _check_zone_tags(source: Source, path: Path, zone: Zone, tags: Mapping[str, KnownTag]) -> None:
    for key in ("contactor", "independent", "exhaust_flow", "lfl", "lfl_sample"):
        refer(source, (*path, key), getattr(zone, key), tags, "tag")
    loops = [name.removesuffix(".PV") for name in tags if name.endswith(".PV")]
    refer(source, (*path, "loop"), zone.loop, loops, "loop with a .PV tag")
    fans = [name.removesuffix(".RUN") for name in tags if name.endswith(".RUN")]
    refer(source, (*path, "fan"), zone.fan, fans, "drive with a .RUN tag")


def _check_zone_limits(source: Source, path: Path, zone: Zone) -> None:
    if zone.trip_c is not None and zone.trip_c <= zone.maximum_c:
        source.report(
            Category.CONTRADICTION,
            (*path, "trip_c"),
            "trips below the highest set point",
            f"greater than maximum_c = {zone.maximum_c:g} degC",
        )
    table, least = zone.table_flow_nm3_h, zone.minimum_flow_nm3_h
    if table is not None and least is not None and least > _OVERFEED * table:
        source.report(
            Category.CONTRADICTION,
            (*path, "minimum_flow_nm3_h"),
            "more than the fan can give",
            f"at most {_OVERFEED * table:g} Nm3/h, 2.5 times the table flow",
        )


def _check_buses(source: Source, line: Line) -> None:
    for i, bus in enumerate(line.bus):
        path: Path = ("bus", i)
        serial = bus.kind in {"modbus_rtu", "ascii", "optris"}
        if serial:
            _need_serial(source, path, bus)
        elif not bus.address.startswith("tcp://"):
            source.report(
                Category.CONTRADICTION,
                (*path, "address"),
                f"not an address of kind {bus.kind}",
                "tcp://host:port",
            )
        streams = bus.kind == "confocal"
        if streams != (bus.simulated_stream_port is not None):
            verb = "needs a" if streams else "has no"
            source.report(
                Category.CONTRADICTION,
                (*path, "simulated_stream_port"),
                f"kind {bus.kind} {verb} stream port",
                show=False,
            )


def _need_serial(source: Source, path: Path, bus: Bus) -> None:
    if bus.address.startswith("tcp://"):
        source.report(
            Category.CONTRADICTION,
            (*path, "address"),
            f"not an address of kind {bus.kind}",
            "a serial device, /dev/serial/by-id/...",
        )
    for key in ("baud", "format"):
        if getattr(bus, key) is None:
            source.report(
                Category.MISSING,
                (*path, key),
                f"a serial bus needs '{key}'",
                at_key=True,
                show=False,
            )


# --- instruments, calculated -----------------------------------------------------------------


def _check_instruments(source: Source, line: Line) -> None:
    kinds = {bus.name: bus.kind for bus in line.bus}
    stations = [station.name for station in line.station]
    maxima = {f"{zone.loop}.SP": zone.maximum_c for zone in line.zone}
    for i, instrument in enumerate(line.instrument):
        path: Path = ("instrument", i)
        on_bus = refer(source, (*path, "bus"), instrument.bus, kinds, "bus")
        family = refer(source, (*path, "family"), instrument.family, POINT_UNITS, "device family")
        refer(source, (*path, "zone"), instrument.zone, [z.name for z in line.zone], "zone")
        if on_bus and family and instrument.family not in BUS_FAMILIES[kinds[instrument.bus]]:
            source.report(
                Category.CONTRADICTION,
                (*path, "bus"),
                f"{instrument.family} cannot live on a bus of kind {kinds[instrument.bus]}",
            )
            family = False
        if family:
            check_points(source, path, instrument)
        for j, tag in enumerate(instrument.tags):
            at: Path = (*path, "tags", j)
            refer(source, (*at, "station"), tag.station, stations, "station")
            check_tag(source, at, tag, maxima.get(tag.name))


def _check_calculated(source: Source, line: Line) -> None:
    stations = [station.name for station in line.station]
    for i, tag in enumerate(line.calculated):
        path: Path = ("calculated", i)
        refer(source, (*path, "station"), tag.station, stations, "station")
        check_tag(source, path, tag, None)
        if tag.alarm:
            check_alarm(source, (*path, "alarm"), tag.alarm, tag.range)


def _check_tanks(source: Source, line: Line, tags: Mapping[str, KnownTag]) -> None:
    """Places and tags of the tanks exist; a tank holds more than what cannot be drawn."""
    stations = [station.name for station in line.station]
    unique(source, ((("tank", i, "name"), t.name) for i, t in enumerate(line.tank)), "tank")
    for i, tank in enumerate(line.tank):
        path: Path = ("tank", i)
        refer(source, (*path, "station"), tank.station, stations, "station")
        refer(source, (*path, "flow"), tank.flow, tags, "tag")
        refer(source, (*path, "while_on"), tank.while_on, tags, "tag")
        refer(source, (*path, "film_on"), tank.film_on, tags, "tag")
        if tank.least >= tank.capacity:
            source.report(
                Category.CONTRADICTION, (*path, "least"), "not below the capacity of the tank"
            )


def _without_doubtful_units(
    source: Source, line: Line, tags: Mapping[str, KnownTag]
) -> dict[str, KnownTag]:
    """Blank each unit already reported, so that comparisons do not report it again."""
    reported = {problem.field for problem in source.problems if problem.category is Category.UNIT}
    doubtful = {tag.name for path, tag in alarm_places(line) if dotted((*path, "unit")) in reported}
    return {name: replace(tag, unit="") if name in doubtful else tag for name, tag in tags.items()}


# --- effects, trips --------------------------------------------------------------------------


def _check_equipment(source: Source, line: Line, writable: Mapping[str, TagSpec]) -> None:
    """Equipment names loops that can be written, each once; where any is named, all are."""
    stems = dict.fromkeys(name.rpartition(".")[0] for name in writable)
    places: list[tuple[Path, object]] = [
        (("equipment", i, "loops", j), loop)
        for i, item in enumerate(line.equipment)
        for j, loop in enumerate(item.loops)
    ]
    for path, loop in places:
        refer(source, path, str(loop), stems, "loop with a writable tag")
    unique(source, places, "loop")
    named = {loop for _, loop in places}
    missing = [stem for stem in stems if stem not in named]
    if line.equipment and missing:
        told = f"no equipment has {', '.join(missing)}"
        source.report(Category.REFERENCE, ("equipment",), told, "name each loop once")


def _check_effects(source: Source, line: Line, writable: Mapping[str, TagSpec]) -> None:
    for i, effect in enumerate(line.effect):
        for name, value in effect.writes.items():
            path: Path = ("effect", i, "writes", name)
            tag = writable.get(name)
            if tag is None or tag.write is None:
                source.report(
                    Category.REFERENCE,
                    path,
                    "no such writable tag",
                    suggestion(name, writable),
                    at_key=True,
                    show=False,
                )
                continue
            low, high = tag.write.range
            if low < high and not low <= value <= high:
                source.report(
                    Category.RANGE,
                    path,
                    f"outside the write range of {name}",
                    f"allowed {low:g} to {high:g} {tag.unit}",
                )


def _check_trips(
    source: Source, line: Line, tags: Mapping[str, KnownTag], writable: Mapping[str, TagSpec]
) -> None:
    effects = [effect.name for effect in line.effect]
    for i, trip in enumerate(line.trip):
        path: Path = ("trip", i)
        check_condition(source, (*path, "when"), trip.when, tags)
        if trip.enabled is not None:
            check_condition(source, (*path, "enabled"), trip.enabled, tags)
        _refer_each(source, (*path, "effects"), trip.effects, effects, "effect")
        _refer_each(source, (*path, "blocks"), trip.blocks, writable, "writable tag")
        _refer_each(source, (*path, "leaves"), trip.leaves, writable, "writable tag")


def _check_hazards(source: Source, line: Line) -> None:
    """Where hazards are declared, every trip names one, and each has something against it."""
    if not line.hazard:
        return
    declared = [hazard.name for hazard in line.hazard]
    for i, trip in enumerate(line.trip):
        refer(source, ("trip", i, "hazard"), trip.hazard, declared, "hazard")
    met = {trip.hazard for trip in line.trip}
    for i, hazard in enumerate(line.hazard):
        if hazard.name not in met and not hazard.software:
            source.report(
                Category.REFERENCE,
                ("hazard", i, "name"),
                "no trip acts against it",
                "a trip with this hazard, or software = what is done instead",
            )


def _refer_each(
    source: Source, path: Path, names: Sequence[str], known: Iterable[str], what: str
) -> None:
    words = list(known)
    for index, name in enumerate(names):
        refer(source, (*path, index), name, words, what)
