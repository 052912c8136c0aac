"""Every command has one audit record, on the disk before its reply; and what a dead disk means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from controller.alarm_states import AlarmState
from controller.historian.errors import DiskFull
from controller.historian.health import Acknowledged
from controller.historian.proof import prove
from controller.historian.query import Record
from controller.operating import server
from controller.operating.audit import LOOKING
from controller.operating.client import DeskClient
from controller.procedure.states import State
from controller.scan import ScanOutput
from tests.desk_rig import EVE, DeskRig, ServedRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[DeskRig]:
    """Its own, with a record that is written."""
    with DeskRig(tmp_path, start_at_s=None) as found:
        found.run(3.0)
        yield found


class Disk:
    """Commits that wait until they are let go, or fail."""

    def __init__(self, rig: DeskRig) -> None:
        self._rig = rig
        self._waiting: list[Future[Acknowledged]] = []
        self.stuck = threading.Event()
        self.full = False
        rig.kernel.commits.by_thread = self.commit
        rig.kernel.listen(self.step)

    def commit(self, now_ns: int) -> Future[Acknowledged]:
        future: Future[Acknowledged] = Future()
        if self.full:
            future.set_exception(DiskFull("the disk of the record is full"))
            return future
        self._waiting.append(future)
        return future

    def step(self, output: ScanOutput) -> None:
        """After each scan: what waits is written, unless the disk is stuck."""
        if self._waiting and not self.stuck.is_set():
            waiting, self._waiting = self._waiting, []
            stored = self._rig.store.commit(output.snapshot.now_ns)
            for each in waiting:
                each.set_result(stored)


def trail(rig: DeskRig) -> list[tuple]:
    """The audit records that are on the disk."""
    with Record(rig.store.path) as record:
        found = record.events(source="operator")
    return [(e.verb, e.tag, e.old, e.new, e.cause, e.actor) for e in found]


def test_every_verb_has_one_record_that_is_on_the_disk_before_its_reply(rig):
    """I8: who, what, old, new and why; and no verb was left out of this test."""
    disk = Disk(rig)
    tried = {"answer", "ack", "bypass", "reset", "rearm", "do"}  # below, where they are refused

    def give(verb: str, change: tuple, **args: object) -> None:
        disk.stuck.set()
        before = trail(rig)
        reply = rig.ask(verb, EVE, **args)
        assert reply.ok, (verb, reply.refused)
        assert reply.ticket, "its reply has something to wait for"
        heard: list[str] = []
        rig.desk.audit.wait(reply.ticket, lambda: heard.append(verb))
        rig.run(1.0)
        assert not heard, f"{verb}: the reply waits while the commit does"
        assert trail(rig) == before
        disk.stuck.clear()
        rig.run(1.0)
        assert heard == [verb]
        assert trail(rig) == [*before, (verb, *change, "eve")]
        assert rig.desk.audit.settled(reply).ok
        tried.add(verb)

    give("note", ("", None, None, "belt cleaned"), text="belt cleaned")
    give("take", ("", None, "eve", "shift"), reason="shift")
    give("release", ("", "eve", None, "by hand"))
    give("silence", ("ALM.HORN", None, None, "by hand"))
    alarm, off = "SYS.LAG/H", {"name": "SYS.LAG/H", "reason": "try"}
    give("shelve", (alarm, "normal", "shelved", "try"), **off, minutes=5)
    give("unshelve", (alarm, "shelved", "normal", "by hand"), name=alarm)
    give("out-of-service", (alarm, "normal", "out of service", "try"), **off)
    give("manual", ("winder", "auto", "manual", "try"), unit="winder", reason="try")
    present = rig.kernel.gate.present("SIC-701.SP", rig.now_ns)
    give("set", ("SIC-701.SP", present, 0.4, "slow"), tag="SIC-701.SP", value=0.4, reason="slow")
    give("auto", ("winder", "manual", "auto", "by hand"), unit="winder")
    give("start", ("", "IDLE", "RUNNING", "shift"), reason="shift", seen=rig.seen())
    give("hold", ("", "RUNNING", "HOLDING", "look"), reason="look")
    give("restart", ("", "HELD", "RESTARTING", "go"), reason="go", seen=rig.seen())
    give("stop", ("", rig.kernel.runner.state.name, "STOPPING", "end"), reason="end")
    give("abort", ("", "STOPPING", "ABORTING", "now"), reason="now")
    rig.run(5.0)
    give("reset", ("", "ABORTED", "IDLE", "done"), reason="done", seen=rig.seen())
    assert tried == rig.desk._verbs.keys() - LOOKING
    assert prove(rig.store.path).whole


def test_what_was_refused_has_a_record_with_its_reasons(rig):
    rig.ask("answer", value="yes")
    rig.ask("set", tag="SIC-701.SP", value=0.4, reason="try")
    rig.ask("rearm", tag="SIC-701.SP", reason="try")
    rig.ask("do", name="nothing", seen=rig.seen())
    rig.ask("bypass", EVE, trip="IL1-B1", minutes=5, reason="try")
    rig.store.commit(rig.now_ns)
    told = [(verb, tag) for verb, tag, *_ in trail(rig)]
    assert told == [("refused", verb) for verb in ("answer", "set", "rearm", "do", "bypass")]
    assert all(cause for *_, cause, _ in trail(rig))


def served(rig: DeskRig, tmp_path, body: Callable[[DeskClient], None]) -> None:
    folder = tmp_path / "s"
    with ServedRig(rig, folder / "rig.sock"), DeskClient(folder / "rig.sock", 20.0) as client:
        body(client)


def test_over_the_socket_no_reply_comes_before_the_commit(rig, tmp_path):
    disk = Disk(rig)
    disk.stuck.set()
    order: list[str] = []

    def let_go() -> None:
        order.append("committed")
        disk.stuck.clear()

    def body(client: DeskClient) -> None:
        timer = threading.Timer(0.7, let_go)
        timer.start()
        assert client.ask("note", text="seen").ok
        order.append("replied")
        timer.join()

    served(rig, tmp_path, body)
    assert order == ["committed", "replied"]


def test_a_commit_that_never_ends_is_no_yes(rig, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "RECORD_S", 0.5)
    Disk(rig).stuck.set()

    def body(client: DeskClient) -> None:
        reply = client.ask("note", text="seen")
        assert not reply.ok
        assert "not in the record yet" in reply.refused[-1]
        assert (reply.data["done"], reply.data["recorded"]) == (True, False)

    served(rig, tmp_path, body)


def test_on_a_dead_disk_commands_are_refused_and_stop_acts(rig):
    assert rig.ask("start", reason="shift", seen=rig.seen()).ok
    rig.run(20.0)
    disk = Disk(rig)
    disk.full = True
    rig.run(25.0)
    assert rig.kernel.runner.state is State.HELD
    for verb, args in (("note", {"text": "x"}), ("restart", {"seen": rig.seen()}), ("ack", {})):
        reply = rig.ask(verb, **args)
        assert not reply.ok
        assert "cannot be recorded, so it is not done: the disk of the record is full" in str(
            reply.refused
        )
    assert rig.kernel.alarms.state("SYS.RECORD/H") is AlarmState.UNACK
    assert rig.ask("stop", EVE, reason="disk").change.new == "STOPPING"
    assert rig.kernel.runner.state is State.STOPPING
    disk.full = False
    rig.run(25.0)
    assert ("stop", "", "HELD", "STOPPING", "disk", "eve") in trail(rig), "kept until it could be"
    assert rig.kernel.alarms.state("SYS.RECORD/H") is AlarmState.RTN_UNACK


def test_a_run_whose_audit_cannot_be_written_for_a_minute_is_stopped(rig):
    assert rig.ask("start", reason="shift", seen=rig.seen()).ok
    rig.run(20.0)
    Disk(rig).full = True
    rig.run(22.0)
    rig.kernel.commits._asked_s -= 30.0  # time that this test saves
    rig.run(2.0)
    assert rig.kernel.runner.state is State.HELD
    rig.kernel.commits._asked_s -= 30.0
    rig.run(2.0)
    assert rig.kernel.runner.state is State.STOPPING
    assert "SYS-REC" in rig.kernel.interlocks.latched()


def test_without_a_run_a_dead_disk_trips_nothing(rig):
    Disk(rig).full = True
    rig.run(22.0)
    rig.kernel.commits._asked_s -= 90.0
    rig.run(2.0)
    assert rig.kernel.runner.state is State.IDLE
    assert rig.kernel.interlocks.latched() == ()
