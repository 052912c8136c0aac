"""Write the Grafana dashboard of the line: deploy/grafana/line-overview.json, as code.

    .venv/bin/python tools/grafana_dashboard.py           write the file
    .venv/bin/python tools/grafana_dashboard.py --print   print it instead

Data source: InfluxDB in its InfluxQL mode (1.8 and 2 alike), filled by `filmline mirror influx`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, statetimeline, table, timeseries, xychart
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.xychart import SeriesMapping, XYShowMode

from controller.procedure.states import State

OUT = Path(__file__).resolve().parent.parent / "deploy" / "grafana" / "line-overview.json"
SOURCE = models.DataSourceRef("influxdb", "${source}")
LOT = '"lot" =~ /^$lot$/ AND $timeFilter'
SCANNER = "\"scanner\" = 'GT-601.PV' AND "  # the gel gauge traverses too
CAST = "meters cast (film_s): the same film has the same meter in every zone and gauge"
BELT = tuple(f"B{number}" for number in range(1, 5))
TENTER = tuple(f"T{number}" for number in range(1, 9))
Panel = timeseries.Panel | xychart.Panel | statetimeline.Panel | table.Panel


@dataclass
class Query(Dataquery, Builder[Dataquery]):
    """One InfluxQL query of a panel."""

    text: str
    alias: str = ""
    ref: str = ""
    form: str = "time_series"

    def build(self) -> Query:
        """Return itself: there is nothing to build."""
        return self

    def to_json(self) -> dict[str, object]:
        """As the InfluxDB data source keeps it."""
        return {
            "refId": self.ref,
            "datasource": SOURCE,
            "rawQuery": True,
            "query": self.text,
            "resultFormat": self.form,
            "alias": self.alias,
        }


def mean(group: str, field: str, alias: str, only: str = "") -> Query:
    """A field over time."""
    text = (
        f'SELECT mean("{field}") FROM "{group}" WHERE {only}{LOT} '
        "GROUP BY time($__interval) fill(null)"
    )
    return Query(text, alias)


def by_meter(group: str, field: str, name: str, meter: str, only: str = "") -> Query:
    """A field over meters: both as columns, the meter first."""
    text = (
        f'SELECT mean("{meter}") AS "m", mean("{field}") AS "{name}" FROM "{group}" '
        f'WHERE {only}{LOT} AND "{meter}" > 0 GROUP BY time($__interval) fill(none)'
    )
    return Query(text, name, form="table")


def ask(panel: Panel, queries: list[Query]) -> None:
    """Give each query its letter, and the panel its data source."""
    panel.datasource(SOURCE)
    for place, query in enumerate(queries):
        query.ref = chr(ord("A") + place)
        panel.with_target(query)


def over_time(title: str, unit: str, queries: list[Query], width: int = 12) -> timeseries.Panel:
    """Lines over time; a gap is drawn as a gap."""
    panel = timeseries.Panel().title(title).unit(f"suffix: {unit}").span(width).height(8)
    ask(panel.line_width(1).fill_opacity(0).span_nulls(False), queries)
    return panel


def over_meters(title: str, unit: str, axis: str, queries: list[Query]) -> xychart.Panel:
    """Points over meters of film."""
    panel = xychart.Panel().title(title).unit(f"suffix: {unit}").span(8).height(9)
    panel.mapping(SeriesMapping.AUTO).show(XYShowMode.POINTS)
    ask(panel.description(f"x: {axis}"), queries)
    return panel


def states() -> statetimeline.Panel:
    """The procedure's state by name."""
    results = {str(int(one)): models.ValueMappingResult(text=one.name) for one in State}
    panel = statetimeline.Panel().title("Procedure").span(24).height(5)
    text = (
        f'SELECT last("PROC.STATE") FROM "procedure" WHERE {LOT} '
        "GROUP BY time($__interval) fill(previous)"
    )
    ask(panel.mappings([models.ValueMap(results)]), [Query(text, "state")])
    return panel


def events(title: str, which: str) -> table.Panel:
    """Newest events first."""
    panel = table.Panel().title(title).span(12).height(9)
    text = (
        'SELECT "verb", "tag", "old", "new", "cause", "actor" FROM "event" '
        f"WHERE {which} AND {LOT} ORDER BY time DESC LIMIT 200"
    )
    ask(panel, [Query(text, form="table")])
    return panel


