"""Blocks, columns and rollups give back exactly what they took."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.historian import columns, rollups
from controller.historian.blocks import BAD_ENTRY, Rows, fresh_block, merged_block, read_block
from controller.historian.errors import RecordCorrupt
from controller.historian.rollups import HOUR_NS, MINUTE_NS

INT64 = st.integers(-(2**63), 2**63 - 1)
RESOLUTIONS = (0.1, 0.001, 1.0, 60.0)
CODES = st.sampled_from([0, 0, 0, 0x8005_0000, 0x4094_0000])
PLAIN = st.floats(allow_nan=True, allow_infinity=True, width=64)
STEPPED = st.integers(-30000, 30000).map(lambda count: count * 0.1)
DIVIDED = st.integers(-30000, 30000).map(lambda count: count / 10)
FEW = st.sampled_from([1.5, -0.0, 0.0, float("nan"), 3.14159])


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal to the last bit, every NaN being the one NaN."""
    left, right = (np.where(np.isnan(part), np.nan, part) for part in (left, right))
    return np.array_equal(left.view(np.int64), right.view(np.int64))


@given(st.lists(INT64, min_size=1, max_size=80))
def test_integers_of_any_size_come_back(numbers):
    column = np.array(numbers, np.int64)
    assert np.array_equal(columns.decode_ints(columns.encode_ints(column), len(column)), column)
    stamps = column // 4 * 1000 % 2**61
    back = columns.decode_ints(columns.encode_stamps(stamps), len(stamps))
    assert np.array_equal(back, stamps)


@given(
    st.one_of(
        *(st.lists(kind, min_size=1, max_size=120) for kind in (PLAIN, STEPPED, DIVIDED, FEW))
    ),
    st.sampled_from(RESOLUTIONS),
)
def test_values_come_back_to_the_last_bit(numbers, resolution):
    column = np.array(numbers, np.float64)
    back = columns.decode_floats(columns.encode_floats(column, resolution), len(column))
    assert same_bits(back, column)


@st.composite
def tables(draw):
    rows, tags = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    kind = draw(st.sampled_from([PLAIN, STEPPED, FEW]))
    values = draw(st.lists(kind, min_size=rows * tags, max_size=rows * tags))
    codes = draw(st.lists(CODES, min_size=rows * tags, max_size=rows * tags))
    sent = draw(st.lists(st.integers(0, 2**61), min_size=rows, max_size=rows))
    delay = draw(st.lists(st.integers(-(10**9), 10**10), min_size=rows, max_size=rows))
    quality = np.array(codes, np.uint32).reshape(rows, tags)
    stamps = np.array(sent, np.int64)
    return Rows(stamps, stamps + np.array(delay), np.array(values).reshape(rows, tags), quality)


def as_fresh(rows: Rows) -> bytes:
    kind = [("sent", "<i8"), ("received", "<i8"), ("values", "<f8", (rows.values.shape[1],))]
    table = np.empty(len(rows.sent), kind)
    table["sent"], table["received"], table["values"] = rows.sent, rows.received, rows.values
    bad = [
        BAD_ENTRY.pack(row, column, int(rows.quality[row, column]))
        for row, column in np.argwhere(rows.quality)
    ]
    return fresh_block(rows.values.shape[1], len(rows.sent), table.tobytes(), bad)


@settings(max_examples=60)
@given(tables(), st.booleans())
def test_blocks_of_both_forms_come_back(rows, merged):
    data = merged_block(rows, [0.1] * rows.values.shape[1]) if merged else as_fresh(rows)
    back = read_block(data, "test")
    assert np.array_equal(back.sent, rows.sent)
    assert np.array_equal(back.received, rows.received)
    assert same_bits(back.values, rows.values)
    assert np.array_equal(back.codes(), rows.quality)
    last = rows.values.shape[1] - 1
    one = read_block(data, "test", [last])
    assert same_bits(one.values[:, 0], rows.values[:, last].copy())
    assert np.array_equal(one.codes()[:, 0], rows.quality[:, last])


def test_one_flipped_bit_anywhere_in_a_block_is_refused():
    rows = Rows(np.arange(50), np.arange(50) + 3, np.linspace(0, 5, 100).reshape(50, 2), None)
    data = merged_block(rows, [0.1, 0.1])
    for place in range(len(data)):
        spoiled = bytearray(data)
        spoiled[place] ^= 0x10
        try:
            back = read_block(bytes(spoiled), "test")
        except RecordCorrupt:
            continue
        pytest.fail(f"byte {place} changed and {back} was read")


def test_values_on_the_grid_of_the_resolution_take_a_few_bits():
    random = np.random.default_rng(1)
    column = np.round(200 + np.cumsum(random.normal(0, 0.05, 3600)), 1)
    assert len(columns.encode_floats(column, 0.1)) < 0.7 * len(column)


def test_rollups_equal_the_samples_and_join_exactly():
    random = np.random.default_rng(2)
    sent = np.arange(7300) * 500_000_000 + 17
    values = random.normal(100, 3, (7300, 2))
    quality = np.zeros(values.shape, np.uint32)
    quality[100:400, 0] = 0x8005_0000
    quality[5000:5010] = 0x4094_0000
    values[200:210] = np.nan
    whole = Rows(sent, sent, values, quality)
    cut = [
        Rows(sent[part], sent[part], values[part], quality[part])
        for part in (slice(0, 1333), slice(1333, 4001), slice(4001, None))
    ]
    for level in (MINUTE_NS, HOUR_NS):
        parts = [rollups.rollup(part, level) for part in cut]
        stored = [rollups.unpack(rollups.pack(part), len(part.start), 2, "test") for part in parts]
        all_parts = rollups.joined(stored)
        joined = rollups.combined(all_parts, all_parts.start)
        for row, start in enumerate(joined.start):
            inside = (sent >= start) & (sent < start + level)
            for column in range(2):
                good = inside & (quality[:, column] < 0x4000_0000) & ~np.isnan(values[:, column])
                expected = values[good, column]
                assert joined.count[row, column] == len(expected)
                if len(expected):
                    assert joined.minimum[row, column] == expected.min()
                    assert joined.maximum[row, column] == expected.max()
                    assert joined.last[row, column] == expected[-1]
                    assert joined.mean[row, column] == pytest.approx(expected.mean(), rel=1e-12)
                else:
                    assert np.isnan(joined.mean[row, column])
        assert joined.count.sum() == rollups.rollup(whole, level).count.sum()
