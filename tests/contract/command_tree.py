"""The commands as they are when they run, with everything that is imported only then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from controller import cli
from controller.lazy_group import LazyCommand


def groups(command: Any = None, name: str = "filmline") -> Iterator[tuple[str, Any]]:
    """Every group of commands by the words that are typed."""
    command = _root() if command is None else command
    if hasattr(command, "commands"):
        yield name, command
        for each, inside in _inside(command):
            yield from groups(inside, f"{name} {each}")


def leaves(command: Any = None, name: str = "filmline") -> Iterator[tuple[str, Any]]:
    """Every single command by the words that are typed."""
    command = _root() if command is None else command
    if not hasattr(command, "commands"):
        yield name, command
        return
    for each, inside in _inside(command):
        yield from leaves(inside, f"{name} {each}")


def _inside(group: Any) -> Iterator[tuple[str, Any]]:
    context = typer.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        yield name, found.whole() if isinstance(found, LazyCommand) else found


def _root() -> Any:
    return typer.main.get_command(cli.app)
