"""Whatever comes over the wire, the desk answers: done, or refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.operating.reply import Reply
from tests.desk_rig import ANN, EVE, VIC

KEYS = (
    *("about", "args", "ask", "confirm", "minutes", "name", "names", "old", "reason", "seen"),
    *("tag", "tags", "text", "trip", "unit", "value", "verb"),
)
NAMES = ("IL2", "IL8D-T6", "TIC-501.SP", "tenter", "utilities", "clean", "change_roll", "bypass")
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(1e308),
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=2), st.just({"what": [1]}),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_request_raises(idle, data):
    verb = data.draw(st.sampled_from(sorted(idle.desk._verbs)))
    args = data.draw(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
    if data.draw(st.booleans()):
        args["seen"] = idle.seen()
    assert isinstance(idle.ask(verb, data.draw(st.sampled_from((ANN, EVE, VIC))), **args), Reply)


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
