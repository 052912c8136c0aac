"""Requests and replies of Modbus TCP and RTU against printed frames and every known trap."""

import pytest

from drivers.errors import DeviceRefused, ReplyError
from drivers.modbus import ModbusRtuLink, ModbusTcpLink
from tests.wire.driver_support import mbap, rtu


def hexed(text):
    return bytes.fromhex(text)


def test_printed_requests_are_built_byte_for_byte():
    link = ModbusRtuLink()
    assert link.read(1, 3, 1, 5).frame == hexed("01 03 00 01 00 05 D4 09")
    assert link.write_one(1, 0, 0x0100).frame == hexed("01 06 00 00 01 00 88 5A")
    assert link.write_one(1, 0, 0x0401).frame == hexed("01 06 00 00 04 01 4A CA")
    abb = link.write_many(1, 0, (0x047F, 10000))
    assert abb.frame == hexed("01 10 00 00 00 02 04 04 7F 27 10 D9 7B")
    assert link.read(2, 3, 3102, 4).frame == hexed("02 03 0C 1E 00 04 27 6C")
    assert link.write_one(2, 9001, 13).frame == hexed("02 06 23 29 00 0D 92 70")
    ramps = link.write_many(2, 9001, (20, 30))
    assert ramps.frame == hexed("02 10 23 29 00 02 04 00 14 00 1E 73 A4")


def test_printed_replies_are_accepted():
    link = ModbusRtuLink()
    link.begin(link.read(2, 3, 3102, 4))
    payload = link.feed(hexed("02 03 08 00 28 02 58 01 F4 00 00 52 B0"))
    assert payload == hexed("00 28 02 58 01 F4 00 00")
    link.begin(link.write_many(2, 9001, (20, 30)))
    assert link.feed(hexed("02 10 23 29 00 02 9B B7")) is not None


def test_tcp_request_carries_a_new_transaction_id_and_never_zero():
    link = ModbusTcpLink()
    request = link.read(1, 4, 0, 42)
    assert link.begin(request) == hexed("00 01 00 00 00 06 01 04 00 00 00 2A")
    assert link.begin(request)[:2] == b"\x00\x02"
    link._id = 0xFFFF
    assert link.begin(request)[:2] == b"\x00\x01"


def test_fc23_frame():
    link = ModbusTcpLink()
    sent = link.begin(link.read_write(1, (12741, 5), 12761, (6, 1000)))
    assert sent == hexed("0001 0000 000F 01 17 31C5 0005 31D9 0002 04 0006 03E8")


READ = (3, 0x0001, 3)
GOOD = bytes((3, 6, 0, 1, 0, 2, 0, 3))


class Kind:
    """The same traps on both links."""

    def __init__(self, name):
        self.link = ModbusTcpLink() if name == "tcp" else ModbusRtuLink()
        self.name = name

    def reply(self, pdu, unit=7, tid=None):
        if self.name == "rtu":
            return rtu(unit, pdu)
        return mbap(self.link._id if tid is None else tid, unit, pdu)

    def read(self):
        self.link.begin(self.link.read(7, *READ))


@pytest.fixture(params=["tcp", "rtu"])
def kind(request):
    return Kind(request.param)


def test_right_reply_whole_and_split_anywhere(kind):
    kind.read()
    assert kind.link.feed(kind.reply(GOOD)) == GOOD[2:]
    for cut in range(1, len(kind.reply(GOOD))):
        kind.read()
        whole = kind.reply(GOOD)
        assert kind.link.feed(whole[:cut]) is None
        assert kind.link.feed(whole[cut:]) == GOOD[2:]


@pytest.mark.parametrize(
    ("pdu", "unit", "word"),
    [
        (GOOD, 8, "unit 8"),
        (bytes((4, 6, 0, 1, 0, 2, 0, 3)), 7, "function 4"),  # FC4 answers FC3
        (bytes((16, 0, 1, 0, 3)), 7, "function 16"),  # FC16 answers a read
        (bytes((3, 2, 0, 1)), 7, "byte count 2"),  # one register of three
        (bytes((3, 8, 0, 1, 0, 2, 0, 3, 0, 4)), 7, "byte count 8"),
        (bytes((0x86, 2)), 7, "function 134"),  # exception to another function
    ],
)
def test_replies_to_something_else_are_refused(kind, pdu, unit, word):
    kind.read()
    with pytest.raises(ReplyError, match=word):
        kind.link.feed(kind.reply(pdu, unit))


