"""Latency of trips: from a true condition in the plant to safe commands, and to safe actuators.

Run: python bench/bench_trips.py [--rounds N] [--only TEXT] [--stage NAME] [--seed N]
     [--json FILE] [--picture FILE.svg]

The real kernel and drivers talk to byte-level instruments on the virtual clock. A fault is set
in the twin or in an instrument at a random moment within two seconds, the longest poll period of
a trip's input, and at a random place between two scans. Every trip has a copy of the line of its
own (a fork), which ends with it. Measured is line time: what lags, scans, polls, buses and
devices take. What this computer computes is not in it (docs/performance.md has that), so a seed
gives the same figures on every machine.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.trip_cases import Case, cases
from bench.trip_figures import figures, misses, picture, table
from bench.trip_line import Trial, attempt, would_act
from bench.trip_stages import STAGES, stage
from tests.dry_rig import DryRig, files

ROUNDS = 2


def main() -> int:
    """Try, print the distribution, and say whether the bars are held."""
    options = parse()
    names = [name for name in STAGES if options.stage in name]
    tried = [trial for name in names for trial in try_all(name, options)]
    trials = [trial for trial in tried if trial.came_true or trial.error]
    if not trials:
        print("nothing came true: see --only and --stage")
        return 2
    lines = figures(trials)
    print(f"\n{table(lines)}\n")
    print(f"phases: {', '.join(f'{n} {k}' for n, k in Counter(t.phase for t in trials).items())}")
    print(f"rows: {len({trial.row for trial in trials})}")
    void = Counter(f"{trial.row} {trial.phase}" for trial in tried if not trial.came_true)
    print(f"void, the condition did not come true: {void.total()} ({', '.join(void)})")
    for line in worst(trials):
        print(line)
    missed = misses(trials)
    for trial in missed:
        print(f"MISSED: {trial.phase}: {trial.case}: {told(trial)}")
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(t) for t in trials], indent=1), "utf-8")
    if options.picture:
        Path(options.picture).write_text(picture(lines), encoding="utf-8")
    return 1 if missed else 0


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="trips per fault and phase")
    parser.add_argument("--only", default="", help="faults whose row and words contain this")
    parser.add_argument("--stage", default="", help="phases whose name contains this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="file for every trial")
    parser.add_argument("--picture", help="file for the picture")
    return parser.parse_args()


def try_all(name: str, options: argparse.Namespace) -> Iterator[Trial]:
    """Every fault that has something to cut in a phase, some times each."""
    rng = random.Random(f"{options.seed} {name}")  # noqa: S311 - moments, no secrets
    wanted = [case for case in cases(files()[0]) if options.only in case.name]
    plain = [case for case in wanted if case.prepare is None]
    with stage(name) as rig:
        spent_s = children_s()
        found = [trial for case in plain for trial in repeat(rig, case, name, rng, options.rounds)]
        cost_s = (children_s() - spent_s) / max(len(found), 1)
        print(f"{name}: {len(found)} trips, {cost_s:.2f} s of a processor each", flush=True)
        yield from found
        staged = [case for case in wanted if case.prepare is not None]
        yield from in_one_setting(rig, staged, name, rng, options.rounds)


def in_one_setting(
    rig: DryRig, staged: list[Case], name: str, rng: random.Random, rounds: int
) -> Iterator[Trial]:
    """Faults that need time to come due: all are prepared on one line, then tried from it."""
    staged = [case for case in staged if would_act(rig, case.row)]
    for case in staged:
        if case.prepare is not None:
            case.prepare(rig)
    if staged:
        rig.run(max(case.prepare_s for case in staged))
    for case in staged:
        yield from repeat(rig, case, name, rng, rounds)


def repeat(rig: DryRig, case: Case, name: str, rng: random.Random, rounds: int) -> Iterator[Trial]:
    """One fault, at several moments."""
    if would_act(rig, case.row):
        for _ in range(rounds):
            yield attempt(rig, case, name, rng)


def children_s() -> float:
    """Processor seconds of all copies so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def told(trial: Trial) -> str:
    """One trial in words."""
    state = "" if trial.acted else "its row did not act; "
    rest = f"; not safe: {', '.join(trial.missing)}" if trial.missing else ""
    return (
        f"{state}commands {trial.commands_s:.3f} s, actuators {trial.actuators_s:.1f} s{rest}"
        f"{trial.error[-400:]}"
    )


def worst(trials: list[Trial]) -> Iterator[str]:
    """What the table has no column for."""
    slow = max(trials, key=lambda trial: trial.commands_s)
    yield f"slowest: {slow.phase}: {slow.case}: {told(slow)}"
    switch = max(trials, key=lambda trial: trial.switches_s)
    yield f"slowest switch: {switch.phase}: {switch.case}: {switch.switches_s:.3f} s"
    web = max(trials, key=lambda trial: trial.web_s)
    yield f"web at rest, longest: {web.phase}: {web.case}: {web.web_s:.1f} s"


if __name__ == "__main__":
    raise SystemExit(main())
