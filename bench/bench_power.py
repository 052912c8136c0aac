"""Power cuts at every file operation of a real record (``python bench/bench_power.py``).

Another process writes a record, goes on with it, and closes it, under strace. Then the power is
cut after each of its operations on files, with none, all, or random sectors of what was not
synced on the disk. Each disk is looked at: the file is sound, its chain is whole, every
acknowledged commit is there once with its events and samples, none is there in part, and the next
service goes on with it. Exit code 1 when anything is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import apsw
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.power_disk import CALLS, Disk, Op, operations
from bench.record_load import REAL, SECOND, Group, open_store
from controller.events import Event
from controller.historian import schema
from controller.historian.errors import RecordError
from controller.historian.proof import prove
from controller.historian.query import Record
from controller.historian.seal import verify
from controller.historian.store import Store

GROUPS: Final = [Group("A", 0.1, (REAL,) * 8), Group("B", 0.5, (REAL,) * 2)]
ROWS: Final = 10  # of group A in each commit
CLOSED: Final = "closed"
SHARES: Final = (0.0, 1.0, 0.5, 0.15, 0.85)
_PAGES: Final = 60  # between checkpoints; a real record has 2000: the same code, more often


# --- the process that is traced ----------------------------------------------------------------


def write(folder: Path, acks: Path, commits: int, sync: str) -> None:
    """A record of two services; each acknowledgement is written to a file of its own."""
    vars(schema)["CHECKPOINT_PAGES"] = _PAGES
    handle = os.open(acks, os.O_CREAT | os.O_WRONLY)
    for first, last in ((0, commits // 2), (commits // 2, commits)):
        store = open_store(folder, GROUPS, resume=first > 0, ballast_bytes=1 << 16)
        store._writer.connection.pragma("synchronous", sync)  # noqa: SLF001 - what is tried out
        for number in range(first, last):
            _commit(store, number)
            os.write(handle, f"{number}\n".encode())
        if last < commits:
            store.abandon()
        else:
            store.close((commits + 1) * SECOND)
            os.write(handle, f"{CLOSED}\n".encode())


def _commit(store: Store, number: int) -> None:
    for row in range(number * ROWS, (number + 1) * ROWS):
        ns = row * SECOND // 10
        store.append(GROUPS[0].block(), [row + k / 10 for k in range(8)], 0, ns, ns)
    ns = number * SECOND
    store.append(GROUPS[1].block(), [float(number)] * 2, 0, ns, ns)
    store.event(Event(ns, "operator", "note", "", None, None, f"{number}", "ann"))
    store.journal(ns, "unit", json.dumps({"step": number}))
    store.commit(ns + SECOND)


def trace(folder: Path, commits: int, sync: str) -> list[Op]:
    """What that process does to the disk, in its order."""
    lot, acks, log = folder / "lot", folder / "acks", folder / "trace"
    command = [
        "strace", "-f", "-y", "-xx", "-s", "1048576", "-e", f"trace={CALLS}", "-o", str(log),
        sys.executable, __file__, "--write", str(lot), "--acks", str(acks),
        "--commits", str(commits), "--sync", sync,
    ]  # fmt: skip
    subprocess.run(command, check=True)
    found = list(operations(log, lot, acks))
    written, seen = len(acks.read_text("utf-8").splitlines()), sum(op.kind == "ack" for op in found)
    if seen != written or "<unfinished" in log.read_text("ascii"):
        raise SystemExit(f"the trace is not whole: {seen} of {written} acknowledgements in it")
    return found


# --- what stands on the disk afterwards --------------------------------------------------------


def look(folder: Path, files: dict[str, bytes], acked: list[str], lot: str) -> str:
    """What is wrong with a disk after a cut; empty when nothing is."""
    record = folder / "record.sqlite"
    for name, content in files.items():
        if Path(name).name.startswith("record.sqlite") and not name.endswith(("-shm", "-writer")):
            (folder / Path(name).name).write_bytes(content)
    if lot not in files or not record.exists():
        return "record gone" if acked else ""
    if not record.stat().st_size and not acked:
        return ""
    return _sound(record) or _content(folder, acked) or _goes_on(folder, acked)


def _sound(record: Path) -> str:
    connection = apsw.Connection(str(record))
    try:
        said = connection.pragma("integrity_check")
    except apsw.Error as error:
        return f"cannot be read: {error}"
    finally:
        connection.close()
    return "" if said == "ok" else f"not sound: {said}"


def _content(folder: Path, acked: list[str]) -> str:
    try:
        proof = prove(folder)
        with Record(folder) as record:
            notes = [int(cause) for (cause,) in record.query("SELECT cause FROM event ORDER BY id")]
            entries = record.query("SELECT count(*) FROM journal")[0][0]
            known = {tag.name for tag in record.tags()}
            name = GROUPS[0].block().tags[0]
            values = record.raw(name).value if name in known else np.empty(0)
    except RecordError as error:
        return f"cannot be read: {error}" if acked else ""
    if not proof.whole and proof.links:
        return f"chain: {proof.findings[0].text}"
    if CLOSED in acked and not verify(folder).intact:
        return "was closed, and its seal is not right"
    return _compared(acked, notes, entries, values)


def _compared(acked: list[str], notes: list[int], entries: int, values: np.ndarray) -> str:
    """Whole commits, each once, and all that were acknowledged."""
    numbers = [one for one in acked if one != CLOSED]
    if notes != list(range(len(notes))) or entries != len(notes):
        return f"events {notes[-3:]}, {entries} entries: not whole commits"
    if not len(numbers) <= len(notes) <= len(numbers) + 1:
        return f"{len(numbers)} acknowledged, {len(notes)} there"
    if not np.array_equal(values, np.arange(len(notes) * ROWS)):
        return f"{len(values)} samples of {len(notes)} commits"
    return ""


def _goes_on(folder: Path, acked: list[str]) -> str:
    """The next service opens it and commits, unless it is closed."""
    if not acked:
        return ""
    if verify(folder).sealed:
        return ""
    try:
        store = open_store(folder, GROUPS, resume=True, ballast_bytes=0)
        store.event(Event(0, "operator", "note", "", None, None, "again", "ann"))
        store.commit(10**6 * SECOND)
        store.abandon()
    except RecordError as error:
        return f"the next service cannot go on: {error}"
    return "" if prove(folder).whole else "not whole after the next service's commit"


def cut_everywhere(ops: list[Op], lot: str, every: int, seed: int) -> tuple[Counter[str], int]:
    """Faults by kind over all cuts, and how many disks were looked at."""
    dice, faults, looked = random.Random(seed), Counter[str](), 0  # noqa: S311 - no secret
    disk, acked = Disk(folders={lot, str(Path(lot).parent)}), []
    for number, op in enumerate(ops):
        if op.kind == "ack":
            acked.append(op.data.decode().strip())
        else:
            disk.take(op)
        if number % every:
            continue
        for share in SHARES:
            found = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # noqa: S108
            wrong = look(found, disk.after(share, dice), acked, lot)
            shutil.rmtree(found)
            looked += 1
            if wrong:
                faults[f"after {op.kind} of {Path(op.path).name or 'a commit'}: {wrong}"] += 1
    return faults, looked


def main() -> int:
    """Trace, cut, print; 1 when something was lost."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--commits", type=int, default=30)
    options.add_argument("--every", type=int, default=1, help="cut after each so many operations")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--sync", default="full", help="normal or off shows that losses are found")
    options.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--acks", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.write:
        write(chosen.write, chosen.acks, chosen.commits, chosen.sync)
        return 0
    if shutil.which("strace") is None:
        print("strace is needed and not installed here")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        ops = trace(Path(folder), chosen.commits, chosen.sync)
        faults, looked = cut_everywhere(ops, f"{folder}/lot", chosen.every, chosen.seed)
    kinds = Counter(op.kind for op in ops)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    print(f"{len(ops)} operations ({told}); {looked} disks; {faults.total()} with a loss")
    for fault, count in faults.most_common(10):
        print(f"{count:6} {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
