"""Every trip row of the shipped line: it fires with its condition, and not at its edge.

Values are made from the row itself. Each way to make the condition true is one case: the row
must fire, after its own time and no later. Each way to keep it just false, with every other
part true, is one case: the row must stay quiet.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import config
from config.loader import load_line
from config.models import Condition, Line, TagSpec, Trip
from controller.interlocks import Interlocks
from controller.tags import TagTable
from drivers.base import Block, Quality

LINE = load_line(Path(config.__file__).parent / "lines" / "pilot.toml")
SPECS = {tag.name: tag for instrument in LINE.instrument for tag in instrument.tags}
SPECS |= {tag.name: tag for tag in LINE.calculated}
PERIOD_S = 0.1
T0 = 1_000_000_000_000_000_000
MOST_CASES = 24
LONGEST_RISE_S = 8.0


@dataclass(frozen=True)
class Want:
    """What one tag must show: within [low, high], moving at ``slope`` per s, or bad."""

    low: float = -math.inf
    high: float = math.inf
    slope: float = 0.0
    bad: bool | None = None


@dataclass(frozen=True)
class Case:
    """Wants per tag, comparisons between tags, and the time it takes."""

    wants: dict[str, Want] = field(default_factory=dict)
    links: tuple[tuple[str, str, float, float, float], ...] = ()  # tag other factor offset side
    hold_s: float = 0.0

    def merge(self, other: Case) -> Case | None:
        wants = dict(self.wants)
        for tag, want in other.wants.items():
            both = meet(wants.get(tag, Want()), want)
            if both is None:
                return None
            wants[tag] = both
        return Case(wants, self.links + other.links, max(self.hold_s, other.hold_s))


def meet(a: Want, b: Want) -> Want | None:
    if a.bad is not None and b.bad is not None and a.bad is not b.bad:
        return None
    bad = a.bad if b.bad is None else b.bad
    want = Want(max(a.low, b.low), min(a.high, b.high), max(a.slope, b.slope), bad)
    return want if want.low <= want.high else None


def cases(condition: Condition, truth: bool) -> Iterator[Case]:
    """Ways to make a condition true or false."""
    if condition.tag is not None:
        plain = leaf(condition, condition.tag, truth)
        timed = truth or condition.rising_above is not None  # unknown until its window is full
        yield replace(plain, hold_s=condition.for_s if timed else 0.0) if plain else plain
        return
    if condition.not_ is not None:
        found = cases(condition.not_, not truth)
    else:
        children = condition.all if condition.all is not None else condition.any or ()
        joined = (condition.all is not None) is truth
        if joined:
            found = product([list(cases(child, truth)) for child in children])
        else:
            found = one_of(children, truth)
    for case in found:
        yield replace(case, hold_s=case.hold_s + (condition.for_s if truth else 0.0))


def product(choices: list[list[Case]], so_far: Case | None = None) -> Iterator[Case]:
    """Every way to take one case of each list that fits together."""
    total = Case() if so_far is None else so_far
    if not choices:
        yield total
        return
    for case in choices[0]:
        both = total.merge(case)
        if both is not None:
            yield from product(choices[1:], both)


def one_of(children: tuple[Condition, ...], truth: bool) -> Iterator[Case]:
    """Only one child decides; the others are the other way where that can be."""
    for number, child in enumerate(children):
        others = [c for k, c in enumerate(children) if k != number]
        for mine in cases(child, truth):
            yield beside(mine, others, not truth)
            if not truth:
                yield mine


def beside(mine: Case, others: list[Condition], truth: bool) -> Case:
    for other in others:
        options = (mine.merge(replace(rest, hold_s=0.0)) for rest in cases(other, truth))
        fitting = (both for both in options if both is not None and consistent(both))
        mine = next(fitting, mine)
    return mine


def leaf(condition: Condition, tag: str, truth: bool) -> Case:
    step = SPECS[tag].resolution
    if condition.not_good is not None:
        return Case({tag: Want(bad=truth)})
    if condition.above is not None:
        want = Want(low=condition.above + step) if truth else Want(high=condition.above)
    elif condition.below is not None:
        want = Want(high=condition.below - step) if truth else Want(low=condition.below)
    elif condition.equals is not None:
        value = condition.equals if truth else condition.equals + step
        want = Want(value, value)
    elif condition.rising_above is not None:
        want = Want(slope=1.3 * condition.rising_above if truth else 0.0)
    else:
        other = condition.above_tag or condition.below_tag or ""
        side = 1.0 if (condition.above_tag is not None) is truth else -1.0
        margin = step if truth else 0.0
        link = (tag, other, condition.factor, condition.offset + side * margin, side)
        return Case({tag: Want(bad=False), other: Want(bad=False)}, (link,))
    return Case({tag: replace(want, bad=False)})


class Plant:
    """Shows the values of a case, scan by scan."""

    def __init__(self, trip: Trip, case: Case) -> None:
        line: Line = LINE.model_copy(update={"trip": (trip,)})
        self.table = TagTable(line)
        self.case = case
        self.start = values_of(case)
        names = [name for name in self.start if isinstance(SPECS[name], TagSpec)]
        self.writer = self.table.attach(Block("case", tuple(names), 0.5)) if names else None
        self.names = names
        self.interlocks = Interlocks(line, self.table)

    def fires_after(self, seconds: float, trip: str) -> float | None:
        """Line seconds until the row acts, None when it stays quiet."""
        for k in range(round(seconds / PERIOD_S) + 1):
            now = T0 + round(k * PERIOD_S * 1e9)
            self._show(k * PERIOD_S, now)
            if trip in self.interlocks.step(self.table.snapshot(now), PERIOD_S).active:
                return k * PERIOD_S
        return None

    def _show(self, elapsed: float, now: int) -> None:
        values, quality = [], []
        for name, value in self.start.items():
            want = self.case.wants[name]
            shown = math.nan if want.bad else value + want.slope * elapsed
            status = int(Quality.BAD_TIMEOUT if want.bad else Quality.GOOD)
            if name in self.names:
                values.append(shown)
                quality.append(status)
            else:
                self.table.set_calculated(self.table.index(name), shown, status, now)
        if self.writer is not None:
            self.writer.write(values, quality, now, now)


def values_of(case: Case) -> dict[str, float]:
    """Value per tag: at the edge of what is wanted, comparisons at their margin."""
    values = {name: pick(name, want) for name, want in case.wants.items()}
    base: dict[str, tuple[float, float]] = {}
    for number, (tag, other, factor, offset, side) in enumerate(case.links):
        low, high = SPECS[tag].range
        middle, first = base.get(tag, ((low + 0.4 * (high - low) - offset) / factor, side))
        placed = any(other == before for _, before, *_ in case.links[:number])
        if not placed and not is_bound(case.wants[other]):
            values[other] = middle if side == first else middle + 5.0 * first
        if tag not in base:
            values[tag] = factor * values[other] + offset
            base[tag] = (middle, first)
    return values


def is_bound(want: Want) -> bool:
    return math.isfinite(want.low) or math.isfinite(want.high)


def pick(name: str, want: Want) -> float:
    """Value at an edge of what is wanted, else in the middle of the range."""
    if math.isfinite(want.high):
        return want.high - want.slope * LONGEST_RISE_S
    if math.isfinite(want.low):
        return want.low
    low, high = SPECS[name].range
    return low + 0.25 * (high - low)


def consistent(case: Case) -> bool:
    """Comparisons between tags leave each tag where its own tests want it."""
    values = values_of(case)
    for tag, other, factor, offset, side in case.links:
        margin = values[tag] - (factor * values[other] + offset)
        if margin * side < -1e-9:
            return False
    return all(
        case.wants[name].bad or case.wants[name].low - 1e-9 <= value <= case.wants[name].high + 1e-9
        for name, value in values.items()
    )


def ways(trip: Trip, truth: bool, enabled: bool = True) -> list[Case]:
    """Cases of a row in which all its tags are shown."""
    switch = Case() if trip.enabled is None else next(cases(trip.enabled, enabled))
    everything = Case({name: Want() for name in (*tags(trip.when), *tags(trip.enabled))})
    frame = everything.merge(replace(switch, hold_s=0.0))
    assert frame is not None
    merged = (case.merge(frame) for case in cases(trip.when, truth))
    found = (case for case in merged if case is not None and consistent(case))
    return list(itertools.islice(found, MOST_CASES))


def tags(condition: Condition | None) -> Iterator[str]:
    if condition is None:
        return
    for name in (condition.tag, condition.above_tag, condition.below_tag):
        if name is not None:
            yield name
    inner = () if condition.not_ is None else (condition.not_,)
    for child in (*(condition.all or ()), *(condition.any or ()), *inner):
        yield from tags(child)


def numbered(truth: bool) -> list[object]:
    return [
        pytest.param(trip, case, id=f"{trip.name}-{k}")
        for trip in LINE.trip
        for k, case in enumerate(ways(trip, truth))
    ]


@pytest.mark.parametrize(("trip", "case"), numbered(truth=True))
def test_a_row_fires_after_its_own_time(trip: Trip, case: Case) -> None:
    slope_s = 1.0 if any(want.slope for want in case.wants.values()) else 0.0
    fired = Plant(trip, case).fires_after(case.hold_s + slope_s + 1.0, trip.name)
    assert fired is not None
    earliest = case.hold_s - 0.15 if trip.latched else 0.0  # an unknown permissive acts at once
    assert earliest <= fired <= case.hold_s + slope_s + 0.05


@pytest.mark.parametrize(("trip", "case"), numbered(truth=False))
def test_a_row_stays_quiet_at_its_edge(trip: Trip, case: Case) -> None:
    longest = max((way.hold_s for way in ways(trip, truth=True)), default=0.0)
    assert Plant(trip, case).fires_after(longest + 1.5, trip.name) is None


ENABLED = [trip for trip in LINE.trip if trip.enabled is not None]


@pytest.mark.parametrize("trip", [pytest.param(trip, id=trip.name) for trip in ENABLED])
def test_a_row_that_is_not_enabled_stays_quiet(trip: Trip) -> None:
    found = ways(trip, truth=True, enabled=False)
    for case in found[:1]:
        assert Plant(trip, case).fires_after(case.hold_s + 2.5, trip.name) is None


def test_every_row_has_a_way_to_fire_and_a_way_to_stay_quiet() -> None:
    assert [trip.name for trip in LINE.trip if not ways(trip, truth=True)] == []
    assert [trip.name for trip in LINE.trip if not ways(trip, truth=False)] == []
