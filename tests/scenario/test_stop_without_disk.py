"""Protection never waits for the disk: a stop goes to its end although nothing can be recorded."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from config.models import Role
from controller.historian.errors import DiskFull
from controller.procedure.states import Command, State
from simulators.operator import person
from tests.dry_rig import DryRig


def full(_now_ns: int) -> NoReturn:
    raise DiskFull("the disk of the record is full")


@pytest.mark.parametrize(
    ("command", "end", "within_s"),
    [(Command.STOP, State.STOPPED, 900.0), (Command.ABORT, State.ABORTED, 30.0)],
)
def test_a_stop_reaches_its_end_on_a_full_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
    end: State,
    within_s: float,
) -> None:
    with DryRig(tmp_path) as rig:
        rig.run(200.0)
        assert rig.plant.act.main_contactor
        monkeypatch.setattr(rig.store, "commit", full)
        assert rig.kernel.runner.command(command, "test", person(Role.OPERATOR)) == ""
        rig.run(within_s)
        assert rig.kernel.runner.state is end
        assert not rig.plant.act.main_contactor
        assert not rig.plant.act.contactor.any()
        assert rig.plant.act.fan.min() > 0.1
        assert list(rig.judge.violations) == []


def test_a_held_run_still_waits_for_its_record(tmp_path: Path) -> None:
    """Going on is another matter: no step starts before its journal entry is safe."""
    with DryRig(tmp_path) as rig:
        rig.store.commit = full
        rig.run(60.0)
        assert rig.kernel.runner.state is State.HELD
        assert not rig.plant.act.main_contactor
        assert rig.kernel.runner.done("utilities.prove_utilities") is False
