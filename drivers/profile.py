"""Device profiles: what a family of instruments is on the wire, as data.

One TOML file per family in ``config/devices``. A profile names registers (0-based, as on the
wire) or commands, how values lie in them, what may be written within which limits, what is set
up and verified on connecting, and the canary: a read whose reply no other request of the family
could get. The loader refuses contradictions; see ``Profile``.
"""

from __future__ import annotations

import json
import tomllib
from itertools import combinations
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from config.models import Model, Name, TagSpec
from config.units import known
from drivers.base import Quality
from drivers.codec import WORDS, NumberType, Point, WordOrder

Register = int


class ProfileError(ValueError):
    """A device profile that cannot be used; the message names file and place."""


class Identity(Model):
    """What the profile describes and how far it can be trusted."""

    vendor: str
    model: str
    firmware: str
    source: str
    verified_on_hardware: str  # "no", or the date of the signed bench test


class LinkLimits(Model):
    """What the family's protocol allows."""

    kind: Literal["modbus", "ascii", "binary", "confocal"]
    max_regs_per_read: int = Field(default=125, ge=1, le=125)
    max_regs_per_write: int = Field(default=123, ge=1, le=123)


class PointSpec(Model):
    """One readable point; value = raw * scale + offset.

    Attributes:
        address: first register.
        full_scale_counts: raw value at the tag's ``full_scale``; then the scale comes from both.
        sentinels: raw value (decimal text) to the quality it means.
        mask, equals: for ``bits*``: 1 where ``raw & mask == equals``.
    """

    name: Name
    address: Register = Field(ge=0, le=0xFFFF)
    type: NumberType
    word_order: WordOrder = "high_first"
    scale: float = 1.0
    offset: float = 0.0
    full_scale_counts: float | None = None
    unit: str = "1"
    low: float | None = None
    high: float | None = None
    mask: int = 0
    equals: int = 0
    sentinels: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.scale == 0.0 or self.full_scale_counts == 0.0:
            raise ValueError(f"point {self.name}: scale 0 makes every value the same")
        if not known(self.unit):
            raise ValueError(f"point {self.name}: unknown unit {self.unit!r}")
        if self.type.startswith("bits") and self.mask == 0:
            raise ValueError(f"point {self.name}: bits need a mask")
        for raw, quality in self.sentinels.items():
            if not raw.lstrip("-").isdigit() or quality not in Quality.__members__:
                raise ValueError(f"point {self.name}: sentinel {raw} = {quality!r}")
        return self

    def scale_for(self, tag: TagSpec) -> float:
        """EU per count for a tag."""
        if self.full_scale_counts is None:
            return self.scale
        if tag.full_scale is None:
            raise ProfileError(f"{tag.name}: point {self.name} needs full_scale in the line file")
        return tag.full_scale / self.full_scale_counts

    def compiled(self, tag: TagSpec, first: Register) -> Point:
        """Point of a block that begins at ``first``, with the tag's instrument range."""
        bits = self.type.startswith("bits")
        low, high = tag.range
        return Point(
            register=self.address - first,
            type=self.type,
            word_order=self.word_order,
            scale=1.0 if bits else self.scale_for(tag),
            offset=self.offset,
            low=low if self.low is None else max(low, self.low),
            high=high if self.high is None else min(high, self.high),
            mask=self.mask,
            equals=self.equals,
            sentinels=tuple((int(raw), Quality[name]) for raw, name in self.sentinels.items()),
        )


class BlockSpec(Model):
    """Registers read by one exchange."""

    name: Name
    function: Literal[3, 4] = 3
    address: Register = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1)
    period_s: float = Field(gt=0.0)
    point: tuple[PointSpec, ...] = ()

    @model_validator(mode="after")
    def _inside(self) -> Self:
        for point in self.point:
            end = point.address + WORDS[point.type]
            if point.address < self.address or end > self.address + self.count:
                raise ValueError(f"point {point.name} lies outside block {self.name}")
        return self


class WriteRule(Model):
    """One register (pair) that may be written, within limits that cannot be left out.

    Attributes:
        min, max: in the unit of the point; outside is refused.
        volatile: False where the device keeps the value in memory that wears.
        refresh_s: written again this often; 0 = on change only.
        min_interval_s: least time between writes on change.
    """

    point: Name
    function: Literal[6, 16, 23] = 6
    address: Register = Field(ge=0, le=0xFFFF)
    type: NumberType
    word_order: WordOrder = "high_first"
    scale: float = 1.0
    full_scale_counts: float | None = None
    min: float | None = None
    max: float | None = None
    volatile: bool
    refresh_s: float = Field(default=0.0, ge=0.0)
    min_interval_s: float = Field(default=0.0, ge=0.0)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.min is None or self.max is None or self.min >= self.max:
            raise ValueError(f"write {self.point}: needs min < max")
        if self.scale == 0.0 or self.full_scale_counts == 0.0:
            raise ValueError(f"write {self.point}: scale 0")
        if self.refresh_s and not self.volatile:
            raise ValueError(f"write {self.point}: a cyclic write would wear its memory")
        return self

    def limits(self, tag: TagSpec) -> tuple[float, float]:
        """Limits of the tag and of the device together."""
        low, high = tag.write.range if tag.write is not None else (self.low, self.high)
        return max(low, self.low), min(high, self.high)

    @property
    def low(self) -> float:
        """Lower limit (present: see the validator)."""
        return self.min if self.min is not None else 0.0

    @property
    def high(self) -> float:
        """Upper limit (present: see the validator)."""
        return self.max if self.max is not None else 0.0

    def registers(self) -> range:
        """Addresses it covers."""
        return range(self.address, self.address + WORDS[self.type])


