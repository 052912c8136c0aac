"""Simulated temperature controllers: loop, safe set point, watchdog, limits, modes."""

import struct

import numpy as np
import pytest

from simulators.instruments.e5cc import E5cc
from simulators.instruments.endpoint import LineClock
from simulators.instruments.epc3016 import Epc3016
from simulators.instruments.loop_bank import LoopBank
from tests.wire.sim_support import Caller, new_line_up, read, run

EXP_TEMPERATURE = 25.0


class Oven:
    """A first-order zone: 1000 s, 400 K at full duty."""

    def __init__(self):
        self.c = EXP_TEMPERATURE

    def step(self, duty):
        self.c += 0.1 * ((EXP_TEMPERATURE + 400.0 * duty - self.c) / 1000.0)


@pytest.fixture
def bank():
    return LoopBank(1)


@pytest.fixture
def epc(bank):
    return Caller(Epc3016(LineClock(), bank, 0, (0.0, 400.0)))


@pytest.fixture
def e5cc(bank):
    device = Caller(E5cc(LineClock(), bank, 0, (0.0, 160.0), lambda: 12.3))
    device.write(0, 0x0001)
    device.write(0, 0x0401)
    return device


def step(caller, seconds, pv=EXP_TEMPERATURE):
    """Let time pass for one controller."""
    device = caller.device
    for _ in range(round(seconds * 10)):
        device.clock.now_s = round(device.clock.now_s + 0.1, 1)
        device.bank.step(np.array([pv]))
        if device.clock.now_s > device.deadline_s:
            device.expire()


def test_loop_settles_without_windup(bank):
    oven = Oven()
    bank.target[0] = 225.0
    hottest = 0.0
    for _ in range(60_000):
        oven.step(float(bank.step(np.array([oven.c]))[0]))
        hottest = max(hottest, oven.c)
    assert oven.c == pytest.approx(225.0, abs=0.1)
    assert hottest < 235.0
    assert bank.duty[0] == pytest.approx(0.5, abs=0.01)


def test_broken_sensor_gives_no_heat(bank):
    bank.preset(0, 200.0, 0.5)
    assert bank.step(np.array([1372.0]))[0] == 0.0
    assert bank.step(np.array([np.nan]))[0] == 0.0
    assert np.isfinite(bank.integral[0])


def test_set_point_rate_limit(bank):
    bank.set_rate(0, 1.0)
    bank.target[0] = 50.0
    for _ in range(100):
        bank.step(np.array([20.0]))
    assert bank.wsp[0] == pytest.approx(30.0)


def test_epc_remote_set_point_goes_stale_to_the_safe_one(epc):
    assert epc.write(276, 1) == 0
    assert epc.write(277, 1800) == 0
    step(epc, 2.9)
    assert epc.read(5) == [1800]
    step(epc, 0.3)
    assert epc.read(5) == [200]
    assert epc.read(75)[0] >> 14 & 1
    assert epc.read(2312) == [7]
    epc.write(277, 1800)
    step(epc, 0.1)
    assert epc.read(5) == [1800]
    assert not epc.read(75)[0] >> 14 & 1


def test_epc_watchdog_takes_the_output_to_zero(epc, bank):
    epc.write(24, 3000)
    step(epc, 4.9)
    assert bank.duty[0] == 1.0
    step(epc, 0.3)
    assert bank.duty[0] == 0.0
    assert epc.device.holding.get(1172) == 1
    epc.read(1)  # a message again: automatic recovery
    step(epc, 0.1)
    assert epc.read(1172) == [0]
    assert bank.duty[0] == 1.0


def test_epc_watchdog_with_manual_recovery_stays_tripped(epc, bank):
    epc.write(24, 3000)
    epc.write(1170, 0)
    step(epc, 5.2)
    epc.read(1)
    step(epc, 0.1)
    assert bank.duty[0] == 0.0
    epc.write(1172, 0)
    step(epc, 0.1)
    assert bank.duty[0] == 1.0


@pytest.mark.parametrize(("address", "value", "code"), [(199, 1, 0), (1085, 1, 0), (199, 3, 3)])
def test_epc_standby_cuts_the_output(epc, bank, address, value, code):
    epc.write(24, 3000)
    assert epc.write(address, value) == code
    step(epc, 0.2)
    assert (bank.duty[0] == 0.0) == (code == 0)
    assert epc.read(1088) == [int(code == 0)]


def test_epc_set_points_beyond_the_limits_are_exception_3(epc):
    assert [epc.write(at, 4001) for at in (2, 24, 25, 277)] == [3, 3, 3, 3]
    assert epc.write(111, 3000) == 0
    assert epc.write(24, 3001) == 3


def test_epc_manual_holds_the_output_and_returns_without_a_bump(epc, bank):
    epc.write(24, 260)
    step(epc, 1.0)
    assert epc.write(273, 1) == 0
    assert epc.write(3, 333) == 0
    step(epc, 1.0)
    assert epc.read(4) == [333]
    assert epc.read(75)[0] >> 4 & 1
    epc.write(273, 0)
    step(epc, 0.1)
    assert bank.duty[0] == pytest.approx(0.333, abs=0.002)


