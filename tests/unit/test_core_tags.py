"""The process image: layout, quality, staleness, checks on arrival, record."""

from __future__ import annotations

import math

import pytest

from controller.errors import UnknownTag, WiringError
from controller.tags import TagTable
from drivers.base import Block, Quality
from tests.core_rig import T0, Rig, S, make_line


def test_blocks_lie_contiguously_in_the_order_they_attach() -> None:
    table = TagTable(make_line())
    table.attach(Block("b", ("FT-501.PV", "TIC-501.OP", "SIC-110.ACT"), 0.5))
    table.attach(Block("a", ("TIC-501.PV",), 0.5))
    assert [table.index(n) for n in ("FT-501.PV", "TIC-501.OP", "SIC-110.ACT", "TIC-501.PV")] == [
        0,
        1,
        2,
        3,
    ]
    assert len(table.names) == len(table) == len(set(table.names))
    assert table.names[-4:] == ("FRQ-201.REQ", "FRQ-501.REQ", "TIC-501.TRACK", "PROC.PURGE")


def test_a_block_attached_after_the_layout_is_sealed_still_lands_on_its_tags() -> None:
    table = TagTable(make_line())
    row = table.index("FT-201.PV")
    table.attach(Block("late", ("SIC-110.ACT", "FT-201.PV"), 0.5)).write([7.0, 8.0], 0, T0, T0)
    assert table.value[row] == 8.0
    assert table.value[table.index("SIC-110.ACT")] == 7.0


def test_a_tag_comes_with_one_block_only() -> None:
    table = TagTable(make_line())
    table.attach(Block("a", ("FT-201.PV",), 0.5))
    with pytest.raises(WiringError, match=r"FT-201\.PV"):
        table.attach(Block("b", ("FT-201.PV",), 0.5))


def test_unknown_tags_are_named() -> None:
    table = TagTable(make_line())
    with pytest.raises(UnknownTag, match="NOPE"):
        table.attach(Block("a", ("NOPE",), 0.5))
    with pytest.raises(UnknownTag, match="NOPE"):
        table.index("NOPE")
    with pytest.raises(UnknownTag, match="NOPE"):
        table.spec("NOPE")


def test_before_the_first_poll_a_tag_waits_and_is_not_known() -> None:
    value, quality = TagTable(make_line()).snapshot(T0).get("FT-201.PV")
    assert math.isnan(value)
    assert quality == Quality.BAD_WAITING_FOR_INITIAL_DATA


def test_age_counts_from_sending_and_never_changes_the_stored_value() -> None:
    table = TagTable(make_line())
    table.attach(Block("io", ("FT-201.PV",), 0.5)).write([500.0], 0, T0, T0 + S)
    row = table.index("FT-201.PV")
    assert table.snapshot(T0 + 2 * S).get("FT-201.PV") == (500.0, Quality.GOOD)
    stale = table.snapshot(T0 + 2 * S + 1)
    assert stale.get("FT-201.PV") == (500.0, Quality.BAD_NO_COMMUNICATION)
    assert math.isnan(stale.good("FT-201.PV"))
    assert table.read(row, T0 + 2 * S + 1)[1] == Quality.BAD_NO_COMMUNICATION
    assert table.quality[row] == Quality.GOOD


def test_slow_blocks_go_stale_after_three_periods() -> None:
    table = TagTable(make_line())
    table.attach(Block("slow", ("FT-201.PV",), 2.0)).write([500.0], 0, T0, T0)
    assert table.snapshot(T0 + 6 * S).get("FT-201.PV")[1] == Quality.GOOD
    assert table.snapshot(T0 + 6 * S + 1).get("FT-201.PV")[1] == Quality.BAD_NO_COMMUNICATION


