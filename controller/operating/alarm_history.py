"""``filmline alarms history``: what alarms did in a run, from its record."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from controller.alarm_figures import AlarmFigures
from controller.events import Event
from controller.historian.archive import safe_text, utc_text
from controller.historian.commands import From, Limit, Run, To, answering, time_range
from controller.historian.tables import show_events
from controller.operating.talk import BAD_INPUT, AsJson, fail, print_json, say

_PRIORITY = re.compile(r"; (\w+)(?: \(first out\))?$")


def history(
    run: Run,
    start: From = None,
    end: To = None,
    tag: Annotated[str, typer.Option(help="Only alarms whose name contains this.")] = "",
    priority: Annotated[str, typer.Option(help="Only critical, high, medium or low.")] = "",
    limit: Limit = 100,
    figures: Annotated[bool, typer.Option(help="Print the figures instead of the rows.")] = False,
    out: Annotated[Path | None, typer.Option("--csv", help="Write all rows to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what alarms did in a run.

    Search by name, priority and time; export; figures.
    """
    with answering(run) as record:
        opened, (low, high) = int(record.info()["opened_ns"]), time_range(record, start, end)
        every = record.events(low, high, source="alarm")
    priorities = _priorities(every)
    if priority and priority not in {"critical", "high", "medium", "low"}:
        fail(f"--priority {priority}: critical, high, medium or low", BAD_INPUT)
    found = [event for event in every if tag.upper() in event.tag.upper()
             and priority in ("", priorities.get(event.tag))]  # fmt: skip
    if out is not None:
        _write_csv(out, found, priorities)
        say(f"{len(found)} rows in {out}")
    elif figures:
        counted = AlarmFigures(priorities)
        counted.begin(low)
        counted.hear(found)
        print_json(counted.figures(high).as_data())
    else:
        show_events(opened, found, limit, as_json=as_json)


def _priorities(events: list[Event]) -> dict[str, str]:
    """Priority of each alarm, as it was told when it rose."""
    found = ((e.tag, _PRIORITY.search(e.cause)) for e in events if e.verb == "alarm")
    return {name: match.group(1) for name, match in found if match is not None}


def _write_csv(path: Path, events: list[Event], priorities: dict[str, str]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("utc", "alarm", "priority", "what", "old", "new", "cause", "actor"))
            for event in events:
                words = (event.verb, str(event.old), str(event.new), event.cause, event.actor)
                rows.writerow((utc_text(event.ns), event.tag, priorities.get(event.tag, ""),
                               *map(safe_text, words)))  # fmt: skip
    except OSError as error:
        sys.stderr.write(f"{path}: {error.strerror}\n")
        raise typer.Exit(BAD_INPUT) from error
