"""Zones on their second thermocouple, when their own is bad (fault F6).

Published as ``TIC-nnn.SECOND`` once a second, for zones whose controller takes its output from
here: 0 runs on its own thermocouple, 1 on the second one, 2 still on the second one though its
own is good again, 3 on none. A zone changes over only if both agreed before, the controller
answers, and the zone is being heated; it goes back only when its own thermocouple is good
again and a person has reset the warning. How long it may run so is stated in the trip table.

The controller's own PID cannot take a measurement from outside, so its output is held in
manual and computed here: PI on the second thermocouple, around the duty that held the zone
before, at a reduced maximum (decision 011).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import isnan, nan

from config.models import Line
from controller.events import Event
from controller.tags import Snapshot, TagTable
from drivers.base import Block, Quality

AGREED_K = 10.0
SEEN_S = 60.0  # both good for so long before their agreement counts
BACK_S = 60.0  # own thermocouple good for so long before it counts as good again
HIGHEST_PCT = 60.0  # reduced maximum, also the tag's range
HEADROOM = 1.25  # and no more than a quarter, and 5 %, above the duty from before
HEADROOM_PCT = 5.0
GAIN_PCT_K, INTEGRAL_S = 2.0, 300.0  # as the controllers are tuned
_GAP_S, _DUTY_S = 60.0, 120.0
_PERIOD_S = 1.0
_MOVE_PCT = 0.5

Put = Callable[[str, float, str, int], Sequence[str]]
"""The gate's door for loops: reasons of refusal, empty when accepted."""


class Runs(IntEnum):
    """What a zone's controller runs on."""

    OWN = 0
    SECOND = 1
    WAITS = 2
    NONE = 3


@dataclass(slots=True)
class Zone:
    """One zone.

    Attributes:
        name: of the zone; loop: its tags' stem.
        own, second, duty, contactor, set_point: rows in the tag table.
        runs: what it runs on.
        gap_k: second less own thermocouple, smoothed, while both were good.
        base_pct: duty that held the zone, smoothed.
        integral_pct: of the PI while on the second one.
    """

    name: str
    loop: str
    own: int
    second: int
    duty: int
    contactor: int
    set_point: int
    runs: Runs = Runs.OWN
    gap_k: float = nan
    base_pct: float = nan
    integral_pct: float = 0.0
    seen_s: float = 0.0
    back_s: float = 0.0

    def learn(self, own: float, second: float, duty: float, dt: float) -> None:
        """Take what both thermocouples and the controller showed."""
        if isnan(own) or isnan(second) or isnan(duty):
            return
        self.seen_s += dt
        if isnan(self.gap_k):
            self.gap_k, self.base_pct = second - own, duty
        self.gap_k += (second - own - self.gap_k) * dt / _GAP_S
        self.base_pct += (duty - self.base_pct) * dt / _DUTY_S

    def agreed(self) -> bool:
        """Tell whether both thermocouples agreed before."""
        return self.seen_s >= SEEN_S and abs(self.gap_k) <= AGREED_K

    def judge(self, known: list[float], dt: float, *, reset: bool) -> Runs:
        """What it runs on now; ``reset`` tells that a person has reset the warning."""
        own, second, duty = known[self.own], known[self.second], known[self.duty]
        heated = known[self.contactor] > 0.5
        good = not isnan(own)
        self.back_s = self.back_s + dt if good else 0.0
        if self.runs is Runs.OWN:
            if good:
                self.learn(own, second, duty, dt)
            elif heated and not isnan(second) and not isnan(duty) and self.agreed():
                self.integral_pct = 0.0
                return Runs.SECOND
            return Runs.OWN
        if isnan(second) or not heated:
            return Runs.OWN if reset and self.back_s >= BACK_S else Runs.NONE
        if self.runs is Runs.NONE or self.back_s < BACK_S:
            return Runs.NONE if self.runs is Runs.NONE else Runs.SECOND
        return Runs.OWN if reset else Runs.WAITS

    def output(self, target_c: float, second_c: float, dt: float) -> float:
        """Duty, %, that brings the second thermocouple to the set point; limited."""
        error = target_c - (second_c - self.gap_k)
        most = min(HIGHEST_PCT, HEADROOM * self.base_pct + HEADROOM_PCT)
        wanted = self.base_pct + GAIN_PCT_K * error + self.integral_pct
        if 0.0 < wanted < most:
            self.integral_pct += GAIN_PCT_K * error * dt / INTEGRAL_S
        return min(max(wanted, 0.0), most)


