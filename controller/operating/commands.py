"""The commands of a shift: look, command, answer, set by hand, over the local socket.

Each command first says what it will cost, then asks; ``--yes`` skips the question. Stop and
abort say their cost and act at once. Exit codes: 0 done; 1 refused, or declined; 2 bad
input, no service, or no terminal to ask at.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from controller.clock import SystemClock
from controller.operating.client import DeskClient
from controller.operating.errors import OperatingError
from controller.operating.person import connected, person, with_person
from controller.operating.protocol import default_socket
from controller.operating.reply import Reply
from controller.operating.screen import shown
from controller.operating.watch import ANSWER_S, watch_live, watch_once

REFUSED, BAD_INPUT = 1, 2
_MARGIN_S = 3.0  # beyond the read-back time of a device
_NS = 1e9
_PAGE = 112  # columns of a picture in a file or a pipe

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


def status(socket: Socket = None, as_json: AsJson = False) -> None:
    """Show the line now, once.

    State, what each unit waits for, questions, trips, alarms, values, meters.
    """
    if not as_json:
        watch_once(_path(socket), _console())
        return
    with _client(socket) as client:
        _print_json(client.ask("status").data)


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
        watch_once(_path(socket), console)
        return
    path = _path(socket)
    connect = partial(connected, path, who, password, ANSWER_S) if keep else None
    watch_live(path, console, SystemClock(), connect)


def read(
    tags: Annotated[list[str], typer.Argument(help="Tags, such as TIC-501.PV.")],
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Read tags by name.

    Value, unit, quality, age, and what was asked of a tag that can be written.
    """
    with _client(socket) as client:
        reply = _done(client.ask("read", tags=tags))
    if as_json:
        _print_json(reply.data)
        return
    for row in reply.data["tags"]:
        asked = row.get("request")
        more = "" if asked is None else f"  asked {asked:.{row['digits']}f}"
        age = "" if row["age_s"] is None else f"  {row['age_s']:.1f} s old"
        _say(f"{row['tag']:<14} {shown(row):>14}{more}{age}  {row['description']}")


