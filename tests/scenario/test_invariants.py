"""The judge: silent over sound runs, and for each invariant it finds a planted defect."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from controller import gate as gate_module
from controller.interlocks import InterlockResult, Interlocks
from controller.loops.exhaust import PurgeCounter
from controller.procedure.states import State
from controller.refusals import Source
from drivers.modbus import ModbusLink
from drivers.writes import WriteQueue
from simulators.instruments.line_up import LineUp
from simulators.instruments.modbus_device import ModbusDevice
from simulators.instruments.safety_program import O_FEED, O_HEAT, O_WEB, Safety, SafetyProgram
from simulators.invariants import INVARIANTS, Judge
from simulators.judging.violations import Ledger, Timer
from simulators.twin.plant import Plant
from tests.dry_rig import DryRig, files

HEATING_S = 175.0  # purged since 129 s, contactors closed since 160 s
NOTHING = InterlockResult((), (), None, "", {}, {}, {}, ())


@pytest.fixture
def lenient_safety(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a planted defect nobody may stand: the safety controller would hide it."""
    sound = SafetyProgram.step
    released = 1 << O_HEAT | 1 << O_FEED | 1 << O_WEB

    def lenient(program: SafetyProgram, *args: float, **more: float) -> Safety:
        sound(program, *args, **more)
        program.outputs |= released
        return Safety(heat=True, feed=True, web=True, exhaust=False)

    monkeypatch.setattr(SafetyProgram, "step", lenient)


@pytest.fixture
def deaf_interlocks(monkeypatch: pytest.MonkeyPatch, lenient_safety: None) -> None:
    """Planted: the interlock step does nothing."""
    monkeypatch.setattr(Interlocks, "step", lambda _self, _snapshot, _dt: NOTHING)


@pytest.fixture(scope="session")
def warming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DryRig]:
    """A cold line that is about to heat; each test has a copy."""
    with DryRig(tmp_path_factory.mktemp("warming")) as rig:
        rig.run(HEATING_S - 15.0)
        rig.keep_record_shut()
        yield rig


def found(rig: DryRig) -> dict[str, int]:
    return dict(rig.judge.counts())


def heated_until(rig: DryRig, zone: int, watts: float) -> None:
    """The ramp has a zone's heater on."""
    while rig.plant.truth.power_w[zone] < watts:
        assert rig.now_s < 500.0
        rig.run(1.0)


# --- sound runs ----------------------------------------------------------------------------------


def test_cold_start_with_purge_and_first_heat_is_clean(warming: DryRig) -> None:
    warming.go_to(400.0)
    assert warming.kernel.runner.state is State.RUNNING
    assert warming.plant.truth.power_w[:13].sum() > 10_000.0
    assert list(warming.judge.violations) == []


def test_hot_start_is_clean(tmp_path: Path) -> None:
    with DryRig(tmp_path, start="hot") as rig:
        rig.run(200.0)
        assert list(rig.judge.violations) == []


def test_kernel_that_finds_the_line_running_is_clean(tmp_path: Path) -> None:
    with DryRig(tmp_path, start="running", start_at_s=20.0) as rig:
        rig.run(150.0)
        assert list(rig.judge.violations) == []


