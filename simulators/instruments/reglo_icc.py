"""Ismatec Reglo ICC peristaltic pump, ASCII at 9600 8N1 (hardware sheet 3.5).

A request is address, command, parameters and CR (CRLF accepted). The reply is one status
byte without terminator (``*`` done, ``#`` refused, ``+``/``-``) or data ended by CRLF. There
is no CRC, time-out or watchdog: what guards the line is the relay of its mains supply; without
power it says nothing and forgets what was not saved.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from simulators.instruments.endpoint import Faults, LineClock, Push, flip

DONE, REFUSED, YES, NO = b"*", b"#", b"+", b"-"
MODES: Final = "LMOGQNP"
FLOW_MODES: Final = "MOQNP"
MAX_FLOW_ML_MIN: Final = 60.0
MAX_RPM: Final = 100.0
CHANNELS: Final = 4
PROTOCOL_VERSION: Final = 8
LONGEST_LINE: Final = 64
TICK_S: Final = 0.1

_REQUEST = re.compile(r"([0-8])(~|x[A-Za-z!]|[A-Za-z?!#*+0])(.*)", re.DOTALL)
_VOLUME = re.compile(r"(\d{4})([+-])(\d)")

FlowSink = Callable[[int, float], None]


def volume_text(value: float) -> str:
    """Format a volume or flow: 0.012 is ``1200E-2``, that is 1.200 x 10^-2."""
    digits, exponent = f"{value:.3e}".split("e")
    return f"{digits[0]}{digits[2:]}E{int(exponent):+d}"


def parse_volume(text: str) -> float | None:
    """Read a volume or flow argument: ``1200-2`` is 0.012; None if it is not one."""
    match = _VOLUME.fullmatch(text)
    if match is None:
        return None
    exponent = int(match[2] + match[3])
    return int(match[1]) / 1000.0 * 10.0**exponent


class Channel:
    """Settings and state of one channel.

    Attributes:
        mode: letter of the mode command.
        flow: set flow, mL/min.
        rpm: set speed; used in mode L.
        volume: mL to dispense, modes O, G, Q.
        run_s: time to run, modes N, P, G.
        left_s: what is left of a bounded run; infinite when unbounded.
        cause: reply to ``xe``, why the last start failed.
    """

    __slots__ = (
        *("cause", "clockwise", "flow", "left_s", "mode", "pause_s", "rpm", "run_s"),
        *("running", "volume"),
    )

    def __init__(self) -> None:
        self.mode = "M"
        self.flow = 0.0
        self.rpm = 0.0
        self.volume = 0.0
        self.run_s = 0.0
        self.pause_s = 0.0
        self.left_s = 0.0
        self.clockwise = True
        self.running = False
        self.cause = "C"

    def rate(self) -> float:
        """Flow while running, mL/min."""
        if self.mode == "L":
            return self.rpm / MAX_RPM * MAX_FLOW_ML_MIN
        if self.mode == "G":
            return self.volume / self.run_s * 60.0 if self.run_s else 0.0
        return self.flow

    def duration_s(self) -> float:
        """How long a start runs in this mode."""
        if self.mode in "NPG":
            return self.run_s
        if self.mode in "OQ":
            rate = self.rate()
            return self.volume / rate * 60.0 if rate else 0.0
        return float("inf")


class RegloIcc:
    """The pump.

    Args:
        clock: line time.
        sink: called with (channel index, mL/min) when a flow changes.

    Attributes:
        channels: channel 1 first.
        powered: whether the supply relay is on.
        observer: told of every request that was not refused; None: nobody listens.
    """

    def __init__(self, clock: LineClock, sink: FlowSink) -> None:
        self.clock = clock
        self.faults = Faults()
        self.powered = False
        self.observer: Callable[[str], None] | None = None
        self.address = 1
        self.events = False
        self.by_channel = True
        self.channels = [Channel() for _ in range(CHANNELS)]
        self.sessions: list[RegloSession] = []
        self._sink = sink
        self._settings: dict[str, Callable[[Channel, str], bytes]] = {
            "f": self._flow,
            "v": self._volume,
            "S": self._speed,
            "xT": self._run_time,
            "xP": self._pause_time,
            "H": self._start,
            "I": self._stop,
            "xI": self._stop,
            "E": self._running,
            "J": self._direction,
            "K": self._direction,
            "xD": self._turning,
            "xM": self._mode,
            "xe": self._cause,
        }

    def connect(self, push: Push) -> RegloSession:
        """Open the port."""
        session = RegloSession(self, push)
        self.sessions.append(session)
        return session

    def power(self, on: bool) -> None:
        """Switch the supply; with it go all flows and unsaved settings."""
        if on != self.powered:
            self.powered = on
            self.reboot()

    def reboot(self) -> None:
        """Power-up state: stopped, flow mode, flow 0, no event messages."""
        self.events = False
        self.by_channel = True
        for index in range(CHANNELS):
            self.channels[index] = Channel()
            self._sink(index, 0.0)

    def preset(self, index: int, flow: float) -> None:
        """Start a channel already running at ``flow`` mL/min."""
        self.powered = True
        channel = self.channels[index]
        channel.flow, channel.running, channel.left_s = flow, True, float("inf")

    def step(self) -> None:
        """Advance one tick: bounded runs end by themselves."""
        for index, channel in enumerate(self.channels):
            if channel.running and channel.left_s != float("inf"):
                channel.left_s -= TICK_S
                if channel.left_s <= 0.0:
                    self._end(index)

    # --- requests ----------------------------------------------------------------------------

    def answer(self, line: str) -> bytes:
        """Return the reply to one request, without its terminator."""
        reply = self._answer(line)
        if self.observer is not None and reply != REFUSED:
            self.observer(line)
        return reply

    def _answer(self, line: str) -> bytes:
        if line.startswith("@"):
            if not line[1:].isdigit() or not 1 <= int(line[1:]) <= 8:
                return REFUSED
            self.address = int(line[1:])
            return DONE
        match = _REQUEST.fullmatch(line)
        if match is None:
            return REFUSED
        target, command, argument = int(match[1]), match[2], match[3]
        if command in self._settings or (command in MODES and not argument):
            return self._for_channels(target, command, argument)
        return self._for_pump(command, argument)

    def _for_channels(self, target: int, command: str, argument: str) -> bytes:
        if target > CHANNELS:
            return REFUSED
        setter = command in "HIJK" or command == "xI" or command in MODES or bool(argument)
        if target == 0 and not setter:
            return REFUSED
        chosen = self.channels if target == 0 else [self.channels[target - 1]]
        reply = REFUSED
        for channel in chosen:
            if command in MODES:
                reply = self._set_mode(channel, command)
            elif command in "JK":
                reply = self._direction(channel, command)
            else:
                reply = self._settings[command](channel, argument)
            self._apply(channel)
        return reply

    def _for_pump(self, command: str, argument: str) -> bytes:
        if command in {"~", "xE"} and argument in {"", "0", "1"}:
            on = argument == "1"
            if not argument:
                return _data(str(int(self.by_channel if command == "~" else self.events)))
            if command == "~":
                self.by_channel = on
            else:
                self.events = on
            return DONE
        if argument:
            return REFUSED
        answers = {
            "x!": str(PROTOCOL_VERSION),
            "xA": str(CHANNELS),
            "#": "REGLO ICC 0208 404",
            "?": f"{MAX_FLOW_ML_MIN:.1f} ml/min",
            "!": f"{MAX_FLOW_ML_MIN:.1f} ml/min",
        }
        if command in answers:
            return _data(answers[command])
        if command == "0":
            self.reboot()
        return DONE if command in {"A", "B", "*", "0"} else REFUSED

    # --- channel commands --------------------------------------------------------------------

    def _set_mode(self, channel: Channel, mode: str) -> bytes:
        if channel.running:
            return REFUSED
        channel.mode = mode
        return DONE

    def _flow(self, channel: Channel, argument: str) -> bytes:
        if argument:
            flow = parse_volume(argument)
            if flow is None or (channel.running and flow > MAX_FLOW_ML_MIN):
                return REFUSED
            channel.flow = flow
        return _data(volume_text(channel.flow))

    def _volume(self, channel: Channel, argument: str) -> bytes:
        if argument:
            volume = parse_volume(argument)
            if volume is None:
                return REFUSED
            channel.volume = volume
        return _data(volume_text(channel.volume))

    def _speed(self, channel: Channel, argument: str) -> bytes:
        if not argument:
            return _data(f"{channel.rpm:.2f}")
        if len(argument) != 6 or not argument.isdigit() or int(argument) > MAX_RPM * 100:
            return REFUSED
        channel.rpm = int(argument) / 100.0
        return DONE

    def _run_time(self, channel: Channel, argument: str) -> bytes:
        if not argument:
            return _data(str(round(channel.run_s * 10.0)))
        if not argument.isdigit() or len(argument) > 8:
            return REFUSED
        channel.run_s = int(argument) / 10.0
        if channel.running and channel.mode in "NP":
            channel.left_s = channel.run_s  # re-armed
        return DONE

    def _pause_time(self, channel: Channel, argument: str) -> bytes:
        if not argument:
            return _data(str(round(channel.pause_s * 10.0)))
        if not argument.isdigit() or len(argument) > 8:
            return REFUSED
        channel.pause_s = int(argument) / 10.0
        return DONE

    def _start(self, channel: Channel, argument: str) -> bytes:
        if argument or channel.running:
            return REFUSED
        duration = channel.duration_s()
        if channel.rate() > MAX_FLOW_ML_MIN:
            channel.cause = f"R {volume_text(MAX_FLOW_ML_MIN)}"
            return NO
        if duration <= 0.0:
            channel.cause = "V " + volume_text(0.0)
            return NO
        channel.running, channel.left_s = True, duration
        self._announce(f"^U{self.channels.index(channel) + 1}")
        return DONE

    def _stop(self, channel: Channel, argument: str) -> bytes:
        if argument:
            return REFUSED
        if channel.running:
            self._end(self.channels.index(channel))
        return DONE

    def _running(self, channel: Channel, argument: str) -> bytes:
        if argument:
            return REFUSED
        return YES if channel.running else NO

    def _direction(self, channel: Channel, command: str) -> bytes:
        if command not in {"J", "K"}:
            return REFUSED
        channel.clockwise = command == "J"
        return DONE

    def _turning(self, channel: Channel, _: str) -> bytes:
        return _data("J" if channel.clockwise else "K")

    def _mode(self, channel: Channel, _: str) -> bytes:
        return _data(channel.mode)

    def _cause(self, channel: Channel, _: str) -> bytes:
        return _data(channel.cause)

    def _end(self, index: int) -> None:
        channel = self.channels[index]
        channel.running, channel.left_s = False, 0.0
        self._apply(channel)
        self._announce(f"^X{index + 1}")

    def _apply(self, channel: Channel) -> None:
        flow = channel.rate() if channel.running else 0.0
        self._sink(self.channels.index(channel), min(flow, MAX_FLOW_ML_MIN))

    def _announce(self, text: str) -> None:
        if self.events:
            for session in self.sessions:
                session.push(_data(text))


def _data(text: str) -> bytes:
    return text.encode("ascii") + b"\r\n"


class RegloSession:
    """The port: requests may come in pieces, or several at once."""

    __slots__ = ("_pump", "_rest", "delay_s", "push")

    def __init__(self, pump: RegloIcc, push: Push) -> None:
        self._pump = pump
        self._rest = b""
        self.push = push
        self.delay_s = 0.0

    def receive(self, data: bytes) -> bytes:
        """Answer each complete request."""
        pump = self._pump
        faults = pump.faults
        if not pump.powered or faults.silent:
            self._rest = b""
            return b""
        self.delay_s = faults.delay_s
        *lines, self._rest = (self._rest + data).replace(b"\n", b"").split(b"\r")
        self._rest = self._rest[-LONGEST_LINE:]
        reply = b"".join(pump.answer(line.decode("ascii", "replace")) for line in lines if line)
        return flip(reply, 0) if faults.corrupt and reply else reply

    def silence(self) -> None:
        """A request ends with CR, not with silence."""

    def close(self) -> None:
        """Close the port."""
        if self in self._pump.sessions:
            self._pump.sessions.remove(self)
