"""Time that ``why-not`` takes in the service: every question, with every latched row tripped.

Run: python bench/bench_why.py [--json]

The whole kernel stands on the simulated plant with every link cut, so that every tag is bad: the
most that can be asked for. Wall time of one answer as data and as lines, without the socket; of
five tries the shortest, since what else the computer does is not the subject.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from controller.procedure.states import Command
from tests.desk_rig import ANN, EVE, DeskRig

BAR_MS = 100.0
_ROUNDS = 5


def main() -> int:
    """Measure, print, and say whether the bar is held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, DeskRig(Path(folder), start_at_s=None) as rig:
        found = measure(rig)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:<36}{value}")
    return 0 if float(found["longest ms"]) <= BAR_MS else 1


def measure(rig: DeskRig) -> dict[str, float | int | str]:
    """Ask everything there is to ask, several times."""
    rig.run(5.0)
    for bus in rig.kernel.buses:
        rig.wire.half_open(bus.name)
    rig.run(30.0)
    latched = [trip.name for trip in rig.kernel.line.trip if trip.latched]
    rig.kernel.interlocks.restore(latched, rig.now_ns)
    times: dict[str, float] = {}
    for about, args in questions(rig):
        for _ in range(_ROUNDS):
            begun = perf_counter()
            rig.ask("why-not", EVE if about == "bypass" else ANN, about=about, **args)
            spent = 1e3 * (perf_counter() - begun)
            name = f"{about} {' '.join(map(str, args.values()))}"
            times[name] = min(spent, times.get(name, spent))
    worst = max(times, key=lambda name: times[name])
    return {
        "rows that act": len(rig.kernel.interlocks.result.active),
        "questions": len(times),
        "median ms": round(statistics.median(times.values()), 2),
        "longest ms": round(times[worst], 2),
        "longest, of": worst.strip() or "the line",
    }


def questions(rig: DeskRig) -> list[tuple[str, dict[str, object]]]:
    """Every command, trip, unit and tag, and every write."""
    line, gate = rig.kernel.line, rig.kernel.gate
    found: list[tuple[str, dict[str, object]]] = [("", {}), *((str(c), {}) for c in Command)]
    for trip in line.trip:
        found += [(trip.name, {}), ("reset", {"trip": trip.name}), ("bypass", {"trip": trip.name})]
    found += [(unit.name, {}) for unit in rig.kernel.runner.acting()]
    for unit, tags in gate.units().items():
        found.append(("manual", {"unit": unit}))
        found += [("set", {"tag": tag, "value": 1.0}) for tag in tags]
    return [*found, *((tag, {}) for tag in rig.kernel.table.names)]


if __name__ == "__main__":
    raise SystemExit(main())
