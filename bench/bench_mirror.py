"""What a mirror costs (``python bench/bench_mirror.py [--minutes 10]``).

A record of the pilot line's load is read by the cursor, put into line protocol and into MQTT
JSON, without a server: CPU time a value. Beside it influxdb-client's own ``Point`` with 25
fields, the usual way. Exit code 1 when ours is not twice as cheap.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from influxdb_client import Point, WritePrecision  # type: ignore[attr-defined]

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.record_load import SECOND, Feed, open_store, pilot_groups
from controller.outlets.content import Slice
from controller.outlets.cursor import Progress
from controller.outlets.feed import Feed as Reading
from controller.outlets.lines import lines
from controller.outlets.messages import Topics

BAR = 2.0  # ours reads the record too
FIELDS = 25
POINTS = 4_000


def write_record(folder: Path, minutes: int) -> None:
    """The pilot line's load, closed."""
    groups, random = pilot_groups(), np.random.default_rng(1)
    store = open_store(folder, groups, ballast_bytes=0)
    for feed in (Feed.make(group, 60 * minutes, random) for group in groups):
        for values, sent in zip(feed.rows, feed.sent, strict=True):
            store.append(feed.block, values, 0, sent, sent + 1_000_000)
        store.commit(60 * minutes * SECOND)
    store.close(60 * minutes * SECOND)


def cost(folder: Path, work: Callable[[Slice], Iterable[object]]) -> tuple[float, int, int]:
    """CPU us a value of reading and working on all slices; values; bytes of text."""
    reading, progress = Reading(folder), Progress()
    values = size = 0
    begun = process_time()
    while not (part := reading.next(progress)).empty:
        size += sum(len(str(one)) for one in work(part))
        values += part.values
        progress = part.progress
    return (process_time() - begun) / values * 1e6, values, size


def point_cost() -> float:
    """CPU us a value of the client's own points."""
    begun = process_time()
    for row in range(POINTS):
        point: Any = Point("T1.fast")  # type: ignore[no-untyped-call]
        point = point.tag("line", "pilot").time(row, WritePrecision.US)
        for place in range(FIELDS):
            point = point.field(f"TIC-5{place}.PV", 349.8 + place)
        point.to_line_protocol()
    return (process_time() - begun) / (POINTS * FIELDS) * 1e6


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        write_record(folder, minutes)
        reading = Reading(folder)
        topics = Topics("filmline", reading.origin)
        rows = (
            ("read only", cost(folder, lambda _: ())),
            ("line protocol", cost(folder, lambda part: lines(part, reading.origin))),
            ("MQTT rows", cost(folder, lambda part: (one.payload for one in topics.rows(part)))),
        )
    values = rows[0][1][1]
    print(f"{values} values, {minutes} min of line time")
    for name, (us, _, size) in rows:
        speed = 1e6 / us / (values / (60 * minutes))
        print(
            f"{name:14} {us:6.2f} us CPU a value, {size / values:5.1f} B, {speed:6.0f}x real time"
        )
    theirs, ours = point_cost(), rows[1][1][0]
    print(f"{'Point, 25':14} {theirs:6.2f} us CPU a value; ours {theirs / ours:.1f} times as cheap")
    return 0 if theirs / ours >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
