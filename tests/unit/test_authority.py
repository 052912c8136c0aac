"""The control token: lease, claim, take-over, release, and at most one holder (I13)."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from config.models import Role
from controller.events import Actor
from controller.operating.authority import LEASE_NS, NO_TOKEN, SHOWN_NS, Authority

S = 1_000_000_000
T0 = 1_700_000_000 * S
VIC, ANN, BEN, EVE, ADA = (
    Actor("vic", Role.VIEWER), Actor("ann", Role.OPERATOR), Actor("ben", Role.OPERATOR),
    Actor("eve", Role.ENGINEER), Actor("ada", Role.ADMIN),
)  # fmt: skip


def held_by(actor: Actor) -> Authority:
    token = Authority()
    token.used("start", actor, T0)
    token.events()
    return token


def told(token: Authority) -> list[tuple]:
    return [(each.verb, each.old, each.new, each.actor) for each in token.events()]


def test_a_command_on_a_line_that_nobody_holds_claims_it():
    token = Authority()
    assert token.against("start", ANN, T0) == ""
    token.used("start", ANN, T0)
    assert told(token) == [("claim", None, "ann", "ann")]
    assert token.holder(T0).name == "ann"


def test_another_person_is_refused_with_holder_role_and_seconds_left():
    token = held_by(ANN)
    why = token.against("start", BEN, T0 + 20 * S + 1)
    assert why.startswith("ann (operator) has control for another 40 s")
    assert "filmline take --reason" in why
    assert token.against("start", ANN, T0) == ""


@pytest.mark.parametrize("verb", sorted(NO_TOKEN))
def test_looking_stopping_and_noting_need_none_and_claim_none(verb):
    token = held_by(ANN)
    assert token.against(verb, VIC, T0) == ""
    free = Authority()
    free.used(verb, ANN, T0)
    assert free.holder(T0) is None


def test_the_lease_ends_exactly_after_a_minute_and_that_is_recorded():
    token = held_by(ANN)
    assert token.holder(T0 + LEASE_NS - 1).name == "ann"
    assert token.holder(T0 + LEASE_NS) is None
    (event,) = token.events()
    assert (event.ns, event.verb, event.old) == (T0 + LEASE_NS, "expired", "ann")
    assert token.against("start", BEN, T0 + LEASE_NS) == ""


def test_ones_own_commands_and_a_live_watch_renew_it():
    token = held_by(ANN)
    token.used("hold", ANN, T0 + 50 * S)
    assert token.keep(ANN, T0 + 100 * S)
    held = token.holder(T0 + 159 * S)
    assert (held.since_ns, held.until_ns) == (T0, T0 + 160 * S)
    assert told(token) == []


def test_watching_renews_nothing_that_is_not_ones_own():
    token = held_by(ANN)
    assert not token.keep(BEN, T0 + 10 * S)
    assert token.holder(T0).until_ns == T0 + LEASE_NS
    assert not Authority().keep(ANN, T0)


@pytest.mark.parametrize(
    ("holder", "taker", "may"),
    [(ANN, BEN, True), (ANN, EVE, True), (EVE, ANN, False), (EVE, ADA, True), (ADA, EVE, False),
     (ANN, VIC, False)],
)  # fmt: skip
def test_taking_over_needs_the_same_or_a_higher_role(holder, taker, may):
    token = held_by(holder)
    why = token.take(taker, "shift", T0 + S)
    assert (why == "") is may
    assert token.holder(T0 + S).name == (taker if may else holder).name
    assert bool(told(token)) is may


def test_a_take_over_is_recorded_with_its_reason_and_shown_ten_minutes():
    token = held_by(ANN)
    assert "needs a reason" in token.take(BEN, " ", T0)
    assert token.take(BEN, "ann left", T0 + S) == ""
    (event,) = token.events()
    assert (event.verb, event.old, event.new, event.cause) == (
        "take over",
        "ann",
        "ben",
        "ann left",
    )
    assert token.taken(T0 + SHOWN_NS).of == "ann"
    assert token.taken(T0 + S + SHOWN_NS) is None
    assert "ben (operator) has control" in token.against("set", ANN, T0 + 2 * S)


def test_taking_what_nobody_holds_needs_no_reason_but_the_role():
    token = Authority()
    assert "needs the role operator" in token.take(VIC, "x", T0)
    assert token.take(ANN, "", T0) == ""
    assert token.take(ANN, "", T0 + S) == ""  # again: a renewal
    assert told(token) == [("claim", None, "ann", "ann")]
    assert token.taken(T0 + S) is None


def test_only_the_holder_releases():
    token = held_by(ANN)
    assert "ann has control, not ben" in token.release(BEN, T0)
    assert token.release(ANN, T0) == ""
    assert token.holder(T0) is None
    assert told(token) == [("release", "ann", None, "ann")]
    assert token.release(ANN, T0) == "nobody has control"


def test_a_new_service_has_no_holder():
    held_by(ANN)
    assert Authority().holder(T0) is None


PEOPLE = st.sampled_from([VIC, ANN, BEN, EVE, ADA])
VERBS = st.sampled_from(["start", "set", "hold", "bypass"])
WAITS = st.one_of(st.integers(0, 70), st.sampled_from([59, 60, 61])).map(lambda s: s * S)


class TokenMachine(RuleBasedStateMachine):
    """I13: what the events say and a model of one name with one deadline always agree."""

    def __init__(self) -> None:
        super().__init__()
        self.token = Authority()
        self.now = T0
        self.name = ""
        self.role = Role.VIEWER
        self.until = 0
        self.said: str | None = None  # holder by the events alone

    def free(self) -> bool:
        return not self.name or self.now >= self.until

    def have(self, who: Actor) -> None:
        self.name, self.role, self.until = who.name, who.role, self.now + LEASE_NS

    @rule(wait=WAITS)
    def time_goes_by(self, wait):
        self.now += wait

    @rule(who=PEOPLE, verb=VERBS)
    def command(self, who, verb):
        allowed = self.free() or self.name == who.name
        assert (self.token.against(verb, who, self.now) == "") is allowed
        if allowed and who.may(Role.OPERATOR):  # a viewer's is refused by the verb itself
            self.token.used(verb, who, self.now)
            self.have(who)

    @rule(who=PEOPLE)
    def look_and_stop(self, who):
        for verb in NO_TOKEN:
            assert self.token.against(verb, who, self.now) == ""
            self.token.used(verb, who, self.now)

    @rule(who=PEOPLE, reason=st.sampled_from(["", "shift"]))
    def take(self, who, reason):
        mine = self.free() or self.name == who.name
        may = who.may(Role.OPERATOR) and (mine or (who.may(self.role) and bool(reason)))
        assert (self.token.take(who, reason, self.now) == "") is may
        if may:
            self.have(who)

    @rule(who=PEOPLE)
    def keep(self, who):
        mine = not self.free() and self.name == who.name
        assert self.token.keep(who, self.now) is mine
        if mine:
            self.until = self.now + LEASE_NS

    @precondition(lambda self: self.name)
    @rule(who=PEOPLE)
    def release(self, who):
        mine = not self.free() and self.name == who.name
        assert (self.token.release(who, self.now) == "") is mine
        if mine:
            self.name = ""

    @invariant()
    def one_holder_at_most(self):
        held = self.token.holder(self.now)
        expected = "" if self.free() else self.name
        assert ("" if held is None else held.name) == expected
        if held is not None:
            assert (held.role, held.until_ns) == (self.role, self.until)
            assert self.now < held.until_ns <= self.now + LEASE_NS
        for event in self.token.events():
            assert event.old == self.said  # nobody is put in while another one holds it
            self.said = event.new
        assert (self.said or "") == expected


TokenMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestTokenMachine = TokenMachine.TestCase
