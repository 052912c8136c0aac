"""What ``filmline history`` prints: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from controller.events import Event
from controller.historian.archive import utc_text
from controller.historian.catalog import TagInfo, status_name
from controller.historian.identity import SIMULATED
from controller.historian.ledger import Balance
from controller.historian.profiles import Profile
from controller.historian.query import Buckets, Samples
from controller.historian.seal import Verdict
from controller.historian.timetext import run_time

_PIPE_COLUMNS: Final = 200


def _console() -> Console:
    """Standard output; a pipe or file has no width to cut tables to."""
    width = None if sys.stdout.isatty() else _PIPE_COLUMNS
    return Console(highlight=False, markup=False, width=width)


def _print_json(content: object) -> None:
    _console().print(json.dumps(_plain(content), allow_nan=False), soft_wrap=True)


def _plain(value: Any) -> Any:
    """Plain JSON values; NaN and infinity have no number in JSON and become null."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _table(*columns: str, title: str = "") -> Table:
    """A plain table; ``>`` before a column's name sets it right. The title is printed first."""
    if title:
        _console().print(title, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left")
    return table


def _number(value: float, resolution: float) -> str:
    """A value with the digits its resolution carries; a dash where there is none."""
    if math.isnan(value):
        return "-"
    digits = max(0, -math.floor(math.log10(resolution) + 1e-9))
    return f"{value:.{digits}f}"


def _more(shown: int, total: int) -> None:
    if total > shown:
        _console().print(f"... {total - shown} more; --limit or --json shows them")


def show_tags(info: Mapping[str, str], tags: Sequence[TagInfo], *, as_json: bool) -> None:
    """Catalog of a record, under its lot."""
    if as_json:
        _print_json({"lot": info["lot"], "plant": info["plant"], "tags": [*map(asdict, tags)]})
        return
    mark = f"  {SIMULATED}" if info["plant"] == SIMULATED else ""
    table = _table(
        "tag", "unit", ">low", ">high", "station", "scan group", ">period s", "description",
        title=f"lot {info['lot']}, line {info['line']}{mark}: {len(tags)} tags",
    )  # fmt: skip
    for tag in tags:
        table.add_row(
            tag.name,
            tag.unit,
            f"{tag.low:g}",
            f"{tag.high:g}",
            tag.station or "",
            tag.group,
            f"{tag.period_s:g}",
            tag.description,
        )
    _console().print(table)


def show_samples(start_ns: int, found: Sequence[Samples], limit: int, *, as_json: bool) -> None:
    """Samples, one table per tag."""
    if as_json:
        _print_json([_samples_json(samples) for samples in found])
        return
    for samples in found:
        tag, total = samples.tag, len(samples.sent_ns)
        columns = ["run time", "UTC", f">{tag.unit}", "quality"]
        if samples.meter is not None:
            columns.insert(0, ">roll m")
        table = _table(*columns, title=f"{tag.name}: {tag.description} ({total} samples)")
        for row in range(min(limit, total)):
            ns = int(samples.sent_ns[row])
            cells = [
                run_time(ns, start_ns),
                utc_text(ns),
                _number(float(samples.value[row]), tag.resolution),
                status_name(int(samples.quality[row])),
            ]
            if samples.meter is not None:
                cells.insert(0, f"{samples.meter[row]:.2f}")
            table.add_row(*cells)
        _console().print(table)
        _more(limit, total)


def _samples_json(samples: Samples) -> dict[str, Any]:
    content: dict[str, Any] = {
        "tag": samples.tag.name,
        "unit": samples.tag.unit,
        "sent_ns": samples.sent_ns,
        "received_ns": samples.received_ns,
        "value": samples.value,
        "quality": [status_name(code) for code in samples.quality.tolist()],
    }
    return content if samples.meter is None else content | {"meter": samples.meter}


def show_buckets(start_ns: int, found: Sequence[Buckets], *, as_json: bool) -> None:
    """Buckets, one table per tag."""
    if as_json:
        _print_json([_buckets_json(buckets) for buckets in found])
        return
    for buckets in found:
        tag = buckets.tag
        by_time = buckets.axis == "ns"
        table = _table(
            "run time" if by_time else ">roll m", ">min", ">max", ">mean", ">last", ">samples",
            title=f"{tag.name} in {tag.unit}: {tag.description} (from {buckets.source})",
        )  # fmt: skip
        parts = (buckets.minimum, buckets.maximum, buckets.mean, buckets.last)
        for row, start in enumerate(buckets.start.tolist()):
            table.add_row(
                run_time(start, start_ns) if by_time else f"{start:.2f}",
                *(_number(float(part[row]), tag.resolution) for part in parts),
                str(buckets.count[row]),
            )
        _console().print(table)


def _buckets_json(buckets: Buckets) -> dict[str, Any]:
    return {
        "tag": buckets.tag.name,
        "unit": buckets.tag.unit,
        "axis": buckets.axis,
        "source": buckets.source,
        "start": buckets.start,
        "min": buckets.minimum,
        "max": buckets.maximum,
        "mean": buckets.mean,
        "last": buckets.last,
        "count": buckets.count,
    }


def show_events(start_ns: int, found: Sequence[Event], limit: int, *, as_json: bool) -> None:
    """Events in order."""
    if as_json:
        _print_json([asdict(event) for event in found])
        return
    table = _table("run time", "source", "what", "tag", "old", "new", "cause", "actor")
    for event in found[:limit]:
        old, new = map(_short, (event.old, event.new))
        table.add_row(
            run_time(event.ns, start_ns),
            event.source,
            event.verb,
            event.tag,
            old,
            new,
            event.cause,
            event.actor,
        )
    _console().print(table)
    _more(limit, len(found))


def show_profiles(start_ns: int, found: Sequence[Profile], limit: int, *, as_json: bool) -> None:
    """Profiles: one row each for people, every point for programs."""
    if as_json:
        _print_json([asdict(profile) for profile in found])
        return
    table = _table("run time", "scanner", ">from m", ">to m", ">points", ">mean", ">2 sigma")
    for profile in found[:limit]:
        used = profile.value[profile.valid & np.isfinite(profile.value)]
        mean, sigma = (used.mean(), used.std()) if used.size else (math.nan, math.nan)
        table.add_row(
            run_time(profile.ns, start_ns),
            profile.scanner,
            _number(profile.from_m, 0.01),
            _number(profile.to_m, 0.01),
            f"{used.size}/{profile.value.size}",
            _number(float(mean), 0.001),
            _number(2 * float(sigma), 0.001),
        )
    _console().print(table)
    _more(limit, len(found))


def show_balances(found: Sequence[Balance], *, as_json: bool) -> None:
    """Accounts of tags."""
    if as_json:
        extra = [{"undeclared": one.undeclared, "balanced": one.balanced} for one in found]
        _print_json([asdict(one) | more for one, more in zip(found, extra, strict=True)])
        return
    table = _table(
        "tag", ">expected", ">stored", ">good", ">bad", ">declared", ">undeclared", "why bad"
    )
    for one in found:
        table.add_row(
            one.tag,
            str(one.expected),
            str(one.stored),
            str(one.good),
            str(one.bad),
            str(one.declared),
            str(one.undeclared),
            "; ".join(f"{reason} ({count})" for reason, count in one.reasons),
        )
    _console().print(table)


def show_files(files: Sequence[Path], *, as_json: bool) -> None:
    """Files written."""
    if as_json:
        _print_json([str(file) for file in files])
        return
    for file in files:
        _console().print(str(file), soft_wrap=True)


def show_verdict(verdict: Verdict, *, as_json: bool) -> None:
    """Whether the record is what was sealed."""
    if as_json:
        _print_json(asdict(verdict) | {"intact": verdict.intact})
    elif not verdict.sealed:
        _console().print(f"not sealed; content now {verdict.computed}", soft_wrap=True)
    elif verdict.intact:
        _console().print(f"intact: {verdict.stored}", soft_wrap=True)
    else:
        _console().print(
            f"CHANGED since it was sealed\nsealed {verdict.stored}\nnow    {verdict.computed}",
            soft_wrap=True,
        )


def _short(value: object) -> str:
    """Old or new value of an event for people: six digits; JSON has them all."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
