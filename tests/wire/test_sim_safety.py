"""The simulated safety controller on the wire: areas, watchdog, bits, refusals."""

import pytest

from tests.wire.sim_support import Caller, new_line_up, read, run, words, write_many

SOUND = 0b111111  # contacts: everything closed, flow at purge speed


@pytest.fixture
def line():
    line_up, plant = new_line_up()
    plant.sig.safety = SOUND
    return line_up, plant, Caller(line_up.instruments["SAFETY"])


def beat(caller, count):
    assert caller.write(0, 1 | count << 8) == 0
    assert caller.write(255, 0x8400) == 0


def test_outputs_terminals_and_inputs_lie_where_the_manual_says(line):
    line_up, _, safety = line
    safety.write(0, 1 | 0x5A << 8)
    run(line_up, 0.1)
    shown = safety.read(512, 2, 4)
    assert shown[0] >> 8 == 0x5A, "o8-o15 echo i8-i15"
    assert shown[0] & 0b11111 == 0b11111
    assert safety.read(512, 8, 3)[:2] == shown, "input and holding registers are the same"
    assert safety.read(1024, 1, 4) == [SOUND]
    assert safety.read(0, 8, 4) == [0x5A01, 0, 0, 0, 0, 0, 0, 0]


def test_bits_are_the_same_inputs_and_outputs(line):
    line_up, _, safety = line
    assert safety.ask(b"\x05\x00\x09\xff\x00") == b"\x05\x00\x09\xff\x00"  # i9
    assert safety.ask(b"\x0f\x00\x00\x00\x02\x01\x01") == b"\x0f\x00\x00\x00\x02"  # i0, i1
    assert safety.read(0) == [0x0201]
    run(line_up, 0.1)
    assert safety.ask(read(1, 8, 3))[2] == 0b010
    assert safety.ask(read(2, 8192, 5))[2] == 0b11111
    assert safety.ask(read(2, 16384, 6))[2] == SOUND
    assert safety.ask(read(1, 8192, 5)) == b"\x81\x02", "outputs are no coils"


def test_the_watchdog_runs_out_after_its_second_and_clears_every_virtual_input(line):
    line_up, _, safety = line
    beat(safety, 3)
    safety.write(1, 0xFFFF)
    assert safety.read(255) == [0x0400], "the trigger reads back as 0"
    run(line_up, 1.0)
    assert safety.read(0, 2) == [0x0301, 0xFFFF]
    run(line_up, 0.1)
    assert safety.read(0, 2) == [0, 0]


def test_only_time_and_trigger_together_feed_the_watchdog(line):
    line_up, _, safety = line
    beat(safety, 3)
    run(line_up, 0.6)
    assert safety.write(255, 0x0400) == 0
    run(line_up, 0.5)
    assert safety.read(0) == [0]
    beat(safety, 4)
    assert safety.write(255, 0) == 0, "time 0 is off"
    run(line_up, 5.0)
    assert safety.read(0) == [0x0401]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (write_many(512, 1), 2),
        (write_many(1024, 1), 2),
        (write_many(8, 1), 2),
        (write_many(255, 0x0001), 3),
        (read(3, 8, 1), 2),
        (read(4, 519, 2), 2),
        (read(7, 0, 1), 1),
    ],
)
def test_what_is_not_there_is_refused(line, frame, code):
    _, _, safety = line
    assert safety.ask(frame) == bytes((frame[0] | 0x80, code))


def test_a_dead_host_takes_heat_and_feed_from_the_plant_and_latches_the_exhaust(line):
    line_up, plant, safety = line
    for count in range(1, 230):
        beat(safety, count)
        run(line_up, 0.4)
    act = plant.act
    assert (act.heat_released, act.feed_released, act.exhaust_latched) == (True, True, False)
    run(line_up, 1.2)
    assert (act.heat_released, act.feed_released, act.exhaust_latched) == (False, False, True)
    assert act.web_released
    assert words(safety.ask(read(4, 513, 1)))[0] & 0b11 == 0b10


def test_outputs_that_are_stuck_do_not_follow_the_program(line):
    line_up, plant, safety = line
    beat(safety, 3)
    run(line_up, 0.1)
    line_up.instruments["SAFETY"].faults.stuck = True
    before = safety.read(512, 2, 4)
    plant.sig.safety = 0
    beat(safety, 4)
    run(line_up, 0.1)
    assert safety.read(512, 2, 4) == before
    assert not plant.act.web_released, "the program goes on"


def test_after_power_up_the_watchdog_is_off_and_everything_is_held_off(line):
    line_up, plant, safety = line
    beat(safety, 3)
    line_up.instruments["SAFETY"].reboot()
    assert safety.read(0) == safety.read(255) == [0]
    run(line_up, 0.1)
    assert (plant.act.heat_released, plant.act.feed_released) == (False, False)
