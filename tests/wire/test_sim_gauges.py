"""The simulated thickness scanner and pyrometers: commands, errors, stream, checksums."""

import math
import struct

import pytest

from simulators.instruments.confocal2400 import Confocal2400
from simulators.instruments.endpoint import LineClock
from simulators.instruments.optris_ct import OptrisBus, OptrisCt, checksum
from tests.wire.sim_support import new_line_up, run

SET_EMISSIVITY = bytes.fromhex("B5 84 03 B6 31")


@pytest.fixture
def scanner():
    return Confocal2400(LineClock(), lambda: (25.1234, 0))


def command(scanner, text, end=b"\r\n"):
    return scanner.commands.connect(lambda _: None).receive(text.encode() + end).decode()


def pyrometer(celsius=23.5):
    return OptrisCt(lambda: celsius, 1234)


def one_on(address, device):
    return OptrisBus({address: device}).connect(lambda _: None)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("MEASRATE", "MEASRATE 0.100\r\n->"),
        ("MEASRATE 0.3", "MEASRATE 0.300\r\n->"),
        ("measrate 0.3", "MEASRATE 0.300\r\n->"),
        ("OUTPUT NONE", "OUTPUT NONE\r\n->"),
        ("OUTREDUCE 20", "OUTREDUCE 20 ETHERNET\r\n->"),
        ("LOGIN 000", "LOGIN\r\n->"),
        ("LOGIN 123", "E06 Access denied\r\n->"),
        ("MEASRATE abc", "E02 Parameter type error\r\n->"),
        ("MEASRATE " + "9" * 33, "E11 Parameter too long\r\n->"),
        ("MEASRATE 71", "E08 Value out of range\r\n->"),
        ("OUTPUT MODBUS", "E02 Parameter type error\r\n->"),
        ("SENSORHEAD 3", "E39 No sensor found\r\n->"),
        ("NONSENSE", "E01 Unknown command\r\n->"),
        ("", "\r\n->"),
    ],
)
def test_commands(scanner, text, reply):
    assert command(scanner, text) == reply
    assert command(scanner, text, b"\n") == reply


def test_information_has_several_lines(scanner):
    reply = command(scanner, "GETINFO")
    assert reply.startswith("Name: IFC2461\r\n")
    assert reply.endswith("\r\n->")


def test_settings_are_denied_after_logout(scanner):
    command(scanner, "LOGOUT")
    assert command(scanner, "OUTPUT NONE").startswith("E06")
    assert command(scanner, "OUTPUT") == "OUTPUT ETHERNET\r\n->"
    command(scanner, "LOGIN 000")
    assert command(scanner, "OUTPUT NONE").startswith("OUTPUT NONE")


def test_commands_in_pieces(scanner):
    session = scanner.commands.connect(lambda _: None)
    assert session.receive(b"MEAS") == b""
    assert session.receive(b"RATE\nOUTPUT\n") == b"MEASRATE 0.100\r\n->OUTPUT ETHERNET\r\n->"


def test_stream_header_and_frame(scanner):
    blocks = []
    scanner.stream.connect(blocks.append)
    scanner.step()
    (block,) = blocks
    assert block[:4] == bytes.fromhex("53 41 45 4D")
    preamble, _, serial, flags1, flags2, frames, size, counter = struct.unpack_from(
        "<IIIIIHHI", block
    )
    assert preamble == 0x4D454153
    assert serial == 1234
    assert (flags1, flags2 & 1, flags2 >> 28) == (1 << 26, 1, 9)
    assert (frames, size, counter) == (1, 8, 1)
    assert len(block) == 28 + frames * size
    assert struct.unpack_from("<Ii", block, 28) == (0, 25123)


def test_no_thickness_comes_with_its_error_bits():
    scanner = Confocal2400(LineClock(), lambda: (math.nan, 1 << 2))
    blocks = []
    scanner.stream.connect(blocks.append)
    scanner.step()
    assert struct.unpack_from("<Ii", blocks[0], 28) == (4, 0x7FFFFFFF)


@pytest.mark.parametrize(
    ("reduce", "blocks", "frames"), [(10, 10, 1), (20, 5, 1), (5, 10, 2), (1000, 0, 0)]
)
def test_rate_follows_the_settings(scanner, reduce, blocks, frames):
    command(scanner, f"OUTREDUCE {reduce}")
    seen = []
    scanner.stream.connect(seen.append)
    for _ in range(10):
        scanner.step()
    assert len(seen) == blocks
    assert {struct.unpack_from("<H", block, 20)[0] for block in seen} <= {frames}


