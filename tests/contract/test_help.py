"""The help teaches: every command has a line that is whole, and every option says what it is."""

from __future__ import annotations

import click
import pytest
import typer

from controller import cli

cli._add_simulator_commands()
ROOT = typer.main.get_command(cli.app)
WIDTH = 80


def groups(command: click.Command, name: str = "filmline"):
    if hasattr(command, "commands"):
        yield name, command
        for each in command.commands.values():
            yield from groups(each, f"{name} {each.name}")


def leaves(command: click.Command, name: str = "filmline"):
    if not hasattr(command, "commands"):
        yield name, command
        return
    for each in command.commands.values():
        yield from leaves(each, f"{name} {each.name}")


GROUPS, LEAVES = dict(groups(ROOT)), dict(leaves(ROOT))


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
