"""The film on the line: mass, motion, draw, coating, leader, breaks, standing."""

import numpy as np
import pytest

from simulators.twin import cells as meta
from simulators.twin.casting import Casting, CastingInputs
from simulators.twin.coating import Coater
from simulators.twin.film import FilmGrid
from simulators.twin.film_io import SCAN, CellFlag, FilmResult, Speeds, ZoneState
from simulators.twin.parameters import EXHAUST_COUNT, Parameters, load_parameters

LANES = 5
FLOW = (10.08, 0.0)
ENGAGED = (True, False)


class Rig:
    """A film grid with the parts around it, driven at steady conditions."""

    def __init__(self, params: Parameters, *, running: bool = True, dtype=np.float64, lanes=LANES):
        zones = params.zones
        self.casting = Casting(params, lanes, seed=3)
        self.coater = Coater(params, lanes, seed=3)
        self.film = FilmGrid(params, lanes, dtype)
        self.inputs = CastingInputs(pump_rpm=27.0, diverter_die=True)
        self.speeds = Speeds(2.0, 2.003, 2.01, 2.012)
        self.zones = ZoneState.at(25.0)
        self.zones.surface_c[:] = zones.setpoint_c
        self.zones.air_c[:] = np.add(zones.setpoint_c, zones.air_offset_k)
        self.zones.vapor_y[:] = zones.reference_y[:EXHAUST_COUNT]
        self.flow, self.engaged = FLOW, ENGAGED
        if running:
            self.casting.settle(self.inputs)
            self.coater.settle(FLOW, ENGAGED)
            self.film.fill_running(self.speeds, self.zones, self.casting, self.coater)

    def run(self, seconds: int) -> FilmResult:
        result = self.film.result
        for _ in range(seconds):
            self.casting.step(1.0, self.inputs)
            self.coater.step(1.0, self.flow, self.engaged)
            result = self.film.step(1.0, self.speeds, self.zones, self.casting, self.coater)
        return result

    def stop(self) -> None:
        self.speeds = Speeds()
        self.inputs.diverter_die = False
        self.casting.flow_cm3_s = 0.0
        self.casting.take()

    def polymer_gap(self) -> float:
        tally = self.film.tally
        left = tally.polymer_out + tally.water + self.film.inventory().polymer_kg
        return (tally.paa_in + tally.leader_in - left) / (tally.paa_in + tally.leader_in)

    def solvent_gap(self) -> float:
        tally = self.film.tally
        entered = tally.solvent_in + tally.coat_solvent_in
        left = tally.solvent_out + tally.evaporated + self.film.inventory().solvent_kg
        return (entered - left) / entered


@pytest.fixture(scope="module")
def params() -> Parameters:
    return load_parameters()


def test_running_line_is_full_and_at_the_reference_state(params):
    rig = Rig(params)
    result = rig.run(30)
    assert result.present.all()
    assert result.film_between_pct > 99.0
    assert result.peel_loh_pct == pytest.approx(36.6, abs=0.3)
    assert result.peel_imid_pct == pytest.approx(6.9, abs=0.1)
    assert result.gel_g_m2.mean() == pytest.approx(58.0, abs=1.0)
    assert result.core_um.mean() == pytest.approx(25.0 / 1.005, abs=0.1)
    assert result.layer_um[0].mean() == pytest.approx(0.30, abs=0.005)
    assert (result.layer_um[1] == 0.0).all()
    assert result.scan_um == pytest.approx(result.core_um + result.layer_um[0], abs=1e-6)
    assert result.film_c == pytest.approx([90.0, 200.0, 350.0, 480.0], abs=1.0)


def test_running_start_is_steady(params):
    rig = Rig(params)
    first = rig.run(5).core_um.copy()
    assert rig.run(1500).core_um == pytest.approx(first, rel=3e-4)


def test_evaporation_matches_the_zone_table(params):
    """Process specification 7.2, kg/h at 2 m/min."""
    rig = Rig(params)
    total = np.zeros(EXHAUST_COUNT)
    for _ in range(60):
        total += rig.run(1).evap_kg_s
    per_hour = total * 60.0
    assert per_hour[[0, 1, 2]] == pytest.approx([4.7, 5.3, 1.7], abs=0.1)
    assert per_hour[[5, 6]] == pytest.approx([0.8, 0.5], abs=0.06)


def test_heat_to_the_film_pays_for_its_evaporation(params):
    rig = Rig(params)
    result = rig.run(10)
    latent = result.evap_kg_s[1] * 5.0e5
    assert result.heat_w[1] == pytest.approx(latent + 0.035 * 57 * 25 * 8, rel=0.5)
    assert result.heat_w[1] > latent
    assert result.heat_w[14] < 0.0  # the cooler takes heat out of the film


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_mass_and_solvent_balance(params, dtype):
    """Self-checks (a) and (b), through speed changes, a stop of casting and a restart."""
    rig = Rig(params, dtype=dtype)
    rig.run(400)
    rig.inputs.diverter_die = False
    rig.run(300)
    rig.inputs.diverter_die = True
    rig.speeds = Speeds(3.0, 3.01, 3.03, 3.03)
    rig.run(400)
    limit = 1e-9 if dtype is np.float64 else 1e-5
    assert abs(rig.polymer_gap()) < limit
    assert abs(rig.solvent_gap()) < limit
    assert rig.film.tally.evaporated > 1.0


