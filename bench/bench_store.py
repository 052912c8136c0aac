"""The record against its bars, as ratios within one run (``python bench/bench_store.py``).

Compares the store with a bare write and fdatasync of the same bytes and with the narrow
SQLite table most small loggers use, on the same disk, one after the other in rounds; then
runs the pilot line's load as a dry run commits it. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time

import apsw
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.record_load import (
    SECOND,
    TEMPERATURE,
    Feed,
    Group,
    big_groups,
    open_store,
    pilot_groups,
)
from controller.events import Event
from controller.historian import writer
from controller.historian.chain import extend
from controller.historian.recorder import BlockRecorder
from controller.historian.store import Store

COMMIT_S = 0.5
ROUNDS = 3
CHAIN_AT_MOST = {2: 1.5, 500: 0.0}  # by events a commit; a burst has no bar
EARLIER_ROWS = 300  # of each tag in the narrow table, so that each has pages of its own


@dataclass(frozen=True, slots=True)
class Result:
    """One figure beside its bar; a bar of 0 is no bar."""

    name: str
    value: float
    unit: str
    bar: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure keeps its bar."""
        if not self.bar:
            return True
        return self.value <= self.bar if self.at_most else self.value >= self.bar


def small_groups() -> list[Group]:
    """300 tags at 10 Hz in 12 groups of 25."""
    return [Group(f"G{number}", 0.1, (TEMPERATURE,) * 25) for number in range(12)]


def feeds_of(groups: list[Group], seconds: int) -> list[Feed]:
    """The same rows for every candidate."""
    random = np.random.default_rng(1)
    return [Feed.make(group, seconds, random) for group in groups]


