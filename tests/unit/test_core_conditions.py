"""Conditions: three-valued logic, timers, slopes, explanations."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.models import Condition
from controller.conditions import compile_condition
from controller.errors import ConditionError, UnknownTag
from drivers.base import Quality
from tests.core_rig import Rig, cond


def rig_with(**truths: bool | None) -> Rig:
    rig = Rig()
    names = {"a": "FT-201.PV", "b": "FT-501.PV"}
    for key, truth in truths.items():
        good = truth is not None
        value = {True: 450.0, False: 10.0}.get(truth, math.nan)
        rig.values({names[key]: value}, Quality.GOOD if good else Quality.BAD_TIMEOUT)
    rig.poll()
    return rig


A = cond(tag="FT-201.PV", above=400.0)
B = cond(tag="FT-501.PV", above=400.0)


@pytest.mark.parametrize(("a", "b"), list(itertools.product([True, False, None], repeat=2)))
def test_all_any_not_follow_kleene(a: bool | None, b: bool | None) -> None:
    rig = rig_with(a=a, b=b)
    snapshot = rig.snapshot()
    both = [a, b]
    expected_all = False if False in both else None if None in both else True
    expected_any = True if True in both else None if None in both else False
    every = compile_condition(Condition(all=(A, B)), rig.table)
    some = compile_condition(Condition(any=(A, B)), rig.table)
    no = compile_condition(cond(**{"not": A}), rig.table)
    assert every.step(snapshot, 0.1) is expected_all
    assert some.step(snapshot, 0.1) is expected_any
    assert no.step(snapshot, 0.1) is (None if a is None else not a)
    assert (every.explain(snapshot) == []) is (expected_all is True)
    assert (some.explain(snapshot) == []) is (expected_any is True)
    assert (no.explain(snapshot) == []) is (a is False)
    assert (every.because(snapshot) != []) is (expected_all is True)
    assert (some.because(snapshot) != []) is (expected_any is True)
    assert (no.because(snapshot) != []) is (a is False)


conditions = st.recursive(
    st.sampled_from([A, B, cond(tag="FT-201.PV", below=100.0), cond(tag="FT-501.PV", equals=10.0)]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda c: Condition(all=tuple(c))),
        st.lists(inner, min_size=1, max_size=3).map(lambda c: Condition(any=tuple(c))),
        inner.map(lambda c: cond(**{"not": c})),
    ),
    max_leaves=8,
)


@settings(deadline=None, derandomize=True)
@given(conditions)
def test_nothing_is_true_or_false_when_every_input_is_unknown(condition: Condition) -> None:
    rig = _UNKNOWN
    compiled = compile_condition(condition, rig.table)
    assert compiled.step(rig.snapshot(), 0.1) is None
    assert compiled.because(rig.snapshot()) == []
    assert compiled.explain(rig.snapshot()) != []


@settings(deadline=None, derandomize=True)
@given(conditions, st.sampled_from([True, False, None]), st.sampled_from([True, False, None]))
def test_explanations_agree_with_the_truth(condition, a, b) -> None:
    rig = _RIGS[a, b]
    compiled = compile_condition(condition, rig.table)
    truth = compiled.step(rig.snapshot(), 0.1)
    assert (compiled.because(rig.snapshot()) != []) is (truth is True)
    assert (compiled.explain(rig.snapshot()) == []) is (truth is True)


_RIGS = {(a, b): rig_with(a=a, b=b) for a in (True, False, None) for b in (True, False, None)}
_UNKNOWN = _RIGS[None, None]


@pytest.mark.parametrize(
    ("fields", "value", "expected"),
    [
        ({"above": 400.0}, 400.0, False),
        ({"above": 400.0}, 400.1, True),
        ({"below": 400.0}, 400.0, False),
        ({"below": 400.0}, 399.9, True),
        ({"equals": 400.0}, 400.0, True),
        ({"equals": 400.0}, 401.0, False),
        ({"above_tag": "FT-501.PV", "factor": 2.0, "offset": 100.0}, 400.1, True),
        ({"above_tag": "FT-501.PV", "factor": 2.0, "offset": 100.0}, 400.0, False),
        ({"below_tag": "FT-501.PV", "factor": 2.0, "offset": 100.0}, 399.9, True),
        ({"below_tag": "FT-501.PV", "factor": 2.0, "offset": 100.0}, 400.0, False),
        ({"not_good": True}, 400.0, False),
    ],
)
def test_leaves(fields: dict[str, object], value: float, expected: bool) -> None:
    rig = Rig()
    rig.values({"FT-201.PV": value, "FT-501.PV": 150.0})
    compiled = compile_condition(cond(tag="FT-201.PV", **fields), rig.table)
    assert compiled.step(rig.scan(), 0.1) is expected


def test_not_good_is_never_unknown() -> None:
    rig = rig_with(a=None)
    compiled = compile_condition(cond(tag="FT-201.PV", not_good=True), rig.table)
    assert compiled.step(rig.snapshot(), 0.1) is True
    (found,) = compiled.because(rig.snapshot())
    assert found.test == "not GOOD"


@pytest.mark.parametrize("test", ["above_tag", "below_tag"])
@pytest.mark.parametrize(("a", "b"), [(True, None), (None, True)])
def test_a_comparison_of_tags_is_unknown_when_either_is(test, a, b) -> None:
    rig = rig_with(a=a, b=b)
    compiled = compile_condition(cond(tag="FT-201.PV", **{test: "FT-501.PV"}), rig.table)
    assert compiled.step(rig.snapshot(), 0.1) is None


def test_a_comparison_of_tags_tells_the_number_it_compared_with() -> None:
    rig = Rig()
    rig.values({"FT-501.PV": 150.0})
    rig.poll()
    condition = cond(tag="FT-201.PV", below_tag="FT-501.PV", factor=2.0, offset=100.0)
    (found,) = compile_condition(condition, rig.table).explain(rig.snapshot())
    assert (found.value, found.limit) == (500.0, 400.0)


def steps(rig: Rig, compiled, values: list[float | None]) -> list[bool | None]:
    result = []
    for value in values:
        good = value is not None
        rig.values(
            {"FT-201.PV": value if value is not None else math.nan},
            Quality.GOOD if good else Quality.BAD_TIMEOUT,
        )
        result.append(compiled.step(rig.scan(), 0.1))
    return result


def test_a_timer_counts_from_the_first_scan_and_starts_anew_after_any_gap() -> None:
    rig = Rig()
    compiled = compile_condition(cond(tag="FT-201.PV", above=400.0, for_s=0.3), rig.table)
    high, low = 450.0, 10.0
    assert steps(rig, compiled, [high] * 5) == [False, False, False, True, True]
    assert steps(rig, compiled, [low]) == [False]
    assert steps(rig, compiled, [high] * 3) == [False] * 3
    assert steps(rig, compiled, [None]) == [None]
    assert steps(rig, compiled, [high] * 4) == [False, False, False, True]


def test_timers_count_inside_one_another_and_under_not() -> None:
    high = [450.0] * 6
    held = cond(tag="FT-201.PV", above=400.0, for_s=0.2)
    twice = compile_condition(Condition(all=(held,), for_s=0.2), Rig().table)
    assert steps(Rig(), twice, high) == [False, False, False, False, True, True]
    opposite = compile_condition(cond(**{"not": held}), Rig().table)
    assert steps(Rig(), opposite, high) == [True, True, False, False, False, False]


@pytest.mark.parametrize("value", [10.0, math.nan])
def test_a_timer_that_was_up_does_not_hold_what_its_test_does_not_show(value: float) -> None:
    """Asked between two scans, before it counts anew."""
    rig = Rig()
    compiled = compile_condition(cond(tag="FT-201.PV", above=400.0, for_s=0.2), rig.table)
    assert steps(rig, compiled, [450.0] * 3)[-1] is True
    rig.values({"FT-201.PV": value}, Quality.BAD_TIMEOUT if math.isnan(value) else Quality.GOOD)
    snapshot = rig.scan()
    assert compiled.because(snapshot) == []
    assert [found.test for found in compiled.explain(snapshot)] == ["above 400 Nm3/h for 0.2 s"]


def test_a_timer_holds_under_long_sums_of_a_tenth() -> None:
    rig = Rig()
    compiled = compile_condition(cond(tag="FT-201.PV", above=400.0, for_s=10.0), rig.table)
    assert steps(rig, compiled, [450.0] * 101) == [False] * 100 + [True]


def test_a_timer_under_a_decided_group_keeps_counting() -> None:
    rig = rig_with(a=True, b=False)
    held = cond(tag="FT-201.PV", above=400.0, for_s=0.2)
    compiled = compile_condition(Condition(all=(B, held)), rig.table)
    for _ in range(3):
        assert compiled.step(rig.scan(), 0.1) is False
    rig.values({"FT-501.PV": 450.0})
    assert compiled.step(rig.scan(), 0.1) is True


def test_reset_forgets_the_time() -> None:
    rig = rig_with(a=True)
    compiled = compile_condition(Condition(all=(A,), for_s=0.1), rig.table)
    assert [compiled.step(rig.scan(), 0.1) for _ in range(2)] == [False, True]
    compiled.reset()
    assert compiled.step(rig.scan(), 0.1) is False


def test_explain_shows_how_long_it_has_held() -> None:
    rig = rig_with(a=True)
    compiled = compile_condition(cond(tag="FT-201.PV", above=400.0, for_s=5.0), rig.table)
    for _ in range(11):
        snapshot = rig.scan()
        compiled.step(snapshot, 0.1)
    assert str(compiled.explain(snapshot)[0]) == "FT-201.PV 450, above 400 Nm3/h for 1.0 of 5 s"


def ramp(per_s: float, count: int) -> list[float | None]:
    return [100.0 + per_s * 0.1 * k for k in range(count)]


def test_rising_compares_the_mean_slope() -> None:
    rig = Rig()
    compiled = compile_condition(cond(tag="FT-201.PV", rising_above=2.0, for_s=2.0), rig.table)
    assert steps(rig, compiled, ramp(2.2, 25))[19:] == [True] * 6
    compiled.reset()
    assert True not in steps(rig, compiled, ramp(1.8, 40))
    assert steps(rig, compiled, [None]) == [None]
    assert steps(rig, compiled, ramp(2.2, 20))[:19] == [None] * 19


@pytest.mark.parametrize(("per_s", "rises"), [(1.98, False), (2.02, True)])
@pytest.mark.parametrize("window_s", [2.0, 60.0])
def test_a_slope_is_exact_from_its_first_window_on(window_s, per_s, rises) -> None:
    """A window of 60 s keeps one sample of five, and is as exact."""
    rig = Rig()
    condition = cond(tag="FT-201.PV", rising_above=2.0, for_s=window_s)
    truths = steps(rig, compile_condition(condition, rig.table), ramp(per_s, 605))
    unknown = round(window_s * 10.0) - 1
    assert [truth for truth in truths[:unknown] if truth is not None] == []
    assert truths[unknown:] == [rises] * (605 - unknown)


def test_the_shortest_slope_is_between_two_scans() -> None:
    rig = Rig()
    compiled = compile_condition(cond(tag="FT-201.PV", rising_above=2.0, for_s=0.2), rig.table)
    assert steps(rig, compiled, [100.0, 101.0, 101.0, 102.0]) == [None, True, False, True]
    compiled = compile_condition(cond(tag="FT-201.PV", rising_above=2.5, for_s=0.2), rig.table)
    assert steps(rig, compiled, [100.0, 100.25]) == [None, False], "as fast as that is not above"


def test_a_long_slope_looks_at_one_scan_in_five() -> None:
    """A value between two samples is not seen, unless it is not GOOD: then it starts anew."""
    rig = Rig()
    compiled = compile_condition(cond(tag="FT-201.PV", rising_above=2.0, for_s=60.0), rig.table)
    assert steps(rig, compiled, ramp(2.01, 601))[-1] is True
    assert steps(rig, compiled, [0.0, 0.0]) == [True, True]
    assert steps(rig, compiled, [None, 300.0]) == [None, None]


def test_a_slope_under_a_decided_group_keeps_counting() -> None:
    rig = rig_with(b=False)
    rising = cond(tag="FT-201.PV", rising_above=2.0, for_s=2.0)
    compiled = compile_condition(Condition(all=(B, rising)), rig.table)
    assert steps(rig, compiled, ramp(2.2, 20)) == [False] * 20
    rig.values({"FT-501.PV": 450.0})
    assert steps(rig, compiled, [104.4]) == [True]


def test_rising_ignores_noise_that_a_difference_would_take_for_a_rise() -> None:
    rig = Rig()
    compiled = compile_condition(cond(tag="FT-201.PV", rising_above=2.0, for_s=2.0), rig.table)
    noise = [100.0 + (0.5 if k % 2 else -0.5) for k in range(100)]
    assert True not in steps(rig, compiled, noise)


@pytest.mark.parametrize(
    "condition",
    [
        Condition(),
        Condition(tag="FT-201.PV"),
        Condition(tag="FT-201.PV", above=1.0, below=2.0),
        Condition(tag="FT-201.PV", not_good=False),
        Condition(all=(A,), any=(B,)),
        Condition(all=(Condition(),)),
    ],
)
def test_a_condition_must_say_one_thing(condition: Condition) -> None:
    with pytest.raises(ConditionError):
        compile_condition(condition, Rig().table)


def test_an_ill_formed_condition_is_quoted_as_the_file_has_it() -> None:
    table = Rig().table
    both = cond(**{"not": {"tag": "FT-501.PV", "above": 1.0}, "tag": "FT-201.PV"})
    quoted = '{"not":{"tag":"FT-501.PV","above":1.0},"tag":"FT-201.PV"}'
    for condition, words in (
        (both, f"one of all, any, not, tag is needed: {quoted}"),
        (cond(tag="FT-201.PV"), 'one test is needed: {"tag":"FT-201.PV"}'),
    ):
        with pytest.raises(ConditionError) as told:
            compile_condition(condition, table)
        assert str(told.value) == words


def test_a_condition_must_know_its_tags() -> None:
    table = Rig().table
    with pytest.raises(UnknownTag, match="NOPE"):
        compile_condition(cond(tag="NOPE", above=1.0), table)
    with pytest.raises(UnknownTag, match="NOPE"):
        compile_condition(cond(tag="FT-201.PV", above_tag="NOPE"), table)
    nested = Condition(any=(A, cond(tag="FT-501.PV", below_tag="FT-201.PV")))
    assert compile_condition(nested, table).tags == ("FT-201.PV", "FT-501.PV")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (cond(tag="XC-501.CMD", above=0.5), "above 0.5"),
        (cond(tag="TIC-501.PV", above=90.0), "above 90 degC"),
        (cond(tag="TIC-501.PV", above_tag="TIC-501.WSP", offset=15.0), "above TIC-501.WSP + 15 K"),
        (cond(tag="TIC-501.PV", below_tag="TIC-501.WSP", offset=0.5), "below TIC-501.WSP + 0.5 K"),
        (cond(tag="TIC-501.PV", below_tag="TIC-501.SP", offset=-25.0), "below TIC-501.SP - 25 K"),
        (cond(tag="FT-201.PV", below_tag="FRQ-201.REQ", factor=0.7), "below 0.7 x FRQ-201.REQ"),
        (cond(tag="TIC-501.PV", rising_above=2.0, for_s=2.0), "rising above 2 K/s over 2 s"),
        (cond(tag="AT-201.PV", rising_above=2.0, for_s=2.0), "rising above 2 %LFL/s over 2 s"),
    ],
)
def test_a_finding_names_the_unit_of_its_number(condition: Condition, words: str) -> None:
    """Bits and codes have none, and a difference of temperatures is in K."""
    rig = Rig()
    rig.poll()
    (found,) = compile_condition(condition, rig.table).explain(rig.snapshot())
    assert found.test.removesuffix(" for 2 s") == words
