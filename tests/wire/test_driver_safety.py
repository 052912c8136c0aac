"""Driver of the safety controller: golden bytes, the heartbeat, a program that stands."""

import asyncio
import itertools
import math

import pytest

from drivers.base import Quality
from tests.wire.driver_support import Bench, Registers, run, tcp_unit
from tests.wire.line_entries import bus_spec, instrument, tag

OUTPUTS = 512


def safety():
    return instrument(
        "SAFETY",
        "pnozmulti",
        1,
        [tag("XS-910.RUN", "run"), tag("XS-915.OK", "heat"), tag("XS-919.ON", "exhaust")],
    )


class Controller(Registers):
    """Echoes the count unless its program stands."""

    def __init__(self):
        super().__init__(words={OUTPUTS: 0x0021, OUTPUTS + 1: 0x0002, 255: 0x0400})
        self.stands = False

    def after_write(self, address):
        if address == 0 and not self.stands:
            self.words[OUTPUTS] = 0x0021 | (self.words[0] & 0xFF00)

    def counts(self):
        return [words[0] >> 8 for address, words in self.written if address == 0]

    def triggers(self):
        return [words[0] for address, words in self.written if address == 255]


def bench_of(loop):
    registers = Controller()
    bench = Bench(loop, bus_spec(), [safety()], tcp_unit(registers))
    bench.start()
    return bench, registers


async def scans(bench, seconds, first=1):
    """Complete interlock scans, ten a second."""
    for count in range(first, first + round(seconds * 10)):
        bench.outputs.beat(count)
        await asyncio.sleep(0.1)


def test_status_and_heartbeat_are_these_bytes():
    async def main(loop):
        bench, _ = bench_of(loop)
        await scans(bench, 2.0)
        pdus = [frame[7:].hex() for frame in bench.peer.frames()]
        assert pdus[:2] == ["0300000003", "0300ff0001"]  # canary, then the watchdog's time
        assert "0402000002" in pdus  # o0-o31
        assert "0600ff8400" in pdus  # watchdog 1 s, trigger
        beats = [pdu for pdu in pdus if pdu.startswith("060000")]
        assert all(pdu[8:] and pdu.endswith("01") for pdu in beats)  # i0 = 1, count in i8-i15
        assert bench.image.value["XS-915.OK"] == bench.image.value["XS-919.ON"] == 1.0
        await bench.stop()

    run(main)


def test_a_new_count_goes_out_every_400_ms_and_the_trigger_only_after_it():
    async def main(loop):
        bench, registers = bench_of(loop)
        await scans(bench, 6.0)
        beats = [
            (t, frame[8:10])
            for t, frame in bench.peer.sent
            if frame[7] == 6 and frame[8:10] in {b"\0\0", b"\0\xff"}
        ]
        assert all(one != other for (_, one), (_, other) in itertools.pairwise(beats))
        counted = [t for t, address in beats if address == b"\0\0"]
        gaps = [later - sooner for sooner, later in itertools.pairwise(counted)]
        assert all(gap == pytest.approx(0.4, abs=0.01) for gap in gaps)
        assert set(registers.triggers()) == {0x8400}
        counts = registers.counts()
        assert all((b - a) % 256 in {3, 4, 5} for a, b in itertools.pairwise(counts))
        await bench.stop()

    run(main)


def test_the_heartbeat_stops_with_the_scan_and_reading_goes_on():
    """I20: at most a second after the scan has stopped."""

    async def main(loop):
        bench, registers = bench_of(loop)
        await scans(bench, 3.0)
        stopped = loop.time()
        await asyncio.sleep(5.0)
        last = max(t for t, frame in bench.peer.sent if frame[7] == 6)
        assert last - stopped <= 0.6, "one count and its trigger may be on their way"
        sent = len(registers.written)
        assert len([t for t, f in bench.peer.sent if f[7] == 4 and t > stopped]) >= 24
        await scans(bench, 1.0, first=100)
        assert len(registers.written) > sent
        await bench.stop()

    run(main)


def test_nothing_is_told_before_the_first_complete_scan():
    async def main(loop):
        bench, registers = bench_of(loop)
        await asyncio.sleep(3.0)
        assert registers.written == []
        assert bench.image.quality["XS-910.RUN"] == Quality.GOOD
        await bench.stop()

    run(main)


def test_a_program_that_does_not_echo_for_two_seconds_is_not_believed():
    async def main(loop):
        bench, registers = bench_of(loop)
        await scans(bench, 3.0)
        assert bench.image.quality["XS-915.OK"] == Quality.GOOD
        registers.stands = True
        await scans(bench, 1.9, first=40)
        assert bench.image.quality["XS-915.OK"] == Quality.GOOD
        await scans(bench, 1.0, first=60)
        assert bench.image.quality["XS-915.OK"] == Quality.BAD_DEVICE_FAILURE
        assert bench.image.quality["XS-910.RUN"] == Quality.BAD_DEVICE_FAILURE
        assert "does not echo" in bench.observer.reasons("SAFETY")[-1]
        registers.stands = False
        await scans(bench, 1.0, first=80)
        assert bench.image.quality["XS-915.OK"] == Quality.GOOD
        await bench.stop()

    run(main)


def test_what_a_stopped_program_shows_means_nothing():
    async def main(loop):
        bench, registers = bench_of(loop)
        registers.words[OUTPUTS] = 0
        await asyncio.sleep(1.0)
        assert bench.image.quality["XS-915.OK"] == Quality.BAD_DEVICE_FAILURE
        await bench.stop()

    run(main)


def test_a_silent_controller_is_bad_and_its_counts_are_not_stacked():
    async def main(loop):
        bench, registers = bench_of(loop)
        await scans(bench, 2.0)
        registers.silent = True
        await scans(bench, 4.0, first=30)
        assert math.isnan(bench.image.value["XS-915.OK"])
        registers.silent = False
        before = len(registers.written)
        await scans(bench, 6.0, first=80)
        assert registers.counts()[-1] >= 130
        assert len(registers.written) - before <= 2 * 6.0 / 0.4 + 2
        await bench.stop()

    run(main)


def test_after_power_up_the_watchdogs_time_is_set_and_seen():
    async def main(loop):
        bench, registers = bench_of(loop)
        registers.words[255] = 0
        await asyncio.sleep(1.0)
        assert registers.written == [(255, [0x8400])]
        await bench.stop()

    run(main)
