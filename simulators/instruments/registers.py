"""A table of 16-bit registers held as the big-endian bytes that go on the wire."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_U16 = struct.Struct(">H")
_S16 = struct.Struct(">h")
WORDS = tuple(struct.Struct(f">{n}H") for n in range(128))

ABSENT, READ_ONLY, WRITABLE = 0, 1, 2


class Refused(Exception):
    """A request the device answers with an exception.

    Attributes:
        code: Modbus exception code (hardware sheet 2.2).
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class Registers:
    """Registers 0 .. size-1; each is absent, read-only or writable.

    Attributes:
        image: two bytes a register, high byte first.
        access: one of ABSENT, READ_ONLY, WRITABLE a register.
    """

    __slots__ = ("access", "image", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.image = bytearray(2 * size)
        self.access = bytearray(size)

    def define(self, address: int, value: int = 0, *, writable: bool = False) -> None:
        """Make a register exist with a value (signed or unsigned)."""
        self.access[address] = WRITABLE if writable else READ_ONLY
        self.put(address, value)

    def holds(self, address: int, count: int) -> bool:
        """Tell whether all of ``count`` registers exist."""
        return address + count <= self.size and self.access.find(0, address, address + count) < 0

    def writable(self, address: int, count: int) -> bool:
        """Tell whether all of ``count`` registers exist and may be written."""
        end = address + count
        return end <= self.size and self.access.count(WRITABLE, address, end) == count

    def get(self, address: int) -> int:
        """Return a register as an unsigned number."""
        value: int = _U16.unpack_from(self.image, 2 * address)[0]
        return value

    def signed(self, address: int) -> int:
        """Return a register as a signed number."""
        value: int = _S16.unpack_from(self.image, 2 * address)[0]
        return value

    def put(self, address: int, value: int) -> None:
        """Set a register; negative numbers as two's complement."""
        _U16.pack_into(self.image, 2 * address, value & 0xFFFF)

    def put_all(self, address: int, values: Sequence[int]) -> None:
        """Set consecutive registers to unsigned numbers."""
        WORDS[len(values)].pack_into(self.image, 2 * address, *values)


def signed(word: int) -> int:
    """Return an unsigned register value as a signed number."""
    return word - 0x1_0000 if word & 0x8000 else word


def tenths(value: float) -> int:
    """Return ``value`` in tenths as an int16, held at its limits."""
    return max(-32768, min(32767, round(value * 10.0)))
