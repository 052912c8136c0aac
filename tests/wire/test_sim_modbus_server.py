"""The simulated Modbus servers: printed frames, exceptions, framing and planted faults."""

import pytest

from simulators.instruments.atv320 import Atv320
from simulators.instruments.e5cc import E5cc
from simulators.instruments.endpoint import LineClock
from simulators.instruments.epc3016 import Epc3016
from simulators.instruments.loop_bank import LoopBank
from simulators.instruments.modbus_framing import MbapEndpoint, RtuEndpoint, crc16
from tests.wire.sim_support import mbap, read, rtu, words, write_one

LIMITS = (0.0, 590.0)


def nothing(_):
    """Take a push."""


@pytest.fixture
def epc():
    return Epc3016(LineClock(), LoopBank(1), 0, LIMITS)


@pytest.fixture
def tcp(epc):
    return MbapEndpoint(epc, unit=1, connections=2)


def bus_of(**units):
    return RtuEndpoint({int(unit[1:]): device for unit, device in units.items()}).connect(nothing)


@pytest.mark.parametrize(
    "frame",
    [
        "01 03 00 01 00 05 D4 09",
        "01 06 00 00 01 00 88 5A",
        "01 06 00 00 04 01 4A CA",
        "01 10 00 00 00 02 04 04 7F 27 10 D9 7B",
        "02 03 0C 1E 00 04 27 6C",
        "02 03 08 00 28 02 58 01 F4 00 00 52 B0",
        "02 06 23 29 00 0D 92 70",
        "02 10 23 29 00 02 04 00 14 00 1E 73 A4",
        "02 10 23 29 00 02 9B B7",
    ],
)
def test_crc_of_the_printed_frames(frame):
    data = bytes.fromhex(frame)
    assert crc16(data[:-2]) == data[-2:]


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("02 03 0C 1E 00 04 27 6C", "02 03 08 00 28 02 58 01 F4 00 00 52 B0"),
        ("02 06 23 29 00 0D 92 70", "02 06 23 29 00 0D 92 70"),
        ("02 10 23 29 00 02 04 00 14 00 1E 73 A4", "02 10 23 29 00 02 9B B7"),
    ],
)
def test_atv320_answers_its_printed_frames(request_, reply):
    session = bus_of(u2=Atv320(LineClock()))
    assert session.receive(bytes.fromhex(request_)) == bytes.fromhex(reply)


def test_epc3016_answers_its_printed_test_frame(epc):
    reply = bus_of(u1=epc).receive(bytes.fromhex("01 03 00 01 00 05 D4 09"))
    assert reply[:3] == bytes((1, 3, 10))
    assert crc16(reply[:-2]) == reply[-2:]
    assert words(reply[1:-2]) == [200, 200, 0, 0, 200]


def test_e5cc_takes_its_printed_commands():
    device = E5cc(LineClock(), LoopBank(1), 0, LIMITS, lambda: 0.0)
    session = bus_of(u1=device)
    session.receive(rtu(1, write_one(0, 0x0001)))
    for frame in ("01 06 00 00 01 00 88 5A", "01 06 00 00 04 01 4A CA"):
        assert session.receive(bytes.fromhex(frame)) == bytes.fromhex(frame)
    assert device.status() >> 20 & 1  # RAM write mode
    assert not device.status() >> 24 & 1  # running


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        (bytes((7,)), 1),
        (bytes((5, 0, 1, 0xFF, 0)), 1),
        (read(3, 1000, 1), 2),
        (read(3, 1, 6), 0),
        (read(3, 6, 4), 0),
        (read(3, 9, 5), 2),
        (read(3, 1, 0), 3),
        (read(3, 1, 126), 3),
        (read(3, 1, 5)[:-1], 3),
        (write_one(1, 5), 2),
        (write_one(277, 5901), 3),
        (write_one(277, -1), 3),
        (write_one(277, 5900), 0),
        (bytes.fromhex("10 01 15 00 01 04 00 00 00 00"), 3),
        (bytes.fromhex("10 01 15 00 00 00"), 3),
    ],
)
def test_exception_codes(epc, pdu, code):
    reply = epc.answer(pdu, None)
    assert reply[0] == (pdu[0] | 0x80 if code else pdu[0])
    if code:
        assert reply[1:] == bytes((code,))


