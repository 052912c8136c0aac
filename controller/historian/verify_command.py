"""The command ``filmline verify``: prove a record, offline, row by row."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from controller.historian.archive import utc_text
from controller.historian.errors import RecordError
from controller.historian.proof import Proof, parse_head, prove

CHANGED, BAD_INPUT = 1, 2
_SHOWN = 50


def verify(
    run: Annotated[Path, typer.Argument(help="Folder of the run, or its record.sqlite.")],
    head: Annotated[
        str, typer.Option(help="NUMBER:SHA256 kept elsewhere, which the record must still hold.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")] = False,
) -> None:
    """Prove that nothing of a record was changed.

    Says which row it was, by number and time. Needs no service; a copy of the file will do.
    Exit codes: 0 nothing found; 1 something found; 2 there is no record to check.
    """
    try:
        proof = prove(run, parse_head(head) if head else None)
    except RecordError as error:
        console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        console.print(str(error))
        raise typer.Exit(BAD_INPUT) from error
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if as_json:
        console.print(json.dumps(asdict(proof) | {"whole": proof.whole}))
    else:
        for line in _lines(proof):
            console.print(line)
    if not proof.whole:
        raise typer.Exit(CHANGED)


def _lines(proof: Proof) -> list[str]:
    findings = [
        f"{finding.what.upper()}: {finding.text}"
        + (f" (link {finding.seq})" if finding.seq else "")
        + (f", {_when(finding.ns)}" if finding.ns else "")
        for finding in proof.findings[:_SHOWN]
    ]
    if len(proof.findings) > _SHOWN:
        findings.append(f"... {len(proof.findings) - _SHOWN} more; --json shows them")
    if findings:
        return [f"lot {proof.lot}: {len(proof.findings)} findings", *findings]
    state = "sealed" if proof.sealed else "NOT SEALED: samples of its last minutes have no link"
    chain = f"{proof.links} links, head {proof.head}" if proof.chained else "version 1: no chain"
    return [f"lot {proof.lot} ({proof.plant}) is whole: {chain}; {state}"]


def _when(ns: int) -> str:
    """UTC; a stamp that was changed may be none."""
    try:
        return utc_text(ns)
    except OverflowError:
        return f"{ns} ns"
