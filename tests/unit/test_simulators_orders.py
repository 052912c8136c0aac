"""Commands of a dry run's operator by the clock."""

from __future__ import annotations

import pytest

from simulators.options import BadOption, parse_command
from simulators.orders import OPERATIONS


def test_a_command_has_a_name_arguments_and_a_time():
    order = parse_command("change_roll at_m=40 how=tape@1h20m")
    assert (order.name, order.args, order.at_s) == (
        "change_roll", {"at_m": "40", "how": "tape"}, 4800.0,
    )  # fmt: skip
    assert order.text == "change_roll at_m=40 how=tape"
    assert parse_command("hold@90s").args == {}
    assert parse_command("reset trip=WB-311@2h").args == {"trip": "WB-311"}
    assert parse_command("change_recipe file=next/a-b.toml@1h").args["file"] == "next/a-b.toml"


@pytest.mark.parametrize("text", ["dance@1h", "hold", "hold@", "hold at 1h", "hold x=@1h", "@1h"])
def test_what_cannot_be_meant_is_refused_with_what_is_known(text):
    with pytest.raises(BadOption, match="pause_coating"):
        parse_command(text)


def test_every_operation_can_be_written():
    for name in OPERATIONS:
        assert parse_command(f"{name}@1m").name == name
