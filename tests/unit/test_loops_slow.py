"""Belt trim for loss on heating, coat weight trim, exhaust demand, purge counter, tensions."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import pytest

from controller.loops.coat_weight import CoatWeightLoop, LayerTrim
from controller.loops.exhaust import ExhaustLoop, PurgeCounter
from controller.loops.loh import AUTHORITY_K, BeltTrim, LossOnHeatingLoop, answer_s
from controller.loops.manager import TensionSetPoints
from controller.loops.ratio import Trims
from controller.loops.slowing import SlowingLoop, SpeedRelief
from controller.procedure.outputs import door
from controller.refusals import Source
from drivers.base import Block, Quality
from tests.fake_line import FakeLine, core25, pilot, shipped


class Belt:
    """Loss on heating behind 90 s of transport and 300 s of belt lag, -0.45 points per K."""

    def __init__(self, offset: float) -> None:
        self.offset, self.kelvin, self.line = offset, 0.0, [0.0] * 90

    def step(self, trim: float) -> float:
        self.kelvin += (trim - self.kelvin) / 300.0
        self.line.append(self.kelvin)
        return 36.5 + self.offset - 0.45 * self.line.pop(0)


@pytest.mark.parametrize("offset", [2.0, -2.0])
def test_the_belt_trim_brings_loss_on_heating_back(offset):
    control, belt = BeltTrim(36.5, -0.45, 600.0), Belt(offset)
    trims = []
    loh = 0.0
    for _ in range(3 * 3600):
        loh = belt.step(control.trim_k)
        trims.append(control.step(loh, 1.0))
    assert loh == pytest.approx(36.5, abs=0.4)
    changes = [k for k, (a, b) in enumerate(itertools.pairwise(trims)) if a != b]
    assert all(b - a >= 599 for a, b in itertools.pairwise(changes))


def test_the_belt_trim_has_six_kelvin_of_authority():
    control = BeltTrim(36.5, -0.45, 600.0)
    for _ in range(20 * 600):
        control.step(45.0, 1.0)
    assert control.trim_k == AUTHORITY_K


def test_the_belt_trim_does_not_act_on_what_it_has_not_seen():
    control = BeltTrim(36.5, -0.45, 600.0)
    for _ in range(5000):
        assert control.step(math.nan, 1.0) == 0.0


def test_the_loop_moves_b3_and_b4_around_the_set_points_it_found():
    plant = FakeLine()
    gate = plant.make_gate()
    writer = plant.table.attach(Block("test", ("QI-LOH.PEEL", "PROC.STATE"), 1.0))
    loop = LossOnHeatingLoop(
        plant.line, plant.table, door(gate, Source.LOOP), (33.0, 40.0), 2.0, per_k=-0.45
    )
    rows = [plant.table.index(f"TIC-{n}.SP") for n in (203, 204)]
    plant.table.request[rows] = 135.0
    loop.switch(on=True)
    for _ in range(700):
        snapshot = plant.step(1.0)
        writer.write((38.5, 1.0), Quality.GOOD, plant.now_ns, plant.now_ns)
        loop.step(snapshot, plant.now_ns, 1.0)
    assert list(plant.table.request[rows]) == pytest.approx([135.0 + 0.6 * 2.0 / 0.45] * 2, abs=0.1)
    writer.write((38.5, 4.0), Quality.GOOD, plant.now_ns, plant.now_ns)
    loop.step(plant.step(1.0), plant.now_ns, 1.0)
    assert "not running" in loop.frozen


def test_a_slow_line_waits_longer_for_the_belts_answer():
    fast, slow = answer_s(pilot(), 2.0), answer_s(pilot(), 1.2)
    assert fast == pytest.approx(600.0)
    assert slow - fast == pytest.approx(4.5 / 1.2 * 60.0 - 4.5 / 2.0 * 60.0)
    control = BeltTrim(36.5, -0.45, slow)
    trims = [control.step(39.5, 1.0) for _ in range(round(slow) + 1)]
    assert set(trims[: round(fast)]) == {0.0}
    assert trims[-1] == pytest.approx(0.6 * 3.0 / 0.45)


def test_the_trim_is_as_large_as_the_recipes_own_film_needs():
    stiff, soft = BeltTrim(36.5, -0.3, 600.0), BeltTrim(36.5, -0.6, 600.0)
    for _ in range(601):
        stiff.step(37.5, 1.0)
        soft.step(37.5, 1.0)
    assert stiff.trim_k == pytest.approx(2.0)
    assert soft.trim_k == pytest.approx(1.0)


def test_a_layer_trim_waits_for_the_film_it_changed():
    control = LayerTrim(0.30)
    head = 100.0
    history = [(head, 1.0)]
    layer, acted = 0.0, []
    for _ in range(4 * 3600):
        head += 1.0 / 30.0
        gauge = head - 25.8
        while len(history) > 1 and history[1][0] <= gauge:
            history.pop(0)
        factor = history[0][1] if history[0][0] <= gauge else 1.0
        layer = 0.33 * factor
        before = control.trim
        control.step(layer, head, gauge, 1.0)
        if control.trim != before:
            acted.append(head)
            history.append((head, control.trim))
    assert layer == pytest.approx(0.30, abs=0.006)
    assert all(b - a >= 25.8 for a, b in itertools.pairwise(acted))


def test_a_layer_trim_has_ten_percent_of_authority():
    control = LayerTrim(0.30)
    for k in range(200):
        control.step(0.1, 30.0 * k, 30.0 * k, 60.0)
    assert control.trim == pytest.approx(1.10)


def test_each_side_of_a_two_sided_recipe_has_its_own_trim():
    names = ["PROC.STATE", "film.LAYER.S", *(f"QI-LAYER.{s}" for s in ("AIR", "BELT"))]
    names += ["film.COAT_A.S", "film.COAT_B.S"]
    trims = Trims()
    loop = CoatWeightLoop(
        SimpleNamespace(index=names.index), shipped("core12_both_sides").coated, trims
    )
    loop.switch(on=True)
    for k in range(160):
        moved = k / 30.0
        known = [1.0, 50.0 + moved, 0.22, 0.18, 75.8 + moved, 74.8 + moved]
        loop.step(SimpleNamespace(known=known), 0, 1.0)
    assert trims.coat_air == pytest.approx(1.0 - 0.6 * 0.1)
    assert trims.coat_belt == pytest.approx(1.0 + 0.6 * 0.1)


def test_the_coat_weight_loop_trims_each_coated_side():
    names = ["PROC.STATE", "film.LAYER.S", "QI-LAYER.AIR", "film.COAT_A.S"]
    table = SimpleNamespace(index=names.index)
    trims = Trims()
    loop = CoatWeightLoop(table, core25().coated, trims)
    snapshot = SimpleNamespace(known=[1.0, 50.0, 0.33, 75.8])
    for _ in range(100):
        loop.step(snapshot, 0, 1.0)
    assert trims.coat_air == 1.0, "off"
    loop.switch(on=True)
    for k in range(160):
        snapshot.known = [1.0, 50.0 + k / 30.0, 0.33, 75.8 + k / 30.0]
        loop.step(snapshot, 0, 1.0)
    assert trims.coat_air == pytest.approx(1.0 - 0.6 * 0.1)
    assert trims.coat_belt == 1.0


class Flows:
    """Known values of a table with every zone's flow at a share of its table flow."""

    def __init__(self):
        self.zones = [z for z in pilot().zone if z.exhaust_flow is not None]
        self.table = SimpleNamespace(index=[z.exhaust_flow for z in self.zones].index)

    def at(self, share: float) -> list[float]:
        return [share * z.table_flow_nm3_h for z in self.zones]