def not_good() -> timeseries.Panel:
    """How many samples were not good: a mirror must not hide it."""
    groups = [("SCANNER.stream", "GT-601.PV"), ("T6.fast", "TIC-506.PV"), ("T1.fast", "TIC-501.PV")]
    found = [
        Query(
            f'SELECT count("q_{tag}") FROM "{group}" WHERE {LOT} '
            "GROUP BY time($__interval) fill(none)",
            tag,
        )
        for group, tag in groups
    ]
    return over_time("Samples that were not GOOD", "per interval", found)


def panels() -> list[Panel | dashboard.Row]:
    """Everything on the page, from top to bottom."""
    belt = [mean(f"{zone}.process", f"TIC-20{zone[1]}.PV", zone) for zone in BELT]
    tenter = [mean(f"{zone}.fast", f"TIC-50{zone[1]}.PV", zone) for zone in TENTER]
    along = [by_meter(f"{zone}.fast", f"TIC-50{zone[1]}.PV", zone, "film_s") for zone in TENTER]
    film = [
        mean(f"OPTRIS{place}.target", f"{tag}.PV", f"film, {where}")
        for place, (tag, where) in enumerate(
            (("TT-411", "CD"), ("TT-522", "T2"), ("TT-525", "T5"), ("TT-528", "T8")), 1
        )
    ]
    thickness = [
        mean("SCANNER.stream", "GT-601.PV", "thickness under the scanner"),
        mean("profile", "mean", "mean of a traverse", SCANNER),
    ]
    rolled = [
        by_meter("SCANNER.stream", "GT-601.PV", "thickness", "film_m"),
        by_meter("profile", "mean", "mean of a traverse", "to_m", SCANNER),
    ]
    cast = [by_meter("SCANNER.stream", "GT-601.PV", "thickness", "film_s")]
    speeds = [
        mean("BELT.drive", "SIC-210.ACT", "belt"),
        mean("RAILS.drive", "SIC-510.ACT", "rails"),
        mean("WINDER.drive", "SIC-701.ACT", "winder"),
    ]
    tensions = [
        mean("IO-A.inputs", f"NT-{number}.PV", where)
        for number, where in (("231", "peel"), ("311", "coater"), ("601", "cured"), ("701", "roll"))
    ]
    solvent = [
        mean("IO-A.inputs", f"AT-{number}.PV", zone)
        for number, zone in zip(
            ("201", "202", "203", "401", "501", "502"),
            ("B1", "B2", "B3", "CD", "T1", "T2"),
            strict=True,
        )
    ]
    meters = [mean("film.position", "film.ROLL_M", "roll")]
    return [
        states(),
        dashboard.Row("Film by time"),
        over_time("Thickness", "µm", thickness),
        over_time("Tenter temperatures", "°C", tenter),
        over_time("Belt temperatures", "°C", belt),
        over_time("Film temperatures", "°C", film),
        dashboard.Row("Film by meter"),
        over_meters("Thickness by roll meter", "µm", "meters of the roll (film_m)", rolled),
        over_meters("Thickness by meter", "µm", CAST, cast),
        over_meters("Tenter temperatures by meter", "°C", CAST, along),
        dashboard.Row("Line"),
        over_time("Speeds", "m/min", speeds, 8),
        over_time("Web tension", "N/m", tensions, 8),
        over_time("Roll", "m", meters, 8),
        over_time("Solvent vapor", "% LFL", solvent),
        not_good(),
        dashboard.Row("Events"),
        events("Alarms and interlocks", "(source = 'alarm' OR source = 'interlock')"),
        events("Procedure", "source = 'procedure'"),
    ]


def page() -> dashboard.Dashboard:
    """The dashboard."""
    lots = (
        dashboard.QueryVariable("lot")
        .label("Lot")
        .datasource(SOURCE)
        .query('SHOW TAG VALUES FROM "procedure" WITH KEY = "lot"')
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_DESC)
    )
    made = (
        dashboard.Dashboard("filmline: line overview")
        .uid("filmline-line-overview")
        .tags(["filmline"])
        .description("A lot by time and by meter. Made by tools/grafana_dashboard.py: edit there.")
        .timezone("utc")
        .time("now-6h", "now")
        .refresh("10s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("source").label("Data source").type("influxdb"))
        .with_variable(lots)
    )
    for place, panel in enumerate(panels(), 1):
        panel.id(place)
        if isinstance(panel, dashboard.Row):
            made.with_row(panel)
        else:
            made.with_panel(panel)
    return made


def text() -> str:
    """The file's text."""
    plain = json.loads(json.dumps(page().build(), cls=JSONEncoder))
    return json.dumps(plain, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """Write or print the file."""
    if "--print" in arguments:
        print(text(), end="")
        return 0
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(text(), "utf-8")
    print(OUT)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
