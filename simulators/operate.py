"""A scripted operator beside a live run: another process, as a person at another terminal.

It starts the run (or lets it go on when the line was found running), answers each question
after a stated time through the service's socket, and does on the simulated plant what hands
would do, through the simulator's clock port. It ends when the procedure has ended.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.models import Line
from controller import live_simulated
from controller.live_time import LiveLoop
from controller.operating.client import DeskClient
from controller.operating.errors import NoService
from controller.operating.protocol import default_socket
from controller.operating.reply import Reply

LOOK_S = 1.0  # line seconds between looks
FINAL = ("COMPLETE", "STOPPED", "ABORTED")
_BEGIN = {"IDLE": "start", "HELD": "restart"}
_BEGIN_AFTER_S = {"IDLE": 5.0, "HELD": 0.0}  # a line found running is not IDLE for long

Say = Callable[[str], None]


@dataclass
class Operator:
    """What the script does at each look.

    Args:
        ask: sends a verb to the service; returns its reply.
        hands: does work of hands on the plant, by the key of the question; words when it cannot.
        say: tells what was done.
        answer_after_s: line seconds until a question is answered.
        begin: start the run, or let a run go on that was found held, once.
    """

    ask: Callable[..., Reply]
    hands: Callable[[str], str]
    say: Say
    answer_after_s: float
    begin: bool

    def look(self) -> bool:
        """Look once and do what is due; False when the procedure has ended."""
        picture = self.ask("status").data
        state = str(picture["state"])
        if state in FINAL:
            self.say(f"ended {state}: {picture.get('reason', '')}")
            return False
        settled = float(picture["state_s"]) >= _BEGIN_AFTER_S.get(state, math.inf)
        if self.begin and settled:
            self.begin = not self._do(
                _BEGIN[state], reason="scripted operator", seen=picture["seen"]
            )
        for question in _questions(picture):
            if float(question["waited_s"]) >= self.answer_after_s:
                self._answer(question)
        return True

    def _answer(self, question: dict[str, Any]) -> None:
        key = str(question["key"])
        trouble = self.hands(key)
        if trouble:
            self.say(f"{key}: {trouble}")
        self._do("answer", ask=str(question["id"]), value=str(question["choices"][0]))

    def _do(self, verb: str, **args: object) -> bool:
        reply = self.ask(verb, **args)
        told = "; ".join(reply.lines) if reply.ok else f"refused: {'; '.join(reply.refused)}"
        self.say(f"{verb}: {told}")
        return reply.ok


def _questions(picture: dict[str, Any]) -> list[dict[str, Any]]:
    found = picture.get("asks", [])
    return [dict(one) for one in found]


def operate(
    line: Line, socket: Path | None, *, answer_after_s: float, begin: bool, patience_s: float
) -> None:
    """Operate the run of a line until it has ended.

    Raises:
        OperatingError: no service within ``patience_s`` wall seconds, or it went away.
    """
    simulator = live_simulated.read(live_simulated.ask(line, {"ask": "clock"}))
    path = socket or default_socket(line.line.name)
    with asyncio.Runner(loop_factory=lambda: LiveLoop(simulator.speed)) as runner:
        runner.run(_operate(line, path, answer_after_s, begin, patience_s * simulator.speed))


async def _operate(
    line: Line, path: Path, answer_after_s: float, begin: bool, patience_s: float
) -> None:
    client = await _connect(path, patience_s)
    known = hands_of_simulator(line)

    def hands(key: str) -> str:
        if key not in known:
            return ""
        try:
            live_simulated.ask(line, {"do": "hands", "what": key})
        except live_simulated.NoSimulator as error:
            return str(error)
        return ""

    operator = Operator(client.ask, hands, _say, answer_after_s, begin)
    looking = True
    with client:
        while looking:
            looking = operator.look()
            await asyncio.sleep(LOOK_S)


def hands_of_simulator(line: Line) -> list[str]:
    """What hands can do on the line's simulated plant."""
    answer = live_simulated.ask(line, {"ask": "hands"})
    return [str(name) for name in answer.get("hands", ())]


async def _connect(path: Path, patience_s: float) -> DeskClient:
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            return DeskClient(path)
        except NoService:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(LOOK_S)


def _say(text: str) -> None:
    print(f"operator: {text}", flush=True)  # noqa: T201 - this is a command's output
