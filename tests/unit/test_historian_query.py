"""Asking the record: buckets, meters through speed changes and stops, accounts, files, CLI."""

from __future__ import annotations

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from controller.events import Event
from controller.historian.archive import export_csv, safe_text, utc_text
from controller.historian.catalog import line_tags
from controller.historian.commands import history_app
from controller.historian.errors import BadQuery, NoPosition, UnknownTag, WriteFailed
from controller.historian.ledger import balance
from controller.historian.parquet import export_parquet
from controller.historian.query import Record, _filled
from controller.historian.rollups import aggregate
from controller.historian.timetext import parse_meters, parse_time, run_time
from drivers.base import Quality
from tests.fake_line import pilot
from tests.record_rig import BELT, FAST, POSITION, SCANNER, S, new_store

STATIONS = {"DIE": 0.0, "PEEL": 13.0, "T1": 21.5, "WIND": 44.0}
COLLECT_S = 2400  # the roll begins here


def speed(second: int) -> float:
    """m/s: 2 m/min, a ramp to 3 m/min at 40 min, a stop of 5 min at 60 min, then 3 m/min."""
    if 3600 <= second < 3900:
        return 0.0
    return min(max(2.0, 2.0 + (second - 2400) / 300), 3.0) / 60


CAST = np.cumsum([0.0, *(speed(second) for second in range(1, 6000))])


