"""The chain of the record: whatever is changed, deleted, put in, moved or cut off is found."""

# ruff: noqa: S608 - names of tables and columns

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from controller.cli import app
from controller.events import Event
from controller.historian.chain import CONTENT, Head, content
from controller.historian.errors import BadQuery, NotARecord
from controller.historian.proof import Proof, parse_head, prove
from controller.historian.schema import GUARDS
from controller.historian.seal import HASH_KEY, content_hash
from drivers.base import Quality
from tests.record_rig import BELT, FAST, POSITION, SCANNER, S, new_store

KEYS = {
    "meta": "key", "station": "name", "session": "id", "scan_group": "id", "tag": "place",
    "gap": "id", "event": "id", "journal": "id", "profile": "id", "merged": "id",
    "rollup": "merged_id", "chain": "seq",
}  # fmt: skip
NUMBERED = ("gap", "event", "journal", "profile", "merged", "scan_group")


def fill(folder: Path, *, sealed: bool) -> Path:
    """A record with several rows of every class, written by two sessions."""
    for session, first in enumerate((0, 1000)):
        store = new_store(folder, now_ns=first * S, resume=session > 0)
        fast, scanner = store.attach(FAST), store.attach(SCANNER)
        store.attach(BELT).append([2.0], 0, first * S, first * S)
        store.attach(POSITION).append([1.0, 2.0, 3.0, 4.0, 5.0], 0, first * S, first * S)
        for second in range(first, first + 20):
            fast.append([200.0 + second, 50.0], 0, second * S, second * S)
            scanner.append([0.025], 0, second * S, second * S)
            if second % 5 == 4:
                ns = second * S
                fast.append_failed(Quality.BAD_TIMEOUT, f"no reply {second}", ns, ns)
                store.event(
                    Event(ns, "gate", "write", "TIC-501.SP", 1.0, float(second), "x", "ann")
                )
                store.event(Event(ns, "operator", "note", "", None, None, f"seen {second}", "bob"))
                store.journal(ns, "unit", f'{{"step": {second}}}')
                store.profile(ns, "GT-601.PV", np.full(9, 0.02 + second / 1e6), positions=(0, 0.1))
                store.commit(ns)
        if session == 0:
            store.commit(first * S + 30 * S)
            store._writer.merge_all()
            store.abandon()
        elif sealed:
            store.close(1030 * S)
        else:
            store.commit(1030 * S)
            store._writer.merge_all()
            store.abandon()
    return folder / "record.sqlite"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Path:
    return fill(tmp_path_factory.mktemp("sealed"), sealed=True)


@pytest.fixture(scope="module")
def unsealed(tmp_path_factory) -> Path:
    file = fill(tmp_path_factory.mktemp("open"), sealed=False)
    connection = apsw.Connection(str(file))
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    return file


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bench") / "record.sqlite"


def tampered(original: Path, bench: Path, act: Callable[[apsw.Connection], object]) -> Proof:
    """What the check says after somebody has worked on a copy, guards off and on again."""
    shutil.copy(original, bench)
    with contextlib.closing(apsw.Connection(str(bench))) as connection, connection:
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        act(connection)
        for trigger in GUARDS.values():
            connection.execute(trigger)
    return prove(bench)


def named(proof: Proof) -> set[tuple[str, str, int]]:
    return {(found.what, found.kind, found.row) for found in proof.findings}


