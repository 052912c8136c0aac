"""The state table, cell by cell, and its printed form."""

from __future__ import annotations

import pytest

from controller.procedure.states import AUTOMATIC, FINAL, Command, State, after, markdown

# rows: state; columns: start hold restart stop abort reset; "-" is refused
EXPECTED = """
IDLE        RUNNING  -        -           -         ABORTING  -
RUNNING     -        HOLDING  -           STOPPING  ABORTING  -
COMPLETE    -        -        -           -         ABORTING  IDLE
HOLDING     -        -        -           STOPPING  ABORTING  -
HELD        -        -        RESTARTING  STOPPING  ABORTING  -
RESTARTING  -        HOLDING  -           STOPPING  ABORTING  -
STOPPING    -        -        -           -         ABORTING  -
STOPPED     -        -        -           -         ABORTING  IDLE
ABORTING    -        -        -           -         -         -
ABORTED     -        -        -           -         -         IDLE
"""
CELLS = [
    (State[row[0]], command, None if cell == "-" else State[cell])
    for row in (line.split() for line in EXPECTED.strip().splitlines())
    for command, cell in zip(Command, row[1:], strict=True)
]


@pytest.mark.parametrize(("state", "command", "following"), CELLS)
def test_every_cell_of_the_table(state: State, command: Command, following: State | None):
    assert after(state, command) is following


def test_the_expected_table_covers_every_pair():
    assert len(CELLS) == len(State) * len(Command)


def test_acting_states_end_by_themselves_and_waiting_states_do_not():
    assert {
        State.RUNNING: State.COMPLETE,
        State.HOLDING: State.HELD,
        State.RESTARTING: State.RUNNING,
        State.STOPPING: State.STOPPED,
        State.ABORTING: State.ABORTED,
    } == AUTOMATIC
    assert not set(FINAL) & set(AUTOMATIC)


def test_abort_is_taken_in_every_state_but_the_aborting_ones():
    refused = [state for state in State if after(state, Command.ABORT) is None]
    assert refused == [State.ABORTING, State.ABORTED]


def test_nothing_runs_again_without_a_person_starting_or_restarting_it():
    for state in State:
        for command in Command:
            if after(state, command) is State.RUNNING:
                assert command is Command.START
            if after(state, command) is State.RESTARTING:
                assert command is Command.RESTART


def test_markdown_has_a_row_per_state_and_a_column_per_command():
    lines = markdown().splitlines()
    assert len(lines) == 2 + len(State)
    assert lines[0] == "| State | start | hold | restart | stop | abort | reset | when done |"
    assert lines[1] == "|---" * 8 + "|"
    assert "| Running | - | Holding | - | Stopping | Aborting | - | Complete |" in lines
