"""The help teaches: every command has a line that is whole, and every option says what it is."""

from __future__ import annotations

import pytest
import typer

from controller import cli
from controller.command_table import TABLE
from tests.contract.command_tree import groups, leaves

GROUPS, LEAVES = dict(groups()), dict(leaves())
LISTED = {entry.name: entry for group in TABLE.values() for entry in group}
WIDTH = 80


@pytest.mark.parametrize("name", GROUPS)
def test_lists_of_commands_are_not_cut_off(name):
    command = GROUPS[name]
    limit = WIDTH - 2 - 6 - max(map(len, command.commands))
    lines = {each.name: each.get_short_help_str(limit) for each in command.commands.values()}
    assert {key: line for key, line in lines.items() if not line or line.endswith("...")} == {}


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_says_what_it_is(name):
    told = {each.name: getattr(each, "help", "") for each in LEAVES[name].params}
    assert [key for key, text in told.items() if not text] == []


def test_help_names_no_path_of_this_computer():
    for name, command in LEAVES.items():
        context = command.make_context(name, [], resilient_parsing=True)
        assert str(cli.__file__).removesuffix("/controller/cli.py") not in command.get_help(context)


@pytest.mark.parametrize("name", LISTED)
def test_the_list_of_commands_says_what_the_command_says(name):
    command = (GROUPS | LEAVES)[f"filmline {name}"]
    assert command.get_short_help_str(WIDTH) == LISTED[name].line


def test_every_command_stands_in_one_group_of_the_list():
    known = [entry.name for group in TABLE.values() for entry in group]
    assert sorted(known) == sorted(typer.main.get_command(cli.app).list_commands(None))
    shown = GROUPS["filmline"].get_help(typer.Context(GROUPS["filmline"]))
    assert "Others:" not in shown
    for name in known:
        assert len([row for row in shown.splitlines() if row.split()[:1] == [name]]) == 1


def test_every_command_to_the_service_can_be_given_as_a_person_of_the_book():
    talking = {name: command for name, command in (GROUPS | LEAVES).items()
               if any(each.name == "socket" for each in command.params)}  # fmt: skip
    assert {"filmline shelve", "filmline alarms", "filmline set"} <= set(talking)
    without = [name for name, command in talking.items()
               if all(each.name != "as_user" for each in command.params)]  # fmt: skip
    assert without == ["filmline run", "filmline operate"]  # the service; a script on a simulator
