"""A prepared line from which many trips are tried: each in a forked copy that ends with it.

The copy has all of it - kernel, drivers, wires, devices, plant - as it stands at that nanosecond,
at the price of a fork. The record stays with the parent: in a copy commits are answered at once
and nothing is written, since a connection to a database must not be shared by two processes.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import traceback
from dataclasses import asdict, dataclass, field

from bench.trip_cases import Case
from bench.trip_wire import WireOutputs
from simulators.twin.parameters import EXHAUST_COUNT
from simulators.virtual_time import NS, Rank
from tests.dry_rig import EPOCH_NS, TICK_NS, DryRig, files

PROBE_NS = NS // 500  # the devices' registers are looked at so often
FIRST_TICKS, LAST_TICKS = 1, 20  # the fault comes within two seconds: the longest poll period
GIVE_UP_S = 10.0
LONGEST_LAG_S = 25.0
PUMP_REST_RPM, WEB_REST_M_MIN = 0.6, 0.05
WEB = {"SIC-210.RUN": "belt", "SIC-211.RUN": "nip", "SIC-510.RUN": "rails", "SIC-701.RUN": "winder"}


@dataclass
class Trial:
    """What one trip took; NaN: it did not happen.

    Attributes:
        lag_s: from the fault to the condition at the terminal (element, transmitter, machine).
        commands_s: from the due trip until every device held its safe values; below 0 when they
            did before it was due (to a tick).
        switches_s: the same for contactors, valves, heads and runs alone, without set points.
        actuators_s: from the due trip until heat, dope and coat were off in the plant.
        web_s: the same for the web drives that had to stop.
        missing: outputs that never were safe.
        came_true: the condition stood for its time; without that the trial proves nothing.
        acted: the row acted, or all it writes was safe when it was due.
    """

    case: str
    row: str
    hazard: str
    phase: str
    offset_s: float
    lag_s: float = math.nan
    commands_s: float = math.nan
    switches_s: float = math.nan
    actuators_s: float = math.nan
    web_s: float = math.nan
    missing: list[str] = field(default_factory=list)
    came_true: bool = False
    acted: bool = False
    error: str = ""


class Attempt:
    """One trip in a copy.

    Args:
        rig: the copy.
        case: what happens.
        trial: filled in.
        ticks: plant ticks until it happens.
        phase_ns: by how much the plant's ticks lie behind the scans from now on.
    """

    def __init__(self, rig: DryRig, case: Case, trial: Trial, ticks: int, phase_ns: int) -> None:
        self._rig, self._case, self._trial = rig, case, trial
        self._wire = WireOutputs(rig.kernel.line, rig.line_up)
        self._safe = safe_values(case.row)
        self._web = [name for tag, name in WEB.items() if self._safe.get(tag) == 0.0]
        self._phase_ns = phase_ns
        self._fault_ns = (rig.ticks + ticks) * TICK_NS + phase_ns
        self._since_ns: int | None = None
        self._due_ns: int | None = None
        self._safe_ns: int | None = None
        self._done = rig.loop.create_future()

    async def run(self) -> None:
        """Go on until everything is safe, or long past it."""
        rig, loop = self._rig, self._rig.loop
        number = rig.ticks
        most_s = LAST_TICKS / 10 + LONGEST_LAG_S + self._case.debounce_s + GIVE_UP_S
        for number in range(rig.ticks + 1, rig.ticks + round(10 * most_s)):
            loop.at(number * TICK_NS + self._phase_ns, Rank.TWIN, self._tick, number)
            loop.at(number * TICK_NS, Rank.SCAN, self._scan, number)
        loop.at((number + 1) * TICK_NS, Rank.STORE, self._end)
        await self._done

    def _scan(self, number: int) -> None:
        if not self._done.done():
            self._rig.kernel.scan_once(EPOCH_NS + number * TICK_NS, 0.1)

    def _tick(self, number: int) -> None:
        if self._done.done():
            return
        rig, now_ns = self._rig, self._rig.loop.time_ns()
        if now_ns == self._fault_ns or (self._case.every_tick and now_ns > self._fault_ns):
            self._case.begin(rig)
        rig._plant_tick(number)  # noqa: SLF001 - a copy of the rig's own step, at another phase
        if now_ns >= self._fault_ns:
            self._look(now_ns)

    def _look(self, now_ns: int) -> None:
        """The plant's truth after a tick."""
        if self._due_ns is None:
            if self._wire.differing(self._safe):
                self._safe_ns = None
            elif self._safe_ns is None:
                self._safe_ns = now_ns
            if not self._case.stands(self._rig):
                self._since_ns = None
                return
            self._since_ns = now_ns if self._since_ns is None else self._since_ns
            due_ns = self._since_ns + round(self._case.debounce_s * NS)
            if now_ns >= due_ns:
                self._due_ns = due_ns
                self._trial.came_true = True
                self._trial.lag_s = (self._since_ns - self._fault_ns) / NS
                self._probe()
            return
        late_s = (now_ns - self._due_ns) / NS
        if math.isnan(self._trial.actuators_s) and not self._acting():
            self._trial.actuators_s = late_s
        if math.isnan(self._trial.web_s) and not self._moving():
            self._trial.web_s = late_s
        complete = (self._trial.commands_s, self._trial.actuators_s, self._trial.web_s)
        if late_s > GIVE_UP_S or not any(map(math.isnan, complete)):
            self._end()

    def _probe(self) -> None:
        """Look at what the devices were told, until all of it is safe."""
        if self._done.done() or self._due_ns is None:
            return
        now_ns, trial = self._rig.loop.time_ns(), self._trial
        if self._safe_ns is not None:
            now_ns = min(now_ns, self._safe_ns)
        late_s = (now_ns - self._due_ns) / NS
        trial.missing = self._wire.differing(self._safe)
        if math.isnan(trial.switches_s) and not any(map(is_switch, trial.missing)):
            trial.switches_s = late_s
        if trial.missing:
            self._rig.loop.at(now_ns + PROBE_NS, Rank.STORE, self._probe)
        else:
            trial.commands_s = late_s

    def _acting(self) -> bool:
        """Heat, dope or coat that the row must cut still acts on the plant."""
        act, safe = self._rig.plant.act, self._safe
        dope = act.diverter_die and act.tank_valve and act.pump_rpm > PUMP_REST_RPM
        coat = bool((act.coat_engaged & (act.coat_flow > 0.0)).any())
        if (dope and "XV-110.CMD" in safe) or (coat and "XC-301.CMD" in safe):
            return True
        power = self._rig.plant.truth.power_w[:EXHAUST_COUNT]
        if "XC-100.CMD" in safe:
            return bool(power.any())
        return any(power[zone] > 0.0 for zone in heated(safe))

    def _moving(self) -> bool:
        act = self._rig.plant.act
        return any(getattr(act, name) > WEB_REST_M_MIN for name in self._web)

    def _end(self) -> None:
        if not self._done.done():
            acts = self._rig.kernel.interlocks.acts(self._case.row)
            self._trial.acted = acts or self._trial.commands_s <= 0.0
            self._done.set_result(None)


