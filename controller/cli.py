"""The command ``filmline``: every command, its help and its exit codes.

Exit codes: 0 done; 1 the run ended held, stopped or aborted; 2 bad input or environment.
"""

from __future__ import annotations

import sys
from typing import Any

import typer

from config.problems import ConfigError
from controller.command_table import OFFERED, TABLE
from controller.errors import ControllerError
from controller.lazy_group import Entry, LazyCommand, LazyGroup
from controller.packages import WrongPackageError, check_packages
from drivers.errors import DriverError

BAD_INPUT = 2

_HELP = """Control and record of a pilot line for adhesion-enhanced polyimide film.

Begin with 'filmline demo': a whole simulated run, then its report. The pages for people begin
with docs/first-run.md and docs/first-shift.md.

This is the basic control layer. It is never the emergency stop."""


class Commands(LazyGroup):
    """All commands by groups; those of the simulators where they are installed."""

    later = tuple(entry for group in TABLE.values() for entry in group if entry.target != OFFERED)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One command; the simulators are asked for one that is not known yet."""
        if cmd_name not in self.commands:
            self._add_offered()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command there is."""
        self._add_offered()
        return super().list_commands(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list, by groups."""
        names = self.list_commands(ctx)
        width = max(map(len, names))
        known = {title: [entry.name for entry in group] for title, group in TABLE.items()}
        others = [name for name in names if not any(name in group for group in known.values())]
        for title, group in (known | {"Others": others}).items():
            found = [name for name in group if name in names]
            if found:
                lines = [self.commands[name].get_short_help_str(formatter.width) for name in found]
                padded = [name.ljust(width) for name in found]
                with formatter.section(title):
                    formatter.write_dl(list(zip(padded, lines, strict=True)))

    def _add_offered(self) -> None:
        from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import

        lines = {entry.name: entry for group in TABLE.values() for entry in group}
        for offer in sorted(entry_points(group="filmline.commands"), key=lambda one: one.name):
            entry = lines.get(offer.name) or Entry(offer.name, offer.value, offer.value)
            self.add_command(LazyCommand(entry, offer.load))


app = typer.Typer(
    name="filmline",
    cls=Commands,
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def filmline() -> None:
    """Do nothing before a command; makes this a group of commands for Typer."""


def main() -> None:
    """Run the command line; errors of users are messages, never tracebacks."""
    try:
        check_packages()
        app()
    except (ConfigError, ControllerError, DriverError, WrongPackageError) as error:
        _end(str(error), BAD_INPUT)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _end(f"{error.strerror or error}{place}", BAD_INPUT)
    except KeyboardInterrupt:
        _end("interrupted", 1)


def _end(message: str, code: int) -> None:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)
