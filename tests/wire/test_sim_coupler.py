"""Simulated I/O couplers: process image, terminals, watchdog, write lock."""

import struct

import numpy as np
import pytest

from simulators.instruments.ek9000 import Ek9000
from simulators.instruments.endpoint import LineClock
from simulators.instruments.terminals import AnalogChannel, InputImage, Source
from tests.wire.sim_support import Caller, new_line_up, read, run, words, write_many

OUT = 0x0800


def signed(word):
    return struct.unpack(">h", struct.pack(">H", word))[0]


@pytest.fixture
def line():
    line_up, plant = new_line_up()
    return line_up, plant, Caller(line_up.instruments["IO-A"]), Caller(line_up.instruments["IO-B"])


def test_milliampere_inputs_follow_their_spans(line):
    line_up, plant, io_a, _ = line
    plant.sig.analog[0] = 2.5  # PIT-110, 0-10 MPa
    plant.sig.analog[5] = 0.15  # ZT-231, -0.3 to 0.3 m
    plant.sig.analog[23] = 100.0  # AT-201, at the top of its span
    plant.sig.analog[30] = np.nan
    plant.sig.analog[31] = -1e6
    plant.sig.analog[32] = 1e6
    run(line_up, 0.1)
    image = io_a.read(0, 42, 4)
    assert image[0] == 8000
    assert image[5] == 16000
    assert image[23] == 20000
    assert (image[30], image[31], image[32]) == (3500, 3800, 20500)  # NE 43


def test_counters_are_low_word_first_and_wrap(line):
    line_up, plant, io_a, _ = line
    plant.sig.counters[:] = (0x12345678, 2**32 + 5, 7)
    run(line_up, 0.1)
    assert io_a.read(34, 6, 4) == [0x5678, 0x1234, 5, 0, 7, 0]


def test_digital_inputs_in_words_and_as_bits(line):
    line_up, plant, io_a, _ = line
    plant.sig.di = 1 << 24 | 1 << 16 | 0b1011
    run(line_up, 0.1)
    assert io_a.read(40, 2, 4) == [0b1011, 1 << 8 | 1]
    reply = io_a.ask(read(2, 0, 25))
    assert int.from_bytes(reply[2:], "little") == plant.sig.di


def test_an_image_belongs_to_its_tick(line):
    line_up, plant, io_a, _ = line
    run(line_up, 0.1)
    before = io_a.read(0, 1, 4)
    plant.sig.analog[0] = 9.0
    assert io_a.read(0, 1, 4) == before
    run(line_up, 0.1)
    assert io_a.read(0, 1, 4) == [18400]


def test_thermocouples_layers_and_rails_of_the_second_coupler(line):
    line_up, plant, _, io_b = line
    plant.sig.tc2[12] = 480.06
    plant.sig.tc2[0] = 1372.0
    plant.sig.bolt_c[20] = np.nan
    plant.sig.layer[:] = np.nan
    plant.sig.layer[5] = 0.75
    plant.sig.rail_pos[7] = 0.58
    run(line_up, 0.1)
    image = io_b.read(0, 52, 4)
    assert (image[12], image[0], image[33]) == (4801, 13720, 13720)
    assert (image[34], image[39]) == (3500, 12000)
    assert image[51] == 4000 + round(16000 * 0.58)


def test_reading_past_the_image_is_exception_2(line):
    _, _, io_a, io_b = line
    assert io_a.ask(read(4, 0, 43)) == bytes((0x84, 2))
    assert io_b.ask(read(4, 52, 1)) == bytes((0x84, 2))
    assert io_a.ask(read(2, 26, 2)) == bytes((0x82, 2))


def test_image_lengths(line):
    _, _, io_a, io_b = line
    assert io_a.read(0x1010, 4) == [0, 640, 30, 27]
    assert io_b.read(0x1010, 4) == [336, 832, 0, 0]


def test_outputs_reach_the_plant(line):
    line_up, plant, io_a, io_b = line
    act = plant.act
    assert io_a.write(OUT, 0b1_0000_0000_0001, 0) == 0
    assert list(np.flatnonzero(act.contactor)) == [0, 12]
    io_a.write(OUT, 1 << 13 | 1 << 14, 1 << 6 | 1 << 3)
    assert not act.contactor.any()
    assert (act.main_contactor, act.diverter_die, act.tank_valve) == (True, True, False)
    assert list(act.damper_closed) == [True, False, False]
    assert act.scanner_run
    assert io_a.read(OUT, 2) == [1 << 13 | 1 << 14, 1 << 6 | 1 << 3]
    assert io_a.ask(bytes.fromhex("05 00 0F FF 00")) == bytes.fromhex("05 00 0F FF 00")
    assert act.tank_valve
    assert io_a.ask(read(1, 13, 3))[2] == 0b111
    assert io_b.write(OUT, *[4000 + 320 * k for k in range(21)]) == 0
    assert act.bolt_um == pytest.approx(-25.0 + np.arange(21))
    assert not line_up.instruments["REGLO"].powered
    io_a.ask(bytes.fromhex("05 00 12 FF 00"))
    assert line_up.instruments["REGLO"].powered


