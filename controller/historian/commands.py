"""The commands ``filmline history ...``: ask a record, on the line or after the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from controller.historian import tables
from controller.historian.archive import export_csv
from controller.historian.errors import BadQuery, RecordError
from controller.historian.ledger import balance
from controller.historian.parquet import export_parquet
from controller.historian.query import Record, Samples
from controller.historian.reading import EARLIEST, LATEST
from controller.historian.seal import verify
from controller.historian.timetext import TIME_HELP, parse_meters, parse_time

BAD_INPUT = 2

history_app = typer.Typer(
    help=(
        "Ask the record of a run.\n\n"
        "Tags, samples, events, scanner profiles, rolls, lots, files. "
        "Works on a run that is going on and on a closed one. Give the folder of the run, or its "
        "record.sqlite. A range of meters means meters of the roll: each tag answers for "
        "the time when that film was at the tag's own station."
    ),
    no_args_is_help=True,
)

Run = Annotated[Path, typer.Argument(help="Folder of the run, or its record.sqlite.")]
From = Annotated[str | None, typer.Option("--from", help=TIME_HELP)]
To = Annotated[str | None, typer.Option("--to", help=TIME_HELP)]
Meters = Annotated[str | None, typer.Option(help="Roll meters FROM:TO, such as 20:35.5.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
Limit = Annotated[int, typer.Option(help="Most rows to print; JSON has them all.")]


class Format(StrEnum):
    """Files that ``history export`` writes."""

    CSV = "csv"
    PARQUET = "parquet"


@contextmanager
def answering(run: Path) -> Iterator[Record]:
    """Open the record; what the user got wrong is a message and exit code 2."""
    try:
        with Record(run) as record:
            yield record
    except RecordError as error:
        _errors().print(str(error))
        raise typer.Exit(BAD_INPUT) from error


def _errors() -> Console:
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def time_range(record: Record, start: str | None, end: str | None) -> tuple[int, int]:
    """The asked range of time; the whole record where nothing is asked."""
    first, last = record.span()
    from_ns = parse_time(start, (first, last)) if start else first
    to_ns = parse_time(end, (first, last)) if end else last + 1
    if not from_ns < to_ns:
        raise BadQuery(f"the range from {start or 'the start'} to {end or 'the end'} is empty")
    return from_ns, to_ns


@history_app.command("tags")
def list_tags(
    run: Run,
    match: Annotated[str, typer.Option(help="Only tags whose name contains this.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the tags of the record.

    Unit, range, station, scan group and period of each.
    """
    with answering(run) as record:
        found = [tag for tag in record.tags() if match.lower() in tag.name.lower()]
        tables.show_tags(record.info(), found, as_json=as_json)


@history_app.command("query")
def query(
    run: Run,
    tags: Annotated[list[str], typer.Argument(help="Tags, such as TIC-501.PV.")],
    start: From = None,
    end: To = None,
    meters: Meters = None,
    buckets: Annotated[
        int | None, typer.Option(help="Condense into so many buckets: min, max, mean.")
    ] = None,
    limit: Limit = 40,
    as_json: AsJson = False,
) -> None:
    """Print samples of tags, by time or by roll meter.

    Raw, or as buckets with least, greatest and mean.
    """
    with answering(run) as record:
        if meters and (start or end):
            raise BadQuery("ask by time (--from, --to) or by meter (--meters), not both")
        if buckets is None:
            found = _raw(record, tags, start, end, meters)
            tables.show_samples(record.span()[0], found, limit, as_json=as_json)
        elif meters:
            low, high = parse_meters(meters)
            position = record.position()
            condensed = [record.buckets_by_meter(tag, low, high, buckets, position) for tag in tags]
            tables.show_buckets(record.span()[0], condensed, as_json=as_json)
        else:
            bounds = time_range(record, start, end)
            condensed = [record.buckets(tag, *bounds, buckets) for tag in tags]
            tables.show_buckets(record.span()[0], condensed, as_json=as_json)


def _raw(
    record: Record, tags: list[str], start: str | None, end: str | None, meters: str | None
) -> list[Samples]:
    if meters:
        low, high = parse_meters(meters)
        position = record.position()
        return [record.raw_by_meter(tag, low, high, position) for tag in tags]
    bounds = time_range(record, start, end)
    return [record.raw(tag, *bounds) for tag in tags]


@history_app.command("events")
def events(
    run: Run,
    start: From = None,
    end: To = None,
    source: Annotated[str | None, typer.Option(help="Part that spoke: gate, alarm...")] = None,
    verb: Annotated[str | None, typer.Option(help="What happened: write, trip...")] = None,
    tag: Annotated[str | None, typer.Option(help="Tag, trip or phase concerned.")] = None,
    actor: Annotated[str | None, typer.Option(help="Person behind it.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Print what happened.

    When, who, which tag, from what to what, and why.
    """
    with answering(run) as record:
        opened = int(record.info()["opened_ns"])
        asked = bool(start or end)
        low, high = time_range(record, start, end) if asked else (EARLIEST, LATEST)
        found = record.events(low, high, source=source, verb=verb, tag=tag, actor=actor)
        tables.show_events(opened, found, limit, as_json=as_json)


@history_app.command("profiles")
def profiles(
    run: Run,
    start: From = None,
    end: To = None,
    meters: Meters = None,
    scanner: Annotated[str | None, typer.Option(help="Gauge, such as GT-601.PV.")] = None,
    limit: Limit = 40,
    as_json: AsJson = False,
) -> None:
    """List scanner profiles by roll meter.

    Mean and spread of each; JSON has every point.
    """
    with answering(run) as record:
        if meters:
            found = record.profiles_by_meter(*parse_meters(meters), scanner=scanner)
        else:
            found = record.profiles(*time_range(record, start, end), scanner=scanner)
        tables.show_profiles(record.span()[0], found, limit, as_json=as_json)


@history_app.command("export")
def export(
    run: Run,
    out: Annotated[Path, typer.Option(help="Folder for the files; made when missing.")],
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Only this tag; may be repeated.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Kind of file.")] = Format.CSV,
    start: From = None,
    end: To = None,
    as_json: AsJson = False,
) -> None:
    """Write files that other tools open.

    One per scan group, with units and qualities.
    """
    write = export_csv if form is Format.CSV else export_parquet
    with answering(run) as record:
        bounds = time_range(record, start, end)
        with _errors().status("exporting") as status:
            files = write(record, out, *bounds, tags or (), status.update)
        tables.show_files(files, as_json=as_json)


@history_app.command("ledger")
def ledger(
    run: Run,
    tags: Annotated[list[str] | None, typer.Argument(help="Tags; all when none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Account for every sample.

    Expected, stored, failed, and missing with or without a reason.
    """
    with answering(run) as record:
        names = tags or [tag.name for tag in record.tags()]
        tables.show_balances([balance(record, name) for name in names], as_json=as_json)


@history_app.command("verify")
def check_seal(run: Run, as_json: AsJson = False) -> None:
    """Check the seal of the record.

    Computes the content hash anew; exit code 2 unless the record is sealed and unchanged.
    """
    with answering(run):
        verdict = verify(run)
        tables.show_verdict(verdict, as_json=as_json)
        if not verdict.intact:
            raise typer.Exit(BAD_INPUT)
