"""The command ``filmline check``: line and recipe files, before anything is made with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from controller.check import check_files


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