def test_the_purge_counts_volumes_of_the_slowest_zone():
    flows = Flows()
    counter = PurgeCounter(pilot(), flows.table)
    for _ in range(1080):
        counter.step(flows.at(2.5), 0.1)
    assert counter.volumes == pytest.approx(200.0 / 3600.0 / 1.2 * 108.0)  # T5-T8: 5 volumes


@pytest.mark.parametrize("gap", [math.nan, 10.0])
def test_a_gap_in_the_proof_pauses_the_purge_and_half_a_second_zeroes_it(gap):
    flows = Flows()
    counter = PurgeCounter(pilot(), flows.table)
    good = flows.at(2.5)
    for _ in range(600):
        counter.step(good, 0.1)
    before = counter.volumes
    bad = [*good[:-1], gap]
    for _ in range(4):
        counter.step(bad, 0.1)
    assert counter.volumes == before
    counter.step(bad, 0.1)
    assert counter.volumes == 0.0


def test_short_gaps_in_a_row_do_not_add_up_to_proof():
    flows = Flows()
    counter = PurgeCounter(pilot(), flows.table)
    good = flows.at(2.5)
    for _ in range(100):
        counter.step(good, 0.1)
        before = counter.volumes
        for _ in range(4):
            counter.step([math.nan, *good[1:]], 0.1)
        assert counter.volumes == before


