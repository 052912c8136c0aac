"""What the MQTT mirror says: topics and JSON, without a broker.

``<prefix>/<line>/status``       retained; the last will says offline
``<prefix>/<line>/tags/<tag>``   retained: the latest value of a tag, with its quality
``<prefix>/<line>/rows/<group>`` every row of a scan group, in order, several to a message
``<prefix>/<line>/events``       every event
``<prefix>/<line>/chain``        retained: the head of the record's chain
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

from controller.historian.catalog import status_name
from controller.historian.heads import KeptHead
from controller.outlets.content import Noted, Origin, Piece, Slice
from drivers.base import Quality, is_bad, is_good

MOST_ROWS: Final = 500
_DIGITS: Final = 9  # finer than any instrument; hides the last bit of a sum of tenths
_RESERVED = str.maketrans({"/": "_", "+": "_", "#": "_"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """A topic, its JSON, and whether the broker keeps it for those who come later."""

    topic: str
    payload: str
    retain: bool = False


class Topics:
    """Names of the topics of one line."""

    def __init__(self, prefix: str, origin: Origin) -> None:
        self._base = f"{prefix}/{_level(origin.line)}"
        self._origin = {"lot": origin.lot, "plant": origin.plant}

    @property
    def status(self) -> str:
        """Whether the mirror is there."""
        return f"{self._base}/status"

    def status_message(self, state: str, reason: str = "", **more: object) -> Message:
        """``online`` or ``offline``, and why."""
        content = {"state": state, "reason": reason} | self._origin | more
        return Message(self.status, _json(content), retain=True)

    def rows(self, part: Slice) -> Iterator[Message]:
        """All rows and events of a slice, and the head of the chain."""
        for piece in part.pieces:
            for first in range(0, len(piece.rows.sent), MOST_ROWS):
                yield self._rows_message(piece, first, first + MOST_ROWS)
        for event in part.events:
            yield Message(f"{self._base}/events", _json(_event(event) | self._origin))
        yield from self.chain(part)

    def chain(self, part: Slice) -> Iterator[Message]:
        """The head of the chain, if the slice has one: a proof of all that came before it."""
        if part.head is not None:
            content = _head(part.head) | self._origin
            yield Message(f"{self._base}/chain", _json(content), retain=True)

    def _rows_message(self, piece: Piece, first: int, end: int) -> Message:
        rows = piece.rows
        values = rows.values[first:end].round(_DIGITS).tolist()
        content: dict[str, Any] = {
            "group": piece.group.name,
            "first": piece.first + first,
            "tags": [tag.name for tag in piece.group.tags],
            "ns": rows.sent[first:end].tolist(),
            "values": [[value if isfinite(value) else None for value in row] for row in values],
        }
        if rows.quality is not None and rows.quality[first:end].any():
            content["quality"] = rows.quality[first:end].tolist()
        if piece.film_s is not None and piece.film_m is not None:
            content["film_s"] = _or_none(piece.film_s[first:end].tolist())
            content["film_m"] = _or_none(piece.film_m[first:end].tolist())
        topic = f"{self._base}/rows/{_level(piece.group.name)}"
        return Message(topic, _json(content | self._origin))

    def tags(self, part: Slice) -> Iterator[Message]:
        """The last value of each tag of a slice, to be retained."""
        for piece in part.pieces:
            for place in range(len(piece.group.tags)):
                yield self._tag_message(piece, place)

    def _tag_message(self, piece: Piece, place: int) -> Message:
        tag, rows = piece.group.tags[place], piece.rows
        value = round(float(rows.values[-1, place]), _DIGITS)
        code = 0 if rows.quality is None else int(rows.quality[-1, place])
        if is_good(code) and not isfinite(value):
            code = int(Quality.BAD)
        content: dict[str, Any] = {
            "tag": tag.name,
            "value": None if is_bad(code) else value,
            "unit": tag.unit,
            "quality": status_name(code),
            "good": is_good(code),
            "source_time": utc(int(rows.sent[-1])),
            "source_ns": int(rows.sent[-1]),
        }
        if piece.film_s is not None and piece.film_m is not None:
            content["film_s"] = _or_none([float(piece.film_s[-1])])[0]
            content["film_m"] = _or_none([float(piece.film_m[-1])])[0]
        topic = f"{self._base}/tags/{_level(tag.name)}"
        return Message(topic, _json(content | self._origin), retain=True)


def _level(name: str) -> str:
    """A name as one level of a topic."""
    return name.translate(_RESERVED)


def utc(ns: int) -> str:
    """ISO 8601 with microseconds."""
    moment = _EPOCH + timedelta(microseconds=ns // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _or_none(values: list[float]) -> list[float | None]:
    return [round(value, 3) if isfinite(value) else None for value in values]


def _event(event: Noted) -> dict[str, Any]:
    content: dict[str, Any] = {
        "id": event.id,
        "time": utc(event.ns),
        "ns": event.ns,
        "source": event.source,
        "verb": event.verb,
        "tag": event.tag,
        "old": event.old,
        "new": event.new,
        "cause": event.cause,
        "actor": event.actor,
    }
    return {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in content.items()
    }


def _head(head: KeptHead) -> dict[str, Any]:
    """A head; ``head`` is what ``filmline verify --head`` takes."""
    return {
        "head": str(head),
        "seq": head.seq,
        "digest": head.digest.hex(),
        "time": utc(head.ns),
        "ns": head.ns,
        "sealed": head.sealed,
    }


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
