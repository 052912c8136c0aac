"""Lines that scenarios begin from. Each is prepared once; a test has a copy (tests/copies.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.desk_rig import DeskRig
from tests.running_line import RunningLine


@pytest.fixture(scope="session")
def idle(tmp_path_factory) -> Iterator[DeskRig]:
    """A cold line in IDLE, with a desk."""
    with DeskRig(tmp_path_factory.mktemp("idle"), start_at_s=None) as found:
        found.run(3.0)
        found.keep_record_shut()
        yield found


@pytest.fixture(scope="session")
def running(tmp_path_factory) -> Iterator[RunningLine]:
    """A line that makes film, before it collects."""
    with RunningLine(tmp_path_factory.mktemp("running")) as found:
        found.keep_record_shut()
        yield found


@pytest.fixture(scope="session")
def winding(tmp_path_factory) -> Iterator[RunningLine]:
    """A line that collects its first roll."""
    with RunningLine(tmp_path_factory.mktemp("winding"), collecting=True) as found:
        found.keep_record_shut()
        yield found


@pytest.fixture
def rig(idle) -> DeskRig:
    """The idle line under the name that most tests of the desk use."""
    return idle