def test_a_purge_that_is_lost_is_published_in_the_same_scan():
    """The main contactor waits for it: once a second, as while it grows, would be late."""
    plant = FakeLine()
    loop = ExhaustLoop(plant.line, plant.table, door(plant.make_gate(), Source.LOOP))
    loop.take_purged(8.0, plant.now_ns)
    row = plant.table.index("PROC.PURGE")
    flows = [z.exhaust_flow for z in plant.line.zone if z.exhaust_flow is not None]
    known = [math.nan] * len(plant.table)
    for _ in range(4):
        loop.count(known, plant.now_ns, 0.1)
    assert plant.table.value[row] == 8.0
    loop.count(known, plant.now_ns + 5, 0.1)
    assert (plant.table.value[row], plant.table.source_ns[row]) == (0.0, plant.now_ns + 5)
    for flow in flows:
        known[plant.table.index(flow)] = 1e6
    loop.count(known, plant.now_ns + 6, 0.1)
    assert loop.purge.volumes > 0.0
    assert plant.table.value[row] == 0.0, "what grows is published once a second"


def test_each_fan_follows_its_neediest_zone_rises_at_once_and_falls_late():
    plant = FakeLine()
    gate = plant.make_gate()
    zones = [z for z in plant.line.zone if z.exhaust_flow is not None]
    names = tuple(f"FRQ-{z.exhaust_flow[3:6]}.REQ" for z in zones)
    plant.required.step = None
    loop = ExhaustLoop(plant.line, plant.table, door(gate, Source.LOOP))
    rows = {n: plant.table.index(f"{n}.SP") for n in ("SIC-801", "SIC-802", "SIC-803")}
    required = {n: z.table_flow_nm3_h for n, z in zip(names, zones, strict=True)}

    def run(seconds):
        for _ in range(seconds):
            for name, flow in required.items():
                row = plant.table.index(name)
                plant.table.set_calculated(row, flow, Quality.GOOD, plant.now_ns)
            loop.step(plant.step(1.0), plant.now_ns, 1.0)
        return [float(plant.table.request[row]) for row in rows.values()]

    loop.switch(on=True)
    assert run(10) == [42.0, 42.0, 42.0]
    required["FRQ-202.REQ"] = 708.0
    assert run(10) == [pytest.approx(59.5, abs=0.5), 42.0, 42.0]
    required["FRQ-202.REQ"] = 690.0
    assert run(10)[0] == pytest.approx(59.5, abs=0.5)
    required["FRQ-202.REQ"] = 500.0
    assert run(10)[0] == 42.0


def test_a_requirement_that_is_not_good_asks_for_the_full_fan():
    plant = FakeLine()
    gate = plant.make_gate()
    loop = ExhaustLoop(plant.line, plant.table, door(gate, Source.LOOP))
    loop.switch(on=True)
    for _ in range(20):
        loop.step(plant.step(1.0), plant.now_ns, 1.0)
    assert float(plant.table.request[plant.table.index("SIC-801.SP")]) == 100.0


