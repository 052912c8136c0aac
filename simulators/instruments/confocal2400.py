"""Micro-Epsilon confocalDT 24x1 thickness scanner (hardware sheet 3.6).

Commands are lines on TCP port 23, answered by lines and the prompt ``->``; errors ``Exx
text`` stand before the prompt. Values are pushed on the second port: blocks with a 28-byte
little-endian header, then frames of int32 fields in flag order. Thickness counts 1 nm.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final

from simulators.instruments.endpoint import Faults, LineClock, Push, flip

PROMPT: Final = b"->"
FACTORY_LOGIN: Final = "000"
OUTPUTS: Final = ("NONE", "RS422", "ETHERNET", "ETHERCAT")
SIGNALS: Final = ("THICK12", "THICK23", "THICK34", "THICK45", "THICK56")
RATES_KHZ: Final = (0.1, 70.0)
LONGEST_ARGUMENT: Final = 32

PREAMBLE: Final = 0x4D454153
ORDER_NUMBER, SERIAL_NUMBER = 2421012, 1234
ERROR_STATUS_FLAG, THICKNESS_FLAG = 1 << 26, 1 << 0  # of flags 1 and flags 2
RATE_CODE: Final = 9 << 28  # 0.1 kHz
NO_THICKNESS: Final = 0x7FFF_FFFF
_HEADER = struct.Struct("<IIIIIHHI")
_FRAME = struct.Struct("<Ii")
TICKS_PER_S: Final = 10
MOST_FRAMES: Final = 50

E02, E06, E11, E39 = (
    "E02 Parameter type error",
    "E06 Access denied",
    "E11 Parameter too long",
    "E39 No sensor found",
)
UNKNOWN = "E01 Unknown command"
OUT_OF_RANGE = "E08 Value out of range"

Reading = Callable[[], tuple[float, int]]


class CommandRefused(Exception):
    """A command the controller answers with an error text."""


class Confocal2400:
    """The controller: settings, command interpreter and value stream.

    Args:
        clock: line time.
        reading: returns (thickness um or NaN, error status bits) under the spot.

    Attributes:
        output: where values go; nothing is pushed unless ETHERNET.
        measure_rate_khz, reduce: the stream has rate / reduce frames a second.
        observer: told of every command that was not refused; None: nobody listens.
    """

    def __init__(self, clock: LineClock, reading: Reading) -> None:
        self.clock = clock
        self.faults = Faults()
        self.commands = CommandEndpoint(self)
        self.stream = StreamEndpoint(self)
        self.observer: Callable[[str], None] | None = None
        self._reading = reading
        self._held = (math.nan, 0)
        self._handlers: dict[str, Callable[[list[str]], str]] = {
            "GETINFO": self._info,
            "GETTEMP": self._temperature,
            "RESET": self._reset,
            "LOGIN": self._login,
            "LOGOUT": self._logout,
            "OUTPUT": self._output,
            "MEASRATE": self._measure_rate,
            "OUTREDUCE": self._reduce,
            "OUTHOLD": self._hold,
            "SENSORHEAD": self._head,
            "SENSORINFO": self._head_info,
            "SHUTTER": self._shutter,
            "MASTERMV": self._master,
            "MASTERSIGNAL": self._master_signal,
            "DARKCORR": self._dark,
            "PRINT": self._print,
        }
        self.reboot()

    def reboot(self) -> None:
        """Power-up defaults: professional level, Ethernet output, 0.1 kHz, every 10th value."""
        self.professional = True
        self.output = "ETHERNET"
        self.measure_rate_khz = 0.1
        self.reduce = 10
        self.hold = 0
        self.head = 0
        self.shutter_us = 1000.0
        self.master_um: float | None = None
        self.master_signal = "THICK12"
        self.counter = 0
        self._due = 0.0

    # --- stream ------------------------------------------------------------------------------

    def step(self) -> None:
        """Advance one tick: push the frames that have become due."""
        if self.output != "ETHERNET" or not self.stream.sessions or self.faults.silent:
            return
        self._due += self.measure_rate_khz * 1000.0 / self.reduce / TICKS_PER_S + 1e-9
        frames = min(int(self._due), MOST_FRAMES)
        if frames:
            self._due -= int(self._due)
            block = self.block(frames)
            for session in self.stream.sessions:
                session.push(block)

    def block(self, frames: int) -> bytes:
        """Return one block of the stream holding the present value ``frames`` times."""
        if not self.faults.stuck:
            self._held = self._reading()
        thickness_um, errors = self._held
        self.counter = (self.counter + frames) & 0xFFFF_FFFF
        nanometers = NO_THICKNESS
        if math.isfinite(thickness_um):
            nanometers = round((thickness_um - (self.master_um or 0.0)) * 1000.0)
        header = _HEADER.pack(
            PREAMBLE,
            ORDER_NUMBER,
            SERIAL_NUMBER,
            ERROR_STATUS_FLAG,
            THICKNESS_FLAG | RATE_CODE,
            frames,
            _FRAME.size,
            self.counter,
        )
        block = header + _FRAME.pack(errors, nanometers) * frames
        return flip(block, 0) if self.faults.corrupt else block

    # --- commands ----------------------------------------------------------------------------

    def answer(self, line: str) -> bytes:
        """Return reply lines and prompt for one command line."""
        words = line.split()
        if not words:
            return b"\r\n" + PROMPT
        try:
            text = self._run(words)
            if self.observer is not None:
                self.observer(line)
        except CommandRefused as refusal:
            text = str(refusal)
        return (text + "\r\n").encode("ascii") + PROMPT

    def _run(self, words: list[str]) -> str:
        handler = self._handlers.get(words[0].upper())
        if handler is None:
            raise CommandRefused(UNKNOWN)
        if any(len(word) > LONGEST_ARGUMENT for word in words):
            raise CommandRefused(E11)
        return handler(words[1:])

    def _expert(self) -> None:
        if not self.professional:
            raise CommandRefused(E06)

    def _info(self, _: list[str]) -> str:
        return "\r\n".join(
            (
                "Name: IFC2461",
                f"Serial: {SERIAL_NUMBER}",
                f"Article: {ORDER_NUMBER}",
                "Version: 005.042.107",
                "Sensor: IFS2405-0.3",
                "Range: 0.300mm",
            )
        )

    def _temperature(self, _: list[str]) -> str:
        return "GETTEMP 34"

    def _reset(self, _: list[str]) -> str:
        self._expert()
        self.reboot()
        return "RESET"

    def _login(self, words: list[str]) -> str:
        if words != [FACTORY_LOGIN]:
            raise CommandRefused(E06)
        self.professional = True
        return "LOGIN"

    def _logout(self, _: list[str]) -> str:
        self.professional = False
        return "LOGOUT"

    def _output(self, words: list[str]) -> str:
        if words:
            self._expert()
            if len(words) > 1 or words[0].upper() not in OUTPUTS:
                raise CommandRefused(E02)
            self.output = words[0].upper()
        return f"OUTPUT {self.output}"

    def _measure_rate(self, words: list[str]) -> str:
        if words:
            self._expert()
            self.measure_rate_khz = _number(words, *RATES_KHZ)
        return f"MEASRATE {self.measure_rate_khz:.3f}"

    def _reduce(self, words: list[str]) -> str:
        if words:
            self._expert()
            self.reduce = round(_number(words[:1], 1.0, 3_000_000.0))
        return f"OUTREDUCE {self.reduce} ETHERNET"

    def _hold(self, words: list[str]) -> str:
        if words:
            self._expert()
            self.hold = round(_number(words, 0.0, 1024.0))
        return f"OUTHOLD {self.hold}"

    def _head(self, words: list[str]) -> str:
        if words:
            self._expert()
            head = round(_number(words, 0.0, 15.0))
            if head:
                raise CommandRefused(E39)  # one head is connected, in place 0
            self.head = head
        return f"SENSORHEAD {self.head}"

    def _head_info(self, _: list[str]) -> str:
        return "SENSORINFO\r\nPosition: 0\r\nName: IFS2405-0.3\r\nSerial: 00000042"

    def _shutter(self, words: list[str]) -> str:
        if words:
            self._expert()
            self.shutter_us = _number(words[:1], 0.075, 10_000.0)
        return f"SHUTTER {self.shutter_us:.3f}"

    def _master(self, words: list[str]) -> str:
        if words:
            self._expert()
            if words[0].upper() == "NONE":
                self.master_um = None
            elif words[0].upper() == "MASTER":
                self.master_um = _number(words[1:], -2.0, 2.0) * 1000.0
            else:
                raise CommandRefused(E02)
        value = "NONE" if self.master_um is None else f"MASTER {self.master_um / 1000.0:.6f}"
        return f"MASTERMV {value}"

    def _master_signal(self, words: list[str]) -> str:
        if words:
            self._expert()
            if words[0].upper() not in SIGNALS:
                raise CommandRefused(E02)
            self.master_signal = words[0].upper()
        return f"MASTERSIGNAL {self.master_signal}"

    def _dark(self, _: list[str]) -> str:
        self._expert()
        return "DARKCORR"

    def _print(self, _: list[str]) -> str:
        settings = ("OUTPUT", "MEASRATE", "OUTREDUCE", "OUTHOLD", "SHUTTER", "MASTERMV")
        return "\r\n".join(self._handlers[name]([]) for name in settings)


def _number(words: list[str], low: float, high: float) -> float:
    if len(words) != 1:
        raise CommandRefused(E02)
    try:
        value = float(words[0])
    except ValueError:
        raise CommandRefused(E02) from None
    if not low <= value <= high:
        raise CommandRefused(OUT_OF_RANGE)
    return value


class CommandEndpoint:
    """TCP port 23."""

    def __init__(self, controller: Confocal2400) -> None:
        self.controller = controller

    def connect(self, _push: Push, /) -> CommandSession:
        """Open a command connection."""
        return CommandSession(self.controller)


class CommandSession:
    """One command connection."""

    __slots__ = ("_controller", "_rest", "delay_s")

    def __init__(self, controller: Confocal2400) -> None:
        self._controller = controller
        self._rest = b""
        self.delay_s = 0.0

    def receive(self, data: bytes) -> bytes:
        """Answer each complete line."""
        controller = self._controller
        if controller.faults.silent:
            return b""
        self.delay_s = controller.faults.delay_s
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-256:]
        return b"".join(
            controller.answer(line.decode("ascii", "replace").rstrip("\r")) for line in lines
        )

    def silence(self) -> None:
        """A command ends with LF, not with silence."""

    def close(self) -> None:
        """Nothing is bound to the connection."""


class StreamEndpoint:
    """TCP port of the values; it takes two readers."""

    def __init__(self, controller: Confocal2400) -> None:
        self.controller = controller
        self.sessions: list[StreamSession] = []

    def connect(self, push: Push) -> StreamSession:
        """Open a value connection.

        Raises:
            ConnectionRefusedError: two readers are there already.
        """
        if len(self.sessions) >= 2:
            raise ConnectionRefusedError("two readers are connected")
        session = StreamSession(self, push)
        self.sessions.append(session)
        return session


class StreamSession:
    """One reader of the value stream; what it sends is ignored."""

    __slots__ = ("_endpoint", "delay_s", "push")

    def __init__(self, endpoint: StreamEndpoint, push: Push) -> None:
        self._endpoint = endpoint
        self.push = push
        self.delay_s = 0.0

    def receive(self, _data: bytes, /) -> bytes:
        """Ignore what a reader says."""
        return b""

    def silence(self) -> None:
        """Nothing is being received."""

    def close(self) -> None:
        """Stop pushing to this reader."""
        if self in self._endpoint.sessions:
            self._endpoint.sessions.remove(self)
