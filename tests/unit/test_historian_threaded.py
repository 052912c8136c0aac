"""The writing thread: acknowledgements in order, one batch under way, nothing lost."""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future

import numpy as np
import pytest

from controller.historian.errors import DiskFull
from controller.historian.query import Record
from controller.historian.threaded import ThreadedStore
from tests.record_rig import FAST, SCANNER, S, new_store


class Gate:
    """Holds the writing thread until it is told to go on, or makes it fail."""

    def __init__(self, store) -> None:
        self.open = threading.Semaphore(0)
        self.fail = False
        self.batches = []
        write = store.write

        def held(batch) -> None:
            self.open.acquire()
            self.batches.append(batch)
            if self.fail:
                raise DiskFull("no space left on the disk")
            write(batch)

        store.write = held


def serve(calls: queue.Queue, future: Future) -> None:
    """Run posted calls until the future is done, as a loop would."""
    while not future.done():
        calls.get(timeout=30)()


def test_commits_asked_for_meanwhile_share_the_next_batch(tmp_path):
    store = new_store(tmp_path)
    gate, calls = Gate(store), queue.Queue()
    threaded = ThreadedStore(store, calls.put)
    recorder = store.attach(FAST)
    recorder.append([1.0, 1.0], 0, 1 * S, 1 * S)
    first = threaded.commit(1 * S)
    recorder.append([2.0, 2.0], 0, 2 * S, 2 * S)
    second = threaded.commit(2 * S)
    recorder.append([3.0, 3.0], 0, 3 * S, 3 * S)
    third = threaded.commit(3 * S)
    assert second is third
    assert not first.done()
    gate.open.release(2)
    serve(calls, third)
    assert [first.result().rows, third.result().rows] == [1, 2]
    assert [batch.rows for batch in gate.batches] == [1, 2]
    assert store.health.waiting_rows == 0
    gate.open.release(5)
    threaded.close(4 * S)
    with Record(tmp_path) as record:
        assert record.raw("TIC-501.PV").value.tolist() == [1.0, 2.0, 3.0]


def test_a_failed_batch_is_an_error_and_follows_with_the_next(tmp_path):
    store = new_store(tmp_path)
    gate, calls = Gate(store), queue.Queue()
    threaded = ThreadedStore(store, calls.put)
    recorder = store.attach(FAST)
    recorder.append([1.0, 1.0], 0, 1 * S, 1 * S)
    gate.fail = True
    gate.open.release(10)
    failed = threaded.commit(1 * S)
    serve(calls, failed)
    with pytest.raises(DiskFull):
        failed.result()
    assert "no space" in store.health.failure
    gate.fail = False
    recorder.append([2.0, 2.0], 0, 2 * S, 2 * S)
    again = threaded.commit(2 * S)
    serve(calls, again)
    assert again.result().rows == 2
    threaded.close(3 * S)


def test_a_hanging_disk_blocks_nobody_and_costs_only_declared_rows(tmp_path):
    store = new_store(tmp_path, keep_s=10.0)
    gate, calls = Gate(store), queue.Queue()
    threaded = ThreadedStore(store, calls.put)
    recorder = store.attach(SCANNER)
    last = None
    for row in range(1000):
        recorder.append([row / 1000], 0, row * S // 10, row * S // 10)
        if row % 50 == 49:
            last = threaded.commit(row * S // 10)
            assert store.health.waiting_rows <= 200
    gate.open.release(10)
    serve(calls, last)
    lost = store.health.dropped
    assert lost == 1000 - 100
    threaded.close(100 * S)
    with Record(tmp_path) as record:
        stored = record.raw("GT-601.PV").value
        assert np.array_equal(stored, np.r_[np.arange(50), np.arange(950, 1000)] / 1000)
        gaps = [gap for _, gap in record.gaps() if gap.kind == "dropped"]
        assert sum(gap.samples for gap in gaps) == lost
        assert gaps[0].from_ns == 50 * S // 10


async def test_it_serves_an_asyncio_loop(tmp_path):
    store = new_store(tmp_path)
    threaded = ThreadedStore(store, asyncio.get_running_loop().call_soon_threadsafe)
    recorder = store.attach(FAST)
    for second in range(20):
        recorder.append([float(second), 0.0], 0, second * S, second * S)
        done = await asyncio.wrap_future(threaded.commit(second * S))
        assert done.ns == second * S
    threaded.close(20 * S)
    with Record(tmp_path) as record:
        assert len(record.raw("TIC-501.PV").value) == 20
