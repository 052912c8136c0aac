"""What the driver tests share: virtual time, an image that remembers, scripted peers."""

import asyncio
import math
from collections import defaultdict
from pathlib import Path

from drivers.base import LinkState, WriteOutcome
from drivers.build import Outputs, Parts, build_driver, no_jitter, timing_of
from drivers.bus import Bus as DriverBus
from drivers.errors import LinkClosed
from drivers.profile import load_profiles
from simulators.virtual_time import VirtualLoop

DEVICES = Path(__file__).parents[2] / "config" / "devices"
PROFILES = load_profiles(DEVICES)
EPOCH_NS = 1_700_000_000_000_000_000


class TestClock:
    __test__ = False

    def __init__(self, loop):
        self._loop = loop

    def utc_ns(self):
        return EPOCH_NS + round(self._loop.time() * 1e9)

    def monotonic(self):
        return self._loop.time()


class Image:
    """Remembers every write and failure of each block."""

    def __init__(self):
        self.blocks = {}
        self.samples = defaultdict(list)  # block -> (values, quality, sent, received)
        self.failures = defaultdict(list)  # block -> (quality, reason, sent, received)
        self.value, self.quality = {}, {}

    def attach(self, block):
        assert block.name not in self.blocks
        self.blocks[block.name] = block
        return Writer(self, block)


class Writer:
    def __init__(self, image, block):
        self.image, self.block = image, block

    def write(self, values, quality, sent_ns, received_ns):
        assert len(values) == len(self.block.tags)
        assert sent_ns <= received_ns
        image = self.image
        image.samples[self.block.name].append((list(values), quality, sent_ns, received_ns))
        for i, tag in enumerate(self.block.tags):
            image.value[tag] = float(values[i])
            image.quality[tag] = int(quality) if isinstance(quality, int) else int(quality[i])

    def fail(self, quality, reason, sent_ns, received_ns):
        assert reason
        self.image.failures[self.block.name].append((quality, reason, sent_ns, received_ns))
        for tag in self.block.tags:
            self.image.value[tag], self.image.quality[tag] = math.nan, int(quality)


class Observer:
    def __init__(self):
        self.links, self.writes = [], []

    def link_changed(self, name, state, reason, ns):
        assert isinstance(state, LinkState)
        self.links.append((name, state, reason, ns))

    def write_ended(self, result):
        self.writes.append(result)

    def outcomes(self, tag=None):
        return [w.outcome for w in self.writes if tag in {None, w.tag}]

    def reasons(self, name):
        return [reason for who, _, reason, _ in self.links if who == name]


class Peer:
    """The far end of a line: ``answer(data, peer)`` gives None, bytes, or [(delay_s, bytes)]."""

    def __init__(self, loop, answer, delay_s=0.002):
        self.loop, self.answer, self.delay_s = loop, answer, delay_s
        self.sent = []  # (time, bytes)
        self.opens, self.closes = 0, 0
        self.refused = False
        self.up = False
        self.on_data = self.on_lost = lambda _: None

    async def open(self):
        if self.refused:
            raise LinkClosed("refused")
        self.opens += 1
        self.up = True

    def write(self, data):
        assert self.up
        self.sent.append((self.loop.time(), data))
        reply = self.answer(data, self)
        if reply is None:
            return
        for delay_s, part in [(self.delay_s, reply)] if isinstance(reply, bytes) else reply:
            self.loop.call_later(delay_s, self.deliver, part, self.opens)

    def deliver(self, data, opened):
        if self.up and opened == self.opens:
            self.on_data(data)

    def close(self):
        if self.up:
            self.closes += 1
        self.up = False

    def lose(self, reason="cable pulled"):
        self.up = False
        self.on_lost(reason)

    def frames(self):
        return [data for _, data in self.sent]


