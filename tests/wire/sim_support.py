"""What the tests of the simulated instruments share: line, a still plant, frames."""

import json
import socket
import struct
import tomllib
from functools import cache
from pathlib import Path

from config.models import Line
from simulators.instruments.line_up import LineUp
from simulators.instruments.modbus_framing import crc16
from simulators.twin.actuators import Actuators, Signals

PILOT = Path(__file__).parents[2] / "config" / "lines" / "pilot.toml"


class StillPlant:
    """Sensors show what a test sets; actuators are only recorded."""

    def __init__(self):
        self.act = Actuators()
        self.sig = Signals()
        for temperatures in (self.sig.tc, self.sig.tc2, self.sig.bolt_c, self.sig.film_c):
            temperatures[:] = 25.0


@cache
def pilot_line():
    return Line.model_validate_json(json.dumps(tomllib.loads(PILOT.read_text("utf-8"))))


def line_on_free_ports():
    """The pilot line with ports nobody uses now."""
    line = pilot_line()
    held = [socket.socket() for _ in range(2 * len(line.bus))]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    buses = [
        bus.model_copy(
            update={
                "simulated_port": ports[2 * n],
                "simulated_stream_port": ports[2 * n + 1] if bus.simulated_stream_port else None,
            }
        )
        for n, bus in enumerate(line.bus)
    ]
    return line.model_copy(update={"bus": tuple(buses)})


def new_line_up():
    plant = StillPlant()
    return LineUp(pilot_line(), plant), plant


def run(line_up, seconds, start_s=None):
    """Step the instruments for so many seconds of line time."""
    first = round((line_up.clock.now_s if start_s is None else start_s) * 10)
    for tick in range(first + 1, first + round(seconds * 10) + 1):
        line_up.step(tick / 10)


def mbap(pdu, transaction=1, unit=1):
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def rtu(unit, pdu):
    frame = bytes((unit,)) + pdu
    return frame + crc16(frame)


def read(function, address, count):
    return struct.pack(">BHH", function, address, count)


def write_one(address, value):
    return struct.pack(">BHH", 6, address, value & 0xFFFF)


def write_many(address, *values):
    words = [value & 0xFFFF for value in values]
    return struct.pack(f">BHHB{len(words)}H", 16, address, len(words), 2 * len(words), *words)


def words(reply_pdu):
    """Registers of a read reply."""
    assert reply_pdu[0] < 0x80, f"exception {reply_pdu[1]}"
    return list(struct.unpack(f">{reply_pdu[1] // 2}H", reply_pdu[2:]))


class Caller:
    """Asks one device directly, PDU by PDU, as one connection."""

    def __init__(self, device):
        self.device = device

    def ask(self, pdu):
        return self.device.answer(pdu, self)

    def read(self, address, count=1, function=3):
        return words(self.ask(read(function, address, count)))

    def write(self, address, *values):
        """Write; returns the exception code, 0 when it was accepted."""
        pdu = write_one(address, values[0]) if len(values) == 1 else write_many(address, *values)
        reply = self.ask(pdu)
        return reply[1] if reply[0] & 0x80 else 0