def test_epc_alarm_with_hysteresis(epc):
    epc.write(13, 1000)
    step(epc, 0.1, 100.5)
    assert epc.read(75)[0] & 1
    assert epc.read(2113) == [1]
    step(epc, 0.1, 99.5)
    assert epc.read(75)[0] & 1
    step(epc, 0.1, 98.5)
    assert not epc.read(75)[0] & 1


def test_epc_sensor_break_shows_upscale(epc):
    step(epc, 0.1, 1372.0)
    assert epc.read(1) == [13720]
    assert epc.read(75)[0] >> 5 & 1
    assert epc.read(258) == [1]


def test_epc_float_mirror(epc):
    step(epc, 0.1, 123.456)
    pair = epc.read(0x8000 + 2 * 1, 2)
    assert struct.unpack(">f", struct.pack(">HH", *pair))[0] == pytest.approx(123.456)
    assert epc.read(0x8000 + 2 * 1169, 2) == [0, 5000]  # 5 s in ms
    assert epc.write(0x8000 + 2 * 24, *struct.unpack(">HH", struct.pack(">f", 180.25))) == 0
    assert epc.read(24) == [1802]
    assert epc.write(0x8000 + 2 * 24, *struct.unpack(">HH", struct.pack(">f", 1e9))) == 3
    assert epc.write(0x8000 + 2 * 24, 0) == 2  # half a value
    assert epc.ask(read(3, 0x8000 + 2 * 1000, 2)) == bytes((0x83, 2))


def test_epc_slows_a_fast_poller_down(epc):
    for _ in range(20):
        epc.read(1, 5)
    assert epc.device.throttle_s == 0.0
    epc.read(1, 5)
    assert epc.device.throttle_s == 0.1
    assert epc.read(1211) == [1]
    step(epc, 1.0)
    epc.read(1, 5)
    assert epc.device.throttle_s == 0.0


def test_epc_reboot_forgets_the_remote_set_point(epc):
    epc.write(276, 1)
    epc.write(277, 1800)
    epc.device.reboot()
    step(epc, 0.1)
    assert epc.read(5) == [200]
    assert epc.read(276, 2) == [1, 0]


def test_e5cc_refuses_writes_until_they_are_switched_on(bank):
    device = Caller(E5cc(LineClock(), bank, 0, (0.0, 160.0), lambda: 0.0))
    assert device.write(0x2103, 900) == 4
    assert device.write(0, 0x0401) == 4
    assert device.write(0, 0x0001) == 0
    assert device.write(0x2103, 900) == 0


def test_e5cc_block_and_status(e5cc):
    e5cc.write(0x2103, 900)
    step(e5cc, 0.1, 61.24)
    pv, _, sp, current, output = e5cc.read(0x2000, 5)
    assert (pv, sp, current) == (612, 900, 123)
    assert output == pytest.approx(575, abs=1)
    status = e5cc.read(0x2406, 4)
    bits = status[0] | status[1] << 16  # low word first
    assert bits >> 25 & 1  # writing on
    assert bits >> 20 & 1  # RAM mode
    assert bits >> 8 & 1  # heating


def test_e5cc_limits_and_unknown_commands(e5cc):
    assert e5cc.write(0x2103, 1601) == 3
    assert e5cc.write(0x2103, 1600) == 0
    assert e5cc.write(0, 0x7700) == 3
    assert e5cc.write(0, 0x0102) == 3
    assert e5cc.write(0x2001, 0) == 2


def test_e5cc_stop_and_run(e5cc, bank):
    e5cc.write(0x2103, 1500)
    e5cc.write(0, 0x0101)
    step(e5cc, 0.1)
    assert bank.duty[0] == 0.0
    assert e5cc.read(0x2407)[0] >> 8 & 1
    e5cc.write(0, 0x0100)
    step(e5cc, 0.1)
    assert bank.duty[0] > 0.0


def test_e5cc_wears_in_backup_mode_only_and_forgets_ram(bank):
    device = E5cc(LineClock(), bank, 0, (0.0, 160.0), lambda: 0.0)
    caller = Caller(device)
    caller.write(0, 0x0001)
    caller.write(0x2103, 500)
    assert device.wear == 1
    caller.write(0, 0x0401)
    caller.write(0x2103, 900)
    assert device.wear == 1
    device.reboot()
    assert caller.read(0x2103) == [500]
    assert caller.write(0x2103, 900) == 4


def test_e5cc_parameter_initialization_ends_modbus(e5cc):
    e5cc.ask(bytes.fromhex("06 00 00 0B 00"))
    assert e5cc.ask(read(3, 0x2000, 1)) == b""


def test_e5cc_sensor_break(e5cc):
    step(e5cc, 0.1, 1372.0)
    assert e5cc.read(0x2000) == [5500]
    assert e5cc.read(0x2406)[0] >> 6 & 1


def test_line_up_runs_all_loops_of_the_line():
    line_up, plant = new_line_up()
    t3, b2 = Caller(line_up.instruments["T3"]), Caller(line_up.instruments["B2"])
    t3.write(276, 1)
    t3.write(277, 2500)
    b2.write(0, 0x0001)
    b2.write(0x2103, 1100)
    run(line_up, 0.2)
    assert [zone for zone in range(15) if plant.act.duty[zone] > 0.0] == [1, 7]
    run(line_up, 3.5)
    assert plant.act.duty[7] == 0.0  # nobody refreshed T3's remote set point
    assert plant.act.duty[1] == 1.0