def store_rate(folder: Path, groups: list[Group], feeds: list[Feed]) -> tuple[float, float]:
    """Values per second and commits per second of the store, appends included in both."""
    store = open_store(folder / "store", groups, ballast_bytes=0)
    recorders = [store.attach(feed.block) for feed in feeds]
    store.commit(0)
    per_commit = round(COMMIT_S / groups[0].period_s)
    count = len(feeds[0].rows) // per_commit
    writing = 0.0
    start = perf_counter()
    for commit in range(count):
        for recorder, feed in zip(recorders, feeds, strict=True):
            append = recorder.append
            for row in range(commit * per_commit, (commit + 1) * per_commit):
                append(feed.rows[row], 0, feed.sent[row], feed.sent[row] + 4_000_000)
        begin = perf_counter()
        store.commit((commit + 1) * SECOND // 2)
        writing += perf_counter() - begin
    elapsed = perf_counter() - start
    store.abandon()
    values = count * per_commit * sum(len(feed.block.tags) for feed in feeds)
    return values / elapsed, count / writing


def narrow_table(folder: Path, tags: int) -> apsw.Connection:
    """A table of one row per value that already holds some of each tag, as in daily life."""
    connection = apsw.Connection(str(folder / "narrow.sqlite"))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "off")
    connection.execute(
        "CREATE TABLE sample(tag INTEGER, ns INTEGER, value REAL, quality INTEGER, "
        "PRIMARY KEY(tag, ns)) WITHOUT ROWID"
    )
    earlier = (
        (tag, before * SECOND // 10, 200.5, 0)
        for tag in range(tags)
        for before in range(-EARLIER_ROWS, 0)
    )
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO sample VALUES(?, ?, ?, ?)", earlier)
    connection.execute("COMMIT")
    connection.pragma("synchronous", "full")
    return connection


def narrow_rate(folder: Path, feeds: list[Feed], commits: int) -> float:
    """Values per second of one row per value in (tag, ns): same rows, commits and sync."""
    tags = sum(len(feed.block.tags) for feed in feeds)
    connection = narrow_table(folder, tags)
    per_commit = round(COMMIT_S * SECOND / feeds[0].period_ns)
    numbers = itertools.count()
    ids = [[next(numbers) for _ in feed.block.tags] for feed in feeds]
    start = perf_counter()
    for commit in range(commits):
        span = range(commit * per_commit, (commit + 1) * per_commit)
        rows = [
            (tag, feed.sent[row], value, 0)
            for feed, own in zip(feeds, ids, strict=True)
            for row in span
            for tag, value in zip(own, feed.rows[row], strict=True)
        ]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO sample VALUES(?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    elapsed = perf_counter() - start
    connection.close()
    return float(commits * per_commit * tags / elapsed)


def bare_rate(folder: Path, size: int, count: int) -> float:
    """Commits per second of appending ``size`` bytes and one fdatasync."""
    content = os.urandom(size)
    handle = os.open(folder / "bare", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    start = perf_counter()
    for _ in range(count):
        os.write(handle, content)
        os.fdatasync(handle)
    elapsed = perf_counter() - start
    os.close(handle)
    return count / elapsed


def in_rounds(disk: Path, measure: Callable[[Path], tuple[float, ...]]) -> list[float]:
    """Median of each figure over a few rounds, each in a folder of its own."""
    found = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=disk) as folder:
            found.append(measure(Path(folder)))
    return [statistics.median(column) for column in zip(*found, strict=True)]


def compared(disk: Path, groups: list[Group], seconds: int) -> tuple[float, float, float]:
    """Store values/s, and its ratios to narrow rows and to bare commits."""
    feeds = feeds_of(groups, seconds)
    tags = sum(len(feed.block.tags) for feed in feeds)
    rows = round(COMMIT_S / groups[0].period_s)
    size = rows * (8 * tags + 16 * len(feeds))

    def measure(folder: Path) -> tuple[float, ...]:
        values, commits = store_rate(folder, groups, feeds)
        narrow = narrow_rate(folder, feeds, max(8, 60_000 // (tags * rows)))
        bare = bare_rate(folder, size, 200)
        return values, values / narrow, commits / bare

    values, to_narrow, to_bare = in_rounds(disk, measure)
    return values, to_narrow, to_bare


def pilot_run(disk: Path, seconds: int, commit_s: int) -> tuple[float, float, float, float]:
    """The pilot line's load: CPU and wall us per line second, bytes per value, MB in 6 h."""
    groups = pilot_groups()
    feeds = feeds_of(groups, seconds)
    with tempfile.TemporaryDirectory(dir=disk) as folder:
        store = open_store(Path(folder), groups)
        recorders = [store.attach(feed.block) for feed in feeds]
        at = [0] * len(feeds)
        values = 0
        wall, cpu = perf_counter(), process_time()
        for limit in range(commit_s * SECOND, (seconds + commit_s) * SECOND, commit_s * SECOND):
            for number, (recorder, feed) in enumerate(zip(recorders, feeds, strict=True)):
                row, append = at[number], recorder.append
                while row < len(feed.sent) and feed.sent[row] < limit:
                    append(feed.rows[row], 0, feed.sent[row], feed.sent[row] + 4_000_000)
                    row += 1
                at[number] = row
            values += store.commit(limit).values
        store.close(seconds * SECOND)
        wall, cpu = perf_counter() - wall, process_time() - cpu
        size = store.path.stat().st_size
    six_hours = size * 21600 / seconds / 1e6
    return cpu / seconds * 1e6, wall / seconds * 1e6, size / values, six_hours


def chain_cost(disk: Path, commits: int, events: int) -> tuple[float, float]:
    """Wall time of commits with the chain over that of the same without, and links a commit.

    Both records are written in turn, commit by commit, with the pilot line's samples of a second
    and so many events each; the other one's commits leave the chain out.
    """
    groups = pilot_groups()
    feeds = feeds_of(groups, commits)
    spent = {True: 0.0, False: 0.0}
    with tempfile.TemporaryDirectory(dir=disk) as folder:
        stores = {
            chained: open_store(Path(folder) / str(chained), groups, ballast_bytes=0)
            for chained in spent
        }
        recorders = {chained: [store.attach(feed.block) for feed in feeds]
                     for chained, store in stores.items()}  # fmt: skip
        for commit in range(commits):
            for chained, store in stores.items():
                _queue(store, recorders[chained], feeds, commit, events)
                vars(writer)["extend"] = extend if chained else _no_chain
                begin = perf_counter()
                store.commit((commit + 1) * SECOND)
                spent[chained] += perf_counter() - begin
        vars(writer)["extend"] = extend
        links = stores[True]._writer.connection.execute("SELECT max(seq) FROM chain").get  # noqa: SLF001
        for store in stores.values():
            store.abandon()
    return spent[True] / spent[False], links / commits


def _no_chain(connection: apsw.Connection, after: Mapping[str, int], now_ns: int) -> None:
    """A record without a chain."""


def _queue(
    store: Store, recorders: list[BlockRecorder], feeds: list[Feed], second: int, events: int
) -> None:
    """One line second of samples, and events."""
    for recorder, feed in zip(recorders, feeds, strict=True):
        first, last = (bisect_left(feed.sent, at * SECOND) for at in (second, second + 1))
        for row in range(first, last):
            recorder.append(feed.rows[row], 0, feed.sent[row], feed.sent[row] + 4_000_000)
    for number in range(events):
        ns = second * SECOND + number
        cause = "over its limit 210 degC; high"
        store.event(Event(ns, "alarm", "state", "TIC-501.PV/H", "NORM", "UNACK", cause))


def results(disk: Path, seconds: int) -> list[Result]:
    """Every figure with its bar."""
    _, small_narrow, small_bare = compared(disk, small_groups(), 120)
    big, big_narrow, big_bare = compared(disk, big_groups(), 10)
    found = [
        Result("commit rate / bare write + fdatasync, 300 tags", small_bare, "x", 0.25),
        Result("commit rate / bare write + fdatasync, 5,000 tags", big_bare, "x", 0.25),
        Result("ingest / narrow rows, 300 tags", small_narrow, "x", 20),
        Result("ingest / narrow rows, 5,000 tags", big_narrow, "x", 80),
        Result("ingest / need of 5,000 tags at 10 Hz", big / 50_000, "x", 50),
    ]
    for events, commits in ((2, 600), (500, 60)):
        cost, links = chain_cost(disk, commits, events)
        name = f"chain: commit of 1 s with {events} events / without"
        found.append(Result(name, cost, "x", CHAIN_AT_MOST[events], at_most=True))
        found.append(Result("the same: links a commit", links, "", 0))
    for commit_s in (1, 10):
        cpu, wall, per_value, six_hours = pilot_run(disk, seconds, commit_s)
        how = f"pilot line, commit each {commit_s} s"
        found += [
            Result(f"{how}: CPU", cpu, "us/line s", 1000, at_most=True),
            Result(f"{how}: wall", wall, "us/line s", 0),
            Result(f"{how}: size", per_value, "B/value", 0),
            Result(f"{how}: 6 h", six_hours, "MB", 80, at_most=True),
        ]
    return found


def main() -> int:
    """Print the figures; 1 when a bar is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--disk", type=Path, default=Path(), help="folder on the disk to measure")
    options.add_argument("--seconds", type=int, default=3600, help="line seconds of pilot load")
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    found = results(chosen.disk.resolve(), chosen.seconds)
    if chosen.json:
        print(json.dumps([asdict(one) | {"met": one.met} for one in found], indent=2))
    else:
        for one in found:
            bar = f"{'<=' if one.at_most else '>='} {one.bar:g}" if one.bar else ""
            mark = "" if one.met else "MISSED"
            print(f"{one.name:52} {one.value:9.2f} {one.unit:9} {bar:8} {mark}")
    return 0 if all(one.met for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
