"""Commands are done once, not late, and never over a connection they were not made on."""

from __future__ import annotations

import json

import pytest

from config.models import Role
from controller.events import Actor
from controller.operating import command_ids
from controller.operating.command_ids import LIFE_NS, CommandId, CommandIds, decode_command
from controller.operating.protocol import BadRequest, decode_request
from controller.operating.reply import done, refuse

S = 1_000_000_000
T0 = 1_700_000_000 * S
ANN, BEN = Actor("ann", Role.OPERATOR), Actor("ben", Role.OPERATOR)
HOLD = ("hold", {"reason": "x"}, ANN)


def command(name: str = "c1", session: str = "s1", made_ns: int = T0) -> CommandId:
    return CommandId(name, session, made_ns)


def held(reply=None) -> CommandIds:
    ids = CommandIds()
    assert ids.judge(command(), "s1", HOLD, T0) is None
    ids.keep(command(), HOLD, reply or done("held"), T0)
    return ids


def why(reply) -> str:
    assert not reply.ok
    return reply.refused[0]


def test_the_same_command_again_has_the_same_reply_and_is_not_done_twice():
    reply = done("RUNNING -> HOLDING")
    ids = held(reply)
    assert ids.judge(command(), "s1", HOLD, T0 + S) is reply
    assert ids.judge(command(), "s1", HOLD, T0 + LIFE_NS) is reply


def test_a_refusal_is_remembered_too():
    reply = refuse("not now")
    assert held(reply).judge(command(), "s1", HOLD, T0) is reply


def test_over_a_new_connection_one_learns_what_became_of_it():
    assert held().judge(command(), "s2", HOLD, T0 + S).lines == ("held",)


def test_what_was_not_done_on_a_connection_that_is_gone_is_refused():
    assert "a connection that is gone" in why(CommandIds().judge(command(), "s2", HOLD, T0))


@pytest.mark.parametrize(
    ("age_ns", "told"),
    [(0, ""), (LIFE_NS, ""), (LIFE_NS + 1, "lives 10 s"), (-S, ""), (-S - 1, "later than now")],
)
def test_the_age_is_judged_exactly_by_the_services_clock(age_ns, told):
    reply = CommandIds().judge(command(), "s1", HOLD, T0 + age_ns)
    assert (reply is None) is (told == "")
    assert reply is None or told in why(reply)


def test_after_its_life_the_reply_is_forgotten_and_the_command_too_late():
    ids = held()
    assert "lives 10 s" in why(ids.judge(command(), "s1", HOLD, T0 + LIFE_NS + 1))


@pytest.mark.parametrize(
    "other", [("start", {"reason": "x"}, ANN), ("hold", {"reason": "y"}, ANN),
              ("hold", {"reason": "x"}, BEN)],
)  # fmt: skip
def test_an_id_belongs_to_one_command_of_one_person(other):
    assert "used for another command" in why(held().judge(command(), "s1", other, T0))


def test_what_changes_something_must_carry_an_id_and_looking_need_not():
    ids = CommandIds()
    assert "must carry a command id" in why(ids.judge(None, "s1", HOLD, T0))
    for verb in ("status", "read", "cost", "keep"):
        assert ids.judge(None, "s1", (verb, {}, ANN), T0) is None


@pytest.mark.parametrize("verb", ["stop", "abort"])
@pytest.mark.parametrize("came", [None, command(session="gone", made_ns=0), command()])
def test_nothing_about_ids_impedes_stop_and_abort(verb, came):
    ids = held()
    for _ in range(3):
        assert ids.judge(came, "s1", (verb, {}, ANN), T0) is None
        ids.keep(came, (verb, {}, ANN), done(), T0)


def test_when_too_many_are_remembered_new_ones_are_refused_and_none_is_forgotten(monkeypatch):
    monkeypatch.setattr(command_ids, "_MOST", 2)
    ids = held()
    ids.keep(command("c2"), HOLD, done("second"), T0)
    assert "more than 2 commands" in why(ids.judge(command("c3"), "s1", HOLD, T0))
    assert ids.judge(command(), "s1", HOLD, T0).lines == ("held",)
    late = T0 + LIFE_NS + 1
    assert ids.judge(command("c3", made_ns=late), "s1", HOLD, late) is None


@pytest.mark.parametrize(
    "found",
    [5, {}, {"id": "", "session": "s", "made_ns": 1},
     {"id": "x" * 65, "session": "s", "made_ns": 1},
     {"id": "a\n", "session": "s", "made_ns": 1}, {"id": "a", "session": 1, "made_ns": 1},
     {"id": "a", "session": "s", "made_ns": 1.5}, {"id": "a", "session": "s", "made_ns": True}],
)  # fmt: skip
def test_what_is_no_command_id_is_a_bad_request(found):
    with pytest.raises(ValueError, match="command"):
        decode_command(found)
    with pytest.raises(BadRequest):
        decode_request(json.dumps({"verb": "hold", "command": found}).encode())


def test_a_request_with_its_id_is_decoded():
    line = b'{"id": 3, "verb": "hold", "command": {"id": "a", "session": "s", "made_ns": 7}}'
    assert decode_request(line) == (3, "hold", {}, CommandId("a", "s", 7))
    assert decode_request(b'{"verb": "status"}').command is None
