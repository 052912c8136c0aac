"""Causes for people: each with its live values and the ways past it below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def lines_of(causes: Sequence[Row]) -> list[str]:
    """Lines of causes as the service gives them (see ``controller.operating.causes``)."""
    return [line for cause in causes for line in _lines(cause)]


def unsaid(causes: Sequence[Row], said: Sequence[str]) -> list[Row]:
    """Causes that a refusal's reasons did not tell, or told without live values."""
    told = "; ".join(said)
    return [cause for cause in causes if cause["inputs"] or cause["says"] not in told]


def _lines(cause: Row) -> list[str]:
    first = " (first out)" if cause.get("first_out") else ""
    found = [f"{cause['says']}{first}", *(f"    {_input(row)}" for row in cause["inputs"])]
    return [*found, f"    {_ways_past(cause)}"] if "bypass" in cause else found


def _input(row: Row) -> str:
    shown = "unknown" if row["value"] is None else f"{row['value']:.{row['digits']}f}"
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    status = "" if row["good"] else f" ({row['quality']})"
    test = f", {row['test']}" if row.get("test") else ""
    return f"{row['tag']} {shown}{unit}{status}{test}"


def _ways_past(cause: Row) -> str:
    """How a row that acts can be got past, in one line."""
    reset, bypass = cause["reset"], cause["bypass"]
    if reset is None:
        told = "it ends by itself"
    elif reset["possible"]:
        told = f"you may reset it: filmline reset {cause['name']} --reason ..."
    else:
        told = f"no reset now: {'; '.join(reset['against'])}"
    if bypass["role"] is None:
        return f"{told}. No bypass: {'; '.join(bypass['against'])}"
    return f"{told}. Bypass: {bypass['role']}, for up to {bypass['longest_min']} min"