class SecondThermocouples:
    """Decides and publishes what the zones run on.

    Args:
        line: zones; those with a ``SECOND`` tag take part.
        table: the process image; gets the tags as one block.
        tripped: tells whether a trip row acts, for its reset.
    """

    def __init__(self, line: Line, table: TagTable, tripped: Callable[[str], bool]) -> None:
        calculated = {tag.name for tag in line.calculated}
        self.zones = [
            Zone(
                zone.name,
                zone.loop,
                table.index(f"{zone.loop}.PV"),
                table.index(zone.independent),
                table.index(f"{zone.loop}.OP"),
                table.index(zone.contactor),
                table.index(f"{zone.loop}.SP"),
            )
            for zone in line.zone
            if f"{zone.loop}.SECOND" in calculated
            and zone.independent is not None
            and zone.contactor is not None
        ]
        names = tuple(f"{zone.loop}.SECOND" for zone in self.zones)
        self._writer = table.attach(Block("zone.second", names, _PERIOD_S)) if names else None
        self._tripped = tripped
        self._due_s = 0.0

    def step(self, snapshot: Snapshot, now_ns: int, dt: float) -> Sequence[Event]:
        """Judge every zone once a second; an event tells each change."""
        self._due_s -= dt
        if self._due_s > 1e-6 or self._writer is None:
            return ()
        self._due_s = _PERIOD_S
        events = []
        for zone in self.zones:
            before = zone.runs
            reset = before is not Runs.OWN and not self._tripped(f"IL9S-{zone.name}")
            zone.runs = zone.judge(snapshot.known, _PERIOD_S, reset=reset)
            if zone.runs is not before:
                events.append(_changed(zone, before, now_ns))
        values = [float(zone.runs) for zone in self.zones]
        self._writer.write(values, Quality.GOOD, now_ns, now_ns)
        return events


class SecondDrive:
    """Holds the outputs of zones on their second thermocouple, as a loop of the scan.

    Args:
        watch: decides which zones these are.
        table: the process image with the requests.
        put: the gate's door for loops.
    """

    def __init__(self, watch: SecondThermocouples, table: TagTable, put: Put) -> None:
        self._zones = [
            (zone, table.index(f"{zone.loop}.MOP"), table.index(f"{zone.loop}.MAN"))
            for zone in watch.zones
        ]
        self._table, self._put = table, put
        self._due_s = 0.0

    def step(self, snapshot: Snapshot, now_ns: int, dt: float) -> Sequence[Event]:
        """Once a second: outputs of zones on the second one, release of the others."""
        self._due_s -= dt
        if self._due_s > 1e-6:
            return ()
        self._due_s = _PERIOD_S
        for zone, output, manual in self._zones:
            if zone.runs in (Runs.SECOND, Runs.WAITS):
                self._hold(zone, output, manual, snapshot.known, now_ns)
            elif float(self._table.request[manual]) == 1.0:
                self._release(zone, output, now_ns)
        return ()

    def _hold(self, zone: Zone, output: int, manual: int, known: list[float], now_ns: int) -> None:
        """Write the output, and once the controller shows it, put it in manual."""
        request = self._table.request
        duty = zone.output(float(request[zone.set_point]), known[zone.second], _PERIOD_S)
        if isnan(duty):
            return
        asked = float(request[output])
        if not abs(duty - asked) < _MOVE_PCT:
            self._put(f"{zone.loop}.MOP", round(duty, 1), "second thermocouple", now_ns)
        elif float(request[manual]) != 1.0 and abs(known[output] - asked) <= _MOVE_PCT:
            self._put(f"{zone.loop}.MAN", 1.0, "second thermocouple", now_ns)

    def _release(self, zone: Zone, output: int, now_ns: int) -> None:
        """Back to automatic with its own thermocouple; without any, manual at no output."""
        if zone.runs is Runs.OWN:
            self._put(f"{zone.loop}.MAN", 0.0, "own thermocouple again", now_ns)
        if float(self._table.request[output]) != 0.0:
            self._put(f"{zone.loop}.MOP", 0.0, "no thermocouple to run on", now_ns)


_WORDS = {
    Runs.OWN: "runs on its own thermocouple",
    Runs.SECOND: "runs on its second thermocouple at reduced maximum",
    Runs.WAITS: "its own thermocouple is good again; a person resets the warning",
    Runs.NONE: "runs on no thermocouple",
}


def _changed(zone: Zone, before: Runs, now_ns: int) -> Event:
    cause = f"zone {zone.name} {_WORDS[zone.runs]}"
    if zone.runs is Runs.SECOND:
        cause += f": both were {abs(zone.gap_k):.1f} K apart, duty {zone.base_pct:.0f} %"
    return Event(
        now_ns,
        "zone",
        "thermocouple",
        f"{zone.loop}.SECOND",
        float(before),
        float(zone.runs),
        cause,
    )
