"""Before START every device's own safety settings are read back, over the wire."""

from __future__ import annotations

from pathlib import Path

from config.models import Role
from controller.procedure.states import Command, State
from simulators.instruments.acs380 import LOSS_ACTION
from simulators.instruments.epc3016 import WD_TIMEOUT
from simulators.instruments.line_up import SimulatedInstrument
from simulators.operator import person
from tests.dry_rig import DryRig


def put(instrument: SimulatedInstrument, register: int, value: int) -> None:
    """Somebody turns a knob at the device itself."""
    instrument.holding.put(register, value)  # type: ignore[attr-defined]


def start(rig: DryRig) -> str:
    return rig.kernel.runner.command(Command.START, "test", person(Role.OPERATOR))


def test_start_is_refused_with_every_setting_that_is_off_and_taken_once_they_are_right(
    tmp_path: Path,
) -> None:
    with DryRig(tmp_path, start_at_s=None) as rig:
        belt, zone = rig.line_up.instruments["BELT"], rig.line_up.instruments["T3"]
        put(belt, LOSS_ACTION, 0)
        assert "T1: " in start(rig), "nothing is known before the first reading"
        rig.run(5.0)
        refused = start(rig)
        assert "BELT: 58.14" in refused
        assert "register 5813 is 0, allowed 3" in refused
        assert refused.count("allowed") == 1
        put(zone, WD_TIMEOUT, 0)  # off while the line stands: the next reading finds it
        rig.run(12.0)
        refused = start(rig)
        assert "T3: communication watchdog (1169)" in refused
        assert "register 1169 is 0, allowed 1 to 5" in refused
        put(belt, LOSS_ACTION, 3)
        put(zone, WD_TIMEOUT, 5)
        rig.run(12.0)
        assert start(rig) == ""
        assert rig.kernel.runner.state is State.RUNNING
        rig.run(3.0)
        assert rig.judge.counts()["I12"] == 0, "settings are read, not written, again and again"