def meters_at(second: int) -> list[float]:
    """Labels under the stations, and the roll meter: what the scan publishes at 1 Hz."""
    labels = [max(0.0, CAST[second] - at) for at in STATIONS.values()]
    start = CAST[COLLECT_S]
    return [*labels, max(0.0, CAST[second] - start)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of 100 min: the tenter reads the label of the film under it, so truth is known."""
    folder = tmp_path_factory.mktemp("run")
    store = new_store(folder)
    position, fast, belt = (store.attach(block) for block in (POSITION, FAST, BELT))
    for second in range(6000):
        now = second * S
        labels = meters_at(second)
        position.append(labels, 0, now, now)
        for half in (0, S // 2):
            label = np.interp(second + half / S, np.arange(6000), CAST) - STATIONS["T1"]
            fast.append([label, 50.0 + second % 7], 0, now + half, now + half + 1000)
        if second == 1000:
            belt.append_failed(Quality.BAD_TIMEOUT, "no reply", now, now)
        elif not 2000 <= second < 2010:
            belt.append([60 * speed(second)], 0, now, now)
        if second % 30 == 29:
            store.commit(now)
    store.event(Event(30 * S, "gate", "write", "TIC-501.SP", 200.0, 210.0, "=1+1", "anna"))
    store.profile(4000 * S, "GT-601.PV", [25.0, 25.1], positions=[-0.1, 0.1], meters=(40.0, 41.0))
    store.commit(6000 * S)
    yield folder
    store.close(6000 * S)


def test_raw_and_rolled_up_buckets_agree(run):
    with Record(run) as record:
        for count, source in ((600, "raw"), (50, "1 min"), (2, "raw")):
            bounds = (0, 6000 * S) if source != "raw" or count == 600 else (60 * S, 160 * S)
            found = record.buckets("TIC-501.OP", *bounds, count)
            raw = record.raw("TIC-501.OP", *bounds)
            assert found.source == source
            assert found.count.sum() == len(raw.value)
            edges = [*found.start.tolist(), bounds[1]]
            for row in range(count):
                inside = (raw.sent_ns >= edges[row]) & (raw.sent_ns < edges[row + 1])
                assert found.minimum[row] == raw.value[inside].min()
                assert found.maximum[row] == raw.value[inside].max()
                assert found.last[row] == raw.value[inside][-1]
                assert found.mean[row] == pytest.approx(raw.value[inside].mean(), rel=1e-12)
        empty = record.buckets("TIC-501.OP", 10**15, 10**15 + 10 * S, 3)
        assert empty.count.tolist() == [0, 0, 0]
        assert np.isnan(empty.mean).all()
        hours = record.buckets("TIC-501.OP", 0, 7200 * S, 1)
        assert (hours.source, hours.count.tolist()) == ("1 h", [12000])


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 5.0), (10.0, 12.5), (30.0, 55.0), (55.0, 58.0), (60.0, 100.0)]
)
def test_a_tag_by_meter_is_of_the_film_on_those_meters(run, low, high):
    with Record(run) as record:
        found = record.raw_by_meter("TIC-501.PV", low, high)
        # The film on roll meter r has the label that was under the winder r meters after the
        # roll began; the tenter recorded that label as its value.
        truth = found.meter + CAST[COLLECT_S] - STATIONS["WIND"]
        assert np.abs(found.value - truth).max() < 0.02
        assert found.meter.min() - low < 0.06
        assert high - found.meter.max() < 0.06
        assert (np.diff(found.meter) >= 0).all()


def test_while_the_line_stands_all_samples_belong_to_one_meter(run):
    with Record(run) as record:
        position = record.position()
        under = position.label_at("T1", np.array([3700 * S]))
        meter = float(position.meter_of(under)[0])
        found = record.raw_by_meter("TIC-501.PV", meter - 0.01, meter + 0.01)
        assert 600 <= len(found.value) <= 604
        assert found.sent_ns[0] == pytest.approx(3600 * S, abs=2 * S)
        assert found.sent_ns[-1] == pytest.approx(3900 * S, abs=2 * S)
        buckets = record.buckets_by_meter("TIC-501.PV", 0.0, 80.0, 40)
        assert (buckets.count > 0).all()
        assert buckets.count.max() > 600
        assert (buckets.axis, buckets.source) == ("m", "raw")


def test_a_station_between_two_labels_gets_its_share(run):
    with Record(run) as record:
        position = record.position()
        found = position.label_at("B2", np.array([4800 * S]))
        assert found[0] == pytest.approx(CAST[4800] - 6.5, abs=1e-6)
        ends = position.times("B2", 10.0, 11.0)
        label = np.interp(np.array(ends) / S, np.arange(6000), CAST) - 6.5
        expected = np.array([10.0, 11.0]) + CAST[COLLECT_S] - 44.0
        assert np.abs(label - expected).max() < 0.01
        assert len(record.raw_by_meter("SIC-210.ACT", 10.0, 11.0).value) >= 20


def test_questions_without_an_answer_are_refused_in_words(run, tmp_path):
    with Record(run) as record:
        with pytest.raises(UnknownTag, match=r"did you mean TIC-501\.PV"):
            record.raw("TIC-501.VP")
        with pytest.raises(NoPosition, match="no station"):
            record.raw_by_meter("film.ROLL_M", 1.0, 2.0)
        with pytest.raises(BadQuery, match="the roll has"):
            record.raw_by_meter("TIC-501.PV", 5000.0, 5001.0)
        with pytest.raises(BadQuery, match="empty"):
            record.buckets("TIC-501.PV", 5, 5, 10)
        with pytest.raises(BadQuery, match="buckets"):
            record.buckets("TIC-501.PV", 0, 5 * S, 0)
    store = new_store(tmp_path)
    store.attach(FAST).append([1.0, 2.0], 0, 1, 1)
    store.commit(2)
    with Record(tmp_path) as record, pytest.raises(NoPosition, match=r"film\.ROLL_M"):
        record.raw_by_meter("TIC-501.PV", 1.0, 2.0)
    store.abandon()


def test_the_account_names_what_is_missing_and_what_failed(run):
    with Record(run) as record:
        fast, belt = balance(record, "TIC-501.PV"), balance(record, "SIC-210.ACT")
        assert (fast.expected, fast.stored, fast.balanced) == (12000, 12000, True)
        assert (belt.expected, belt.stored, belt.good, belt.bad) == (6000, 5990, 5989, 1)
        assert (belt.undeclared, belt.balanced) == (10, False)
        assert belt.reasons == (("no reply", 1),)
        assert (belt.holes[0].from_ns, belt.holes[0].to_ns) == (1999 * S, 2010 * S)
        later = balance(record, "TIC-501.PV", 0, 6010 * S)
        assert later.undeclared == 20


def test_a_silent_device_is_asked_less_often_and_its_failure_says_so(tmp_path):
    store = new_store(tmp_path)
    belt = store.attach(BELT)
    for second in (0, 1, 2):
        belt.append([2.0], 0, second * S, second * S)
    for second in range(3, 60, 5):  # 3, 8 .. 58: retries, over several commits
        belt.append_failed(Quality.BAD_NO_COMMUNICATION, "no reply", second * S, second * S)
        store.commit(second * S)
    for second in (63, 64, 70):  # it answers again; then five polls nobody explains
        belt.append([2.0], 0, second * S, second * S)
    store.close(70 * S)
    with Record(tmp_path) as record:
        account = balance(record, "SIC-210.ACT")
    assert (account.stored, account.bad) == (18, 12)
    assert account.declared == 12 * 4
    assert account.undeclared == 5
    assert [hole.reason for hole in account.holes] == [*(["no reply"] * 12), ""]


@pytest.mark.parametrize(("silent_s", "undeclared"), [(4, 0), (6, 5)])
def test_the_last_tries_before_a_device_is_given_up_are_declared(tmp_path, silent_s, undeclared):
    store = new_store(tmp_path)
    belt = store.attach(BELT)
    belt.append([2.0], 0, 0, 0)
    gone = silent_s * S
    belt.append_failed(Quality.BAD_NO_COMMUNICATION, "no reply", gone, gone)
    store.close(gone)
    with Record(tmp_path) as record:
        account = balance(record, "SIC-210.ACT")
    assert account.expected == silent_s + 1
    assert account.undeclared == undeclared


def test_csv_opens_with_units_and_reads_back(run, tmp_path):
    with Record(run) as record:
        files = export_csv(record, tmp_path, 990 * S, 4700 * S)
        assert sorted(file.name for file in tmp_path.iterdir()) == [
            "BELT.status.csv", "T1.fast.csv", "events.csv", "film.position.csv",
        ]  # fmt: skip
        assert len(files) == 4
        belt = record.raw("SIC-210.ACT", 990 * S, 4700 * S)
    text = (tmp_path / "BELT.status.csv").read_bytes()
    assert text.startswith(b"sent,sent_ns,received_ns,SIC-210.ACT,SIC-210.ACT quality\r\nUTC,ns")
    header, units, *rows = csv.reader(text.decode().splitlines())
    assert units[3:] == ["m/min", "OPC UA status"]
    assert [int(row[1]) for row in rows] == belt.sent_ns.tolist()
    values = [float(row[3]) if row[3] else float("nan") for row in rows]
    assert np.array_equal(values, belt.value, equal_nan=True)
    assert [row[4] for row in rows if row[3] == ""] == ["BAD_TIMEOUT"]
    assert rows[0][0] == "1970-01-01T00:16:30.000000Z"
    assert len(header) == len(units) == len(rows[0])


def test_text_that_a_spreadsheet_would_run_is_defused(run, tmp_path):
    with Record(run) as record:
        export_csv(record, tmp_path, 0, 60 * S)
    rows = list(csv.reader((tmp_path / "events.csv").read_text().splitlines()))
    assert rows[1][7:] == ["'=1+1", "anna"]
    assert [safe_text(text) for text in ("-1", "@a", "+b", "a=b", "")] == [
        "'-1", "'@a", "'+b", "a=b", "",
    ]  # fmt: skip
    assert utc_text(1_777_876_200_123_456_789) == "2026-05-04T06:30:00.123456Z"


def test_parquet_carries_units_and_reads_back(run, tmp_path):
    with Record(run) as record:
        export_parquet(record, tmp_path, 0, 6000 * S)
        for tag, group in (("TIC-501.PV", "T1.fast"), ("SIC-210.ACT", "BELT.status")):
            table = pq.read_table(tmp_path / f"{group}.parquet")
            raw = record.raw(tag)
            values = table[tag].to_numpy(zero_copy_only=False)
            assert np.array_equal(values, raw.value, equal_nan=True)
            assert np.array_equal(table["sent"].cast("int64").to_numpy(), raw.sent_ns)
            assert np.array_equal(table["received"].cast("int64").to_numpy(), raw.received_ns)
        assert table.schema.field(tag).metadata[b"unit"] == b"m/min"
        assert table.schema.metadata[b"plant"] == b"SIMULATED"
        quality = table[f"{tag}.quality"].to_numpy()
        assert np.array_equal(quality, raw.quality)
        fast = pq.read_table(tmp_path / "T1.fast.parquet")
        assert fast.column_names == ["sent", "received", "TIC-501.PV", "TIC-501.OP"]


def test_an_export_that_fails_leaves_no_file(run, tmp_path):
    (tmp_path / "out").write_text("in the way")
    with Record(run) as record, pytest.raises(WriteFailed, match="cannot be written"):
        export_csv(record, tmp_path / "out", 0, S, ["TIC-501.PV"])
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_times_are_read_as_people_write_them():
    span = (1000 * S, 9000 * S)
    assert parse_time("1h20m", span) == 5800 * S
    assert parse_time("90.5s", span) == 1090 * S + S // 2
    assert parse_time("-10m", span) == 8400 * S
    assert parse_time("1970-01-01T01:00:00", span) == 3600 * S
    assert parse_time("1970-01-01T01:00:00+01:00", span) == 0
    assert parse_meters("20:35.5") == (20.0, 35.5)
    assert run_time(4803 * S + S // 2, 1000 * S) == "1:03:23.5"
    for text in ("", "yesterday", "10x", "-"):
        with pytest.raises(BadQuery):
            parse_time(text, span)
    for text in ("5", "5:4", "a:b", "nan:3"):
        with pytest.raises(BadQuery):
            parse_meters(text)


def ask(*words: object):
    return CliRunner().invoke(history_app, [str(word) for word in words])


def test_the_commands_answer_in_json(run, tmp_path):
    tags = json.loads(ask("tags", run, "--match", "tic", "--json").stdout)
    assert [tag["name"] for tag in tags["tags"]] == ["TIC-501.OP", "TIC-501.PV"]
    assert tags["plant"] == "SIMULATED"
    raw = json.loads(
        ask("query", run, "SIC-210.ACT", "--from", "999s", "--to", "1002s", "--json").stdout
    )
    assert raw[0]["value"] == [2.0, None, 2.0]
    assert raw[0]["quality"][1] == "BAD_TIMEOUT"
    meters = json.loads(
        ask("query", run, "TIC-501.PV", "--meters", "10:20", "--buckets", 5, "--json").stdout
    )
    assert meters[0]["start"] == [10.0, 12.0, 14.0, 16.0, 18.0]
    end = json.loads(
        ask("query", run, "TIC-501.PV", "--from", "-10m", "--buckets", 2, "--json").stdout
    )
    assert sum(end[0]["count"]) == 1201
    events = json.loads(ask("events", run, "--actor", "anna", "--json").stdout)
    assert events[0]["cause"] == "=1+1"
    profiles = json.loads(ask("profiles", run, "--meters", "40.5:50", "--json").stdout)
    assert profiles[0]["value"] == [25.0, 25.1]
    for form in ("csv", "parquet"):
        done = ask(
            "export", run, "--out", tmp_path, "--tag", "TIC-501.PV", "--format", form, "--json"
        )
        assert json.loads(done.stdout) == [str(tmp_path / f"T1.fast.{form}")]
    accounts = json.loads(ask("ledger", run, "SIC-210.ACT", "--json").stdout)
    assert accounts[0]["undeclared"] == 10
    assert json.loads(ask("verify", run, "--json").stdout)["sealed"] is False


def test_the_commands_answer_people(run, tmp_path):
    assert "SIMULATED" in ask("tags", run).stdout
    raw = ask("query", run, "TIC-501.PV", "--limit", 3).stdout
    assert "0:00:01.0" in raw
    assert "11997 more" in raw
    assert "from 1 min" in ask("query", run, "TIC-501.PV", "--buckets", 20).stdout
    assert "roll m" in ask("query", run, "TIC-501.PV", "--meters", "1:2").stdout
    assert "anna" in ask("events", run).stdout
    assert "25.050" in ask("profiles", run).stdout
    assert "no reply (1)" in ask("ledger", run).stdout
    assert "events.csv" in ask("export", run, "--out", tmp_path).stdout
    assert "not sealed" in ask("verify", run).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("query", "RUN", "TIC-501.VP"), "did you mean"),
        (("query", "RUN", "TIC-501.PV", "--meters", "1"), "FROM:TO"),
        (("query", "RUN", "TIC-501.PV", "--meters", "1:2", "--from", "1m"), "not both"),
        (("query", "RUN", "TIC-501.PV", "--from", "soon"), "1h20m"),
        (("query", "RUN", "TIC-501.PV", "--from", "2m", "--to", "1m"), "empty"),
        (("query", "RUN", "TIC-501.PV", "--buckets", "0"), "buckets"),
        (("tags", "nowhere"), "no record here"),
        (("export", "RUN", "--out", "/proc/nowhere"), "cannot be written"),
    ],
)
def test_wrong_questions_end_with_a_message_and_code_2(run, words, message):
    done = ask(*(run if word == "RUN" else word for word in words))
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_scanner_without_rows_yet_is_an_empty_answer(tmp_path):
    store = new_store(tmp_path)
    store.attach(SCANNER)
    store.commit(0)
    with Record(tmp_path) as record:
        assert len(record.raw("GT-601.PV").value) == 0
        with pytest.raises(BadQuery, match="nothing was recorded"):
            record.span()
    assert ask("tags", tmp_path).exit_code == 0
    assert ask("query", tmp_path, "GT-601.PV").exit_code == 2
    store.abandon()


def test_a_mean_lies_between_its_extremes_to_the_last_bit(tmp_path):
    """Eighteen times 2.0001 averaged to one bit more than their maximum."""
    found = _filled(
        line_tags(pilot())["SIC-210.ACT"],
        "ns",
        np.zeros(1, np.int64),
        aggregate(np.zeros(18, np.int64), np.full((18, 1), 2.0000999999999998)),
        "raw",
    )
    assert found.minimum[0] <= found.mean[0] <= found.maximum[0]
