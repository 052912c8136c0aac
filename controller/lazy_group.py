"""Commands whose modules are imported when they run, so that no command waits for the others."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Entry:
    """A command that stands in a list before anything of it is imported.

    Attributes:
        name: as it is typed.
        target: ``module:attribute`` of its function, or of a Typer with commands of its own.
        line: what the list says of it: the first line of its help.
        settings: of its parser.
    """

    name: str
    target: str
    line: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Any:
        """Import it."""
        module, _, attribute = self.target.partition(":")
        return getattr(import_module(module), attribute)


class LazyCommand(TyperCommand):
    """Stands for a command, or a group of them, until it is given."""

    def __init__(self, entry: Entry, load: Callable[[], Any] | None = None) -> None:
        super().__init__(entry.name, help=entry.line, rich_markup_mode=None)
        self._entry, self._load = entry, load or entry.load

    def whole(self) -> Any:
        """The command itself; imports its module."""
        name, found = str(self.name), self._load()
        if not gc.isenabled():  # as the program begins
            gc.freeze()
            gc.enable()
        home = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        if isinstance(found, typer.Typer):
            home.add_typer(found, name=name)
        else:
            home.command(name, context_settings=dict(self._entry.settings))(found)
        return typer.main.get_group(home).commands[name]

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Begin the command itself in place of this one."""
        return self.whole().make_context(*args, **extra)


class LazyGroup(TyperGroup):
    """A group of commands with some that are imported when they are given."""

    later: ClassVar[tuple[Entry, ...]] = ()

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for entry in self.later:
            self.add_command(LazyCommand(entry))