def test_a_dead_signal_leaves_the_bolts_where_they_are(line):
    _, plant, _, io_b = line
    io_b.write(OUT, *[16000] * 21)
    io_b.write(OUT, *[0] * 21)
    assert plant.act.bolt_um == pytest.approx(12.5)


def test_watchdog_zeroes_the_outputs(line):
    line_up, plant, io_a, _ = line
    run(line_up, 60.0)
    assert io_a.read(0x1021) == [0]  # not armed before the first write
    io_a.write(OUT, 0xFFFF, 0x07FF)
    run(line_up, 1.4)
    io_a.read(OUT, 2)  # no write telegram
    assert plant.act.contactor.all()
    run(line_up, 0.2)
    assert not plant.act.contactor.any()
    assert not plant.act.damper_closed.any()
    assert io_a.read(OUT, 2) == [0, 0]
    assert io_a.read(0x1021) == [1]
    assert io_a.write(OUT, 1, 0) == 0
    assert plant.act.contactor[0]


def test_rewriting_keeps_the_watchdog_fed(line):
    line_up, plant, io_a, _ = line
    for _ in range(20):
        io_a.write(OUT, 1, 0)
        run(line_up, 0.3)
    assert plant.act.contactor[0]
    assert 1000 <= io_a.read(0x1020)[0] <= 1300


@pytest.mark.parametrize(("kind", "kept"), [(0, False), (1, True), (2, True)])
def test_watchdog_types(line, kind, kept):
    line_up, plant, io_a, _ = line
    io_a.write(0x1122, kind)
    io_a.write(OUT, 1, 0)
    for _ in range(20):
        io_a.read(OUT, 2)
        run(line_up, 0.3)
    assert plant.act.contactor[0] == kept


def test_freeze_keeps_outputs(line):
    line_up, plant, io_a, _ = line
    io_a.write(0x1123, 1)
    io_a.write(OUT, 1, 0)
    run(line_up, 3.0)
    assert plant.act.contactor[0]
    assert io_a.read(0x1021) == [1]


def test_only_the_first_writer_may_write_until_it_leaves(line):
    line_up, plant, _, _ = line
    endpoint = line_up.endpoints["NET-IOA"]
    first, second = endpoint.connect(lambda _: None), endpoint.connect(lambda _: None)
    device = endpoint.device
    assert words(device.answer(read(3, 0x1022, 1), second)) == [2]
    assert device.answer(write_many(OUT, 1, 0), first)[0] == 16
    assert device.answer(write_many(OUT, 2, 0), second) == bytes((0x90, 4))
    run(line_up, 1.4)
    device.answer(write_many(OUT, 2, 0), second)  # does not feed the watchdog either
    run(line_up, 0.2)
    assert not plant.act.contactor.any()
    first.close()
    assert device.answer(write_many(OUT, 2, 0), second)[0] == 16
    assert plant.act.contactor[1]


def test_without_the_lock_anybody_may_write(line):
    _, _, io_a, _ = line
    io_a.write(0x1124, 0)
    assert Caller(io_a.device).write(OUT, 1, 0) == 0


def test_settings_are_checked_and_factory_is_not_safe(line):
    _, _, io_a, _ = line
    assert io_a.read(0x1120) == [1500]
    assert io_a.read(0x1122, 3) == [0, 0, 1]
    assert io_a.write(0x1120, 60_001) == 3
    assert io_a.write(0x1122, 3) == 3
    assert io_a.write(0x1020, 1) == 2
    io_a.device.factory()
    assert io_a.read(0x1120) == [1000]
    assert io_a.read(0x1122) == [1]


def test_reboot_zeroes_outputs_and_frees_the_lock(line):
    _, plant, io_a, _ = line
    io_a.write(OUT, 1, 0)
    io_a.device.reboot()
    assert not plant.act.contactor.any()
    assert Caller(io_a.device).write(OUT, 2, 0) == 0


def test_stuck_coupler_shows_its_last_image(line):
    line_up, plant, io_a, _ = line
    run(line_up, 0.1)
    before = io_a.read(0, 1, 4)
    io_a.device.faults.stuck = True
    plant.sig.analog[0] = 5.0
    run(line_up, 0.1)
    assert io_a.read(0, 1, 4) == before


def test_analog_and_digital_outputs_in_one_coupler():
    seen = []
    values = np.zeros(1)
    image = InputImage(
        [AnalogChannel("ma", (0.0, 1.0))], [Source(lambda: values, 0, 1, 0)], tuple, 0, 0, int
    )
    device = Ek9000(LineClock(), image, 2, 18, lambda analog, bits: seen.append((analog, bits)))
    caller = Caller(device)
    caller.write(OUT, 4000, 20000, 3, 2)
    assert seen[-1] == ((4000, 20000), 0x20003)
    caller.ask(bytes.fromhex("0F 00 01 00 02 01 02"))
    assert seen[-1] == ((4000, 20000), 0x20005)
    assert signed(caller.read(0, 1, 4)[0]) == 4000