def test_water_is_the_stoichiometric_share(params):
    """Self-check (c)."""
    rig = Rig(params)
    rig.run(1400)
    records = rig.film.wound.records()
    assert records["imid"].min() > 0.999
    tally = rig.film.tally
    made = tally.water
    rig.run(600)
    more = rig.film.tally.water - made
    cast_kg_s = rig.casting.steady(1.0).paa_kg
    assert more / (600.0 * cast_kg_s) == pytest.approx(0.08955, rel=2e-3)


def test_standing_line_keeps_its_mass(params):
    """Self-check (f)."""
    rig = Rig(params)
    rig.run(3)
    rig.stop()
    before = rig.film.inventory()
    cells, tally = len(rig.film.store), rig.film.tally
    water, evaporated = tally.water, tally.evaporated
    rig.run(60)
    after = rig.film.inventory()
    assert len(rig.film.store) == cells
    assert after.polymer_kg == pytest.approx(before.polymer_kg - (tally.water - water), rel=1e-9)
    gone = tally.evaporated - evaporated
    assert gone > 0.0
    assert after.solvent_kg == pytest.approx(before.solvent_kg - gone, rel=1e-9)


def test_lanes_are_independent(params):
    """Self-check (g): permuted lanes give permuted results."""
    order = np.array([3, 0, 4, 1, 2])
    plain, mixed = Rig(params), Rig(params, running=False)
    mixed.casting.start_profile = plain.casting.start_profile[order]
    mixed.casting.gain = plain.casting.gain[order]
    mixed.coater.lane_factor = plain.coater.lane_factor[:, order]
    mixed.casting.settle(mixed.inputs)
    mixed.coater.settle(FLOW, ENGAGED)
    mixed.film.fill_running(mixed.speeds, mixed.zones, mixed.casting, mixed.coater)
    ours, theirs = plain.run(60), mixed.run(60)
    assert theirs.core_um == pytest.approx(ours.core_um[order], rel=1e-12)
    assert theirs.gel_g_m2 == pytest.approx(ours.gel_g_m2[order], rel=1e-12)


def test_draw_thins_and_keeps_the_mass(params):
    rig = Rig(params)
    rig.speeds.rails, rig.speeds.winder = 2.1, 2.1
    rig.speeds.width_td = 1.02
    rig.run(1200)
    assert abs(rig.polymer_gap()) < 1e-9
    record = rig.film.wound.records()[-1]
    assert record["draw_md"] == pytest.approx(1.05, rel=1e-6)
    assert record["draw_td"] == pytest.approx(1.02, rel=1e-6)
    assert rig.film.result.core_um.mean() == pytest.approx(25.0 / (1.05 * 1.02), abs=0.1)
    spacing = np.diff(rig.film.store.x[-100:])
    assert spacing.mean() == pytest.approx(0.105, rel=1e-3)


def test_label_is_the_belt_film_cast(params):
    rig = Rig(params, running=False)
    rig.casting.settle(rig.inputs)
    rig.run(120)
    rows = rig.film.store.meta[:, rig.film.store.low : rig.film.store.high]
    assert rig.film.cast_m == pytest.approx(4.0)
    assert rows[meta.LABEL] == pytest.approx(rig.film.cast_m - rows[meta.X])
    assert len(rig.film.store) == pytest.approx(40, abs=1)


def test_no_dope_means_no_film(params):
    rig = Rig(params, running=False)
    rig.inputs.diverter_die = False
    result = rig.run(600)
    assert len(rig.film.store) == 0
    assert not result.present.any()
    assert np.isnan(result.scan_um).all()
    assert result.evap_kg_s.sum() == 0.0


def test_film_is_waste_at_the_peel_until_spliced_to_the_leader(params):
    rig = Rig(params, running=False)
    rig.casting.settle(rig.inputs)
    rig.film.thread_leader()
    result = rig.run(450)
    assert rig.film.tally.polymer_waste > 0.0
    assert rig.film.store.x[-1] < 44.0
    assert result.present[SCAN]
    assert result.scan_um == pytest.approx(np.full(LANES, 25.0), abs=0.01)
    flags = rig.film.store.flags[rig.film.store.low : rig.film.store.high]
    leader = (flags & CellFlag.LEADER) != 0
    assert rig.film.store.x[leader].min() == pytest.approx(13.05, abs=0.1)
    assert np.diff(rig.film.store.x).max() < 0.2  # the joint at the peel roll
    rig.film.splice()
    waste = rig.film.tally.polymer_waste
    rig.run(950)
    assert rig.film.tally.polymer_waste == waste
    records = rig.film.wound.records()
    cast = (records["flags"] & CellFlag.LEADER) == 0
    assert cast[-1]
    assert not cast[0]
    labels = records["label_m"][cast]
    assert np.diff(labels) == pytest.approx(np.full(len(labels) - 1, 0.1))
    assert abs(rig.polymer_gap()) < 1e-9


