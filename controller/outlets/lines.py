"""InfluxDB line protocol, written directly: one line per row of a scan group.

    <scan group>,line=pilot,lot=L1,plant=SIMULATED TIC-501.PV=349.8,q_TIC-501.OP=2147483648i ...

A value stands under its tag's name only when it is GOOD. Otherwise the field ``q_<tag>`` holds
the OPC UA status, and an uncertain value stands under ``u_<tag>``. Values are always floats and
statuses always integers, so a field can never change its type. Twelve digits are finer than any
instrument, and hide the last bit of a sum of tenths. Stamps are microseconds, UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from controller.historian.heads import KeptHead
from controller.outlets.content import Noted, Origin, Piece, Slice, Traverse
from drivers.base import Quality, is_good

US: Final = 1_000  # ns
_KEY = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ "})
_NAME = str.maketrans({",": r"\,", " ": r"\ ", "\n": r"\ "})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})


def key(text: str) -> str:
    """A tag key, tag value or field key."""
    return text.translate(_KEY) or "-"


def lines(part: Slice, origin: Origin) -> Iterator[str]:
    """Every line of a slice."""
    common = f",line={key(origin.line)},lot={key(origin.lot)},plant={key(origin.plant)}"
    for piece in part.pieces:
        yield from _piece_lines(piece, common)
    for event in part.events:
        yield _event_line(event, common)
    for profile in part.profiles:
        yield _profile_line(profile, common)
    if part.head is not None:
        yield _head_line(part.head, common)


def _piece_lines(piece: Piece, common: str) -> Iterator[str]:
    """Lines of some rows; those wholly good go through one template."""
    group, rows = piece.group, piece.rows
    head = group.name.translate(_NAME) + common
    if group.station is not None:
        head += f",station={key(group.station)}"
    names = [key(tag.name) for tag in group.tags]
    template = ",".join(f"{name.replace('%', '%%')}=%.12g" for name in names)
    good: NDArray[np.bool_] = np.isfinite(rows.values)
    if rows.quality is not None:
        good &= rows.quality == 0
    plain: list[bool] = np.asarray(good.all(axis=1), np.bool_).tolist()
    values, stamps = rows.values.tolist(), (rows.sent // US).tolist()
    film = _film_fields(piece)
    for place in range(len(stamps)):
        if plain[place]:
            fields = template % tuple(values[place])
        else:
            codes = [0] * len(names) if rows.quality is None else rows.quality[place].tolist()
            fields = _doubtful(names, values[place], codes)
        yield f"{head} {fields}{film[place]} {stamps[place]}"


def _doubtful(names: list[str], values: list[float], codes: list[int]) -> str:
    """Fields of a row in which something is not good."""
    fields: list[str] = []
    for name, value, code in zip(names, values, codes, strict=True):
        finite = isfinite(value)
        if is_good(code) and finite:
            fields.append(f"{name}={value:.12g}")
            continue
        fields.append(f"q_{name}={int(Quality.BAD) if is_good(code) else code}i")
        if finite and code < Quality.BAD:
            fields.append(f"u_{name}={value:.12g}")
    return ",".join(fields)


def _film_fields(piece: Piece) -> list[str]:
    """``,film_s=...,film_m=...`` for each row, as far as they are known."""
    if piece.film_s is None or piece.film_m is None:
        return [""] * len(piece.rows.sent)
    label = [f",film_s={at:.3f}" if isfinite(at) else "" for at in piece.film_s.tolist()]
    meter = [f",film_m={at:.3f}" if isfinite(at) else "" for at in piece.film_m.tolist()]
    return [s + m for s, m in zip(label, meter, strict=True)]


def _text(value: Any) -> str:
    """A field's text in quotes; a line break would end the point."""
    plain = "" if value is None else str(value)
    return '"' + plain.replace("\n", " ").translate(_TEXT) + '"'


def _event_line(event: Noted, common: str) -> str:
    """An event; those of one scan are set 1 us apart, or they would overwrite each other."""
    head = f"event{common},source={key(event.source)},verb={key(event.verb)}"
    texts = {"tag": event.tag, "old": event.old, "new": event.new, "cause": event.cause}
    fields = [f"{name}={_text(value)}" for name, value in texts.items()]
    fields += [f"actor={_text(event.actor)}", f"id={event.id}i"]
    return f"{head} {','.join(fields)} {event.ns // US + event.place}"


def _is_number(value: float | None) -> bool:
    return value is not None and isfinite(value)


def _profile_line(profile: Traverse, common: str) -> str:
    """A traverse of the scanner: its statistics, and the roll meters that it saw."""
    found = {
        "mean": profile.mean,
        "sigma": profile.sigma,
        "min": profile.least,
        "max": profile.greatest,
        "from_m": profile.from_m,
        "to_m": profile.to_m,
    }
    fields = [f"{name}={value:.12g}" for name, value in found.items() if _is_number(value)]
    fields.append(f"valid={profile.valid}i")
    head = f"profile{common},scanner={key(profile.scanner)}"
    return f"{head} {','.join(fields)} {profile.ns // US}"


def _head_line(head: KeptHead, common: str) -> str:
    """The head of the chain, at the time of its commit: earlier ones stay beside it."""
    digest = head.digest.hex()
    return f'chain{common} seq={head.seq}i,digest="{digest}" {head.ns // US}'
