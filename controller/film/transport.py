"""Where every piece of film is: its label, meters of belt film cast since the run began.

A label never changes; draw, ramps and stops only change how labels map to places. Three
counters are integrated: belt, rails, winder.

    on the belt           label = belt meters cast - distance from the die
    peel to pins          the span holds a constant label content (its length / draw)
    on the pins           the film moves with the rails: history of (rail meters, label at pins)
    tenter to winder      history of (winder meters, label at the tenter's exit)

Casting is the diverter at the die with the pump turning; a recirculating pump casts nothing.
Labels at a station are GOOD from the first film on; before, the value is 0 and uncertain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from config.models import Line
from controller.events import Event
from controller.film.counters import SPACING_M, Counter, Track
from drivers.base import Block, BlockWriter, Quality

PUBLISH_S = 1.0
_CASTING_RPM = 0.5
_JUMP_M = 1.0  # way of film and of its carrier differ by the draw only
_LEADER_END = "TRIM"
REMEMBER_S = 5.0  # between two memories
_DEVICE_S = 2.0  # after which outputs that nobody refreshes are off: dope is recirculated
Memory = Mapping[str, float]
"""What a restart of the controller must know of the film; see ``FilmTransport.memory``."""


class SnapshotLike(Protocol):
    """One consistent picture of the plant."""

    now_ns: int
    known: list[float]
    """Values as plain floats by tag index, NaN where the quality is not GOOD."""


class TableLike(Protocol):
    """The part of the tag table the film uses."""

    def index(self, name: str) -> int:
        """Row of a tag."""

    def attach(self, block: Block) -> BlockWriter:
        """Declare a block of calculated tags and get its writer."""


class FilmTransport:
    """Integrates the counters and publishes the scan group ``film.position`` at 1 Hz.

    Args:
        draw: rails over belt speed, from the recipe.
        empty: the tenter is known to be empty; after a restart it is not, and counts as full.

    Attributes:
        believed: False from a restart that lost the way of the film until the line is empty:
            labels go on, but are uncertain.
        casting: dope flows to the die.
    """

    def __init__(self, line: Line, table: TableLike, draw: float, *, empty: bool = False) -> None:
        at = {station.name: station.at_m for station in line.station}
        self._at = at
        self._draw = draw
        calculated = [tag.name for tag in line.calculated]
        names = [
            name.removeprefix("film.").removesuffix(".S")
            for name in calculated
            if name.startswith("film.") and name.endswith(".S")
        ]
        self._stations = sorted(names, key=lambda name: at[name])
        tags = [f"film.{name}.S" for name in self._stations]
        tags += ["film.ROLL_M", "film.CAST_M", "film.IN_TENTER"]
        self._writer = table.attach(Block("film.position", tuple(tags), PUBLISH_S))
        self._peel, self._pin, self._end = at["PEEL"], at["PIN"], at[_LEADER_END]
        self._on_pins = [
            at[n] - self._pin for n in self._stations if self._pin < at[n] <= self._end
        ]
        self._after = [at[n] - self._end for n in self._stations if at[n] > self._end]
        self._readings = [
            table.index(name)
            for name in ("ZC-210.PV", "ZC-510.PV", "ZC-701.PV",
                         "SIC-210.ACT", "SIC-510.ACT", "SIC-701.ACT")
        ]  # fmt: skip
        self._diverter, self._pump = table.index("XV-110.CMD"), table.index("SIC-110.ACT")
        resolution = _resolutions(line)
        self.belt = Counter(resolution["ZC-210.PV"])
        self.rails = Counter(resolution["ZC-510.PV"])
        self.winder = Counter(resolution["ZC-701.PV"])
        self._pins_track = Track(self._end - self._pin)
        self._wind_track = Track(max(at.values()) - self._end)
        self._zero = math.nan
        self._gone = 0.0  # labels up to this one are no longer on the line
        self.cast_m = 0.0
        self.roll_m = 0.0
        self.collecting = False
        self.casting = False
        self.in_tenter = not empty
        self.believed = True
        self._returns = False
        self._due = 0.0

    # --- switches of the procedure -----------------------------------------------------------

    def switch(self, name: str, on: bool, now_ns: int) -> None:
        """``film.collect``, ``film.leader``, ``film.spliced``, ``film.tenter_empty``...

        At ``film.spliced`` the film that had passed the peel roll was taken away by hand; behind
        it runs the leader until the splice comes.
        After ``film.line_empty`` the labels of the film that was there are gone: what comes
        next is a leader, and then film of a new casting, whose labels go on from there.

        Raises:
            KeyError: no such switch.
        """
        _ = now_ns
        if name == "film.collect":
            self.collecting = on
        elif name == "film.leader":
            self.in_tenter = self.in_tenter or on
        elif name == "film.tenter_empty":
            self.in_tenter = self.in_tenter and not on
        elif name == "film.spliced":
            self._gone = self.label_at_die() - self._peel if on else self._gone
        elif name == "film.line_empty":
            self._gone = math.inf if on else 0.0
            self.believed = self.believed or on
        else:
            raise KeyError(name)
        self._due = 0.0

    def new_roll(self) -> None:
        """Start the roll meter again; it is published with the next scan."""
        self.roll_m = 0.0
        self._due = 0.0

    def restore(self, cast_m: float, roll_m: float) -> None:
        """Go on counting after a restart from what the record held last."""
        self.cast_m, self.roll_m = cast_m, roll_m
        self._zero = self.belt.meters - cast_m

    # --- restart of the controller -------------------------------------------------------------

    def memory(self, now_ns: int) -> dict[str, float]:
        """What a restart must know: counter readings, m, and the labels that belong to them."""
        return {
            "s": now_ns * 1e-9,
            "belt": self.belt.reading, "rails": self.rails.reading, "winder": self.winder.reading,
            "die": self.label_at_die(), "pins": self._label_at_pins(),
            "exit": self._label_at_exit(), "cast_m": self.cast_m, "roll_m": self.roll_m,
            "gone": self._gone, "collecting": float(self.collecting),
            "in_tenter": float(self.in_tenter), "casting": float(self.casting),
            "believed": float(self.believed),
        }  # fmt: skip

    def come_back(self, memories: Sequence[Memory], away_s: float) -> None:
        """Go on after a restart from what was remembered, oldest first.

        The counters went on while nobody looked, so their next readings tell the way of the
        film exactly; a reading that cannot be (a counter that was without power) makes the
        labels uncertain.
        """
        if not memories:
            return
        last = memories[-1]
        die = last["die"]
        self.belt.go_on(0.0 if math.isnan(die) else die, last["belt"], away_s)
        self.rails.go_on(0.0, last["rails"], away_s)
        self.winder.go_on(0.0, last["winder"], away_s)
        self._zero = math.nan if math.isnan(die) else 0.0
        self.cast_m, self.roll_m, self._gone = last["cast_m"], last["roll_m"], last["gone"]
        if last["casting"]:  # the tail is where it can be at the furthest
            self.cast_m += _speed(memories) * min(away_s, REMEMBER_S + _DEVICE_S)
        self.collecting = bool(last["collecting"])
        self.in_tenter = bool(last["in_tenter"])
        self.believed, self._returns = bool(last["believed"]), not math.isnan(die)
        self._remember(self._pins_track, memories, "rails", "pins")
        self._remember(self._wind_track, memories, "winder", "exit")

    def _remember(self, track: Track, memories: Sequence[Memory], carrier: str, label: str) -> None:
        """Labels that passed a point, by the carrier's meters back from its last reading.

        What passed before the oldest memory is taken to have passed at the draw.
        """
        last = later = memories[-1][carrier]
        known: list[tuple[float, float]] = []
        for memory in reversed(memories):
            meters = memory[carrier]
            if math.isnan(meters) or meters > later:
                break  # unknown, or the counter began anew there
            later = meters
            if math.isnan(memory[label]):
                continue
            if known and abs(known[-1][0] + last - meters - known[-1][1] + memory[label]) > _JUMP_M:
                break  # labels began anew there
            known.append((meters - last, memory[label]))
        if known:
            self._fill(track, *known[-1], max(self._at.values()))
        for meters, passed in reversed(known):
            track.mark(meters, passed)

    def take_full(self, label_at_die: float) -> None:
        """Begin on a line known to be full of film at its draw (a simulation's start)."""
        self.restore(label_at_die, 0.0)
        self.in_tenter = True
        reach = self._end - self._pin
        pins, exit_label = self._label_at_pins(), self._label_at_pins() - reach / self._draw
        self._fill(self._pins_track, self.rails.meters, pins, reach + 1.0)
        self._fill(self._wind_track, self.winder.meters, exit_label, max(self._at.values()))

    def _fill(self, track: Track, meters: float, label: float, reach: float) -> None:
        for number in range(round(reach / SPACING_M), 0, -1):
            back = number * SPACING_M
            track.mark(meters - back, label - back / self._draw)

    # --- one scan ----------------------------------------------------------------------------

    def step(self, snapshot: SnapshotLike, now_ns: int, dt: float) -> Sequence[Event]:
        """Integrate; publish once a second."""
        known = snapshot.known
        belt, rails, winder, v_belt, v_rails, v_winder = (known[k] for k in self._readings)
        events: Sequence[Event] = ()
        restarts = self.belt.restarts + self.rails.restarts + self.winder.restarts
        moved = self.belt.step(belt, v_belt / 60.0, dt)
        self.rails.step(rails, v_rails / 60.0, dt)
        wound = self.winder.step(winder, v_winder / 60.0, dt)
        if self.belt.restarts + self.rails.restarts + self.winder.restarts != restarts:
            text = "a counter started again; the meters of the gap are not counted"
            if self._returns:
                self.believed = False
                text = "a counter started again while the service was down: labels are uncertain"
            events = (Event(now_ns, "film", "counter", "", None, None, text),)
        if self._returns and not math.isnan(belt + rails + winder):
            self._returns = False
        self.casting = known[self._diverter] > 0.5 and known[self._pump] > _CASTING_RPM
        if self.casting:
            if math.isnan(self._zero):
                self._zero = self.belt.meters - moved
            if math.isinf(self._gone):
                self._gone = self.belt.meters - moved - self._zero
            self.cast_m = self.belt.meters - self._zero
        if self.collecting:
            self.roll_m += wound
        self._mark()
        self._due -= dt
        if self._due <= 1e-9:
            self._due = PUBLISH_S
            self._publish(now_ns)
        return events

    def label(self, station: str) -> float:
        """Label now under a station; NaN where no film of this casting is."""
        label = dict(zip(self._stations, self._labels(), strict=True))[station]
        return label if label > self._gone else math.nan

    @property
    def first_label(self) -> float:
        """Label with which the film on the line begins."""
        return self._gone

    def on_line_m(self) -> float:
        """Meters of film of this casting between its tail and the winder, or its head."""
        if math.isnan(self._zero) or math.isinf(self._gone):
            return 0.0
        head = self.label("WIND")
        return max(0.0, self.cast_m - (max(self._gone, 0.0) if math.isnan(head) else head))

    def label_at_die(self) -> float:
        """Label now under the die; NaN before the first casting."""
        return self.belt.meters - self._zero

    def _mark(self) -> None:
        if math.isnan(self._zero):
            return
        meters = self.rails.meters
        if meters - self._pins_track.last_m >= SPACING_M:
            self._pins_track.mark(meters, self._label_at_pins())
        wound = self.winder.meters
        if wound - self._wind_track.last_m >= SPACING_M:
            at_exit = self._label_at_exit()
            if not math.isnan(at_exit):
                self._wind_track.mark(wound, at_exit)

    def _label_at_exit(self) -> float:
        distance = self._end - self._pin
        return self._pins_track.label(self.rails.meters, self._label_at_pins(), distance)

    def _label_at_pins(self) -> float:
        return self.label_at_die() - self._peel - (self._pin - self._peel) / self._draw

    def _labels(self) -> list[float]:
        die, pins = self.label_at_die(), self._label_at_pins()
        labels = []
        for name in self._stations:
            at = self._at[name]
            if at <= self._peel:
                labels.append(die - at)
            elif at <= self._pin:
                labels.append(die - self._peel - (at - self._peel) / self._draw)
        rails, winder, at_exit = self.rails.meters, self.winder.meters, self._label_at_exit()
        labels += [self._pins_track.label(rails, pins, distance) for distance in self._on_pins]
        labels += [self._wind_track.label(winder, at_exit, distance) for distance in self._after]
        return labels

    def _publish(self, now_ns: int) -> None:
        labels = self._labels()
        exact = self.belt.exact and self.rails.exact and self.winder.exact and self.believed
        seen = int(Quality.GOOD if exact else Quality.UNCERTAIN_SUBNORMAL)
        gone = self._gone
        values = [label if label > gone else 0.0 for label in labels]
        quality = [seen if label > gone else int(Quality.UNCERTAIN) for label in labels]
        values += [self.roll_m, self.cast_m, float(self.in_tenter)]
        quality += [seen, seen, int(Quality.GOOD)]
        self._writer.write(values, quality, now_ns, now_ns)


def _speed(memories: Sequence[Memory]) -> float:
    """Belt speed between the last two memories, m/s; 0 when it is not known."""
    if len(memories) < 2:
        return 0.0
    moved = memories[-1]["belt"] - memories[-2]["belt"]
    seconds = memories[-1].get("s", math.nan) - memories[-2].get("s", math.nan)
    return max(0.0, moved / seconds) if seconds > 0.0 and not math.isnan(moved) else 0.0


def _resolutions(line: Line) -> dict[str, float]:
    return {
        tag.name: tag.resolution
        for instrument in line.instrument
        for tag in instrument.tags
        if tag.name in ("ZC-210.PV", "ZC-510.PV", "ZC-701.PV")
    }
