"""The control token over the whole kernel: refusals, take-over, the record, and what is shown."""

from __future__ import annotations

import io

from rich.console import Console

from controller.operating.desk import Desk
from controller.operating.screen import screen
from controller.procedure.states import State
from tests.desk_rig import ANN, EVE, VIC

NO_CONTROL = {"status", "read", "alarms", "cost", "why-not", "stop", "abort", "ack", "silence",
              "note", "take", "release", "keep"}  # fmt: skip
CONTROL = {"start", "hold", "restart", "reset", "answer", "manual", "auto", "set", "do", "rearm",
           "bypass", "shelve", "unshelve", "out-of-service"}  # fmt: skip


def test_one_person_commands_and_everybody_stops(rig):
    assert set(rig.desk._verbs) == NO_CONTROL | CONTROL  # who adds a verb decides about it here
    assert rig.ask("manual", unit="winder", reason="try").ok
    for verb in CONTROL:
        (told,) = rig.ask(verb, EVE, unit="winder", seen=rig.seen()).refused
        assert told.startswith("ann (operator) has control for another 60 s"), verb
    assert [event.actor for event in rig.told("authority", "claim")] == ["ann"]
    assert rig.ask("note", EVE, text="x").ok
    assert rig.ask("ack", EVE).ok
    assert rig.ask("abort", VIC).ok
    assert rig.kernel.runner.state is State.ABORTING
    assert rig.ask("status").data["control"]["by"] == "ann"  # a stop takes it from nobody


def test_a_take_over_is_recorded_shown_and_ends_what_moves(rig):
    rig.ask("manual", unit="winder", reason="try")
    assert rig.ask("set", tag="SIC-701.SP", value=0.5, reason="try").ok
    rig.run(0.2)
    assert rig.desk.hand.moving
    assert rig.ask("take", EVE, reason="ann left").ok
    assert rig.desk.hand.moving == {}
    assert rig.desk.hand.ended == {"SIC-701.SP": "eve took control over"}
    (event,) = rig.told("authority", "take over")
    assert (event.old, event.new, event.cause, event.actor) == ("ann", "eve", "ann left", "eve")
    status = rig.ask("status").data
    assert status["taken_over"]["of"] == "ann"
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(screen(status))
    shown = console.export_text()
    assert "control: eve (engineer), 60 s" in shown
    assert "eve TOOK CONTROL from ann: ann left" in shown
    assert "needs" in rig.ask("take", ANN, reason="back").refused[0]


def test_the_lease_ends_by_itself_and_a_new_service_has_no_holder(rig):
    rig.ask("manual", unit="winder", reason="try")
    rig.run(59.0)
    assert rig.ask("keep").data["kept"]
    rig.run(59.0)
    assert not rig.ask("keep", EVE).data["kept"]
    assert rig.ask("status").data["control"]["by"] == "ann"
    rig.run(2.0)
    assert rig.ask("status").data["control"] is None
    assert [event.old for event in rig.told("authority", "expired")] == ["ann"]
    assert rig.ask("auto", EVE, unit="winder").ok
    assert Desk(rig.kernel).authority.holder(rig.now_ns) is None


def test_a_refused_command_claims_nothing(rig):
    assert not rig.ask("start", seen={"state": "HELD", "version": 0}).ok
    assert not rig.ask("manual", VIC, unit="winder", reason="try").ok
    assert rig.ask("status").data["control"] is None
