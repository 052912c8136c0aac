"""``filmline report``: the lot report from a record, as HTML and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.report.gather import gather, to_json
from controller.report.page import render


def report(
    lot: Annotated[Path, typer.Argument(help="Folder of the run, or its record file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files (default: beside the record).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON too.")] = False,
) -> None:
    """Write the report of a lot again from its record.

    The files are report.html and report.json.

    The page opens without network or script. It reads the record only, so it can be made
    again at any time, on any computer.
    """
    folder = out or (lot if lot.is_dir() else lot.parent)
    html, data = write_report(lot, folder)
    if as_json:
        typer.echo(data.read_text("utf-8"), nl=False)
    else:
        typer.echo(f"{html}\n{data}")


def write_report(lot: Path, folder: Path) -> tuple[Path, Path]:
    """Write both files into ``folder``; returns their paths."""
    facts = gather(lot)
    folder.mkdir(parents=True, exist_ok=True)
    html, data = folder / "report.html", folder / "report.json"
    html.write_text(render(facts), encoding="utf-8")
    data.write_text(to_json(facts), encoding="utf-8")
    return html, data
