"""Simulated drives: both control-word dialects, ramps, trips and loss of the master."""

import pytest

from simulators.instruments.acs380 import Acs380, State
from simulators.instruments.atv320 import Atv320
from simulators.instruments.atv320 import State as AtvState
from simulators.instruments.endpoint import LineClock
from simulators.instruments.modbus_framing import RtuEndpoint
from tests.wire.sim_support import Caller, new_line_up, read, rtu, run, words, write_many

CW_READY, CW_RUN, CW_COAST, CW_OFF3, CW_RESET = 0x047E, 0x047F, 0x047D, 0x047B, 0x04FE


@pytest.fixture
def belt():
    return Caller(Acs380(LineClock(), 6.0, 0.5, 2.0))


@pytest.fixture
def pump():
    return Caller(Atv320(LineClock()))


def step(caller, seconds):
    device = caller.device
    for _ in range(round(seconds * 10)):
        device.clock.now_s = round(device.clock.now_s + 0.1, 1)
        device.step()


def keep(caller, seconds, *frame):
    """Let time pass with the master repeating a write every second."""
    for _ in range(round(seconds)):
        caller.ask(write_many(*frame))
        step(caller, 1.0)


def started(belt, counts=10000):
    belt.write(0, CW_READY)
    belt.write(0, CW_RUN, counts)
    keep(belt, 8, 0, CW_RUN, counts)
    return belt


def test_abb_start_sequence_and_words(belt):
    assert belt.read(3) == [0x1240]  # switch-on inhibited
    belt.write(0, CW_RUN)
    assert belt.device.state is State.INHIBITED  # OFF1 = 0 first
    belt.write(0, CW_READY)
    assert belt.read(3)[0] & 0x7F == 0x31
    frame = bytes.fromhex("01 10 00 00 00 02 04 04 7F 27 10 D9 7B")
    session = RtuEndpoint({1: belt.device}).connect(lambda _: None)
    assert session.receive(frame)[:6] == frame[:6]
    step(belt, 1.0)
    assert belt.device.speed == pytest.approx(0.5)
    keep(belt, 8, 0, CW_RUN, 10000)
    cw, ref, _, sw, act, _, trip = belt.read(0, 7)
    assert (cw, ref, act, trip) == (CW_RUN, 10000, 10000, 0)
    assert sw == 0x1337
    assert belt.device.speed == 3.0


def test_abb_off1_ramps_and_off2_coasts(belt):
    started(belt).write(0, CW_READY)
    assert belt.device.state is State.OFF1
    step(belt, 1.0)
    assert belt.device.speed == pytest.approx(2.5)
    keep(belt, 6, 0, CW_READY)
    assert belt.device.state is State.READY_ON
    started(belt).write(0, CW_COAST)
    assert belt.device.state is State.INHIBITED
    step(belt, 1.0)
    assert belt.device.speed == pytest.approx(1.0)


def test_abb_off3_ends_in_switch_on_inhibited(belt):
    started(belt).write(0, CW_OFF3)
    assert belt.read(3)[0] & 0x20 == 0
    keep(belt, 8, 0, CW_OFF3)
    assert belt.device.state is State.INHIBITED
    belt.write(0, CW_RUN)
    assert belt.device.state is State.INHIBITED


def test_abb_without_bit_10_only_off_bits_act(belt):
    started(belt)
    belt.write(0, 0x007F, 20000)  # reference is ignored too
    step(belt, 1.0)
    assert belt.device.speed == 3.0
    assert belt.read(1) == [10000]
    belt.write(0, 0x007E)
    assert belt.device.state is State.OFF1


@pytest.mark.parametrize(
    ("bit", "speed"), [(0x10, 0.0), (0x20, 1.0), (0x40, 0.5)], ids=["zero", "hold", "ramp down"]
)
def test_abb_ramp_bits(belt, bit, speed):
    belt.write(0, CW_READY)
    belt.write(0, CW_RUN, 20000)
    step(belt, 2.0)
    assert belt.device.speed == pytest.approx(1.0)
    belt.write(0, CW_RUN & ~bit)
    step(belt, 1.0)
    assert belt.device.speed == pytest.approx(speed)