def test_a_failed_poll_is_a_bad_sample_that_keeps_its_reason_when_stale() -> None:
    table = TagTable(make_line())
    writer = table.attach(Block("io", ("FT-201.PV",), 0.5))
    writer.write([500.0], 0, T0, T0)
    writer.fail(Quality.BAD_TIMEOUT, "no reply", T0 + S, T0 + S)
    value, quality = table.snapshot(T0 + 60 * S).get("FT-201.PV")
    assert math.isnan(value)
    assert quality == Quality.BAD_TIMEOUT


@pytest.mark.parametrize(
    ("value", "quality"),
    [
        (0.0, Quality.GOOD),
        (-1.2, Quality.GOOD),  # 3.8 mA is -1.25 %: NE 43 calls it measuring
        (-1.3, Quality.BAD_OUT_OF_RANGE),
        (103.1, Quality.GOOD),  # 20.5 mA
        (103.2, Quality.BAD_OUT_OF_RANGE),
        (math.nan, Quality.BAD_SENSOR_FAILURE),
        (math.inf, Quality.BAD_OUT_OF_RANGE),
    ],
)
def test_values_are_checked_on_arrival(value: float, quality: Quality) -> None:
    table = TagTable(make_line())
    table.attach(Block("io", ("AT-201.PV",), 0.5)).write([value], Quality.GOOD, T0, T0)
    assert table.snapshot(T0).get("AT-201.PV")[1] == quality


def test_a_bad_reason_given_by_the_driver_stays() -> None:
    table = TagTable(make_line())
    writer = table.attach(Block("t1", ("TIC-501.PV", "TIC-501.OP"), 0.5))
    writer.write([1372.0, 5.0], [Quality.BAD_SENSOR_FAILURE, Quality.GOOD], T0, T0)
    assert table.snapshot(T0).get("TIC-501.PV")[1] == Quality.BAD_SENSOR_FAILURE
    assert table.snapshot(T0).get("TIC-501.OP") == (5.0, Quality.GOOD)


def test_uncertain_is_not_known() -> None:
    rig = Rig()
    rig.values({"FT-201.PV": 500.0}, Quality.UNCERTAIN)
    snapshot = rig.scan()
    assert math.isnan(snapshot.good("FT-201.PV"))
    assert snapshot.get("FT-201.PV") == (500.0, Quality.UNCERTAIN)


def test_calculated_values_carry_quality_and_age() -> None:
    table = TagTable(make_line())
    row = table.index("PROC.PURGE")
    table.set_calculated(row, 4.5, Quality.GOOD, T0)
    assert table.snapshot(T0).get("PROC.PURGE") == (4.5, Quality.GOOD)
    assert table.snapshot(T0 + 4 * S).get("PROC.PURGE")[1] == Quality.BAD_NO_COMMUNICATION
    table.set_calculated(row, math.nan, Quality.GOOD, T0)
    assert table.snapshot(T0).get("PROC.PURGE")[1] == Quality.BAD


class _Record:
    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def attach(self, block: Block) -> _Record:
        self.calls.append(("attach", block.name))
        return self

    def write(self, values, quality, sent_ns, received_ns) -> None:
        self.calls.append(("write", list(values), quality, sent_ns, received_ns))

    def fail(self, quality, reason, sent_ns, received_ns) -> None:
        self.calls.append(("fail", quality, reason, sent_ns, received_ns))


def test_the_record_gets_every_block_with_the_checked_quality() -> None:
    record = _Record()
    table = TagTable(make_line(), record)
    writer = table.attach(Block("t1", ("TIC-501.PV", "TIC-501.OP"), 0.5))
    writer.write([1372.0, 5.0], 0, T0, T0 + 1)
    writer.fail(Quality.BAD_TIMEOUT, "no reply", T0, T0)
    assert record.calls == [
        ("attach", "t1"),
        ("write", [1372.0, 5.0], [Quality.BAD_OUT_OF_RANGE, 0], T0, T0 + 1),
        ("fail", Quality.BAD_TIMEOUT, "no reply", T0, T0),
    ]
