"""Who stands behind a connection: an OS user, with the role the line file gives them.

A user the line file does not name is a viewer, who may look, and stop and abort. The user
who runs the service is an engineer unless named: whoever may start the service may run the
line. An admin is made by the line file only.
"""

from __future__ import annotations

import pwd
from pathlib import Path

from config.models import Line, Role
from controller.events import Actor


def user_name(uid: int) -> str:
    """Name of an OS user; ``uid:1234`` for one the system does not know."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"


def actor_of(uid: int, line: Line, owner_uid: int) -> Actor:
    """The person of an OS user on a line.

    Args:
        uid: who connected.
        line: the line file, with its roles.
        owner_uid: who runs the service.
    """
    name = user_name(uid)
    role = line.line.roles.get(name)
    if role is None:
        role = Role.ENGINEER if uid == owner_uid else Role.VIEWER
    return Actor(name, role)


def beside_the_book(line: Line, owner_uid: int, book: Path) -> str:
    """Who may command without a log-in although there is a user book; empty when nobody may.

    The line file decides, never the book: whoever may write the book makes people anyway.
    """
    names = [name for name, role in sorted(line.line.roles.items()) if role is not Role.VIEWER]
    owner = actor_of(owner_uid, line, owner_uid)
    if owner.role is not Role.VIEWER and owner.name not in names:
        names.append(owner.name)
    if not names or not book.is_file():
        return ""
    return (
        f"without a log-in, beside {book}, these OS users command: {', '.join(names)}; "
        "the line file's roles decide: viewer obliges to log in"
    )
