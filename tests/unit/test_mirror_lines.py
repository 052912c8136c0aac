"""Line protocol and MQTT JSON: what is not good never looks good, and texts cannot break out."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from controller.historian.blocks import Rows
from controller.historian.heads import KeptHead
from controller.outlets.content import (
    GroupInfo,
    Noted,
    Origin,
    Piece,
    Slice,
    TagPlace,
    Traverse,
)
from controller.outlets.cursor import Progress
from controller.outlets.lines import lines
from controller.outlets.messages import MOST_ROWS, Topics
from drivers.base import Quality

ORIGIN = Origin("pilot", "L 1", "SIMULATED", 0)
GROUP = GroupInfo(3, "T1.fast", (TagPlace("PV", "degC", "T1", 0.1), TagPlace("OP", "%", "T1", 0.1)))
HEAD = r"T1.fast,line=pilot,lot=L\ 1,plant=SIMULATED,station=T1"
NAN = math.nan


def part(rows: Rows, *, film: bool = False, **more: object) -> Slice:
    known = np.full(len(rows.sent), 12.5) if film else None
    meter = np.full(len(rows.sent), NAN) if film else None
    piece = Piece(GROUP, 100, rows, known, meter)
    content: dict[str, object] = {"pieces": (piece,), "events": (), "profiles": ()} | more
    return Slice(progress=Progress(), behind_rows=0, behind_s=0.0, sealed=False, **content)  # type: ignore[arg-type]


def rows(values: list[list[float]], quality: list[list[int]] | None = None) -> Rows:
    sent = np.arange(len(values), dtype=np.int64) * 1_000_000_000 + 1_234_567
    codes = None if quality is None else np.array(quality, np.uint32)
    return Rows(sent, sent + 5, np.array(values), codes)


def written(found: Slice) -> list[str]:
    return list(lines(found, ORIGIN))


def test_good_rows_carry_all_values_in_microseconds() -> None:
    assert written(part(rows([[349.8, 0.1 + 0.2]]))) == [f"{HEAD} PV=349.8,OP=0.3 1234"]


@pytest.mark.parametrize(
    ("value", "code", "fields"),
    [
        (NAN, Quality.BAD_TIMEOUT, "q_PV=2148139008i"),
        (20.0, Quality.BAD_SENSOR_FAILURE, "q_PV=2156658688i"),
        (20.0, Quality.UNCERTAIN_SUBNORMAL, "q_PV=1083506688i,u_PV=20"),
        (NAN, Quality.GOOD, "q_PV=2147483648i"),
        (math.inf, Quality.GOOD, "q_PV=2147483648i"),
    ],
)
def test_what_is_not_good_is_not_under_the_tags_name(
    value: float, code: Quality, fields: str
) -> None:
    found = written(part(rows([[value, 7.0]], [[int(code), 0]])))
    assert found == [f"{HEAD} {fields},OP=7 1234"]


def test_film_fields_stand_only_where_they_are_known() -> None:
    assert written(part(rows([[1.0, 2.0]]), film=True)) == [f"{HEAD} PV=1,OP=2,film_s=12.500 1234"]


def test_an_event_cannot_break_out_of_its_point() -> None:
    event = Noted(7, 2_000, "ala rm", "a=b,c", "T", None, 'x"y\\', "1\n2", "eva", 3)
    (line,) = written(part(rows([]), pieces=(), events=(event,)))
    assert line == (
        r"event,line=pilot,lot=L\ 1,plant=SIMULATED,source=ala\ rm,verb=a\=b\,c "
        r'tag="T",old="",new="x\"y\\",cause="1 2",actor="eva",id=7i 5'
    )


def test_a_traverse_leaves_out_what_it_does_not_know() -> None:
    profile = Traverse(1, 5_000, "GT-601.PV", 0, None, 3.5, NAN, None, None, None)
    (line,) = written(part(rows([]), pieces=(), profiles=(profile,)))
    assert line.endswith("scanner=GT-601.PV to_m=3.5,valid=0i 5")


def messages(found: Slice) -> list[tuple[str, dict[str, object], bool]]:
    topics = Topics("filmline", ORIGIN)
    both = [*topics.rows(found), *topics.tags(found)]
    return [(one.topic, json.loads(one.payload), one.retain) for one in both]


def test_mqtt_rows_carry_their_number_and_quality() -> None:
    values, codes = [[1.0, NAN], [2.0, 3.0]], [[0, int(Quality.BAD_TIMEOUT)], [0, 0]]
    (stream, first, second) = messages(part(rows(values, codes), film=True))
    topic, content, retain = stream
    assert (topic, retain) == ("filmline/pilot/rows/T1.fast", False)
    assert (content["first"], content["values"]) == (100, [[1.0, None], [2.0, 3.0]])
    assert content["quality"] == codes
    assert (content["film_s"], content["film_m"]) == ([12.5, 12.5], [None, None])
    assert first[0] == "filmline/pilot/tags/PV"
    assert (first[1]["value"], first[1]["quality"], first[2]) == (2.0, "GOOD", True)
    assert first[1]["source_time"] == "1970-01-01T00:00:01.001234Z"
    assert second[1]["unit"] == "%"


def test_mqtt_never_says_good_of_what_is_not() -> None:
    bad = messages(part(rows([[5.0, NAN]], [[int(Quality.BAD_NOT_CONNECTED), 0]])))
    contents = [content for topic, content, _ in bad if "/tags/" in topic]
    assert [(one["value"], one["good"], one["quality"]) for one in contents] == [
        (None, False, "BAD_NOT_CONNECTED"),
        (None, False, "BAD"),
    ]


def test_mqtt_messages_stay_small() -> None:
    found = messages(part(rows([[1.0, 2.0]] * (MOST_ROWS + 1))))
    firsts = [content["first"] for topic, content, _ in found if "/rows/" in topic]
    assert firsts == [100, 100 + MOST_ROWS]


def test_a_head_is_a_point_at_its_commit_and_a_retained_message() -> None:
    found = part(rows([]), pieces=(), head=KeptHead(17, bytes.fromhex("9f" * 32), 5_000, True))
    assert written(found) == [
        rf'chain,line=pilot,lot=L\ 1,plant=SIMULATED seq=17i,digest="{"9f" * 32}" 5'
    ]
    ((topic, content, retained),) = messages(found)
    assert (topic, retained) == ("filmline/pilot/chain", True)
    assert content["head"] == f"17:{content['digest']}" == f"17:{'9f' * 32}"
    assert (content["seq"], content["ns"], content["sealed"]) == (17, 5_000, True)
