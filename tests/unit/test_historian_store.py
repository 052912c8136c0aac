"""The record keeps what it acknowledged, whatever the process does."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import apsw
import numpy as np
import pytest

from controller.events import Event
from controller.historian.errors import (
    BadQuery,
    DiskReadOnly,
    NotARecord,
    RecordBusy,
    RecordCorrupt,
    RecordError,
    RecordMismatch,
    RecordMissing,
    RecordSealed,
    UnknownTag,
)
from controller.historian.ledger import balance
from controller.historian.query import Record
from controller.historian.seal import verify
from controller.historian.store import Store
from drivers.base import Block, Quality
from tests.record_rig import BELT, FAST, SCANNER, S, new_store, record_identity, record_line

REPO = Path(__file__).parents[2]


def fill(store: Store, seconds: int, start_s: int = 0, commit_every_s: int = 10) -> None:
    """Poll FAST at 2 Hz with a slow sine, committing as it goes."""
    recorder = store.attach(FAST)
    for step in range(2 * seconds):
        ns = start_s * S + step * S // 2
        recorder.append([round(200 + np.sin(step / 50), 1), 50.0], 0, ns, ns + 4_000_000)
        if (step + 1) % (2 * commit_every_s) == 0:
            store.commit(ns)


def test_values_qualities_times_and_failed_polls_come_back(tmp_path):
    store = new_store(tmp_path)
    recorder = store.attach(FAST)
    recorder.append([200.1, 50.0], Quality.GOOD, 1 * S, 1 * S + 5)
    recorder.append(np.array([200.2, float("nan")]), [0, Quality.BAD_SENSOR_FAILURE], 2 * S, 2 * S)
    recorder.append_failed(Quality.BAD_TIMEOUT, "no reply in 300 ms", 3 * S, 3 * S + 300)
    recorder.append_failed(Quality.BAD_TIMEOUT, "no reply in 300 ms", 4 * S, 4 * S + 300)
    recorder.append((200.3, 51.0), np.zeros(2, np.uint32), 5 * S, 5 * S + 5)
    acknowledged = store.commit(6 * S)
    assert (acknowledged.rows, acknowledged.values) == (5, 10)
    with Record(tmp_path) as record:
        found = record.raw("TIC-501.PV")
        assert found.sent_ns.tolist() == [1 * S, 2 * S, 3 * S, 4 * S, 5 * S]
        assert found.received_ns.tolist()[0] == 1 * S + 5
        assert found.value.tolist()[:2] == [200.1, 200.2]
        assert np.isnan(found.value[2:4]).all()
        assert found.quality.tolist() == [0, 0, Quality.BAD_TIMEOUT, Quality.BAD_TIMEOUT, 0]
        assert record.raw("TIC-501.OP").quality.tolist()[1] == Quality.BAD_SENSOR_FAILURE
        ((group, gap),) = record.gaps()
        assert (group, gap.kind, gap.samples, gap.reason) == (
            "T1.fast", "failed", 2, "no reply in 300 ms",
        )  # fmt: skip
        assert record.raw("TIC-501.PV", 2 * S, 5 * S).sent_ns.tolist() == [2 * S, 3 * S, 4 * S]
    before = store.health
    assert (before.waiting_rows, before.acknowledged_ns, before.failure) == (0, 6 * S, "")
    store.close(7 * S)
    with Record(tmp_path) as record:
        merged = record.raw("TIC-501.PV")
        assert np.array_equal(merged.value, found.value, equal_nan=True)
        assert merged.quality.tolist() == found.quality.tolist()
        assert merged.received_ns.tolist() == found.received_ns.tolist()


def test_the_way_in_for_the_tag_table_declares_failed_blocks(tmp_path):
    store = new_store(tmp_path)
    store.append(FAST, [200.0, 50.0], 0, S, S)
    store.append(FAST, [float("nan")] * 2, Quality.BAD_NO_COMMUNICATION, 2 * S, 2 * S)
    store.commit(3 * S)
    with Record(tmp_path) as record:
        assert record.raw("TIC-501.PV").quality.tolist() == [0, Quality.BAD_NO_COMMUNICATION]
        assert record.gaps("T1.fast")[0][1].reason == "BAD_NO_COMMUNICATION"
    store.abandon()


def test_events_journal_and_profiles_come_back(tmp_path):
    store = new_store(tmp_path)
    events = [
        Event(1, "gate", "write", "TIC-501.SP", 200.0, 210.5, "recipe", "anna"),
        Event(2, "procedure", "state", "", "RUNNING", "HELD", "IL5"),
        Event(3, "alarm", "alarm", "TIC-501.PV", None, float("nan"), "sensor"),
    ]
    store.events(events)
    store.journal(2, "unit:oven", '{"step": "soak"}')
    store.journal(3, "unit:oven", '{"step": "cool"}')
    values = np.linspace(24, 26, 50)
    values[7] = np.nan
    valid = np.isfinite(values)
    valid[:3] = False
    store.profile(
        9 * S, "GT-601.PV", values, positions=(-0.25, 0.01), valid=valid, meters=(3.0, 3.5)
    )
    store.commit(10 * S)
    store.close(11 * S)
    with Record(tmp_path) as record:
        assert record.events()[:2] == events[:2]
        assert np.isnan(record.events()[2].new)
        assert record.events()[2].old is None
        assert [event.verb for event in record.events(source="gate")] == ["write"]
        assert record.events(actor="anna") == events[:1]
        assert record.events(2, 3) == events[1:2]
        assert record.journal("unit:oven")[0] == (2, '{"step": "soak"}')
        assert record.latest_journal() == {"unit:oven": (3, '{"step": "cool"}')}
        (profile,) = record.profiles(scanner="GT-601.PV")
        assert np.array_equal(profile.value, values, equal_nan=True)
        assert np.array_equal(profile.valid, valid)
        assert profile.position[1] == pytest.approx(-0.24)
        assert record.profiles_by_meter(3.4, 9.0) != []
        assert record.profiles_by_meter(3.6, 9.0) == []
    with pytest.raises(BadQuery):
        new_store(tmp_path / "other").profile(0, "GT-601.PV", [1, 2, 3], positions=[1])


def test_rows_merge_once_and_read_alike_fresh_merged_and_between(tmp_path):
    store = new_store(tmp_path)
    fill(store, 3000)
    with Record(tmp_path) as record:
        assert record.query("SELECT count(*) FROM merged")[0][0] >= 4
        assert record.query("SELECT count(*) FROM fresh")[0][0] >= 1
        found = record.raw("TIC-501.PV")
    assert len(found.sent_ns) == 6000
    assert (np.diff(found.sent_ns) == S // 2).all()
    assert np.array_equal(found.value, np.round(200 + np.sin(np.arange(6000) / 50), 1))
    store.close(3000 * S)
    with Record(tmp_path) as record:
        assert np.array_equal(record.raw("TIC-501.PV").value, found.value)
        assert record.query("SELECT count(*) FROM fresh")[0][0] == 0


def test_a_reader_beside_the_writer_sees_whole_commits(tmp_path):
    store = new_store(tmp_path)
    recorder = store.attach(SCANNER)
    store.commit(0)
    seen = []
    with Record(tmp_path) as record:
        for commit in range(1, 40):
            for row in range(7):
                ns = (commit * 7 + row) * S
                recorder.append([25.0], 0, ns, ns)
            seen.append(len(record.raw("GT-601.PV").sent_ns))
            store.commit(commit)
        with record.snapshot():
            before = len(record.raw("GT-601.PV").sent_ns)
            recorder.append([25.0], 0, 999 * S, 999 * S)
            store.commit(41)
            assert len(record.raw("GT-601.PV").sent_ns) == before
        assert len(record.raw("GT-601.PV").sent_ns) == before + 1
    assert seen == [7 * commit for commit in range(39)]


WRITER = """
import sys
from pathlib import Path
from tests.record_rig import FAST, S, new_store
store = new_store(Path(sys.argv[1]))
recorder = store.attach(FAST)
for row in range(10**9):
    recorder.append([row / 10, 50.0], 0, row * S // 2, row * S // 2)
    if row % 5 == 4:
        store.journal(row, "unit", str(row))
        store.commit(row)
        print(row, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 23, 170])
