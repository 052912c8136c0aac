"""InfluxDB and VictoriaMetrics, real ones: every value arrives once, whatever becomes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.historian.ledger import balance
from controller.historian.query import Record
from tests.system.mirror_rig import (
    EPOCH,
    Pen,
    cursor,
    fits,
    good,
    handed_over,
    mirror,
    rewritten,
    tags_of,
)
from tests.system.processes import FILMLINE, environment, filmline, run
from tests.system.servers import Influx, V2Shim, Victoria, free_port, until

pytestmark = pytest.mark.timeout(300)
HOUR_S = 3600


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Influx]:
    server = Influx(tmp_path / "influxd")
    yield server
    server.kill()


@pytest.fixture
def shim(influxd: Influx) -> Iterator[V2Shim]:
    made = V2Shim(influxd)
    yield made
    made.close()


def holds_all(server: Influx, folder: Path) -> None:
    """Each field has as many points as the record has samples, good under their own name."""
    for tag, (group, values, quality, _) in tags_of(folder).items():
        counts = server.counts(group)
        assert counts.get(tag, 0) == good(values, quality), tag
        assert counts.get(f"q_{tag}", 0) == len(values) - good(values, quality), tag


def test_an_outage_of_an_hour_is_caught_up(tmp_path: Path, influxd: Influx, shim: V2Shim) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(300)
    with mirror(tmp_path / "said", "influx", folder, "--url", shim.url) as running:
        until(lambda: handed_over(folder, "influx") > 4000, "the first rows")
        influxd.kill()
        pen.write(HOUR_S)
        running.says("the engine is away")
        with Record(folder) as record:
            for tag in record.tags():
                assert balance(record, tag.name).balanced, tag.name
        influxd.start()
        running.says("the server is back")
        pen.write(60)
        pen.close()
        assert running.ends() == 0, running.said
        assert "nothing left behind" in running.said
    holds_all(influxd, folder)
    _, values, quality, sent = tags_of(folder)["GT-601.PV"]
    (series,) = influxd.query('SELECT "GT-601.PV" FROM "SCANNER.stream"')
    arrived = dict(series["values"])
    kept = zip(sent, values, quality, strict=True)
    assert arrived == {ns // 1000: value for ns, value, code in kept if code == 0}


def test_events_arrive_each_once(tmp_path: Path, influxd: Influx, shim: V2Shim) -> None:
    pen = Pen(tmp_path / "lot")
    pen.write(130)
    pen.close()
    ended = filmline("mirror", "influx", tmp_path / "lot", "--url", shim.url)
    assert ended.code == 0, ended.said
    (series,) = influxd.query("SELECT cause, actor, id, plant FROM event WHERE source = 'alarm'")
    assert [row[1:] for row in series["values"]] == [
        ['a "quoted", long\\ cause', "eva", 1, "SIMULATED"],
        ["line break = two", "eva", 2, "SIMULATED"],
        ['a "quoted", long\\ cause', "eva", 3, "SIMULATED"],
        ["line break = two", "eva", 4, "SIMULATED"],
    ]
    assert series["values"][0][0] == EPOCH // 1000 + 60_000_000


def test_heads_of_the_chain_show_a_record_that_was_written_anew(
    tmp_path: Path, influxd: Influx, shim: V2Shim
) -> None:
    folder = tmp_path / "lot"
    command = ("influx", folder, "--url", shim.url)
    pen = Pen(folder)
    pen.write(130)
    assert filmline("mirror", *command, "--once").code == 0
    pen.write(60)
    pen.close()
    assert filmline("mirror", *command).code == 0
    other = rewritten(tmp_path / "other", 190)
    (series,) = influxd.query("SELECT seq, digest, plant FROM chain")
    heads = [f"{seq}:{digest}" for _, seq, digest, _ in series["values"]]
    assert [row[0] for row in series["values"]] == [
        (EPOCH + second * 1_000_000_000) // 1000 for second in (120, 190)
    ]
    assert {row[3] for row in series["values"]} == {"SIMULATED"}
    assert all(fits(folder, head) for head in heads)
    assert not any(fits(other, head) for head in heads)


def test_film_stands_with_the_points_of_one_station(
    tmp_path: Path, influxd: Influx, shim: V2Shim
) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(700)
    pen.close()
    assert filmline("mirror", "influx", folder, "--url", shim.url).code == 0
    (series,) = influxd.query('SELECT film_s, film_m, station FROM "T1.fast" WHERE film_m > 0')
    with Record(folder) as record:
        seen = record.raw_by_meter("TIC-501.PV", 25.0, 45.0)
        label = record.position().label_at("T1", seen.sent_ns)
    arrived = {row[0]: row[1:] for row in series["values"]}
    assert len(seen.sent_ns) > 350
    for ns, at, meter in zip(seen.sent_ns.tolist(), label, seen.meter, strict=True):
        film_s, film_m, station = arrived[ns // 1000]
        assert station == "T1"
        assert film_s == pytest.approx(at, abs=0.002)
        assert film_m == pytest.approx(meter, abs=0.05)


def test_a_killed_mirror_goes_on_where_the_server_said_yes(
    tmp_path: Path, influxd: Influx, shim: V2Shim
) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(HOUR_S)
    command = ("influx", folder, "--url", shim.url)
    with mirror(tmp_path / "first", *command) as running:
        until(lambda: handed_over(folder, "influx") > 5000, "some rows")
        running.process.kill()
        running.process.wait()
    came = handed_over(folder, "influx")
    assert came < 13 * HOUR_S, "killed in the middle"
    pen.close()
    ended = filmline("mirror", *command)
    assert ended.code == 0, ended.said
    total = sum(cursor(folder, "influx")["rows"].values())
    assert f"{total - came} rows" in ended.said, ended.said
    holds_all(influxd, folder)


def test_what_a_server_never_takes_is_kept_with_its_reason(
    tmp_path: Path, influxd: Influx, shim: V2Shim
) -> None:
    """The server already has a field of another type: those points only are set aside."""
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(30)
    pen.close()
    stamp = (EPOCH + 1_234) // 1000
    point = f'BELT.status,line=pilot SIC-210.ACT="text" {stamp}'
    code, said = shim.write("/api/v2/write?bucket=filmline&precision=us", "", point.encode())
    assert code == 204, said
    ended = filmline("mirror", "influx", folder, "--url", shim.url)
    assert ended.code == 0, ended.said
    (kept,) = folder.glob("mirror-influx-*.refused")
    refused = [json.loads(line) for line in kept.read_text().splitlines()]
    assert {one["line"].partition(",")[0] for one in refused} == {"BELT.status"}
    assert "field type conflict" in refused[0]["reason"]
    _, values, quality, _ = tags_of(folder)["TIC-501.PV"]
    assert influxd.counts("T1.fast")["TIC-501.PV"] == good(values, quality)
    assert f"{len(refused)} refused" in ended.said


def test_a_server_that_is_busy_is_asked_again(
    tmp_path: Path, influxd: Influx, shim: V2Shim
) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(60)
    pen.close()
    shim.answers += [503, 429]
    ended = filmline("mirror", "influx", folder, "--url", shim.url)
    assert ended.code == 0, ended.said
    assert "503 as the test wants; trying again" in ended.said
    holds_all(influxd, folder)


def test_a_wrong_token_or_database_is_one_message(tmp_path: Path, influxd: Influx) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(10)
    pen.close()
    (tmp_path / "token").write_text("right\n")
    guarded = V2Shim(influxd, (tmp_path / "token").read_text().strip())
    command = [*FILMLINE, "mirror", "influx", folder, "--url", guarded.url]
    wrong = run(command, env=environment() | {"FILMLINE_INFLUX_TOKEN": "wrong"})
    assert (wrong.code, "is the token right" in wrong.err) == (2, True), wrong.said
    with_file = [*command, "--token-file", tmp_path / "token"]
    nowhere = run([*with_file, "--bucket", "nobody"])
    assert (nowhere.code, "database not found" in nowhere.err) == (2, True), nowhere.said
    right = run(with_file)
    guarded.close()
    assert right.code == 0, right.said
    for ended in (wrong, nowhere, right):
        assert "Traceback" not in ended.said
        assert "right\n" not in ended.said
    holds_all(influxd, folder)


def test_a_dead_server_is_said_and_ctrl_c_keeps_the_cursor(tmp_path: Path) -> None:
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(10)
    url = f"http://127.0.0.1:{free_port()}"
    with mirror(tmp_path / "said", "influx", folder, "--url", url) as running:
        running.says("does not answer .*; trying again")
        second = filmline("mirror", "influx", folder, "--url", url)
        assert "this mirror is running already" in second.is_one_clear_message()
        assert running.stop() == 0
        assert "stopped; the next start goes on from" in running.said
        assert "behind by" in running.said
    assert not any(cursor(folder, "influx")["rows"].values())
    pen.close()


def test_victoria_metrics_killed_in_the_middle_holds_all(tmp_path: Path) -> None:
    server = Victoria(tmp_path / "victoria")
    folder = tmp_path / "lot"
    pen = Pen(folder)
    pen.write(300)
    try:
        with mirror(tmp_path / "said", "influx", folder, "--url", server.url) as running:
            until(lambda: handed_over(folder, "influx") > 3500, "the first rows")
            server.series('{__name__="nothing"}')  # what it took is on its disk
            server.kill()
            pen.write(HOUR_S)
            running.says("does not answer")
            server.start()
            pen.close()
            assert running.ends() == 0, running.said
        arrived = server.series('{plant="SIMULATED"}')
    finally:
        server.kill()
    for tag, (group, values, quality, _) in tags_of(folder).items():
        assert len(arrived[f"{group}_{tag}"]) == good(values, quality), tag
        bad = len(values) - good(values, quality)
        assert len(arrived.get(f"{group}_q_{tag}", {})) == bad, tag
