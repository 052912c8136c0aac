"""The desk of a line that waits in IDLE, for scenarios of what people do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.desk_rig import DeskRig


@pytest.fixture
def rig(tmp_path) -> Iterator[DeskRig]:
    """One of its own for each test."""
    with DeskRig(tmp_path, start_at_s=None) as found:
        found.run(3.0)
        yield found


@pytest.fixture(scope="module")
def idle(tmp_path_factory) -> Iterator[DeskRig]:
    """One for all tests of a file, which leave the line as it is or do not mind."""
    with DeskRig(tmp_path_factory.mktemp("idle"), start_at_s=None) as found:
        found.run(3.0)
        yield found
