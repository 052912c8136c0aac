"""Whatever comes over the wire, the desk answers: done, or refused in words.

The desk is the file's own, for what is drawn may well take the control of the line.
"""

from __future__ import annotations

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