def test_abb_trip_needs_a_reset_edge_and_a_new_start(belt):
    started(belt).device.trip(0x7121)
    assert belt.read(0, 7)[6] == 0x7121
    assert belt.read(400) == [0x7121]
    assert belt.read(3)[0] >> 3 & 1
    keep(belt, 4, 0, CW_RUN, 10000)
    assert belt.device.speed == 0.0
    belt.write(0, CW_RESET)
    assert belt.device.state is State.INHIBITED
    assert belt.read(6) == [0]
    belt.write(0, CW_RUN)
    assert belt.device.state is State.INHIBITED
    belt.write(0, CW_READY)
    belt.write(0, CW_RUN)
    assert belt.device.state is State.OPERATING


def test_abb_reset_held_high_is_no_edge(belt):
    belt.write(0, CW_RESET)
    belt.device.trip(0x2310)
    belt.write(0, CW_RESET)
    assert belt.device.state is State.FAULT


def test_abb_goes_on_at_safe_speed_without_its_master(belt):
    started(belt, 20000)
    keep(belt, 6, 0, CW_RUN, 20000)
    for _ in range(10):
        belt.read(0, 7)  # reading is no sign of life: 58.15 = 2
        step(belt, 0.3)
    assert belt.device.target == 2.0
    assert belt.read(3)[0] >> 7 & 1
    assert belt.read(405) == [0xA7CE]
    step(belt, 8.0)
    assert belt.device.speed == 2.0
    belt.write(0, CW_RUN, 20000)
    step(belt, 0.1)
    assert belt.device.target == 6.0
    assert belt.read(405) == [0]


@pytest.mark.parametrize(
    ("action", "state", "target", "code"),
    [
        (0, State.OPERATING, 3.0, 0),
        (1, State.FAULT, 0.0, 0x6681),
        (2, State.OPERATING, 3.0, 0),
        (3, State.OPERATING, 2.0, 0),
        (5, State.OPERATING, 3.0, 0),
    ],
)
def test_abb_loss_action_58_14(belt, action, state, target, code):
    belt.write(5813, action)
    started(belt)
    step(belt, 2.5)
    device = belt.device
    assert (device.state, device.target, device.trip_code) == (state, target, code)


def test_abb_any_message_feeds_it_when_58_15_says_so(belt):
    belt.write(5814, 1)
    started(belt)
    for _ in range(10):
        belt.read(0, 7)
        step(belt, 1.0)
    assert belt.device.target == 3.0


def test_abb_standing_drive_does_not_start_by_itself(belt):
    belt.write(0, CW_READY)
    step(belt, 60.0)
    assert belt.device.speed == 0.0


def test_abb_parameters_and_exceptions(belt):
    assert belt.read(5813, 3) == [3, 2, 20]
    assert belt.read(2240) == [500]  # safe speed, rpm
    assert belt.read(20000 + 200 * 58 + 2 * 14 - 1, 2) == [3, 0]
    assert belt.ask(read(3, 0, 33)) == bytes((0x83, 3))
    assert belt.ask(read(3, 7000, 1)) == bytes((0x83, 2))
    assert belt.write(3, 0) == 2
    assert belt.write(5813, 9) == 3
    assert belt.write(0, *range(33)) == 3


def test_abb_reboot_is_switch_on_inhibited(belt):
    started(belt).device.reboot()
    assert belt.read(0, 5) == [0, 0, 0, 0x1240, 0]


def test_atv_sequence(pump):
    assert pump.read(3201)[0] & 0x4F == 0x40
    for word, state in ((6, 0x21), (7, 0x23), (15, 0x27), (7, 0x23), (6, 0x21), (0, 0x40)):
        pump.write(8501, word)
        assert pump.read(3201)[0] & 0x6F == state
    pump.write(8501, 15)
    assert pump.device.state is AtvState.SWITCH_ON_DISABLED


