"""Ranges by role: who may set what by hand, and that recipe and loops are not concerned."""

from __future__ import annotations

from math import nan

import pytest

from config.loader import load_line
from config.models import Role, RoleRanges, WriteSpec
from controller.events import Actor
from controller.outputs import Mode
from controller.refusals import Cause, Source
from drivers.base import Quality
from tests.contract.fault import SHIPPED
from tests.core_rig import Rig, make_line

SP = "TIC-501.SP"  # 20 to 200; operator to 120, engineer to 190
PEOPLE = {role: Actor(role, role) for role in Role}
WRITE = WriteSpec(
    range=(0.0, 100.0), safe=0.0, by_role=RoleRanges(operator=(0.0, 10.0), engineer=(0.0, 50.0))
)


def reasons(value: float, role: Role, present: float = nan, source: Source = Source.OPERATOR):
    """Reasons of the range against a value, besides rate and the like."""
    rig = Rig()
    rig.gate.set_mode("TIC-501", Mode.MANUAL, PEOPLE[Role.OPERATOR], "test", rig.now)
    rig.table.request[rig.table.index(SP)] = present
    found = rig.gate.why_not(SP, value, source, rig.now, PEOPLE[role])
    return [refusal for refusal in found if refusal.cause is Cause.RANGE]


@pytest.mark.parametrize(
    ("role", "highest"), [(Role.OPERATOR, 120.0), (Role.ENGINEER, 190.0), (Role.ADMIN, 200.0)]
)
def test_the_end_of_a_range_is_exact_for_each_role(role, highest):
    assert reasons(highest, role) == []
    assert len(reasons(highest + 0.1, role)) == 1


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ENGINEER])
def test_the_very_end_of_the_whole_range_is_refused_too(role):
    assert len(reasons(200.0, role)) == 1


def test_the_refusal_names_range_role_and_who_may():
    (refusal,) = reasons(150.0, Role.OPERATOR)
    assert str(refusal) == (
        "TIC-501.SP: 150 degC is outside 20 to 120 degC for the role operator; engineer may"
    )
    assert (refusal.tag, refusal.value, refusal.limit) == (SP, 150.0, 120.0)
    assert "admin may" in str(reasons(195.0, Role.OPERATOR)[0])


def test_what_nobody_may_write_is_told_once():
    (refusal,) = reasons(300.0, Role.OPERATOR)
    assert str(refusal).endswith("outside 20 to 200 degC")


@pytest.mark.parametrize("source", [Source.LOOP, Source.RECIPE, Source.INTERLOCK])
def test_recipe_loops_and_interlocks_have_the_whole_range(source):
    assert reasons(199.0, Role.OPERATOR, source=source) == []


@pytest.mark.parametrize(
    ("value", "refused"), [(179.0, False), (130.0, False), (180.0, True), (181.0, True)]
)
def test_from_beyond_the_range_the_way_back_is_open_and_no_other(value, refused):
    assert bool(reasons(value, Role.OPERATOR, present=180.0)) is refused


@pytest.mark.parametrize("value", [20.5, 70.0, 119.5])
def test_within_the_range_of_a_role_every_way_is_open(value):
    assert reasons(value, Role.OPERATOR, present=70.0) == []


def test_the_safe_value_is_always_allowed():
    rig = Rig()
    write = rig.table.spec(SP).write
    assert reasons(write.safe, Role.OPERATOR, present=180.0) == []


def test_without_a_range_of_its_own_a_role_has_the_next_higher_ones():
    assert WRITE.range_of(Role.VIEWER) == WRITE.range_of(Role.OPERATOR) == (0.0, 10.0)
    assert WRITE.range_of(Role.ENGINEER) == (0.0, 50.0)
    assert WRITE.range_of(Role.ADMIN) == (0.0, 100.0)
    only = WriteSpec(range=(0.0, 9.0), safe=0.0, by_role=RoleRanges(engineer=(0.0, 5.0)))
    assert only.range_of(Role.OPERATOR) == (0.0, 5.0)
    assert WriteSpec(range=(0.0, 9.0), safe=0.0).range_of(Role.OPERATOR) == (0.0, 9.0)


