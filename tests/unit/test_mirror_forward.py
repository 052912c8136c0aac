"""Store and forward against a server of cardboard: when it says yes, later, never, or dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.historian.proof import prove
from controller.outlets.content import Slice
from controller.outlets.cursor import Cursor, Progress
from controller.outlets.errors import NotAllowed, ServerAway
from controller.outlets.feed import Feed
from controller.outlets.forward import DOUBT_S, Forwarder, State
from simulators.virtual_time import VirtualLoop
from tests.record_rig import FAST, S, new_store


class Cardboard:
    """A server that answers from a list, and takes everything when the list is at its end."""

    where = "cardboard"

    def __init__(self, *answers: Exception | None, repeatable: bool = True) -> None:
        self.answers = list(answers)
        self.repeatable = repeatable
        self.taken: list[int] = []
        self.opened = 0
        self.goodbyes: list[str] = []
        self.sends: list[float] = []
        self.heads: list[str] = []

    def begin(self, latest: Slice) -> None:
        """Nothing to know."""

    async def open(self) -> None:
        self.opened += 1

    async def send(self, part: Slice) -> int:
        self.sends.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.heads += [str(part.head)] if part.head else []
        self.taken += [ns for piece in part.pieces for ns in piece.rows.sent.tolist()]
        return 0

    async def idle(self) -> None:
        """Always there."""

    async def close(self, reason: str) -> None:
        self.goodbyes.append(reason)


async def inline(read: Callable[[], Slice]) -> Slice:
    return read()


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Five minutes: five slices."""
    store = new_store(tmp_path)
    for second in range(300):
        store.append(FAST, [1.0, 2.0], 0, second * S, second * S)
    store.close(300 * S)
    return tmp_path


def forward(
    record: Path, sink: Cardboard, *, once: bool = False
) -> tuple[State, list[str], Progress]:
    """Run to the end on a virtual clock."""
    cursor = Cursor(record / "record.sqlite", "influx", "cardboard", "L1 0")
    troubles: list[str] = []

    def tell(state: State) -> None:
        if not troubles or troubles[-1] != state.trouble:
            troubles.append(state.trouble)

    async def run() -> State:
        return await Forwarder(Feed(record), cursor, sink, tell, once=once, aside=inline).run()

    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            state = runner.run(run())
        return state, troubles, cursor.progress
    finally:
        cursor.close()


ALL = [second * S for second in range(300)]


def test_all_arrives_once(record: Path) -> None:
    sink = Cardboard()
    state, troubles, progress = forward(record, sink)
    assert sink.taken == ALL
    assert (state.rows, state.values, state.behind_rows, state.done) == (300, 600, 0, True)
    assert sum(progress.rows.values()) == 300
    assert troubles == [""]
    assert sink.goodbyes == ["all handed over"]


def test_an_away_server_is_asked_ever_more_seldom(record: Path) -> None:
    sink = Cardboard(*[ServerAway("gone")] * 9)
    _, troubles, _ = forward(record, sink)
    waits = [round(b - a, 3) for a, b in zip(sink.sends, sink.sends[1:], strict=False)][:9]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert troubles == ["gone", ""]
    assert sorted(set(sink.taken)) == ALL
    assert sink.opened == 10


def test_after_an_outage_the_last_seconds_are_sent_again(record: Path) -> None:
    """The server died with the second slice in its memory; all five came at the same instant."""
    again = Cardboard(None, None, ServerAway("gone"))
    forward(record, again)
    assert sorted(set(again.taken)) == ALL
    assert again.taken.count(0) == 2, "what came within the doubtful seconds comes again"
    assert DOUBT_S > 5.0


def test_a_listener_does_not_hear_it_twice(record: Path) -> None:
    sink = Cardboard(None, None, ServerAway("gone"), repeatable=False)
    forward(record, sink)
    assert sink.taken == ALL


def test_who_is_never_let_in_is_told_at_once(record: Path) -> None:
    with pytest.raises(NotAllowed):
        forward(record, Cardboard(NotAllowed("who are you")))


def test_who_was_let_in_before_waits_for_the_door(record: Path) -> None:
    sink = Cardboard(None, NotAllowed("token withdrawn"), NotAllowed("token withdrawn"))
    state, troubles, _ = forward(record, sink)
    assert troubles == ["", "token withdrawn", ""]
    assert sorted(set(sink.taken)) == ALL
    assert state.done


def test_the_last_head_goes_out_although_no_row_comes_with_it(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.append(FAST, [1.0, 2.0], 0, S, S)
    store.commit(S)
    first = Cardboard()
    forward(tmp_path, first, once=True)
    store.close(2 * S)
    second = Cardboard()
    state, _, progress = forward(tmp_path, second)
    assert (second.taken, second.heads) == ([], [prove(tmp_path).head])
    assert (state.done, progress.link) == (True, int(second.heads[0].partition(":")[0]))
    again = Cardboard()
    forward(tmp_path, again)
    assert again.heads == []
