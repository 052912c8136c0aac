"""The block decoders and encoders."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Quality
from drivers.codec import (
    NotEncodable,
    Point,
    PointDecoder,
    Terminal,
    TerminalDecoder,
    check_range,
    encode_ma,
    encode_number,
)


def words(*values):
    return struct.pack(f">{len(values)}H", *[v & 0xFFFF for v in values])


def decode(points, *values):
    got, quality = PointDecoder(points, len(values)).decode(words(*values))
    if isinstance(quality, int):
        quality = [quality] * len(got)
    return list(got), list(quality)


def test_scaled_signed_registers():
    points = [Point(0, "s16", scale=0.1), Point(2, "s16", scale=0.1, offset=-5.0)]
    assert decode(points, 1234, 9, -20) == ([pytest.approx(123.4), pytest.approx(-7.0)], [0, 0])


@pytest.mark.parametrize(
    ("kind", "order", "registers", "value"),
    [
        ("u32", "high_first", (0x0001, 0x86A0), 100000.0),
        ("u32", "low_first", (0x86A0, 0x0001), 100000.0),
        ("s32", "high_first", (0xFFFF, 0xFFFE), -2.0),
        ("f32", "high_first", (0x42F6, 0xE979), 123.456),
        ("f32", "low_first", (0xE979, 0x42F6), 123.456),
        ("u64", "low_first", (4, 3, 2, 1), float((1 << 48) + (2 << 32) + (3 << 16) + 4)),
    ],
)
def test_wide_numbers_in_both_word_orders(kind, order, registers, value):
    got, quality = decode([Point(0, kind, order)], *registers)
    assert got == [pytest.approx(value, rel=1e-6)]
    assert quality == [Quality.GOOD]


def test_a_swapped_word_order_gives_bad_values_not_plausible_ones():
    point = {"low": -20.0, "high": 800.0}
    good, _ = decode([Point(0, "f32", "high_first", **point)], 0x42F6, 0xE979)
    assert good == [pytest.approx(123.456)]
    got, quality = decode([Point(0, "f32", "low_first", **point)], 0x42F6, 0xE979)
    assert math.isnan(got[0])
    assert quality == [Quality.BAD_OUT_OF_RANGE]


def test_overlapping_points_on_one_register():
    points = [
        Point(0, "bits16", mask=0xFFFF, equals=0x047F),
        Point(0, "u16"),
        Point(0, "bits16", mask=0x0080, equals=0x0080),
    ]
    assert decode(points, 0x047F)[0] == [1.0, 1151.0, 0.0]
    assert decode(points, 0x04FE)[0] == [0.0, 1278.0, 1.0]


def test_bits_of_a_status_with_the_low_word_first():
    stopped = Point(0, "bits32", "low_first", mask=1 << 24, equals=1 << 24)
    assert decode([stopped], 0x0000, 0x0100, 0, 0)[0] == [1.0]
    assert decode([stopped], 0x0100, 0x0000, 0, 0)[0] == [0.0]


def test_sentinel_range_and_not_finite():
    points = [
        Point(
            0, "s16", scale=0.1, low=-20, high=800, sentinels=((13720, Quality.BAD_SENSOR_FAILURE),)
        ),
        Point(1, "s16", scale=0.1, low=-20, high=800),
        Point(2, "f32"),
    ]
    got, quality = decode(points, 13720, 9000, 0x7FC0, 0)
    assert all(math.isnan(v) for v in got)
    assert quality == [
        Quality.BAD_SENSOR_FAILURE,
        Quality.BAD_OUT_OF_RANGE,
        Quality.BAD_DEVICE_FAILURE,
    ]
    got, quality = decode(points, 500, 600, 0x3F80, 0)
    assert got == [pytest.approx(50.0), pytest.approx(60.0), 1.0]
    assert quality == [0, 0, 0]


def test_a_point_outside_its_block_is_refused():
    with pytest.raises(ValueError, match="outside"):
        PointDecoder([Point(1, "u32")], 2)
    with pytest.raises(ValueError, match="outside"):
        TerminalDecoder([Terminal("count", 3)], 4)


@pytest.mark.parametrize(
    ("microampere", "value", "quality"),
    [
        (4000, 0.0, Quality.GOOD),
        (20000, 10.0, Quality.GOOD),
        (12000, 5.0, Quality.GOOD),
        (3999, -0.000625, Quality.UNCERTAIN_OUT_OF_RANGE),
        (3601, -0.249375, Quality.UNCERTAIN_OUT_OF_RANGE),
        (3600, math.nan, Quality.BAD_SENSOR_FAILURE),
        (0, math.nan, Quality.BAD_SENSOR_FAILURE),
        (20001, 10.000625, Quality.UNCERTAIN_OUT_OF_RANGE),
        (20999, 10.624375, Quality.UNCERTAIN_OUT_OF_RANGE),
        (21000, math.nan, Quality.BAD_SENSOR_FAILURE),
        (32767, math.nan, Quality.BAD_SENSOR_FAILURE),
        (-1, math.nan, Quality.BAD_SENSOR_FAILURE),
    ],
)
def test_ne43_limits_of_a_current_input(microampere, value, quality):
    decoder = TerminalDecoder([Terminal("ma", 0, low=0.0, high=10.0)], 1)
    got, status = decoder.decode(words(microampere))
    assert got[0] == pytest.approx(value, nan_ok=True)
    assert int(np.asarray(status).reshape(-1)[0]) == quality


@pytest.mark.parametrize(
    ("raw", "value", "quality"),
    [
        (253, 25.3, Quality.GOOD),
        (-150, -15.0, Quality.GOOD),
        (4001, math.nan, Quality.BAD_OUT_OF_RANGE),
        (13720, math.nan, Quality.BAD_SENSOR_FAILURE),
        (-300, math.nan, Quality.BAD_OUT_OF_RANGE),
    ],
)
def test_thermocouple_and_burn_out(raw, value, quality):
    decoder = TerminalDecoder([Terminal("tc", 0, low=-20.0, high=400.0)], 1)
    got, status = decoder.decode(words(raw))
    assert got[0] == pytest.approx(value, nan_ok=True)
    assert int(np.asarray(status).reshape(-1)[0]) == quality


def test_mixed_image_counters_and_bits():
    terminals = [
        Terminal("ma", 0, low=0.0, high=400.0),
        Terminal("tc", 1, low=-20.0, high=800.0),
        Terminal("count", 2, scale=0.0001),
        Terminal("bit", 4, bit=0),
        Terminal("bit", 4, bit=15),
        Terminal("bit", 5, bit=3),
    ]
    decoder = TerminalDecoder(terminals, 6)
    got, status = decoder.decode(words(8000, 13720, 0x86A0, 0x0001, 0x8000, 0x0008))
    assert got.tolist() == [
        pytest.approx(100.0),
        pytest.approx(math.nan, nan_ok=True),
        pytest.approx(10.0),
        0.0,
        1.0,
        1.0,
    ]
    assert status.tolist() == [0, Quality.BAD_SENSOR_FAILURE, 0, 0, 0, 0]
    swapped, _ = decoder.decode(words(8000, 250, 0x0001, 0x86A0, 0, 0))
    assert swapped[2] != pytest.approx(10.0)


@given(st.floats(-3276.8, 3276.7))
def test_what_is_encoded_decodes_to_the_nearest_count(value):
    got, _ = decode([Point(0, "s16", scale=0.1)], *encode_number(value, "s16", 0.1))
    assert abs(got[0] - value) <= 0.05 + 1e-9


@given(st.integers(0, 0xFFFF_FFFF), st.sampled_from(["high_first", "low_first"]))
def test_u32_round_trip(value, order):
    registers = encode_number(float(value), "u32", 1.0, order)
    assert decode([Point(0, "u32", order)], *registers)[0] == [float(value)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3276.8, -3276.9, 1e12])
def test_what_does_not_fit_is_refused_never_clamped(value):
    with pytest.raises(NotEncodable):
        encode_number(value, "s16", 0.1)


def test_ranges_of_outputs():
    assert encode_ma(0.0, -25.0, 25.0) == 12000
    assert encode_ma(-25.0, -25.0, 25.0) == 4000
    assert encode_ma(25.0, -25.0, 25.0) == 20000
    for bad in (25.001, -25.001, math.nan):
        with pytest.raises(NotEncodable):
            encode_ma(bad, -25.0, 25.0)
    with pytest.raises(NotEncodable):
        check_range(math.inf, 0.0, math.inf)
    with pytest.raises(NotEncodable):
        encode_number(1e39, "f32", 1.0)
