"""Models of the line file: stations, zones, buses, instruments, tags, effects, trips."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.alarm_models import AlarmLimits, AlarmRules, AlarmText, Suppression
from config.base import Condition, Model, Name, Span
from config.words import Level, Role, Side


class RoleRanges(Model):
    """Ranges for what people of a role write by hand, inside the tag's own writable range.

    Who has no range here has the next higher role's; an admin has the tag's own.
    """

    operator: Span | None = None
    engineer: Span | None = None


class WriteSpec(Model):
    """How a tag may be written.

    Attributes:
        range: accepted values; outside is refused, never clamped.
        by_role: narrower ranges for people; recipe, loops and interlocks have ``range``.
        rate_per_s: greatest change per second the gate lets through (a Ramp splits into steps).
        role: least role of a person who may write it by hand.
        safe: value written when the output is shed or the line made safe.
        one_shot: a command, never merged, retried or replayed.
        read_back_s: how soon the device must show the value.
        tolerance: difference between request and read-back that counts as equal.
        powered_by: writable tag that gives the device its power; while that is 0 the device is
            expected to be silent, and nothing is read back from it.
    """

    range: Span
    by_role: RoleRanges = RoleRanges()
    rate_per_s: float | None = Field(default=None, gt=0.0)
    role: Role = Role.OPERATOR
    safe: float
    one_shot: bool = False
    read_back_s: float = Field(default=5.0, gt=0.0)
    tolerance: float = Field(default=0.0, ge=0.0)
    powered_by: Name | None = None

    def range_of(self, role: Role) -> Span:
        """Values that a person of a role may write by hand."""
        ranges = {Role.OPERATOR: self.by_role.operator, Role.ENGINEER: self.by_role.engineer}
        order = tuple(Role)
        for held in order[order.index(role) :]:
            found = ranges.get(held)
            if found is not None:
                return found
        return self.range

    def least_role(self, value: float) -> Role | None:
        """Lowest role that may write a value by hand; None when nobody may."""
        order = tuple(Role)
        for role in order[order.index(self.role) :]:
            low, high = self.range_of(role)
            if low <= value <= high:
                return role
        return None


class TagSpec(Model):
    """One named point of the line.

    Attributes:
        name: ISA-5.1 style, ``TIC-501.PV``.
        point: name of the point in the family's device profile, or a terminal of an I/O
            coupler: ``ai:3``, ``ai32:38``, ``di:0``, ``do:5``, ``ao:2``.
        signal: how an I/O terminal presents the value: ``ma`` (1 count = 1 uA, with ``span``
            at 4 and 20 mA, NE 43 limits), ``tc`` (0.1 degC a count), ``count`` (raw times
            ``resolution``), None for points decoded by a profile.
        range: instrument range in ``unit``; outside is bad.
        resolution: smallest step worth keeping; events round to it.
        fastest_per_s: fastest that the true value can move, in ``unit`` per second; what jumps
            further is a sensor failure. None: any change is believed.
    """

    name: Name
    point: str
    unit: str
    range: Span
    resolution: float = Field(gt=0.0)
    description: str
    station: str | None = None
    kind: Literal["float", "bool", "code", "counter"] = "float"
    signal: Literal["ma", "tc", "count"] | None = None
    span: Span | None = None
    full_scale: float | None = None  # EU at the drive's 100 % reference, or EU a count (ATV320)
    deadband: float = Field(default=0.0, ge=0.0)
    alarm: AlarmLimits | None = None
    write: WriteSpec | None = None
    stale_s: float | None = Field(default=None, gt=0.0)  # default: max(3 periods, 2 s)
    fastest_per_s: float | None = Field(default=None, gt=0.0)


class CalculatedTag(Model):
    """A tag computed by the scan (positions, required flows, soft sensors)."""

    name: Name
    unit: str
    range: Span
    resolution: float = Field(gt=0.0)
    description: str
    station: str | None = None
    kind: Literal["float", "bool", "code", "counter"] = "float"
    alarm: AlarmLimits | None = None


class Station(Model):
    """A place along the film path, meters from the die lip."""

    name: Name
    at_m: float = Field(ge=0.0)
    description: str


class Zone(Model):
    """A heated length of the line with its loop, contactor, exhaust and analyzer tags."""

    name: Name
    kind: Literal["belt", "dryer", "tenter", "cooler", "die"]
    from_m: float = Field(ge=0.0)
    to_m: float = Field(ge=0.0)
    loop: str  # "TIC-501"
    contactor: str | None = None  # tag
    independent: str | None = None  # tag of the second thermocouple
    exhaust_flow: str | None = None  # tag
    lfl: str | None = None  # tag
    lfl_sample: str | None = None  # tag
    fan: Name | None = None  # "SIC-801"
    volume_m3: float | None = Field(default=None, gt=0.0)
    table_flow_nm3_h: float | None = Field(default=None, gt=0.0)
    minimum_flow_nm3_h: float | None = Field(default=None, gt=0.0)
    heater_kw: float | None = Field(default=None, gt=0.0)
    maximum_c: float  # highest set point of the zone; its LFL is fixed from it
    trip_c: float | None = None  # equipment limit on the independent thermocouple


class Bus(Model):
    """A shared wire: one owner, one outstanding request.

    Attributes:
        address: real plant: ``tcp://host:port`` or a serial device path.
        simulated_port: TCP port on loopback where ``filmline simulate`` serves it.
        gap_ms: least silence between exchanges; reply_ms: longest turn-round of its devices.
    """

    name: Name
    kind: Literal["modbus_tcp", "modbus_rtu", "ascii", "optris", "confocal"]
    address: str
    simulated_port: int = Field(ge=1024, le=65535)
    simulated_stream_port: int | None = Field(default=None, ge=1024, le=65535)
    baud: int | None = None
    format: Literal["8N1", "8E1", "8N2"] | None = None
    timeout_ms: int = Field(default=300, ge=20, le=5000)
    gap_ms: float = Field(default=0.0, ge=0.0)
    reply_ms: float = Field(default=10.0, ge=0.0)


class Instrument(Model):
    """One device on a bus; ``family`` names its profile in ``config/devices``."""

    name: Name
    family: Name
    bus: Name
    unit: int = Field(ge=0, le=255)
    description: str = ""
    zone: str | None = None
    tags: tuple[TagSpec, ...]


class Equipment(Model):
    """A unit of equipment (ISA-88): what a person takes to manual as a whole.

    Attributes:
        loops: its writable tags without what follows the last dot, ``SIC-110``.
    """

    name: Name
    description: str
    loops: tuple[str, ...] = Field(min_length=1)


class Effect(Model):
    """A named set of safe writes (``dope_off``: pump stopped, diverter to recirculation...)."""

    name: Name
    description: str
    writes: dict[str, float]  # tag -> value


class Hazard(Model):
    """One hazard of the line's analysis; trips name it and say what detects it and what they do.

    Attributes:
        cause: what leads to it.
        software: what this program does besides the trips; needed where no trip acts.
        hardware: what must be guaranteed without this program and its computer.
    """

    name: str = Field(pattern=r"^Z[1-9][0-9]*$")
    title: str
    cause: str
    software: str = ""
    hardware: str


class Trip(Model):
    """One row of the cause-and-effect matrix."""

    name: Name  # "IL1-B1"
    hazard: str  # "Z1"
    title: str
    level: Level
    when: Condition
    enabled: Condition | None = None  # evaluated only while this is not false
    effects: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()  # tags whose increase is refused while tripped
    leaves: tuple[str, ...] = ()  # tags nobody here writes while tripped: other protection has them
    bypass: bool = False
    latched: bool = True
    consequence: str
    response: str


class Tank(Model):
    """A place on the floor from which the line takes material; its level is bookkeeping.

    Attributes:
        holds: kind of lot that may be loaded.
        unit: what its contents are counted in; capacity and least in that unit.
        least: what cannot be drawn any more; at this level it counts as empty.
        flow: measured tag of what leaves, and ``cc_per_unit`` cm3 a minute per unit of it.
        while_on: contents leave only while this tag is on (a recirculating pump draws nothing).
        film_on: what leaves reaches the film only while this tag is on (a retracted head drips).
        station: where the material meets the film. side: face a coating tank serves.
        hold_up_cc: volume between tank and film that mixes a lot with the one before it.
        sigma_pct: standard deviation of the integrated flow, percent of what was drawn.
    """

    name: Name
    title: str
    holds: Literal["dope", "coating", "leader", "core"]
    unit: Literal["kg", "m", "pieces"]
    capacity: float = Field(gt=0.0)
    least: float = Field(default=0.0, ge=0.0)
    station: str
    side: Side | None = None
    flow: str | None = None  # tag
    cc_per_unit: float = Field(default=1.0, gt=0.0)
    while_on: str | None = None  # tag
    film_on: str | None = None  # tag
    hold_up_cc: float = Field(default=0.0, ge=0.0)
    sigma_pct: float = Field(default=0.0, ge=0.0)


class LineHeader(Model):
    """Identity and clocks of the line."""

    name: Name
    title: str
    scan_period_s: float = Field(default=0.1, gt=0.0, le=1.0)
    web_width_die_m: float = Field(default=0.63, gt=0.0)
    web_width_belt_m: float = Field(default=0.60, gt=0.0)
    web_width_tenter_m: float = Field(default=0.58, gt=0.0)
    web_width_trimmed_m: float = Field(default=0.50, gt=0.0)
    coat_width_m: float = Field(default=0.56, gt=0.0)
    pump_cc_per_rev: float = Field(default=10.0, gt=0.0)
    bolts: int = Field(default=21, ge=1)
    roles: dict[str, Role] = Field(default_factory=dict)  # OS user -> role
    simulated_clock_port: int = Field(default=15200, ge=1024, le=65535)  # of filmline simulate


class Line(Model):
    """The whole line file."""

    line: LineHeader
    station: tuple[Station, ...]
    zone: tuple[Zone, ...]
    bus: tuple[Bus, ...]
    instrument: tuple[Instrument, ...]
    equipment: tuple[Equipment, ...] = ()
    calculated: tuple[CalculatedTag, ...]
    effect: tuple[Effect, ...]
    hazard: tuple[Hazard, ...] = ()
    trip: tuple[Trip, ...]
    tank: tuple[Tank, ...] = ()
    alarms: AlarmRules = Field(default_factory=AlarmRules)
    alarm_text: tuple[AlarmText, ...] = ()
    suppression: tuple[Suppression, ...] = ()
