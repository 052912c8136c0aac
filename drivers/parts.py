"""What every driver is built from, and the registers most of them share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from config.models import Instrument, TagSpec
from drivers.base import Block, BlockWriter, Clock, Image, LinkObserver
from drivers.codec import PointDecoder, WordOrder
from drivers.device import Device
from drivers.errors import DeviceRefused
from drivers.jobs import Poll, Steps
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.profile import BlockSpec, Profile, ProfileError, SetupStep
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
    """

    def __init__(self, parts: Parts, link: ModbusLink, hooks: Mapping[str, Hook]) -> None:
        super().__init__(parts)
        self.link = link
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
        reason = ""
        for step in self.parts.profile.setup:
            fault = yield from self._settle(step)
            reason = "; ".join(filter(None, (reason, fault)))
        for output in self.outputs:
            output.lock(reason)
            yield from output.recheck()

    def _settle(self, step: SetupStep) -> Generator[Request, bytes, str]:
        """Carry out one step; why it failed, or ``""``."""
        try:
            done = yield from self._try_step(step)
        except DeviceRefused as error:
            return f"{step.why} ({error})"
        return "" if done else step.why

    def _try_step(self, step: SetupStep) -> Generator[Request, bytes, bool]:
        if (yield from self._holds(step)):
            return True
        if step.kind == "verify":
            return False
        yield self.link.write_one(self.unit, step.address, step.value)
        return (yield from self._holds(step))

    def _holds(self, step: SetupStep) -> Generator[Request, bytes, bool]:
        if step.kind == "command":
            payload = yield self.link.read(self.unit, 3, step.status_address, step.status_count)
            return join_words(payload, step.word_order) & step.mask == step.equals
        payload = yield self.link.read(self.unit, 3, step.address, 1)
        value = int.from_bytes(payload, "big")
        if step.kind == "ensure":
            return value == step.value
        return step.min <= value <= step.max


def join_words(payload: bytes, order: WordOrder) -> int:
    """One number from registers."""
    words = [payload[i : i + 2] for i in range(0, len(payload), 2)]
    if order == "low_first":
        words.reverse()
    return int.from_bytes(b"".join(words), "big")