def test_kill_9_loses_no_acknowledged_commit(tmp_path, acknowledged):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPO) as writer:
        last = -1
        for _ in range(acknowledged):
            last = int(writer.stdout.readline())
        writer.kill()
        for line in writer.stdout.read().splitlines():
            last = int(line)
    with Record(tmp_path) as record:
        found = record.raw("TIC-501.PV")
        assert len(found.value) >= last + 1
        assert np.array_equal(found.value, np.arange(len(found.value)) / 10)
        assert record.latest_journal()["unit"][0] >= last
    store = new_store(tmp_path, now_ns=10**15, resume=True)
    recorder = store.attach(FAST)
    recorder.append([1.0, 2.0], 0, 10**15, 10**15)
    store.close(10**15)
    with Record(tmp_path) as record:
        account = balance(record, "TIC-501.PV")
        assert account.balanced
        assert account.holes[0].reason == "service down"
    assert verify(tmp_path).intact


def test_what_cannot_be_opened_is_said_in_words(tmp_path):
    with pytest.raises(RecordMissing):
        Record(tmp_path)
    text = tmp_path / "record.sqlite"
    text.write_text("not a database, just some words\n" * 40)
    with pytest.raises(NotARecord):
        Record(tmp_path)
    text.unlink()
    apsw.Connection(str(text)).execute("CREATE TABLE x(y)")
    with pytest.raises(NotARecord, match="not a filmline record"):
        Record(tmp_path)
    text.unlink()
    with pytest.raises(DiskReadOnly):
        new_store(Path("/proc/no-such-folder"))
    store = new_store(tmp_path)
    with pytest.raises(RecordMismatch, match="already"):
        new_store(tmp_path)
    with pytest.raises(RecordBusy):
        new_store(tmp_path, resume=True)
    with pytest.raises(UnknownTag, match=r"TIC-501.PV"):
        store.attach(Block("T9", ("TIC-510.PV",), 1.0))
    store.close(S)
    with pytest.raises(RecordSealed):
        new_store(tmp_path, resume=True)
    assert [file.name for file in tmp_path.iterdir()] == ["record.sqlite"]


