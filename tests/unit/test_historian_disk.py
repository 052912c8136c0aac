"""The record on a disk that is full, slow to sync or gone."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import apsw
import numpy as np
import pytest

from controller.events import Event
from controller.historian.errors import (
    DiskError,
    DiskFull,
    RecordError,
)
from controller.historian.heads import head_to_keep
from controller.historian.ledger import balance
from controller.historian.proof import parse_head, prove
from controller.historian.query import Record
from controller.historian.store import Store
from tests.record_rig import FAST, SCANNER, S, new_store

REPO = Path(__file__).parents[2]


@contextlib.contextmanager
def page_limit(store: Store, spare: int):
    """A disk with room for so many more pages."""
    connection = store._writer.connection
    pages = connection.pragma("page_count")
    connection.pragma("max_page_count", pages + spare)
    yield
    connection.pragma("max_page_count", 1 << 30)


def test_a_full_disk_acknowledges_nothing_it_lost_and_goes_on_when_freed(tmp_path):
    store = new_store(tmp_path)
    recorder = store.attach(SCANNER)
    acknowledged, failures = [], 0

    def poll(first: int, last: int) -> None:
        nonlocal failures
        for row in range(first, last):
            recorder.append([row / 1000], 0, row * S // 10, row * S // 10)
            store.journal(row, "unit", "x" * 60)
            if row % 50 == 49:
                try:
                    store.commit(row * S // 10)
                except DiskFull:
                    failures += 1
                else:
                    acknowledged.append(row)
                with Record(tmp_path) as record:
                    assert len(record.raw("GT-601.PV").value) == acknowledged[-1] + 1

    poll(0, 100)
    with page_limit(store, 4):
        poll(100, 3000)
    assert failures > 30
    assert "no space" in store.health.failure
    assert store.health.waiting_rows == 2999 - acknowledged[-1]
    poll(3000, 3100)
    assert store.health.waiting_rows == 0
    store.close(311 * S)
    with Record(tmp_path) as record:
        assert np.array_equal(record.raw("GT-601.PV").value, np.arange(3100) / 1000)
        assert len(record.journal("unit")) == 3100
        assert balance(record, "GT-601.PV").balanced


def test_rows_beyond_the_memory_limit_are_dropped_counted_and_declared(tmp_path):
    store = new_store(tmp_path, keep_s=60.0)
    recorder = store.attach(SCANNER)
    for row in range(3000):
        if row == 500:
            limit = page_limit(store, 0)
            limit.__enter__()
        if row == 2500:
            limit.__exit__(None, None, None)
        recorder.append([row / 1000], 0, row * S // 10, row * S // 10)
        if row % 100 == 99:
            with contextlib.suppress(DiskFull):
                store.commit(row * S // 10)
    lost = store.health.dropped
    assert lost > 500
    store.close(300 * S)
    with Record(tmp_path) as record:
        account = balance(record, "GT-601.PV")
    assert account.stored == 3000 - lost
    assert account.declared == lost
    assert account.balanced
    assert all("no space" in hole.reason for hole in account.holes)


def test_ballast_lets_a_full_disk_take_the_end_of_the_run(tmp_path):
    program = """
    import sys
    from pathlib import Path
    from controller.historian.errors import DiskFull
    from tests.record_rig import SCANNER, S, new_store
    folder = Path(sys.argv[1])
    store = new_store(folder / "run", ballast_bytes=1 << 20)
    recorder = store.attach(SCANNER)
    store.commit(0)
    filler = (folder / "filler").open("wb", buffering=0)
    try:
        while True:
            filler.write(b"x" * 4096)
    except OSError:
        pass
    acknowledged, refused = -1, 0
    for row in range(60000):
        recorder.append([row / 1000], 0, row * S // 10, row * S // 10)
        if row % 500 == 499:
            try:
                store.commit(row * S // 10)
                acknowledged = row
            except DiskFull:
                refused += 1
        if refused == 3:
            break
    assert acknowledged > 499 and not store.health.ballast, (acknowledged, store.health)
    filler.close()
    (folder / "filler").unlink()
    store.close(row * S // 10)
    print(acknowledged, refused, row)
    from controller.historian.query import Record
    with Record(folder / "run") as record:
        assert len(record.raw("GT-601.PV").value) == row + 1
    """
    mount = f'mount -t tmpfs -o size=6m none {tmp_path} && exec "$0" "$@"'
    command = [
        "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount,
        sys.executable, "-c", textwrap.dedent(program), str(tmp_path),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPO, check=False)
    assert done.returncode == 0, done.stderr
    _, refused, _ = map(int, done.stdout.split())
    assert refused == 3


class FailingSyncs(apsw.VFS):
    """A file system whose fsync fails while ``armed``; ``look`` is called at each one."""

    def __init__(self, look: Callable[[], None] = lambda: None) -> None:
        self.armed = False
        self.look = look
        super().__init__("failing-syncs", "")

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's name
        outer = self

        class File(apsw.VFSFile):
            def __init__(self) -> None:
                super().__init__("", name, flags)

            def xSync(self, kind):  # noqa: N802 - SQLite's name
                outer.look()
                if outer.armed:
                    raise apsw.IOError
                super().xSync(kind)

        return File()


def on(disk: FailingSyncs, monkeypatch) -> FailingSyncs:
    """Let records be written through it."""
    open_file = apsw.Connection
    monkeypatch.setattr(
        "controller.historian.schema.apsw.Connection",
        lambda name, **options: open_file(name, vfs="failing-syncs", **options),
    )
    return disk


def test_a_failed_sync_is_no_acknowledgement_and_the_rows_follow_later(tmp_path, monkeypatch):
    disk = on(FailingSyncs(), monkeypatch)
    store = new_store(tmp_path)
    recorder = store.attach(FAST)
    for row in range(40):
        recorder.append([row / 10, 0.0], 0, row * S, row * S)
        disk.armed = 10 <= row < 30
        if disk.armed:
            with pytest.raises(DiskError):
                store.commit(row * S)
        else:
            store.commit(row * S)
            assert store.health.waiting_rows == 0
    store.close(50 * S)
    with Record(tmp_path) as record:
        assert np.array_equal(record.raw("TIC-501.PV").value, np.arange(40) / 10)


def test_no_head_leaves_the_computer_that_the_writer_takes_back(tmp_path, monkeypatch):
    """Readers look at every sync, also while a batch that failed stands in the file again."""
    kept: set[str] = set()
    seen: set[str] = set()

    def look() -> None:
        with contextlib.suppress(RecordError), Record(tmp_path) as record:
            kept.add(str(head_to_keep(record)))
            seen.update(f"{n}:{d.hex()}" for n, d in record.query("SELECT seq, digest FROM chain"))

    disk = on(FailingSyncs(), monkeypatch)
    store = new_store(tmp_path)
    disk.look = look
    for row in range(60):
        store.event(Event(row * S, "operator", "note", "", None, None, f"{row}", "ann"))
        disk.armed = row % 7 in {3, 4}
        with contextlib.suppress(DiskError):
            store.commit(row * S)
        look()
    disk.armed = False
    store.close(70 * S)
    kept.discard("None")
    final = {f"{n}:{d.hex()}" for n, d in Record(tmp_path).query("SELECT seq, digest FROM chain")}
    assert seen - final, "batches that were taken back were to be seen for a moment"
    assert len(kept) > 30
    assert all(prove(tmp_path, parse_head(head)).whole for head in kept)
