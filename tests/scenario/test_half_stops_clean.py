"""End of day: die and coater are cleaned with pump and motion locked, and released after."""

from __future__ import annotations

import pytest

from config.models import Role
from controller.events import Actor, Event
from controller.procedure.states import Command, State
from controller.refusals import Source
from simulators import operator
from tests.dry_rig import DryRig

KIM = Actor("kim", Role.OPERATOR)
LOCKED = ("SIC-110.RUN", "XV-111.CMD", "SIC-210.RUN", "SIC-510.RUN", "SIC-701.RUN")


@pytest.fixture
def rig(tmp_path):
    """A line at rest; nobody has started anything."""
    with DryRig(tmp_path, start_at_s=None) as one:
        one.events: list[Event] = []
        one.kernel.listen(lambda output: one.events.extend(output.events))
        one.run(8.0)
        assert one.kernel.runner.state is State.IDLE
        yield one


def do(rig: DryRig, what: str) -> list[str]:
    now = rig.kernel.clock.utc_ns()
    return rig.kernel.operations.do("clean", {"what": what}, "end of day", KIM, now)


def refusals(rig: DryRig, tag: str) -> str:
    now = rig.kernel.clock.utc_ns()
    return str(rig.kernel.gate.request(tag, 1.0, Source.OPERATOR, "try", now, KIM))


@pytest.mark.parametrize(("what", "code"), [("die", 1.0), ("coater", 2.0)])
def test_pump_and_motion_are_locked_from_the_command_to_the_confirmed_end(rig, what, code):
    runner, table = rig.kernel.runner, rig.kernel.table
    assert "locked" in rig.kernel.operations.cost("clean", {"what": what})
    assert do(rig, what) == []
    rig.run(5.0)
    assert table.read(table.index("PROC.CLEAN"), rig.kernel.clock.utc_ns())[0] == code
    assert "IL23" in rig.kernel.interlocks.result.active
    for tag in LOCKED:
        assert "IL23" in refusals(rig, tag), tag
    assert runner.command(Command.START, "try", KIM) == f"clean_{what} is going on"
    assert do(rig, what)[0] == f"clean_{what} is going on"
    assert [pending.ask.key for pending in runner.asks()] == [f"clean_{what}_begin"]
    rig.run(operator.ANSWER_AFTER_S)
    assert [pending.ask.key for pending in runner.asks()] == [f"clean_{what}_end"]
    assert "IL23" in refusals(rig, "SIC-210.RUN")
    rig.run(operator.ANSWER_AFTER_S + 3.0)
    assert runner.asks() == ()
    assert runner.side.name == ""
    assert "IL23" not in rig.kernel.interlocks.result.active
    assert "IL23" not in refusals(rig, "SIC-210.RUN")
    answers = [e for e in rig.events if e.verb == "answer"]
    assert [(e.tag, e.actor) for e in answers] == [
        (f"clean_{what}_begin", "operator:simulated"),
        (f"clean_{what}_end", "operator:simulated"),
    ]
    assert ("operation", "kim") in [(e.verb, e.actor) for e in rig.events]
    assert rig.plant.act.belt == 0.0


def test_cleaning_is_refused_while_a_drive_is_asked_to_run(rig):
    now = rig.kernel.clock.utc_ns()
    rig.kernel.gate.request("SIC-210.RUN", 1.0, Source.RECIPE, "turn", now)
    assert do(rig, "die") == ["SIC-210 is asked to run: stop it first"]
    assert rig.kernel.runner.side.name == ""
