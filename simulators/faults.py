"""Faults by name and time, as text: the same words for a dry run and for the simulated line.

``NAME(WORDS)@TIME+DURATION``, such as ``F9@1h20m``, ``F6(T4 frozen)@3h``, ``drop(NET-T3)@5m+20s``
or ``delay(RTU-B 300ms)@10m``. What each word may be is known here and in the twin; which buses
and instruments there are, the line file knows (``check``). Whatever the text, the answer is a
fault or one message that says what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from config.models import Line
from controller.errors import ControllerError
from simulators.twin.actuators import Signals
from simulators.twin.faults import Faults
from simulators.twin.injection import VARIANTS, Injection, inject

FAULTS: Final = tuple(f"F{number}" for number in range(1, 16))
LINE_VARIANTS: Final = ("dip", "timeout", "clock")
"""Variants of F15 that happen outside the process: supply, one device, the computer's clock."""

LINKS: Final = {
    "drop": "bytes vanish, nobody is told; a share with drop(RTU-A 30%)",
    "delay": "replies come late by a time: delay(RTU-B 300ms)",
    "corrupt": "one bit of each reply is inverted",
    "exception": "every request is answered by a Modbus exception: exception(T4 4)",
    "wrong_unit": "answers under the next unit id",
    "disconnect": "the connection is cut, and refused until the fault ends",
    "half_open": "the connection is dead on this side only; the device still holds it",
    "stuck": "answers go on with old process values",
    "reboot": "power off, then on with the settings of a restart",
}
EXCEPTIONS: Final = (1, 2, 3, 4, 5, 6, 8, 10, 11)
LONGEST_DELAY_S: Final = 60.0
BOOT_S: Final = 3.0  # [TW] a device that restarts says nothing for so long
DIP_S: Final = 0.5
CLOCK_JUMP_S: Final = 3600.0
TIMEOUT_OF: Final = "T4"

_TEXT = re.compile(r"^(?P<name>\w+)(?:\((?P<words>[^()]*)\))?@(?P<time>[^+]*)(?:\+(?P<long>.*))?$")
_TIME = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$")
_DELAY = re.compile(r"^(\d+(?:\.\d+)?)(ms|s)$")
_SHARE = re.compile(r"^(\d+(?:\.\d+)?)%$")
_NUMBER = re.compile(r"^[+-]?\d+(?:\.\d+)?$")
_SIZE = "size="


class BadOption(ControllerError):
    """An option that cannot be meant; the message says what is allowed."""


@dataclass(frozen=True)
class TimedFault:
    """A fault and its time.

    Attributes:
        name: F1 to F15, or one of ``LINKS``.
        where: zone, bolt, side, place, bus or instrument; None: the fault's own.
        at_s: line seconds at which it begins.
        how: variant, such as ``frozen`` of F6; None: the first.
        for_s: line seconds after which it is healed; None: never.
        size: strength in the fault's own unit (delay s, dropped share, exception code, clock
            jump s); None: the fault's own.
        text: as it was written.
    """

    name: str
    where: str | None
    at_s: float
    how: str | None = None
    for_s: float | None = None
    size: float | None = None
    text: str = field(default="", compare=False)

    @property
    def title(self) -> str:
        """What is said when it begins: the text, or the name."""
        return self.text or self.name


def parse_fault(text: str) -> TimedFault:
    """Read one fault.

    Raises:
        BadOption: with what is allowed.
    """
    found = _TEXT.match(text.strip())
    if not found or found["name"] not in (*FAULTS, *LINKS):
        raise BadOption(
            f"fault {text!r}: write it as NAME@time or NAME(what)@time+duration, such as F9@1h20m, "
            f"F5(T6)@3h or drop(NET-T3)@5m+20s; known faults are {', '.join(FAULTS)}, "
            f"{', '.join(LINKS)}"
        )
    name, words = found["name"], (found["words"] or "").split()
    try:
        at_s = seconds(found["time"])
        for_s = None if found["long"] is None else _duration(found["long"])
        read = _read_plant if name in FAULTS else _read_link
        where, how, size = read(name, words)
        fault = TimedFault(name, where, at_s, how, for_s, size, text.strip())
        _check_duration(fault)
        if name in FAULTS and how not in LINE_VARIANTS:
            inject(name, Injection(Faults(), Signals(), where, size, how))
    except BadOption as error:
        raise BadOption(f"fault {text!r}: {error}, such as F9@1h20m") from error
    except ValueError as error:
        raise BadOption(f"fault {text!r}: {error}") from error
    return fault


def check(faults: Sequence[TimedFault], line: Line) -> None:
    """Check that the line has the buses and instruments the faults name.

    Raises:
        BadOption: with what is allowed.
    """
    for fault in faults:
        try:
            _check_place(fault, line)
        except ValueError as error:
            raise BadOption(f"fault {fault.title!r}: {error}") from error


def seconds(text: str) -> float:
    """Read ``1h20m``, ``90s`` or ``2h``.

    Raises:
        BadOption: it is no time.
    """
    found = _TIME.match(text)
    if not found or not any(found.groups()):
        raise BadOption(f"time {text!r}: write it as 1h20m, 45m or 90s")
    hours, minutes, rest = (float(part) if part else 0.0 for part in found.groups())
    return hours * 3600.0 + minutes * 60.0 + rest