def test_a_refused_block_write_changes_nothing(epc):
    epc.answer(write_one(24, 300), None)
    reply = epc.answer(bytes.fromhex("10 00 18 00 02 04 01 F4 7F FF"), None)
    assert reply == bytes((0x90, 3))
    assert words(epc.answer(read(3, 24, 2), None)) == [300, 200]


def test_pipelined_and_split_requests_are_all_answered(tcp):
    session = tcp.connect(nothing)
    wire = b"".join(mbap(read(3, 1, n), transaction=n) for n in (1, 2, 3))
    replies = session.receive(wire)
    assert [replies[at : at + 2] for at in (0, 11, 24)] == [b"\0\1", b"\0\2", b"\0\3"]
    assert session.receive(wire[:5]) == b""
    assert session.receive(wire[5:20])[:2] == b"\0\1"
    assert session.receive(wire[20:])[:2] == b"\0\2"


def test_tcp_answers_its_unit_and_the_wild_ones_only(tcp):
    session = tcp.connect(nothing)
    answered = [
        unit for unit in (0, 1, 2, 17, 255) if session.receive(mbap(read(3, 1, 1), 1, unit))
    ]
    assert answered == [0, 1, 255]
    assert session.receive(b"\0\1\0\7\0\6\1\3\0\1\0\1") == b""  # protocol 7


def test_connections_are_limited_and_freed(tcp):
    first = tcp.connect(nothing)
    tcp.connect(nothing)
    with pytest.raises(ConnectionRefusedError, match="all 2 connections"):
        tcp.connect(nothing)
    first.close()
    tcp.connect(nothing)


def test_rtu_is_silent_for_others_and_for_bad_frames():
    session = bus_of(u1=Atv320(LineClock()), u2=Atv320(LineClock()))
    good = rtu(1, read(3, 3201, 1))
    assert session.receive(rtu(3, read(3, 3201, 1))) == b""
    assert session.receive(good[:-1] + bytes((good[-1] ^ 1,))) == b""
    assert session.receive(b"\xff\xff\xff") == b""
    assert session.receive(good) != b""


def test_rtu_frames_in_pieces_and_back_to_back():
    session = bus_of(u1=Atv320(LineClock()))
    one = rtu(1, read(3, 3201, 1))
    assert session.receive(one[:3]) == b""
    assert len(session.receive(one[3:])) == 7
    assert len(session.receive(one + one)) == 14
    session.receive(one[:6])
    session.silence()
    assert len(session.receive(one)) == 7


def test_rtu_broadcast_is_done_by_all_and_answered_by_none():
    drives = Atv320(LineClock()), Atv320(LineClock())
    session = bus_of(u1=drives[0], u2=drives[1])
    assert session.receive(rtu(0, write_one(8602, 700))) == b""
    assert [drive.holding.get(8602) for drive in drives] == [700, 700]


def test_unknown_function_on_rtu_is_exception_1():
    session = bus_of(u1=Atv320(LineClock()))
    assert session.receive(rtu(1, b"\x2b\x0e\x01\x00")) == rtu(1, b"\xab\x01")


def test_planted_communication_faults(epc, tcp):
    session = tcp.connect(nothing)
    request = mbap(read(3, 1, 1), transaction=9)
    healthy = session.receive(request)
    faults = epc.faults
    faults.silent = True
    assert session.receive(request) == b""
    faults.silent, faults.delay_s = False, 0.45
    assert session.receive(request) == healthy
    assert session.delay_s == 0.45
    faults.delay_s, faults.exception = 0.0, 4
    assert session.receive(request)[7:] == b"\x83\x04"
    faults.exception, faults.wrong_unit = 0, True
    assert session.receive(request)[6] == 2
    faults.wrong_unit, faults.corrupt = False, True
    assert session.receive(request) != healthy
    faults.corrupt, faults.stuck = False, True
    epc.bank.pv[0] = 99.0
    assert session.receive(request) == healthy
    faults.stuck = False
    assert words(session.receive(request)[7:]) == [990]


def test_corrupt_rtu_reply_fails_its_crc():
    drive = Atv320(LineClock())
    drive.faults.corrupt = True
    reply = bus_of(u1=drive).receive(rtu(1, read(3, 3201, 1)))
    assert crc16(reply[:-2]) != reply[-2:]