def test_break_runs_out_downstream_and_wastes_upstream(params):
    rig = Rig(params)
    rig.run(10)
    rig.film.break_at(15.0)
    rig.run(120)
    x = rig.film.store.x
    assert x[x < 15.1].max() == pytest.approx(15.0, abs=0.1)
    assert not ((x > 15.1) & (x < 18.5)).any()
    assert rig.film.tally.polymer_waste > 0.0
    wound = rig.film.wound.records()
    assert wound["flags"][-1] & CellFlag.SCRAP
    rig.film.heal()
    rig.run(60)
    assert ((rig.film.store.x > 15.1) & (rig.film.store.x < 16.9)).any()
    assert abs(rig.polymer_gap()) < 1e-9


def test_stopped_winder_sends_film_to_waste_instead_of_piling(params):
    rig = Rig(params)
    rig.speeds.winder = 0.0
    rig.run(300)
    x = rig.film.store.x
    assert (np.diff(x) > 0.0).all()
    assert rig.film.tally.polymer_waste > 0.0
    assert len(rig.film.wound) == 0


def test_standing_on_hot_steel_and_in_the_oven_makes_scrap(params):
    rig = Rig(params)
    rig.stop()
    rig.run(40)
    store = rig.film.store
    flags = store.flags[store.low : store.high]
    stood = (flags & CellFlag.STOOD) != 0
    assert stood[(store.x > 33.7) & (store.x < 37.4)].all()
    assert not stood[store.x < 21.0].any()
    rig.run(150)
    stood = (store.flags[store.low : store.high] & CellFlag.STOOD) != 0
    assert stood[store.x < 21.0].all()


def test_second_head_coats_the_other_side(params):
    rig = Rig(params)
    rig.flow, rig.engaged = (10.08, 10.08), (True, True)
    rig.run(1000)
    layers = rig.film.result.layer_um
    assert layers[1].mean() == pytest.approx(layers[0].mean(), rel=1e-3)
    rig.run(200)
    flags = int(rig.film.wound.records()["flags"][-1])
    assert flags & CellFlag.COATED_AIR
    assert flags & CellFlag.COATED_BELT


def test_ribs_and_wet_gel_are_flagged(params):
    rig = Rig(params)
    rig.flow = (2.5, 0.0)
    rig.zones.surface_c[:4] -= 25.0
    rig.zones.air_c[:4] -= 25.0
    rig.run(900)
    store = rig.film.store
    slot = int(store.place((16.5,))[0])
    assert store.flags[slot] & CellFlag.RIBS
    assert store.flags[slot] & CellFlag.WRINKLE


def test_wound_log_tells_the_history(params):
    rig = Rig(params)
    rig.run(300)
    records = rig.film.wound.records()
    assert len(records) == len(rig.film.wound) == pytest.approx(99, abs=2)
    last = records[-1]
    assert last["loh_peel"] == pytest.approx(0.366, abs=0.004)
    assert last["max_c"] == pytest.approx(480.0, abs=0.5)
    assert 1.0 < last["blister"] < 2.6
    assert last["wet_g_m2"][0] == pytest.approx(8.45 / 1.005, abs=0.05)
    assert last["agent_mg_m2"][0] == pytest.approx(169.0 / 1.005, abs=2.0)
    assert records["length_m"].sum() == pytest.approx(rig.film.wound.meters)
    assert rig.film.wound.meters == pytest.approx(300 / 60 * 2.012, abs=0.2)
    assert np.array_equal(rig.film.wound.records(10)["label_m"], records["label_m"][10:])


def test_same_inputs_same_film(params):
    ours, theirs = (Rig(params, dtype=np.float32).run(200) for _ in range(2))
    assert np.array_equal(ours.core_um, theirs.core_um)
    assert np.array_equal(ours.evap_kg_s, theirs.evap_kg_s)


def test_single_precision_follows_double(params):
    ours, theirs = Rig(params).run(300), Rig(params, dtype=np.float32).run(300)
    assert theirs.core_um == pytest.approx(ours.core_um, rel=1e-4)
    assert theirs.gel_g_m2 == pytest.approx(ours.gel_g_m2, rel=1e-4)
    assert theirs.evap_kg_s[:12] == pytest.approx(ours.evap_kg_s[:12], rel=2e-2, abs=1e-7)


def test_arrays_move_back_without_changing_the_film(params):
    small, large = Rig(params), Rig(params)
    grid = FilmGrid(params, LANES, np.float64, capacity=445)
    grid.fill_running(small.speeds, small.zones, small.casting, small.coater)
    small.film = grid
    assert small.run(200).core_um == pytest.approx(large.run(200).core_um, rel=1e-12)


def test_too_long_a_step_is_refused(params):
    rig = Rig(params)
    with pytest.raises(ValueError, match="film step"):
        rig.film.step(3.0, rig.speeds, rig.zones, rig.casting, rig.coater)


def test_a_running_start_needs_dope(params):
    rig = Rig(params, running=False)
    with pytest.raises(ValueError, match="dope flow"):
        rig.film.fill_running(rig.speeds, rig.zones, rig.casting, rig.coater)
