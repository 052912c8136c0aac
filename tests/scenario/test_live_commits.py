"""The kernel with a writing thread: scans go on while the disk is slow, outputs wait for it."""

from __future__ import annotations

from concurrent.futures import Future

from controller.historian.errors import DiskFull
from controller.historian.health import Acknowledged
from controller.procedure.states import State
from tests.dry_rig import DryRig

FANS_RUN_AFTER_S = 25.0  # of a cold start


class SlowDisk:
    """Commits that end when they are let."""

    def __init__(self, rig: DryRig) -> None:
        self._rig = rig
        self.waiting: list[Future[Acknowledged]] = []
        self.stuck = True

    def commit(self, now_ns: int) -> Future[Acknowledged]:
        future: Future[Acknowledged] = Future()
        self.waiting.append(future)
        if not self.stuck:
            self.let_go(now_ns)
        return future

    def let_go(self, now_ns: int) -> None:
        acknowledged = self._rig.store.commit(now_ns)
        for future in self.waiting:
            future.set_result(acknowledged)
        self.waiting.clear()


def test_a_disk_that_stands_still_keeps_outputs_waiting_and_no_scan(tmp_path):
    with DryRig(tmp_path) as rig:
        disk = SlowDisk(rig)
        rig.kernel.commits.by_thread = disk.commit
        rig.run(FANS_RUN_AFTER_S)
        assert rig.kernel.runner.state is State.RUNNING
        assert rig.kernel.scan.counters.scans == FANS_RUN_AFTER_S * 10, "every scan was done"
        assert not rig.plant.act.fan.any(), "a journal entry is durable before an output moves"
        assert disk.waiting
        disk.stuck = False
        rig.run(FANS_RUN_AFTER_S)
        assert rig.plant.act.fan.any(), "it goes on as soon as the disk does"


def test_a_commit_that_fails_in_the_thread_holds_the_run(tmp_path):
    with DryRig(tmp_path) as rig:
        disk = SlowDisk(rig)
        disk.stuck = False
        rig.kernel.commits.by_thread = disk.commit
        rig.run(FANS_RUN_AFTER_S)
        assert rig.kernel.runner.state is State.RUNNING

        def failing(_now_ns: int) -> Future[Acknowledged]:
            future: Future[Acknowledged] = Future()
            future.set_exception(DiskFull("the disk of the record is full"))
            return future

        rig.kernel.commits.by_thread = failing
        rig.run(25.0)
        assert rig.kernel.runner.state in {State.HOLDING, State.HELD}
        assert "the disk of the record is full" in rig.kernel.runner.reason
        assert "full" in rig.kernel.commits.failure
        rig.kernel.commits.by_thread = disk.commit
        rig.run(25.0)
        assert rig.kernel.commits.failure == ""
