"""The command ``filmline``: every command, its help and its exit codes.

Exit codes: 0 done; 1 the run ended held, stopped or aborted; 2 bad input or environment.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from config.loader import ConfigError
from controller.check import check_files
from controller.errors import ControllerError
from controller.historian.commands import history_app
from controller.historian.verify_command import verify
from controller.materials.commands import history_lots, lot_app
from controller.operating.alarm_commands import add_alarm_commands
from controller.operating.commands import add_commands
from controller.outlets.commands import mirror_app
from controller.packages import WrongPackageError, check_packages
from controller.report.commands import report
from controller.report.rolls_command import rolls
from controller.run_commands import run
from controller.users.commands import user_app
from drivers.errors import DriverError

BAD_INPUT = 2

_HELP = """Control and record of a pilot line for adhesion-enhanced polyimide film.

\b
Begin        filmline demo   (a whole simulated run, then its report)
Prove        check, dry-run
Materials    lot
Run          run;  on a simulated line also simulate, hands, operate
Look         status, watch, read
Command      start, hold, restart, stop, abort, answer, ack, note
By hand      manual, set, auto, do
Protection   reset, rearm, bypass
Afterwards   history, report;  mirror

The pages for people begin with docs/first-run.md and docs/first-shift.md.

This is the basic control layer. It is never the emergency stop."""

app = typer.Typer(
    name="filmline",
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(history_app, name="history")
app.add_typer(mirror_app, name="mirror")
app.add_typer(lot_app, name="lot")
app.add_typer(user_app, name="user")
history_app.command("lots")(history_lots)
history_app.command("rolls")(rolls)
app.command("report")(report)
app.command("run")(run)
app.command("verify")(verify)
add_commands(app)
add_alarm_commands(app)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Line and recipe files (TOML).")],
    line: Annotated[
        Path | None, typer.Option(help="Line file that recipes are checked against.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON.")] = False,
) -> None:
    """Check line and recipe files; predict what a recipe does.

    Every error comes with file, line and column.

    For a recipe: stoichiometry, the claims it falls under as written, the layer each side's
    coat dries to, predicted loss on heating and imidization at peel at thread and run speed,
    percent of LFL per zone and blister index. Exit code 2 when anything is wrong.
    """
    raise typer.Exit(check_files(files, line, as_json=as_json))


def _add_simulator_commands() -> None:
    """Mount commands that other packages offer (dry-run, simulate, demo)."""
    for entry in sorted(entry_points(group="filmline.commands"), key=lambda entry: entry.name):
        app.command(entry.name)(entry.load())


def main() -> None:
    """Run the command line; errors of users are messages, never tracebacks."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        check_packages()
        _add_simulator_commands()
        app()
    except (ConfigError, ControllerError, DriverError, WrongPackageError) as error:
        errors.print(str(error))
        sys.exit(BAD_INPUT)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        errors.print(f"{error.strerror or error}{place}")
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        errors.print("interrupted")
        sys.exit(1)
