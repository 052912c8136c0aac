"""The part of a Modbus server every simulated device shares: requests and exceptions.

A device is given the PDU (function code and data) and returns the PDU of the reply. Framing
is in ``modbus_framing``. Written from the Modbus application protocol 1.1b3; function codes
1-6, 15, 16 and 23, exceptions 1, 2, 3, 4 and 6.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from simulators.instruments.endpoint import Faults, LineClock
from simulators.instruments.registers import WORDS, Refused, Registers

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE, BUSY = 1, 2, 3, 4, 6

_RANGE = struct.Struct(">BHH")
_EXCHANGE = struct.Struct(">BHHHHB")
_REPLY_HEAD: dict[int, tuple[bytes, ...]] = {
    fc: tuple(bytes((fc, 2 * n)) for n in range(126)) for fc in (3, 4, 23)
}

READ_COILS, READ_DISCRETE = 1, 2
MAX_READ, MAX_WRITE, MAX_EXCHANGE_WRITE, MAX_BITS = 125, 123, 121, 2000
WRITES = frozenset({5, 6, 15, 16, 23})

Handler = Callable[[bytes, object], bytes]


class ModbusDevice:
    """A device with one table of holding registers; subclasses add behavior by the hooks.

    Args:
        clock: line time of the last tick.
        holding: its registers.
        functions: function codes it supports; the others are answered by exception 1.
        max_read: most registers in one read; more is exception 3.

    Attributes:
        faults: communication faults.
        throttle_s: what the device itself adds to its turn-round.
        observer: told of every request to write that was carried out; None: nobody listens.
    """

    __slots__ = (
        *("_handlers", "clock", "faults", "holding", "max_read", "observer", "throttle_s"),
    )

    def __init__(
        self,
        clock: LineClock,
        holding: Registers,
        *,
        functions: Sequence[int] = (3, 6, 16),
        max_read: int = MAX_READ,
    ) -> None:
        self.clock = clock
        self.holding = holding
        self.max_read = max_read
        self.faults = Faults()
        self.throttle_s = 0.0
        self.observer: Callable[[bytes], None] | None = None
        handlers: dict[int, Handler] = {
            READ_COILS: self._read_bits,
            READ_DISCRETE: self._read_bits,
            3: self._read_registers,
            4: self._read_registers,
            5: self._write_bit,
            6: self._write_register,
            8: self._echo,
            15: self._write_bits,
            16: self._write_registers,
            23: self._exchange,
        }
        self._handlers = {fc: handlers[fc] for fc in functions}

    def answer(self, pdu: bytes, who: object) -> bytes:
        """Return the reply to a request.

        Args:
            pdu: function code and data; at least one byte.
            who: identity of the connection it came by.
        """
        handler = self._handlers.get(pdu[0])
        code = self.faults.exception
        if handler is None or code:
            reply = bytes((pdu[0] | 0x80, code or ILLEGAL_FUNCTION))
        else:
            try:
                reply = handler(pdu, who)
                if self.observer is not None and pdu[0] in WRITES:
                    self.observer(pdu)
            except Refused as refusal:
                reply = bytes((pdu[0] | 0x80, refusal.code))
        self.addressed(pdu[0], who)
        return reply

    # --- hooks -------------------------------------------------------------------------------

    def addressed(self, function: int, who: object, /) -> None:
        """Learn that a request has been handled (communication watchdogs)."""

    def opened(self, who: object, /) -> None:
        """Learn that a connection has been opened."""

    def closed(self, who: object, /) -> None:
        """Learn that a connection has ended."""

    def refresh(self, address: int, count: int, /) -> None:
        """Bring the registers about to be read up to date."""

    def check(self, address: int, values: Sequence[int]) -> None:
        """Refuse values that may not be written; all registers are known to be writable.

        Raises:
            Refused: with the exception code to answer.
        """

    def wrote(self, address: int, values: Sequence[int], who: object, /) -> None:
        """Act on registers that have just been stored."""

    def read_words(self, _function: int, address: int, count: int, /) -> bytes:
        """Return registers as bytes; function 3, 4 or 23."""
        if not self.holding.holds(address, count):
            raise Refused(ILLEGAL_ADDRESS)
        if not self.faults.stuck:
            self.refresh(address, count)
        return bytes(self.holding.image[2 * address : 2 * (address + count)])

    def write_words(self, address: int, values: Sequence[int], who: object) -> None:
        """Store registers, all or none."""
        if not self.holding.writable(address, len(values)):
            raise Refused(ILLEGAL_ADDRESS)
        self.check(address, values)
        self.holding.put_all(address, values)
        self.wrote(address, values, who)

    def read_bit_field(self, _function: int, _address: int, _count: int, /) -> int:
        """Return coils (function 1) or discrete inputs (2) as one number, first bit lowest."""
        raise Refused(ILLEGAL_ADDRESS)

    def write_bit_field(self, _address: int, _count: int, _bits: int, _who: object, /) -> None:
        """Store coils."""
        raise Refused(ILLEGAL_ADDRESS)

    # --- function codes ----------------------------------------------------------------------

    def _read_registers(self, pdu: bytes, _who: object) -> bytes:
        if len(pdu) != 5:
            raise Refused(ILLEGAL_VALUE)
        function, address, count = _RANGE.unpack(pdu)
        if not 0 < count <= self.max_read:
            raise Refused(ILLEGAL_VALUE)
        words = self.read_words(function, address, count)
        head: bytes = _REPLY_HEAD[function][count]
        return head + words

    def _write_register(self, pdu: bytes, who: object) -> bytes:
        if len(pdu) != 5:
            raise Refused(ILLEGAL_VALUE)
        _, address, value = _RANGE.unpack(pdu)
        self.write_words(address, (value,), who)
        return pdu

    def _write_registers(self, pdu: bytes, who: object) -> bytes:
        if len(pdu) < 8:
            raise Refused(ILLEGAL_VALUE)
        _, address, count = _RANGE.unpack_from(pdu)
        if not 0 < count <= MAX_WRITE or pdu[5] != 2 * count or len(pdu) != 6 + 2 * count:
            raise Refused(ILLEGAL_VALUE)
        self.write_words(address, WORDS[count].unpack_from(pdu, 6), who)
        return pdu[:5]

    def _exchange(self, pdu: bytes, who: object) -> bytes:
        if len(pdu) < 12:
            raise Refused(ILLEGAL_VALUE)
        _, address, count, to, words, size = _EXCHANGE.unpack_from(pdu)
        fits = 0 < words <= MAX_EXCHANGE_WRITE and size == 2 * words and len(pdu) == 10 + size
        if not fits or not 0 < count <= self.max_read:
            raise Refused(ILLEGAL_VALUE)
        if not self.holding.holds(address, count):
            raise Refused(ILLEGAL_ADDRESS)
        self.write_words(to, WORDS[words].unpack_from(pdu, 10), who)
        head: bytes = _REPLY_HEAD[23][count]
        return head + self.read_words(23, address, count)

    def _read_bits(self, pdu: bytes, _who: object) -> bytes:
        if len(pdu) != 5:
            raise Refused(ILLEGAL_VALUE)
        function, address, count = _RANGE.unpack(pdu)
        if not 0 < count <= MAX_BITS:
            raise Refused(ILLEGAL_VALUE)
        size = (count + 7) // 8
        bits = self.read_bit_field(function, address, count) & ((1 << count) - 1)
        return bytes((int(function), size)) + int(bits).to_bytes(size, "little")

    def _write_bit(self, pdu: bytes, who: object) -> bytes:
        if len(pdu) != 5:
            raise Refused(ILLEGAL_VALUE)
        _, address, value = _RANGE.unpack(pdu)
        if value not in {0, 0xFF00}:
            raise Refused(ILLEGAL_VALUE)
        self.write_bit_field(address, 1, int(value == 0xFF00), who)
        return pdu

    def _write_bits(self, pdu: bytes, who: object) -> bytes:
        if len(pdu) < 7:
            raise Refused(ILLEGAL_VALUE)
        _, address, count = _RANGE.unpack_from(pdu)
        size = (count + 7) // 8
        if not 0 < count <= 1968 or pdu[5] != size or len(pdu) != 6 + size:
            raise Refused(ILLEGAL_VALUE)
        self.write_bit_field(address, count, int.from_bytes(pdu[6:], "little"), who)
        return pdu[:5]

    def _echo(self, pdu: bytes, _who: object) -> bytes:
        if pdu[1:3] != b"\0\0":
            raise Refused(ILLEGAL_VALUE)
        return pdu
