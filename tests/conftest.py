"""How the tests are shared out between processes: files stay whole, system tests stay together.

The system tests start first: one of them waits for a whole production run, which goes on in a
process of its own meanwhile, and two of them at once would disturb each other's real time.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.copies import PREPARED, in_a_copy

SYSTEM = "tests/system/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    home = Path(__file__).parent / "system"
    items.sort(key=lambda item: home not in item.path.parents)


class ByFile(LoadScopeScheduling):
    """One worker for a file, and for all system tests."""

    def _split_scope(self, nodeid: str) -> str:
        return SYSTEM if nodeid.startswith(SYSTEM) else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if PREPARED.isdisjoint(pyfuncitem.fixturenames):
        return None
    if not hasattr(os, "fork"):
        pytest.skip("a copy of a prepared line needs fork")
    if failed := in_a_copy(pyfuncitem):
        pytest.fail(failed, pytrace=False)
    return True
