"""``filmline user``: the people of a line, by who owns the user book's file.

Whoever may write the file may make people; the first admin is made so by the OS user who owns
the service. A running service reads the file at each log-in. Passwords are asked for without
echo, or read from a file of mode 0600; they are never arguments.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from config.words import Role
from controller.clock import SystemClock
from controller.users.book import FILE_NAME, User, Users, change_book, check_name, read_book
from controller.users.errors import BadPassword, NoUser
from controller.users.passwords import check_choice, hash_password
from controller.users.secrets import read_secret

DEFAULT = Path("runs") / FILE_NAME

user_app = typer.Typer(help="People of the user book: names, roles, passwords.",
                       no_args_is_help=True, rich_markup_mode=None)  # fmt: skip

Name = Annotated[str, typer.Argument(help="Name of the person.")]
AsRole = Annotated[Role, typer.Option("--role", help="What they may do.")]
Book = Annotated[
    Path, typer.Option("--users", envvar="FILMLINE_USERS", help="User book of the line.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="File of mode 0600; else the password is asked for."),
]


@user_app.command("add")
def add(name: Name, role: AsRole, users: Book = DEFAULT, file: PasswordFile = None) -> None:
    """Add a person; begins the book when there is none."""
    check_name(name)
    hashed = _new_hash(name, file)

    def change(book: Users) -> None:
        if name in book:
            raise NoUser(f"{name} is in {users} already; see 'filmline user role' and 'password'")
        book[name] = User(name, role, hashed, *_stamp())

    change_book(users, change, make=True)
    typer.echo(f"{name} is {role} in {users}")


@user_app.command("list")
def list_users(
    users: Book = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the people with their roles; no hash is shown."""
    found = [read_book(users)[name] for name in sorted(read_book(users))]
    rows = [{"name": user.name, "role": str(user.role), "changed": user.changed,
             "changed_by": user.changed_by} for user in found]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        typer.echo(f"{row['name']:<32} {row['role']:<9} {row['changed']} by {row['changed_by']}")


@user_app.command("password")
def password(name: Name, users: Book = DEFAULT, file: PasswordFile = None) -> None:
    """Give a person a new password."""
    _known(read_book(users), name, users)
    hashed = _new_hash(name, file)

    def change(book: Users) -> None:
        _known(book, name, users)
        changed, by = _stamp()
        book[name] = replace(book[name], hash=hashed, changed=changed, changed_by=by)

    change_book(users, change)
    typer.echo(f"{name} has a new password")


@user_app.command("role")
def role_of(
    name: Name,
    role: Annotated[Role, typer.Argument(help="What they may do from the next log-in.")],
    users: Book = DEFAULT,
) -> None:
    """Give a person another role."""

    def change(book: Users) -> None:
        _known(book, name, users)
        changed, by = _stamp()
        book[name] = replace(book[name], role=role, changed=changed, changed_by=by)

    change_book(users, change)
    typer.echo(f"{name} is {role} from the next log-in")


@user_app.command("remove")
def remove(name: Name, users: Book = DEFAULT) -> None:
    """Take a person out of the book."""

    def change(book: Users) -> None:
        _known(book, name, users)
        del book[name]

    change_book(users, change)
    typer.echo(f"{name} is no longer in {users}")


def _known(book: Users, name: str, users: Path) -> None:
    if name not in book:
        raise NoUser(f"{users} has no {name!r}; there are: {', '.join(sorted(book)) or 'none'}")


def _new_hash(name: str, file: Path | None) -> str:
    chosen = read_secret(file) if file is not None else _asked(name)
    check_choice(name, chosen)
    return hash_password(chosen)


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        raise BadPassword("nobody can be asked for a password here: give --password-file FILE")
    return str(typer.prompt(f"New password of {name}", hide_input=True, confirmation_prompt=True,
                            err=True))  # fmt: skip


def _stamp() -> tuple[str, str]:
    """UTC to the second, and the OS user."""
    now = datetime.fromtimestamp(SystemClock().utc_ns() // 10**9, UTC)
    try:
        by = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        by = f"uid:{os.getuid()}"
    return now.strftime("%Y-%m-%dT%H:%M:%SZ"), by
