"""A record that a test writes as a line would, and the mirror process beside it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from controller.events import Event
from controller.historian.proof import parse_head, prove
from controller.historian.query import Record
from controller.historian.store import Store
from drivers.base import Block, Quality
from tests.record_rig import BELT, FAST, POSITION, SCANNER, S, new_store
from tests.system.processes import start
from tests.system.servers import until

EPOCH = 1_767_225_600 * S
BLOCKS = (FAST, SCANNER, BELT, POSITION)


class Pen:
    """Writes line time into a record: values that tell where they stand, some of them not good."""

    def __init__(self, folder: Path, actor: str = "eva", **options: object) -> None:
        self.folder = folder
        self._actor = actor
        self.store: Store = new_store(folder, now_ns=EPOCH, **options)
        self._rows = dict.fromkeys(BLOCKS, 0)
        self._s = 0
        self._meters = 0.0

    def write(self, seconds: int, commit_s: int = 10) -> None:
        """Go on for some line seconds."""
        for _ in range(seconds):
            for block in BLOCKS:
                for _ in range(round(1 / block.period_s)):
                    self._row(block)
            self._s += 1
            if self._s % 60 == 0:
                self._events()
            if self._s % commit_s == 0:
                self.store.commit(EPOCH + self._s * S)
        self.store.commit(EPOCH + self._s * S)

    def _row(self, block: Block) -> None:
        row = self._rows[block]
        self._rows[block] += 1
        ns = EPOCH + row * round(block.period_s * S) + 1_234
        values = [round(float(row % 5000) + 0.125 * place, 3) for place in range(len(block.tags))]
        quality: list[int] | int = 0
        if block is POSITION:
            label = 44.0 + row / 10  # 6 m/min; a roll is collected from label 5 on
            values = [label, label - 13.0, label - 21.5, label - 44.0, max(0.0, label - 49.0)]
        elif row % 97 == 5:
            quality = [int(Quality.BAD_SENSOR_FAILURE), *([0] * (len(values) - 1))]
            values[0] = float("nan")
        elif row % 89 == 3:
            quality = [int(Quality.UNCERTAIN_SUBNORMAL)] * len(values)
        elif row % 211 == 7:
            quality, values = int(Quality.BAD_TIMEOUT), [float("nan")] * len(values)
        self.store.append(block, values, quality, ns, ns + 3_000_000)

    def _events(self) -> None:
        """Two events of one scan."""
        ns = EPOCH + self._s * S
        for old, cause in (("NORM", 'a "quoted", long\\ cause'), ("UNACK", "line\nbreak = two")):
            self.store.event(Event(ns, "alarm", "state", "TAH-501", old, "ACK", cause, self._actor))

    def close(self) -> None:
        self.store.close(EPOCH + self._s * S)


def rewritten(folder: Path, seconds: int) -> Path:
    """The same record written anew, from its beginning, with somebody else's name in it."""
    pen = Pen(folder, actor="mallory")
    pen.write(seconds)
    pen.close()
    return folder


def fits(folder: Path, head: str) -> bool:
    """Whether a head that was kept elsewhere is in a record, which alone looks whole."""
    assert prove(folder).whole
    found = prove(folder, parse_head(head)).findings
    assert {finding.what for finding in found} <= {"rewritten"}
    return not found


def tags_of(folder: Path) -> dict[str, tuple[str, list[float], list[int], list[int]]]:
    """Scan group, values, qualities and stamps of each tag of a record."""
    with Record(folder) as record:
        found = {}
        for tag in record.tags():
            samples = record.raw(tag.name)
            found[tag.name] = (
                tag.group,
                samples.value.tolist(),
                samples.quality.tolist(),
                samples.sent_ns.tolist(),
            )
    return found


def good(values: list[float], quality: list[int]) -> int:
    return int(np.count_nonzero(np.isfinite(values) & (np.asarray(quality) == 0)))


class Mirror:
    """A running ``filmline mirror``; everything that it says is kept."""

    def __init__(self, log: Path, *arguments: str | Path) -> None:
        self.log = log
        with log.open("w") as said:
            self.process: subprocess.Popen[str] = start(
                "mirror", *arguments, stdout=said.fileno(), stderr=said.fileno()
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def says(self, pattern: str, patience_s: float = 60.0) -> None:
        def found() -> bool:
            assert self.process.poll() is None or re.search(pattern, self.said), self.said
            return re.search(pattern, self.said) is not None

        until(found, f"mirror says {pattern}: {self.said}", patience_s)

    def ends(self, patience_s: float = 100.0) -> int:
        code = self.process.wait(patience_s)
        assert "Traceback" not in self.said, self.said
        return code

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.ends(30.0)


@contextmanager
def mirror(log: Path, *arguments: str | Path) -> Iterator[Mirror]:
    running = Mirror(log, *arguments)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def cursor(folder: Path, kind: str) -> dict[str, Any]:
    (path,) = folder.glob(f"mirror-{kind}-*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def handed_over(folder: Path, kind: str) -> int:
    """Rows behind the cursor; 0 while there is none."""
    if not list(folder.glob(f"mirror-{kind}-*.json")):
        return 0
    return sum(cursor(folder, kind)["rows"].values())
