"""ISA-88 procedural states and commands: one table says which command each state takes.

The table is the whole state machine. A command that is not in it is refused with the state
named. Automatic transitions happen when what the acting state does is finished.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class State(IntEnum):
    """Procedural states of ISA-88 (pausing is left out: hold covers it). Codes are recorded."""

    IDLE = 0
    RUNNING = 1
    COMPLETE = 2
    HOLDING = 3
    HELD = 4
    RESTARTING = 5
    STOPPING = 6
    STOPPED = 7
    ABORTING = 8
    ABORTED = 9


class Command(StrEnum):
    """Commands a person, an interlock or the procedure itself may give."""

    START = "start"
    HOLD = "hold"
    RESTART = "restart"
    STOP = "stop"
    ABORT = "abort"
    RESET = "reset"


_S, _C = State, Command

TABLE: dict[tuple[State, Command], State] = {
    (_S.IDLE, _C.START): _S.RUNNING,
    (_S.IDLE, _C.ABORT): _S.ABORTING,
    (_S.RUNNING, _C.HOLD): _S.HOLDING,
    (_S.RUNNING, _C.STOP): _S.STOPPING,
    (_S.RUNNING, _C.ABORT): _S.ABORTING,
    (_S.COMPLETE, _C.ABORT): _S.ABORTING,
    (_S.COMPLETE, _C.RESET): _S.IDLE,
    (_S.HOLDING, _C.STOP): _S.STOPPING,
    (_S.HOLDING, _C.ABORT): _S.ABORTING,
    (_S.HELD, _C.RESTART): _S.RESTARTING,
    (_S.HELD, _C.STOP): _S.STOPPING,
    (_S.HELD, _C.ABORT): _S.ABORTING,
    (_S.RESTARTING, _C.HOLD): _S.HOLDING,
    (_S.RESTARTING, _C.STOP): _S.STOPPING,
    (_S.RESTARTING, _C.ABORT): _S.ABORTING,
    (_S.STOPPING, _C.ABORT): _S.ABORTING,
    (_S.STOPPED, _C.ABORT): _S.ABORTING,
    (_S.STOPPED, _C.RESET): _S.IDLE,
    (_S.ABORTED, _C.RESET): _S.IDLE,
}
"""Command x state -> next state; a pair that is missing is refused."""

AUTOMATIC: dict[State, State] = {
    _S.RUNNING: _S.COMPLETE,
    _S.HOLDING: _S.HELD,
    _S.RESTARTING: _S.RUNNING,
    _S.STOPPING: _S.STOPPED,
    _S.ABORTING: _S.ABORTED,
}
"""Acting state -> where it goes by itself when its work is done."""

FINAL = (_S.COMPLETE, _S.STOPPED, _S.ABORTED)


def after(state: State, command: Command) -> State | None:
    """State after a command, or None when the state does not take it."""
    return TABLE.get((state, command))


def markdown() -> str:
    """Return both tables as one Markdown table, for the documentation and for people."""
    commands = tuple(Command)
    lines = [
        "| State | " + " | ".join(commands) + " | when done |",
        "|---" * (len(commands) + 2) + "|",
    ]
    for state in State:
        cells = [_name(after(state, command)) for command in commands]
        cells.append(_name(AUTOMATIC.get(state)))
        lines.append(f"| {state.name.capitalize()} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _name(state: State | None) -> str:
    return "-" if state is None else state.name.capitalize()