class Bench:
    """One bus with its drivers, a peer and everything remembered."""

    def __init__(self, loop, bus, instruments, answer, profiles=None, delay_s=0.002):
        self.loop, self.clock = loop, TestClock(loop)
        self.image, self.observer = Image(), Observer()
        self.peer = Peer(loop, answer, delay_s)
        self.stream = Peer(loop, answer) if bus.kind == "confocal" else None
        from drivers.build import _LINKS  # noqa: PLC0415

        self.link = _LINKS[bus.kind]()
        self.bus = DriverBus(
            bus.name,
            self.link,
            self.peer,
            timing_of(bus),
            self.clock,
            self.observer,
            no_jitter,
            self.stream,
        )
        for instrument in instruments:
            profile = (profiles or PROFILES)[instrument.family]
            parts = Parts(instrument, profile, self.image, self.clock, self.observer, no_jitter)
            device = build_driver(parts, self.link)
            self.bus.add(device)
            if self.stream is not None:
                self.stream.on_data = device.stream.on_data

        class Line:
            instrument = instruments

        self.line = Line
        self.outputs = Outputs(Line, [self.bus], self.observer, self.clock)
        self.task = None

    def start(self):
        self.task = self.loop.create_task(self.bus.run())

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def device(self, name):
        return self.outputs.devices[name]


def run(test, *args):
    """Run ``await test(loop)`` on a virtual loop; no task may be left."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(test(loop, *args))
    finally:
        loop.close()


class Registers:
    """A Modbus unit in ten lines: holding and input registers, everything writable."""

    def __init__(self, **values):
        self.words = defaultdict(int)
        self.words.update(values.get("words", {}))
        self.silent = False
        self.refuse = {}  # (function, address) -> exception code
        self.delay_s = 0.002
        self.written = []  # (address, words)

    def answer(self, pdu):
        function, address = pdu[0], int.from_bytes(pdu[1:3], "big")
        code = self.refuse.get((function, address))
        if code:
            return bytes((function | 0x80, code))
        if function in {3, 4}:
            return self.read(function, address, int.from_bytes(pdu[3:5], "big"))
        if function == 6:
            self.store(address, pdu[3:5])
            return pdu
        if function == 16:
            self.store(address, pdu[6:])
            return pdu[:5]
        if function == 23:
            self.store(int.from_bytes(pdu[5:7], "big"), pdu[10:])
            return self.read(23, address, int.from_bytes(pdu[3:5], "big"))
        return bytes((function | 0x80, 1))

    def read(self, function, address, count):
        data = b"".join(
            (self.words[a] & 0xFFFF).to_bytes(2, "big") for a in range(address, address + count)
        )
        return bytes((function, len(data))) + data

    def store(self, address, data):
        words = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
        self.written.append((address, words))
        for i, word in enumerate(words):
            self.words[address + i] = word
        self.after_write(address)

    def after_write(self, address):
        """Hook."""


def crc(data):
    """CRC-16/MODBUS, written apart from the library."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def rtu(unit, pdu):
    frame = bytes((unit,)) + pdu
    return frame + crc(frame)


def mbap(tid, unit, pdu):
    return (
        tid.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu
    )


def rtu_units(units):
    """Answer function for an RTU bus of Registers by unit."""

    def answer(data, peer):
        assert crc(data[:-2]) == data[-2:], data.hex()
        unit = units.get(data[0])
        if unit is None or unit.silent:
            return None
        reply = unit.answer(data[1:-2])
        return [(unit.delay_s, rtu(data[0], reply))]

    return answer


def tcp_unit(registers):
    """Answer function of one Modbus TCP device."""

    def answer(data, peer):
        if registers.silent:
            return None
        tid, unit = int.from_bytes(data[:2], "big"), data[6]
        return [(registers.delay_s, mbap(tid, unit, registers.answer(data[7:])))]

    return answer


def good_epc():
    return Registers(words={1: 1234, 4: 455, 5: 1300, 75: 0, 1169: 5, 2308: 3, 276: 1, 277: 200})


def good_e5cc():
    return Registers(
        words={
            0x2000: 853,
            0x2002: 900,
            0x2004: 333,
            0x2410: 1,
            0x2406: 0,
            0x2407: 0x0210,
            0x2103: 600,
        }
    )


WRITTEN, REFUSED = WriteOutcome.WRITTEN, WriteOutcome.REFUSED
UNKNOWN, EXPIRED = WriteOutcome.UNKNOWN, WriteOutcome.EXPIRED


async def until_busy(bench):
    """Wait for the next exchange to begin."""
    for _ in range(10_000):
        if bench.bus._job is not None:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("no exchange in 10 s")