def safe_values(row: str) -> dict[str, float]:
    """What a row writes, by tag."""
    line = files()[0]
    effects = {effect.name: effect.writes for effect in line.effect}
    trip = next(trip for trip in line.trip if trip.name == row)
    return {tag: value for name in trip.effects for tag, value in effects[name].items()}


def is_switch(tag: str) -> bool:
    """A contactor, valve, head or run; the rest are set points."""
    return tag.endswith((".CMD", ".RUN"))


def heated(safe: dict[str, float]) -> list[int]:
    """Zones whose contactor a row opens."""
    switches = [zone.contactor for zone in files()[0].zone][:EXHAUST_COUNT]
    return [number for number, switch in enumerate(switches) if switch in safe]


def would_act(rig: DryRig, row: str) -> bool:
    """Whether a row has anything to cut now, is not tripped, and is watched."""
    locks = rig.kernel.interlocks
    unsafe = WireOutputs(rig.kernel.line, rig.line_up).differing(safe_values(row))
    return bool(unsafe) and not locks.acts(row) and locks.watched(row)


def attempt(rig: DryRig, case: Case, phase: str, rng: random.Random) -> Trial:
    """Try one trip in a forked copy, and hear what it took."""
    ticks = rng.randint(FIRST_TICKS, LAST_TICKS)
    phase_ns = rng.randrange(TICK_NS)
    trip = next(trip for trip in rig.kernel.line.trip if trip.name == case.row)
    offset_s = (ticks * TICK_NS + phase_ns) / NS
    trial = Trial(case.name, case.row, trip.hazard, phase, offset_s)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _in_the_copy(rig, case, trial, ticks, phase_ns, write)
    os.close(write)
    with os.fdopen(read, "r", encoding="utf-8") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return Trial(**json.loads(told)) if told else trial


def _in_the_copy(
    rig: DryRig, case: Case, trial: Trial, ticks: int, phase_ns: int, write: int
) -> None:
    """Run, tell, and end without touching anything that belongs to the parent."""
    try:
        rig.keep_record_shut()
        rig._runner.run(Attempt(rig, case, trial, ticks, phase_ns).run())  # noqa: SLF001
    except BaseException:  # noqa: BLE001 - told to the parent, which counts it as a miss
        trial.error = traceback.format_exc()
    with os.fdopen(write, "w", encoding="utf-8") as pipe:
        json.dump(asdict(trial), pipe)
    sys.stdout.flush()
    os._exit(0)