class SetupStep(Model):
    """One exchange or two on connecting.

    ``ensure``: the register must hold ``value``; written once if it does not, then read again.
    ``verify``: the register must lie in ``min``..``max``. ``command``: ``value`` is written
    unless the bits of the status register (``mask``/``equals``) show that it holds already.
    What fails locks the outputs, with ``why`` as the reason; reading goes on.
    """

    kind: Literal["ensure", "verify", "command"]
    why: str
    address: Register = Field(ge=0, le=0xFFFF)
    value: int = Field(default=0, ge=0, le=0xFFFF)
    min: int = 0
    max: int = 0xFFFF
    status_address: Register = 0
    status_count: int = 1
    word_order: WordOrder = "high_first"
    mask: int = 0
    equals: int = 0

    @property
    def allowed(self) -> str:
        """What the register may hold, in words."""
        if self.kind == "ensure":
            return str(self.value)
        if self.kind == "command":
            return f"bits {self.mask:#x} equal to {self.equals:#x}"
        return str(self.min) if self.min == self.max else f"{self.min} to {self.max}"


class Canary(Model):
    """Read that proves a line clean: its reply fits no other request of the family."""

    function: Literal[3, 4] = 3
    address: Register = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1, le=125)


class Terminals(Model):
    """Process image of an I/O coupler.

    Attributes:
        inputs, outputs: first register of each image.
        inputs_s: read period of a coupler with digital inputs (they carry the trips).
        analog_inputs_s: read period of a coupler without.
        outputs_s, analog_outputs_s: likewise for the rewriting of all outputs.
        read_back_s: period of reading the outputs back.
    """

    inputs: Register
    outputs: Register
    inputs_s: float = Field(gt=0.0)
    analog_inputs_s: float = Field(gt=0.0)
    outputs_s: float = Field(gt=0.0)
    analog_outputs_s: float = Field(gt=0.0)
    read_back_s: float = Field(gt=0.0)


class HeartbeatRule(Model):
    """How a safety controller is told that the interlock scan goes on.

    Attributes:
        period_s: between counts.
        alive: register that takes the count, with bit 0 set.
        trigger, trigger_value: register of the device's watchdog, and what starts it anew.
        silent_s: without an echo of the count for so long, what the device shows is bad.
    """

    period_s: float = Field(gt=0.0, le=0.5)
    alive: Register = Field(ge=0, le=0xFFFF)
    trigger: Register = Field(ge=0, le=0xFFFF)
    trigger_value: int = Field(ge=0, le=0xFFFF)
    silent_s: float = Field(gt=0.0, le=2.0)


class Query(Model):
    """One text or binary query.

    Attributes:
        request: ASCII text with ``{channel}``, or hexadecimal bytes for a binary family.
        reply: form of a text reply.
        size: bytes of a binary reply.
        points: points that take the value, value = raw * scale + offset.
    """

    name: Name
    request: str
    reply: Literal["status", "line", "either", "size"]
    size: int = 0
    period_s: float = Field(gt=0.0)
    points: tuple[str, ...]
    scale: float = 1.0
    offset: float = 0.0


class Profile(Model):
    """A family of instruments.

    Attributes:
        settings: texts sent on connecting (text families), in order.
        probe: text or hexadecimal query that serves as canary where there are no registers.
        probe_size: bytes of its reply in a binary family.
    """

    identity: Identity
    link: LinkLimits
    block: tuple[BlockSpec, ...] = ()
    write: tuple[WriteRule, ...] = ()
    setup: tuple[SetupStep, ...] = ()
    canary: Canary | None = None
    terminals: Terminals | None = None
    heartbeat: HeartbeatRule | None = None
    query: tuple[Query, ...] = ()
    channels: tuple[int, ...] = ()
    settings: tuple[str, ...] = ()
    probe: str = ""
    probe_size: int = 0

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for block in self.block:
            if block.count > self.link.max_regs_per_read:
                raise ValueError(f"block {block.name}: {block.count} registers are too many")
        for one, other in combinations(self.write, 2):
            if set(one.registers()) & set(other.registers()):
                raise ValueError(f"writes {one.point} and {other.point} overlap")
        names = [point.name for block in self.block for point in block.point]
        if len(names) != len(set(names)):
            raise ValueError("two points have one name")
        self._check_canary()
        return self

    def _check_canary(self) -> None:
        """A late reply must not pass for the canary's: no other read may have its length."""
        if self.canary is None:
            return
        lengths = {(block.function, block.count) for block in self.block}
        lengths |= {(3, 1), *((3, step.status_count) for step in self.setup if step.mask)}
        if (self.canary.function, self.canary.count) in lengths:
            raise ValueError("the canary read has the length of another read")

    def block_named(self, name: str) -> BlockSpec:
        """Find a block; raises ProfileError."""
        for block in self.block:
            if block.name == name:
                return block
        raise ProfileError(f"{self.identity.model}: no block {name!r}")

    def write_named(self, point: str) -> WriteRule:
        """Find a write rule; raises ProfileError."""
        for rule in self.write:
            if rule.point == point:
                return rule
        raise ProfileError(f"{self.identity.model}: point {point!r} is not writable")


def load_profile(path: Path) -> Profile:
    """Read one profile; raises ProfileError naming the file and every fault in it."""
    try:
        return Profile.model_validate_json(_as_json(path))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise ProfileError(f"{path.name}: {faults}") from error


def load_profiles(folder: Path) -> dict[str, Profile]:
    """Read every ``*.toml`` of a folder, by family name."""
    return {path.stem: load_profile(path) for path in sorted(folder.glob("*.toml"))}


def _as_json(path: Path) -> str:
    """TOML as JSON text: pydantic's strict mode takes arrays as tuples only from JSON."""
    try:
        return json.dumps(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"{path.name}: {error}") from error
