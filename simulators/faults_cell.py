"""One cell of the fault matrix: a dry run with a fault, watched, and boiled down to its facts.

What the facts say of the plant is the twin's truth; what they say of the safe state is read
back from the simulated devices.
"""

from __future__ import annotations

import math
import re
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from config.loader import find_line
from config.models import Level
from controller.errors import ControllerError
from controller.historian.query import Record
from controller.procedure.states import State
from simulators.dry_run import EPOCH_NS, DryRun, run_dry
from simulators.faults import parse_fault
from simulators.instruments.drive import Drive
from simulators.instruments.ek9000 import OUTPUTS, Ek9000
from simulators.instruments.line_up import GEARED
from simulators.instruments.reglo_icc import RegloIcc
from simulators.options import Options, parse_start
from simulators.summary import summarize
from simulators.twin.actuators import PIT_110

NS: Final = 1_000_000_000
REST_M_MIN: Final = 0.05
_LENGTH = re.compile(r"^roll_length_m = .*$", re.MULTILINE)
_SEVERE = frozenset({Level.HOLD.value, Level.CONTROLLED_STOP.value, Level.OUTPUTS_SAFE.value})
_TELLING = frozenset({"shed", "alarm", "jump", "lane marked"})
_WORDS = 160  # of a cause kept


@dataclass(frozen=True)
class Cell:
    """One run to make.

    Attributes:
        name: file name of its results. recipe: file. fault: text, empty for none.
        roll_m: length of roll, shorter than the recipe's; 0 leaves it.
    """

    name: str
    recipe: str
    fault: str = ""
    start: str = "running"
    seed: int = 1
    roll_m: float = 0.0


class Watch:
    """Looks at a run once a line second, and then reads its record.

    Args:
        fault_s: line second of the fault; inf for a healthy run.
    """

    def __init__(self, fault_s: float) -> None:
        self.fault_s = fault_s
        self.since: dict[str, float] = {}
        self.states: list[tuple[float, str]] = []
        self.causes: list[tuple[float, str, str]] = []
        self.trips: list[tuple[float, str, str]] = []
        self.pressure = [math.inf, -math.inf]
        self.slowest = math.inf
        self.collecting_s = math.inf
        self.flags: set[str] = set()

    def __call__(self, run: DryRun) -> None:
        """One line second (the progress of a dry run)."""
        now_s = run.now_s
        state = run.kernel.runner.state
        if not self.states or self.states[-1][1] != state.name:
            self.states.append((now_s, state.name))
        if math.isinf(self.collecting_s) and math.isfinite(run.collecting_s):
            self.collecting_s = now_s
        for name, holds in _conditions(run).items():
            if not holds:
                self.since.pop(name, None)
            else:
                self.since.setdefault(name, now_s)
        if state is State.RUNNING and now_s >= self.fault_s:
            self._follow(run)

    def _follow(self, run: DryRun) -> None:
        plant = run.plant
        if plant.truth.casting_on:
            pressure = float(plant.sig.analog[PIT_110])
            self.pressure = [min(self.pressure[0], pressure), max(self.pressure[1], pressure)]
            self.slowest = min(self.slowest, plant.truth.speeds_m_min[0])

    def read(self, record: Record) -> None:
        """Take from the closed record what it says of causes, trips and marks."""
        for event in record.events():
            at_s = (event.ns - EPOCH_NS) / NS
            severe = event.verb == "trip" and str(event.new) in _SEVERE
            if severe:
                self.trips.append((at_s, event.tag, event.cause[:_WORDS]))
            if at_s < self.fault_s:
                continue
            if severe or event.verb in _TELLING:
                self.causes.append((at_s, f"{event.verb} {event.tag}", event.cause[:_WORDS]))
            if event.verb == "jump":
                self.flags.add("jump")
            if event.verb == "lane marked":
                self.flags.add("lanes")


def _conditions(run: DryRun) -> dict[str, bool]:
    """Parts of a safe plant that are true now (truth)."""
    truth, act = run.plant.truth, run.plant.act
    return {
        "dope off": not act.diverter_die or not act.pump_rpm,
        "coat off": not any(truth.coating_on),
        "heat off": not bool(truth.power_w.any()),
        "web at rest": max(map(abs, truth.speeds_m_min)) < REST_M_MIN,
    }


def run_cell(cell: Cell, folder: Path) -> dict[str, Any]:
    """Make a run and return its facts; an error of ours is one of them."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = _shorter(Path(cell.recipe), folder, cell.roll_m)
    try:
        faults = (parse_fault(cell.fault),) if cell.fault else ()
        options = Options(
            recipe=recipe,
            line=find_line(recipe),
            out=folder / cell.name,
            lot=cell.name,
            seed=cell.seed,
            start=parse_start(cell.start),
            faults=faults,
        )
        watch = Watch(faults[0].at_s if faults else math.inf)
        run, wall_s = run_dry(options, watch)
        summary = summarize(run, wall_s)
        with Record(options.out) as record:
            watch.read(record)
    except ControllerError as error:
        return {"cell": asdict(cell), "refused": str(error)}
    except Exception:  # noqa: BLE001 - that it happened is the finding
        return {"cell": asdict(cell), "traceback": traceback.format_exc()}
    facts = asdict(summary) | {"cell": asdict(cell)} | _seen(run, watch)
    facts["event_hash"] = summary.event_hash
    return facts


def _shorter(recipe: Path, folder: Path, roll_m: float) -> Path:
    """A copy of the recipe with another roll length."""
    if not roll_m:
        return recipe
    text = _LENGTH.sub(f"roll_length_m = {roll_m}", recipe.read_text("utf-8"))
    path = folder / f"{recipe.stem}_{roll_m:g}m.toml"
    path.write_text(text, "utf-8")
    return path


def _seen(run: DryRun, watch: Watch) -> dict[str, Any]:
    targets = run.files.recipe.targets
    return {
        "fault_s": _known(watch.fault_s),
        "collecting_s": _known(watch.collecting_s),
        "states": watch.states,
        "since": watch.since,
        "causes": watch.causes[:5],
        "trips": watch.trips,
        "flags": sorted(watch.flags),
        "pressure_mpa": [_known(value) for value in watch.pressure],
        "slowest_m_min": _known(watch.slowest),
        "speed_m_min": run.files.recipe.settings.run_speed_m_min,
        "core_target_um": [targets.core_um, targets.core_tolerance_um],
        "devices": read_back(run),
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def read_back(run: DryRun) -> dict[str, Any]:
    """Outputs as the simulated devices hold them now."""
    shown: dict[str, Any] = {}
    for one in run.files.line.instrument:
        device = run.line_up.instruments[one.name]
        if isinstance(device, Drive):
            ratio = GEARED[one.name][1] if one.name in GEARED else 1.0
            shown[one.name] = round(device.speed / ratio, 3)
        elif isinstance(device, RegloIcc):
            running = [channel.running for channel in device.channels]
            shown[one.name] = bool(device.powered and any(running))
        elif isinstance(device, Ek9000):
            shown |= _outputs(device, [(tag.name, tag.point) for tag in one.tags])
    return shown


def _outputs(coupler: Ek9000, tags: list[tuple[str, str]]) -> dict[str, bool]:
    """Digital outputs by tag; the words stand behind the analog ones."""
    analog = sum(point.startswith("ao:") for _, point in tags)
    shown = {}
    for name, point in tags:
        kind, _, number = point.partition(":")
        if kind == "do":
            word = coupler.holding.get(OUTPUTS + analog + int(number) // 16)
            shown[name] = bool(word >> int(number) % 16 & 1)
    return shown
