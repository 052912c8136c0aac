"""The whole line at its configured rates: line seconds per wall second on one core, by part.

    python bench/bench_line.py            a cold start, and the reference state
    python bench/bench_line.py --hours 8  also memory over a long run

Everything runs: twin, instruments, wires, drivers, scan, gate, record on disk. The parts are
timed inside the one run, so their shares hold on any machine. Exits 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from controller.historian.identity import Identity  # noqa: E402 - after the path
from controller.historian.store import Store  # noqa: E402
from simulators.dry_run import EPOCH_NS, DryRun, load  # noqa: E402
from simulators.options import Options  # noqa: E402
from simulators.twin.plant import Start  # noqa: E402
from simulators.virtual_time import VirtualLoop  # noqa: E402

BUDGET_MS = {"scan": 2.5, "exchanges": 3.5, "twin": 2.0, "record": 1.0, "rest": 1.0}
SPEED_BAR, MEMORY_BAR_MIB, FLAT_MIB = 100.0, 300.0, 10.0


class Stopwatch:
    """Adds up the wall time spent in wrapped functions."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def wrap(self, owner: object, name: str, part: str) -> None:
        """Time a method of an object (or count it out of another part)."""
        inner: Callable[..., object] = getattr(owner, name)
        self.seconds.setdefault(part, 0.0)

        def timed(*args: object, **kwargs: object) -> object:
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self.seconds[part] += time.perf_counter() - start

        setattr(owner, name, timed)


def measure(
    start: Start, line_s: float, *, samples: int = 0, roll_m: float = 100.0
) -> dict[str, object]:
    """Run one stretch; returns its figures."""
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "long_roll.toml"
        shipped = (ROOT / "config/recipes/core25_layer030.toml").read_text("utf-8")
        recipe.write_text(shipped.replace("roll_length_m = 100.0", f"roll_length_m = {roll_m}"))
        options = Options(
            recipe=recipe,
            line=ROOT / "config/lines/pilot.toml",
            out=Path(folder) / "run", lot="bench", start=start, limit_s=line_s,
        )  # fmt: skip
        files = load(options)
        identity = Identity("bench", "", "", "bench", simulated=True)
        store = Store.open(options.out, files.line, identity, EPOCH_NS)
        watch = Stopwatch()

        def progress(run: DryRun) -> None:
            if samples and run.now_s % (line_s / samples) < 1.0:
                memory.append(resident_mib())

        async def main() -> DryRun:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            run = DryRun(options, files, loop, store)
            watch.wrap(run.plant, "tick", "twin")
            watch.wrap(run.line_up, "step", "instruments")
            watch.wrap(run.judge, "check", "judge")
            watch.wrap(run.kernel.scan, "step", "scan")
            watch.wrap(store, "commit", "record")
            began = time.perf_counter()
            await run.run(progress)
            watch.seconds["wall"] = time.perf_counter() - began
            exchanges = sum(bus.statistics.exchanges for bus in run.kernel.buses)
            watch.seconds["count"] = float(exchanges)
            run.close()
            return run

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            run = runner.run(main())
        ended = run.now_s
    wall, count = watch.seconds.pop("wall"), watch.seconds.pop("count")
    parts = {name: 1e3 * seconds / ended for name, seconds in watch.seconds.items()}
    parts["exchanges"] = 1e3 * wall / ended - sum(parts.values())
    return {"speed": ended / wall, "ended": ended, "rate": count / ended, "parts": parts,
            "memory": memory}  # fmt: skip


def additions_s() -> float:
    """Seconds that plain Python takes for ten million additions: how fast this computer is now."""
    begin, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - begin


def resident_mib() -> float:
    """Resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def show(title: str, found: dict[str, object]) -> bool:
    """Print one stretch; returns whether it meets the bar."""
    speed, parts = found["speed"], found["parts"]
    assert isinstance(speed, float)
    assert isinstance(parts, dict)
    print(f"\n{title}: {speed:.0f}x real time (bar {SPEED_BAR:.0f}x), "
          f"{found['rate']:.1f} exchanges per line second")  # fmt: skip
    for name, milliseconds in sorted(parts.items(), key=lambda item: -item[1]):
        budget = BUDGET_MS.get(name)
        note = f"budget {budget:.1f}" if budget else ""
        print(f"  {name:<12} {milliseconds:6.2f} ms per line second  {note}")
    return speed >= SPEED_BAR


def main() -> int:
    """Measure and compare with the bars."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=0.0)
    hours = parser.parse_args().hours
    print(f"this computer: ten million additions of plain Python in {additions_s():.2f} s")
    fine = show("cold start, 15 min", measure("cold", 900.0))
    fine &= show("line full at the reference state, 10 min", measure("running", 600.0))
    print(f"\nresident memory {resident_mib():.0f} MiB (bar {MEMORY_BAR_MIB:.0f})")
    fine &= resident_mib() <= MEMORY_BAR_MIB
    if hours:
        found = measure("cold", hours * 3600.0, samples=16, roll_m=2000.0)
        fine &= show(f"{hours:g} h", found)
        memory = found["memory"]
        assert isinstance(memory, list)
        print("  resident MiB over the run:", " ".join(f"{value:.0f}" for value in memory))
        fine &= memory[-1] - memory[len(memory) // 4] <= FLAT_MIB and max(memory) <= MEMORY_BAR_MIB
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
