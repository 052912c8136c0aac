"""Modbus TCP and RTU through pymodbus framers and PDU classes, with strict reply checks.

Requests are built by pymodbus, once; a reply is accepted only when it is byte for byte of the
expected form (unit, function, byte count, echoed address and value, length, checksum, and on
TCP the transaction id, never 0). What differs is taken apart only to say what was wrong.
Why the framers and not the pymodbus client: ``docs/decisions/004-modbus-framers.md``.
This is the only module that imports pymodbus.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from pymodbus.constants import ExcCodes
from pymodbus.framer.rtu import FramerRTU
from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
)

from drivers.errors import DeviceRefused, ReplyError
from drivers.link import Request

_READS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
_MBAP = struct.Struct(">HHHB")  # transaction, protocol, length, unit
_MBAP_SIZE = 7
_LONGEST_PDU = 253
_EXCEPTION_BIT = 0x80
_CRC_SIZE = 2


class ModbusLink(ABC):
    """What TCP and RTU share: building requests and naming what is wrong with a reply."""

    reopens = False

    def __init__(self, framer: FramerRTU | FramerSocket, overhead: int) -> None:
        self._framer = framer
        self._overhead = overhead  # bytes of a reply, less unit, function and data

    def read(self, unit: int, function: Literal[3, 4], address: int, count: int) -> Request:
        """Build a read of holding (3) or input (4) registers, at most 125."""
        pdu = _READS[function](dev_id=unit, address=address, count=count)
        what = f"unit {unit} FC{function} {address:#06x}+{count}"
        return self._expect_data(pdu, what, count)

    def read_write(
        self, unit: int, read: tuple[int, int], address: int, words: Sequence[int]
    ) -> Request:
        """Build an FC23: write ``words`` at ``address``, then read (address, count)."""
        pdu = ReadWriteMultipleRegistersRequest(
            read_address=read[0],
            read_count=read[1],
            write_address=address,
            write_registers=list(words),
            dev_id=unit,
        )
        what = f"unit {unit} FC23 {read[0]:#06x}+{read[1]}, writing {address:#06x}+{len(words)}"
        return self._expect_data(pdu, what, read[1])

    def write_one(self, unit: int, address: int, word: int) -> Request:
        """Build an FC6; the right reply echoes address and value."""
        pdu = WriteSingleRegisterRequest(dev_id=unit, address=address, registers=[word])
        what = f"unit {unit} FC6 {address:#06x}={word:#06x}"
        return self._expect_echo(pdu, pdu, what)

    def write_many(self, unit: int, address: int, words: Sequence[int]) -> Request:
        """Build an FC16; the right reply echoes address and count."""
        pdu = WriteMultipleRegistersRequest(dev_id=unit, address=address, registers=list(words))
        echo = WriteMultipleRegistersResponse(dev_id=unit, address=address, count=len(words))
        return self._expect_echo(pdu, echo, f"unit {unit} FC16 {address:#06x}+{len(words)}")

    def _expect_data(self, pdu: ModbusPDU, what: str, count: int) -> Request:
        """Request whose reply is unit, function, byte count, data."""
        head = bytes((pdu.dev_id, pdu.function_code, 2 * count))
        return self._request(pdu, what, head, 1 + 2 * count)

    def _expect_echo(self, pdu: ModbusPDU, echo: ModbusPDU, what: str) -> Request:
        """Request whose reply is known in full beforehand."""
        body = echo.encode()
        return self._request(pdu, what, bytes((pdu.dev_id, pdu.function_code)) + body, len(body))

    @abstractmethod
    def _request(self, pdu: ModbusPDU, what: str, head: bytes, data: int) -> Request:
        """Give the request that is to come with its reply's shape."""

    def _frame(self, pdu: ModbusPDU) -> bytes:
        frame: bytes = self._framer.buildFrame(pdu)
        return frame

    def _fault(self, request: Request, adu: bytes, expected: bytes) -> ReplyError | DeviceRefused:
        """Say what is wrong with a reply of unit, function, data.

        Args:
            request: what was asked.
            adu: reply from the unit on, without checksum.
            expected: how it should have begun.
        """
        if adu[0] != expected[0]:
            return ReplyError(f"{request.what}: answer of unit {adu[0]}")
        if adu[1] == expected[1] | _EXCEPTION_BIT and len(adu) > 2:
            return refusal(request.what, adu[2])
        if adu[1] != expected[1]:
            return ReplyError(f"{request.what}: answer to function {adu[1]}")
        if len(expected) == 3:
            return ReplyError(f"{request.what}: byte count {adu[2]}, expected {expected[2]}")
        return ReplyError(f"{request.what}: echo {adu[2:].hex()}, expected {expected[2:].hex()}")


