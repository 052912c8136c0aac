"""The commands of the alarms: the list, the horn, the shelf, out of service, their history."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from controller.alarm_figures import AlarmFigures
from controller.events import Event
from controller.historian.archive import safe_text, utc_text
from controller.historian.commands import From, Limit, Run, To, answering, time_range
from controller.historian.tables import show_events
from controller.operating.talk import (
    BAD_INPUT,
    AsJson,
    Reason,
    Socket,
    client_of,
    completed,
    fail,
    print_json,
    say,
)

alarms_app = typer.Typer(
    help="Show the alarms now; of a run: alarms history LOT.", invoke_without_command=True
)
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)(m|min|h)$")
_PRIORITY = re.compile(r"; (\w+)(?: \(first out\))?$")

Name = Annotated[str, typer.Argument(help="Alarm such as PIT-110.PV/HH, or a tag with one alarm.")]


@alarms_app.callback()
def alarms(
    context: typer.Context,
    socket: Socket = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Every alarm, with those that are hidden.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the alarms now, grouped to ten lines at most, the first one first."""
    if context.invoked_subcommand is not None:
        return
    with client_of(socket) as client:
        data = completed(client.ask("alarms")).data
    if as_json:
        print_json(data)
        return
    say(*(_every(data) if show_all else _by_group(data)))
    figures = data["figures"]
    say(f"{figures['per_10_min']} in 10 min, {figures['per_hour']} in the hour; "
         f"{figures['chattering']} chatter, {figures['stale']} stale; "
         f"{len(data['hidden'])} hidden; horn {'ON' if data['horn'] else 'quiet'}")  # fmt: skip


@alarms_app.command("history")
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


def silence(socket: Socket = None) -> None:
    """Silence the horn; the beacon and the alarms stay."""
    _ask(socket, "silence", {})


def shelve(
    name: Name,
    time: Annotated[str, typer.Option("--for", help="How long: 30m, 2h.")],
    reason: Reason = "",
    socket: Socket = None,
) -> None:
    """Hide an alarm for a time; it comes back by itself."""
    _ask(socket, "shelve", {"name": name, "minutes": _minutes(time), "reason": reason})


def unshelve(name: Name, socket: Socket = None) -> None:
    """Bring a shelved alarm back before its time."""
    _ask(socket, "unshelve", {"name": name})


def out_of_service(
    name: Name,
    reason: Reason = "",
    back: Annotated[bool, typer.Option("--back", help="Put it in service again.")] = False,
    socket: Socket = None,
) -> None:
    """Take an alarm out of service until it is put back."""
    _ask(socket, "out-of-service", {"name": name, "reason": reason, "back": back})


def add_alarm_commands(app: typer.Typer) -> None:
    """Mount the commands of the alarms."""
    app.add_typer(alarms_app, name="alarms")
    for verb in (silence, shelve, unshelve):
        app.command(verb.__name__)(verb)
    app.command("out-of-service")(out_of_service)


# --- inside ----------------------------------------------------------------------------------


def _ask(socket: Path | None, verb: str, args: dict[str, Any]) -> None:
    with client_of(socket) as client:
        say(*completed(client.ask(verb, **args)).lines)


def _minutes(written: str) -> float:
    found = _SPAN.match(written.strip())
    if found is None:
        fail(f"--for {written!r}: write 30m or 2h", BAD_INPUT)
    return float(found.group(1)) * (60.0 if found.group(2) == "h" else 1.0)


def _by_group(data: dict[str, Any]) -> list[str]:
    if not data["groups"]:
        return ["no alarm"]
    responses = {row["name"]: row["response"] for row in data["alarms"]}
    lines = []
    for group in data["groups"]:
        first = " FIRST OUT" if group["first"] == data["first_out"] else ""
        count = f" {group['count']} alarms, {group['unseen']} new, first"
        many = count if group["count"] > 1 else ""
        told = f"{group['priority'].upper()}{first}  {group['name']}{many}"
        told += f" {group['first']}" if many else ""
        lines.append(f"{told} -> {responses.get(group['first'], '')}")
    return lines


def _every(data: dict[str, Any]) -> list[str]:
    lines = []
    for row in (*data["alarms"], *data["hidden"]):
        first = " FIRST OUT" if row["first_out"] else ""
        lines.append(f"{row['priority'].upper()}{first}  {row['name']}: {row['description']} "
                     f"({row['state']}, {row['since_s']:.0f} s)")  # fmt: skip
        if row["left_s"] is not None:
            lines.append(f"    back in {row['left_s'] / 60:.0f} min: {row['reason']}")
        lines.append(f"    cause: {row['cause']}")
        lines.append(f"    consequence: {row['consequence']}")
        lines.append(f"    within {row['respond_min']:g} min: {row['response']}")
    return lines or ["no alarm"]


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
