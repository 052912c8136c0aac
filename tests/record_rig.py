"""A small line and record for the tests of the historian."""

from __future__ import annotations

from pathlib import Path

from config.models import (
    CalculatedTag,
    Instrument,
    Line,
    LineHeader,
    Station,
    TagSpec,
)
from controller.historian.identity import Identity
from controller.historian.store import Store
from drivers.base import Block

S = 1_000_000_000

FAST = Block("T1.fast", ("TIC-501.PV", "TIC-501.OP"), 0.5)
SCANNER = Block("SCANNER.stream", ("GT-601.PV",), 0.1)
BELT = Block("BELT.status", ("SIC-210.ACT",), 1.0)
POSITION = Block(
    "film.position",
    ("film.DIE.S", "film.PEEL.S", "film.T1.S", "film.WIND.S", "film.ROLL_M"),
    1.0,
)


def _tag(name: str, unit: str, resolution: float, station: str | None = None) -> TagSpec:
    return TagSpec(
        name=name,
        point="pv",
        unit=unit,
        range=(-1e9, 1e9),
        resolution=resolution,
        description=f"test tag {name}",
        station=station,
    )


def record_line() -> Line:
    """Four tags, five calculated ones, six stations."""
    tags = (
        _tag("TIC-501.PV", "degC", 0.1, "T1"),
        _tag("TIC-501.OP", "%", 0.1, "T1"),
        _tag("GT-601.PV", "um", 0.001, "WIND"),
        _tag("SIC-210.ACT", "m/min", 0.01, "B2"),
    )
    labels = tuple(
        CalculatedTag(
            name=name, unit="m", range=(0.0, 1e6), resolution=0.001, description="film position"
        )
        for name in POSITION.tags
    )
    places = (("DIE", 0.0), ("B2", 6.5), ("PEEL", 13.0), ("T1", 21.5), ("WIND", 44.0))
    return Line(
        line=LineHeader(name="pilot", title="test line"),
        station=tuple(Station(name=name, at_m=at, description=name) for name, at in places),
        zone=(),
        bus=(),
        instrument=(Instrument(name="ALL", family="none", bus="B", unit=1, tags=tags),),
        calculated=labels,
        effect=(),
        trip=(),
    )


def record_identity(lot: str = "L1") -> Identity:
    return Identity(lot, "line text", "recipe text", "filmline 0.1.0", simulated=True, seed=7)


def new_store(path: Path, *, now_ns: int = 0, **options: object) -> Store:
    """A record in ``path`` without ballast, unless asked for."""
    return Store.open(
        path, record_line(), record_identity(), now_ns, **{"ballast_bytes": 0, **options}
    )