def set_tag(
    tag: Annotated[str, typer.Argument(help="Writable tag, such as SIC-110.SP.")],
    value: Annotated[str, typer.Argument(help="In the tag's unit; on and off for switches.")],
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Set a tag of a unit that is in manual.

    The value goes through the gate; then the command shows what the device reports.
    """
    if not reason.strip():
        _fail("a set point by hand needs a reason: --reason TEXT", BAD_INPUT)
    args: dict[str, Any] = {"tag": tag, "value": value, "reason": reason}
    with _client(socket) as client:
        seen = _offer(client, "set", args, yes=yes)
        args |= {key: seen.data[key] for key in ("seen", "old") if seen.data.get(key) is not None}
        reply = client.ask("set", **args)
        nonce = reply.data.get("confirm")
        if nonce:
            _say(*reply.refused)
            _confirm("A large change. Really?", yes=yes)
            reply = client.ask("set", **args, confirm=nonce)
        _say(*_done(reply).lines)
        _show_read_back(client, reply)


def start(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Start the recipe.

    It begins with utilities, exhaust and purge, and asks you where hands are needed.
    """
    _command("start", {"reason": reason}, socket, yes=yes)


def hold(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Hold the procedure where it is.

    No step goes on; heat, speed and film stay as they are, and film is marked made_in_hold.
    """
    _command("hold", {"reason": reason}, socket, yes=yes)


def restart(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Go on after a hold.

    From measured values, at the step that was held. First reset what tripped and re-arm what
    was shed.
    """
    _command("restart", {"reason": reason}, socket, yes=yes)


def stop(reason: Reason = "", socket: Socket = None) -> None:
    """Stop in order, at once, without asking.

    Solvent off, film runs out, heat down, exhaust stays.
    """
    _command("stop", {"reason": reason}, socket, yes=True)


def abort(reason: Reason = "", socket: Socket = None) -> None:
    """Put every output to its safe value, at once.

    This is not the emergency stop.
    """
    _command("abort", {"reason": reason}, socket, yes=True)


def reset(
    trips: Annotated[
        list[str] | None, typer.Argument(help="Latched trips; none resets the procedure.")
    ] = None,
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Reset latched trips or the procedure; starts nothing.

    Trips that are named are released, once their cause has gone, with --reason. Without a name
    the procedure goes back to IDLE after its end; a live service then closes its lot.
    """
    if not trips:
        _command("reset", {"reason": reason}, socket, yes=yes)
    for trip in trips or ():
        if not reason.strip():
            _fail("the reset of a trip needs a reason: --reason TEXT", BAD_INPUT)
        _command("reset", {"trip": trip, "reason": reason}, socket, yes=yes)


def ack(
    names: Annotated[
        list[str] | None, typer.Argument(help="Alarms or tags; none means all.")
    ] = None,
    socket: Socket = None,
) -> None:
    """Acknowledge alarms: you have seen them."""
    with _client(socket) as client:
        _say(*_done(client.ask("ack", names=names or [])).lines)


def answer(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[QUESTION] ANSWER", help="The only open question needs no name."),
    ],
    socket: Socket = None,
) -> None:
    """Answer a question of the procedure.

    The questions are in ``status``, each with the answers it takes.
    """
    question, value = (words[0], " ".join(words[1:])) if len(words) > 1 else ("", words[0])
    with _client(socket) as client:
        _say(*_done(client.ask("answer", ask=question, value=value)).lines)


def note(
    text: Annotated[list[str], typer.Argument(help="What the next shift should know.")],
    socket: Socket = None,
) -> None:
    """Write into the shift book, which is part of the record."""
    with _client(socket) as client:
        _say(*_done(client.ask("note", text=" ".join(text))).lines)


def do(
    name: Annotated[str, typer.Argument(help="Operation; without one they are listed.")] = "",
    args: Annotated[list[str] | None, typer.Argument(help="KEY=VALUE ...")] = None,
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Do an operation beside the recipe, or list them.

    Pause the coater, change rolls, clean: all of them are in docs/half-stops.md.
    """
    if not name:
        with _client(socket) as client:
            _say(*_done(client.ask("cost", verb="do")).lines)
        return
    found = dict(_pair(item) for item in args or ())
    _command("do", {"name": name, "args": found, "reason": reason}, socket, yes=yes)


def manual(
    unit: Annotated[str, typer.Argument(help="Unit of equipment, or one of its tags.")],
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Take a unit to manual.

    Recipe and loops wait there; interlocks and limits stay on.
    """
    _command("manual", {"unit": unit, "reason": reason}, socket, yes=yes)


def auto(
    unit: Annotated[str, typer.Argument(help="Unit of equipment, or one of its tags.")],
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Give a unit back to recipe and loops.

    They go on from what is there, without a jump.
    """
    _command("auto", {"unit": unit, "reason": reason}, socket, yes=yes)


def rearm(
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Outputs that were shed.")],
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Put shed outputs back in service, at their safe values.

    An output is shed when its device restarted or was lost; look at the device first.
    """
    for tag in tags:
        _command("rearm", {"tag": tag, "reason": reason}, socket, yes=yes)


def bypass(
    trip: Annotated[str, typer.Argument(help="Row of the interlock matrix.")],
    minutes: Annotated[float, typer.Option(help="For how long, at most 30.")],
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Ignore one interlock row for some minutes.

    For engineers; never for the hazards Z1 to Z4.
    """
    args: dict[str, Any] = {"trip": trip, "minutes": minutes, "reason": reason}
    _command("bypass", args, socket, yes=yes)


def take(reason: Reason = "", socket: Socket = None) -> None:
    """Take control of the line.

    From its holder if there is one, with the same role or a higher one.
    """
    with _client(socket) as client:
        _say(*_done(client.ask("take", reason=reason)).lines)


def release(socket: Socket = None) -> None:
    """Give control up; the line goes on as it is."""
    with _client(socket) as client:
        _say(*_done(client.ask("release")).lines)


def add_commands(app: typer.Typer) -> None:
    """Mount the commands of a shift."""
    for verb in (status, watch, read, start, hold, restart, stop, abort, reset, ack, answer,
                 note, do, manual, auto, rearm, bypass, take, release):  # fmt: skip
        app.command(verb.__name__)(with_person(verb))
    numbers = {"ignore_unknown_options": True}  # -3 is a value, not an option
    app.command("set", context_settings=numbers)(with_person(set_tag))


# --- inside ----------------------------------------------------------------------------------


def _command(verb: str, args: dict[str, Any], socket: Path | None, *, yes: bool) -> None:
    """Say the cost, ask, do it, say what happened."""
    if verb in {"stop", "abort"}:
        with suppress(OperatingError), DeskClient(_path(socket)) as client:
            _say(*client.ask("cost", verb=verb, **args).lines)
        with DeskClient(_path(socket)) as client:  # no log-in stands before it
            _say(*_done(client.ask(verb, **args)).lines)
        return
    with _client(socket) as client:
        seen = _offer(client, verb, args, yes=yes)
        _say(*_done(client.ask(verb, **args, seen=seen.data.get("seen"))).lines)


def _offer(client: DeskClient, verb: str, args: dict[str, Any], *, yes: bool) -> Reply:
    """Say what it costs and ask whether to go on."""
    cost = _done(client.ask("cost", **(args | {"verb": verb})))
    _say(*cost.lines)
    _confirm("Go on?", yes=yes or bool(cost.data.get("against")))  # what is refused is not asked
    return cost


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        _fail("nobody can be asked here: repeat with --yes", BAD_INPUT)
    if not typer.confirm(question, default=False):
        _fail("nothing was done", REFUSED)


def _show_read_back(client: DeskClient, reply: Reply) -> None:
    """Wait until the device shows the value, or say what it shows instead."""
    if reply.data.get("one_shot"):
        return
    tag, target = reply.data["tag"], float(reply.data["value"])
    within = float(reply.data["tolerance"]) * 1.01
    found = _done(client.ask("read", tags=[tag]))
    until_ns = _now(found) + (float(reply.data["wait_s"]) + _MARGIN_S) * _NS
    while True:
        row, ended = found.data["tags"][0], found.data["not_moved"]
        there = row["good"] and row["value"] is not None and abs(row["value"] - target) <= within
        if there and not row["moving"]:
            _say(f"{tag} reads {shown(row)}")
            return
        if tag in ended:
            _fail(f"{tag} stopped at {shown(row)}: {ended[tag]}", REFUSED)
        if _now(found) >= until_ns:
            _fail(f"{tag} reads {shown(row)}, asked {target:g}: see filmline status", REFUSED)
        found = _done(client.ask("read", tags=[tag]))


def _now(reply: Reply) -> int:
    return int(reply.data["now_ns"])


def _pair(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        _fail(f"{item!r}: write KEY=VALUE", BAD_INPUT)
    return key, value


def _done(reply: Reply) -> Reply:
    """Pass a reply that says done; a refusal ends the command with every reason."""
    if not reply.ok:
        _fail("refused: " + "\n         ".join(reply.refused), REFUSED)
    return reply


def _client(socket: Path | None) -> DeskClient:
    return connected(_path(socket), person())


def _path(socket: Path | None) -> Path:
    """Socket that is named, or the only one there is."""
    if socket is not None:
        return socket
    usual = default_socket("pilot")
    found = sorted(usual.parent.glob("*.sock")) if os.access(usual.parent, os.R_OK) else []
    if len(found) > 1:
        told = ", ".join(map(str, found))
        _fail(f"several services: {told}; name one with --socket", BAD_INPUT)
    return found[0] if found else usual


def _say(*lines: str) -> None:
    console = _console()
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_json(data: object) -> None:
    sys.stdout.write(json.dumps(data, indent=1) + "\n")


def _fail(message: str, code: int) -> NoReturn:
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    errors.print(message)
    raise typer.Exit(code)


def _console() -> Console:
    """Standard output; as wide as the picture where it is no terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_PAGE)


client_of, completed, fail, print_json, say = _client, _done, _fail, _print_json, _say
"""For the commands of other modules over the same socket."""
