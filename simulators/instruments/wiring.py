"""Which wire goes where: tags of the I/O couplers to the plant's sensors and actuators.

This is the electrician's list, read from the line file's terminals and tag names; it knows
nothing of protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config.models import Instrument, TagSpec
from simulators.instruments.terminals import AnalogChannel, Floats, InputImage, Source

Bools = NDArray[np.bool_]

ZONES = (
    *("B1", "B2", "B3", "B4", "CD"),
    *("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8"),
    *("DIE", "COOL"),
)
COUNTS_PER_M = 10_000  # encoders of the plant: 0.1 mm

_HEATED = ("201", "202", "203", "204", "401", *(f"{n}" for n in range(501, 509)))
_ANALYZERS = ("201", "202", "203", "401", "501", "502")
_ANALOG = (
    *("PIT-110", "PDT-111", "PIT-301", "WT-231", "AT-231", "ZT-231"),
    *("NT-231", "NT-311", "NT-601", "NT-701"),
    *(f"FT-{n}" for n in _HEATED),
    *(f"AT-{n}" for n in _ANALYZERS),
    *("AT-900", "FT-509", "JT-510", "ZT-701", "ZT-601"),
)
_GROUPS: dict[str, tuple[str, ...]] = {
    "analog": tuple(f"{name}.PV" for name in _ANALOG),
    "tc2": tuple(f"TT-{n}.PV" for n in _HEATED),
    "bolt_c": tuple(f"TT-{n}.PV" for n in range(121, 142)),
    "layer": tuple(f"GT-{n}.PV" for n in range(651, 661)),
    "rail_pos": tuple(f"ZT-{n}.PV" for n in range(511, 519)),
}
_SENSORS = {tag: (group, n) for group, tags in _GROUPS.items() for n, tag in enumerate(tags)}
_COUNTERS = {"ZC-210.PV": 0, "ZC-510.PV": 1, "ZC-701.PV": 2}
_DIGITAL = (
    *("HS-901.OK", "ZS-902.OK", "XS-903.OK", "PS-904.OK"),
    *(f"FS-{n}.OK" for n in _ANALYZERS),
    *("ZS-601.STD", "ZS-231.STD"),
    *(f"XS-{n}.ON" for n in _HEATED),
    *("ZS-231.SHUT", "XS-312.OK"),
)
# digital output -> (attribute of the actuators, index or -1)
_SWITCHES: dict[str, tuple[str, int]] = {
    **{f"XC-{n}.CMD": ("contactor", k) for k, n in enumerate(_HEATED)},
    "XC-100.CMD": ("main_contactor", -1),
    "XV-110.CMD": ("diverter_die", -1),
    "XV-111.CMD": ("tank_valve", -1),
    "XV-301A.CMD": ("coat_engaged", 0),
    "XV-301B.CMD": ("coat_engaged", 1),
    "ZC-601.RUN": ("scanner_run", -1),
    "ZC-601.PARK": ("scanner_park", -1),
    "ZC-601.STD": ("scanner_std", -1),
    **{f"XV-80{k + 1}.CMD": ("damper_closed", k) for k in range(3)},
    "ZC-231.RUN": ("gel_run", -1),
    "ZC-231.STD": ("gel_std", -1),
    "XC-701.CMD": ("turret", -1),
    "XA-900.CMD": ("horn", -1),
    "XL-900.CMD": ("beacon", -1),
}
PUMP_SUPPLY = "XC-301.CMD"


class Signals(Protocol):
    """What the wiring and the instruments take from the plant's sensors."""

    analog: Floats
    counters: NDArray[np.int64]
    di: int
    safety: int
    tc: Floats
    film_c: Floats
    scan_um: float
    scan_error: int
    heater_a: Floats


class Actuators(Protocol):
    """What the instruments drive in the plant."""

    duty: Floats
    fan: Floats
    coat_flow: Floats
    bolt_um: Floats
    main_contactor: bool
    heat_released: bool
    feed_released: bool
    web_released: bool
    exhaust_latched: bool


class WiringError(ValueError):
    """A terminal of the line file that no wire of the plant leads to."""


def terminals(instrument: Instrument, kind: str) -> list[tuple[int, TagSpec]]:
    """Return the tags of one kind of terminal (``ai``, ``do``...), by terminal number."""
    found = []
    for tag in instrument.tags:
        head, _, number = tag.point.partition(":")
        if head == kind:
            found.append((int(number), tag))
    return sorted(found, key=lambda pair: pair[0])


