"""The command ``why-not``: what stands in the way of a command, a write, a trip or a step."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from controller.operating.cause_lines import lines_of
from controller.operating.person import with_person
from controller.operating.talk import (
    BAD_INPUT,
    AsJson,
    Socket,
    client_of,
    completed,
    fail,
    print_json,
    say,
)

_ARGUMENTS = {
    "set": ("tag", "value"),
    "manual": ("unit",),
    "auto": ("unit",),
    "rearm": ("tag",),
    "reset": ("trip",),
    "bypass": ("trip", "minutes"),
    "do": ("name",),
}
_OF_A_TAG = ("value",)


@with_person
def why_not(
    about: Annotated[
        str, typer.Argument(help="A command, tag, trip or unit of the recipe; none: the line.")
    ] = "",
    args: Annotated[
        list[str] | None, typer.Argument(help="Of the command, as you would give them.")
    ] = None,
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Tell everything that stands in the way, with live values.

    Of a command (start, set TIC-501.SP 300, reset IL1-B1), a trip, a tag, a unit's step, or the
    line. Each cause says what it sees now, which was first, who may reset or bypass it. Asking
    does nothing.
    """
    with client_of(socket) as client:
        reply = completed(client.ask("why-not", about=about, **_arguments(about, args or [])))
    if as_json:
        print_json(reply.data)
        return
    none = f"nothing known stands against {about}" if about else "nothing stands in the way"
    say(*(lines_of(reply.data["causes"]) or [none]))


def _arguments(about: str, given: list[str]) -> dict[str, Any]:
    """Arguments by name, from their places on the command line."""
    names = _ARGUMENTS.get(about, _OF_A_TAG)
    if about == "do":
        pairs = [item.partition("=") for item in given[1:]]
        return dict(zip(names, given, strict=False)) | {"args": {k: v for k, _, v in pairs}}
    if len(given) > len(names):
        fail(f"{about} takes {' '.join(names)}, not {' '.join(given)}", BAD_INPUT)
    return dict(zip(names, given, strict=False))
