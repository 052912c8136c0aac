"""Cost of one scan of the shipped line: snapshot, interlocks, alarms, gate, leaf conditions.

Run: python bench/bench_scan.py [--scans N] [--json]

The line stands healthy and hot with every row of the matrix enabled and nothing tripped, so
all conditions are evaluated and nothing is logged: the idle scan of a production run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.loader import load_line
from config.models import AlarmLimits, Condition, Instrument, Line, TagSpec
from controller.alarm_groups import grouped
from controller.alarms import Alarms
from controller.conditions import compile_condition
from controller.exhaust import ExhaustRequired
from controller.gate import Gate
from controller.interlocks import Interlocks
from controller.references import ZoneReferences
from controller.refusals import Source
from controller.scan import Scan
from controller.stuck import StuckCheck
from controller.tags import BlockSlice, TagTable
from drivers.base import Block, Quality

LINE = Path(__file__).resolve().parents[1] / "config" / "lines" / "pilot.toml"
T0 = 1_000_000_000_000_000_000
PERIOD_NS = 100_000_000
BUDGET_US = {"scan": 120.0, "snapshot": 15.0, "alarms": 20.0, "leaf": 0.5}
_FLOOD = 500
HEALTHY = (
    (".OK", 1.0), (".CMD", 1.0), (".RUN", 1.0), (".ACT", 2.0), ("TIC-", 100.0), ("TT-", 100.0),
    ("AT-", 8.0), ("XV-80", 0.0), ("PIT-110", 2.5), ("FT-509", 30.0), ("NT-", 80.0),
)  # fmt: skip
CALCULATED = {"PROC.PURGE": 10.0, "QI-LOH.PEEL": 36.0, "film.IN_TENTER": 1.0}


class NoPort:
    """Takes writes and drops them."""

    def put(self, tag: str, value: float) -> None:
        """Drop a set-point."""

    def command(self, tag: str, value: float) -> None:
        """Drop a command."""


class Bench:
    """The core of the shipped line with healthy values."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.now = T0
        self.table = TagTable(line)
        self.blocks: list[tuple[BlockSlice, list[float]]] = []
        for instrument in line.instrument:
            names = tuple(spec.name for spec in instrument.tags if not one_shot(spec))
            writer = self.table.attach(Block(instrument.name, names, 0.5))
            self.blocks.append((writer, [self._healthy(spec) for spec in instrument.tags
                                         if not one_shot(spec)]))  # fmt: skip
        self.interlocks = Interlocks(line, self.table)
        self.alarms = Alarms(line, self.table)
        self.gate = Gate(line, self.table, NoPort())
        self.calculated = [
            self.table.index(tag.name)
            for tag in line.calculated
            if not tag.name.startswith(("FRQ-", "TIC-"))
        ]
        self.scan = Scan(
            self.table,
            StuckCheck(line, self.table),
            [ExhaustRequired(line, self.table, 18.0), ZoneReferences(line, self.table)],
            self.interlocks,
            self.alarms,
            self.gate,
        )

    def poll(self) -> None:
        """Show every value, with some life in the analyzers."""
        self.now += PERIOD_NS
        wobble = (self.now // PERIOD_NS % 7) * 0.01
        for writer, values in self.blocks:
            writer.write([value + wobble if value == 8.0 else value for value in values], 0,
                         self.now, self.now)  # fmt: skip
        for index in self.calculated:
            name = self.table.names[index]
            self.table.set_calculated(index, CALCULATED.get(name, 0.0), Quality.GOOD, self.now)

    def _healthy(self, spec: TagSpec) -> float:
        flows = {z.exhaust_flow: 1.4 * (z.table_flow_nm3_h or 0.0) for z in self.line.zone}
        if spec.name in flows:
            return flows[spec.name]
        for part, value in HEALTHY:
            if spec.name.startswith(part) or spec.name.endswith(part):
                return min(value, spec.range[1])
        return max(0.0, spec.range[0])


def one_shot(spec: TagSpec) -> bool:
    """Tell whether a tag is a command, which no block reads back."""
    return spec.write is not None and spec.write.one_shot


def median_us(work: Callable[[], object], before: Callable[[], object], scans: int) -> float:
    """Median time of ``work`` in microseconds; ``before`` is not counted."""
    times = []
    for _ in range(scans):
        before()
        start = perf_counter_ns()
        work()
        times.append(perf_counter_ns() - start)
    return statistics.median(times) / 1e3


def flood_us(line: Line, rounds: int = 9) -> tuple[float, float]:
    """Median time of the alarm step in which 500 limits are passed at once, and of grouping them.

    The line is the shipped one with an instrument of 500 analog tags beside its own.
    """
    limits = AlarmLimits(high=5.0, delay_s=0.0)
    tags = tuple(
        TagSpec(name=f"X-{k}.PV", point=f"x{k}", unit="1", range=(0.0, 10.0), resolution=0.1,
                description="flooded", alarm=limits)
        for k in range(_FLOOD)
    )  # fmt: skip
    more = Instrument(name="FLOOD", family="x", bus=line.bus[0].name, unit=200, tags=tags)
    flooded = line.model_copy(update={"instrument": (*line.instrument, more)})
    steps, groups = [], []
    for _ in range(rounds):
        table = TagTable(flooded)
        writer = table.attach(Block("FLOOD", tuple(tag.name for tag in tags), 0.5))
        alarms = Alarms(flooded, table)
        writer.write([6.0] * _FLOOD, 0, T0, T0)
        snapshot = table.snapshot(T0)
        start = perf_counter_ns()
        events = alarms.step(snapshot, 0.1)
        steps.append(perf_counter_ns() - start)
        if len(events) < _FLOOD:
            raise SystemExit(f"a flood lost alarms: {len(events)} of {_FLOOD}")
        start = perf_counter_ns()
        grouped(alarms.active(), alarms.first_out)
        groups.append(perf_counter_ns() - start)
    return statistics.median(steps) / 1e3, statistics.median(groups) / 1e3


def measure(scans: int) -> dict[str, float | list[str]]:
    """Medians in microseconds by part."""
    bench = Bench(load_line(LINE))
    bench.poll()
    bench.scan.step(bench.now, 0.1)
    bench.poll()
    output = bench.scan.step(bench.now, 0.1)
    table = bench.table
    snapshot = table.snapshot(bench.now)
    leaf = compile_condition(Condition(tag="AT-201.PV", above=25.0), table)
    block, values = max(bench.blocks, key=lambda pair: len(pair[1]))
    nothing = lambda: None  # noqa: E731
    poll = bench.poll
    result: dict[str, float | list[str]] = {
        "tags": float(len(table)),
        "trips": float(len(bench.line.trip)),
        "active": list(output.interlocks.active),
        "snapshot": median_us(lambda: table.snapshot(bench.now), poll, scans),
        "interlocks": median_us(lambda: bench.interlocks.step(snapshot, 0.1), nothing, scans),
        "alarms": median_us(lambda: bench.alarms.step(snapshot, 0.1), nothing, scans),
        "gate": median_us(lambda: bench.gate.step(snapshot, 0.1), nothing, scans),
        "block write": median_us(
            lambda: block.write(values, 0, bench.now, bench.now), nothing, scans
        ),
        "scan": median_us(lambda: bench.scan.step(bench.now, 0.1), poll, scans),
        "leaf": median_us(lambda: [leaf.step(snapshot, 0.1) for _ in range(100)], nothing, scans)
        / 100.0,
    }
    ask = lambda: bench.gate.request("SIC-110.SP", 0.0, Source.LOOP, "ratio", bench.now)  # noqa: E731
    result["flood of 500"], result["its grouping"] = flood_us(bench.line)
    result["request"] = median_us(ask, nothing, scans)
    return result


def main() -> int:
    """Print the medians; 1 when a budget is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=3000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.scans)
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            shown = ", ".join(value) or "none" if isinstance(value, list) else f"{value:.2f}"
            budget = f"   (budget {BUDGET_US[name]:g})" if name in BUDGET_US else ""
            print(f"{name:12} {shown:>8}{budget}")
    broken = [
        name for name, limit in BUDGET_US.items() if not 0.0 < float(str(result[name])) <= limit
    ]
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
