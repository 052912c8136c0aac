"""How the tests are shared out between processes: files stay whole, system tests stay together.

The system tests start first: one of them waits for a whole production run, which goes on in a
process of its own meanwhile, and two of them at once would disturb each other's real time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

SYSTEM = Path(__file__).parent / "system"


@pytest.hookimpl(tryfirst=True)  # before the plugin reads the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        system = SYSTEM in item.path.parents
        item.add_marker(pytest.mark.xdist_group("system" if system else item.path.stem))
    items.sort(key=lambda item: SYSTEM not in item.path.parents)
