"""Ratio lock: slaves at their ratio to the belt's accepted request, through ramps and stops."""

from __future__ import annotations

import itertools

import pytest

from config.models import Side
from controller.loops.parts import specs
from controller.loops.ratio import RatioLock, Trims, ratios, wet_thickness_m
from controller.procedure.outputs import door
from controller.refusals import Source
from tests.fake_line import FakeLine, core25, materials, pilot

SLAVES = {
    "nip": "SIC-211.SP", "coater": "SIC-310.SP", "rails": "SIC-510.SP", "winder": "SIC-701.SP",
    "pump": "SIC-110.SP", "coat_air": "FIC-301A.SP",
}  # fmt: skip


class Rig:
    def __init__(self):
        self.plant = FakeLine()
        for zone in self.plant.line.zone:
            if zone.fan is not None:
                self.plant.values[f"{zone.fan}.ACT"] = 100.0
                self.plant.asked.update({f"{zone.fan}.RUN": 1.0, f"{zone.fan}.SP": 100.0})
        self.plant.values["XC-301.CMD"] = 1.0
        self.gate = self.plant.make_gate()
        library = materials()
        self.ratios = ratios(
            pilot(), core25(), library.polymers["s-BPDA/PPD"], library.solvents["DMAc"]
        )
        self.trims = Trims()
        self.put = door(self.gate, Source.LOOP)
        self.lock = RatioLock(self.plant.line, self.plant.table, self.put, self.ratios, self.trims)
        self.scan()

    def scan(self, master=None, dt=0.1):
        snapshot = self.plant.step(dt)
        now = self.plant.now_ns
        if master is not None:
            refused = self.gate.request("SIC-210.SP", master, Source.RECIPE, "test", now)
            assert refused.accepted, str(refused)
        self.lock.step(now, dt)
        return snapshot

    def request(self, tag):
        return float(self.plant.table.request[self.plant.table.index(tag)])


def ratio_of(rig, name):
    values = {n: getattr(rig.ratios, n) for n in ("nip", "coater", "rails", "winder", "pump")}
    return values.get(name, rig.ratios.coat.get(Side.AIR))


def test_the_ratios_are_the_process_specifications_numbers():
    rig = Rig()
    assert rig.ratios.rails == pytest.approx(1.005)
    assert 2.0 * rig.ratios.pump == pytest.approx(27.0, rel=0.006)  # 270 cm3/min, slip counted once
    assert 2.0 * rig.ratios.coat[Side.AIR] == pytest.approx(10.1, rel=0.01)
    library = materials()
    wet = wet_thickness_m(core25(), library.polymers["s-BPDA/PPD"], library.solvents["DMAc"])
    assert wet / 1.005 == pytest.approx(225e-6, rel=0.005)


def test_every_slave_stays_locked_through_a_ramp_up_and_down():
    rig = Rig()
    known = specs(rig.plant.line)
    for name in SLAVES:
        rig.lock.switch(name, on=True)
    speed = 0.0
    for _ in range(400):  # onto 1 m/min, slaves catch up at their own rates
        speed = min(1.0, speed + 0.01)
        rig.scan(speed)
    worst = 0.0
    for second in range(600):
        speed = 1.0 + min(second, 600 - second) * 0.2 / 60.0
        for tick in range(10):
            rig.scan(speed if tick == 0 else None)
            for name, tag in SLAVES.items():
                share = abs(
                    rig.request(tag) / (rig.request("SIC-210.SP") * ratio_of(rig, name)) - 1
                )
                step = known[tag].resolution / rig.request(tag)
                worst = max(worst, share - 0.5 * step)
    assert worst <= 1e-9


def test_a_slave_that_is_off_is_left_alone():
    rig = Rig()
    rig.lock.switch("rails", on=True)
    for _ in range(50):
        rig.scan(0.5)
    assert rig.request("SIC-510.SP") == pytest.approx(0.5025)
    assert rig.request("SIC-110.SP") != rig.request("SIC-110.SP")  # never asked
    rig.lock.switch("rails", on=False)
    for _ in range(5):
        rig.scan(0.6)
    assert rig.request("SIC-510.SP") == pytest.approx(0.5025)


def test_the_pump_is_brought_to_its_ratio_at_its_own_rate():
    rig = Rig()
    for _ in range(30):
        rig.scan(1.0)
    rig.lock.switch("pump", on=True)
    seen = []
    for _ in range(120):
        rig.scan()
        seen.append(rig.request("SIC-110.SP"))
    steps = [b - a for a, b in itertools.pairwise(seen)]
    assert max(steps) <= 2.0 * 0.1 + 1e-9
    assert seen[-1] == pytest.approx(rig.ratios.pump)


def test_a_trim_moves_only_its_slave():
    rig = Rig()
    for name in ("pump", "coat_air"):
        rig.lock.switch(name, on=True)
    for _ in range(200):
        rig.scan(1.0)
    coat = rig.request("FIC-301A.SP")
    rig.trims.pump = 1.03
    for _ in range(50):
        rig.scan()
    assert rig.request("SIC-110.SP") == pytest.approx(1.03 * rig.ratios.pump)
    assert rig.request("FIC-301A.SP") == coat


def test_slaves_follow_when_an_interlock_stops_the_belt():
    rig = Rig()
    rig.lock.switch("pump", on=True)
    for _ in range(200):
        rig.scan(1.0)
    rig.plant.table.request[rig.plant.table.index("SIC-210.SP")] = 0.0
    for _ in range(100):
        rig.scan()
    assert rig.request("SIC-110.SP") == 0.0


def test_a_settled_lock_asks_nothing():
    rig = Rig()
    asked = []

    def put(tag, value, reason, now_ns):
        asked.append(tag)
        return rig.put(tag, value, reason, now_ns)

    rig.lock = RatioLock(rig.plant.line, rig.plant.table, put, rig.ratios, rig.trims)
    for name in SLAVES:
        rig.lock.switch(name, on=True)
    for _ in range(200):
        rig.scan(1.0)
    asked.clear()
    for _ in range(100):
        rig.scan()
    assert asked == []


def test_an_unknown_slave_is_an_error():
    with pytest.raises(KeyError):
        Rig().lock.switch("sail", on=True)
