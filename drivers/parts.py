"""What every driver is built from, and the registers most of them share."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from config.models import Instrument, TagSpec
from drivers.base import Block, BlockWriter, Clock, Image, LinkObserver, LinkState
from drivers.codec import PointDecoder, WordOrder
from drivers.device import Device
from drivers.errors import DeviceRefused
from drivers.jobs import Poll, Steps
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.profile import BlockSpec, Profile, ProfileError, SetupStep
from drivers.settings import WrongSetting
from drivers.writes import Writable

Hook = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a driver needs besides its link.

    Attributes:
        instrument: its entry in the line file.
        profile: its family.
        image: where its values go.
        clock: for stamps.
        observer: hears of its states and writes.
        jitter: gives 0..1, for retry waits.
    """

    instrument: Instrument
    profile: Profile
    image: Image
    clock: Clock
    observer: LinkObserver
    jitter: Callable[[], float]

    def attach(self, block: str, tags: Sequence[TagSpec], period_s: float) -> BlockWriter:
        """Declare a block of this instrument in the image."""
        names = tuple(tag.name for tag in tags)
        return self.image.attach(Block(f"{self.instrument.name}.{block}", names, period_s))

    def tags_of(self, points: Sequence[str]) -> list[TagSpec]:
        """Tags of the instrument that show one of these points, in the order of the file."""
        return [tag for tag in self.instrument.tags if tag.point in points]

    def writable(self) -> tuple[Writable, ...]:
        """Set-points of the instrument with the limits of line file and profile together."""
        found = []
        for tag in self.instrument.tags:
            if tag.write is not None and not tag.write.one_shot:
                low, high = self.profile.write_named(tag.point).limits(tag)
                found.append(Writable(tag.name, tag.point, low, high, tag.write.safe))
        return tuple(found)


class PlainDevice(Device):
    """A device made from its parts."""

    def __init__(self, parts: Parts) -> None:
        instrument = parts.instrument
        super().__init__(
            instrument.name, instrument.unit, parts.clock, parts.observer, parts.jitter
        )
        self.parts = parts

    def add_poll(self, poll: Poll) -> Poll:
        """Take a poll, due in its beat."""
        self.polls.append(poll)
        self.jobs.append(poll)
        return poll


class RegisterDevice(PlainDevice):
    """A Modbus device described by register blocks.

    Args:
        parts: what it is built from.
        link: rules of its bus.
        hooks: by block name, also shown each payload; such a block is read even without tags.

    Attributes:
        wrong: settings of the profile that did not hold when they were read last.
    """

    def __init__(self, parts: Parts, link: ModbusLink, hooks: Mapping[str, Hook]) -> None:
        super().__init__(parts)
        self.link = link
        self.wrong: tuple[WrongSetting, ...] = ()
        self._read_at = -math.inf
        self.block_polls: dict[str, Poll] = {}
        shown: set[str] = set()
        for block in parts.profile.block:
            names = [point.name for point in block.point]
            shown.update(names)
            poll = self._block_poll(block, parts.tags_of(names), hooks.get(block.name))
            if poll is not None:
                self.block_polls[block.name] = poll
        if parts.profile.terminals is None:
            for tag in parts.instrument.tags:
                if tag.point not in shown:
                    raise ProfileError(f"{tag.name}: the family has no point {tag.point!r}")

    def _block_poll(self, block: BlockSpec, tags: list[TagSpec], hook: Hook | None) -> Poll | None:
        if not tags and hook is None:
            return None
        request = self.link.read(self.unit, block.function, block.address, block.count)
        if not tags:
            return self.add_poll(Poll(self, block.period_s, request, None, None, hook))
        points = {point.name: point for point in block.point}
        compiled = [points[tag.point].compiled(tag, block.address) for tag in tags]
        decode = PointDecoder(compiled, block.count).decode
        writer = self.parts.attach(block.name, tags, block.period_s)
        poll = self.add_poll(Poll(self, block.period_s, request, decode, writer, hook))
        poll.explain = lambda: self._find_hole(block)
        return poll

    def _find_hole(self, block: BlockSpec) -> Steps:
        """Halve a refused block until the first register the device does not know is named."""
        first, count = block.address, block.count
        while count > 1:
            half = count // 2
            try:
                yield self.link.read(self.unit, block.function, first, half)
            except DeviceRefused:
                count = half
            else:
                first, count = first + half, count - half
        self.report(f"block {block.name}: the device has no register {first:#06x}")

    def canary(self) -> Steps:
        """Read what no other reply could be taken for."""
        canary = self.parts.profile.canary
        if canary is not None:
            yield self.link.read(self.unit, canary.function, canary.address, canary.count)

    def setup(self) -> Steps:
        """Canary, the profile's settings, then what the outputs hold; see SetupStep."""
        yield from self.canary()
        yield from self._settle_all(write=True)
        for output in self.outputs:
            yield from output.recheck()

    def verify(self) -> None:
        """Read the settings again soon; nothing is written."""
        if self.parts.profile.setup and self.state is LinkState.UP:
            self.investigate(lambda: self._settle_all(write=False))

    def verified_s(self) -> float:
        """Seconds since all settings were read; inf before."""
        return self.bus.now() - self._read_at if self.bus is not None else math.inf

    def _settle_all(self, *, write: bool) -> Steps:
        wrong: list[WrongSetting] = []
        for step in self.parts.profile.setup:
            fault = yield from self._settle(step, write=write)
            wrong += [fault] if fault is not None else []
        self.wrong = tuple(wrong)
        self._read_at = self.bus.now() if self.bus is not None else -math.inf
        reason = "; ".join(map(_told, wrong))
        for output in self.outputs:
            output.lock(reason)

    def _settle(
        self, step: SetupStep, *, write: bool
    ) -> Generator[Request, bytes, WrongSetting | None]:
        """Carry out one step; what is wrong, or None."""
        register = step.status_address if step.kind == "command" else step.address
        try:
            holds, value = yield from self._look(step)
            if not holds and write and step.kind != "verify":
                yield self.link.write_one(self.unit, step.address, step.value)
                holds, value = yield from self._look(step)
        except DeviceRefused as error:
            return WrongSetting(self.name, register, None, step.allowed, step.why, str(error))
        if holds:
            return None
        return WrongSetting(self.name, register, value, step.allowed, step.why)

    def _look(self, step: SetupStep) -> Generator[Request, bytes, tuple[bool, int]]:
        """Tell whether a setting holds, and what the device shows."""
        if step.kind == "command":
            payload = yield self.link.read(self.unit, 3, step.status_address, step.status_count)
            value = join_words(payload, step.word_order)
            return value & step.mask == step.equals, value
        payload = yield self.link.read(self.unit, 3, step.address, 1)
        value = int.from_bytes(payload, "big")
        if step.kind == "ensure":
            return value == step.value, value
        return step.min <= value <= step.max, value


def _told(setting: WrongSetting) -> str:
    """A setting in the reason for a lock."""
    return f"{setting.why} ({setting.refusal})" if setting.refusal else setting.why


def join_words(payload: bytes, order: WordOrder) -> int:
    """One number from registers."""
    words = [payload[i : i + 2] for i in range(0, len(payload), 2)]
    if order == "low_first":
        words.reverse()
    return int.from_bytes(b"".join(words), "big")
