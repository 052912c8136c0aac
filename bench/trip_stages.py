"""Phases of a run from which trips are tried, each a line that got there by its own procedure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from config.models import Role
from controller.procedure.states import Command, State
from simulators.operator import person
from simulators.take_over import know_purged, take_over
from simulators.twin.plant import Start
from tests.dry_rig import EPOCH_NS, DryRig, files

SEED = 1


def _go(rig: DryRig, seconds: float) -> None:
    rig.run(seconds)


def _take_over(rig: DryRig) -> None:
    """A line full of film; the controller takes it over as it stands and goes on."""
    know_purged(rig.kernel, EPOCH_NS)
    rig.at(2.0, lambda: take_over(rig.kernel, files()[2], rig.kernel.clock.utc_ns()))
    rig.at(2.2, rig.restart)
    rig.run(60.0)


def _told(rig: DryRig, command: Command, state: State) -> None:
    _take_over(rig)
    rig.kernel.runner.command(command, "bench", person(Role.OPERATOR))
    rig.run(12.0)
    if rig.kernel.runner.state is not state:
        raise RuntimeError(f"{command} led to {rig.kernel.runner.state}, not {state}")


# name -> start of the plant, when the operator presses start (None: never), the way there
STAGES: dict[str, tuple[Start, float | None, Callable[[DryRig], None]]] = {
    "heating up": ("cold", 3.0, lambda rig: _go(rig, 300.0)),
    "hot, no film": ("hot", 3.0, lambda rig: _go(rig, 420.0)),
    "casting and coating": ("running", None, _take_over),
    "held": ("running", None, lambda rig: _told(rig, Command.HOLD, State.HELD)),
    "stopping": ("running", None, lambda rig: _told(rig, Command.STOP, State.STOPPING)),
}


@contextmanager
def stage(name: str) -> Iterator[DryRig]:
    """A line in a phase; its record is thrown away."""
    start, start_at_s, arrive = STAGES[name]
    with (
        TemporaryDirectory() as folder,
        DryRig(Path(folder), start=start, seed=SEED, start_at_s=start_at_s) as rig,
    ):
        arrive(rig)
        yield rig
