"""Half-stops on the running line, through the wire: what the record says against the plant."""

from __future__ import annotations

import numpy as np
import pytest

from controller.procedure.states import Command, State
from controller.refusals import Source
from simulators.twin.film_io import CellFlag
from tests.running_line import KIM

SPEED_M_S = 2.0 / 60.0


@pytest.fixture
def line(running):
    return running


def test_a_coater_pause_marks_just_the_film_that_the_plant_left_uncoated(line):
    runner = line.kernel.runner
    assert line.do("resume_coating") == ["coating is not paused"]
    assert line.do("pause_coating") == []
    line.run(20.0)
    assert not line.plant.act.coat_engaged.any()
    assert line.plant.act.coat_flow[0] == 0.0
    assert line.plant.act.diverter_die, "casting goes on"
    assert line.do("resume_coating")[0] == "pause_coating is going on"
    assert [ask.ask.key for ask in runner.asks()] == ["rinse_coater"]
    line.until(lambda: not runner.side.name, 120.0)
    assert line.do("pause_coating") == ["coating is paused already"]
    assert line.do("resume_coating") == []
    line.until(lambda: not runner.side.name, 300.0)
    line.run(60.0)
    assert line.plant.act.coat_flow[0] > 5.0
    [mark] = [mark for mark in line.marks() if mark.kind == "uncoated_air"]
    labels, flags = line.cells()
    past_head = labels < line.kernel.film.label("COAT_A")
    bare = labels[past_head & ((flags & int(CellFlag.COATED_AIR)) == 0)]
    assert bare.size > 20
    assert mark.from_label == pytest.approx(bare.min(), abs=0.5)
    assert mark.to_label == pytest.approx(bare.max(), abs=0.5)
    assert mark.to_label - mark.from_label == pytest.approx(0.1 * bare.size, abs=1.0)
    assert runner.state is State.RUNNING
    assert not line.kernel.gate.shed_outputs()
    assert not line.judge.violations


def test_a_hold_on_a_moving_web_marks_all_film_that_was_on_the_line(line):
    oldest = line.cells()[0].min()
    line.command(Command.HOLD)
    line.run(60.0)
    assert line.kernel.runner.state is State.HELD
    assert line.plant.truth.belt_running
    line.command(Command.RESTART)
    line.run(5.0)
    [mark] = [mark for mark in line.marks() if mark.kind == "made_in_hold"]
    newest = line.kernel.film.label_at_die() - 5.0 * SPEED_M_S
    assert mark.from_label == pytest.approx(oldest, abs=1.0)
    assert mark.to_label == pytest.approx(newest, abs=0.2)


def test_a_web_that_breaks_in_a_hold_begins_the_break_sequence(line):
    line.command(Command.HOLD)
    line.run(10.0)
    assert line.kernel.runner.state is State.HELD
    line.plant.inject("F9", "entry")
    line.run(10.0)
    runner = line.kernel.runner
    assert runner.state is State.HOLDING
    assert runner.reason == "hold: test; then web broken"
    assert line.plant.act.pump_rpm == 0.0
    assert any(event.verb == "log" and "break sequence" in event.cause for event in line.events)


def test_rolls_change_at_their_meter_and_have_the_lengths_that_are_on_their_cores(winding):
    line = winding
    book, web = line.kernel.rolls, line.plant.web
    line.run(10.0)
    assert book.roll is not None
    assert line.do("change_roll", at_m="1e9x") == ["at_m=1e9x: not a number of meters"]
    assert line.do("change_roll", at_m="8", how="flying") == []
    line.until(lambda: len(book.closed) == 1, 400.0)
    line.run(20.0)
    assert line.do("change_roll", how="flying") == []
    line.until(lambda: len(book.closed) == 2, 200.0)
    line.run(3.0)
    assert [roll.name for roll in book.closed] == ["R01", "R02"]
    assert book.closed[0].length_m == pytest.approx(8.0, abs=0.05)
    truth = web.rolls_m[1:]  # the first core was taken when collecting began
    assert [roll.length_m for roll in book.closed] == pytest.approx(truth, rel=0.005)
    assert web.roll_m == pytest.approx(0.1524, abs=0.001)
    assert line.kernel.film.roll_m < 0.5
    assert book.closed[0].outer_label == book.closed[1].core_label
    stretched = book.closed[0].outer_label - book.closed[0].core_label
    assert stretched == pytest.approx(book.closed[0].length_m / 1.005, abs=0.05)
    assert not line.plant.act.turret
    assert not line.judge.violations


def test_a_web_break_closes_the_roll_at_the_break_and_offers_no_new_one(winding):
    line = winding
    line.run(60.0)
    label = line.kernel.film.label("WIND")
    line.plant.inject("F9", "exit")
    line.run(10.0)
    [roll] = line.kernel.rolls.closed
    assert roll.why == "web broken"
    assert roll.outer_label == pytest.approx(label, abs=0.2)
    assert line.kernel.rolls.roll is None
    assert "no roll is being wound" in line.do("change_roll")
    assert line.do("rethread") == []
    assert not line.kernel.interlocks.latched()
    line.run(5.0)
    assert line.kernel.runner.state is State.HOLDING, "first the film runs out"
    assert line.plant.act.pump_rpm == 0.0, "nothing starts because a trip was reset"
    now = line.kernel.clock.utc_ns()
    line.kernel.gate.request("XC-301.CMD", 1.0, Source.RECIPE, "feed on power", now)
    line.run(8.0)
    assert not line.kernel.gate.shed_outputs(), "the feed was off, which explains its silence"


@pytest.mark.parametrize(
    ("name", "args", "against"),
    [
        ("rethread", {}, "possible in HOLDING or HELD only; the state is RUNNING"),
        ("clean", {"what": "die"}, "possible in IDLE or COMPLETE or STOPPED only"),
        ("clean", {"what": "roof"}, "what=roof: one of die, coater"),
        ("change_roll", {"how": "axe"}, "how=axe: one of flying, tape"),
        ("change_roll", {"when": "now"}, "change_roll has no argument when"),
        ("dance", {}, "no operation 'dance'"),
    ],
)
def test_what_is_not_possible_is_refused_with_its_reason_and_moves_nothing(
    line, name, args, against
):
    before = line.kernel.table.request.copy()
    refused = line.do(name, **args)
    assert any(reason.startswith(against) for reason in refused), refused
    assert line.kernel.operations.cost(name, args).startswith("not possible: ")
    assert np.array_equal(before, line.kernel.table.request, equal_nan=True)


def test_an_operation_needs_a_reason(line):
    operations, now = line.kernel.operations, line.kernel.clock.utc_ns()
    assert operations.do("pause_coating", {}, " ", KIM, now) == ["a reason is needed"]
    assert "uncoated" in operations.cost("pause_coating", {})
