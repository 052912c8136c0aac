"""Every value that tomllib finds has its exact position."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.positions import Path, Positions

SCALARS = st.one_of(
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
KEYS = st.one_of(
    st.text("abcz019_-", min_size=1, max_size=4),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


def text_of(text: str) -> str:
    """A basic string; json writes the same escapes, save for DEL and surrogate pairs."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def key_of(key: str) -> str:
    bare = key and all(c.isascii() and (c.isalnum() or c in "_-") for c in key)
    return key if bare else text_of(key)


class Writer:
    """Writes a document in styles drawn by hypothesis, and notes where each value starts."""

    def __init__(self, draw) -> None:
        self.draw = draw
        self.text = ""
        self.at: dict[Path, int] = {}

    def pick(self, *choices):
        return self.draw(st.sampled_from(choices))

    def value(self, path: Path, value) -> None:
        self.at[path] = len(self.text)
        if isinstance(value, dict):
            self.text += "{"
            for i, (key, item) in enumerate(value.items()):
                self.text += (", " if i else " ") + key_of(key) + self.pick("=", " = ")
                self.value((*path, key), item)
            self.text += " }"
        elif isinstance(value, list):
            self.text += "["
            for i, item in enumerate(value):
                self.text += self.pick("", " ", "\n  ", "  # ] not yet\n")
                self.value((*path, i), item)
                self.text += ","
            self.text += "]"
        elif isinstance(value, str):
            self.text += self.string(value)
        else:
            self.text += str(value).lower() if isinstance(value, bool) else repr(value)

    def string(self, value: str) -> str:
        plain = value.isprintable() and "'" not in value
        if plain and self.pick(True, False):
            return self.pick(f"'{value}'", f"'''{value}'''")
        escaped = text_of(value)
        return self.pick(escaped, f'""{escaped}""')

    def table(self, path: Path, header: list[str], table: dict) -> None:
        later = {}
        for key, value in table.items():
            tables = isinstance(value, dict) or (
                isinstance(value, list) and value and all(isinstance(v, dict) for v in value)
            )
            if tables and self.pick(True, False):
                later[key] = value
                continue
            if isinstance(value, dict) and len(value) == 1 and self.pick(True, False):
                ((inner, item),) = value.items()
                self.text += f"{key_of(key)} . {key_of(inner)} ="
                self.value((*path, key, inner), item)
            else:
                self.text += f"{key_of(key)} = "
                self.value((*path, key), value)
            self.text += self.pick("\n", " # comment = [\n", "\r\n", "\n\n")
        for key, value in later.items():
            name = [*header, key_of(key)]
            items = value if isinstance(value, list) else [value]
            brackets = ("[[", "]]") if isinstance(value, list) else ("[", "]")
            for i, item in enumerate(items):
                self.text += brackets[0] + self.pick(".", " . ").join(name) + brackets[1] + "\n"
                inner = (*path, key, i) if isinstance(value, list) else (*path, key)
                self.table(inner, name, item)


def paths(value, path: Path = ()):
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from paths(item, (*path, i))


@settings(max_examples=400, deadline=None)
@given(st.data(), DOCUMENTS)
def test_every_path_of_tomllib_has_the_position_where_it_was_written(data, document):
    writer = Writer(data.draw)
    writer.table((), [], document)
    found = tomllib.loads(writer.text)
    assert found == document
    positions = Positions(writer.text)
    for path in paths(found):
        assert path in positions, path
    for path, offset in writer.at.items():
        line = writer.text.count("\n", 0, offset) + 1
        column = offset - (writer.text.rfind("\n", 0, offset) + 1) + 1
        assert positions.value(path) == (line, column), path


TEXT = """\
title = "a"  # comment
[zone.hot]
limits = { low = 1, "odd \\" key" = [1,
  22] }
'lit.eral'.inner = 3
[[trip]]
name = '''x'''
[[trip]]
when.any = [ { tag = "A" },
   { tag = "B" } ]
[trip.more]
deep = true
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("title",), (1, 9)),
        (("zone", "hot", "limits", "low"), (3, 18)),
        (("zone", "hot", "limits", 'odd " key', 1), (4, 3)),
        (("zone", "hot", "lit.eral", "inner"), (5, 20)),
        (("trip", 0), (6, 1)),
        (("trip", 0, "name"), (7, 8)),
        (("trip", 1, "when", "any", 1, "tag"), (10, 12)),
        (("trip", 1, "more", "deep"), (12, 8)),
        (("trip", 1, "more", "missing", "below"), (11, 7)),
    ],
)
def test_values_stand_where_people_see_them(path, place):
    assert Positions(TEXT).value(path) == place


def test_keys_and_lines_can_be_quoted():
    positions = Positions(TEXT)
    assert positions.key(("zone", "hot", "lit.eral", "inner")) == (5, 12)
    assert positions.key(("trip", 1, "when")) == (9, 1)
    assert positions.line(7) == "name = '''x'''"
