"""Why not: every cause at once, with live values, first-out, and who may get past it."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from config.models import Role
from controller.events import Actor
from controller.operating.cause_lines import lines_of, unsaid
from controller.operating.screen import screen
from controller.procedure.states import State
from simulators.instruments.epc3016 import WD_TIMEOUT
from tests.desk_rig import EVE, VIC, DeskRig

BEN = Actor("ben", Role.OPERATOR)


def causes(rig: DeskRig, about: str = "", *who: Actor, **args: object) -> list[dict[str, Any]]:
    reply = rig.ask("why-not", *who, about=about, **args)
    assert reply.ok, reply.refused
    return reply.data["causes"]


def allow_bypass(rig: DeskRig, *names: str) -> None:
    """Let rows be bypassed: the shipped line file lets none."""
    matrix = rig.kernel.interlocks._matrix
    for row in (matrix.rows[matrix.number[name]] for name in names):
        row.trip = row.trip.model_copy(update={"bypass": True})


def page(rig: DeskRig) -> str:
    console = Console(width=112, force_terminal=False)
    with console.capture() as shown:
        console.print(screen(rig.ask("status").data))
    return shown.get()


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [cause["kind"] for cause in found]


def test_a_refused_command_answers_with_every_cause(idle):
    reply = idle.ask("set", VIC, tag="TIC-501.SP", value=900.0, reason="try")
    found = reply.data["causes"]
    assert kinds(found) == ["person", "output", "output", "output"]
    assert [cause.get("cause") for cause in found[1:]] == ["out of range", "mode", "role"]
    assert (found[1]["value"], found[1]["limit"]) == (900.0, 200.0)


def test_asking_changes_nothing_and_is_free_to_everybody(rig):
    before = len(rig.events), rig.seen()
    for about in ("", "start", "abort", "belt", "IL1-B1", "TIC-501.SP"):
        causes(rig, about, VIC)
    assert (len(rig.events), rig.seen()) == before
    assert rig.ask("status").data["control"] is None


def test_state_person_and_control_are_told_together(rig):
    assert rig.ask("start", reason="shift", seen=rig.seen()).ok
    found = causes(rig, "start", Actor("kim", Role.VIEWER))
    assert kinds(found) == ["person", "control", "state"]
    assert (found[1]["by"], found[2]["possible"]) == ("ann", ["hold", "stop", "abort"])
    assert causes(rig, "stop", VIC) == []


def test_a_start_names_the_device_that_is_not_armed(rig):
    rig.line_up.instruments["T3"].holding.put(WD_TIMEOUT, 0)  # off at the device itself
    rig.run(12.0)
    reply = rig.ask("start", reason="shift", seen=rig.seen())
    (found,) = [cause for cause in reply.data["causes"] if cause["name"] == "T3"]
    assert found["kind"] == "arming"
    assert "register 1169 is 0, allowed 1 to 5" in found["says"]
    assert found in causes(rig)  # and the idle line says so unasked


def test_a_write_that_a_trip_forbids_shows_the_trip_with_its_live_values(rig):
    rig.ask("manual", EVE, unit="casting", reason="try")
    reply = rig.ask("set", EVE, tag="XV-110.CMD", value="on", reason="try")
    assert not reply.ok
    output, trip = reply.data["causes"]
    assert (output["name"], output["cause"]) == ("XV-110.CMD", "increase blocked")
    assert (trip["name"], trip["kind"], trip["cause"]) == ("IL11P", "permissive", "present")
    belt = next(row for row in trip["inputs"] if row["tag"] == "SIC-210.ACT")
    assert belt["good"]
    assert belt["unit"] == "m/min"
    assert belt["value"] < belt["limit"]
    assert trip["bypass"]["role"] is None
    assert trip["reset"] is None


def test_a_latched_trip_tells_first_out_reset_and_bypass(rig):
    name, other = "IL8D-T6", "IL8D-T5"
    allow_bypass(rig, name, other)
    rig.kernel.interlocks.restore([name], rig.now_ns)
    rig.run(0.3)
    (seen,) = causes(rig, name, EVE)
    assert seen["kind"] == "interlock"
    assert seen["when_tripped"] == "latched before the restart"
    bypass = seen["bypass"]
    assert (bypass["role"], bypass["you"]) == ("engineer", True)
    assert bypass["until_ns"] == rig.now_ns + 30 * 60 * 10**9
    assert not causes(rig, name, BEN)[0]["bypass"]["you"]
    assert rig.ask("bypass", EVE, trip=name, minutes=10, reason="proof test").ok
    assert f"BYPASS {name} by eve, 10:00 left: proof test" in page(rig)
    held = causes(rig, other)[0]["bypass"]
    assert held["role"] is None
    assert held["against"] == [f"{name} is bypassed already; one at a time"]
    assert (held["in_force"]["by"], held["in_force"]["left_s"]) == ("eve", 600.0)


def test_a_step_tells_what_it_looks_at(rig):
    assert rig.ask("start", reason="shift", seen=rig.seen()).ok
    rig.run(60.0)
    assert rig.kernel.runner.state is State.RUNNING
    (step,) = causes(rig, "utilities")
    assert step["kind"] == "step"
    assert step["name"] == "utilities.purge.volumes"
    assert [(row["tag"], row["good"]) for row in step["inputs"]] == [("PROC.PURGE", True)]
    assert step in causes(rig)


def test_a_held_line_tells_why_and_what_would_hold_it_again(rig):
    assert rig.ask("start", reason="shift", seen=rig.seen()).ok
    rig.run(5.0)
    rig.kernel.gate.shed("SIC-110.SP", "the drive restarted", rig.now_ns)
    rig.run(2.0)
    assert rig.kernel.runner.state is State.HELD
    state, *rest = causes(rig)
    assert (state["kind"], state["name"]) == ("state", "HELD")
    assert "the drive restarted" in state["says"]
    shed = next(cause for cause in rest if cause["name"] == "SIC-110.SP")
    assert shed in causes(rig, "restart")


@pytest.mark.parametrize(
    ("about", "args", "told"),
    [
        ("strat", {}, "did you mean start"),
        ("set", {"tag": "TIC-501.SP", "value": "hot"}, "'hot' is not a number"),
        ("reset", {"trip": "IL1-B9"}, "did you mean IL1-B"),
        ("bypass", {}, "which trip?"),
        ("manual", {"unit": "sky"}, "no unit sky"),
        (7, {}, "about is a text"),
    ],
)
def test_nonsense_is_refused_in_words(idle, about, args, told):
    reply = idle.ask("why-not", about=about, **args)
    assert not reply.ok
    assert told in "; ".join(reply.refused)


def test_a_tag_that_is_only_measured_says_so(idle):
    (found,) = causes(idle, "TIC-501.PV")
    assert found["says"] == "TIC-501.PV is measured or calculated; it cannot be written"


def test_lines_for_people_repeat_nothing_that_was_said(idle):
    reply = idle.ask("set", tag="TIC-501.SP", value=900.0, reason="try")
    assert unsaid(reply.data["causes"], reply.refused) == []
    lines = lines_of(causes(idle, "IL2"))
    assert lines[0].startswith("IL2: Heat not permitted: ovens not purged")
    assert lines[1] == "    PROC.PURGE 0.000, below 5"
    assert lines[2].endswith("No bypass: hazard Z2 cannot be bypassed")
