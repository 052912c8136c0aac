"""A record read onward by a cursor: each row once and in order, wherever its blocks move."""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.historian.blocks import Rows
from controller.historian.errors import RecordMissing
from controller.historian.query import Record
from controller.outlets.content import Slice
from controller.outlets.cursor import Cursor, Progress
from controller.outlets.errors import CursorError
from controller.outlets.feed import Feed
from controller.outlets.film import FilmTrack
from drivers.base import Quality
from tests.record_rig import FAST, POSITION, SCANNER, S, new_store

LATE = Quality.BAD_TIMEOUT


def drain(feed: Feed, progress: Progress, most: int = 10_000) -> tuple[list[Slice], Progress]:
    """Everything that is there now."""
    found = []
    for _ in range(most):
        part = feed.next(progress)
        if part.empty:
            break
        found.append(part)
        progress = part.progress
    return found, progress


def stamps(parts: list[Slice], group: str) -> list[int]:
    return [
        ns
        for part in parts
        for piece in part.pieces
        if piece.group.name == group
        for ns in piece.rows.sent.tolist()
    ]


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["fast", "scan", "commit", "read", "merge"]), st.integers(1, 40)),
        min_size=1,
        max_size=30,
    )
)
def test_every_row_comes_once_whatever_is_merged_meanwhile(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        feed, progress = Feed(Path(folder)), Progress()
        sent: dict[str, list[int]] = {FAST.name: [], SCANNER.name: []}
        seen: dict[str, list[int]] = {FAST.name: [], SCANNER.name: []}
        now = 0
        for step, count in steps:
            if step in {"fast", "scan"}:
                block = FAST if step == "fast" else SCANNER
                for _ in range(count):
                    now += S // 7
                    store.append(block, [1.0] * len(block.tags), 0, now, now)
                    sent[block.name].append(now)
            elif step == "commit":
                store.commit(now)
            elif step == "merge":
                store.commit(now)
                store._writer.merge_all()
            else:
                parts, progress = drain(feed, progress, count)
                for name in seen:
                    seen[name] += stamps(parts, name)
        store.close(now)
        parts, progress = drain(feed, progress)
        for name, before in seen.items():
            assert before + stamps(parts, name) == sent[name]
        assert feed.next(progress).sealed


def test_a_clock_that_is_set_back_loses_no_row(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    back = [100 * S, 101 * S, 40 * S, 41 * S, 102 * S]
    for ns in back:
        store.append(FAST, [1.0, 2.0], 0, ns, ns)
    store.close(103 * S)
    parts, _ = drain(Feed(tmp_path), Progress())
    assert sorted(stamps(parts, FAST.name)) == sorted(back)


def test_slices_go_forward_in_time_over_all_groups(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for second in range(600):
        store.append(FAST, [1.0, 2.0], 0, second * S, second * S)
        store.append(SCANNER, [3.0], 0, second * S, second * S)
    store.close(600 * S)
    parts, _ = drain(Feed(tmp_path), Progress())
    assert len(parts) == 10
    ends = [max(piece.rows.sent[-1] for piece in part.pieces) for part in parts]
    begins = [min(piece.rows.sent[0] for piece in part.pieces) for part in parts]
    assert all(end < begin for end, begin in zip(ends, begins[1:], strict=False))
    assert [part.behind_rows for part in parts] == list(range(1080, -1, -120))
    assert parts[0].behind_s == pytest.approx(539.0)


def test_rows_at_a_station_wait_for_the_film_position(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for half in range(8):
        store.append(FAST, [1.0, 2.0], 0, half * S // 2, half * S // 2)
    for second in range(3):
        label = 30.0 + second
        store.append(POSITION, [label] * 4 + [5.0 + second], 0, second * S, second * S)
    store.commit(4 * S)
    feed = Feed(tmp_path)
    parts, progress = drain(feed, Progress())
    assert stamps(parts, FAST.name) == [half * S // 2 for half in range(5)]
    (piece,) = (piece for piece in parts[0].pieces if piece.group.name == FAST.name)
    assert piece.film_s is not None
    np.testing.assert_allclose(piece.film_s, [30.0, 30.5, 31.0, 31.5, 32.0])
    late: list[Slice] = []
    for _ in range(5):  # the position comes no more: then the rows go without it
        part = feed.next(progress)
        late += [] if part.empty else [part]
        progress = part.progress
    assert stamps(late, FAST.name) == [5 * S // 2, 3 * S, 7 * S // 2]
    store.close(4 * S)


def test_roll_meter_is_absent_while_nothing_is_collected() -> None:
    ns = np.arange(6, dtype=np.int64) * S
    track = FilmTrack(
        ns,
        {
            "film.WIND.S": np.array([0.0, 1.0, 2.0, 3.0, 4.0, 4.0]),
            "film.T1.S": np.array([20.0, 21.0, 22.0, 23.0, 24.0, 24.0]),
            "film.ROLL_M": np.array([0.0, 0.0, 1.0, 2.0, 2.0, 2.0]),
        },
    )
    meter = track.roll_meter(track.label("T1", ns), ns)
    np.testing.assert_allclose(meter, [np.nan, np.nan, 21.0, np.nan, 22.0, 22.0])
    assert np.isnan(track.label("T1", np.array([7 * S], np.int64))).all()
    assert np.isnan(FilmTrack(ns, {}).roll_meter(np.ones(6), ns)).all()


def test_a_cursor_keeps_its_place_and_its_record(tmp_path: Path) -> None:
    record = tmp_path / "record.sqlite"
    first = Cursor(record, "influx", "here", "L1 0")
    first.acknowledge(Progress({1: 7, 2: 9}, 3, 4))
    with pytest.raises(CursorError, match="running already"):
        Cursor(record, "influx", "here", "L1 0")
    elsewhere = Cursor(record, "influx", "there", "L1 0")
    assert elsewhere.progress == Progress()
    elsewhere.close()
    first.close()
    again = Cursor(record, "influx", "here", "L1 0")
    assert again.progress == Progress({1: 7, 2: 9}, 3, 4)
    again.close()
    with pytest.raises(CursorError, match="belongs to L1 0 on here"):
        Cursor(record, "influx", "here", "L2 5")
    again.path.write_text(json.dumps({"version": 1}))
    with pytest.raises(CursorError, match="cannot be read as the cursor"):
        Cursor(record, "influx", "here", "L1 0")


def test_no_record_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordMissing):
        Feed(tmp_path)


def test_latest_rows_are_those_before_the_cursor(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for second in range(5):
        store.append(FAST, [float(second), 0.0], [0, int(LATE)], second * S, second * S)
    store.close(5 * S)
    feed = Feed(tmp_path)
    _, progress = drain(feed, Progress())
    (piece,) = feed.latest(progress).pieces
    rows: Rows = piece.rows
    assert (piece.first, rows.sent.tolist()) == (4, [4 * S])
    assert rows.codes().tolist() == [[0, int(LATE)]]
    assert feed.latest(Progress()).pieces == ()


def test_a_reader_does_not_keep_a_closed_record_from_being_one_file(tmp_path: Path) -> None:
    """A mirror that reads in the moment of closing: the writer waits for it, a little."""
    store = new_store(tmp_path)
    store.append(FAST, [1.0, 2.0], 0, S, S)
    store.commit(S)
    reader = Record(tmp_path)
    reader.span()
    leaving = threading.Timer(0.2, reader.close)
    leaving.start()
    store.close(2 * S)
    leaving.join()
    assert [path.name for path in tmp_path.iterdir()] == ["record.sqlite"]
    assert apsw.Connection(str(tmp_path / "record.sqlite")).pragma("journal_mode") == "delete"