def _duration(text: str) -> float:
    long_s = seconds(text)
    if long_s <= 0.0:
        raise ValueError("a duration is longer than 0 s")
    return long_s


# --- the words in brackets -----------------------------------------------------------------------


def _read_plant(name: str, words: list[str]) -> tuple[str | None, str | None, float | None]:
    """A variant is known by its name, a size by its sign; the rest is the place."""
    known = (*VARIANTS.get(name, ()), *(LINE_VARIANTS if name == "F15" else ()))
    variants = [word for word in words if word in known]
    sizes = [word for word in words if word.startswith(_SIZE)]
    place = " ".join(word for word in words if word not in (*variants, *sizes))
    if len(variants) > 1 or len(sizes) > 1:
        raise ValueError(f"one variant ({', '.join(known) or 'there is none'}) and one size")
    how = variants[0] if variants else None
    if how == "clock":
        if sizes:
            raise ValueError("the clock jumps by a time, such as clock -1h")
        return None, how, _jump(place)
    return place or None, how, _number(sizes[0][len(_SIZE) :]) if sizes else None


def _number(text: str) -> float:
    if not _NUMBER.match(text):
        raise ValueError(f"{text!r} is no number: write a size as size=0.5")
    return float(text)


def _jump(text: str) -> float:
    if not text:
        return CLOCK_JUMP_S
    sign = -1.0 if text.startswith("-") else 1.0
    return sign * seconds(text.lstrip("+-"))


def _read_link(name: str, words: list[str]) -> tuple[str | None, str | None, float | None]:
    if not words:
        raise ValueError(f"say on which bus or instrument, such as {name}(NET-T3)")
    target, *rest = words
    if name == "delay":
        return target, None, _delay(rest)
    if name == "exception":
        return target, None, _code(rest)
    if name == "drop" and rest:
        return target, None, _share(rest)
    if rest:
        raise ValueError(f"{' '.join(rest)!r} means nothing here: {name} takes one name")
    return target, None, None


def _delay(words: list[str]) -> float:
    found = _DELAY.match(words[0]) if len(words) == 1 else None
    delay_s = float(found[1]) * (0.001 if found[2] == "ms" else 1.0) if found else 0.0
    if not 0.0 < delay_s <= LONGEST_DELAY_S:
        raise ValueError(f"say how late, up to {LONGEST_DELAY_S:.0f} s, such as delay(RTU-B 300ms)")
    return delay_s


def _code(words: list[str]) -> float:
    code = int(words[0]) if len(words) == 1 and words[0].isdecimal() else 0
    if code not in EXCEPTIONS:
        known = ", ".join(map(str, EXCEPTIONS))
        raise ValueError(f"say which exception, such as exception(T4 4): one of {known}")
    return float(code)


def _share(words: list[str]) -> float:
    found = _SHARE.match(words[0]) if len(words) == 1 else None
    percent = float(found[1]) if found else 0.0
    if not 0.0 < percent <= 100.0:
        raise ValueError("a share is more than 0 % and up to 100 %, such as drop(RTU-A 30%)")
    return percent / 100.0


# --- what fits together --------------------------------------------------------------------------


def _check_duration(fault: TimedFault) -> None:
    if fault.for_s is None:
        return
    if fault.name == "F9":
        raise ValueError("a break has no duration: the web is threaded anew by a person")
    if fault.how == "clock":
        raise ValueError("a clock jumps at once: give a second fault to jump back")


def _check_place(fault: TimedFault, line: Line) -> None:
    buses = {bus.name: bus for bus in line.bus}
    owners = {one.name: one for one in line.instrument}
    where = fault.where
    if fault.how == "timeout":
        where = where or TIMEOUT_OF
        if where not in owners:
            raise ValueError(f"no instrument {where!r}: one of {', '.join(owners)}")
        return
    if fault.name not in LINKS:
        return
    if where not in buses and where not in owners:
        raise ValueError(
            f"no bus or instrument {where!r}: one of {', '.join(buses)}, {', '.join(owners)}"
        )
    bus = buses[where] if where in buses else buses[owners[where].bus]
    names = [one.name for one in line.instrument if one.bus == bus.name]
    serial = not bus.address.startswith("tcp:")
    if fault.name in {"exception", "wrong_unit"} and not bus.kind.startswith("modbus"):
        raise ValueError(f"{where} speaks no Modbus: {fault.name} needs a bus of kind modbus")
    if fault.name == "stuck" and bus.kind == "ascii":
        raise ValueError(f"{where} measures nothing that could stand still")
    if fault.name == "half_open" and serial:
        raise ValueError(f"{bus.name} is a serial line: only a network connection is half open")
    if fault.name in {"disconnect", "half_open"} and where in owners and len(names) > 1:
        raise ValueError(
            f"{where} shares {bus.name} with {len(names) - 1} others: "
            f"{fault.name}({bus.name}), or drop({where})"
        )
    if fault.name == "drop" and fault.size is not None and where not in buses:
        raise ValueError(f"a share is dropped on a bus: drop({bus.name} {fault.size:.0%})")
