"""Sensors that jump faster than the plant can move."""

from __future__ import annotations

import pytest

from config.models import Line
from controller.sensor_rates import SETTLE_S, BlockRates, RateCheck
from controller.tags import TagTable
from drivers.base import Block, Quality
from tests.core_rig import T0, S, make_line

PER_S = 5.0


def believed(samples: list[tuple[float, float]]) -> list[bool]:
    """Whether each (second, value) is believed."""
    check = RateCheck(PER_S)
    return [not check.jumps(value, round(second * S)) for second, value in samples]


def test_the_first_value_is_a_beginning():
    assert believed([(0.0, 480.0)]) == [True]


@pytest.mark.parametrize(
    ("seconds", "change", "fine"),
    [
        (0.5, 4.9, True),
        (0.5, -5.1, False),
        (1.0, 5.0, True),
        (4.0, 19.9, True),
        (4.0, -20.1, False),
    ],
)
def test_the_way_from_the_last_value_fits_the_time(seconds, change, fine):
    """Within a second the noise of one sample is no rate."""
    assert believed([(0.0, 400.0), (seconds, 400.0 + change)]) == [True, fine]


def test_a_spike_is_left_out_and_the_next_value_is_believed():
    assert believed([(0.0, 400.0), (0.5, 460.0), (1.0, 400.2)]) == [True, False, True]


def test_a_slow_drift_is_never_a_jump():
    assert all(believed([(k * 0.5, 20.0 + k * 2.0) for k in range(400)]))


def test_a_step_that_stays_is_a_new_beginning_once_it_has_settled():
    steps = [(1.0 + k, 340.0) for k in range(20)]
    found = believed([(0.0, 400.0), *steps])
    assert found.index(True, 1) == 1 + SETTLE_S
    assert all(found[found.index(True, 1) :])


def test_a_sensor_that_goes_on_jumping_never_settles():
    values = [(1.0 + k, 300.0 if k % 2 else 200.0) for k in range(30)]
    assert believed([(0.0, 400.0), *values]).count(True) == 1


def test_after_a_gap_the_sensor_may_be_anywhere_it_can_have_got_to():
    assert believed([(0.0, 400.0), (60.0, 130.0)]) == [True, True]


def test_what_is_bad_already_is_not_looked_at():
    rates = BlockRates([PER_S, None])
    assert rates
    assert rates.jumped((400.0, 1.0), 0, 0) == []
    assert rates.jumped((100.0, 9.0), int(Quality.BAD_SENSOR_FAILURE), S) == []
    assert rates.jumped((100.0, 9.0), (int(Quality.BAD), 0), S) == []
    assert rates.jumped((100.0, 9.0), 0, S) == [0]
    assert not BlockRates([None, None])


def with_rate(line: Line) -> Line:
    """The same line with a rate for its zone."""

    def limited(tag):
        return tag.model_copy(update={"fastest_per_s": PER_S}) if tag.name == "TIC-501.PV" else tag

    instruments = [
        one.model_copy(update={"tags": tuple(map(limited, one.tags))}) for one in line.instrument
    ]
    return line.model_copy(update={"instrument": tuple(instruments)})


def test_image_and_record_carry_the_same_verdict():
    kept: list[tuple[object, object]] = []

    class Keeps:
        def attach(self, block):
            return self

        def write(self, values, quality, sent_ns, received_ns):
            kept.append((values, quality))

    table = TagTable(with_rate(make_line()), Keeps())
    writer = table.attach(Block("T1.fast", ("TIC-501.PV", "TIC-501.OP"), 0.5))
    writer.write((200.0, 30.0), 0, T0, T0)
    writer.write((140.0, 31.0), 0, T0 + S, T0 + S)
    assert kept == [
        ((200.0, 30.0), 0), ((140.0, 31.0), [Quality.BAD_SENSOR_FAILURE, Quality.GOOD]),
    ]  # fmt: skip
    assert table.read(table.index("TIC-501.PV"), T0 + S)[1] == Quality.BAD_SENSOR_FAILURE
    assert table.read(table.index("TIC-501.OP"), T0 + S) == (31.0, 0)
