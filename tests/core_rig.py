"""A small line and its controller core for unit tests: two zones, three drives, one I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan

from config.models import (
    AlarmLimits,
    Bus,
    CalculatedTag,
    Condition,
    Effect,
    Instrument,
    Level,
    Line,
    LineHeader,
    Role,
    RoleRanges,
    TagSpec,
    Trip,
    WriteSpec,
    Zone,
)
from controller.events import Actor
from controller.gate import Gate
from controller.tags import Snapshot, TagTable
from drivers.base import Block, Quality

T0 = 1_000_000_000_000_000_000
S = 1_000_000_000
OPERATOR = Actor("ann", Role.OPERATOR)
ENGINEER = Actor("eve", Role.ENGINEER)
VIEWER = Actor("vic", Role.VIEWER)


def tag(
    name: str, unit: str = "1", reach: tuple[float, float] = (0.0, 1.0), **more: object
) -> TagSpec:
    base = {"point": name, "resolution": 0.1, "description": name}
    return TagSpec(name=name, unit=unit, range=reach, **(base | more))


def output(
    name: str, unit: str, span: tuple[float, float], safe: float = 0.0, **write: object
) -> TagSpec:
    boolean = unit == "1"
    return tag(
        name,
        unit,
        span,
        kind="bool" if boolean else "float",
        resolution=1.0 if boolean else 0.1,
        write=WriteSpec(range=span, safe=safe, **write),
    )


def instruments() -> tuple[Instrument, ...]:
    zone = (
        tag(
            "TIC-501.PV",
            "degC",
            (-20.0, 800.0),
            alarm=AlarmLimits(high=210.0, delay_s=1.0, deadband=5.0),
        ),
        output(
            "TIC-501.SP",
            "degC",
            (20.0, 200.0),
            20.0,
            rate_per_s=0.5,
            tolerance=0.1,
            by_role=RoleRanges(operator=(20.0, 120.0), engineer=(20.0, 190.0)),
        ),
        tag("TIC-501.WSP", "degC", (0.0, 800.0)),
        tag("TIC-501.OP", "%", (0.0, 100.0)),
    )
    belt = (
        output("SIC-210.RUN", "1", (0.0, 1.0), 1.0),
        output("SIC-210.SP", "m/min", (0.0, 6.0), 1.0, rate_per_s=0.5, tolerance=0.05),
        tag("SIC-210.ACT", "m/min", (0.0, 6.0)),
        output("SIC-210.RESET", "1", (0.0, 1.0), one_shot=True),
    )
    pump = (
        output("SIC-110.RUN", "1", (0.0, 1.0)),
        output("SIC-110.SP", "rpm", (0.0, 60.0), rate_per_s=2.0, tolerance=0.2),
        tag("SIC-110.ACT", "rpm", (0.0, 60.0)),
    )
    reglo = tuple(
        spec
        for head in ("A", "B")
        for spec in (
            output(f"FIC-301{head}.SP", "mL/min", (0.0, 60.0), rate_per_s=60.0),
            tag(f"FIC-301{head}.PV", "mL/min", (0.0, 60.0)),
        )
    )
    io = (
        tag("FT-201.PV", "Nm3/h", (0.0, 1500.0), signal="ma", span=(0.0, 1500.0)),
        tag("FT-501.PV", "Nm3/h", (0.0, 500.0), signal="ma", span=(0.0, 500.0)),
        tag("AT-201.PV", "%LFL", (0.0, 100.0), signal="ma", span=(0.0, 100.0)),
        output("XC-501.CMD", "1", (0.0, 1.0), read_back_s=3.0),
        output("XV-110.CMD", "1", (0.0, 1.0), read_back_s=3.0),
        output("XV-801.CMD", "1", (0.0, 1.0), role=Role.ENGINEER),
    )
    names = {"T1": zone, "BELT": belt, "PUMP": pump, "REGLO": reglo, "IO": io}
    return tuple(
        Instrument(name=name, family="x", bus="BUS", unit=1, tags=tags)
        for name, tags in names.items()
    )


def zones() -> tuple[Zone, ...]:
    return (
        Zone(
            name="B1", kind="belt", from_m=0.5, to_m=3.5, loop="TIC-201", maximum_c=160.0,
            exhaust_flow="FT-201.PV", lfl="AT-201.PV", table_flow_nm3_h=500.0,
            minimum_flow_nm3_h=500.0,
        ),
        Zone(
            name="T1", kind="tenter", from_m=21.5, to_m=23.5, loop="TIC-501", maximum_c=200.0,
            exhaust_flow="FT-501.PV", table_flow_nm3_h=150.0, minimum_flow_nm3_h=150.0,
        ),
    )  # fmt: skip


def trip(
    name: str, when: Condition, level: Level = Level.HOLD, hazard: str = "Z9", **more: object
) -> Trip:
    return Trip(
        name=name, hazard=hazard, title=f"title of {name}", level=level, when=when,
        consequence="c", response="r", **more,
    )  # fmt: skip


def cond(**fields: object) -> Condition:
    return Condition.model_validate(fields)


def make_line(
    trips: Sequence[Trip] = (), effects: Mapping[str, Mapping[str, float]] | None = None
) -> Line:
    calculated = [
        CalculatedTag(name=name, unit="1", range=(0.0, 5000.0), resolution=0.1, description=name)
        for name in ("FRQ-201.REQ", "FRQ-501.REQ", "TIC-501.TRACK", "PROC.PURGE")
    ]
    return Line(
        line=LineHeader(name="mini", title="mini"),
        station=(),
        zone=zones(),
        bus=(Bus(name="BUS", kind="modbus_tcp", address="tcp://x:1", simulated_port=15000),),
        instrument=instruments(),
        calculated=tuple(calculated),
        effect=tuple(
            Effect(name=name, description=name, writes=dict(writes))
            for name, writes in (effects or {}).items()
        ),
        trip=tuple(trips),
    )


class Port:
    """Remembers what left towards the wire."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, float]] = []

    def put(self, tag: str, value: float) -> None:
        self.sent.append(("put", tag, value))

    def command(self, tag: str, value: float) -> None:
        self.sent.append(("command", tag, value))

    def last(self, tag: str) -> float:
        return next((value for _, name, value in reversed(self.sent) if name == tag), nan)