def input_image(instrument: Instrument, sig: Signals) -> InputImage:
    """Build the input terminals of a coupler.

    Raises:
        WiringError: a terminal is missing in the row, or its tag is unknown to the plant.
    """
    analog = terminals(instrument, "ai")
    counters = terminals(instrument, "ai32")
    digital = terminals(instrument, "di")
    _expect(instrument, analog, range(len(analog)))
    first = len(analog)
    _expect(instrument, counters, range(first, first + 2 * len(counters), 2))
    return InputImage(
        [_channel(tag) for _, tag in analog],
        _sources(instrument, analog, sig),
        _counter_reader(instrument, counters, sig),
        2 * len(counters),
        digital[-1][0] + 1 if digital else 0,
        _bit_reader(instrument, digital, sig),
    )


def switch(act: object, tag: TagSpec) -> Callable[[bool], None] | None:
    """Return what a digital output does to the plant; None if its tag is not the plant's."""
    place = _SWITCHES.get(tag.name)
    if place is None:
        return None
    attribute, index = place
    if index < 0:
        return lambda on: setattr(act, attribute, on)
    array: Bools = getattr(act, attribute)

    def put(on: bool) -> None:
        array[index] = on

    return put


def switched_on(act: object, tag: TagSpec) -> bool:
    """Tell whether the plant already stands as if a digital output were on."""
    place = _SWITCHES.get(tag.name)
    if place is None:
        return False
    value = getattr(act, place[0])
    return bool(value if place[1] < 0 else value[place[1]])


def _expect(instrument: Instrument, found: Sequence[tuple[int, TagSpec]], numbers: range) -> None:
    for (number, tag), expected in zip(found, numbers, strict=True):
        if number != expected:
            raise WiringError(
                f"{instrument.name}: {tag.name} is on {tag.point}, terminal {expected} is free"
            )


def _channel(tag: TagSpec) -> AnalogChannel:
    return AnalogChannel("tc" if tag.signal == "tc" else "ma", tag.span or tag.range)


def _sources(
    instrument: Instrument, analog: Sequence[tuple[int, TagSpec]], sig: Signals
) -> list[Source]:
    """Join terminals that take consecutive values of one group into one copy."""
    runs: list[tuple[str, int, int, int]] = []
    for at, tag in analog:
        if tag.name not in _SENSORS:
            raise WiringError(f"{instrument.name}: no sensor {tag.name} in the plant")
        group, n = _SENSORS[tag.name]
        if runs and runs[-1][0] == group and runs[-1][2] == n:
            last = runs.pop()
            runs.append((group, last[1], n + 1, last[3]))
        else:
            runs.append((group, n, n + 1, at))

    def source(group: str, start: int, stop: int, at: int) -> Source:
        return Source(lambda: getattr(sig, group), start, stop, at)

    return list(starmap(source, runs))


def _counter_reader(
    instrument: Instrument, counters: Sequence[tuple[int, TagSpec]], sig: Signals
) -> Callable[[], Sequence[int]]:
    for _, tag in counters:
        if tag.name not in _COUNTERS:
            raise WiringError(f"{instrument.name}: no encoder {tag.name} in the plant")
    places = [_COUNTERS[tag.name] for _, tag in counters]
    per_count = [round(tag.resolution * COUNTS_PER_M) for _, tag in counters]
    if not counters:
        return tuple
    if places == [0, 1, 2] and per_count == [1, 1, 1]:
        return lambda: list(sig.counters.tolist())
    pairs = list(zip(places, per_count, strict=True))
    return lambda: [int(sig.counters[place]) // each for place, each in pairs]


def _bit_reader(
    instrument: Instrument, digital: Sequence[tuple[int, TagSpec]], sig: Signals
) -> Callable[[], int]:
    for _, tag in digital:
        if tag.name not in _DIGITAL:
            raise WiringError(f"{instrument.name}: no contact {tag.name} in the plant")
    if all(_DIGITAL.index(tag.name) == number for number, tag in digital):
        used = sum(1 << number for number, _ in digital)
        return lambda: sig.di & used
    pairs = [(_DIGITAL.index(tag.name), number) for number, tag in digital]
    return lambda: sum((sig.di >> bit & 1) << number for bit, number in pairs)
