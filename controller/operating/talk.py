"""Talking to the service from a terminal: connect, say the cost, ask, say what happened, fail.

The commands of a shift and those of the alarms are made of this.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from controller.operating.cause_lines import lines_of, unsaid
from controller.operating.client import DeskClient
from controller.operating.errors import OperatingError
from controller.operating.person import connected, person
from controller.operating.protocol import default_socket
from controller.operating.reply import Reply

REFUSED, BAD_INPUT = 1, 2

Socket = Annotated[
    Path | None,
    typer.Option(
        "--socket",
        envvar="FILMLINE_SOCKET",
        help="Socket of the service; found by itself where one service runs.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the record.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]


def command(verb: str, args: dict[str, Any], socket: Path | None, *, yes: bool) -> None:
    """Say the cost, ask, do it, say what happened."""
    if verb in {"stop", "abort"}:
        with suppress(OperatingError), DeskClient(path_of(socket)) as client:
            say(*client.ask("cost", verb=verb, **args).lines)
        with DeskClient(path_of(socket)) as client:  # no log-in stands before it
            say(*completed(client.ask(verb, **args)).lines)
        return
    with client_of(socket) as client:
        seen = offer(client, verb, args, yes=yes)
        say(*completed(client.ask(verb, **args, seen=seen.data.get("seen"))).lines)


def offer(client: DeskClient, verb: str, args: dict[str, Any], *, yes: bool) -> Reply:
    """Say what it costs and ask whether to go on."""
    cost = completed(client.ask("cost", **(args | {"verb": verb})))
    say(*cost.lines)
    confirm("Go on?", yes=yes or bool(cost.data.get("against")))  # what is refused is not asked
    return cost


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person; a no, or nobody to ask, ends the command."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail("nobody can be asked here: repeat with --yes", BAD_INPUT)
    if not typer.confirm(question, default=False):
        fail("nothing was done", REFUSED)


def completed(reply: Reply) -> Reply:
    """Pass a reply that says done; a refusal ends the command with every reason.

    What the reasons did not tell comes below them, with its live values.
    """
    if not reply.ok:
        more = lines_of(unsaid(reply.data.get("causes", ()), reply.refused))
        fail("refused: " + "\n         ".join([*reply.refused, *more]), REFUSED)
    return reply


def client_of(socket: Path | None) -> DeskClient:
    """Connect as the person who gives the command."""
    return connected(path_of(socket), person())


def path_of(socket: Path | None) -> Path:
    """Socket that is named, or the only one there is."""
    if socket is not None:
        return socket
    usual = default_socket("pilot")
    found = sorted(usual.parent.glob("*.sock")) if os.access(usual.parent, os.R_OK) else []
    if len(found) > 1:
        told = ", ".join(map(str, found))
        fail(f"several services: {told}; name one with --socket", BAD_INPUT)
    return found[0] if found else usual


def say(*lines: str) -> None:
    """Print lines as they are."""
    for line in lines:
        typer.echo(line)


def print_json(data: object) -> None:
    """Print data for a program."""
    sys.stdout.write(json.dumps(data, indent=1) + "\n")


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message and an exit code."""
    typer.echo(message, err=True)
    raise typer.Exit(code)