def test_the_lowest_role_that_may_begins_at_the_tags_own():
    assert [WRITE.least_role(value) for value in (10.0, 11.0, 51.0, 101.0)] == [
        Role.OPERATOR, Role.ENGINEER, Role.ADMIN, None,
    ]  # fmt: skip
    own = WriteSpec(range=(0.0, 9.0), safe=0.0, role=Role.ADMIN)
    assert own.least_role(1.0) is Role.ADMIN


def test_the_shipped_line_lets_an_operator_do_what_its_recipes_do():
    """Tenter and line speed are narrower for an operator, and no recipe's values are outside."""
    line = load_line(SHIPPED["line"])
    recipe = (150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0, 480.0)
    writes = {spec.name: spec.write for one in line.instrument for spec in one.tags if spec.write}
    narrower = [name for name, write in writes.items()
                if write.range_of(Role.OPERATOR) != write.range]  # fmt: skip
    assert len(narrower) == 12
    for number, value in enumerate(recipe, 501):
        assert writes[f"TIC-{number}.SP"].least_role(value) is Role.OPERATOR
        assert writes[f"TIC-{number}.SP"].least_role(value + 11.0) is Role.ENGINEER
    for drive in ("SIC-210", "SIC-211", "SIC-510", "SIC-701"):
        assert writes[f"{drive}.SP"].least_role(2.0) is Role.OPERATOR
        assert writes[f"{drive}.SP"].least_role(3.1) is Role.ENGINEER


def narrow_rig() -> Rig:
    """An operator may write 60 to 120 degC of 20 to 200; 100 degC is safe."""
    line = make_line()

    def narrowed(tag):
        if tag.name != SP:
            return tag
        ranges = RoleRanges(operator=(60.0, 120.0))
        return tag.model_copy(
            update={"write": tag.write.model_copy(update={"by_role": ranges, "safe": 100.0})}
        )

    instruments = tuple(
        one.model_copy(update={"tags": tuple(map(narrowed, one.tags))}) for one in line.instrument
    )
    rig = Rig(line.model_copy(update={"instrument": instruments}))
    rig.gate.set_mode("TIC-501", Mode.MANUAL, PEOPLE[Role.OPERATOR], "test", rig.now)
    return rig


def told(rig: Rig, value: float) -> list[str]:
    found = rig.gate.why_not(SP, value, Source.OPERATOR, rig.now, PEOPLE[Role.OPERATOR])
    return [refusal.detail for refusal in found if refusal.cause is Cause.RANGE]


@pytest.mark.parametrize(
    ("present", "value", "refused"),
    [
        (40.0, 45.0, False),
        (40.0, 40.0, True),
        (40.0, 35.0, True),
        (90.0, 59.9, True),
        (90.0, 60.0, False),
        (90.0, 20.0, True),
        (125.0, 58.0, False),
        (125.0, 55.0, True),
    ],
)
def test_below_the_range_the_way_back_is_open_too(present, value, refused):
    rig = narrow_rig()
    rig.table.request[rig.table.index(SP)] = present
    assert bool(told(rig, value)) is refused


def test_the_refusal_has_the_end_of_the_range_that_was_passed():
    rig = narrow_rig()
    for value, limit in ((59.5, 60.0), (120.5, 120.0)):
        rig.table.request[rig.table.index(SP)] = 60.0 if value < 60.0 else 120.0
        (found,) = rig.gate.why_not(SP, value, Source.OPERATOR, rig.now, PEOPLE[Role.OPERATOR])
        assert (found.cause, found.value, found.limit) == (Cause.RANGE, value, limit)


def test_from_a_value_nobody_knows_there_is_no_way_back():
    rig = narrow_rig()
    rig.values({SP: 40.0}, Quality.BAD_TIMEOUT)
    rig.poll()
    assert told(rig, 59.5) == [
        "59.5 degC is outside 60 to 120 degC for the role operator; engineer may"
    ]
    assert told(rig, 120.5) == [
        "120.5 degC is outside 60 to 120 degC for the role operator; engineer may"
    ]
