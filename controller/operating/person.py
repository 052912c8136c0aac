"""Who gives a command at a terminal: the OS user, or a person of the user book.

``--as NAME`` (or ``FILMLINE_USER``) logs in with a password that is asked for without echo, or
read from a file of mode 0600. A password is never an argument and never in the environment.
Stop and abort take the option and act at once without a log-in: nothing may delay them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from controller.operating.client import DeskClient
from controller.operating.errors import NotLoggedIn
from controller.users.secrets import read_secret

_AS = typer.Option("--as", envvar="FILMLINE_USER", help="Log in as this person of the user book.")
_FILE = typer.Option(
    "--password-file",
    envvar="FILMLINE_PASSWORD_FILE",
    help="File of mode 0600 with the password; else it is asked for.",
)
_OPTIONS = (("as_user", str, _AS, ""), ("password_file", Path | None, _FILE, None))


@dataclass(frozen=True)
class Person:
    """Who gives a command; the OS user when ``name`` is empty."""

    name: str = ""
    password_file: Path | None = None

    def password(self) -> str:
        """From the file, else from the terminal.

        Raises:
            NotLoggedIn: there is neither.
        """
        if self.password_file is not None:
            return read_secret(self.password_file)
        if not sys.stdin.isatty():
            raise NotLoggedIn(
                f"nobody can be asked for the password of {self.name} here: "
                "give --password-file FILE"
            )
        return str(typer.prompt(f"Password of {self.name}", hide_input=True, err=True))


_PERSON: ContextVar[Person] = ContextVar("person", default=Person())  # noqa: B039 - frozen


def with_person(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say who gives it."""

    @wraps(verb)
    def given(**args: Any) -> None:
        _PERSON.set(Person(args.pop("as_user"), args.pop("password_file")))
        verb(**args)

    own = inspect.signature(verb, eval_str=True)
    more = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind, option],
        )
        for name, kind, option, default in _OPTIONS
    ]
    signature = own.replace(parameters=[*own.parameters.values(), *more])
    given.__signature__ = signature  # type: ignore[attr-defined]
    given.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return given


def person() -> Person:
    """Who gives the command that runs."""
    return _PERSON.get()


def connected(path: Path, who: Person, password: str = "", answer_s: float | None = None,
              ) -> DeskClient:  # fmt: skip
    """Connect, and log in when a person is named.

    Args:
        path: socket of the service.
        who: person or OS user.
        password: of the person; asked for when empty.
        answer_s: longest wait for an answer; the client's own when None.

    Raises:
        NotLoggedIn: name or password is wrong, or the account is locked.
    """
    client = DeskClient(path) if answer_s is None else DeskClient(path, answer_s)
    if not who.name:
        return client
    try:
        _log_in(client, who.name, password or who.password())
    except BaseException:
        client.close()
        raise
    return client


def _log_in(client: DeskClient, name: str, password: str) -> None:
    reply = client.log_in(name, password)
    if not reply.ok:
        raise NotLoggedIn(f"not logged in as {name}: {'; '.join(reply.refused)}")