def test_tension_set_points_are_zero_while_the_web_may_be_slack():
    plant = FakeLine()
    loop = TensionSetPoints(plant.table, core25().settings)

    def published():
        loop.step(plant.step(1.0), plant.now_ns, 1.0)
        shot = plant.table.snapshot(plant.now_ns)
        return [shot.good(f"NIC-{n}.SP") for n in (231, 311, 601, 701)]

    assert published() == [0.0] * 4
    loop.switch(on=True)
    assert published() == [30.0, 30.0, 100.0, 100.0]


def relieve(control: SpeedRelief, speed: float, sticks: bool, tripped: bool) -> float:
    """One second of the relief with a set point that follows by 0.01 m/min."""
    goal = control.step(sticks, tripped, speed)
    step = min(max(goal - speed, -0.01), 0.01)
    if step:
        control.moved(speed + step)
    return speed + step


def test_a_gel_that_sticks_slows_the_line_to_its_thread_speed_and_no_further():
    control, speed = SpeedRelief(1.0), 2.0
    for _ in range(50):
        speed = relieve(control, speed, sticks=True, tripped=True)
    assert speed == pytest.approx(1.5)
    for _ in range(200):
        speed = relieve(control, speed, sticks=True, tripped=True)
    assert speed == pytest.approx(1.0, abs=0.002)


def test_the_speed_comes_back_only_after_a_person_has_reset():
    control, speed = SpeedRelief(1.0), 2.0
    for _ in range(50):
        speed = relieve(control, speed, sticks=True, tripped=True)
    for _ in range(500):
        speed = relieve(control, speed, sticks=False, tripped=True)
    assert speed == pytest.approx(1.5)  # it peels again, and nobody has said so yet
    for _ in range(100):
        speed = relieve(control, speed, sticks=False, tripped=False)
    assert speed == pytest.approx(2.0, abs=0.003)
    assert math.isnan(control.base_m_min)


def test_relief_leaves_the_speed_to_whoever_else_moves_it():
    control, speed = SpeedRelief(1.0), 2.0
    for _ in range(30):
        speed = relieve(control, speed, sticks=True, tripped=True)
    assert relieve(control, 1.2, sticks=True, tripped=True) == 1.2
    assert control.left
    assert relieve(control, 1.2, sticks=False, tripped=False) == 1.2
    assert not control.left


def test_a_line_at_its_thread_speed_is_not_slowed():
    control = SpeedRelief(2.0)
    assert control.step(True, True, 2.0) == 2.0
    assert math.isnan(control.base_m_min)


@pytest.mark.parametrize(
    ("recipe", "floor", "shift_k"),
    [("core25_layer030", 1.0, -8.0), ("core12_both_sides", 2.0, 0.0)],
)
def test_the_slowing_line_takes_its_belt_zones_along(recipe, floor, shift_k):
    plant = FakeLine()
    gate = plant.make_gate()
    writer = plant.table.attach(Block("test", ("PROC.STATE",), 1.0))
    loop = SlowingLoop(plant.line, plant.table, door(gate, Source.LOOP), shipped(recipe).settings)
    row = plant.table.index("SIC-210.SP")
    plant.table.request[row] = 2.0
    loop.sticking = lambda: (True, True)
    loop.switch(on=True)
    seconds = 0
    while plant.table.request[row] > max(1.5, floor) + 1e-6 and seconds < 1000:
        seconds += 1
        writer.write((1.0,), Quality.GOOD, plant.now_ns, plant.now_ns)
        loop.step(plant.step(1.0), plant.now_ns, 1.0)
    assert loop.shift_k == pytest.approx(shift_k, abs=0.1)
    assert [event.verb for event in loop.events] == ["line speed slower"][: seconds > 0]
    if seconds:
        assert seconds == pytest.approx(600, abs=3)  # a quarter of 0.2 m/min per minute
    speed = float(plant.table.request[row])
    writer.write((4.0,), Quality.GOOD, plant.now_ns, plant.now_ns)
    loop.step(plant.step(1.0), plant.now_ns, 1.0)
    assert float(plant.table.request[row]) == speed  # a held line keeps its speed
    assert "not running" in loop.frozen
