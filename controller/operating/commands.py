"""The commands of a shift: command, answer, set by hand, over the local socket.

Each command first says what it will cost, then asks; ``--yes`` skips the question. Stop and
abort say their cost and act at once. Exit codes: 0 done; 1 refused, or declined; 2 bad
input, no service, or no terminal to ask at.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from controller.operating.client import DeskClient
from controller.operating.person import with_person
from controller.operating.reply import Reply
from controller.operating.talk import (
    BAD_INPUT,
    REFUSED,
    Reason,
    Socket,
    Yes,
    client_of,
    command,
    completed,
    confirm,
    fail,
    offer,
    say,
)
from controller.operating.values import shown

_MARGIN_S = 3.0  # beyond the read-back time of a device
_NS = 1e9


@with_person
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


@with_person
def start(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Start the recipe.

    It begins with utilities, exhaust and purge, and asks you where hands are needed.
    """
    command("start", {"reason": reason}, socket, yes=yes)


@with_person
def hold(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Hold the procedure where it is.

    No step goes on; heat, speed and film stay as they are, and film is marked made_in_hold.
    """
    command("hold", {"reason": reason}, socket, yes=yes)


@with_person
def restart(reason: Reason = "", socket: Socket = None, yes: Yes = False) -> None:
    """Go on after a hold.

    From measured values, at the step that was held. First reset what tripped and re-arm what
    was shed.
    """
    command("restart", {"reason": reason}, socket, yes=yes)


@with_person
def stop(reason: Reason = "", socket: Socket = None) -> None:
    """Stop in order, at once, without asking.

    Solvent off, film runs out, heat down, exhaust stays.
    """
    command("stop", {"reason": reason}, socket, yes=True)


@with_person
def abort(reason: Reason = "", socket: Socket = None) -> None:
    """Put every output to its safe value, at once.

    This is not the emergency stop.
    """
    command("abort", {"reason": reason}, socket, yes=True)


@with_person
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


@with_person
def ack(
    names: Annotated[
        list[str] | None, typer.Argument(help="Alarms or tags; none means all.")
    ] = None,
    socket: Socket = None,
) -> None:
    """Acknowledge alarms: you have seen them."""
    with client_of(socket) as client:
        say(*completed(client.ask("ack", names=names or [])).lines)


@with_person
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


@with_person
def note(
    text: Annotated[list[str], typer.Argument(help="What the next shift should know.")],
    socket: Socket = None,
) -> None:
    """Write into the shift book, which is part of the record."""
    with client_of(socket) as client:
        say(*completed(client.ask("note", text=" ".join(text))).lines)


@with_person
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


@with_person
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


@with_person
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


@with_person
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


@with_person
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


@with_person
def take(reason: Reason = "", socket: Socket = None) -> None:
    """Take control of the line.

    From its holder if there is one, with the same role or a higher one.
    """
    with client_of(socket) as client:
        say(*completed(client.ask("take", reason=reason)).lines)


@with_person
def release(socket: Socket = None) -> None:
    """Give control up; the line goes on as it is."""
    with client_of(socket) as client:
        say(*completed(client.ask("release")).lines)


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
