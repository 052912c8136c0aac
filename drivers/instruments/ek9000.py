"""Beckhoff EK9000 bus coupler (hardware sheet 3.12): terminals of the line file as one image.

Terminals: ``ai:n`` word n of the inputs, ``ai32:n`` words n and n+1 (low word first), ``di:n``
bit n of the words behind the last analog one; ``ao:n`` word n of the outputs, ``do:n`` bit n of
the words behind the last ``ao``. All outputs are rewritten together.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import cast

from config.models import TagSpec
from drivers.codec import Decoded, Terminal, TerminalDecoder, encode_ma
from drivers.errors import ReplyError
from drivers.jobs import Poll, Steps
from drivers.link import Request
from drivers.modbus import ModbusLink
from drivers.parts import Parts, RegisterDevice
from drivers.profile import ProfileError, Terminals
from drivers.writes import HeldOutputs, Words, Writable

_INPUTS, _OUTPUTS = ("ai", "ai32", "di"), ("ao", "do")
_WORD = 16


def place(tag: TagSpec) -> tuple[str, int]:
    """Split ``ai:3`` into its kind and number; raises ProfileError."""
    kind, _, number = tag.point.partition(":")
    if kind not in {*_INPUTS, *_OUTPUTS} or not number.isdigit():
        raise ProfileError(f"{tag.name}: {tag.point!r} is no terminal")
    return kind, int(number)


class ImagePlan:
    """Where the terminals of one direction lie.

    Attributes:
        tags: in the order of the values: analog words, counters, bits.
        words: length of the image.
        bits_at: first word of the packed bits.
    """

    def __init__(self, tags: Sequence[TagSpec], kinds: tuple[str, ...]) -> None:
        placed = [(*place(tag), tag) for tag in tags]
        chosen = [item for kind in kinds for item in placed if item[0] == kind]
        self.tags = [tag for _, _, tag in chosen]
        self.bits_at = max(
            (n + (2 if k == "ai32" else 1) for k, n, _ in chosen if k[0] == "a"), default=0
        )
        bits = [n for k, n, _ in chosen if k[0] == "d"]
        self.words = self.bits_at + (max(bits) // _WORD + 1 if bits else 0)
        self.terminals = [self._terminal(kind, n, tag) for kind, n, tag in chosen]

    def _terminal(self, kind: str, number: int, tag: TagSpec) -> Terminal:
        if kind[0] == "d":
            return Terminal("bit", self.bits_at + number // _WORD, bit=number % _WORD)
        if kind == "ai32":
            return Terminal("count", number, scale=tag.resolution)
        if tag.signal == "tc":
            return Terminal("tc", number, low=tag.range[0], high=tag.range[1])
        if tag.signal != "ma" or tag.span is None:
            raise ProfileError(f"{tag.name}: an analog terminal needs signal ma with a span, or tc")
        return Terminal("ma", number, low=tag.span[0], high=tag.span[1])

    def decoder(self) -> Callable[[bytes], Decoded]:
        """Compile the decoder of the image."""
        decode = TerminalDecoder(self.terminals, self.words).decode
        return cast("Callable[[bytes], Decoded]", decode)  # arrays serve as sequences


class CouplerOutputs(HeldOutputs):
    """All outputs of one coupler; what was never requested is at its safe value.

    The first write changes every output, so it waits until they have been read once: a
    restarted controller then knows what it found.
    """

    def __init__(self, device: Ek9000, plan: ImagePlan, refresh_s: float, address: int) -> None:
        points = tuple(_writable(tag) for tag in plan.tags)
        super().__init__(device, points, refresh_s)
        self._coupler, self._plan, self._address = device, plan, address
        self._pack = struct.Struct(f">{plan.words}H")
        self._seen = False

    def request(self, now: float) -> Request | None:
        """Give a write if something waits or a refresh is due."""
        if self._seen:
            return super().request(now)
        self.expire(now)
        return None

    def words(self, values: dict[str, float]) -> Words:
        """Encode the whole image."""
        image = [0] * self._plan.words
        for tag, terminal in zip(self._plan.tags, self._plan.terminals, strict=True):
            value = values.get(tag.point, self.points[tag.point].safe)
            if terminal.kind == "ma":
                image[terminal.register] = encode_ma(value, terminal.low, terminal.high)
            elif value:
                image[terminal.register] |= 1 << terminal.bit
        return tuple(image)

    def frame(self, words: Words) -> Request:
        """Write the whole image (FC16)."""
        return self._coupler.link.write_many(self._coupler.unit, self._address, words)

    def read_request(self) -> Request:
        """Read the outputs back."""
        return self._coupler.link.read(self._coupler.unit, 3, self._address, self._plan.words)

    def recheck(self) -> Steps:
        """Read the outputs back."""
        payload = yield self.read_request()
        self.shown(payload)

    def shown(self, payload: bytes) -> None:
        """Look at each read-back."""
        if not self._seen:
            self._seen = True
            if self.waits():
                self._hurry("", 0.0)
        self.read_back(self._pack.unpack(payload))


def _writable(tag: TagSpec) -> Writable:
    if tag.write is None:
        raise ProfileError(f"{tag.name}: an output without write limits")
    return Writable(tag.name, tag.point, *tag.write.range, tag.write.safe)


class Ek9000(RegisterDevice):
    """One coupler."""

    def __init__(self, parts: Parts, link: ModbusLink) -> None:
        super().__init__(parts, link, {})
        terminals = parts.profile.terminals
        if terminals is None:
            raise ProfileError(f"{self.name}: profile without terminals")
        self._inputs = ImagePlan(parts.instrument.tags, _INPUTS)
        self._outputs = ImagePlan(parts.instrument.tags, _OUTPUTS)
        self._add_inputs(terminals)
        if self._outputs.tags:
            self._add_outputs(terminals)

    def _add_inputs(self, terminals: Terminals) -> None:
        plan = self._inputs
        digital = plan.words > plan.bits_at
        period = terminals.inputs_s if digital else terminals.analog_inputs_s
        request = self.link.read(self.unit, 4, terminals.inputs, plan.words)
        writer = self.parts.attach("inputs", plan.tags, period)
        self.add_poll(Poll(self, period, request, plan.decoder(), writer))

    def _add_outputs(self, terminals: Terminals) -> None:
        plan = self._outputs
        digital = plan.words > plan.bits_at
        refresh = terminals.outputs_s if digital else terminals.analog_outputs_s
        held = CouplerOutputs(self, plan, refresh, terminals.outputs)
        self.outputs.append(held)
        period = terminals.read_back_s
        writer = self.parts.attach("outputs", plan.tags, period)
        poll = Poll(self, period, held.read_request(), plan.decoder(), writer, held.shown)
        self.add_poll(poll)

    def canary(self) -> Steps:
        """Image lengths of the coupler: they must hold what the line file uses."""
        canary = self.parts.profile.canary
        if canary is None:
            return
        payload = yield self.link.read(self.unit, 3, canary.address, canary.count)
        have_ao, have_ai, have_do, have_di = struct.unpack(">4H", payload)
        need_ai, need_di = _needed_bits(self._inputs)
        need_ao, need_do = _needed_bits(self._outputs)
        if have_ai < need_ai or have_di < need_di or have_ao < need_ao or have_do < need_do:
            have = f"AO {have_ao}, AI {have_ai}, DO {have_do}, DI {have_di}"
            raise ReplyError(f"{self.name}: image lengths {have} bits are less than the line uses")


def _needed_bits(plan: ImagePlan) -> tuple[int, int]:
    """Bits of analog words, and of digital terminals, that the line uses."""
    bits = [_WORD * (t.register - plan.bits_at) + t.bit for t in plan.terminals if t.kind == "bit"]
    return _WORD * plan.bits_at, max(bits) + 1 if bits else 0