def test_the_name_of_a_new_folder_is_on_the_disk_before_anything_is_acknowledged(
    tmp_path, monkeypatch
):
    """SQLite syncs the record and its own folder, not the one the folder is in."""
    synced: list[Path] = []

    def note(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    fsync = os.fsync
    monkeypatch.setattr("controller.historian.folders.os.fsync", note)
    new_store(tmp_path / "runs" / "line" / "lot").abandon()
    assert {tmp_path, tmp_path / "runs", tmp_path / "runs" / "line"} <= set(synced)


def test_a_record_goes_on_only_under_its_own_identity(tmp_path):
    store = new_store(tmp_path)
    fill(store, 20)
    store.abandon()
    with pytest.raises(RecordMismatch, match="lot"):
        Store.open(tmp_path, record_line(), record_identity("L2"), S, resume=True)
    store = new_store(tmp_path, now_ns=60 * S, resume=True)
    fill(store, 20, start_s=60)
    store.attach(Block("T1.fast", ("TIC-501.PV",), 1.0)).append([1.5], 0, 90 * S, 90 * S)
    store.close(90 * S)
    with Record(tmp_path) as record:
        values = record.raw("TIC-501.PV")
        assert len(values.value) == 81
        assert values.value[-1] == 1.5
        assert record.gaps("T1.fast")[0][1].kind == "stopped"
        assert record.info()["plant"] == "SIMULATED"
        assert record.info()["seed"] == "7"


def test_the_seal_detects_a_flipped_byte(tmp_path):
    store = new_store(tmp_path)
    fill(store, 900)
    store.attach(BELT).append([2.0], 0, 0, 0)
    store.event(Event(1, "gate", "write", "TIC-501.SP", 1.0, 2.0, "recipe", "anna"))
    digest = store.close(900 * S)
    file = tmp_path / "record.sqlite"
    assert verify(tmp_path).stored == digest
    assert verify(tmp_path).intact
    content = file.read_bytes()
    event = content.index(b"recipeanna")
    block = content.index(b"\x01\x02\x02\x00")  # head of a merged block of two tags
    for place in (event + 2, event + 7, block + 40, content.index(b"recipe text") + 1):
        spoiled = bytearray(content)
        spoiled[place] ^= 0x01
        file.write_bytes(spoiled)
        assert not verify(tmp_path).intact
    random = np.random.default_rng(3)
    undetected = 0
    for place in random.integers(100, len(content), 60):
        spoiled = bytearray(content)
        spoiled[place] ^= 1 << int(random.integers(8))
        file.write_bytes(spoiled)
        try:
            undetected += verify(tmp_path).intact
        except RecordError:
            continue
        if verify(tmp_path).intact:  # an unused byte of a page: the content is the same
            with Record(tmp_path) as record:
                assert len(record.raw("TIC-501.PV").value) == 1800
    assert undetected < 60
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(RecordCorrupt):
        verify(tmp_path)