def columns(connection: apsw.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


# --- a record that nobody touched ---------------------------------------------------------------


def test_a_record_that_nobody_touched_is_whole(sealed, unsealed):
    for file, closed in ((sealed, True), (unsealed, False)):
        proof = prove(file)
        assert proof.findings == ()
        assert (proof.sealed, proof.chained, proof.lot) == (closed, True, "L1")
        assert proof.links > 40


def test_every_class_of_rows_is_in_the_chain(sealed):
    connection = apsw.Connection(str(sealed), flags=apsw.SQLITE_OPEN_READONLY)
    kinds = dict(connection.execute("SELECT kind, count(*) FROM chain GROUP BY kind"))
    assert kinds.keys() == CONTENT.keys()
    for table in NUMBERED:
        assert kinds[table] == connection.execute(f"SELECT count(*) FROM {table}").get >= 2


def test_what_only_grows_refuses_to_be_changed(sealed, bench):
    shutil.copy(sealed, bench)
    with contextlib.closing(apsw.Connection(str(bench))) as connection:
        for table, key in KEYS.items():
            for statement in (f"UPDATE {table} SET {key} = {key}", f"DELETE FROM {table}"):
                with pytest.raises(apsw.ConstraintError, match="only grows"):
                    connection.execute(statement)


# --- changed ------------------------------------------------------------------------------------


def other(value: object) -> object:
    """A value of the same type that differs in one bit or so."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1]) if value else b"\0"
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    return value + 1 if isinstance(value, int) else float(np.nextafter(value, np.inf))


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
@pytest.mark.parametrize("original", ["sealed", "unsealed"])
def test_every_changed_field_is_found_and_its_row_named(request, bench, original, data):
    file = request.getfixturevalue(original)
    table = data.draw(st.sampled_from([*KEYS, "progress"]))
    changed: dict[str, object] = {}

    def change(connection: apsw.Connection) -> None:
        names = columns(connection, table)
        rows = list(connection.execute(f"SELECT * FROM {table}"))
        row = data.draw(st.sampled_from(rows))
        column = data.draw(
            st.sampled_from([name for name, value in zip(names, row, strict=True)
                             if value is not None and (table, name) != ("progress", "id")])
        )  # fmt: skip
        where = " AND ".join(f"{name} IS ?" for name in names)
        value = other(row[names.index(column)])
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value, *row))
        assert connection.changes() == 1
        changed.update(row=row[0], column=column, names=names)

    try:
        proof = tampered(file, bench, change)
    except apsw.ConstraintError:
        return  # SQLite itself does not let two rows have that key
    if table == "session" and changed["column"] == "closed_ns" and not proof.sealed:
        return  # an open record's session has no end yet
    if table == "progress" and changed["column"] in {"commits", "ns"} and not proof.sealed:
        return  # counts of an open record: no content
    assert not proof.whole, (table, changed)
    if table in NUMBERED and changed["column"] != "id":
        assert any((f.kind, f.row) == (table, changed["row"]) for f in proof.findings)


def test_every_flipped_bit_of_the_file_is_found_or_changes_nothing(sealed, bench):
    def dump(file: Path) -> str:
        with contextlib.closing(apsw.Connection(str(file))) as connection:
            return content_hash(connection)

    original, whole, found = sealed.read_bytes(), dump(sealed), 0
    random = np.random.default_rng(5)
    for place in random.integers(100, len(original), 150).tolist():
        spoiled = bytearray(original)
        spoiled[place] ^= 1 << int(random.integers(8))
        bench.write_bytes(spoiled)
        try:
            proof = prove(bench)
        except NotARecord:
            found += 1
            continue
        if proof.whole:
            assert dump(bench) == whole, f"byte {place}"
        found += not proof.whole
    assert found > 30


# --- deleted, inserted, moved, cut --------------------------------------------------------------


@pytest.mark.parametrize("table", NUMBERED)
def test_a_deleted_row_is_found_with_and_without_its_link(unsealed, bench, table):
    def row_only(connection):
        connection.execute(f"DELETE FROM {table} WHERE id = 1")

    def with_link(connection):
        row_only(connection)
        connection.execute("DELETE FROM chain WHERE kind = ? AND row = 1", (table,))

    def renumbered(connection):
        seq = connection.execute("SELECT seq FROM chain WHERE kind = ? AND row = 1", (table,)).get
        with_link(connection)
        last = connection.execute("SELECT max(seq) FROM chain").get
        for number in range(seq + 1, last + 1):
            connection.execute("UPDATE chain SET seq = ? WHERE seq = ?", (number - 1, number))
        connection.execute("UPDATE progress SET head = head - 1")

    assert ("deleted", table, 1) in named(tampered(unsealed, bench, row_only))
    assert ("deleted", "chain", 0) in named(tampered(unsealed, bench, with_link))
    proof = tampered(unsealed, bench, renumbered)
    loose = {("inserted", "tag", 0), ("inserted", "rollup", 0)}  # what belonged to it
    assert named(proof) - loose == {("deleted", "chain", 0)}, "one cause, told once"


@pytest.mark.parametrize("table", NUMBERED)
def test_two_rows_that_changed_places_are_named(sealed, bench, table):
    def swap(connection):
        names = columns(connection, table)[1:]
        one, two = connection.execute(f"SELECT * FROM {table} ORDER BY id LIMIT 2")
        sets = ", ".join(f"{name} = ?" for name in names)
        for (number, *_), (_, *values) in ((one, two), (two, one)):
            connection.execute(f"UPDATE {table} SET {sets} WHERE id = ?", (*values, number))

    found = named(tampered(sealed, bench, swap))
    what = "reordered" if table != "scan_group" else "changed"  # its tags stayed where they were
    if table == "merged":
        what = "changed"  # so did its rollups
    assert {(what, table, 1), (what, table, 2)} <= found


def test_links_that_changed_places_are_found(unsealed, bench):
    def swap(connection):
        first = connection.execute("SELECT min(seq) FROM chain WHERE kind = 'event'").get
        for old, new in ((first, -1), (first + 1, first), (-1, first + 1)):
            connection.execute("UPDATE chain SET seq = ? WHERE seq = ?", (new, old))

    assert {what for what, *_ in named(tampered(unsealed, bench, swap))} == {"reordered"}


def test_an_inserted_row_is_found(unsealed, bench):
    def insert(connection):
        connection.execute("INSERT INTO event VALUES(NULL, 1, 'a', 'b', '', NULL, NULL, 'c', 'd')")
        connection.execute("INSERT INTO journal VALUES(NULL, 1, 'unit', '{}')")
        connection.execute("INSERT INTO rollup SELECT 5, group_id, merged_id, 0, 0, 0, data "
                           "FROM rollup LIMIT 1")  # fmt: skip

    kinds = {(what, kind) for what, kind, _ in named(tampered(unsealed, bench, insert))}
    assert kinds == {("inserted", "event"), ("inserted", "journal"), ("inserted", "rollup")}


def test_a_row_put_into_a_live_record_is_never_taken_for_ours(tmp_path):
    store = new_store(tmp_path)
    store.event(Event(1, "gate", "write", "x", None, 1.0, "ours"))
    store.commit(S)
    foreign = apsw.Connection(str(tmp_path / "record.sqlite"))
    foreign.execute("INSERT INTO event VALUES(NULL, 1, 'a', 'b', '', NULL, NULL, 'c', 'd')")
    foreign.close()
    store.event(Event(2, "gate", "write", "x", None, 2.0, "ours"))
    store.close(2 * S)
    assert named(prove(tmp_path)) == {("inserted", "event", 2)}


def cut(rows: int, *, head: bool) -> Callable[[apsw.Connection], None]:
    """Take the last links away, with their rows; and, for a careful hand, the head."""

    def act(connection: apsw.Connection) -> None:
        links = connection.execute("SELECT seq, kind, row FROM chain ORDER BY seq DESC LIMIT ?",
                                   (rows,)).fetchall()  # fmt: skip
        for seq, kind, row in links:
            connection.execute("DELETE FROM chain WHERE seq = ?", (seq,))
            if kind == "seal":
                connection.execute("DELETE FROM meta WHERE key IN ('sealed_ns', ?)", (HASH_KEY,))
                connection.execute("UPDATE session SET closed_ns = NULL")
            else:
                connection.execute(f"DELETE FROM {kind} WHERE id = ?", (row,))
            if kind == "merged":
                connection.execute("DELETE FROM rollup WHERE merged_id = ?", (row,))
        if head:
            connection.execute(
                "UPDATE progress SET (head, digest) = "
                "(SELECT seq, digest FROM chain ORDER BY seq DESC LIMIT 1)"
            )

    return act


@pytest.mark.parametrize("rows", [1, 2, 7, 30])
@pytest.mark.parametrize("original", ["sealed", "unsealed"])
def test_a_cut_end_is_found_by_the_head(request, bench, original, rows):
    file = request.getfixturevalue(original)
    assert "truncated" in {what for what, *_ in named(tampered(file, bench, cut(rows, head=False)))}


@pytest.mark.parametrize("original", ["sealed", "unsealed"])
def test_a_cut_end_with_a_new_head_needs_the_one_that_was_kept_elsewhere(request, bench, original):
    file = request.getfixturevalue(original)
    kept = parse_head(prove(file).head)
    assert prove(file, kept).whole
    assert tampered(file, bench, cut(7, head=True)).whole, "the file alone cannot tell"
    assert {what for what, *_ in named(prove(bench, kept))} == {"truncated"}
    forged = Head(kept.seq, bytes(32))
    assert {what for what, *_ in named(prove(file, forged))} == {"rewritten"}


def test_a_seal_taken_off_is_found(sealed, bench):
    def unseal(connection):
        connection.execute("DELETE FROM meta WHERE key = ?", (HASH_KEY,))

    assert ("unsealed", "meta", 0) in named(tampered(sealed, bench, unseal))


def test_guards_taken_away_are_found(sealed, bench):
    shutil.copy(sealed, bench)
    connection = apsw.Connection(str(bench))
    connection.execute("DROP TRIGGER event_delete")
    connection.close()
    unguarded, changed = prove(bench).findings
    told = "trigger event_delete is not the one that this record was made with"
    assert (unguarded.what, unguarded.text) == ("unguarded", told)
    assert changed.what == "changed", "the seal covers the schema too"


# --- the command --------------------------------------------------------------------------------


def test_the_command_names_what_it_found_and_its_exit_codes(sealed, bench, tmp_path):
    run = CliRunner().invoke
    whole = run(app, ["verify", str(sealed)])
    assert whole.exit_code == 0
    assert "is whole" in whole.output
    assert "sealed" in whole.output
    tampered(sealed, bench, lambda c: c.execute("UPDATE event SET actor = 'eve' WHERE id = 3"))
    changed = run(app, ["verify", str(bench)])
    assert changed.exit_code == 1
    assert "CHANGED: event 3 or its link is not what was written (link" in changed.output
    assert "1970-01-01T00:00:09" in changed.output, "the commit that wrote it"
    told = json.loads(run(app, ["verify", str(bench), "--json"]).output)
    assert told["whole"] is False
    assert [found["kind"] for found in told["findings"]] == ["event", "meta"]
    assert run(app, ["verify", str(tmp_path)]).exit_code == 2
    assert run(app, ["verify", str(sealed), "--head", "no"]).exit_code == 2
    bench.write_bytes(sealed.read_bytes()[: sealed.stat().st_size // 2])
    assert run(app, ["verify", str(bench)]).exit_code == 1


def test_a_head_is_a_number_and_a_digest():
    with pytest.raises(BadQuery, match="NUMBER:SHA256"):
        parse_head("12:abc")


def test_content_of_what_is_not_there_is_none(sealed):
    connection = apsw.Connection(str(sealed), flags=apsw.SQLITE_OPEN_READONLY)
    assert all(content(connection, kind, 10**9) is None for kind in CONTENT)