def refusal(what: str, code: int) -> DeviceRefused:
    """Error of an exception reply, with the code's name (hardware sheet 2.2)."""
    try:
        name = ExcCodes(code).name.lower().replace("_", " ")
    except ValueError:
        name = "unknown code"
    return DeviceRefused(f"{what}: exception {code}, {name}", code)


class ModbusTcpLink(ModbusLink):
    """Modbus TCP: every request carries a transaction id that the reply must repeat."""

    reopens = True

    def __init__(self) -> None:
        super().__init__(FramerSocket(DecodePDU(is_server=False)), _MBAP_SIZE + 1)
        self._id = 0
        self._expected = b""
        self._size = 0
        self._skip = 0
        self._buffer = b""
        self._request_now: Request | None = None

    def _request(self, pdu: ModbusPDU, what: str, head: bytes, data: int) -> Request:
        tail = self._frame(pdu)[2:]
        length = 2 + data
        return Request(
            what=what,
            frame=tail,
            head=b"\0\0" + length.to_bytes(2, "big") + head,
            size=6 + length,
            skip=_MBAP_SIZE + (2 if len(head) == 3 else 1),
            unit=pdu.dev_id,
        )

    def begin(self, request: Request) -> bytes:
        """Start an exchange with the next transaction id, 1..65535."""
        self._id = number = self._id % 0xFFFF + 1
        tid = number.to_bytes(2, "big")
        self._request_now = request
        self._expected = tid + request.head
        self._size, self._skip = request.size, request.skip
        self._buffer = b""
        return tid + request.frame

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; see Link.feed."""
        if self._buffer:
            data = self._buffer + data
        if len(data) == self._size and data.startswith(self._expected):
            return data[self._skip :]
        self._buffer = data
        if self._request_now is not None:
            self._examine(self._request_now, data)
        return None

    def _examine(self, request: Request, data: bytes) -> None:
        """Return if more bytes may complete the right reply; raise if it is another."""
        if len(data) < _MBAP_SIZE:
            return
        number, protocol, length, _unit = _MBAP.unpack_from(data)
        if protocol != 0 or not 3 <= length <= _LONGEST_PDU + 1:
            raise ReplyError(f"{request.what}: not a Modbus TCP header: {data[:8].hex()}")
        if number != self._id:
            raise ReplyError(f"{request.what}: transaction {number}, expected {self._id}")
        if len(data) < 6 + length:
            return
        if len(data) > 6 + length:
            raise ReplyError(f"{request.what}: {len(data) - 6 - length} bytes after the reply")
        adu, expected = data[6:], request.head[4:]
        if adu.startswith(expected):
            raise ReplyError(f"{request.what}: {len(data)} bytes, expected {request.size}")
        raise self._fault(request, adu, expected)


class ModbusRtuLink(ModbusLink):
    """Modbus RTU, which has no transaction id.

    A reply is only as good as its form and the silence before its request; the bus drains the
    line and reads a canary after any doubt.
    """

    def __init__(self) -> None:
        super().__init__(FramerRTU(DecodePDU(is_server=False)), _CRC_SIZE)
        self._now: Request | None = None
        self._buffer = b""

    def _request(self, pdu: ModbusPDU, what: str, head: bytes, data: int) -> Request:
        return Request(
            what=what,
            frame=self._frame(pdu),
            head=head,
            size=2 + data + _CRC_SIZE,
            skip=3 if len(head) == 3 else 2,
            unit=pdu.dev_id,
        )

    def begin(self, request: Request) -> bytes:
        """Start an exchange."""
        self._now = request
        self._buffer = b""
        return request.frame

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; see Link.feed."""
        request = self._now
        if request is None:
            return None
        if self._buffer:
            data = self._buffer + data
        if len(data) == request.size and data.startswith(request.head):
            self._check_crc(request, data)
            return data[request.skip : -_CRC_SIZE]
        self._buffer = data
        self._examine(request, data)
        return None

    def _examine(self, request: Request, data: bytes) -> None:
        """Return if more bytes may complete the right reply; raise as soon as it cannot be."""
        head = request.head
        if data.startswith(head) or head.startswith(data):
            if len(data) > request.size:
                raise ReplyError(f"{request.what}: bytes after the reply")
            return
        if data[0] == head[0] and len(data) > 1 and data[1] == head[1] | _EXCEPTION_BIT:
            if len(data) < 5:
                return
            self._check_crc(request, data[:5])
            raise refusal(request.what, data[2])
        raise self._fault(request, data.ljust(3, b"\0"), head)

    def _check_crc(self, request: Request, data: bytes) -> None:
        received = int.from_bytes(data[-_CRC_SIZE:], "big")
        if not FramerRTU.check_CRC(data[:-_CRC_SIZE], received):
            raise ReplyError(f"{request.what}: bad checksum")
