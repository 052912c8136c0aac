"""The command ``filmline history rolls``: the label of every roll of a record."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from controller.historian.commands import BAD_INPUT, AsJson, Run
from controller.historian.errors import RecordError
from controller.report.facts import RollFacts
from controller.report.gather import gather, plain


def rolls(
    run: Run,
    roll: Annotated[str | None, typer.Option(help="Only this roll, such as R02.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the label of every roll.

    Meters, labels at its ends, recipe, good meters, and why others are not.

    Works on a run that is going on: the roll being wound is printed as far as it is.
    """
    try:
        found = [one for one in rolls_of(run) if roll is None or one.roll_id.endswith(roll)]
    except RecordError as error:
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(str(error))
        raise typer.Exit(BAD_INPUT) from error
    if as_json:
        typer.echo(json.dumps([plain(asdict(one)) for one in found], indent=1, ensure_ascii=False))
        return
    for one in found:
        typer.echo("\n".join(one.lines()))
    if not found:
        typer.echo("no rolls in this record")


def rolls_of(run: Path) -> list[RollFacts]:
    """Labels of the rolls of a record, judged meter by meter."""
    return gather(run).rolls
