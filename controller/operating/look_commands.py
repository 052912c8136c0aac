"""The commands that only look: the line now, live or once, and tags by name."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from controller.clock import SystemClock
from controller.operating.person import connected, person, with_person
from controller.operating.talk import (
    AsJson,
    Socket,
    client_of,
    completed,
    path_of,
    print_json,
    say,
)
from controller.operating.values import shown
from controller.operating.watch import ANSWER_S, watch_live, watch_once

_PAGE = 112  # columns of a picture in a file or a pipe


@with_person
def status(socket: Socket = None, as_json: AsJson = False) -> None:
    """Show the line now, once.

    State, what each unit waits for, questions, trips, alarms, values, meters.
    """
    if not as_json:
        watch_once(path_of(socket), _console())
        return
    with client_of(socket) as client:
        print_json(client.ask("status").data)


@with_person
def watch(
    socket: Socket = None,
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep control while you watch, if you have it.")
    ] = False,
) -> None:
    """Watch the line live until Ctrl-C.

    The picture of ``status``, twice a second; it says NO DATA when the link is lost.
    """
    console, who = _console(), person()
    password = who.password() if keep and who.name else ""
    if once or not console.is_terminal:
        watch_once(path_of(socket), console)
        return
    path = path_of(socket)
    connect = partial(connected, path, who, password, ANSWER_S) if keep else None
    watch_live(path, console, SystemClock(), connect)


@with_person
def read(
    tags: Annotated[list[str], typer.Argument(help="Tags, such as TIC-501.PV.")],
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Read tags by name.

    Value, unit, quality, age, and what was asked of a tag that can be written.
    """
    with client_of(socket) as client:
        reply = completed(client.ask("read", tags=tags))
    if as_json:
        print_json(reply.data)
        return
    for row in reply.data["tags"]:
        asked = row.get("request")
        more = "" if asked is None else f"  asked {asked:.{row['digits']}f}"
        age = "" if row["age_s"] is None else f"  {row['age_s']:.1f} s old"
        say(f"{row['tag']:<14} {shown(row):>14}{more}{age}  {row['description']}")


def _console() -> Console:
    """Standard output; as wide as the picture where it is no terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_PAGE)