FAULTS: dict[str, Callable[[DryRig], object]] = {
    "duct of B1 blocked": lambda rig: rig.plant.faults.exhaust.__setitem__(0, 0.2),
    "emergency stop": lambda rig: setattr(rig.plant.faults, "estop", True),
    "no sample flow": lambda rig: setattr(rig.plant.faults, "sample_flow", 1 << 5),
    "vapor at 45 %": lambda rig: rig.plant.faults.analog.__setitem__(23, 45.0),
    "T5 at 600 degC": lambda rig: rig.plant.faults.tc2.__setitem__(9, 600.0),
    "fan drive restarts": lambda rig: rig.line_up.instruments["FAN-X1"].reboot(),
    "coupler silent": lambda rig: setattr(rig.line_up.instruments["IO-A"].faults, "silent", True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_sound_interlocks_meet_the_judge_in_time(warming: DryRig, fault: str) -> None:
    warming.at(HEATING_S, lambda: FAULTS[fault](warming))
    warming.go_to(HEATING_S + 15.0)
    assert warming.kernel.runner.state is not State.RUNNING
    act = warming.plant.act
    assert not act.contactor.any() or not act.main_contactor or "T5" in fault
    assert list(warming.judge.violations) == []


# --- planted defects -----------------------------------------------------------------------------


@pytest.mark.usefixtures("deaf_interlocks")
def test_i1_heaters_stay_on_without_exhaust(warming: DryRig) -> None:
    warming.go_to(HEATING_S)
    heated_until(warming, zone=0, watts=300.0)
    assert found(warming) == {}
    warming.plant.faults.exhaust[0] = 0.2
    begin_s = warming.now_s
    warming.run(12.0)
    flow, purge = (one for one in warming.judge.violations if one.invariant == "I1")
    assert begin_s + 3.0 < flow.time_s < begin_s + 5.0
    assert "B1 heated" in flow.detail
    assert "0.0 volumes" in purge.detail  # a gap in the flow takes the purge away


@pytest.mark.usefixtures("lenient_safety")
def test_i1_i4_heat_on_an_imagined_purge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def imagined(counter: PurgeCounter, _known: list[float], _dt: float) -> float:
        counter.volumes = 9.0
        return counter.volumes

    monkeypatch.setattr(PurgeCounter, "step", imagined)
    with DryRig(tmp_path) as rig:
        rig.run(60.0)
        heated_until(rig, zone=12, watts=300.0)
        rig.run(8.0)
        assert {"I1", "I4"} <= set(found(rig))
        assert any("true purge" in one.detail for one in rig.judge.violations)


def _dope_to_the_die(rig: DryRig) -> None:
    for tag, value in (
        ("XV-111.CMD", 1.0),
        ("XV-110.CMD", 1.0),
        ("SIC-110.SP", 20.0),
        ("SIC-110.RUN", 1.0),
    ):
        rig.kernel.outputs.put(tag, value)  # past the gate


@pytest.mark.usefixtures("deaf_interlocks")
def test_i2_dope_on_a_standing_belt(tmp_path: Path) -> None:
    with DryRig(tmp_path) as rig:
        rig.at(60.0, lambda: _dope_to_the_die(rig))
        rig.run(75.0)
        assert found(rig) == {"I2": 1}
        assert "belt stands" in rig.judge.violations[0].detail


def test_i2_is_cut_in_time_by_sound_interlocks(tmp_path: Path) -> None:
    with DryRig(tmp_path) as rig:
        rig.at(60.0, lambda: _dope_to_the_die(rig))
        rig.run(75.0)
        assert rig.plant.act.pump_rpm == 0.0
        assert list(rig.judge.violations) == []


@pytest.mark.usefixtures("lenient_safety")
def test_i3_interlocks_two_seconds_late(warming: DryRig, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Interlocks.step
    late: deque[InterlockResult] = deque(maxlen=20)

    def sleepy(interlocks: Interlocks, snapshot: object, dt: float) -> InterlockResult:
        late.append(step(interlocks, snapshot, dt))
        return late[0]

    warming.at(HEATING_S - 10.0, lambda: monkeypatch.setattr(Interlocks, "step", sleepy))
    warming.at(HEATING_S, lambda: setattr(warming.plant.faults, "guard_open", True))
    warming.go_to(HEATING_S + 8.0)
    assert warming.kernel.runner.state is State.ABORTED
    assert found(warming) == {"I3": 1}
    assert "guard open" in warming.judge.violations[0].detail


@pytest.mark.usefixtures("deaf_interlocks")
def test_i3_counts_an_episode_once(warming: DryRig) -> None:
    warming.go_to(HEATING_S)
    heated_until(warming, zone=12, watts=300.0)
    begin_s = warming.now_s + 0.1
    warming.plant.faults.analog[23] = 45.0
    warming.run(20.0)
    assert found(warming) == {"I3": 2}  # commands and actuators
    assert [round(one.time_s - begin_s, 1) for one in warming.judge.violations] == [1.1, 3.1]


@pytest.mark.usefixtures("lenient_safety")
def test_i4_purge_counted_without_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(counter: PurgeCounter, _known: list[float], dt: float) -> float:
        counter.volumes += 0.05 * dt
        return counter.volumes

    monkeypatch.setattr(PurgeCounter, "step", blind)
    with DryRig(tmp_path) as rig:
        rig.at(60.0, lambda: rig.plant.faults.exhaust.__setitem__(0, 0.2))
        rig.run(50.0)
        assert found(rig) == {"I4": 1}  # it counted before the fans ran
        rig.run(30.0)
        assert found(rig) == {"I4": 2}


class SoakImage:
    """A controller's image that shows a soak running on, whatever happens."""

    def __init__(self) -> None:
        self.value = np.zeros(2)

    def index(self, name: str) -> int:
        return ("PROC.SOAK", "PROC.PURGE").index(name)


@pytest.mark.parametrize(
    ("fault", "count"), [("none", 0), ("burnt out", 1), ("zone cold", 1), ("no number", 1)]
)
def test_i4_soak_counts_only_true_and_readable_temperatures(fault: str, count: int) -> None:
    line, _, recipe = files()
    plant = Plant(start="hot")
    line_up = LineUp(line, plant)
    image = SoakImage()
    judge = Judge(line, recipe, plant, line_up, image)
    for tick in range(1, 101):
        plant.tick()
        plant.heat.zone_c[:] = plant.params.zones.setpoint_c
        if tick > 50 and fault == "zone cold":
            plant.heat.zone_c[8] = 250.0
        if tick == 50 and fault in {"burnt out", "no number"}:
            plant.faults.tc[8] = 1372.0 if fault == "burnt out" else float("nan")
        image.value[0] += 0.1
        judge.check(tick / 10)
    assert judge.counts()["I4"] == count


@pytest.mark.parametrize(
    ("tag", "value"),
    [("XC-201.CMD", 1.0), ("XC-100.CMD", 1.0), ("SIC-211.RUN", 1.0), ("TIC-101.SP", 30.0)],
)
def test_i6_enable_before_any_command(tmp_path: Path, tag: str, value: float) -> None:
    with DryRig(tmp_path, start_at_s=None) as rig:
        rig.run(4.0)
        assert found(rig) == {}
        rig.kernel.outputs.put(tag, value)
        rig.run(4.0)
        assert found(rig)["I6"] == 1


@pytest.mark.parametrize(
    ("tag", "value"), [("SIC-801.RUN", 0.0), ("SIC-802.SP", 0.0), ("XV-803.CMD", 1.0)]
)
def test_i7_exhaust_stopped_over_a_hot_oven(tmp_path: Path, tag: str, value: float) -> None:
    with DryRig(tmp_path, start="hot") as rig:
        rig.run(50.0)
        assert found(rig) == {}
        rig.kernel.outputs.put(tag, value)
        rig.run(4.0)
        assert found(rig) == {"I7": 1}


def test_i12_write_to_another_register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_one = ModbusLink.write_one

    def astray(link: ModbusLink, unit: int, address: int, word: int) -> object:
        return write_one(link, unit, 24 if address == 277 else address, word)  # SP1: wears

    monkeypatch.setattr(ModbusLink, "write_one", astray)
    with DryRig(tmp_path) as rig:
        rig.run(HEATING_S + 10.0)
        assert found(rig)["I12"] == 8  # one a controller, not one a write
        assert "register 24" in rig.judge.violations[0].detail


@pytest.mark.parametrize(
    ("device", "pdu"),
    [
        ("B1", bytes((6, 0, 0, 0x0B, 0))),  # parameter initialization
        ("BELT", bytes((6, 0x16, 0xB5, 0, 0))),  # 58.14: loss of the master ignored
        ("IO-A", bytes((6, 0x11, 0x22, 0, 2))),  # output watchdog off
        ("IO-A", bytes((5, 0, 20, 0xFF, 0))),  # a coil
    ],
)
def test_i12_settings_that_must_not_be_touched(device: str, pdu: bytes) -> None:
    line, _, recipe = files()
    plant = Plant()
    line_up = LineUp(line, plant)
    judge = Judge(line, recipe, plant, line_up, SoakImage())
    instrument = line_up.instruments[device]
    assert isinstance(instrument, ModbusDevice)
    instrument.answer(bytes((6, 0, 0, 0, 1)), None)  # an E5CC takes writes from now on
    before = judge.counts()["I12"]
    assert not instrument.answer(pdu, None)[0] & 0x80
    assert judge.counts()["I12"] == before + 1


def test_i19_range_check_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "reasons_against", lambda _asked, _state: ())
    monkeypatch.setattr(WriteQueue, "_check", lambda _queue, _point, _value: None)
    with DryRig(tmp_path) as rig:
        rig.run(20.0)
        now_ns = rig.loop.time_ns()
        rig.kernel.gate.request("SIC-211.SP", 8.0, Source.RECIPE, "defect", now_ns)
        rig.run(3.0)
        assert found(rig) == {"I19": 1}
        assert "SIC-211.SP is 8" in rig.judge.violations[0].detail


def test_i19_sees_registers_that_nobody_wrote() -> None:
    line, _, recipe = files()
    plant = Plant()
    line_up = LineUp(line, plant)
    judge = Judge(line, recipe, plant, line_up, SoakImage())
    line_up.instruments["T4"].holding.put(277, 4000)
    for tick in range(1, 51):
        judge.check(tick / 10)
    assert [one.invariant for one in judge.violations] == ["I19"]
    assert "TIC-504.SP is 400" in str(judge.violations[0])


# --- the judge itself ----------------------------------------------------------------------------


def test_episodes_are_counted_once_and_again_after_their_end() -> None:
    ledger = Ledger()
    for second in (1.0, 2.0):
        ledger.note("I1", "zone", second, "hot")
    ledger.end("I1", "zone")
    ledger.note("I1", "zone", 3.0, "hot again")
    assert [one.time_s for one in ledger.violations] == [1.0, 3.0]
    assert ledger.counts() == {"I1": 2}


def test_timer_starts_over_after_a_gap() -> None:
    timer = Timer()
    states = [timer.held(true, now) for now, true in enumerate((True, True, False, True))]
    assert states == [0.0, 1.0, -1.0, 0.0]


def test_every_invariant_has_its_planted_defect() -> None:
    tests = " ".join(name for name in globals() if name.startswith("test_i"))
    assert [name for name in INVARIANTS if f"{name.lower()}_" not in tests] == []
