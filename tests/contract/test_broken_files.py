"""One fault a file, one clear message at its place."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from config.loader import ConfigError, load_line, load_materials, load_recipe
from tests.contract.broken_files import FAULTS
from tests.contract.fault import SHIPPED

LINE = load_line(SHIPPED["line"])
MATERIALS = load_materials()


def load(kind, path):
    if kind == "line":
        return load_line(path)
    if kind == "recipe":
        return load_recipe(path, LINE, MATERIALS)
    return load_materials(path.parent)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_one_fault_gives_one_message_at_its_place(fault, tmp_path):
    path, place = fault.build(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(fault.kind, path)
    assert len(caught.value.problems) == 1, str(caught.value)
    message = str(caught.value)
    assert message.startswith(f"{path}:{place[0]}:{place[1]}: "), message
    assert f"{fault.category}: " in message, message
    assert fault.says in message, message
    assert "\n" not in message
    assert not re.search(r"Traceback|pydantic|ValidationError", message)


def test_every_kind_of_fault_is_planted_at_least_four_times():
    kinds = Counter(fault.category for fault in FAULTS)
    kinds["encoding"] += kinds.pop("size")
    assert set(kinds) == {
        "syntax", "type", "unit", "unknown key", "range", "reference", "duplicate",
        "contradiction", "physics", "encoding",
    }  # fmt: skip
    assert min(kinds.values()) >= 4, kinds
    assert sum(kinds.values()) >= 44
