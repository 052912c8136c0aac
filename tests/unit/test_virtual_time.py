"""The virtual loop: jumps, ranks, cancellation, refusal of threads, idling for ever."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from simulators.virtual_time import NS, IdleForeverError, Rank, VirtualLoop


def run(make: Any) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        result: Coroutine[Any, Any, Any] = make()
        return runner.run(result)


def test_eight_hours_of_sleeps_take_no_wall_time_and_are_exact():
    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(8 * 3600):
            await asyncio.sleep(1.0)
        return loop.time_ns()

    assert run(main) == 8 * 3600 * NS


def test_equal_times_run_in_rank_order_and_wakings_run_before_the_next_rank():
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        async def sleeper():
            await woken
            seen.append("woken")

        task = asyncio.ensure_future(sleeper())
        loop.at(5, Rank.STORE, seen.append, "store")
        loop.at(5, Rank.SCAN, seen.append, "scan")
        loop.at(5, Rank.BUS, woken.set_result, None)
        loop.at(5, Rank.TWIN, seen.append, "twin")
        await asyncio.sleep(1)
        await task

    run(main)
    assert seen == ["twin", "woken", "scan", "store"]


def test_a_canceled_timer_neither_fires_nor_moves_the_clock():
    async def main():
        loop = asyncio.get_running_loop()
        fired = []
        loop.call_later(100.0, fired.append, 1).cancel()
        await asyncio.sleep(1.0)
        return fired, loop.time()

    assert run(main) == ([], 1.0)


def test_timeouts_of_asyncio_work_on_virtual_time():
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30.0):
                await loop.create_future()
        return loop.time()

    assert run(main) == 30.0


def test_waiting_for_ever_is_an_error_not_a_hang():
    async def main():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(IdleForeverError):
        run(main)


def test_threads_are_refused():
    async def main():
        await asyncio.to_thread(print)

    with pytest.raises(RuntimeError, match="no threads"):
        run(main)


def test_a_timer_in_the_past_is_refused():
    async def main():
        await asyncio.sleep(1.0)
        asyncio.get_running_loop().at(5, Rank.SCAN, print)

    with pytest.raises(ValueError, match="in the past"):
        run(main)


def test_a_timer_never_fires_before_its_time():
    """A part that finds itself a rounding error early would set the same timer for ever."""

    async def main():
        loop = asyncio.get_running_loop()
        early = []
        for number in range(1, 2000):
            when = loop.time() + number / 7e9 + 1e-10
            fired = loop.create_future()
            loop.call_at(when, fired.set_result, None)
            await fired
            early.append(loop.time() < when)
        return any(early)

    assert run(main) is False
