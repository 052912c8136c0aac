"""Nonsense that a person could type is refused in words that say what is allowed."""

from __future__ import annotations

import pytest

from tests.desk_rig import EVE


@pytest.mark.parametrize(
    ("verb", "args", "told"),
    [
        ("bypass", {"trip": "IL8D-T6", "minutes": 1e308, "reason": "r"}, "up to 30 min"),
        ("why-not", {"about": "bypass", "trip": "IL8D-T6", "minutes": 1e308}, "up to 30 min"),
        ("why-not", {"about": "bypass", "trip": "IL8D-T6", "minutes": -1}, "up to 30 min"),
        ("why-not", {"about": "start", "value": "now"}, "start takes no value"),
        ("why-not", {"about": "do"}, "which operation?"),
        ("why-not", {"about": "do", "name": "clean", "args": [1]}, "names with texts"),
        ("cost", {"verb": 7}, "verb is a text"),
        ("cost", {"verb": "set", "tag": 7}, "tag is a text"),
    ],
)
def test_nonsense_is_refused_in_words(idle, verb, args, told):
    reply = idle.ask(verb, EVE, **args)
    assert not reply.ok
    assert told in "; ".join(reply.refused)
