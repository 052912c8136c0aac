"""A synthetic load for the record: the pilot line's scan groups, or a big line's.

The signals have the resolution, noise and set-point steps of the real kinds of tag, so that
what the coders make of them means something; nothing here simulates a process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from config.models import CalculatedTag, Instrument, Line, LineHeader, TagSpec
from controller.historian.identity import Identity
from controller.historian.store import Store
from drivers.base import Block

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of signal: resolution, noise and drift in steps of it, offset and unit."""

    name: str
    resolution: float
    noise: float
    drift: float
    step: float  # EU per count: what the instrument really resolves


TEMPERATURE = Kind("temperature", 0.1, 0.4, 0.02, 0.1)
CURRENT_LOOP = Kind("ma", 0.01, 40.0, 1.0, 173.0 / 16000)
CONSTANT = Kind("constant", 1.0, 0.0, 0.0, 1.0)
COUNTER = Kind("counter", 0.0001, 0.0, 0.0, 0.0001)
REAL = Kind("real", 0.001, 3.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Group:
    """A scan group of the load."""

    name: str
    period_s: float
    kinds: tuple[Kind, ...]

    def block(self) -> Block:
        """As the drivers declare it."""
        tags = tuple(f"{self.name}.t{place}" for place in range(len(self.kinds)))
        return Block(self.name, tags, self.period_s)


def pilot_groups() -> list[Group]:
    """About the pilot line: some 1,030 values and 105 rows per line second in 73 groups."""
    t, c = TEMPERATURE, CONSTANT
    groups = [
        Group("IOA.in", 0.1, (CURRENT_LOOP,) * 34 + (COUNTER,) * 3 + (c,) * 25),
        Group("IOB.in", 0.5, (t,) * 34 + (CURRENT_LOOP,) * 18),
        Group("SCANNER", 0.1, (REAL, c)),
        Group("IOA.out", 1.0, (c,) * 27),
        Group("IOB.out", 0.5, (c,) * 21),
        Group("film.position", 1.0, (REAL,) * 18),
        Group("soft", 1.0, (REAL,) * 25),
    ]
    groups += [Group(f"T{n}.fast", 0.5, (t, t, c)) for n in range(8)]
    groups += [Group(f"T{n}.slow", 2.0, (c,) * 3) for n in range(8)]
    groups += [Group(f"E{n}.fast", 1.0, (t, t, t, c)) for n in range(7)]
    groups += [Group(f"E{n}.slow", 2.0, (c,) * 3) for n in range(7)]
    groups += [Group(f"D{n}.fast", 0.5, (c, c, t, t, c, c)) for n in range(9)]
    groups += [Group(f"S{n}", 1.0, (t,)) for n in range(27)]
    return groups


def big_groups() -> list[Group]:
    """The design load: 5,000 tags at 10 Hz in 125 groups of 40."""
    kinds = (TEMPERATURE,) * 16 + (CURRENT_LOOP,) * 12 + (REAL,) * 6 + (CONSTANT,) * 6
    return [Group(f"G{number}", 0.1, kinds) for number in range(125)]


def line_of(groups: list[Group]) -> Line:
    """A line file with these tags and nothing else."""
    tags = tuple(
        TagSpec(
            name=name,
            point="ai:0",
            unit="degC",
            range=(-1e6, 1e6),
            resolution=kind.resolution,
            description=kind.name,
        )
        for group in groups
        for name, kind in zip(group.block().tags, group.kinds, strict=True)
    )
    calculated = (
        CalculatedTag(
            name="film.ROLL_M", unit="m", range=(0, 1e6), resolution=0.001, description="roll"
        ),
    )
    return Line(
        line=LineHeader(name="bench", title="bench"),
        station=(),
        zone=(),
        bus=(),
        instrument=(Instrument(name="ALL", family="none", bus="B", unit=0, tags=tags),),
        calculated=calculated,
        effect=(),
        trip=(),
    )


def identity() -> Identity:
    """Of a simulated lot."""
    return Identity("BENCH", "line", "recipe", "filmline bench", simulated=True, seed=1)


def signal(kind: Kind, rows: int, random: np.random.Generator) -> np.ndarray:
    """One column of values."""
    if kind is COUNTER:
        return np.cumsum(random.integers(28, 33, rows)) * kind.step
    walk = np.cumsum(random.normal(0, kind.drift, rows)) + random.normal(0, kind.noise, rows)
    if not kind.step:
        return 25.0 + kind.resolution * walk
    return np.rint(walk) * kind.step + 100 * kind.step


@dataclass(slots=True)
class Feed:
    """Rows of one scan group, made beforehand so that the clock sees the record alone."""

    block: Block
    period_ns: int
    rows: list[list[float]]
    sent: list[int]

    @classmethod
    def make(cls, group: Group, seconds: int, random: np.random.Generator) -> Feed:
        """Prepare ``seconds`` of rows; polls leave with a jitter of a few bus exchanges."""
        count = round(seconds / group.period_s)
        table = np.column_stack([signal(kind, count, random) for kind in group.kinds])
        period = round(group.period_s * SECOND)
        jitter = random.integers(0, 6, count) * 1_041_667
        sent = np.arange(count) * period + jitter
        return cls(group.block(), period, table.tolist(), sent.tolist())


def open_store(path: object, groups: list[Group], **options: object) -> Store:
    """A store for these groups."""
    return Store.open(path, line_of(groups), identity(), 0, **options)  # type: ignore[arg-type]
