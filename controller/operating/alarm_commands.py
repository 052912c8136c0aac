"""The commands of the alarms: the list, the horn, the shelf, out of service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from controller.lazy_group import Entry, LazyGroup
from controller.operating.person import with_person
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


class _Alarms(LazyGroup):
    later = (
        Entry(
            "history",
            "controller.operating.alarm_history:history",
            "Print what alarms did in a run.",
        ),
    )


alarms_app = typer.Typer(
    cls=_Alarms,
    help="Show the alarms now; of a run: alarms history LOT.",
    invoke_without_command=True,
)
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)(m|min|h)$")

Name = Annotated[str, typer.Argument(help="Alarm such as PIT-110.PV/HH, or a tag with one alarm.")]


@alarms_app.callback()
@with_person
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


@with_person
def silence(socket: Socket = None) -> None:
    """Silence the horn; the beacon and the alarms stay."""
    _ask(socket, "silence", {})


@with_person
def shelve(
    name: Name,
    time: Annotated[str, typer.Option("--for", help="How long: 30m, 2h.")],
    reason: Reason = "",
    socket: Socket = None,
) -> None:
    """Hide an alarm for a time; it comes back by itself."""
    _ask(socket, "shelve", {"name": name, "minutes": _minutes(time), "reason": reason})


@with_person
def unshelve(name: Name, socket: Socket = None) -> None:
    """Bring a shelved alarm back before its time."""
    _ask(socket, "unshelve", {"name": name})


@with_person
def out_of_service(
    name: Name,
    reason: Reason = "",
    back: Annotated[bool, typer.Option("--back", help="Put it in service again.")] = False,
    socket: Socket = None,
) -> None:
    """Take an alarm out of service until it is put back."""
    _ask(socket, "out-of-service", {"name": name, "reason": reason, "back": back})


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
