"""The Grafana dashboard: its file is current, and every query finds rows of a mirrored run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.historian.catalog import TagInfo
from controller.historian.query import Record
from tests.system.conftest import Going
from tests.system.mirror_rig import handed_over, mirror
from tests.system.processes import ROOT, WHOLE_RUN_S, WholeRun, run
from tests.system.servers import Influx, V2Shim, until

pytestmark = pytest.mark.timeout(WHOLE_RUN_S + 600)

FILE = ROOT / "deploy" / "grafana" / "line-overview.json"
HOUR_S = 3600.0
PAGE: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
PANELS = [panel for panel in PAGE["panels"] if panel["type"] != "row"]
QUERIES = [
    pytest.param(panel, target, id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]


def test_the_file_is_what_its_program_writes() -> None:
    ended = run([sys.executable, ROOT / "tools" / "grafana_dashboard.py", "--print"])
    assert ended.code == 0, ended.said
    assert ended.out == FILE.read_text("utf-8"), "run tools/grafana_dashboard.py"


def test_panels_and_queries_have_names_of_their_own() -> None:
    numbers = [panel["id"] for panel in PAGE["panels"]]
    assert len(numbers) == len(set(numbers))
    assert PAGE["uid"] == "filmline-line-overview"
    for panel in PANELS:
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters)), panel["title"]
        assert panel["options"] is not None if "options" in panel else True


def test_everything_asks_the_data_source_that_the_reader_chose() -> None:
    kinds = {one["name"]: one["type"] for one in PAGE["templating"]["list"]}
    assert kinds == {"source": "datasource", "lot": "query"}
    chosen = {"type": "influxdb", "uid": "${source}"}
    asking = [*PANELS, *(target for panel in PANELS for target in panel["targets"])]
    assert [one["datasource"] for one in asking] == [chosen] * len(asking)


def test_it_shows_thickness_and_temperature_by_time_and_by_meter() -> None:
    titles = {panel["title"]: panel["type"] for panel in PANELS}
    for what in ("Thickness", "Tenter temperatures"):
        assert titles[what] == "timeseries"
        assert titles[f"{what} by meter"] == "xychart"


def recorded_s(folder: Path) -> float:
    """Line time of the last commit."""
    with Record(folder) as record:
        return float(record.query("SELECT ns FROM progress")[0][0]) / 1e9


@pytest.fixture(scope="module")
def mirrored(
    going: Going | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Influx, Path]]:
    """A whole production run in a real server that was dead for an hour of line time meanwhile."""
    assert going is not None
    folder, home = going.folder, tmp_path_factory.mktemp("whole")
    server = Influx(home / "influxd")
    shim = V2Shim(server)
    try:
        until((folder / "record.sqlite").exists, "the run", 120.0)
        with mirror(home / "said", "influx", folder, "--url", shim.url) as running:
            until(lambda: handed_over(folder, "influx") > 20_000, "the first rows", 120.0)
            server.kill()
            begun_s = recorded_s(folder)
            running.says("the engine is away")
            until(
                lambda: recorded_s(folder) > begun_s + HOUR_S or going.process.poll() is not None,
                "an hour of line time",
                WHOLE_RUN_S,
            )
            server.start()
            running.says("the server is back")
            assert running.ends(WHOLE_RUN_S) == 0, running.said
            assert "nothing left behind" in running.said
            assert "refused for ever" not in running.said
        yield server, folder
    finally:
        shim.close()
        server.kill()


def asked(text: str, folder: Path) -> str:
    """A panel's query as Grafana would send it, over the whole lot."""
    with Record(folder) as record:
        first, last = record.span()
        lot = re.escape(record.info()["lot"])
    start, end = (
        datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for ns in (first, last + 1_000_000_000)
    )
    return (
        text.replace("$timeFilter", f"time >= '{start}' AND time <= '{end}'")
        .replace("$__interval", "10s")
        .replace("$lot", lot)
    )


@pytest.mark.parametrize(("panel", "target"), QUERIES)
def test_every_query_finds_rows(
    mirrored: tuple[Influx, Path], panel: dict[str, Any], target: dict[str, Any]
) -> None:
    server, folder = mirrored
    series = server.query(asked(target["query"], folder))
    assert series, f"{panel['title']}: {target['query']}"
    full = [row for row in series[0]["values"] if None not in row]
    assert full, f"{panel['title']}: {target['query']}"
    if panel["type"] == "xychart":
        meters = [row[1] for row in full]
        assert max(meters) - min(meters) > 90.0, "from one end of the roll to the other"


def test_the_lot_can_be_chosen(mirrored: tuple[Influx, Path]) -> None:
    server, folder = mirrored
    (lot,) = (one for one in PAGE["templating"]["list"] if one["name"] == "lot")
    (series,) = server.query(lot["query"])
    with Record(folder) as record:
        assert [row[1] for row in series["values"]] == [record.info()["lot"]]


def group_of(tag: TagInfo) -> str:
    return tag.group


def test_a_whole_run_is_there_to_the_last_value(
    mirrored: tuple[Influx, Path], whole_run: WholeRun
) -> None:
    """The mirror ran beside the run, and its server was away for an hour of it."""
    server, folder = mirrored
    assert whole_run.facts["state"] == "COMPLETE"
    with Record(folder) as record:
        for group, tags in groupby(sorted(record.tags(), key=group_of), key=group_of):
            found = server.counts(group)
            for tag in tags:
                samples = record.raw(tag.name)
                good = int(np.isfinite(samples.good()).sum())
                assert found.get(tag.name, 0) == good, tag
                assert found.get(f"q_{tag.name}", 0) == len(samples.value) - good, tag
