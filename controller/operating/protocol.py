"""The local socket's language: JSON lines, one request or reply each, of bounded length.

The service speaks first: ``{"hello": "filmline", "line": ..., "you": ..., "role": ...,
"session": ..., "now_ns": ...}``. Then each request ``{"id": 1, "verb": "status", "args": {...}}``
gets one reply with its id, ``{"id": 1, "ok": true, "lines": [...], "data": {...}, "refused":
[...]}``. What changes something carries a command id too: ``"command": {"id": ..., "session": ...,
"made_ns": ...}``. A line ``{"dropped": reason}`` is the last one of a connection.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import NamedTuple

from controller.operating.command_ids import CommandId, decode_command
from controller.operating.reply import Reply

PROTOCOL = 1
LONGEST_REQUEST = 16 * 1024
LONGEST_REPLY = 1024 * 1024
_LONGEST_VERB = 64


class BadRequest(ValueError):
    """A line that is no request; the message says why."""


def default_socket(line_name: str, uid: int | None = None) -> Path:
    """Where the service of a line listens for its people, in a folder only its owner may enter."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime:
        return Path(runtime) / "filmline" / f"{line_name}.sock"
    owner = os.getuid() if uid is None else uid
    return Path(f"/tmp/filmline-{owner}") / f"{line_name}.sock"  # noqa: S108 - folder is 0700


class Request(NamedTuple):
    """One request: number of the reply, what is asked, and a command's identity."""

    number: int
    verb: str
    args: dict[str, object]
    command: CommandId | None


def decode_request(line: bytes) -> Request:
    """What a request line asks.

    Raises:
        BadRequest: it is not one.
    """
    try:
        found = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadRequest("a request is an object")
    number, verb, args = found.get("id", 0), found.get("verb"), found.get("args", {})
    if not isinstance(number, int) or isinstance(number, bool):
        raise BadRequest("id is an integer")
    if not isinstance(verb, str) or not 0 < len(verb) <= _LONGEST_VERB:
        raise BadRequest("verb is a word")
    if not isinstance(args, dict):
        raise BadRequest("args is an object")
    try:
        command = decode_command(found.get("command"))
    except ValueError as error:
        raise BadRequest(str(error)) from None
    return Request(number, verb, args, command)


def encode_reply(number: int, reply: Reply) -> bytes:
    """One line for a reply; numbers that JSON does not have become null."""
    return encode(
        {
            "id": number,
            "ok": reply.ok,
            "lines": list(reply.lines),
            "data": reply.data,
            "refused": list(reply.refused),
        }
    )


def encode(message: dict[str, object]) -> bytes:
    """One line of JSON."""
    try:
        text = json.dumps(message, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(message), allow_nan=False)
    return text.encode() + b"\n"


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
