"""What a dry run is asked: faults with place and variant, times."""

from __future__ import annotations

import pytest

from simulators.options import BadOption, TimedFault, parse_fault, seconds


@pytest.mark.parametrize(
    ("text", "where", "how"),
    [
        ("F6@5m", None, None),
        ("F6(T4)@5m", "T4", None),
        ("F6(frozen)@5m", None, "frozen"),
        ("F6(T4 frozen)@5m", "T4", "frozen"),
        ("F8(B2 stuck)@5m", "B2", "stuck"),
        ("F9(peel)@5m", "peel", None),
        ("F15(guard)@5m", None, "guard"),
    ],
)
def test_a_fault_is_read_with_its_place_and_variant(
    text: str, where: str | None, how: str | None
) -> None:
    name = text.split("(", maxsplit=1)[0].split("@", maxsplit=1)[0]
    assert parse_fault(text) == TimedFault(name, where, 300.0, how)


@pytest.mark.parametrize(
    "text", ["F6(melted)@5m", "F15(B1 guard fire)@5m", "F9(frozen)@5m", "F16@5m", "F6(T4)"]
)
def test_a_fault_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(BadOption):
        parse_fault(text)


def test_times_are_hours_minutes_and_seconds() -> None:
    assert seconds("1h20m") == 4800.0
    assert seconds("90.5s") == 90.5
