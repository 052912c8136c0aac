"""A loop with a planted stall under the real watchdog, as a process of its own.

watched_child.py SECONDS      stands still for so long after a second, then says what it saw
"""

from __future__ import annotations

import asyncio
import sys
import time

from controller.heartbeat import Heartbeat
from controller.live_watchdog import PROBE_S, Acts, Probe, Watchdog


def planted_stall(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251 - the stall


async def main(seconds: float) -> None:
    counts: list[int] = []
    heartbeat = Heartbeat(counts.append)
    loop, probe = asyncio.get_running_loop(), Probe()

    def held(reason: str) -> None:
        heartbeat.held = reason

    watchdog = Watchdog(probe, Acts(held))

    def look() -> None:
        probe.due()
        loop.call_later(PROBE_S, look)

    look()
    watchdog.start()
    print("up", flush=True)
    await asyncio.sleep(0.5)
    planted_stall(seconds)
    before = len(counts)
    heartbeat.complete(1)
    print(f"held {heartbeat.held!r} counts {len(counts) - before}", flush=True)
    await asyncio.sleep(3.0)
    print(f"went on; lag {probe.take():.2f}", flush=True)
    watchdog.stop()


asyncio.run(main(float(sys.argv[1])))