DEFAULTS = {
    "TIC-501.PV": 25.0, "TIC-501.SP": 20.0, "TIC-501.WSP": 20.0, "SIC-210.RUN": 1.0,
    "SIC-210.SP": 1.0, "SIC-210.ACT": 1.0, "FT-201.PV": 500.0, "FT-501.PV": 150.0,
}  # fmt: skip


class Rig:
    """Table with all instruments attached and GOOD, a gate, and a hand to set values."""

    def __init__(self, line: Line | None = None) -> None:
        self.line = line or make_line()
        self.table = TagTable(self.line)
        self.now = T0
        self._writers = {}
        self._values: dict[str, dict[str, float]] = {}
        self._quality: dict[str, int] = {}
        for instrument in self.line.instrument:
            names = tuple(spec.name for spec in instrument.tags if not _one_shot(spec))
            block = Block(instrument.name, names, 0.5)
            self._writers[instrument.name] = self.table.attach(block)
            self._values[instrument.name] = {name: DEFAULTS.get(name, 0.0) for name in names}
        self.port = Port()
        self.gate = Gate(self.line, self.table, self.port)
        self.poll()

    def values(self, values: Mapping[str, float], quality: int = Quality.GOOD) -> None:
        """Change what the devices show; takes effect with the next poll."""
        for name, value in values.items():
            for block in self._values.values():
                if name in block:
                    block[name] = value
                    self._quality[name] = int(quality)

    def poll(self) -> None:
        """All devices answer now."""
        for name, block in self._values.items():
            quality = [self._quality.get(item, 0) for item in block]
            self._writers[name].write(list(block.values()), quality, self.now, self.now)

    def echo(self) -> None:
        """Devices take over every request."""
        for block in self._values.values():
            for name in block:
                asked = float(self.table.request[self.table.index(name)])
                if not isnan(asked):
                    block[name] = asked

    def snapshot(self) -> Snapshot:
        return self.table.snapshot(self.now)

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * S)

    def scan(self, seconds: float = 0.1, *, echo: bool = False) -> Snapshot:
        """Time passes, devices answer, and a picture is taken."""
        self.wait(seconds)
        if echo:
            self.echo()
        self.poll()
        return self.snapshot()


def _one_shot(spec: TagSpec) -> bool:
    return spec.write is not None and spec.write.one_shot