def test_byte_count_that_lies_about_the_data():
    link = ModbusTcpLink()
    link.begin(link.read(7, *READ))
    with pytest.raises(ReplyError, match="expected"):
        link.feed(mbap(1, 7, GOOD + b"\0\0"))
    link.begin(link.read(7, *READ))
    with pytest.raises(ReplyError):
        link.feed(mbap(2, 7, GOOD[:-2]))


def test_bytes_behind_the_reply(kind):
    kind.read()
    with pytest.raises(ReplyError):
        kind.link.feed(kind.reply(GOOD) + b"\x00")


@pytest.mark.parametrize("tid", [0, 2, 0xFFFF])
def test_another_transaction_id_is_refused_zero_too(tid):
    link = ModbusTcpLink()
    link.begin(link.read(7, *READ))
    with pytest.raises(ReplyError, match=f"transaction {tid}"):
        link.feed(mbap(tid, 7, GOOD))


@pytest.mark.parametrize(
    "head", ["0001 0001 0009 07 03", "0001 0000 0000 07 03", "0001 0000 FFFF 07"]
)
def test_what_is_no_modbus_tcp_header(head):
    link = ModbusTcpLink()
    link.begin(link.read(7, *READ))
    with pytest.raises(ReplyError, match="header"):
        link.feed(hexed(head))


def test_garbage_before_an_rtu_frame_and_a_bad_checksum():
    link = ModbusRtuLink()
    link.begin(link.read(7, *READ))
    with pytest.raises(ReplyError):
        link.feed(b"\xff\x00" + rtu(7, GOOD))
    link.begin(link.read(7, *READ))
    spoiled = bytearray(rtu(7, GOOD))
    spoiled[4] ^= 1
    with pytest.raises(ReplyError, match="checksum"):
        link.feed(bytes(spoiled))


@pytest.mark.parametrize(
    "echo",
    [
        bytes((6, 0, 9, 0, 5)),  # another address
        bytes((6, 0, 8, 0, 6)),  # another value
        bytes((3, 2, 0, 5)),
    ],
)
def test_write_echo_must_repeat_address_and_value(kind, echo):
    kind.link.begin(kind.link.write_one(7, 8, 5))
    with pytest.raises(ReplyError):
        kind.link.feed(kind.reply(echo))
    kind.link.begin(kind.link.write_one(7, 8, 5))
    assert kind.link.feed(kind.reply(bytes((6, 0, 8, 0, 5)))) is not None


@pytest.mark.parametrize("echo", [bytes((16, 0, 9, 0, 2)), bytes((16, 0, 8, 0, 1))])
def test_multiple_write_echo_must_repeat_address_and_count(kind, echo):
    kind.link.begin(kind.link.write_many(7, 8, (1, 2)))
    with pytest.raises(ReplyError, match="echo"):
        kind.link.feed(kind.reply(echo))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "illegal function"),
        (2, "illegal address"),
        (3, "illegal value"),
        (6, "busy"),
        (99, "unknown"),
    ],
)
def test_exceptions_are_named(kind, code, words):
    kind.read()
    with pytest.raises(DeviceRefused) as caught:
        kind.link.feed(kind.reply(bytes((0x83, code))))
    assert caught.value.code == code
    assert words in str(caught.value)
    assert "unit 7 FC3 0x0001+3" in str(caught.value)


def test_a_split_exception_on_rtu_waits_for_its_checksum():
    link = ModbusRtuLink()
    link.begin(link.read(7, *READ))
    frame = rtu(7, bytes((0x83, 2)))
    assert link.feed(frame[:3]) is None
    with pytest.raises(DeviceRefused):
        link.feed(frame[3:])


def test_more_registers_than_the_protocol_carries_are_not_sent():
    with pytest.raises(ValueError, match="125"):
        ModbusRtuLink().read(1, 3, 0, 126)