def test_the_stream_stops_and_resumes(scanner):
    seen = []
    first = scanner.stream.connect(seen.append)
    command(scanner, "OUTPUT NONE")
    scanner.step()
    assert seen == []
    command(scanner, "OUTPUT ETHERNET")
    scanner.step()
    first.close()
    scanner.step()
    assert len(seen) == 1


def test_two_readers_and_no_more(scanner):
    for _ in range(2):
        scanner.stream.connect(lambda _: None)
    with pytest.raises(ConnectionRefusedError):
        scanner.stream.connect(lambda _: None)


def test_mastering_shifts_the_value(scanner):
    command(scanner, "MASTERMV MASTER 0.025")
    assert struct.unpack_from("<i", scanner.block(1), 32)[0] == 123
    command(scanner, "MASTERMV NONE")
    assert struct.unpack_from("<i", scanner.block(1), 32)[0] == 25123


def test_scanner_of_the_line_pushes_what_the_plant_shows():
    line_up, plant = new_line_up()
    plant.sig.scan_um, plant.sig.scan_error = 12.5, 0
    seen = []
    line_up.streams["NET-SCAN"].connect(seen.append)
    run(line_up, 1.0)
    assert len(seen) == 10
    assert struct.unpack_from("<i", seen[-1], 32)[0] == 12500


def test_optris_printed_vectors():
    assert one_on(0, pyrometer(23.5)).receive(b"\x01") == bytes.fromhex("04 D3")
    device = pyrometer()
    assert one_on(5, device).receive(SET_EMISSIVITY) == bytes.fromhex("03 B6")
    assert device.emissivity == 950


def test_optris_reads():
    session = one_on(3, pyrometer())
    assert session.receive(b"\xb3\x01\xb3\x03") == bytes.fromhex("04 D3 04 D3")
    assert session.receive(b"\xb3\x04") == (950).to_bytes(2, "big")
    assert session.receive(b"\xb3\x0e") == (1234).to_bytes(3, "big")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(bytes.fromhex("B5 84 03 B6 30"), id="checksum"),
        pytest.param(bytes.fromhex("B4 84 03 B6 31"), id="other address"),
        pytest.param(b"\x01", id="no prefix"),
        pytest.param(b"\xb5\x77", id="unknown command"),
        pytest.param(bytes.fromhex("B5 84 04 4D CD"), id="emissivity above 1.1"),
    ],
)
def test_optris_is_silent_about_errors(wrong):
    device = pyrometer()
    session = one_on(5, device)
    assert session.receive(wrong) == b""
    session.silence()
    assert session.receive(b"\xb5\x01") == bytes.fromhex("04 D3")
    assert device.emissivity == 950


def test_optris_checksums_off_until_power_up():
    device = pyrometer()
    session = one_on(5, device)
    session.receive(b"\xb5\xad")
    assert session.receive(bytes.fromhex("B5 84 03 20")) == bytes.fromhex("03 20")
    device.reboot()
    assert session.receive(bytes.fromhex("B5 84 03 B6")) == b""


def test_optris_line_mode_answers_for_all():
    bus = OptrisBus({n: pyrometer(20.0 + n) for n in (1, 2, 3)})
    session = bus.connect(lambda _: None)
    ask = bytes((0x2E, 3))
    reply = session.receive(b"\xb0" + ask + bytes((checksum(ask),)))
    assert struct.unpack(">3H", reply) == (1210, 1220, 1230)


def test_optris_faults():
    line_up, plant = new_line_up()
    plant.sig.film_c[1] = 321.4
    session = line_up.endpoints["SER-2"].connect(lambda _: None)
    assert session.receive(b"\xb2\x01") == (4214).to_bytes(2, "big")
    faults = line_up.instruments["OPTRIS2"].faults
    faults.stuck = True
    plant.sig.film_c[1] = 100.0
    assert session.receive(b"\xb2\x01") == (4214).to_bytes(2, "big")
    faults.silent = True
    assert session.receive(b"\xb2\x01") == b""
    assert session.receive(b"\xb1\x01") != b""
