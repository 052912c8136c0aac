"""The commands of a shift: look, command, answer, set by hand, over the local socket.

Each command first says what it will cost, then asks; ``--yes`` skips the question. Stop and
abort say their cost and act at once. Exit codes: 0 done; 1 refused, or declined; 2 bad
input, no service, or no terminal to ask at.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from controller.clock import SystemClock
from controller.operating.client import DeskClient
from controller.operating.person import connected, person, with_person
from controller.operating.reply import Reply
from controller.operating.screen import shown
from controller.operating.talk import (
    BAD_INPUT,
    REFUSED,
    AsJson,
    Reason,
    Socket,
    Yes,
    client_of,
    command,
    completed,
    confirm,
    console_of,
    fail,
    offer,
    path_of,
    print_json,
    say,
)
from controller.operating.watch import ANSWER_S, watch_live, watch_once
from controller.operating.why_command import why_not

_MARGIN_S = 3.0  # beyond the read-back time of a device
_NS = 1e9


def status(socket: Socket = None, as_json: AsJson = False) -> None:
    """Show the line now, once.

    State, what each unit waits for, questions, trips, alarms, values, meters.
    """
    if not as_json:
        watch_once(path_of(socket), console_of())
        return
    with client_of(socket) as client:
        print_json(client.ask("status").data)


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
    console, who = console_of(), person()
    password = who.password() if keep and who.name else ""
    if once or not console.is_terminal:
        watch_once(path_of(socket), console)
        return
    path = path_of(socket)
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
        fail("a set point by hand needs a reason: --reason TEXT", BAD_INPUT)
    args: dict[str, Any] = {"tag": tag, "value": value, "reason": reason}
    with client_of(socket) as client:
        seen = offer(client, "set", args, yes=yes)
        args |= {key: seen.data[key] for key in ("seen", "old") if seen.data.get(key) is not None}
        reply = client.ask("set", **args)
        nonce = reply.data.get("confirm")
        if nonce:
            say(*reply.refused)
            confirm("A large change. Really?", yes=yes)
            reply = client.ask("set", **args, confirm=nonce)
        say(*completed(reply).lines)
        _show_read_back(client, reply)


def start(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Start the recipe.

    It begins with utilities, exhaust and purge, and asks you where hands are needed.
    """
    command("start", {"reason": reason}, socket, yes=yes)


def hold(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Hold the procedure where it is.

    No step goes on; heat, speed and film stay as they are, and film is marked made_in_hold.
    """
    command("hold", {"reason": reason}, socket, yes=yes)


def restart(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Go on after a hold.

    From measured values, at the step that was held. First reset what tripped and re-arm what
    was shed.
    """
    command("restart", {"reason": reason}, socket, yes=yes)


def stop(reason: Reason = "", socket: Socket = None) -> None:
    """Stop in order, at once, without asking.

    Solvent off, film runs out, heat down, exhaust stays.
    """
    command("stop", {"reason": reason}, socket, yes=True)


def abort(reason: Reason = "", socket: Socket = None) -> None:
    """Put every output to its safe value, at once.

    This is not the emergency stop.
    """
    command("abort", {"reason": reason}, socket, yes=True)


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
        command("reset", {"reason": reason}, socket, yes=yes)
    for trip in trips or ():
        if not reason.strip():
            fail("the reset of a trip needs a reason: --reason TEXT", BAD_INPUT)
        command("reset", {"trip": trip, "reason": reason}, socket, yes=yes)


def ack(
    names: Annotated[
        list[str] | None, typer.Argument(help="Alarms or tags; none means all.")
    ] = None,
    socket: Socket = None,
) -> None:
    """Acknowledge alarms: you have seen them."""
    with client_of(socket) as client:
        say(*completed(client.ask("ack", names=names or [])).lines)


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
    with client_of(socket) as client:
        say(*completed(client.ask("answer", ask=question, value=value)).lines)


def note(
    text: Annotated[list[str], typer.Argument(help="What the next shift should know.")],
    socket: Socket = None,
) -> None:
    """Write into the shift book, which is part of the record."""
    with client_of(socket) as client:
        say(*completed(client.ask("note", text=" ".join(text))).lines)


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
        with client_of(socket) as client:
            say(*completed(client.ask("cost", verb="do")).lines)
        return
    found = dict(_pair(item) for item in args or ())
    command("do", {"name": name, "args": found, "reason": reason}, socket, yes=yes)


def manual(
    unit: Annotated[str, typer.Argument(help="Unit of equipment, or one of its tags.")],
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Take a unit to manual.

    Recipe and loops wait there; interlocks and limits stay on.
    """
    command("manual", {"unit": unit, "reason": reason}, socket, yes=yes)


def auto(
    unit: Annotated[str, typer.Argument(help="Unit of equipment, or one of its tags.")],
    reason: Reason = "",
    socket: Socket = None,
    yes: Yes = False,
) -> None:
    """Give a unit back to recipe and loops.

    They go on from what is there, without a jump.
    """
    command("auto", {"unit": unit, "reason": reason}, socket, yes=yes)


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
        command("rearm", {"tag": tag, "reason": reason}, socket, yes=yes)


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
    command("bypass", args, socket, yes=yes)


def take(reason: Reason = "", socket: Socket = None) -> None:
    """Take control of the line.

    From its holder if there is one, with the same role or a higher one.
    """
    with client_of(socket) as client:
        say(*completed(client.ask("take", reason=reason)).lines)


def release(socket: Socket = None) -> None:
    """Give control up; the line goes on as it is."""
    with client_of(socket) as client:
        say(*completed(client.ask("release")).lines)


def add_commands(app: typer.Typer) -> None:
    """Mount the commands of a shift."""
    for verb in (status, watch, read, start, hold, restart, stop, abort, reset, ack, answer,
                 note, do, manual, auto, rearm, bypass, take, release):  # fmt: skip
        app.command(verb.__name__)(with_person(verb))
    numbers = {"ignore_unknown_options": True}  # -3 is a value, not an option
    app.command("set", context_settings=numbers)(with_person(set_tag))
    app.command("why-not", context_settings=numbers)(with_person(why_not))


# --- inside ----------------------------------------------------------------------------------


def _show_read_back(client: DeskClient, reply: Reply) -> None:
    """Wait until the device shows the value, or say what it shows instead."""
    if reply.data.get("one_shot"):
        return
    tag, target = reply.data["tag"], float(reply.data["value"])
    within = float(reply.data["tolerance"]) * 1.01
    found = completed(client.ask("read", tags=[tag]))
    until_ns = _now(found) + (float(reply.data["wait_s"]) + _MARGIN_S) * _NS
    while True:
        row, ended = found.data["tags"][0], found.data["not_moved"]
        there = row["good"] and row["value"] is not None and abs(row["value"] - target) <= within
        if there and not row["moving"]:
            say(f"{tag} reads {shown(row)}")
            return
        if tag in ended:
            fail(f"{tag} stopped at {shown(row)}: {ended[tag]}", REFUSED)
        if _now(found) >= until_ns:
            fail(f"{tag} reads {shown(row)}, asked {target:g}: see filmline status", REFUSED)
        found = completed(client.ask("read", tags=[tag]))


def _now(reply: Reply) -> int:
    return int(reply.data["now_ns"])


def _pair(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        fail(f"{item!r}: write KEY=VALUE", BAD_INPUT)
    return key, value