def test_atv_scanner_exchange(pump):
    pump.write(8501, 6)
    frame = bytes.fromhex("17 31 C5 00 05 31 D9 00 02 04 00 0F 03 E8")
    assert words(pump.ask(frame))[3:] == [15, 1000]
    for _ in range(30):
        pump.ask(frame)
        step(pump, 0.1)
    eta, rpm, fault, command, reference = words(pump.ask(frame))
    assert eta & 0x46F == 0x427
    assert (rpm, fault, command, reference) == (1000, 0, 15, 1000)
    assert pump.read(3202) == [333]  # 0.1 Hz


def test_atv_scanner_can_be_mapped_but_not_to_nowhere(pump):
    assert pump.write(12701, 8604) == 0
    assert pump.write(12701, 8700) == 2
    assert pump.read(12741) == [0]


def test_atv_freewheels_when_its_master_is_silent(pump):
    pump.write(8602, 1500)
    pump.write(8501, 6)
    pump.write(8501, 15)
    step(pump, 1.9)
    assert pump.device.state is AtvState.ENABLED
    step(pump, 0.3)
    assert pump.device.state is AtvState.FAULT
    assert pump.read(7121) == [5]
    step(pump, 2.0)
    assert pump.device.speed == 0.0
    pump.write(8501, 15)
    assert pump.device.state is AtvState.FAULT
    pump.write(8501, 0x80)
    assert pump.device.state is AtvState.SWITCH_ON_DISABLED


def test_atv_quick_stop_and_halt(pump):
    pump.write(8602, 1500)
    for word in (6, 15):
        pump.write(8501, word)
    step(pump, 1.0)
    assert pump.device.speed == pytest.approx(500.0)
    pump.write(8501, 0x10F)
    step(pump, 0.5)
    assert pump.device.speed == pytest.approx(250.0)
    assert pump.device.state is AtvState.ENABLED
    pump.write(8501, 0x0B)
    assert pump.device.state is AtvState.QUICK_STOP
    step(pump, 1.0)
    assert pump.device.state is AtvState.SWITCH_ON_DISABLED


def test_atv_limits(pump):
    assert pump.ask(read(3, 12701, 64)) == bytes((0x83, 3))
    assert pump.write(9001, 0) == 3
    assert pump.ask(read(4, 3201, 1)) == bytes((0x84, 1))
    pump.write(8602, -400)
    pump.write(8501, 6)
    pump.write(8501, 15)
    step(pump, 1.0)
    assert pump.read(8604) == [65136]


def test_the_plant_gets_actual_speeds():
    line_up, plant = new_line_up()
    session_b = line_up.endpoints["RTU-B"].connect(lambda _: None)
    session_c = line_up.endpoints["RTU-C"].connect(lambda _: None)
    for unit, counts in ((21, 6667), (25, 8000)):
        session_b.receive(rtu(unit, write_many(0, CW_READY)))
        session_b.receive(rtu(unit, write_many(0, CW_RUN, counts)))
    for unit in (31, 32):
        session_c.receive(rtu(unit, write_many(8501, 6)))
        session_c.receive(rtu(unit, write_many(8602, 500)))
        session_c.receive(rtu(unit, write_many(8501, 15)))
    run(line_up, 1.0)
    act = plant.act
    assert act.belt == pytest.approx(0.5)
    assert act.fan[0] == pytest.approx(0.1)
    assert act.pump_rpm == pytest.approx(10.0)
    assert act.coater_m_min == pytest.approx(2.0)
    run(line_up, 2.0)
    assert act.pump_rpm < 10.0  # ttO
    run(line_up, 10.0)
    assert (act.pump_rpm, act.coater_m_min) == (0.0, 0.0)
    assert act.belt == 2.0  # run-out speed
    assert act.fan[0] == 1.0  # purge
    assert act.fan[1] == 0.0  # a fan nobody started stays off


def test_a_power_dip_stops_what_the_drives_drove():
    line_up, plant = new_line_up()
    session = line_up.endpoints["RTU-B"].connect(lambda _: None)
    session.receive(rtu(21, write_many(0, CW_READY)))
    session.receive(rtu(21, write_many(0, CW_RUN, 20000)))
    run(line_up, 1.0)
    assert plant.act.belt > 0.0
    line_up.instruments["BELT"].reboot()
    run(line_up, 0.1)
    assert plant.act.belt == 0.0
